"""Posted facts resolved to what is known of a patient at one moment; made ready once for a release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from graphlib import TopologicalSorter
from typing import Any

from cds.decisions.intake.counting import counted_from
from cds.decisions.intake.derivation import Assumed, Conclusion, Derived, Deriver, against_posted, counted_since
from cds.decisions.intake.disagreement import settle
from cds.decisions.intake.observations import Moment, ObservationReader
from cds.decisions.intake.variants import Variants
from cds.decisions.notices import Notice
from cds.requests import MOST_SUGGESTIONS, RequestProblem, UnusableRequest, escaped
from knowledge.conditions import Condition, facts_of
from knowledge.errors import WrongValue, nearest
from knowledge.facts import Fact, Invariant, Value
from knowledge.language import parse
from knowledge.model.intervals import Interval, spanned
from knowledge.model.worse import Known
from knowledge.reasoning import reading
from knowledge.validation.unread import needed_for


@dataclass(frozen=True, slots=True)
class ResolvedFacts:
    """What is known of a patient at one moment; a fact that is absent is not known.

    `variants` are the patients it could be, each with one value for every fact: one, unless the limits of some fact
    leave open which of the release's conditions are met. `known` has the limits themselves.
    """

    known: Mapping[str, Known]
    variants: tuple[Mapping[str, Value], ...]
    derived: Mapping[str, Derived]
    assumed: Mapping[str, Assumed]
    notices: tuple[Notice, ...]
    set_aside: tuple[RequestProblem, ...] = ()

    @property
    def limited(self) -> dict[str, Interval]:
        """The facts of which only the limits are known."""
        return {name: value for name, value in self.known.items() if isinstance(value, Interval)}


@dataclass(slots=True)
class _Patient:
    """What is known while it is being resolved; `times` are those of facts that were observed before the moment."""

    known: dict[str, Any] = field(default_factory=dict)
    times: dict[str, datetime] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    derived: dict[str, Derived] = field(default_factory=dict)
    assumed: dict[str, Assumed] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    limits: Mapping[str, Interval] = field(default_factory=dict)
    """Of the facts that are one of several values in this patient."""


class FactResolver:
    """Reads posted facts against one fact dictionary; `conditions` are all that a release asks of them."""

    def __init__(self, facts: Mapping[str, Fact], conditions: Iterable[Condition] = ()) -> None:
        self.facts = facts
        # The same misspelling comes again and again, in every patient of a batch.
        self._nearest = lru_cache(maxsize=4096)(lambda name: nearest(name, facts))
        self._derivers = [Deriver(facts[key], facts) for key in _derivation_order(facts)]
        self._invariants = [
            (fact, one, parse(one.condition, facts)) for fact in facts.values() for one in fact.invariants
        ]
        self._counted: dict[str, list[Fact]] = {key: [] for key in facts}
        for fact in facts.values():
            if fact.counted_since is not None and fact.counted_since in facts:
                self._counted[fact.counted_since].append(fact)
        self._variants = Variants(facts, conditions)

    def resolve(
        self, posted: Mapping[str, Any], at: datetime, *, zone: tzinfo = UTC, set_aside: bool = False
    ) -> ResolvedFacts:
        """What is known at `at`; days are counted in `zone`.

        Raises UnusableRequest with all problems at once, pointers below `/facts`, unless unusable values are to be set
        aside: then they are not known, and each is told.
        """
        moment = Moment(at, zone)
        problems: list[RequestProblem] = []
        patient = _Patient()
        for name, raw in posted.items():
            self._take(name, raw, moment, patient, problems)
        if problems and not set_aside:
            raise UnusableRequest(problems)
        limits = {name: value for name, value in patient.known.items() if isinstance(value, Interval)}
        if not limits:
            self._conclude(patient, moment)
            return _resolved(patient, (patient.known,), problems)
        return self._resolve_limits(patient, limits, moment, problems)

    def _take(self, name: str, raw: Any, moment: Moment, patient: _Patient, problems: list[RequestProblem]) -> None:
        fact = self.facts.get(name)
        if fact is None:
            problems.append(self._unknown_fact(name, suggest=len(problems) < MOST_SUGGESTIONS))
            return
        if not isinstance(raw, dict | list | str):
            # The most frequent by far: a bare number or flag, which no observation can make doubtful.
            self._take_bare(fact, raw, patient, problems)
            return
        reader = ObservationReader(fact, moment, problems, self._counted[name])
        settled = settle(fact, reader.read(raw), moment)
        patient.notices += settled.notices
        if settled.disputed:
            patient.disputed.add(name)
        if settled.value is None:
            return
        patient.known[name] = settled.value
        if settled.observed_at is not None and settled.observed_at < moment.at:
            patient.times[name] = settled.observed_at

    @staticmethod
    def _take_bare(fact: Fact, raw: Any, patient: _Patient, problems: list[RequestProblem]) -> None:
        try:
            value = fact.typed(raw)
        except WrongValue as problem:
            problems.append(RequestProblem(f"/facts/{escaped(fact.key)}", problem.detail, problem.suggestion))
        else:
            if value is not None:
                patient.known[fact.key] = value

    def _resolve_limits(
        self, patient: _Patient, limits: Mapping[str, Interval], moment: Moment, problems: list[RequestProblem]
    ) -> ResolvedFacts:
        """Every patient that it could be, each concluded by itself; what all have in common is known."""
        each: list[_Patient] = []
        for chosen, left_open in self._variants.of(limits, moment):
            known = {name: value for name, value in patient.known.items() if name not in left_open}
            one = _Patient({**known, **chosen}, dict(patient.times), set(patient.disputed), limits=limits)
            self._conclude(one, moment)
            each.append(one)
        first = each[0]
        common = {
            name: value
            for name, value in first.known.items()
            if all(other.known.get(name) == value for other in each)
            and (name not in limits or all(name in other.derived for other in each))
        }
        derived = {
            name: how for name, how in first.derived.items() if all(other.derived.get(name) == how for other in each)
        }
        counted = {
            fact.key: spanned(*(counted_from(fact, day, moment.day()) for day in (within.high, within.low)))
            for name, within in limits.items()
            for fact in self._counted[name]
            if fact.key not in limits and derived.get(fact.key) == counted_since(fact)
        }
        merged = _Patient(
            {**limits, **common, **counted},
            patient.times,
            patient.disputed,
            {name: how for name, how in derived.items() if name in common or name in counted},
            {name: how for one in each for name, how in one.assumed.items() if name not in common},
            [*patient.notices, *_told_of_each([one.notices for one in each])],
        )
        return _resolved(merged, tuple(one.known for one in each), problems)

    def _conclude(self, patient: _Patient, moment: Moment) -> None:
        """Add what follows from what is known, and take out what gives way to what cannot both be."""
        posted = dict(patient.known)
        yielding: set[str] = set()
        told: dict[Invariant, Notice] = {}
        while True:
            once = _Patient({name: value for name, value in posted.items() if name not in yielding})
            once.limits = patient.limits
            once.times, once.disputed = dict(patient.times), patient.disputed | yielding
            for deriver in self._derivers:
                self._derive(deriver, once, moment)
            broken = [entry for entry in self._invariants if reading(entry[2], once.known) is True]
            told |= {one: _cannot_both_be(fact, one, condition, self.facts) for fact, one, condition in broken}
            gone = {one.gives_way for _, one, _ in broken if one.gives_way} - yielding
            if not gone:
                break
            yielding |= gone
        patient.known, patient.times = once.known, once.times
        patient.derived, patient.assumed = once.derived, once.assumed
        patient.notices += [*once.notices, *told.values()]

    def _derive(self, deriver: Deriver, patient: _Patient, moment: Moment) -> None:
        fact = deriver.fact
        key = fact.key
        if key in patient.disputed:
            return
        conclusion = deriver.conclude(patient.known, patient.times, moment)
        if conclusion.notice is not None:
            patient.notices.append(conclusion.notice)
        posted = patient.known.get(key)
        if conclusion.contradictory:
            patient.disputed.add(key)
            patient.known.pop(key, None)
            return
        limits = patient.limits.get(key)
        if limits is not None and conclusion.value is not None and conclusion.value in limits:
            patient.known[key] = conclusion.value
        elif conclusion.value is not None and posted is not None and posted != conclusion.value:
            conclusion = self._hold_against(fact, posted, conclusion, patient, moment)
        elif posted is not None:
            _confirm(key, conclusion, patient, moment)
            return
        self._keep(key, conclusion, patient, moment)

    def _hold_against(
        self, fact: Fact, posted: Value, conclusion: Conclusion, patient: _Patient, moment: Moment
    ) -> Conclusion:
        posted_at, shown = patient.times.get(fact.key, moment.at), patient.limits.get(fact.key, posted)
        conclusion, notice = against_posted(fact, posted, posted_at, conclusion, self.facts, shown)
        patient.notices.append(notice)
        if conclusion.contradictory:
            patient.disputed.add(fact.key)
            patient.known.pop(fact.key, None)
        return conclusion

    def _keep(self, key: str, conclusion: Conclusion, patient: _Patient, moment: Moment) -> None:
        if conclusion.assumed is not None and key not in patient.known:
            patient.assumed[key] = conclusion.assumed
        if conclusion.value is None or conclusion.derived is None:
            return
        patient.known[key] = conclusion.value
        patient.derived[key] = conclusion.derived
        patient.times.pop(key, None)
        if conclusion.at is not None and conclusion.at < moment.at:
            patient.times[key] = conclusion.at
        if conclusion.open:
            fact = self.facts[key]
            asked = ", ".join(self.facts[name].label for name in conclusion.open)
            detail = f"“{fact.said(conclusion.value)}” is assumed as long as this is not known: {asked}. Ask for it."
            patient.notices.append(Notice("assumed", detail, (key, *conclusion.open)))

    def _unknown_fact(self, name: str, *, suggest: bool) -> RequestProblem:
        near = self._nearest(name) if suggest else None
        hint = f" Did you mean {near}?" if near else " GET /api/v1/facts lists them."
        shown = name if len(name) <= 80 else f"{name[:77]}…"
        return RequestProblem(f"/facts/{escaped(name)}", f"There is no fact called {shown!r}.{hint}", near)


def _confirm(key: str, conclusion: Conclusion, patient: _Patient, moment: Moment) -> None:
    """What was posted and follows too is known since the later of both."""
    if key in patient.times and conclusion.value is not None and not conclusion.open and conclusion.at is not None:
        patient.times[key] = max(patient.times[key], conclusion.at)
        if patient.times[key] >= moment.at:
            del patient.times[key]


def _resolved(
    patient: _Patient, variants: tuple[Mapping[str, Value], ...], problems: list[RequestProblem]
) -> ResolvedFacts:
    aside = [
        Notice(
            "set_aside",
            f"{one.detail} What was posted at {one.pointer} was set aside and does not count. Post it again.",
            _fact_at(one.pointer),
        )
        for one in problems
    ]
    notices = (*aside, *patient.notices)
    return ResolvedFacts(patient.known, variants, patient.derived, patient.assumed, notices, tuple(problems))


def _told_of_each(each: list[list[Notice]]) -> Iterator[Notice]:
    """What is to be told of patients one of whom it is: of some of them alone only that it may be so."""
    for notice in dict.fromkeys(notice for told in each for notice in told):
        if all(notice in told for told in each):
            yield notice
        else:
            yield replace(notice, detail=f"This may be so, for of some facts only limits are known. {notice.detail}")


def _fact_at(pointer: str) -> tuple[str, ...]:
    """The fact that a pointer leads to."""
    return (pointer.split("/")[2].replace("~1", "/").replace("~0", "~"),)


def _cannot_both_be(fact: Fact, invariant: Invariant, condition: Condition, facts: Mapping[str, Fact]) -> Notice:
    gives_way = f" {facts[invariant.gives_way].label} counts as not known." if invariant.gives_way else ""
    return Notice("cannot_both_be", f"{invariant.sentence}{gives_way} Check both.", facts_of(condition) or (fact.key,))


def _derivation_order(facts: Mapping[str, Fact]) -> list[str]:
    graph = {key: sorted(needed_for(fact)) for key, fact in facts.items()}
    return [key for key in TopologicalSorter(graph).static_order() if key in facts and facts[key].derived]
