"""One patient asked of two releases: what becomes of each rule before and after, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, assert_never

from cds.deciding import Answer, Disagreement, Question, decide
from cds.releases import PreparedRelease, Texts
from cds.requests import UnusableRequest
from cds.telling import Told
from knowledge.items import State
from knowledge.model.zones import UTC_NAME

_WITHHELD = State.WITHHELD
_MOST_PROBLEMS = 3
"""How many of the problems with a patient's facts are named."""


class Effect(StrEnum):
    """What a change means for a patient and one rule: exactly one of these, when there is a change at all."""

    LOST = "lost"
    WITHHELD = "withheld"
    LACKS = "lacks"
    GAINED = "gained"
    FREED = "freed"
    SETTLED = "settled"
    WORDED = "worded"


@dataclass(frozen=True, slots=True)
class Patient:
    """Somebody to ask about: an example patient or a recorded decision, by `key`; `facts` are raw, as posted."""

    key: str
    title: str
    evaluated_at: datetime
    facts: Mapping[str, Any]
    zone: str = UTC_NAME
    set_aside: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """What one release makes of a rule for the patient; `state` is None when it has no such rule.

    `findings` decided it, in words; `lacks` are the labels of the facts that it wants; `withheld_by` gives the title
    of each overriding rule and its reason; `outside` says why the patient is not whom the content is for.
    """

    state: State | None
    findings: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    withheld_by: tuple[tuple[str, str], ...] = ()
    outside: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What changes in one rule for the patient; `parts` names what it says differently, in the words of an answer."""

    rule: str
    title: str
    effect: Effect
    before: Side
    after: Side
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unanswered:
    """That one of the releases, or both, cannot answer for the patient, in sentences; empty for the one that can."""

    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """Two releases to compare, for any number of patients."""

    before: PreparedRelease
    after: PreparedRelease

    def compare(self, patient: Patient, as_after: Patient | None = None) -> tuple[Change, ...] | Unanswered:
        """Everything that changes for a patient, by the key of the rule; each engine is held against the reading.

        `as_after` is the patient as the later release can take her in, where that is not the same.
        """
        was, now = _answered(self.before, patient), _answered(self.after, as_after or patient)
        if not isinstance(was, _Answered) or not isinstance(now, _Answered):
            return Unanswered(*(() if isinstance(one, _Answered) else one for one in (was, now)))
        return tuple(self._changes(was, now))

    @cached_property
    def _keys(self) -> list[str]:
        return sorted(self.before.rules.keys() | self.after.rules.keys())

    @cached_property
    def _alike(self) -> frozenset[str]:
        """The rules of which both say the same whenever they are in the same state: nothing they rest on differs."""
        was, now = self.before.base, self.after.base
        if was.facts != now.facts or was.sources != now.sources:
            return frozenset()
        return frozenset(
            key
            for key in self.before.rules.keys() & self.after.rules.keys()
            if self.before.rules[key].texts == self.after.rules[key].texts
            and was.rules[key].condition == now.rules[key].condition
        )

    def _changes(self, was: _Answered, now: _Answered) -> Iterator[Change]:
        before, after, alike = was.answer.states, now.answer.states, self._alike
        for key in self._keys:
            state = after.get(key)
            if before.get(key) is state and (state is None or (key in alike and state is not _WITHHELD)):
                continue
            effect = effect_of(before.get(key), state)
            parts: tuple[str, ...] = ()
            if effect is None and state is not None and key in before:
                parts = tuple(_differing(was, now, key, state))
                effect = Effect.WORDED if parts else None
            if effect is not None:
                rule = (now if key in after else was).release.rules[key].rule
                yield Change(key, rule.title, effect, was.side(key), now.side(key), parts)


def compare(before: PreparedRelease, after: PreparedRelease, patient: Patient) -> tuple[Change, ...] | Unanswered:
    """Everything that changes for one patient."""
    return Pair(before, after).compare(patient)


def effect_of(before: State | None, after: State | None) -> Effect | None:
    """What it means that a rule was the one and is the other; a rule that is not there is as one that is not met."""
    before, after = before or State.NOT_MET, after or State.NOT_MET
    if before is after:
        return None
    match after:
        case State.RECOMMENDED:
            return Effect.FREED if before is State.WITHHELD else Effect.GAINED
        case State.WITHHELD:
            return Effect.WITHHELD
        case State.UNDETERMINED:
            return Effect.LACKS
        case State.NOT_MET:
            return Effect.LOST if before is State.RECOMMENDED else Effect.SETTLED
        case _:
            assert_never(after)


@dataclass(frozen=True)
class _Answered:
    release: PreparedRelease
    answer: Answer

    @cached_property
    def told(self) -> Mapping[str, Told]:
        return self.release.telling.of(self.answer.resolved)

    @cached_property
    def outside(self) -> str | None:
        """Why no rule applies, when the patient is outside the population."""
        if any(state is not State.NOT_MET for state in self.answer.states.values()):
            return None
        notices = json.loads(self.answer.response)["notices"]
        return next((one["detail"] for one in notices if one["code"] == "outside_population"), None)

    def of(self, key: str) -> Told:
        return self.told[self.release.rules[key].condition]

    def withheld_by(self, key: str) -> tuple[tuple[str, str], ...]:
        """The title of each rule or hazard that withholds this one, and its reason."""
        return tuple(one.titled(self.release) for one in self.answer.withheld.get(key, ()))

    def side(self, key: str) -> Side:
        state = self.answer.states.get(key)
        if state is None or self.outside:
            return Side(state, outside=self.outside)
        told = self.of(key)
        facts = self.release.base.facts
        return Side(
            state,
            findings=tuple(finding["reading"] for finding in json.loads(told.because)),
            lacks=tuple(facts[name].label for name in told.missing),
            withheld_by=self.withheld_by(key) if state is State.WITHHELD else (),
        )


def _answered(release: PreparedRelease, patient: Patient) -> _Answered | tuple[str, ...]:
    """The answer, or the sentences that say why there is none."""
    try:
        question = Question(
            patient.key, patient.evaluated_at, patient.facts, zone=patient.zone, set_aside=patient.set_aside
        )
        return _Answered(release, decide(release, question, clinically_approved=True))
    except UnusableRequest as error:
        said = [problem.detail for problem in error.problems]
        further = len(said) - _MOST_PROBLEMS
        return (*said[:_MOST_PROBLEMS], *([f"And {further} more."] if further > 0 else ()))
    except Disagreement:
        return ("Its engine and the plain reading of its rules disagree, so that no answer may leave.",)


def _differing(was: _Answered, now: _Answered, key: str, state: State) -> Iterator[str]:
    """What an answer says differently of a rule that is in the same state before and after."""
    match state:
        case State.RECOMMENDED:
            texts = was.release.rules[key].texts, now.release.rules[key].texts
            if texts[0] != texts[1]:
                yield from _other_parts(*texts)
            if was.of(key).because != now.of(key).because:
                yield "because"
        case State.UNDETERMINED:
            if was.of(key).missing != now.of(key).missing:
                yield "missing"
        case State.WITHHELD:
            if was.withheld_by(key) != now.withheld_by(key):
                yield "withheld_by"
        case State.NOT_MET:
            pass
        case _:
            assert_never(state)


@lru_cache(maxsize=4096)
def _other_parts(before: Texts, after: Texts) -> tuple[str, ...]:
    was, now = (json.loads(b"%b[]%b" % (one.opening, one.closing)) for one in (before, after))
    return tuple(part for part in {**was, **now} if was.get(part) != now.get(part))
