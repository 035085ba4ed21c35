"""From what was posted to what is known: types, the age of observations, conflicts, derived facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from graphlib import TopologicalSorter
from typing import Any

from cds.decisions.notices import Notice
from cds.observing import observations, settled
from cds.requests import MOST_SUGGESTIONS, RequestProblem, UnusableRequest, escaped
from knowledge.checking import needed_for
from knowledge.conditions import Condition, facts_of
from knowledge.errors import WrongValue, nearest
from knowledge.facts import Fact, Value
from knowledge.language import parse
from knowledge.reasoning import reading


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
            match settled(fact, observations(fact, raw, at, problems), at):
                case Notice() as notice:
                    notices.append(notice)
                    if notice.code == "conflict":
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
                notices.append(Notice("conflict", f"{self.facts[key].label} follows as two different values.", (key,)))
            elif met:
                known[key] = met[0].value
                derived[key] = met[0].derived
        return derived

    def _unknown_fact(self, name: str, *, suggest: bool) -> RequestProblem:
        near = self._nearest(name) if suggest else None
        hint = f" Did you mean {near}?" if near else " GET /api/v1/facts lists them."
        shown = name if len(name) <= 80 else f"{name[:77]}…"
        return RequestProblem(f"/facts/{escaped(name)}", f"There is no fact called {shown!r}.{hint}", near)


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
