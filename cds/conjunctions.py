"""Conditions spelled out as alternatives of conjunctions, exactly as strong Kleene logic reads them.

Negation goes down to the leaves, where it is another set of places; a condition is met whenever every literal of
at least one conjunction holds, and no literal holds of what is not known unless it asks for just that. Strong
Kleene logic is a distributive lattice, so spelling out changes nothing; and what contradicts itself, or asks all
that another alternative asks and more, can be left out (Kleene SC. Introduction to Metamathematics. 1952, § 64).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import product
from typing import assert_never

from cds.places import NOT_KNOWN, Aspect, Literal, Places, Scale, aspect_of
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
    Not,
)
from knowledge.errors import KnowledgeError, short
from knowledge.language import write

MOST_ALTERNATIVES = 256
"""Of one condition: 5 findings out of 10 make 252. A rule that needs more is several rules."""

MOST_JOINED = 4 * MOST_ALTERNATIVES
"""Pairs of alternatives in one step, of which some contradict each other or are covered by others."""

MOST_ASPECTS = 100
"""In one conjunction; the engine refuses a message with 255 properties (error 302)."""

Conjunction = frozenset[Literal]
"""Literals that must all hold; the empty one always holds."""

_Asked = tuple[tuple[Aspect, Places], ...]
"""For each aspect, in their order, the places at which it must stand."""


class TooLarge(KnowledgeError):
    """A condition that spells out to more than one rule can be."""


def spelled_out(condition: Condition, scales: Mapping[Aspect, Scale]) -> list[Conjunction]:
    """The conjunctions of a condition; more scales than it needs change their places, never their number.

    Raises TooLarge, and does so before the work that would be too much.
    """
    spelled: dict[Conjunction, None] = {}
    for asked in _alternatives(condition, True, scales):
        if len(asked) > MOST_ASPECTS:
            raise TooLarge(
                f"`{short(write(condition), 100)}` needs {len(asked)} facts at once; {MOST_ASPECTS} are the most. "
                "Split it into several rules that each read fewer facts."
            )
        choices = [scales[aspect].literals(aspect, places) for aspect, places in asked]
        if len(spelled) + math.prod(map(len, choices)) > MOST_ALTERNATIVES:
            raise _too_many(condition)
        spelled.update((frozenset().union(*chosen), None) for chosen in product(*choices))
    return list(spelled)


def _alternatives(condition: Condition, wanted: bool, scales: Mapping[Aspect, Scale]) -> list[_Asked]:
    """The alternatives of a condition; of its opposite, when that is wanted."""
    match condition:
        case Always():
            return [()] if wanted else []
        case Not(part):
            return _alternatives(part, not wanted, scales)
        case AllOf(parts):
            return _at_least(len(parts) if wanted else 1, condition, wanted, scales)
        case AnyOf(parts):
            return _at_least(1 if wanted else len(parts), condition, wanted, scales)
        case AtLeast(count, parts):
            return _at_least(count if wanted else len(parts) - count + 1, condition, wanted, scales)
        case Compare() | Between() | Among() | Includes() | Known():
            aspect = aspect_of(condition)
            places = scales[aspect].places(condition)
            if not wanted:
                places = NOT_KNOWN if isinstance(condition, Known) else scales[aspect].known & ~places
            return [((aspect, places),)] if places else []
        case _:
            assert_never(condition)


def _at_least(
    needed: int, whole: AllOf | AnyOf | AtLeast, wanted: bool, scales: Mapping[Aspect, Scale]
) -> list[_Asked]:
    """The alternatives of "at least so many of the parts", or of their opposites: one part after the other.

    `reached[n]` holds the alternatives of "at least n of the parts so far"; parts with few go first.
    """
    parts = sorted((_alternatives(part, wanted, scales) for part in whole.parts), key=len)
    reached: dict[int, list[_Asked]] = {0: [()]}
    for done, part in enumerate(parts, start=1):
        further: dict[int, list[_Asked]] = {}
        for n in range(max(0, needed - len(parts) + done), min(done, needed) + 1):
            fewer = reached.get(n - 1, [])
            if len(fewer) * len(part) > MOST_JOINED:
                raise _too_many(whole)
            joined = (_joined(one, other) for one in fewer for other in part)
            further[n] = _simplified([*reached.get(n, []), *(asked for asked in joined if asked is not None)], scales)
            if len(further[n]) > MOST_ALTERNATIVES:
                raise _too_many(whole)
        reached = further
    return reached[needed]


def _joined(one: _Asked, other: _Asked) -> _Asked | None:
    """What both ask, or None when they contradict each other."""
    joined = dict(one)
    for aspect, places in other:
        joined[aspect] = joined.get(aspect, places) & places
        if not joined[aspect]:
            return None
    return tuple(sorted(joined.items()))


def _simplified(alternatives: Iterable[_Asked], scales: Mapping[Aspect, Scale]) -> list[_Asked]:
    """The alternatives that ask for one aspect alone as one; none that asks all that another does, and more."""
    single: dict[Aspect, Places] = {}
    others: set[_Asked] = set()
    for asked in alternatives:
        match asked:
            case ():
                return [()]
            case ((aspect, places),):
                single[aspect] = single.get(aspect, 0) | places
            case _:
                others.add(asked)
    if any(places == scales[aspect].known | NOT_KNOWN for aspect, places in single.items()):
        return [()]
    kept: list[_Asked] = [(asked,) for asked in sorted(single.items())]
    by_first_aspect: dict[Aspect, list[_Asked]] = {asked[0][0]: [asked] for asked in kept}
    for asked in sorted(others, key=_narrowness):
        mine = dict(asked)
        rivals = (rival for aspect in mine for rival in by_first_aspect.get(aspect, ()))
        if not any(all(mine.get(aspect, ~places) & ~places == 0 for aspect, places in rival) for rival in rivals):
            kept.append(asked)
            by_first_aspect.setdefault(asked[0][0], []).append(asked)
    return kept


def _narrowness(asked: _Asked) -> tuple[int, int, _Asked]:
    """An order in which what covers another comes before it."""
    return len(asked), -sum(places.bit_count() for _, places in asked), asked


def _too_many(condition: Condition) -> TooLarge:
    return TooLarge(
        f"Spelled out, `{short(write(condition), 100)}` has more than {MOST_ALTERNATIVES} alternatives. "
        "Split it into several rules, or count among fewer parts."
    )
