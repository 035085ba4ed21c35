"""The plain reading of a condition: met, not met or unknown; why; what is missing.

Strong Kleene logic (Kleene SC. Introduction to Metamathematics. 1952, section 64). Every other way of
evaluating a condition is held to this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, assert_never

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
)
from knowledge.facts import Facts, Value
from knowledge.model.intervals import Interval

_ORDER: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.LESS: lt,
    Operator.AT_MOST: le,
    Operator.MORE: gt,
    Operator.AT_LEAST: ge,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact that decided a condition; `value` is None when being not known is what decided."""

    fact: str
    value: Value | None


def reading(condition: Condition, facts: Facts) -> bool | None:
    """True, False, or None when what is not known could still decide it."""
    match condition:
        case Compare() | Between() | Among() | Includes():
            value = facts.get(condition.fact)
            if value is None:
                return None
            return _holds_within(condition, value) if isinstance(value, Interval) else _holds(condition, value)
        case AllOf():
            return _all(condition.parts, facts)
        case AnyOf():
            return _any(condition.parts, facts)
        case Not():
            return negated(reading(condition.part, facts))
        case Known():
            return condition.fact in facts
        case AtLeast():
            return _at_least(condition.count, [reading(part, facts) for part in condition.parts])
        case Always():
            return True
        case _:
            assert_never(condition)


def findings(condition: Condition, facts: Facts) -> tuple[Finding, ...]:
    """The facts that decided a condition that is met or not met, in the order of reading, each once."""
    return tuple(dict.fromkeys(_deciding(condition, facts)))


def missing(condition: Condition, facts: Facts) -> tuple[str, ...]:
    """The names of the facts that could still decide a condition that is unknown, in the order of reading."""
    return tuple(dict.fromkeys(_undecided(condition, facts)))


def _holds(leaf: Compare | Between | Among | Includes, value: Value) -> bool:
    match leaf:
        case Compare():
            if leaf.operator is Operator.IS:
                return value == leaf.value
            return _ORDER[leaf.operator](value, leaf.value)
        case Between():
            return leaf.low <= value <= leaf.high  # type: ignore[operator]
        case Among():
            return value in leaf.codes
        case Includes():
            return leaf.code in value  # type: ignore[operator]
        case _:
            assert_never(leaf)


def _holds_within(leaf: Compare | Between | Among | Includes, limits: Interval) -> bool | None:
    """Whether a comparison holds of every value within the limits, of none, or of some."""
    low, high = limits.ends()
    match leaf:
        case Compare(_, Operator.IS, value):
            return _holds(leaf, low) if low == high else None if value in limits else False
        case Compare():
            ends = {_holds(leaf, low), _holds(leaf, high)}
            return ends.pop() if len(ends) == 1 else None
        case Between():
            if leaf.low <= low and high <= leaf.high:
                return True
            return False if high < leaf.low or leaf.high < low else None
        case Includes(_, code):
            return True if code in low else None if code in high else False
        case Among():
            return None
        case _:
            assert_never(leaf)


def negated(part: bool | None) -> bool | None:
    """Not: what is not known stays not known."""
    return None if part is None else not part


def _all(parts: Iterable[Condition], facts: Facts) -> bool | None:
    result: bool | None = True
    for part in parts:
        met = reading(part, facts)
        if met is False:
            return False
        if met is None:
            result = None
    return result


def _any(parts: Iterable[Condition], facts: Facts) -> bool | None:
    result: bool | None = False
    for part in parts:
        met = reading(part, facts)
        if met:
            return True
        if met is None:
            result = None
    return result


def _at_least(count: int, parts: list[bool | None]) -> bool | None:
    if parts.count(True) >= count:
        return True
    return None if parts.count(True) + parts.count(None) >= count else False


def _deciding(condition: Condition, facts: Facts) -> Iterator[Finding]:
    result = reading(condition, facts)
    if result is None:
        return
    match condition:
        case Always():
            return
        case Known(fact) | Compare(fact) | Between(fact) | Among(fact) | Includes(fact):
            yield Finding(fact, facts.get(fact))
        case Not(part):
            yield from _deciding(part, facts)
        case AllOf(parts) | AnyOf(parts) | AtLeast(_, parts):
            for part in parts:
                if reading(part, facts) is result:
                    yield from _deciding(part, facts)
        case _:
            assert_never(condition)


def _undecided(condition: Condition, facts: Facts) -> Iterator[str]:
    if reading(condition, facts) is not None:
        return
    match condition:
        case Always() | Known():
            return
        case Compare(fact) | Between(fact) | Among(fact) | Includes(fact):
            yield fact
        case Not(part):
            yield from _undecided(part, facts)
        case AllOf(parts) | AnyOf(parts) | AtLeast(_, parts):
            for part in parts:
                yield from _undecided(part, facts)
        case _:
            assert_never(condition)
