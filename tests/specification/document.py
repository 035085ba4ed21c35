"""docs/conditions.md, made from the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from knowledge.facts import Fact, FactType, plain
from knowledge.language import DEEPEST_NESTING, LONGEST_CONDITION, MOST_DIGITS
from tests.specification import NOT_KNOWN, Chapter, Form, Refusal, chapters, dictionary
from tests.specification.elsewhere import beside_other_languages, in_cql
from tests.specification.markdown import table

PLACE = Path(__file__).parents[2] / "docs" / "conditions.md"

_HEAD = f"""\
# The condition language

A rule says in one text for whom it is: its condition. Editors write this text, files and the database store it, reviews
show how it changed, and the engine is built from it. This page is the whole language.

```
age_years > 55 and sedentary and (planned_exercise_intensity is vigorous or planned_exercise_intensity is unknown)
```

The page is made from tables in `tests/specification`, and every row of them is a test: `python -m tests.specification`
writes it anew.

## Three readings

For a patient, a condition is **met**, **not met** or **unknown**. It is unknown when what is not known of her could
still decide it; the answer then names the facts that are missing. This is Kleene's strong three-valued logic (Kleene
SC. *Introduction to Metamathematics*. 1952, section 64). A rule whose condition is unknown is *undetermined*: neither
recommended nor ruled out.

In the tables below a row is a patient. A dash stands for what is not known of her; *because* gives the findings that
decided, in the words in which the answer shows them; *missing* gives the facts to ask for.

## What is stored

A condition may be typed with other spaces, line breaks and brackets, or in more words. What is stored is one plain
text; where this page says *stored as*, that is what becomes of what was typed. What is stored keeps its meaning for
good: a new meaning gets a new word.

A condition has at most {LONGEST_CONDITION} characters and is nested at most {DEEPEST_NESTING} deep; a number has at
most {MOST_DIGITS} digits.
"""

_TYPES = {
    FactType.BOOLEAN: "true or false",
    FactType.INTEGER: "whole number",
    FactType.DECIMAL: "number",
    FactType.DATE: "date",
    FactType.CODE: "one code",
    FactType.CODES: "list of codes",
    FactType.TEXT: "text",
}


def document() -> str:
    """The whole page."""
    facts = dictionary()
    parts = [_HEAD, _dictionary(facts), *map(_chapter, chapters()), in_cql(), beside_other_languages()]
    return "\n".join(parts)


def _dictionary(facts: Mapping[str, Fact]) -> str:
    rows = [(f"`{fact.key}`", fact.label, _TYPES[fact.type], _takes(fact)) for fact in facts.values()]
    text = "The examples of this page use these facts. The dictionary of a release has many more."
    return f"## The facts of the examples\n\n{text}\n\n{table(('fact', 'label', 'type', 'takes'), rows)}"


def _takes(fact: Fact) -> str:
    if fact.codes:
        return ", ".join(f"`{code.code}`" for code in fact.codes)
    if fact.minimum is None or fact.maximum is None:
        return ""
    step = f" in steps of {fact.step}" if fact.step else ""
    return f"{plain(fact.minimum)} to {plain(fact.maximum)}{f' {fact.unit}' if fact.unit else ''}{step}"


def _chapter(chapter: Chapter) -> str:
    parts = [f"## {chapter.title}\n\n{chapter.text}\n", *(_form(form) for form in chapter.forms)]
    if chapter.refusals:
        parts.append(_refusals(chapter.refusals))
    return "\n".join(parts)


def _form(form: Form) -> str:
    stored = "" if form.stored == form.written else f"Stored as: `{form.stored}`\n\n"
    matrix = f"{_matrix(form)}\n" if form.joined_by else ""
    text = f"{form.text}\n\n" if form.text else ""
    return (
        f"### {form.title}\n\n{text}```\n{form.written.rstrip()}\n```\n\n{stored}In words: {form.words}\n\n"
        f"{matrix}{_cases(form)}"
    )


def _cases(form: Form) -> str:
    names = list(form.cases[0].cells)
    asked = [name for name in ("because", "missing") if any(getattr(case, name) for case in form.cases)]
    head = [*(f"`{name}`" for name in names), "reading", *asked]
    rows = [
        [
            *("—" if cell == NOT_KNOWN else cell for cell in case.cells.values()),
            f"**{case.reading}**",
            *(_listed(name, getattr(case, name)) for name in asked),
        ]
        for case in form.cases
    ]
    return table(head, rows)


def _listed(name: str, values: Iterable[str]) -> str:
    return "; ".join(values) if name == "because" else ", ".join(f"`{value}`" for value in values)


def _matrix(form: Form) -> str:
    """The readings of a condition of two parts by the readings of its parts: the truth table."""
    said = {"yes": "met", "no": "not met", NOT_KNOWN: "unknown"}
    readings = {tuple(case.cells.values()): case.reading for case in form.cases}
    rows = [[f"**{said[row]}**", *(readings[row, column] for column in said)] for row in said]
    return table([form.joined_by, *(f"**{name}**" for name in said.values())], rows)


def _refusals(refusals: Iterable[Refusal]) -> str:
    rows = [
        [
            _code(refusal.written),
            f"{refusal.line}:{refusal.column}",
            refusal.told.replace("|", "\\|"),
            _code(refusal.instead),
        ]
        for refusal in refusals
    ]
    return table(("written", "line:column", "what the editor is told", "what stands instead"), rows)


def _code(text: str) -> str:
    shown = text.replace("\u00a0", "⍽").replace("|", "\\|")
    return "<br>".join(f"`{line}`" for line in shown.split("\n") if line) or "*nothing*"
