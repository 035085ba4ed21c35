"""Which of several values of one fact is the worst."""

from __future__ import annotations

from collections.abc import Collection

from knowledge.facts import Fact, FactType, Value
from knowledge.model.intervals import Interval, greatest, intersection, least

Known = Value | Interval
"""A value, or the limits within which it lies."""


def said(fact: Fact, value: Known | None) -> str:
    """A value in words; of an interval the limits: `hematocrit <20%`."""
    if isinstance(value, Interval):
        return f"{fact.phrase} {fact.with_unit(value.text)}"
    return fact.said(value)


def agreed(values: Collection[Known]) -> Known | None:
    """The one value that all of these can be: 15 of 15 and <20; None where they exclude each other."""
    if any(isinstance(value, Interval) for value in values):
        return intersection(values)
    first, *others = values
    return None if any(value != first for value in others) else first


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
            return greatest(values)
        case "low":
            return least(values)
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
