"""How each field of an item is called and said: its name in words, in the order of its page."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from knowledge.canonical import canonical
from knowledge.errors import KnowledgeError
from knowledge.facts import Fact, plain
from knowledge.items import ItemKind
from knowledge.labels import day, label, moment
from knowledge.language import parse
from knowledge.wording import in_words

FactsByKey = Mapping[str, Fact]
Said = Callable[[Any, FactsByKey], str]
"""Says a value in words. It may fail on one that is not of its shape: a draft may hold anything."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A list: two of its things are the same one when the first of `sames` gives the same for both, or a later one."""

    said: Said
    sames: tuple[Callable[[Any], Hashable], ...]


@dataclass(frozen=True, slots=True)
class ConditionText:
    """A condition is told twice: in words and as it is written."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of names, each with a value, is told name by name."""

    rows: Callable[[Any], Mapping[str, Any]]
    named: Callable[[str, FactsByKey], str]
    said: Callable[[str, Any, FactsByKey], str]


Shape = Said | Parts | ConditionText | Table


@dataclass(frozen=True, slots=True)
class Field:
    """`speaks_when_empty` says that an empty list is another thing than none."""

    name: str
    shape: Shape
    speaks_when_empty: bool = False


def fields_of(kind: ItemKind) -> Mapping[str, Field]:
    """The fields of a kind by their keys, in the order in which a page shows them."""
    match kind:
        case ItemKind.FACT:
            return _FACT
        case ItemKind.SOURCE:
            return _SOURCE
        case ItemKind.RULE:
            return _RULE
        case ItemKind.HAZARD:
            return _HAZARD
        case ItemKind.VIGNETTE:
            return _VIGNETTE
        case _:
            assert_never(kind)


def as_written(value: Any, _: FactsByKey) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def condition_in_words(text: str, facts: FactsByKey) -> str | None:
    """The condition as a sentence, or None when it cannot be said: a fact or a code of it is not in the dictionary."""
    try:
        said = in_words(parse(text), facts)
    except (KeyError, TypeError, KnowledgeError):
        return None
    return f"{said[:1].upper()}{said[1:]}."


def _text(value: Any, _: FactsByKey) -> str:
    if not isinstance(value, str):
        raise TypeError("This is no text.")
    return value


def _number(value: Any, _: FactsByKey) -> str:
    return plain(value)


def _word(value: Any, _: FactsByKey) -> str:
    return label(value)


def _words(value: Any, _: FactsByKey) -> str:
    return "; ".join(label(word) for word in value)


def _attributes(value: Any, facts: FactsByKey) -> str:
    return _words(value, facts) or "None of the nine"


def _flag(value: Any, _: FactsByKey) -> str:
    if not isinstance(value, bool):
        raise TypeError("This is neither true nor false.")
    return "Yes" if value else "No"


def _day(value: Any, _: FactsByKey) -> str:
    return day(str(value))


def _moment(value: Any, _: FactsByKey) -> str:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("This moment has no zone.")
    return moment(at)


def _citation(one: Any, _: FactsByKey) -> str:
    return f"{one['source']}, {one['locator']}; wording: {one['strength']}"


def _override(one: Any, _: FactsByKey) -> str:
    withheld = one.get("rule") or f"every rule that does: {label(one['action'])}"
    return f"{withheld}: {one['reason']}"


def _code(one: Any, _: FactsByKey) -> str:
    return f"{one['code']}: {one['label']}"


def _derivation(one: Any, facts: FactsByKey) -> str:
    words = condition_in_words(one["when"], facts)
    when = f"{one['when']}, that is: {words}" if words else f"{one['when']}."
    return f"{as_written(one['value'], facts)} when {when} {one['source']}, {one['locator']}"


def _worse(value: Any, facts: FactsByKey) -> str:
    return value if isinstance(value, str) else " < ".join(value)


def _invariant(one: Any, facts: FactsByKey) -> str:
    words = condition_in_words(one["condition"], facts)
    condition = f"{one['condition']}, that is: {words}" if words else f"{one['condition']}."
    yielding = f" {one['gives_way']} gives way." if one.get("gives_way") else ""
    return f"{condition} {one['sentence']}{yielding} {one['source']}, {one['locator']}"


def _fact_named(key: str, facts: FactsByKey) -> str:
    return facts[key].label if key in facts else key


def _posted(key: str, value: Any, facts: FactsByKey) -> str:
    """A posted value in words, with when and by whom it was observed."""
    if isinstance(value, dict) and "value" in value:
        at, by = value.get("observed_at"), value.get("source")
        observed = f", observed {_moment(at, facts)}" if at else ""
        return f"{_posted(key, value['value'], facts)}{observed}{f' by {by}' if by else ''}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "; ".join(_posted(key, one, facts) for one in value)
    try:
        return facts[key].said(facts[key].typed(value))
    except (KeyError, KnowledgeError):
        return as_written(value, facts)


def _expected(value: Any) -> Mapping[str, list[str]]:
    """What is expected of each rule."""
    rules: dict[str, list[str]] = {}
    for state, keys in value.items():
        for key in keys:
            rules.setdefault(key, []).append(state)
    return rules


def _itself(value: Any) -> Any:
    return value


def _beginning(note: Any) -> tuple[str, ...]:
    return tuple(note.split()[:2])


def _by(*names: str) -> Callable[[Any], Hashable]:
    return lambda one: canonical([one[name] for name in names])


def _override_target(one: Any) -> Hashable:
    return one.get("rule"), one.get("action")


_KEY = {"key": Field("Key", _text)}
_NOTES = {"notes": Field("Note", Parts(_text, (_itself, _beginning)))}
_FACT: Mapping[str, Field] = {
    **_KEY,
    "label": Field("Label", _text),
    "type": Field("Type", _word),
    "topic": Field("Topic", _word),
    "phrase": Field("Phrase", _text),
    "absence": Field("Phrase when it is not so", _text),
    "unit": Field("Unit", _text),
    "minimum": Field("Least", _number),
    "maximum": Field("Most", _number),
    "step": Field("In steps of", _number),
    "codes": Field("Code", Parts(_code, (_by("code"),))),
    "valid_days": Field("Days until an observation is too old", _number),
    "conflict_hours": Field("Hours within which observations must agree", _number),
    "derivations": Field("Derivation", Parts(_derivation, (_by("value", "when"), _by("value")))),
    "days_since": Field("Days since", _text),
    "years_since": Field("Years since", _text),
    "population": Field("For patients with", ConditionText()),
    "worse": Field("Which value is worse", _worse),
    "asserted_by": Field("Who may say it", _words),
    "ucum": Field("UCUM code of the unit", _text),
    "invariants": Field("Cannot be", Parts(_invariant, (_by("condition"), _by("sentence")))),
    "used_later": Field("Collected for", _text),
    "standard_code": Field("Standard code", _text),
    "code_status": Field("Status of the code", _text),
    "attributes": Field("Kinds of data", _attributes, speaks_when_empty=True),
    **_NOTES,
}
_SOURCE: Mapping[str, Field] = {
    **_KEY,
    "title": Field("Title", _text),
    "reference": Field("Reference", _text),
    "year": Field("Year", _number),
    "doi": Field("DOI", _text),
    "url": Field("Address", _text),
    "pmid": Field("PubMed number", _text),
    "isbn": Field("ISBN", _text),
    "verification": Field("How it was checked", _text),
    "review_by": Field("Review by", _day),
    **_NOTES,
}
_RULE: Mapping[str, Field] = {
    **_KEY,
    "title": Field("Title", _text),
    "text": Field("Text", _text),
    "patient_text": Field("Text for the patient", _text),
    "actors": Field("For whom", _words),
    "urgency": Field("Urgency", _word),
    "mode": Field("How firmly", _word),
    "kind": Field("Kind", _word),
    "topic": Field("Topic", _word),
    "patient_may_see": Field("A patient may see it", _flag),
    "review_by": Field("Review by", _day),
    "actions": Field("What it does", _words),
    "condition": Field("When", ConditionText()),
    "citations": Field("Citation", Parts(_citation, (_by("source", "locator"), _by("source")))),
    "overrides": Field("Withheld rule", Parts(_override, (_override_target,))),
    **_NOTES,
}
_HAZARD: Mapping[str, Field] = {
    **_KEY,
    "title": Field("Title", _text),
    "text": Field("What must be said at once", _text),
    "patient_text": Field("Text for the patient", _text),
    "urgency": Field("Urgency", _word),
    "severity": Field("Severity", _word),
    "topic": Field("Topic", _word),
    "condition": Field("When", ConditionText()),
    "forbids": Field("Forbids", _words),
    "reason": Field("Why", _text),
    "answered_by": Field("Answered by", Parts(_text, (_itself,))),
    "residual_risk": Field("Residual risk", _text),
    "citations": Field("Citation", Parts(_citation, (_by("source", "locator"), _by("source")))),
    "review_by": Field("Review by", _day),
    **_NOTES,
}
_VIGNETTE: Mapping[str, Field] = {
    **_KEY,
    "title": Field("Title", _text),
    "topic": Field("Topic", _word),
    "story": Field("Story", _text),
    "evaluated_at": Field("Evaluated", _moment),
    "facts": Field("Known", Table(_itself, _fact_named, _posted)),
    "expect": Field("Expected", Table(_expected, lambda key, _: key, lambda _, states, __: _words(states, {}))),
    "hazards": Field("Hazard", Table(_expected, lambda key, _: key, lambda _, states, __: _words(states, {}))),
}
