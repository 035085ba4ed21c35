"""Posted facts resolved to what is known of a patient at one moment; made ready once for a release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from graphlib import TopologicalSorter
from typing import Any

from cds.decisions.intake.derivation import Assumed, Conclusion, Derived, Deriver, against_posted, counted_from
from cds.decisions.intake.disagreement import settle
from cds.decisions.intake.observations import Moment, ObservationReader
from cds.decisions.intake.variants import Variants, age_interval
from cds.decisions.notices import Notice
from cds.requests import MOST_SUGGESTIONS, RequestProblem, UnusableRequest, escaped
from knowledge.checking import needed_for
from knowledge.conditions import Condition, facts_of
from knowledge.errors import WrongValue, nearest
from knowledge.facts import Fact, Invariant, Value
from knowledge.language import parse
from knowledge.model.intervals import Interval
from knowledge.model.worse import Known
from knowledge.reasoning import reading


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

    known: dict[str, Known] = field(default_factory=dict)
    times: dict[str, datetime] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    derived: dict[str, Derived] = field(default_factory=dict)
    assumed: dict[str, Assumed] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


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
        self._counted = {key: [fact for fact in facts.values() if fact.counted_since == key] for key in facts if key}
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
            return _resolved(patient, (patient.known,), problems)  # type: ignore[arg-type]
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
        settled = settle(fact, ObservationReader(fact, moment, problems).read(raw), moment)
        patient.notices += settled.notices
        if settled.disputed:
            patient.disputed.add(name)
        if settled.value is None:
            return
        value, observed_at = settled.value, settled.observed_at or moment.at
        if self._implausible(name, value, moment, problems):
            return
        if fact.years_since:
            value = age_interval(fact, value, moment.day(observed_at), moment.day())
        patient.known[name] = value
        if observed_at < moment.at:
            patient.times[name] = observed_at

    def _implausible(self, name: str, value: Known, moment: Moment, problems: list[RequestProblem]) -> bool:
        """Whether a date is one from which the days or years that are counted would be out of range."""
        earliest = value.low if isinstance(value, Interval) else value
        if not isinstance(earliest, date):
            return False
        for fact in self._counted.get(name, ()):
            try:
                fact.typed(counted_from(fact, earliest, moment.day()))
            except WrongValue as problem:
                detail = f"{earliest} is implausible: {problem.detail}"
                problems.append(RequestProblem(f"/facts/{escaped(name)}", detail))
                return True
        return False

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
        """Every patient that it could be, each concluded by itself; what all have in common is known.

        Of them, those are left out that contradict what follows of their limited facts, unless all do.
        """
        each: list[_Patient] = []
        for chosen, left_open in self._variants.of(limits, moment):
            known = {name: value for name, value in patient.known.items() if name not in left_open}
            one = _Patient({**known, **chosen}, dict(patient.times), set(patient.disputed))
            self._conclude(one, moment)
            each.append(one)
        each = [one for one in each if not _strained(one, limits)] or each
        first = each[0]
        common = {
            name: value
            for name, value in first.known.items()
            if name not in limits and all(other.known.get(name) == value for other in each)
        }
        counted = self._counted_limits(limits, first, moment)
        told = [notice for one in each for notice in one.notices]
        merged = _Patient(
            {**common, **counted, **limits},
            patient.times,
            patient.disputed,
            {name: how for name, how in first.derived.items() if name in common or name in counted},
            {name: how for one in each for name, how in one.assumed.items()},
            list(dict.fromkeys([*patient.notices, *told])),
        )
        return _resolved(merged, tuple(one.known for one in each), problems)  # type: ignore[arg-type]

    def _counted_limits(self, limits: Mapping[str, Interval], variant: _Patient, moment: Moment) -> dict[str, Interval]:
        """The limits of the days and years that follow from dates of which only the limits are known."""
        found: dict[str, Interval] = {}
        for name, one in limits.items():
            for fact in self._counted.get(name, ()):
                if fact.key in variant.derived and fact.key not in limits:
                    low = counted_from(fact, min(one.high, moment.day()), moment.day())
                    high = counted_from(fact, one.low, moment.day())
                    if low < high:
                        found[fact.key] = Interval(low, high, f"{low} to {high}")
        return found

    def _conclude(self, patient: _Patient, moment: Moment) -> None:
        """Add what follows from what is known, and take out what gives way to what cannot both be."""
        posted = dict(patient.known)
        yielding: set[str] = set()
        told: dict[str, Notice] = {}
        while True:
            once = _Patient({name: value for name, value in posted.items() if name not in yielding})
            once.times, once.disputed = dict(patient.times), patient.disputed | yielding
            for deriver in self._derivers:
                self._derive(deriver, once, moment)
            broken = [entry for entry in self._invariants if reading(entry[2], once.known) is True]
            told |= {
                one.condition: _cannot_both_be(fact, one, condition, self.facts) for fact, one, condition in broken
            }
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
        if posted is not None:
            if conclusion.value is None or conclusion.open:
                # What follows only as long as something is not known never overrules what was posted.
                return
            if posted == conclusion.value:
                _confirm(key, conclusion, patient, moment)
                return
            conclusion = self._hold_against(fact, posted, conclusion, patient, moment)
        self._keep(key, conclusion, patient, moment)

    @staticmethod
    def _hold_against(
        fact: Fact, posted: Known, conclusion: Conclusion, patient: _Patient, moment: Moment
    ) -> Conclusion:
        conclusion, notice = against_posted(fact, posted, patient.times.get(fact.key, moment.at), conclusion)  # type: ignore[arg-type]
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
    if key in patient.times and conclusion.at is not None:
        patient.times[key] = max(patient.times[key], conclusion.at)
        if patient.times[key] >= moment.at:
            del patient.times[key]


def _strained(patient: _Patient, limits: Mapping[str, Interval]) -> bool:
    """Whether a value that was chosen within limits contradicts what follows from the rest."""
    return any(
        notice.code in ("contradiction", "superseded") and notice.facts[0] in limits for notice in patient.notices
    )


def _resolved(
    patient: _Patient, variants: tuple[Mapping[str, Value], ...], problems: list[RequestProblem]
) -> ResolvedFacts:
    aside = [
        Notice(
            "set_aside",
            f"{one.pointer} was set aside and does not count: {one.detail} Correct it, and ask again.",
            _fact_at(one.pointer),
        )
        for one in problems
    ]
    notices = (*aside, *patient.notices)
    return ResolvedFacts(patient.known, variants, patient.derived, patient.assumed, notices, tuple(problems))


def _fact_at(pointer: str) -> tuple[str, ...]:
    """The fact that a pointer leads to."""
    return (pointer.split("/")[2].replace("~1", "/").replace("~0", "~"),)


def _cannot_both_be(fact: Fact, invariant: Invariant, condition: Condition, facts: Mapping[str, Fact]) -> Notice:
    gives_way = f" {facts[invariant.gives_way].label} counts as not known." if invariant.gives_way else ""
    return Notice("cannot_both_be", f"{invariant.sentence}{gives_way} Check both.", facts_of(condition) or (fact.key,))


def _derivation_order(facts: Mapping[str, Fact]) -> list[str]:
    graph = {key: sorted(needed_for(fact)) for key, fact in facts.items()}
    return [key for key in TopologicalSorter(graph).static_order() if key in facts and facts[key].derived]
