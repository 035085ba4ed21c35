"""The patients that one could be of whom only limits are known: one for each way in which conditions can come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise, product
from typing import Any

from cds.decisions.intake.counting import counted_from
from cds.decisions.intake.observations import Moment
from cds.places import Aspect, Scale, scales
from knowledge.conditions import Condition
from knowledge.facts import Fact, FactType, Value
from knowledge.language import parse
from knowledge.model.intervals import Interval

MOST_VARIANTS = 16
"""Of one patient. Where there are more, the facts whose limits leave most open count as not known."""


class Variants:
    """Values that stand for all within some limits, by what the conditions of a release can tell apart."""

    def __init__(self, facts: Mapping[str, Fact], conditions: Iterable[Condition]) -> None:
        texts = [text for fact in facts.values() for text in _texts(fact)]
        self._facts = facts
        self._scales = scales([*conditions, *(parse(text, facts) for text in texts)], facts)
        self._counted = {
            key: [fact for fact in facts.values() if fact.counted_since == key]
            for key, fact in facts.items()
            if fact.type is FactType.DATE
        }

    def of(self, limits: Mapping[str, Interval], moment: Moment) -> Iterator[tuple[dict[str, Value], frozenset[str]]]:
        """Each way to choose a value for every limited fact, and the facts that are left open in all of them."""
        choices = {name: self._choices(name, one, moment) for name, one in limits.items()}
        open_: set[str] = set()
        while _ways(choices) > MOST_VARIANTS:
            widest = max(choices, key=lambda name: (len(choices[name]), name))
            del choices[widest]
            open_.add(widest)
        for values in product(*choices.values()):
            yield dict(zip(choices, values, strict=True)), frozenset(open_)

    def _choices(self, name: str, limits: Interval, moment: Moment) -> list[Value]:
        """A value for each place that the limits reach."""
        today = moment.day()
        if isinstance(limits.low, frozenset):
            return self._lists(name, limits)
        scale = self._scales.get(Aspect(name))
        values = [value for value in self._candidates(name, limits, scale, today) if value in limits]
        counted = [(fact, self._scales[Aspect(fact.key)]) for fact in self._counted.get(name, ()) if self._read(fact)]
        found: dict[Any, Value] = {}
        for value in sorted(set(values)):
            places = [scale.place(value) if scale else 0]
            places += [other.place(counted_from(fact, value, today)) for fact, other in counted]
            found.setdefault(tuple(places), value)
        return list(found.values())

    def _lists(self, name: str, limits: Interval) -> list[Value]:
        """Every list within the limits, as far as conditions can tell them apart."""
        told_apart = sorted(code for code in limits.high - limits.low if Aspect(name, code) in self._scales)
        if 2 ** len(told_apart) > MOST_VARIANTS:
            return [limits.low] * (MOST_VARIANTS + 1)
        return [
            limits.low | {code for code, held in zip(told_apart, chosen, strict=True) if held}
            for chosen in product((False, True), repeat=len(told_apart))
        ]

    def _read(self, fact: Fact) -> bool:
        return Aspect(fact.key) in self._scales

    def _candidates(self, name: str, limits: Interval, scale: Scale | None, today: date) -> Iterator[Any]:
        whole = self._facts[name].type is not FactType.DECIMAL
        ends = list(limits.ends())
        yield from ends
        cuts = [value for cut, _ in scale.firsts for value in _values(cut, limits)] if scale and scale.ordered else []
        for fact in self._counted.get(name, ()):
            if self._read(fact):
                cuts += [day for cut, _ in self._scales[Aspect(fact.key)].firsts for day in _days(fact, cut, today)]
        if whole:
            yield from (near for cut in cuts for near in _neighbors(cut, self._facts[name].step))
            return
        points = sorted({*ends, *(cut for cut in cuts if cut in limits)})
        yield from points
        yield from ((one + other) / 2 for one, other in pairwise(points))


def _texts(fact: Fact) -> Iterator[str]:
    yield from (one.when for one in fact.derivations)
    yield from (one.condition for one in fact.invariants)
    if fact.population:
        yield fact.population


def _ways(choices: Mapping[str, list[Value]]) -> int:
    count = 1
    for values in choices.values():
        count *= max(1, len(values))
    return count


def _values(cut: Any, limits: Interval) -> Iterator[Any]:
    """A cut of a scale as a value: days are cut by their ordinal numbers, and none comes after the last."""
    if not isinstance(limits.low, date):
        yield cut
    elif cut <= date.max.toordinal():
        yield date.fromordinal(cut)


def _neighbors(cut: Any, stepped: int | None) -> Iterator[Any]:
    """A cut and the values beside it that the fact can have."""
    step: Any = timedelta(days=1) if isinstance(cut, date) else stepped or 1
    if stepped and not isinstance(cut, date):
        cut -= cut % stepped
    for steps in (-1, 0, 1):
        try:
            yield cut + steps * step
        except OverflowError:
            continue


def _days(fact: Fact, count: int, today: date) -> Iterator[date]:
    """The days from which a count changes, near enough for the days beside them to be tried too."""
    try:
        yield today - timedelta(days=int(count)) if fact.days_since else _years_before(today, int(count))
    except (OverflowError, ValueError):
        return


def _years_before(today: date, years: int) -> date:
    try:
        return today.replace(year=today.year - years)
    except ValueError:
        return date(today.year - years, 3, 1)
