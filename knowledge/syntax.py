"""What is wrong with the form of a condition, in a sentence for its editor."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from knowledge.errors import ConditionProblem, short

_GROUPS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"NAME", "LPAR", "ALWAYS", "AT", "NOT"}), "a condition"),
    (frozenset({"IS", "COMPARISON", "BETWEEN", "IN", "INCLUDES", "NOT"}), "a comparison such as `is` or `>=`"),
    (frozenset({"NUMBER", "DATE", "NAME", "TRUE", "FALSE"}), "a value (a number, a date or a code)"),
)
"""Terminals that are expected together, and the one thing that they are to an editor."""

_SAID = {
    "NAME": "a code",
    "NUMBER": "a number",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "COMMA": "a comma",
    "$END": "the end",
}
_ORDER = ("NAME", "NUMBER", "NOT", "KNOWN", "UNKNOWN", "LPAR", "AND", "OR", "COMMA", "RPAR", "$END")

_INSTEAD = {
    "=>": ">=",
    "=<": "<=",
    "==": "is",
    "=": "is",
    "!=": "is not",
    "!": "not",
    "≥": ">=",
    "≤": "<=",
    "≠": "is not",
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
    "−": "-",
    "–": "-",
    "—": "-",
}
"""What is written elsewhere, and the word for it here; the longer ones first."""

_DATE_ELSEWHERE = re.compile(r"[0-9]{1,4}([./])[0-9]{1,2}\1[0-9]{1,4}")


def syntax_problem(error: UnexpectedInput, text: str) -> ConditionProblem:
    """What stands where something else was expected."""
    match error:
        case UnexpectedToken() if not text.strip():
            detail = "There is no condition here. Write `always` for a rule that is for every patient."
            return ConditionProblem(1, 1, detail, "always")
        case UnexpectedToken() if error.token.type == "$END":
            lines = text.rstrip().split("\n")
            where = (len(lines), len(lines[-1]) + 1)
            return ConditionProblem(*where, f"The condition ends too early: expected {_expected(_accepted(error))}.")
        case UnexpectedToken():
            detail, suggestion = _misplaced(error, text)
            return ConditionProblem(error.line, error.column, detail, suggestion)
        case UnexpectedCharacters():
            return _strange_character(text, error.line, error.column, error.pos_in_stream or 0)
        case _:
            return ConditionProblem(1, 1, "This is not a condition.")


def _accepted(error: UnexpectedToken) -> frozenset[str]:
    """The terminals that could really stand there; `expected` also holds some that only other places allow."""
    return frozenset(error.accepts or error.expected)


def _misplaced(error: UnexpectedToken, text: str) -> tuple[str, str | None]:
    """The sentence, and what to write instead, for a word that stands in the wrong place."""
    word, kind, position = str(error.token), error.token.type, error.pos_in_stream or 0
    accepted = _accepted(error)
    before, after = text[:position], text[position + len(word) :]
    if kind == "RPAR" and not before.count("(") > before.count(")"):
        return "This `)` closes nothing: take it out, or add the `(` that it belongs to.", None
    if kind == "COMMA" and before[-1:].isdigit() and after[:1].isdigit():
        return "A number is written with a point, not with a comma.", "."
    if kind == "COMPARISON" and before.endswith("<"):
        return "Write `is not` instead of <>.", "is not"
    if kind == "UNKNOWN" and accepted == {"NAME"}:
        return "`unknown` is not one of the codes: write `… or … is unknown` for it.", None
    detail = f"`{short(word)}` cannot stand here: expected {_expected(accepted)}."
    if kind == "NAME" and "OR" in accepted and before.rstrip()[-1:].isdigit():
        return f"{detail} Numbers are written without their unit.", None
    return detail, None


def _expected(terminals: Iterable[str]) -> str:
    left = set(terminals)
    said: list[str] = []
    for group, name in _GROUPS:
        if group <= left:
            left -= group
            said.append(name)
    ordered = sorted(left, key=lambda name: (_ORDER.index(name) if name in _ORDER else 0, name))
    said += [_SAID.get(name) or f"`{name.lower()}`" for name in ordered]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def _strange_character(text: str, line: int, column: int, position: int) -> ConditionProblem:
    """A character that no condition has, with what its writer most likely meant."""
    found = text[position]

    def problem(detail: str, suggestion: str | None = None, back: int = 0) -> ConditionProblem:
        return ConditionProblem(line, column - back, detail, suggestion)

    for elsewhere, here in _INSTEAD.items():
        if text.startswith(elsewhere, position):
            return problem(f"Write `{here}` instead of {elsewhere}.", here)
    if found in "\"'`“”‘’„«»":
        return problem("Names and codes are written without quotation marks.")
    if found == "%":
        return problem("Numbers are written without their unit.")
    if found in "./" and any(match.start() < position < match.end() for match in _DATE_ELSEWHERE.finditer(text)):
        return problem("A date is written year-month-day, such as 2026-01-31.")
    if found == "-":
        return problem("The words of a name are joined by _, not by -.", "_")
    if not found.isprintable() or found.isspace():
        return problem(f"An invisible character (U+{ord(found):04X}) stands here: type a space instead.")
    if "A" <= found <= "Z":
        start = position - len(_name_at_end(text[:position]))
        word = re.match("[A-Za-z0-9_]+", text[start:])
        small = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", word.group() if word else found).lower()
        return problem(f"Write small letters: {short(small)}.", small, position - start)
    if found.isalpha():
        return problem("Names are written with the letters a to z, digits and _.")
    return problem(f"`{found}` has no meaning in a condition: take it out.")


def _name_at_end(text: str) -> str:
    match = re.search("[a-z][a-z0-9_]*$", text)
    return match.group() if match else ""
