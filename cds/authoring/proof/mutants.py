"""Conditions with one slip in each, as a hurried author would make it: test patients must tell it from the original."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from cds.authoring.proof.rewriting import everywhere, replaced_at
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
    Operator,
    Ordered,
    all_of,
    any_of,
)
from knowledge.facts import LARGEST_NUMBER, NOT_KNOWN_CODE, Fact, FactType

_NEIGHBOURS: Mapping[Operator, tuple[Operator, ...]] = {
    Operator.LESS: (Operator.AT_MOST,),
    Operator.AT_MOST: (Operator.LESS,),
    Operator.MORE: (Operator.AT_LEAST,),
    Operator.AT_LEAST: (Operator.MORE,),
    Operator.IS: (Operator.AT_LEAST, Operator.AT_MOST),
}


class Slip(StrEnum):
    """The kind of a slip."""

    COMPARISON = "comparison"
    BOUND = "bound"
    CODE = "code"
    AND_OR = "and_or"
    NEGATION = "negation"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A condition with one slip in it."""

    slip: Slip
    condition: Condition


def mutants(condition: Condition, facts: Mapping[str, Fact]) -> list[Mutant]:
    """Every condition that one slip makes of this one, each once."""
    found: dict[Condition, Mutant] = {}
    parts = dict(everywhere(condition))
    for path, part in parts.items():
        denied = bool(path) and isinstance(parts[path[:-1]], Not)
        for slip, other in _slips(part, facts):
            if denied and other == Not(part):
                # The same as the denial lost, which is tried at the denial itself.
                continue
            whole = replaced_at(condition, path, other)
            if whole != condition:
                found.setdefault(whole, Mutant(slip, whole))
    return list(found.values())


def _slips(part: Condition, facts: Mapping[str, Fact]) -> Iterator[tuple[Slip, Condition]]:
    match part:
        case Always():
            return
        case Not(inner):
            yield Slip.NEGATION, inner
            return
        case Compare(fact, operator, value) if not isinstance(value, bool | str):
            for other in _NEIGHBOURS[operator]:
                yield Slip.COMPARISON, Compare(fact, other, value)
            for bound in _beside(facts[fact], value):
                yield Slip.BOUND, Compare(fact, operator, bound)
        case Compare(fact, operator, str() as code):
            for other in _other_codes(facts[fact], (code,)):
                yield Slip.CODE, Compare(fact, operator, other)
        case Between(fact, low, high):
            for bound in _beside(facts[fact], low):
                yield from _ranges(fact, bound, high)
            for bound in _beside(facts[fact], high):
                yield from _ranges(fact, low, bound)
        case Among(fact, codes):
            for code in codes if len(codes) > 1 else ():
                yield Slip.CODE, Among(fact, tuple(one for one in codes if one != code))
            for code in _other_codes(facts[fact], codes):
                yield Slip.CODE, Among(fact, (*codes, code))
        case Includes(fact, code):
            for other in _other_codes(facts[fact], (code,)):
                yield Slip.CODE, Includes(fact, other)
        case AllOf(parts):
            yield Slip.AND_OR, any_of(*parts)
        case AnyOf(parts):
            yield Slip.AND_OR, all_of(*parts)
        case AtLeast(count, parts):
            for other in (count - 1, count + 1):
                if 1 <= other <= len(parts):
                    yield Slip.COUNT, AtLeast(other, parts)
        case Compare() | Known():
            pass
    yield Slip.NEGATION, Not(part)


def _ranges(fact: str, low: Ordered, high: Ordered) -> Iterator[tuple[Slip, Condition]]:
    if low <= high:  # type: ignore[operator]
        yield Slip.BOUND, Between(fact, low, high)


def _beside(fact: Fact, value: Ordered) -> tuple[Ordered, ...]:
    """The next smaller and the next larger bound that an author might have written."""
    if isinstance(value, date):
        day = timedelta(1)
        before = (value - day,) if value > date.min else ()
        return before + ((value + day,) if value < date.max else ())
    step = fact.step or 1
    return tuple(other for other in (value - step, value + step) if other != value and abs(other) < LARGEST_NUMBER)


def _other_codes(fact: Fact, codes: Iterable[str]) -> list[str]:
    if fact.type not in (FactType.CODE, FactType.CODES):
        return []
    taken = {*codes, NOT_KNOWN_CODE}
    return [one.code for one in fact.codes if one.code not in taken]
