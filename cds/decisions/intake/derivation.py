"""What follows from what is known, and what counts when that is not what was posted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from cds.decisions.intake.counting import counted_from
from cds.decisions.intake.observations import Moment
from cds.decisions.notices import Notice
from knowledge.conditions import Condition, Known, facts_of, leaves
from knowledge.facts import Fact, Facts, Value
from knowledge.language import parse
from knowledge.model.worse import Known as KnownValue
from knowledge.model.worse import is_worst, said, worst
from knowledge.reasoning import findings, reading


@dataclass(frozen=True, slots=True)
class Derived:
    """Where the value of a derived fact comes from; `when` is the condition that was met."""

    when: str
    needs: tuple[str, ...]
    source: str | None
    locator: str | None


@dataclass(frozen=True, slots=True)
class Assumed:
    """That a fact would follow only as long as `needs` are not known: so it is not known, and they are asked for."""

    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Derivation:
    value: Value
    condition: Condition
    derived: Derived
    asks_unknown: bool
    """Whether being not known can decide it."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a fact is concluded to be: a value and how, an assumption that does not count, or a contradiction."""

    value: Value | None = None
    derived: Derived | None = None
    at: datetime | None = None
    open: tuple[str, ...] = ()
    """What is not known and could still change the value."""
    assumed: Assumed | None = None
    contradictory: bool = False
    notice: Notice | None = None


NOTHING = Conclusion()


class Deriver:
    """The derivations of one fact, made ready once for a release."""

    def __init__(self, fact: Fact, facts: Mapping[str, Fact]) -> None:
        self.fact = fact
        self._how_counted = counted_since(fact)
        self._derivations = [
            _Derivation(
                value,
                condition,
                Derived(one.when, facts_of(condition), one.source, one.locator),
                any(isinstance(leaf, Known) for leaf in leaves(condition)),
            )
            for one in fact.derivations
            if (value := fact.typed(one.value)) is not None
            for condition in [parse(one.when, facts)]
        ]

    def conclude(self, known: Facts, times: Mapping[str, datetime], moment: Moment) -> Conclusion:
        """What follows. `times` says when each fact was observed that was not posted for the moment itself."""
        since = self.fact.counted_since
        start = known.get(since) if since else None
        if isinstance(start, date) and since is not None:
            return self._counted(start, moment)
        met = [one for one in self._derivations if reading(one.condition, known) is True]
        if not met:
            return NOTHING
        rests_on = {one: self._open(one, known) for one in met}
        certain = [one for one in met if not rests_on[one]]
        counting = certain or [one for one in met if is_worst(self.fact, one.value)]
        if not counting:
            return Conclusion(assumed=Assumed(tuple(dict.fromkeys(name for one in met for name in rests_on[one]))))
        values = list(dict.fromkeys(one.value for one in counting))
        if len(values) > 1:
            return self._contradictory(counting, values, known, times, moment)
        chosen, at = self._newest(counting, known, times, moment)
        return Conclusion(chosen.value, chosen.derived, at, () if certain else rests_on[chosen])

    def _counted(self, start: date, moment: Moment) -> Conclusion:
        return Conclusion(counted_from(self.fact, start, moment.day()), self._how_counted, moment.at)

    def _contradictory(
        self,
        counting: list[_Derivation],
        values: list[Value],
        known: Facts,
        times: Mapping[str, datetime],
        moment: Moment,
    ) -> Conclusion:
        fact = self.fact
        value: Any = worst(fact, values)
        chosen, at = self._newest([one for one in counting if one.value == value] or counting, known, times, moment)
        different = " and ".join(f"“{fact.said(one)}”" for one in values)
        counts = "it counts as not known" if value is None else f"the worse counts, “{fact.said(value)}”"
        needs = tuple(dict.fromkeys(name for one in counting for name in one.derived.needs if name in known))
        detail = f"{fact.label}: what is known leads to {different}; {counts}. Check what it follows from."
        notice = Notice("follows_differently", detail, (fact.key, *needs))
        if value is None:
            return Conclusion(contradictory=True, notice=notice)
        return Conclusion(value, chosen.derived, at, notice=notice)

    def _newest(
        self, met: list[_Derivation], known: Facts, times: Mapping[str, datetime], moment: Moment
    ) -> tuple[_Derivation, datetime]:
        """Of derivations that lead to the same value, the one by the newest findings, and when these were made."""
        each = [(one, self._at(one, known, times, moment)) for one in met]
        return max(each, key=lambda pair: pair[1])

    @staticmethod
    def _open(one: _Derivation, known: Facts) -> tuple[str, ...]:
        """The facts whose being not known decided that the condition is met."""
        if not one.asks_unknown:
            return ()
        return tuple(found.fact for found in findings(one.condition, known) if found.value is None)

    @staticmethod
    def _at(one: _Derivation, known: Facts, times: Mapping[str, datetime], moment: Moment) -> datetime:
        """When it came to follow: with the newest of the findings that decided it."""
        if not times:
            return moment.at
        deciding = [
            times.get(found.fact, moment.at) for found in findings(one.condition, known) if found.value is not None
        ]
        return max(deciding, default=moment.at)


def counted_since(fact: Fact) -> Derived | None:
    """How a count follows from its date."""
    unit = "days" if fact.days_since else "years"
    return (
        Derived(f"{unit} since {fact.counted_since}", (fact.counted_since,), None, None) if fact.counted_since else None
    )


def against_posted(
    fact: Fact, posted: Value, posted_at: datetime, conclusion: Conclusion, facts: Mapping[str, Fact], shown: KnownValue
) -> tuple[Conclusion, Notice]:
    """What counts when a fact was posted as one value and follows as another, and what is told of it.

    Within the agreement window the worse counts, otherwise the newer; what only follows as long as something is not
    known never counts against what was posted. `shown` is what was posted, with its limits.
    """
    value, derived, at = conclusion.value, conclusion.derived, conclusion.at or posted_at
    if value is None or derived is None:
        raise ValueError("Only a value can be held against another.")
    stated, follows = f"“{said(fact, shown)}” was posted", f"“{fact.said(value)}” follows from the rest"
    needs = (fact.key, *derived.needs)
    if conclusion.open:
        asked = ", ".join(facts[name].label for name in conclusion.open)
        detail = (
            f"{fact.label}: {stated}, which counts, but {follows} as long as this is not known: {asked}. Ask for it."
        )
        return NOTHING, Notice("contradiction", detail, needs)
    if abs(at - posted_at) <= fact.conflict_window:
        counting: Any = worst(fact, [posted, value])
        worse = "" if counting is None else said(fact, shown if counting == posted else counting)
        counts = f"the worse counts, “{worse}”" if worse else "it counts as not known"
        notice = Notice("contradiction", f"{fact.label}: {stated}, but {follows}; {counts}. Check it now.", needs)
        if counting is None:
            return Conclusion(contradictory=True), notice
        return (NOTHING if counting == posted else replace(conclusion, value=counting)), notice
    if at > posted_at:
        detail = (
            f"{fact.label}: {stated} on {posted_at:%Y-%m-%d %H:%M} UTC; since then {follows}, which counts. Confirm it."
        )
        return conclusion, Notice("superseded", detail, needs)
    detail = f"{fact.label}: {follows} of older values, but {stated} later, which counts. Check the older values."
    return NOTHING, Notice("superseded", detail, needs)
