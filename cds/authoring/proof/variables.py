"""What a proof knows of each fact: the few values that some condition tells apart, one for each.

All values between two breakpoints are the same to every condition, so one of them stands for all. Which condition
is true of which value is asked of the reference evaluator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from knowledge.conditions import Between, Compare, Condition, Includes, Known, Leaf, leaves
from knowledge.errors import KnowledgeError, WrongValue
from knowledge.facts import LARGEST_NUMBER, NOT_KNOWN_CODE, Fact, FactType, Value
from knowledge.reasoning import reading

MOST_BREAKPOINTS = 400
"""Of one fact. A dictionary of today has ten at most."""

_ORDERED = (FactType.INTEGER, FactType.DECIMAL, FactType.DATE)


class CannotBeHeld(KnowledgeError):
    """Something that the solver cannot hold; the sentence says what to change."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run of values begins: at the value, or with the next one above it."""

    value: int | float | date
    included: bool = True

    def reached_by(self, value: Value) -> bool:
        return value >= self.value if self.included else value > self.value  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Variable:
    """The values of one fact that conditions tell apart, the smallest first; of a list of codes, the codes.

    `values` are representatives. Where they have an order, `starts` says of each but the first where what it stands
    for begins, and `last` gives of each the value next to the one after it.
    """

    fact: Fact
    values: tuple[Value, ...]
    starts: tuple[Start, ...] = ()
    last: tuple[Value, ...] = ()

    @property
    def ordered(self) -> bool:
        return self.fact.type in _ORDERED

    def where(self, leaf: Leaf) -> frozenset[int]:
        """The positions of the values of which a comparison is true; of a list of codes, the position of its code."""
        if isinstance(leaf, Includes):
            return frozenset({self.values.index(leaf.code)})
        return frozenset(
            place for place, value in enumerate(self.values) if reading(leaf, {self.fact.key: value}) is True
        )

    def position(self, value: Value) -> int:
        """The position of the representative that stands for a value."""
        if self.ordered:
            return sum(start.reached_by(value) for start in self.starts)
        return self.values.index(value)


def variables(conditions: Iterable[Condition], facts: Mapping[str, Fact]) -> dict[str, Variable]:
    """The variable of every fact, cut where the conditions cut it. Raises CannotBeHeld."""
    asked: dict[str, set[Leaf]] = {}
    for condition in conditions:
        for leaf in leaves(condition):
            if not isinstance(leaf, Known):
                asked.setdefault(leaf.fact, set()).add(leaf)
    return {key: _variable(fact, asked.get(key, set())) for key, fact in facts.items()}


def _variable(fact: Fact, asked: set[Leaf]) -> Variable:
    match fact.type:
        case FactType.BOOLEAN:
            return Variable(fact, (False, True))
        case FactType.CODE:
            return Variable(fact, tuple(code.code for code in fact.codes if code.code != NOT_KNOWN_CODE))
        case FactType.CODES:
            named = {leaf.code for leaf in asked if isinstance(leaf, Includes)}
            return Variable(fact, tuple(code.code for code in fact.codes if code.code in named))
        case FactType.TEXT:
            return Variable(fact, ())
        case FactType.INTEGER | FactType.DECIMAL | FactType.DATE:
            return _cut(fact, asked)


def _cut(fact: Fact, asked: set[Leaf]) -> Variable:
    """One value of every run of values of which the same comparisons are true."""
    bounds = sorted({bound for leaf in asked for bound in _bounds(leaf)})
    if len(bounds) > MOST_BREAKPOINTS:
        raise CannotBeHeld(
            f"Conditions compare {fact.key} with {len(bounds)} different values, and the solver holds "
            f"{MOST_BREAKPOINTS}: compare it with fewer."
        )
    runs: list[list[Any]] = []
    before: frozenset[Leaf] | None = None
    for value in _candidates(fact, bounds):
        same = frozenset(leaf for leaf in asked if reading(leaf, {fact.key: value}) is True)
        if same == before:
            runs[-1].append(value)
        else:
            runs.append([value])
        before = same
    exact = fact.type is not FactType.DECIMAL
    return Variable(
        fact,
        # The value next to the breakpoint: the last below the first breakpoint, the first above each.
        values=tuple(run[0 if place else -1] for place, run in enumerate(runs)),
        starts=tuple(
            Start(run[0]) if exact or run[0] in bounds else Start(lower[-1], included=False)
            for lower, run in pairwise(runs)
        ),
        last=tuple(run[-1] for run in runs),
    )


def _bounds(leaf: Leaf) -> Iterator[int | float | date]:
    match leaf:
        case Compare(_, _, int() | float() | date() as value) if not isinstance(value, bool):
            found = (value,)
        case Between(_, low, high):
            found = (low, high)
        case _:
            return
    # No fact reaches a larger number, so nothing is cut beyond it.
    yield from (one for one in found if isinstance(one, date) or abs(one) < LARGEST_NUMBER)


def _candidates(fact: Fact, bounds: Sequence[int | float | date]) -> list[Value]:
    """Values in order, of which at least one lies in every piece that the bounds leave of the fact's range."""
    match fact.type:
        case FactType.DATE:
            found = _days([bound for bound in bounds if isinstance(bound, date)])
        case FactType.INTEGER:
            found = _whole_numbers(fact, [bound for bound in bounds if not isinstance(bound, date)])
        case _:
            found = _decimals(fact, [float(bound) for bound in bounds if not isinstance(bound, date)])
    return sorted(value for value in found if _takes(fact, value))


def _days(bounds: Iterable[date]) -> set[Value]:
    day = timedelta(1)
    found: set[Value] = {date(2026, 1, 1)}
    for bound in bounds:
        found |= {bound}
        if bound > date.min:
            found.add(bound - day)
        if bound < date.max:
            found.add(bound + day)
    return found


def _whole_numbers(fact: Fact, bounds: Iterable[int | float]) -> set[Value]:
    step = fact.step or 1
    found: set[Value] = set()
    for bound in bounds:
        nearest = math.floor(bound / step) * step
        found |= {nearest - step, nearest, nearest + step}
    for limit in (fact.minimum, fact.maximum):
        if limit is not None:
            found |= {math.ceil(limit / step) * step, math.floor(limit / step) * step}
    return found or {0}


def _decimals(fact: Fact, bounds: Iterable[float]) -> set[Value]:
    ends = sorted({*bounds, *(float(limit) for limit in (fact.minimum, fact.maximum) if limit is not None)})
    if not ends:
        return {0.0}
    found: set[Value] = {*ends, ends[0] - 1, ends[-1] + 1}
    for low, high in pairwise(ends):
        found |= set(_between(low, high))
    return found


def _between(low: float, high: float) -> tuple[float, float]:
    """Two numbers between two others with as few digits as can be: next to the lower one, and next to the higher."""
    for digits in range(17):
        step = 10.0**-digits
        above = round(math.floor(low / step) * step + step, digits)
        below = round(math.ceil(high / step) * step - step, digits)
        if low < above < high and low < below < high:
            return above, below
    middle = low + (high - low) / 2
    return middle, middle


def _takes(fact: Fact, value: Value) -> bool:
    if fact.type is FactType.DATE:
        return True
    try:
        fact.typed(value)
    except WrongValue:
        return False
    return True
