"""A value of which only the limits are known: `<20`, `2021-05`, an age that was noted months ago."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from knowledge.errors import WrongValue
from knowledge.facts import Fact, FactType

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


def interval(fact: Fact, raw: object) -> Interval | None:
    """The interval that a text such as `<20`, `>= 7`, `2021-05` or `2021` stands for; None when it stands for none.

    Raises WrongValue when the limit is one that the fact cannot have.
    """
    if not isinstance(raw, str):
        return None
    if fact.type is FactType.DATE:
        return _partial_date(raw)
    if fact.type in (FactType.INTEGER, FactType.DECIMAL) and (found := _COMPARED.fullmatch(raw.strip())):
        return _compared(fact, found[1], float(found[2]) if "." in found[2] else int(found[2]))
    return None


def _partial_date(raw: str) -> Interval | None:
    found = _PARTIAL.fullmatch(raw)
    if found is None or not 1 <= (year := int(found[1])) <= date.max.year:
        return None
    if found[2] is None:
        return Interval(date(year, 1, 1), date(year, 12, 31), raw)
    month = int(found[2])
    return Interval(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]), raw)


def _compared(fact: Fact, sign: str, limit: int | float) -> Interval:
    fact.typed(limit)
    if fact.minimum is None or fact.maximum is None:
        raise WrongValue(f"{fact.label} has no range, so that “{sign}{limit}” leaves it open. Post a number.")
    below = sign.startswith("<")
    is_open = "=" not in sign
    low, high = (fact.minimum, limit) if below else (limit, fact.maximum)
    if fact.type is FactType.INTEGER:
        low, high = int(low) + (is_open and not below), int(high) - (is_open and below)
        is_open = False
    if low > high or (is_open and low == high):
        raise WrongValue(f"{fact.label} has no value {sign} {limit}.")
    return Interval(low, high, f"{sign}{limit}", is_open and not below, is_open and below)
