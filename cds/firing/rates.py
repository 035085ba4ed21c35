"""How often each rule fires: its days with decisions, from what is counted of the sealed record.

A day on which nothing was asked is not among them: no decision is no rate of 0. Days are those of recording, in UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cds.firing.charting import Counted
from cds.firing.watching import Point
from cds.models import Decision, DecisionBlock, RuleTally
from cds.record.tallying import counted_until
from cds.search.orders import Orders
from knowledge.models import Activation


@dataclass(frozen=True, slots=True)
class PutInForce:
    """That a release was put in force."""

    release: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Rates:
    """The days of rules by key, the oldest first, as counted up to the decision of `as_of`; None: nothing is counted.

    A rule that no release of these days holds has no days.
    """

    as_of: datetime | None
    activations: tuple[PutInForce, ...]
    points: Mapping[str, list[Point]]


_Day = tuple[int, date]
"""A release, by its id, and a day."""


def rates(session: Session, orders: Orders, *, since: date, until: date, rule: str | None = None) -> Rates:
    """The days of every rule, or of one, from the first to the last day. One query for all counts."""
    decisions = _decisions(session, since, until)
    activations = _activations(session)
    put, mixed = _put_in_force(activations, decisions), _mixed(activations)
    of_all = orders.of_all(session)
    only = None if rule is None else {one.rules[rule].place for one in of_all.values() if rule in one.rules}
    fired = _fired(session, since, until, only)
    points: dict[str, list[Point]] = {}
    for release, day in sorted(decisions, key=lambda one: (one[1], put[one])):
        order, began, count = of_all[release], put[release, day].date(), decisions[release, day]
        for key in order.rules if rule is None else {rule} & order.rules.keys():
            place, version, _ = order.rules[key]
            recommended, withheld, undetermined = fired.get((release, day, place), (0, 0, 0))
            counted = Counted(recommended, count)
            again = (release, day) in mixed
            point = Point(day, order.number, began, version, counted, withheld, undetermined, again)
            points.setdefault(key, []).append(point)
    told = tuple(PutInForce(of_all[release].number, at) for release, at in activations)
    return Rates(_as_of(session), told, points)


def _decisions(session: Session, since: date, until: date) -> dict[_Day, int]:
    """How many decisions each release made on each day."""
    query = (
        select(DecisionBlock.release_id, DecisionBlock.day, func.sum(DecisionBlock.decisions))
        .where(DecisionBlock.day.between(since, until))
        .group_by(DecisionBlock.release_id, DecisionBlock.day)
    )
    return {(release, day): int(count) for release, day, count in session.execute(query)}


def _fired(
    session: Session, since: date, until: date, only: Collection[int] | None
) -> dict[tuple[int, date, int], tuple[int, int, int]]:
    """What became of the rules, or of those at some places, by release, day and place; nothing where none was met."""
    states = func.sum(RuleTally.recommended), func.sum(RuleTally.withheld), func.sum(RuleTally.undetermined)
    query = (
        select(RuleTally.release_id, DecisionBlock.day, RuleTally.place, *states)
        .join(DecisionBlock, DecisionBlock.id == RuleTally.block_id)
        .where(DecisionBlock.day.between(since, until))
        .group_by(RuleTally.release_id, DecisionBlock.day, RuleTally.place)
    )
    if only is not None:
        query = query.where(RuleTally.place.in_(only))
    return {
        (release, day, place): (int(recommended), int(withheld), int(undetermined))
        for release, day, place, recommended, withheld, undetermined in session.execute(query)
    }


def _activations(session: Session) -> list[tuple[int, datetime]]:
    """What was put in force when, the first one first; putting in force what is in force is no change."""
    rows = session.execute(select(Activation.release_id, Activation.since).order_by(Activation.id)).all()
    return [(row[0], row[1]) for place, row in enumerate(rows) if not place or rows[place - 1][0] != row[0]]


def _put_in_force(activations: list[tuple[int, datetime]], days: Collection[_Day]) -> dict[_Day, datetime]:
    """When the release of each day was last put in force, by the end of that day."""
    times: dict[int, list[datetime]] = {}
    for release, at in activations:
        times.setdefault(release, []).append(at.astimezone(UTC))
    oldest: dict[int, date] = {}
    for release, day in days:
        oldest[release] = min(day, oldest.get(release, day))
    put = {}
    for release, day in days:
        known = [at for at in times.get(release, []) if at.date() <= day]
        put[release, day] = max(known, default=datetime.combine(oldest[release], time(), UTC))
    return put


def _mixed(activations: list[tuple[int, datetime]]) -> set[_Day]:
    """The days on which a release was put back in force that had been in force earlier on the same day."""
    left: dict[int, date] = {}
    mixed: set[_Day] = set()
    former: int | None = None
    for release, at in activations:
        day = at.astimezone(UTC).date()
        if former is not None:
            left[former] = day
        if left.get(release) == day:
            mixed.add((release, day))
        former = release
    return mixed


def _as_of(session: Session) -> datetime | None:
    return session.scalar(select(Decision.recorded_at).where(Decision.sequence == counted_until(session)))
