"""The days of one rule in a period: each with its range, the days without decisions, and the releases between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from cds.firing.alarms import LOOKED_AT
from cds.firing.raised import LookedInto, Which, noted
from cds.firing.rates import PutInForce, rates
from cds.firing.watching import Alarm, Charted, Verdict, charted, verdict
from cds.search.orders import Orders
from knowledge.labels import day as named

PERIODS = (28, 90, 365)
"""For how many days back one usually looks."""

USUAL = 90
LONGEST = timedelta(days=3 * 366)
EARLIEST = date(2000, 1, 1)
"""Nothing was recorded before that day."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the first to the last day, both within."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Gap:
    """Days without a decision."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Series:
    """What one rule did in a period, and what stands out of it today."""

    rule: str
    as_of: datetime | None
    period: Period
    days: Sequence[Charted]
    releases: Sequence[PutInForce]
    """Those that were put in force within the period, and the one that was in force when it began."""
    version: int | None
    """The rule's version on the newest of its days, whenever that was."""
    verdict: Verdict

    def noted(self, session: Session) -> list[tuple[Alarm, Sequence[LookedInto]]]:
        """The alarms and who looked into each: first those that nobody looked into, the gravest first."""
        return noted(session, ((Which.of(self.rule, alarm), alarm) for alarm in self.verdict.alarms))

    def with_gaps(self) -> Iterator[Charted | Gap]:
        """The days, and between them those without a decision; before the first and after the last none is told."""
        after: date | None = None
        for one in self.days:
            if after is not None and one.point.day > after:
                yield Gap(after, one.point.day - timedelta(days=1))
            yield one
            after = one.point.day + timedelta(days=1)


class NoSuchPeriod(ValueError):
    """What is wrong with the period that was asked for: a sentence by each of `days`, `first` and `last`."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


def period(*, days: int | None, first: date | None, last: date | None, today: date) -> Period:
    """The period that was asked for, never another: from and to where one is given, or so many days up to today.

    Where only the last day is given, the USUAL days up to it. Raises NoSuchPeriod.
    """
    if first is None and last is None:
        if days is not None and not 1 <= days <= LONGEST.days:
            raise NoSuchPeriod({"days": f"Ask for 1 to {LONGEST.days:,} days."})
        return Period(today - timedelta(days=(days or USUAL) - 1), today)
    if days is not None:
        raise NoSuchPeriod({"days": "Ask for so many days up to today, or for a first and a last day; not for both."})
    found = {name: wrong for name, day in (("first", first), ("last", last)) if (wrong := _outside(day, today))}
    if found:
        raise NoSuchPeriod(found)
    last = last or today
    first = first or last - timedelta(days=USUAL - 1)
    if first > last:
        raise NoSuchPeriod({"first": f"The first day comes after the last, {named(last)}: exchange them."})
    asked = Period(first, last)
    if asked.days > LONGEST.days:
        raise NoSuchPeriod({"first": f"At most {LONGEST.days:,} days are shown at once; these are {asked.days:,}."})
    return asked


def _outside(asked: date | None, today: date) -> str | None:
    if asked is not None and asked > today:
        return f"Today is {named(today)}, in UTC: nothing is recorded of days to come."
    if asked is not None and asked < EARLIEST:
        return f"Nothing was recorded before {named(EARLIEST)}: begin and end with it or later."
    return None


def series(session: Session, orders: Orders, rule: str, asked: Period, today: date) -> Series:
    """The days of a rule, in whichever release it was."""
    found = rates(session, orders, since=min(asked.first, today) - LOOKED_AT, until=today, rule=rule)
    points = found.points.get(rule, [])
    days = [one for one in charted(points, asked.first) if one.point.day <= asked.last]
    within = [one for one in found.activations if asked.first <= one.at.date() <= asked.last]
    before = [one for one in found.activations if one.at.date() < asked.first][-1:]
    of_late = [point for point in points if point.day >= today - LOOKED_AT]
    newest = points[-1].version if points else None
    return Series(rule, found.as_of, asked, days, (*before, *within), newest, verdict(of_late, today))
