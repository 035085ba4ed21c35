"""How many decisions fit: exactly where the counted blocks tell it, else up to a bound, never by a long count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cds.models import Decision, DecisionBlock
from cds.search.criteria import Criteria, places_of
from cds.search.fitting import fits
from cds.search.looking import Stretch, counts_of, whole
from cds.search.orders import Orders

ENOUGH = 1000
"""Beyond this many, decisions that no block counts are said to be more."""

TAIL = 65_536
"""The most decisions that are not yet in a block and are counted one by one."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number, or that there are `more`."""

    number: int
    more: bool = False


def how_many(session: Session, orders: Orders, criteria: Criteria) -> Count | None:
    """How many decisions fit; None when only a long search could tell."""
    releases = places_of(orders.of_all(session), criteria)
    if releases == {}:
        return Count(0)
    if criteria.named or criteria.subject:
        return _bounded(session, criteria, releases)
    if criteria.app is not None:
        return _bounded(session, criteria, releases) if criteria == Criteria(app=criteria.app) else None
    if not all(map(_begins_a_day, (criteria.since, criteria.until))):
        return None
    # In one statement: what is put in a block between two would be counted twice.
    until = select(func.coalesce(func.max(DecisionBlock.last), 0)).scalar_subquery()
    in_blocks, counted = session.execute(counts_of(criteria, releases).add_columns(until)).one()
    last = whole(session, before=None, after=None).high
    if last - counted > TAIL:
        return None
    return Count(int(in_blocks) + _in(session, criteria, releases, Stretch(counted + 1, last)))


def _bounded(session: Session, criteria: Criteria, releases: dict[int, int | None] | None) -> Count:
    some = select(Decision.sequence).where(*fits(criteria, releases)).limit(ENOUGH + 1).subquery()
    number = session.scalar(select(func.count()).select_from(some)) or 0
    return Count(min(number, ENOUGH), more=number > ENOUGH)


def _in(session: Session, criteria: Criteria, releases: dict[int, int | None] | None, tail: Stretch) -> int:
    within = (Decision.sequence >= tail.low, Decision.sequence <= tail.high)
    counting = select(func.count()).select_from(Decision).where(*fits(criteria, releases), *within)
    return session.scalar(counting) or 0


def _begins_a_day(at: datetime | None) -> bool:
    return at is None or at.timetz().replace(tzinfo=None) == time()
