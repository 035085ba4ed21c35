"""Which of several values of one fact is the worst."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from knowledge.facts import Fact, FactType, Value
from knowledge.model.intervals import Interval

Known = Value | Interval
"""A value, or the limits within which it lies."""


def said(fact: Fact, value: Known | None) -> str:
    """A value in words; of an interval the limits: `hematocrit <20%`."""
    if isinstance(value, Interval):
        return f"{fact.phrase} {fact.with_unit(value.text)}"
    return fact.said(value)


def worst(fact: Fact, values: Collection[Known]) -> Known | None:
    """The value that counts when all of these were said at once; None when the fact does not say which is worse.

    Of lists of codes it is what any of them holds.
    """
    match fact.worse:
        case "more":
            return frozenset().union(*(value for value in values if isinstance(value, frozenset)))
        case "true" | "false":
            wanted = fact.worse == "true"
            return wanted if wanted in values else not wanted
        case "high":
            return max(values, key=lambda value: _end(value, 1))
        case "low":
            return min(values, key=lambda value: _end(value, 0))
        case tuple() as order:
            return max(values, key=lambda value: order.index(value) if value in order else -1)
        case _:
            return None


def common(fact: Fact, values: Collection[Known]) -> Interval | None:
    """What lists of codes that disagree have in common, and what any of them holds; None for any other fact."""
    lists = [value for value in values if isinstance(value, frozenset)]
    if fact.type is not FactType.CODES or not lists:
        return None
    low, high = frozenset.intersection(*lists), frozenset.union(*lists)
    surely = [code.label for code in fact.codes if code.code in low]
    perhaps = [code.label for code in fact.codes if code.code in high - low]
    return Interval(low, high, f"{', '.join(surely) or 'none'}, perhaps {', '.join(perhaps)}")


def is_worst(fact: Fact, value: Known) -> bool:
    """Whether no value could be worse; of numbers and lists of codes that is never known."""
    match fact.worse:
        case "true" | "false":
            return value is (fact.worse == "true")
        case tuple() as order:
            return value == order[-1]
        case _:
            return False


def _end(value: Any, place: int) -> Any:
    return value.ends()[place] if isinstance(value, Interval) else value
