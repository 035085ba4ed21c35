"""Days and years that go on by themselves: counted from a date, or grown since they were noted."""

from __future__ import annotations

from datetime import date, timedelta

from knowledge.facts import Fact
from knowledge.model.intervals import Interval, spanned
from knowledge.model.worse import Known


def counted_from(fact: Fact, start: date, today: date) -> int:
    """The days or completed years since a date, as the fact counts them."""
    return max(0, (today - start).days) if fact.days_since else years_between(start, today)


def years_between(start: date, end: date) -> int:
    """Completed years. Whoever was born on 29 February is a year older on 1 March where there is no such day."""
    return max(0, end.year - start.year - ((end.month, end.day) < (start.month, start.day)))


def grown(fact: Fact, value: Known, noted: date, today: date) -> Known:
    """What a number of days or years that was noted on an earlier day has become; any other value stays as it is.

    An age that was noted months ago may have had its birthday since: it is then one of two.
    """
    if fact.counted_since is None or noted >= today:
        return value
    if isinstance(value, Interval):
        low, high = _grown(fact, value.low, noted, today)[0], _grown(fact, value.high, noted, today)[1]
    elif isinstance(value, int):
        low, high = _grown(fact, value, noted, today)
    else:
        return value
    most = int(fact.maximum) if fact.maximum is not None else high
    return spanned(min(low, most), min(high, most))


def _grown(fact: Fact, value: int, noted: date, today: date) -> tuple[int, int]:
    """The least and the most that a number has become; at most a birthday more than the years since it was noted."""
    if fact.days_since:
        days = (today - noted).days
        return value + days, value + days
    return value + years_between(noted, today), value + 1 + years_between(noted + timedelta(days=1), today)
