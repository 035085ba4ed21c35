"""A patient's facts as text, one observation to a line: `pain_nrs: 7 at 2026-01-31T08:00:00Z by patient`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knowledge import received
from knowledge.errors import PatientError, PatientProblem, WrongValue, nearest, printable, short
from knowledge.facts import Fact, FactType, plain

LONGEST = 50_000
"""Characters in the text of one patient; all facts of the dictionary with where they come from take a fifth."""

MOST_PROBLEMS = 50
"""So many are told at once: finding the nearest name of each takes a millisecond."""

NOT_KNOWN = "not known"
NONE_OF_THESE = "none of these"
"""How an empty list of codes is written: no code has a space in it."""

_YES = {"yes": True, "no": False}
_KEYWORDS = ("at", "by")
_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|,|[^\s,"]+|"')
_BARE = re.compile(r"[a-z][a-z0-9_]*|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAIN_WORDS = re.compile(r"[^\W\d_][\w-]*( [\w-]+)*")
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?")
_RESERVED = {*_YES, *_KEYWORDS}

Posted = dict[str, Any]
"""The facts of a request: by name a bare value, an observation, a list of observations, or None for not known."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A word, a comma or a text in double quotes; `end` is where it ends in its line."""

    text: str
    start: int
    end: int

    @property
    def quoted(self) -> bool:
        return self.text.startswith('"')


def read(text: str, facts: Mapping[str, Fact]) -> Posted:
    """The facts that a text holds, as an app would post them. Raises PatientError with every problem."""
    if len(text) > LONGEST:
        detail = f"The facts of one patient take at most {LONGEST:,} characters; this text has {len(text):,}."
        raise PatientError([PatientProblem(1, f"{detail} Nothing of it was read.")])
    found: dict[str, list[Any]] = {}
    problems: list[PatientProblem] = []
    for number, name, said in _lines(text):
        if len(problems) == MOST_PROBLEMS:
            problems.append(PatientProblem(number, "From here on nothing was read: put right what stands above first."))
            break
        try:
            one = _observation(name, said, facts)
        except WrongValue as problem:
            problems.append(PatientProblem(number, problem.detail, problem.suggestion))
            continue
        found.setdefault(name, []).append(one)
    problems += _undated(found, text)
    if problems:
        raise PatientError(sorted(problems, key=lambda one: one.line))
    return {name: several if len(several) > 1 else several[0] for name, several in found.items()}


def write(posted: Mapping[str, Any], facts: Mapping[str, Fact] | None = None) -> str:
    """The text of posted facts, that read() takes; with the dictionary a code such as `yes` needs no quotes."""
    known = facts or {}
    return "".join(
        f"{_name(name)}: {_written(one, known.get(name))}\n" for name, raw in posted.items() for one in _several(raw)
    )


def lines(text: str) -> dict[str, list[int]]:
    """On which lines of a text each fact stands, counted from 1."""
    found: dict[str, list[int]] = {}
    for number, name, _ in _lines(text):
        found.setdefault(name, []).append(number)
    return found


def _lines(text: str) -> Iterator[tuple[int, str, str | None]]:
    """The number of each line that holds something, its name, and what follows the colon."""
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line.strip():
            name, colon, said = line.partition(":")
            yield number, name.strip(), said if colon else None


def _undated(found: Mapping[str, list[Any]], text: str) -> Iterator[PatientProblem]:
    """Observations of one fact that do not say when they were made: nobody could tell which one holds."""
    for name, several in found.items():
        if len(several) < 2 or all(isinstance(one, dict) and "observed_at" in one for one in several):
            continue
        numbers = lines(text)[name]
        which = ", ".join(str(number) for number in numbers[:10])
        detail = f"{name} stands on the lines {which}: let each say when, such as “at 2026-01-31T08:00:00Z”."
        yield PatientProblem(numbers[1], detail)


def _observation(name: str, said: str | None, facts: Mapping[str, Fact]) -> Any:
    """What a line posts. Raises WrongValue."""
    if said is None:
        raise WrongValue("A line is a fact, a colon and a value, such as “age_years: 60”.", nearest(name, facts))
    fact = facts.get(name)
    if fact is None:
        raise _unknown(name, facts)
    marks = [_Mark(one[0], one.start(), one.end()) for one in _MARK.finditer(said)]
    if any(mark.text == '"' for mark in marks):
        raise WrongValue('The text in double quotes does not end: write \\" for a double quote inside it.')
    places = [place for place, mark in enumerate(marks) if mark.text in _KEYWORDS]
    begins = [*places, len(marks)]
    value = _value(fact, marks[: begins[0]], said)
    more: dict[str, str] = {}
    for begin, end in zip(places, begins[1:], strict=True):
        keyword, rest = marks[begin].text, marks[begin + 1 : end]
        field = {"at": "observed_at", "by": "source"}[keyword]
        if field in more:
            raise WrongValue(f"“{keyword}” stands twice on this line; once is enough.")
        more[field] = _moment(rest, said) if keyword == "at" else _source(rest, said)
    return {"value": value, **more} if more else value


def _unknown(name: str, facts: Mapping[str, Fact]) -> WrongValue:
    labels = {fact.label.casefold(): key for key, fact in facts.items()}
    near = labels.get(name.casefold()) or nearest(name, facts)
    hint = f" Did you mean {near}?" if near else ""
    return WrongValue(f"There is no fact called “{printable(short(name, 80))}”.{hint}", near)


def _value(fact: Fact, marks: list[_Mark], said: str) -> Any:
    """The raw value that the marks before `at` and `by` stand for. Raises WrongValue."""
    if not marks:
        raise WrongValue(f"{fact.label}: write the value after the colon, or take the line out.")
    text = _text(marks, said)
    if " ".join(mark.text for mark in marks) == NOT_KNOWN:
        return None
    if fact.type is FactType.CODES:
        raw: Any = [] if " ".join(text.split()) == NONE_OF_THESE else _codes(fact, marks, said)
    elif len(marks) == 1 and marks[0].quoted:
        raw = _unquoted(text)
    else:
        raw = _bare(fact, text)
    try:
        fact.typed(raw)
    except WrongValue as problem:
        raise WrongValue(problem.detail, _meant(fact, text) or problem.suggestion) from None
    if isinstance(raw, str) and received.unstorable(raw):
        raise WrongValue(f"{fact.label} holds a control character or half a character.")
    return raw


def _bare(fact: Fact, text: str) -> Any:
    """A value without quotes, by the type of its fact; a text when it is nothing that the fact takes."""
    match fact.type:
        case FactType.BOOLEAN:
            if text.casefold() in _YES:
                return _YES[text.casefold()]
            near = {"true": "yes", "false": "no"}.get(text.casefold()) or nearest(text.casefold(), _YES)
            raise WrongValue(f"{fact.label} is yes or no, not “{printable(short(text, 80))}”.", near)
        case FactType.INTEGER | FactType.DECIMAL if _NUMBER.fullmatch(text):
            return float(text) if "." in text else int(text)
        case FactType.TEXT if not _BARE.fullmatch(text):
            raise WrongValue(f"{fact.label} is a text: put it in double quotes.", _quoted(text))
        case _:
            return text


def _codes(fact: Fact, marks: list[_Mark], said: str) -> list[str]:
    """Codes with commas between them."""
    parts: list[list[_Mark]] = [[]]
    for mark in marks:
        if mark.text == ",":
            parts.append([])
        else:
            parts[-1].append(mark)
    if not all(parts):
        raise WrongValue(f"{fact.label}: a comma stands between two codes, and one is missing.")
    texts = [(part, _text(part, said)) for part in parts]
    return [_unquoted(text) if len(part) == 1 and part[0].quoted else text for part, text in texts]


def _meant(fact: Fact, text: str) -> str | None:
    """What a text was most likely meant to be: codes without commas, a code's label, a number with its unit."""
    codes = {code.code: code.label.casefold() for code in fact.codes}
    words = text.replace(",", " ").split()
    if fact.type is FactType.CODES and all(word in codes for word in words):
        return ", ".join(words)
    for code, label in codes.items():
        if label == text.casefold():
            return code
    number = re.match(r"-?[0-9]{1,15}(?:[.,][0-9]{1,15})?(?![0-9])", text)
    if number is None or fact.type not in (FactType.INTEGER, FactType.DECIMAL):
        return None
    near = number[0].replace(",", ".")
    return near if near != text else None


def _moment(marks: list[_Mark], said: str) -> str:
    text = _text(marks, said)
    received.moment(text)
    return text


def _source(marks: list[_Mark], said: str) -> str:
    if not marks:
        raise WrongValue("Say after “by” who observed it, such as “by patient”.")
    text = _text(marks, said)
    source = _unquoted(text) if len(marks) == 1 and marks[0].quoted else text
    if received.unstorable(source):
        raise WrongValue("Who observed it holds a control character or half a character.")
    return source


def _text(marks: list[_Mark], said: str) -> str:
    """What was written from the first of some marks to the last."""
    return said[marks[0].start : marks[-1].end] if marks else ""


def _unquoted(text: str) -> str:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        raise WrongValue(
            'This text in double quotes cannot be read: in it write \\" for a double quote and \\\\ for a backslash.'
        ) from None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _several(raw: Any) -> list[Any]:
    """The observations of a posted fact; a list of codes is one value."""
    return raw if isinstance(raw, list) and raw and isinstance(raw[0], dict) else [raw]


def _written(one: Any, fact: Fact | None) -> str:
    if not isinstance(one, dict) or "value" not in one or not one.keys() <= {"value", "observed_at", "source"}:
        return _written_value(one, fact)
    at, source = one.get("observed_at"), one.get("source")
    return " ".join(
        [
            _written_value(one["value"], fact),
            *([] if at is None else ["at", at if _is_moment(at) else _as_json(at)]),
            *([] if source is None else ["by", _written_source(source)]),
        ]
    )


def _written_value(value: Any, fact: Fact | None) -> str:
    match value:
        case None:
            return NOT_KNOWN
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return plain(value)
        case str():
            return _written_text(value, fact)
        case []:
            return NONE_OF_THESE
        case list() if all(isinstance(part, str) for part in value):
            return ", ".join(_written_text(part, fact) for part in value)
        case _:
            return _as_json(value)


def _written_text(text: str, fact: Fact | None) -> str:
    reserved = _KEYWORDS if fact is not None and fact.type is FactType.CODE else _RESERVED
    return text if _BARE.fullmatch(text) and text not in reserved else _quoted(text)


def _written_source(source: Any) -> str:
    if isinstance(source, str) and _PLAIN_WORDS.fullmatch(source) and not set(source.split()) & set(_KEYWORDS):
        return source
    return _as_json(source)


def _is_moment(at: Any) -> bool:
    try:
        received.moment(at)
    except WrongValue:
        return False
    return True


def _as_json(value: Any) -> str:
    """A value that no line can hold, as it was sent: reading it says what is wrong."""
    return _quoted(value) if isinstance(value, str) else json.dumps(value)
