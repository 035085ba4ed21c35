"""A value of which only the limits are known: `<20`, `2021-05`, an age that was noted months ago."""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from knowledge.errors import WrongValue
from knowledge.facts import Fact, FactType, plain

_COMPARED = re.compile(r"(<=|>=|<|>) ?(-?[0-9]{1,15}(?:\.[0-9]{1,9})?)", re.ASCII)
_PARTIAL = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Interval:
    """Every value from `low` to `high`, which belong to it unless it is open there; `text` is how it was posted.

    Of lists of codes it is every list that holds all of `low` and nothing but `high`.
    """

    low: Any
    high: Any
    text: str
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: Any) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def ends(self) -> tuple[Any, Any]:
        """The least and the greatest value, or for decimals something very near where the end is open."""
        low, high = self.low, self.high
        step = (high - low) / 1e9 if self.low_open or self.high_open else 0
        return (low + step if self.low_open else low), (high - step if self.high_open else high)


def spanned(low: Any, high: Any, *, low_open: bool = False, high_open: bool = False) -> Any:
    """The interval between two values, or the value itself where both are the same."""
    if low == high:
        return low
    text = f"{'>' if low_open else ''}{_shown(low)} to {'<' if high_open else ''}{_shown(high)}"
    return Interval(low, high, text, low_open, high_open)


def intersection(values: Collection[Any]) -> Any | None:
    """What values and intervals of numbers or dates leave together; None where they exclude each other."""
    low, low_open = max(_low(value) for value in values)
    high, below = min(_high(value) for value in values)
    if low > high or (low == high and (low_open or not below)):
        return None
    return _as_posted(values, spanned(low, high, low_open=low_open, high_open=not below))


def greatest(values: Collection[Any]) -> Any:
    """The greatest of values and intervals: within the greatest of the lower and the greatest of the upper limits."""
    (low, low_open), (high, below) = max(_low(value) for value in values), max(_high(value) for value in values)
    return _as_posted(values, spanned(low, high, low_open=low_open, high_open=not below))


def least(values: Collection[Any]) -> Any:
    """The least of values and intervals: within the least of the lower and the least of the upper limits."""
    (low, low_open), (high, below) = min(_low(value) for value in values), min(_high(value) for value in values)
    return _as_posted(values, spanned(low, high, low_open=low_open, high_open=not below))


def _low(value: Any) -> tuple[Any, bool]:
    """The lower limit, and whether it is open: an open one is the greater of two."""
    return (value.low, value.low_open) if isinstance(value, Interval) else (value, False)


def _high(value: Any) -> tuple[Any, bool]:
    """The upper limit, and whether it is closed: an open one is the less of two."""
    return (value.high, not value.high_open) if isinstance(value, Interval) else (value, True)


def _as_posted(values: Collection[Any], found: Any) -> Any:
    """One of the values where it is the same as what was found, so that it is shown as it was posted."""
    return next((value for value in values if (_low(value), _high(value)) == (_low(found), _high(found))), found)


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, date) else plain(value)


def interval(fact: Fact, raw: object) -> Interval | None:
    """The interval that a text such as `<20`, `>= 7`, `2021-05` or `2021` stands for; None when it stands for none.

    Raises WrongValue when the limit is one that the fact cannot have.
    """
    if not isinstance(raw, str):
        return None
    if fact.type is FactType.DATE:
        return _partial_date(raw)
    if fact.type in (FactType.INTEGER, FactType.DECIMAL) and (found := _COMPARED.fullmatch(raw.strip())):
        return _compared(fact, found[1], found[2])
    return None


def _partial_date(raw: str) -> Interval | None:
    found = _PARTIAL.fullmatch(raw)
    if found is None or not 1 <= (year := int(found[1])) <= date.max.year:
        return None
    if found[2] is None:
        return Interval(date(year, 1, 1), date(year, 12, 31), raw)
    month = int(found[2])
    return Interval(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]), raw)


def _compared(fact: Fact, sign: str, text: str) -> Interval:
    limit: Any = fact.typed(float(text) if "." in text else int(text))
    if fact.minimum is None or fact.maximum is None:
        raise WrongValue(f"{fact.label} has no range, so that “{sign}{text}” leaves it open. Post a number.")
    below = sign.startswith("<")
    is_open = "=" not in sign
    low, high = (fact.minimum, limit) if below else (limit, fact.maximum)
    if fact.type is FactType.INTEGER:
        step = fact.step or 1
        low, high = int(low) + step * (is_open and not below), int(high) - step * (is_open and below)
        is_open = False
    else:
        low, high = float(low), float(high)
    if low > high or (is_open and low == high):
        raise WrongValue(f"{fact.label} has no value {sign} {text}.")
    return Interval(low, high, f"{sign}{text}", is_open and not below, is_open and below)
