"""From what was posted to what is known: types, the age of observations, conflicts, derived facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from graphlib import TopologicalSorter
from typing import Any

from knowledge.checking import needed_for
from knowledge.conditions import Condition, facts_of
from knowledge.errors import WrongValue, nearest
from knowledge.facts import Fact, FactType, Value
from knowledge.language import parse
from knowledge.reasoning import reading

MOST_OBSERVATIONS = 100
LONGEST_SOURCE = 100
MOST_SUGGESTIONS = 50
"""Finding the nearest name takes a millisecond: the first problems of a request get one, a flood does not."""
CLOCK_SKEW = timedelta(minutes=5)
"""How far a sender's clock may run ahead before an observation counts as lying in the future."""

_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# RFC 3339, the zone optional: fromisoformat alone takes any character for an end, as in "09:00:00XZ".
_MOMENT = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_OBSERVATION_KEYS = ("value", "observed_at", "source")


@dataclass(frozen=True, slots=True)
class RequestProblem:
    """One thing that is wrong with a request; `pointer` is a JSON pointer (RFC 6901) into it."""

    pointer: str
    detail: str
    suggestion: str | None = None


class UnusableRequest(Exception):
    """The request cannot be answered; every problem found in it is in `problems`."""

    def __init__(self, problems: Iterable[RequestProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.pointer}: {problem.detail}" for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the facts that the reader of the answer must see."""

    fact: str | None
    problem: str
    detail: str


@dataclass(frozen=True, slots=True)
class Derived:
    """Where the value of a derived fact comes from; `when` is the condition that was met."""

    when: str
    needs: tuple[str, ...]
    source: str | None
    locator: str | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of a patient at one moment; a fact that is absent is not known."""

    known: Mapping[str, Value]
    derived: Mapping[str, Derived]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class _Observation:
    value: Value | None
    observed_at: datetime
    source: str | None

    def said(self, fact: Fact) -> str:
        by = f" by {self.source}" if self.source else ""
        return f"“{fact.said(self.value)}” on {self.observed_at:%Y-%m-%d %H:%M} UTC{by}"


@dataclass(frozen=True, slots=True)
class _Derivation:
    value: Value
    condition: Condition
    derived: Derived


class Intake:
    """Reads posted facts against one fact dictionary; made once for a release."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.facts = facts
        # The same misspelling comes again and again, in every patient of a batch.
        self._nearest = lru_cache(maxsize=4096)(lambda name: nearest(name, facts))
        self._derivations = {key: _derivations(facts[key], facts) for key in _derivation_order(facts)}

    def prepare(self, posted: Mapping[str, Any], at: datetime) -> Prepared:
        """What is known at `at`. Raises UnusableRequest with all problems at once, pointers below `/facts`."""
        problems: list[RequestProblem] = []
        notices: list[Notice] = []
        known: dict[str, Value] = {}
        disputed: set[str] = set()
        for name, raw in posted.items():
            fact = self.facts.get(name)
            if fact is None:
                problems.append(self._unknown_fact(name, suggest=len(problems) < MOST_SUGGESTIONS))
                continue
            if not isinstance(raw, dict | list | str):
                # The most frequent by far: a bare number or flag, which no observation can make doubtful.
                self._take_bare(fact, raw, known, problems)
                continue
            match _settled(fact, _observations(fact, raw, at, problems), at):
                case Notice() as notice:
                    notices.append(notice)
                    if notice.problem == "conflict":
                        disputed.add(name)
                case None:
                    pass
                case value:
                    known[name] = value
        derived = {} if problems else self._derive(known, disputed, notices, problems, at)
        if problems:
            raise UnusableRequest(problems)
        return Prepared(known, derived, tuple(notices))

    @staticmethod
    def _take_bare(fact: Fact, raw: Any, known: dict[str, Value], problems: list[RequestProblem]) -> None:
        try:
            value = fact.typed(raw)
        except WrongValue as problem:
            problems.append(RequestProblem(f"/facts/{fact.key}", problem.detail, problem.suggestion))
        else:
            if value is not None:
                known[fact.key] = value

    def _derive(
        self,
        known: dict[str, Value],
        disputed: set[str],
        notices: list[Notice],
        problems: list[RequestProblem],
        at: datetime,
    ) -> dict[str, Derived]:
        """Add what follows from what is known; a posted value always wins, and a conflict stays unknown."""
        derived: dict[str, Derived] = {}
        for key, derivations in self._derivations.items():
            if key in known or key in disputed:
                continue
            start = known.get(self.facts[key].days_since or "")
            if isinstance(start, date):
                since = str(self.facts[key].days_since)
                days = max(0, (at.astimezone(UTC).date() - start).days)
                try:
                    self.facts[key].typed(days)
                except WrongValue as problem:
                    detail = f"{start} is implausible: {problem.detail}"
                    problems.append(RequestProblem(f"/facts/{escaped(since)}", detail))
                    continue
                known[key] = days
                derived[key] = Derived(f"days since {since}", (since,), None, None)
                continue
            met = [one for one in derivations if reading(one.condition, known) is True]
            if len({one.value for one in met}) > 1:
                notices.append(Notice(key, "conflict", f"{self.facts[key].label} follows as two different values."))
            elif met:
                known[key] = met[0].value
                derived[key] = met[0].derived
        return derived

    def _unknown_fact(self, name: str, *, suggest: bool) -> RequestProblem:
        near = self._nearest(name) if suggest else None
        hint = f" Did you mean {near}?" if near else " GET /api/v1/facts lists them."
        shown = name if len(name) <= 80 else f"{name[:77]}…"
        return RequestProblem(f"/facts/{escaped(name)}", f"There is no fact called {shown!r}.{hint}", near)


def moment(raw: object, pointer: str, problems: list[RequestProblem]) -> datetime | None:
    """The instant that a text such as 2026-01-31T09:00:00Z names, in UTC; None when it names none."""
    try:
        at = datetime.fromisoformat(raw) if isinstance(raw, str) and _MOMENT.fullmatch(raw) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None:
        problems.append(RequestProblem(pointer, 'This is not a moment such as "2026-01-31T09:00:00Z".'))
    else:
        problems.append(RequestProblem(pointer, 'The time has no zone: end it with "Z" or an offset such as "+01:00".'))
    return None


def unstorable(text: str) -> bool:
    """Whether a text holds what cannot be stored or shown: control characters or halves of a surrogate pair."""
    return _UNSTORABLE.search(text) is not None


def _derivation_order(facts: Mapping[str, Fact]) -> list[str]:
    graph = {key: sorted(needed_for(fact)) for key, fact in facts.items()}
    return [key for key in TopologicalSorter(graph).static_order() if key in facts and facts[key].derived]


def _derivations(fact: Fact, facts: Mapping[str, Fact]) -> tuple[_Derivation, ...]:
    def prepared() -> Iterator[_Derivation]:
        for one in fact.derivations:
            condition = parse(one.when, facts)
            value = fact.typed(one.value)
            if value is not None:
                yield _Derivation(value, condition, Derived(one.when, facts_of(condition), one.source, one.locator))

    return tuple(prepared())


def _observations(fact: Fact, raw: Any, at: datetime, problems: list[RequestProblem]) -> list[_Observation]:
    pointer = f"/facts/{fact.key}"
    match raw:
        case dict():
            return list(_observation(fact, raw, at, pointer, problems, dated=False))
        case list() if fact.type is not FactType.CODES or (raw and isinstance(raw[0], dict)):
            return list(_listed(fact, raw, at, pointer, problems))
        case _:
            return list(_bare(fact, raw, at, None, pointer, problems))


def _listed(
    fact: Fact, raw: list[Any], at: datetime, pointer: str, problems: list[RequestProblem]
) -> Iterator[_Observation]:
    if not raw or len(raw) > MOST_OBSERVATIONS:
        problems.append(RequestProblem(pointer, f"A list holds 1 to {MOST_OBSERVATIONS} observations, not {len(raw)}."))
        return
    for position, one in enumerate(raw):
        place = f"{pointer}/{position}"
        if isinstance(one, dict):
            yield from _observation(fact, one, at, place, problems, dated=True)
        else:
            problems.append(RequestProblem(place, "A list holds observations: objects with value and observed_at."))


def _observation(
    fact: Fact, raw: dict[str, Any], at: datetime, pointer: str, problems: list[RequestProblem], *, dated: bool
) -> Iterator[_Observation]:
    for name in raw:
        if name in _OBSERVATION_KEYS:
            continue
        near = nearest(name, _OBSERVATION_KEYS)
        detail = "An observation has value, observed_at and source, and nothing else."
        problems.append(RequestProblem(f"{pointer}/{escaped(name)}", detail, near))
    if "value" not in raw:
        problems.append(RequestProblem(pointer, "The observation has no value; null says that it is not known."))
    observed_at = at
    if raw.get("observed_at") is not None:
        observed_at = moment(raw["observed_at"], f"{pointer}/observed_at", problems) or at
    elif dated:
        problems.append(RequestProblem(pointer, "In a list every observation says when: observed_at is missing."))
    if observed_at - at > CLOCK_SKEW:
        detail = f"The observation lies in the future: after {at:%Y-%m-%dT%H:%M:%SZ}, the time of evaluation."
        problems.append(RequestProblem(f"{pointer}/observed_at", detail))
    source = raw.get("source")
    if source is not None and (not isinstance(source, str) or len(source) > LONGEST_SOURCE or unstorable(source)):
        detail = f"The source is a text of at most {LONGEST_SOURCE} characters, such as “patient”."
        problems.append(RequestProblem(f"{pointer}/source", detail))
    if "value" in raw:
        yield from _bare(fact, raw["value"], observed_at, source, f"{pointer}/value", problems)


def _bare(
    fact: Fact, raw: Any, observed_at: datetime, source: str | None, pointer: str, problems: list[RequestProblem]
) -> Iterator[_Observation]:
    try:
        value = fact.typed(raw)
    except WrongValue as problem:
        problems.append(RequestProblem(pointer, problem.detail, problem.suggestion))
        return
    if isinstance(value, date) and value > observed_at.date():
        problems.append(RequestProblem(pointer, f"{fact.label} lies in the future: {value}."))
        return
    if isinstance(value, str) and unstorable(value):
        problems.append(RequestProblem(pointer, f"{fact.label} holds a control character or half a character."))
        return
    yield _Observation(value, observed_at, source)


def _settled(fact: Fact, observations: list[_Observation], at: datetime) -> Value | Notice | None:
    """The value that the observations leave, None when there is none, or why they leave none."""
    if not observations:
        return None
    newest = max(observations, key=lambda one: (one.observed_at, one.value is not None))
    if newest.value is None:
        return None
    if fact.valid_days is not None and at - newest.observed_at > timedelta(days=fact.valid_days):
        detail = f"{newest.said(fact)} is older than {fact.valid_days} days and counts as not known."
        return Notice(fact.key, "too_old", detail)
    if len(observations) == 1:
        return newest.value
    for other in sorted(observations, key=lambda one: one.observed_at, reverse=True):
        near = newest.observed_at - other.observed_at <= fact.conflict_window
        if near and other.value is not None and other.value != newest.value:
            detail = f"{newest.said(fact)} and {other.said(fact)} disagree; it counts as not known."
            return Notice(fact.key, "conflict", detail)
    return newest.value


def escaped(name: str) -> str:
    """A name as a part of a JSON pointer."""
    shown = name if len(name) <= 100 else f"{name[:99]}…"
    return shown.encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")
