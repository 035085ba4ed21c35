"""The plain reading of a condition: met, not met or unknown; why; what is missing.

Strong Kleene logic (Kleene SC. Introduction to Metamathematics. 1952, section 64). Every other way of
evaluating a condition is held to this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

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


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact that decided a condition; `value` is None when being not known is what decided."""

    fact: str
    value: Value | None


def reading(condition: Condition, facts: Facts) -> bool | None:
    """True, False, or None when what is not known could still decide it."""
    match condition:
        case Always():
            return True
        case Known(fact):
            return fact in facts
        case Compare() | Between() | Among() | Includes():
            return _holds(condition, facts[condition.fact]) if condition.fact in facts else None
        case Not(part):
            return negated(reading(part, facts))
        case AllOf(parts):
            return _all(reading(part, facts) for part in parts)
        case AnyOf(parts):
            return _any(reading(part, facts) for part in parts)
        case AtLeast(count, parts):
            return _at_least(count, [reading(part, facts) for part in parts])
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
        case Compare(_, Operator.IS, wanted):
            return value == wanted
        case Compare(_, Operator.LESS, limit):
            return value < limit  # type: ignore[operator]
        case Compare(_, Operator.AT_MOST, limit):
            return value <= limit  # type: ignore[operator]
        case Compare(_, Operator.MORE, limit):
            return value > limit  # type: ignore[operator]
        case Compare(_, Operator.AT_LEAST, limit):
            return value >= limit  # type: ignore[operator]
        case Between(_, low, high):
            return low <= value <= high  # type: ignore[operator]
        case Among(_, codes):
            return value in codes
        case Includes(_, code):
            return code in value  # type: ignore[operator]
        case _:
            assert_never(leaf)


def negated(part: bool | None) -> bool | None:
    """Not: what is not known stays not known."""
    return None if part is None else not part


def _all(parts: Iterable[bool | None]) -> bool | None:
    unknown = False
    for part in parts:
        if part is False:
            return False
        unknown = unknown or part is None
    return None if unknown else True


def _any(parts: Iterable[bool | None]) -> bool | None:
    unknown = False
    for part in parts:
        if part:
            return True
        unknown = unknown or part is None
    return None if unknown else False


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


