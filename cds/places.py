"""The places at which a fact can stand, and the literals that ask for them.

The conditions at hand cut the values of a fact into pieces: `age_years > 55` and `age_years >= 70` leave place 1
(up to 55), place 2 (56 to 69) and place 3 (70 and more). A code or truth value is a place by itself. Place 0 says
that the fact is not known. Python finds the place of a value and the engine compares places, so that whole
numbers of any size, decimals and dates keep their order exactly: no exponent, overflow or locale reaches C,
which reads decimals with `atof` and compares a whole number with a decimal only to 53 bits (durable_rules
2.0.28, src/rules/state.c and events.c). What a condition asks of a fact is a set of places, and its opposite is
the other places of what is known.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple, assert_never

from knowledge.conditions import Among, Between, Compare, Condition, Includes, Known, Leaf, Operator, leaves
from knowledge.facts import Fact, FactType

MOST_EXCLUDED = 3
"""Codes that are ruled out one by one; when more are, each run of the remaining ones is an alternative."""

Places = int
"""A set of places: bit n stands for place n."""

NOT_KNOWN: Places = 1

Cut = tuple[Any, bool]
"""Where an order is cut: just before a value, or (True) just after it."""

_ORDERED = (FactType.INTEGER, FactType.DECIMAL, FactType.DATE)


class Aspect(NamedTuple):
    """What has a place: a fact, or whether a fact's list of codes includes `code`."""

    fact: str
    code: str = ""


class Comparison(StrEnum):
    """How two places are compared; the text is durable_rules' own."""

    IS = "$eq"
    IS_NOT = "$neq"
    AT_LEAST = "$gte"
    AT_MOST = "$lte"


class Literal(NamedTuple):
    """The place of an aspect held against another; never true of an aspect that a message leaves out."""

    aspect: Aspect
    comparison: Comparison
    place: int


@dataclass(frozen=True, slots=True)
class Scale:
    """The places of an aspect: 0 when it is not known, otherwise 1 to `last`, as `place` finds them.

    `firsts` gives the place of a code or truth value, or the first place after a cut. `asked` says that some
    condition asks whether the fact is known: place 0 is then sent too, and every other literal must rule it out.
    """

    type: FactType
    last: int
    place: Callable[[Any], int]
    firsts: Mapping[Any, int]
    asked: bool

    @property
    def known(self) -> Places:
        return (2 << self.last) - 2

    @property
    def ordered(self) -> bool:
        return self.type in _ORDERED

    def places(self, leaf: Leaf) -> Places:
        """The places at which the leaf is true."""
        match leaf:
            case Known():
                return self.known
            case Includes():
                return 1 << self.place({leaf.code})
            case Among(_, codes):
                return sum(1 << self.firsts[code] for code in codes)
            case Compare(_, _, bool() | str() as value):
                return 1 << self.firsts[value]
            case Compare() | Between():
                low, high = _span(leaf, self.type)
                first = 1 if low is None else self.firsts[low]
                end = self.last + 1 if high is None else self.firsts[high]
                return (1 << end) - (1 << first) if first < end else 0
            case _:
                assert_never(leaf)

    def literals(self, aspect: Aspect, places: Places) -> list[tuple[Literal, ...]]:
        """Alternatives of literals that together ask for the places: one for each run, or `!=` for a few codes."""
        excluded = tuple(_members(self.known & ~places))
        if self.type is FactType.CODE and 1 <= len(excluded) <= min(MOST_EXCLUDED, self.last - 2):
            known = (Literal(aspect, Comparison.AT_LEAST, 1),) if self.asked and not places & NOT_KNOWN else ()
            return [known + tuple(Literal(aspect, Comparison.IS_NOT, place) for place in excluded)]
        return [self._within(aspect, low, high) for low, high in _runs(places)]

    def _within(self, aspect: Aspect, low: int, high: int) -> tuple[Literal, ...]:
        if low == high:
            return (Literal(aspect, Comparison.IS, low),)
        if high == self.last:
            return (Literal(aspect, Comparison.AT_LEAST, low),)
        lowest = 0 if self.asked else 1
        at_least = (Literal(aspect, Comparison.AT_LEAST, low),) if low > lowest else ()
        return (*at_least, Literal(aspect, Comparison.AT_MOST, high))


def aspect_of(leaf: Leaf) -> Aspect:
    return Aspect(leaf.fact, leaf.code) if isinstance(leaf, Includes) else Aspect(leaf.fact)


def scales(conditions: Iterable[Condition], facts: Mapping[str, Fact]) -> dict[Aspect, Scale]:
    """The scale of everything that the conditions read.

    The conditions fit the dictionary, as `knowledge.language.parse` checks.
    """
    cuts: dict[Aspect, set[Cut]] = {}
    asked: set[Aspect] = set()
    for leaf in (leaf for condition in conditions for leaf in leaves(condition)):
        aspect = aspect_of(leaf)
        found = cuts.setdefault(aspect, set())
        if isinstance(leaf, Known):
            asked.add(aspect)
        elif facts[leaf.fact].type in _ORDERED:
            found.update(cut for cut in _span(leaf, facts[leaf.fact].type) if cut is not None)
    return {
        aspect: _scale(aspect, facts[aspect.fact], sorted(found), asked=aspect in asked)
        for aspect, found in sorted(cuts.items())
    }


def _scale(aspect: Aspect, fact: Fact, cuts: Sequence[Cut], *, asked: bool) -> Scale:
    match fact.type:
        case FactType.BOOLEAN:
            return _named(fact.type, (False, True), asked)
        case FactType.CODE:
            return _named(fact.type, [code.code for code in fact.codes], asked)
        case FactType.CODES if aspect.code:
            return Scale(fact.type, 2, lambda codes: 2 if aspect.code in codes else 1, {}, asked)
        case FactType.CODES | FactType.TEXT:
            return Scale(fact.type, 1, lambda _: 1, {}, asked)
        case FactType.INTEGER | FactType.DATE | FactType.DECIMAL:
            firsts = {cut: place for place, cut in enumerate(cuts, start=2)}
            return Scale(fact.type, len(cuts) + 1, _place_among(cuts, fact.type), firsts, asked)
        case _:
            assert_never(fact.type)


def _named(type: FactType, values: Sequence[bool | str], asked: bool) -> Scale:
    firsts = {value: place for place, value in enumerate(values, start=1)}
    return Scale(type, len(firsts), firsts.__getitem__, firsts, asked)


def _place_among(cuts: Iterable[Cut], type: FactType) -> Callable[[Any], int]:
    """One, and one more for every cut that a value has passed."""
    before = [value for value, after in cuts if not after]
    after = [value for value, after in cuts if after]
    if type is FactType.DATE:
        return lambda day: bisect_right(before, day.toordinal()) + 1
    if not after:
        return lambda value: bisect_right(before, value) + 1
    return lambda value: bisect_right(before, value) + bisect_left(after, value) + 1


def _span(leaf: Leaf, type: FactType) -> tuple[Cut | None, Cut | None]:
    """The cuts between which a value lies of which the leaf is true; None where there is no end."""
    match leaf:
        case Compare(_, Operator.IS, value):
            return _cut(value, False, type), _cut(value, True, type)
        case Compare(_, Operator.LESS, value):
            return None, _cut(value, False, type)
        case Compare(_, Operator.AT_MOST, value):
            return None, _cut(value, True, type)
        case Compare(_, Operator.MORE, value):
            return _cut(value, True, type), None
        case Compare(_, Operator.AT_LEAST, value):
            return _cut(value, False, type), None
        case Between(_, low, high):
            return _cut(low, False, type), _cut(high, True, type)
        case _:
            raise TypeError(f"{leaf} asks for no order.")


def _cut(value: Any, after: bool, type: FactType) -> Cut:
    """Whole numbers and days are only ever cut before, so that `> 55` and `>= 56` are the same cut."""
    match value:
        case date():
            return value.toordinal() + after, False
        case int() | float() if type is FactType.INTEGER:
            return (math.floor(value) + 1 if after else math.ceil(value)), False
        case _:
            return value, after


def _members(places: Places) -> Iterator[int]:
    return (place for place in range(places.bit_length()) if places >> place & 1)


def _runs(places: Places) -> Iterator[tuple[int, int]]:
    """The first and the last place of each unbroken run."""
    for _, numbered in groupby(enumerate(_members(places)), key=lambda pair: pair[1] - pair[0]):
        run = [place for _, place in numbered]
        yield run[0], run[-1]
