"""Conditions spelled out as alternatives of conjunctions of tests, exactly as strong Kleene logic reads them.

A test asks at which *place* a fact stands. The places are the pieces into which the conditions at hand cut the
values of a fact: `age_years > 55` and `age_years >= 70` leave place 1 (up to 55), 2 (56 to 69) and 3 (70 and
more); place 0 says that the fact is not known. Python itself finds the place of a value, so whole numbers of
any size, decimals and dates keep their order exactly, and neither exponent, locale nor overflow can reach C.
What a condition asks of a fact is then a set of places, and its opposite the other places of what is known.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import product
from typing import Any, NamedTuple, assert_never

from knowledge.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    AtLeast,
    Between,
    Compare,
    Condition,
    Includes,
    Known,
    Leaf,
    Not,
    Operator,
    leaves,
)
from knowledge.errors import KnowledgeError
from knowledge.facts import Fact, FactType
from knowledge.language import write

MOST_ALTERNATIVES = 256
"""Of one condition; 5 findings out of 10 make 252. A rule that needs more is several rules."""

MOST_TESTED = 80
"""Aspects in one conjunction, so that all that a ruleset reads can have a name of one letter."""

MOST_EXCLUDED = 3
"""Codes ruled out one by one with `!=`; beyond, each run of the codes that remain is an alternative."""


class TooLarge(KnowledgeError):
    """A condition that spells out to more than the engine can hold of one rule."""


class Aspect(NamedTuple):
    """What has a place: a fact, or whether a fact's list of codes includes `code`."""

    fact: str
    code: str = ""


class Comparison(StrEnum):
    """How a place is held against another; the text is durable_rules' own."""

    IS = "$eq"
    IS_NOT = "$neq"
    AT_LEAST = "$gte"
    AT_MOST = "$lte"


class Test(NamedTuple):
    """A comparison of the place of an aspect; never true of an aspect that a message leaves out."""

    aspect: Aspect
    comparison: Comparison
    place: int


Conjunction = tuple[Test, ...]
"""Tests that must all hold, in their own order, each once; () always holds."""

Places = int
"""A set of places: bit n stands for place n."""

NOT_KNOWN: Places = 1

_Sets = tuple[tuple[Aspect, Places], ...]
"""For each aspect, in their order, where it must stand; () asks nothing."""

_Cut = tuple[Any, bool]
"""Where an order is cut: just before a value, or (True) just after it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The places of an aspect: 0 when it is not known, otherwise 1 to `last`, as `place` finds them.

    `firsts` gives the place of a code or truth value, or the first place after a cut. `asked` says that some
    condition asks whether the fact is known: place 0 is then sent, and every other test must rule it out.
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


_ORDERED = (FactType.INTEGER, FactType.DECIMAL, FactType.DATE)


def scales(conditions: Iterable[Condition], facts: Mapping[str, Fact]) -> dict[Aspect, Scale]:
    """The scales of everything that the conditions read; they fit the dictionary, as language.parse checks."""
    cuts: dict[Aspect, set[_Cut]] = {}
    asked: set[Aspect] = set()
    for leaf in (leaf for condition in conditions for leaf in leaves(condition)):
        aspect = _aspect(leaf)
        found = cuts.setdefault(aspect, set())
        if isinstance(leaf, Known):
            asked.add(aspect)
        elif facts[leaf.fact].type in _ORDERED:
            found.update(cut for cut in _span(leaf, facts[leaf.fact].type) if cut is not None)
    return {
        aspect: _scale(aspect, facts[aspect.fact], sorted(found), asked=aspect in asked)
        for aspect, found in sorted(cuts.items())
    }


def spelled_out(condition: Condition, scales: Mapping[Aspect, Scale]) -> tuple[Conjunction, ...]:
    """The conjunctions of which at least one holds whenever the condition is met, and none otherwise.

    Raises TooLarge, before the work, when there are too many of them.
    """
    alternatives = _alternatives(condition, True, scales)
    spelled: dict[Conjunction, None] = {}
    for sets in alternatives:
        if len(sets) > MOST_TESTED:
            raise TooLarge(
                f"{len(sets)} things must hold together in this condition, and the engine takes {MOST_TESTED}. "
                "Split it into rules that each read fewer facts."
            )
        choices = [_tests(aspect, places, scales[aspect]) for aspect, places in sets]
        _refuse_many(math.prod(map(len, choices)), condition)
        spelled.update((sum(chosen, ()), None) for chosen in product(*choices))
        _refuse_many(len(spelled), condition)
    return tuple(spelled)


def _alternatives(condition: Condition, wanted: bool, scales: Mapping[Aspect, Scale]) -> list[_Sets]:
    """The alternatives of a condition, or of its opposite when that is wanted."""
    match condition:
        case Always():
            return [()] if wanted else []
        case Not(part):
            return _alternatives(part, not wanted, scales)
        case AllOf(parts):
            return _counted(len(parts) if wanted else 1, condition, wanted, scales)
        case AnyOf(parts):
            return _counted(1 if wanted else len(parts), condition, wanted, scales)
        case AtLeast(count, parts):
            return _counted(count if wanted else len(parts) - count + 1, condition, wanted, scales)
        case Compare() | Between() | Among() | Includes() | Known():
            aspect = _aspect(condition)
            places = _places(condition, scales[aspect])
            if not wanted:
                places = NOT_KNOWN if isinstance(condition, Known) else scales[aspect].known & ~places
            return [((aspect, places),)] if places else []
        case _:
            assert_never(condition)


def _counted(
    count: int, whole: AllOf | AnyOf | AtLeast, wanted: bool, scales: Mapping[Aspect, Scale]
) -> list[_Sets]:
    """The alternatives of "at least `count` of the parts", each part (or its opposite) joining in turn.

    After each part, `reached[n]` holds the alternatives of "at least n of the parts so far".
    """
    reached: dict[int, list[_Sets]] = {0: [()]}
    for position, part in enumerate(whole.parts, start=1):
        choices = _alternatives(part, wanted, scales)
        still_to_come = len(whole.parts) - position
        longer: dict[int, list[_Sets]] = {}
        for n in range(max(0, count - still_to_come), min(position, count) + 1):
            before = reached.get(n - 1, [])
            _refuse_many(len(before) * len(choices) // 4, whole)
            joined = (_joined(sets, choice) for sets in before for choice in choices)
            longer[n] = _not_covered([*reached.get(n, []), *(sets for sets in joined if sets is not None)])
            _refuse_many(len(longer[n]), whole)
        reached = longer
    return reached[count]


def _joined(one: _Sets, other: _Sets) -> _Sets | None:
    """What both ask, or None when they contradict each other."""
    joined = dict(one)
    for aspect, places in other:
        joined[aspect] = joined.get(aspect, places) & places
        if not joined[aspect]:
            return None
    return tuple(sorted(joined.items()))


def _not_covered(alternatives: Iterable[_Sets]) -> list[_Sets]:
    """The alternatives without those that ask all that another asks, and more."""
    kept: list[_Sets] = []
    by_first: dict[Aspect, list[_Sets]] = {}
    for sets in sorted(set(alternatives), key=lambda sets: (len(sets), sets)):
        if not sets:
            return [sets]
        asked = dict(sets)
        rivals = (rival for aspect in asked for rival in by_first.get(aspect, ()))
        if not any(all(asked.get(aspect, ~places) & ~places == 0 for aspect, places in rival) for rival in rivals):
            kept.append(sets)
            by_first.setdefault(sets[0][0], []).append(sets)
    return kept


def _refuse_many(number: int, condition: Condition) -> None:
    if number > MOST_ALTERNATIVES:
        text = write(condition)
        raise TooLarge(
            f"Spelled out, `{text if len(text) <= 120 else text[:119] + '…'}` has more than {MOST_ALTERNATIVES} "
            "alternatives. Write some of them as rules of their own, or count among fewer parts."
        )


def _tests(aspect: Aspect, places: Places, scale: Scale) -> list[Conjunction]:
    """Alternatives of tests for standing at one of the places: one for each run, or `!=` for a few codes."""
    known = (Test(aspect, Comparison.AT_LEAST, 1),)
    excluded = list(_members(scale.known & ~places))
    if places != NOT_KNOWN and not scale.ordered and 1 <= len(excluded) <= min(MOST_EXCLUDED, scale.last - 2):
        ruled_out = tuple(Test(aspect, Comparison.IS_NOT, place) for place in excluded)
        return [known + ruled_out if scale.asked else ruled_out]
    alternatives: list[Conjunction] = []
    for low, high in _runs(places):
        if low == high:
            alternatives.append((Test(aspect, Comparison.IS, low),))
        elif high == scale.last:
            alternatives.append((Test(aspect, Comparison.AT_LEAST, low),))
        else:
            lower = (Test(aspect, Comparison.AT_LEAST, low),) if low > 1 or scale.asked else ()
            alternatives.append((*lower, Test(aspect, Comparison.AT_MOST, high)))
    return alternatives


def _members(places: Places) -> Iterator[int]:
    return (place for place in range(places.bit_length()) if places >> place & 1)


def _runs(places: Places) -> Iterator[tuple[int, int]]:
    """The first and last place of each unbroken run."""
    low = None
    for place in range(places.bit_length() + 1):
        if places >> place & 1:
            low = place if low is None else low
        elif low is not None:
            yield low, place - 1
            low = None


def _aspect(leaf: Leaf) -> Aspect:
    return Aspect(leaf.fact, leaf.code) if isinstance(leaf, Includes) else Aspect(leaf.fact)


def _scale(aspect: Aspect, fact: Fact, cuts: list[_Cut], *, asked: bool) -> Scale:
    match fact.type:
        case FactType.BOOLEAN:
            return _named(fact, (False, True), asked)
        case FactType.CODE:
            return _named(fact, [code.code for code in fact.codes], asked)
        case FactType.CODES if aspect.code:
            return Scale(fact.type, 2, lambda codes: 2 if aspect.code in codes else 1, {}, asked)
        case FactType.CODES | FactType.TEXT:
            return Scale(fact.type, 1, lambda _: 1, {}, asked)
        case FactType.INTEGER | FactType.DATE | FactType.DECIMAL:
            firsts = {cut: place for place, cut in enumerate(cuts, start=2)}
            return Scale(fact.type, len(cuts) + 1, _place_among(cuts, fact.type), firsts, asked)
        case _:
            assert_never(fact.type)


def _named(fact: Fact, values: Iterable[bool | str], asked: bool) -> Scale:
    firsts = {value: place for place, value in enumerate(values, start=1)}
    return Scale(fact.type, len(firsts), firsts.__getitem__, firsts, asked)


def _place_among(cuts: Iterable[_Cut], type: FactType) -> Callable[[Any], int]:
    """How many cuts a value has passed, and one."""
    before = [value for value, beyond in cuts if not beyond]
    beyond = [value for value, beyond in cuts if beyond]
    if type is FactType.DATE:
        return lambda day: bisect_right(before, day.toordinal()) + 1
    if not beyond:
        return lambda value: bisect_right(before, value) + 1
    return lambda value: bisect_right(before, value) + bisect_left(beyond, value) + 1


def _places(leaf: Leaf, scale: Scale) -> Places:
    match leaf:
        case Known():
            return scale.known
        case Includes():
            return 1 << 2
        case Among(_, codes):
            return sum(1 << scale.firsts[code] for code in codes)
        case Compare(_, _, bool() | str() as value):
            return 1 << scale.firsts[value]
        case Compare() | Between():
            low, high = _span(leaf, scale.type)
            first = 1 if low is None else scale.firsts[low]
            end = scale.last + 1 if high is None else scale.firsts[high]
            return (1 << end) - (1 << first) if first < end else 0
        case _:
            assert_never(leaf)


def _span(leaf: Leaf, type: FactType) -> tuple[_Cut | None, _Cut | None]:
    """The cuts between which an ordered value lies; None where there is no end."""
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
            raise TypeError(f"{leaf!r} asks for no order.")


def _cut(value: Any, beyond: bool, type: FactType) -> _Cut:
    """Whole numbers and days are cut before a number only, so that `> 55` and `>= 56` are one cut."""
    match value:
        case date():
            return value.toordinal() + beyond, False
        case int() | float() if type is FactType.INTEGER:
            return (math.floor(value) + 1 if beyond else math.ceil(value)), False
        case _:
            return value, beyond
