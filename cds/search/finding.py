"""Decisions found among a million: a page at a time, the newest first, by the sequence and never by an offset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from cds.models import ApiKey, Decision
from cds.search.criteria import Criteria, places_of
from cds.search.fitting import fits, of_app
from cds.search.looking import Places, Stretch, stretches, whole
from cds.search.orders import Order, Orders
from knowledge.items import State

PAGE = 50
MOST = 131_072
"""The most sequences that are looked at for one page. Beyond, the page says how far back it has looked."""

RARE = 4096
"""An app with no more decisions than this is looked for by its key alone."""

FACTS = (Decision.facts_posted, Decision.facts_known)

_NAMED = {state[0]: state for state in State}
_COLUMNS = (
    Decision.sequence,
    Decision.id,
    Decision.release_id,
    Decision.evaluated_at,
    Decision.recorded_at,
    Decision.subject,
    Decision.api_key_id,
    Decision.origin,
    Decision.states,
    Decision.response_digest,
    Decision.removed_in,
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A decision in a list; `became` is what became of the rule that was asked for.

    `label` is that of the app's key; the facts are the stored texts, there only when they were asked for, and empty
    once they are removed.
    """

    sequence: int
    id: str
    release: int
    evaluated_at: datetime
    recorded_at: datetime
    subject: str | None
    app: int | None
    label: str | None
    origin: str
    states: str
    response_digest: str
    removed: bool
    became: State | None
    facts_posted: str | None = None
    facts_known: str | None = None

    def count(self, state: State) -> int:
        """How many rules are in a state."""
        return self.states.count(state[0])


@dataclass(frozen=True, slots=True)
class Found:
    """The newest first. `older` and `newer` say from which sequence on the neighbouring pages go, if there are any.

    `unfinished` says that the page ends because enough was looked at, not because it is full.
    """

    decisions: Sequence[Listed] = ()
    older: int | None = None
    newer: int | None = None
    unfinished: bool = False


def find(
    session: Session,
    orders: Orders,
    criteria: Criteria,
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = PAGE,
    facts: bool = False,
) -> Found:
    """The decisions that fit and come just before a sequence, or just after one, or the newest."""
    releases = places_of(orders.of_all(session), criteria)
    backwards = after is None
    columns = select(*_COLUMNS, *(FACTS if facts else ()))
    along = _along(session, criteria, releases)
    fitting = columns.where(*(along.others if along else fits(criteria, releases)))
    rows: list[Any] = []
    stopped = None
    looked = 0
    within = whole(session, before=before, after=after)
    for stretch in _where(session, criteria, releases, within, backwards):
        if looked >= MOST:
            stopped = stretch.high + 1 if backwards else stretch.low - 1
            break
        some = _within(fitting, stretch, along, backwards).limit(size + 1 - len(rows))
        rows += session.execute(some).all()
        if len(rows) > size:
            break
        looked += stretch.high - stretch.low + 1
    # Read anew: a release may have been put in force, and answered, since they were read.
    listed = _listed(session, orders.of_all(session), criteria, rows[:size], facts)
    further = listed[-1].sequence if len(rows) > size else stopped
    if not backwards:
        listed.reverse()
        return Found(listed, listed[-1].sequence if listed else None, further, stopped is not None)
    newer = (listed[0].sequence if listed else before - 1) if before is not None else None
    return Found(listed, further, newer, stopped is not None)


def _where(
    session: Session, criteria: Criteria, releases: Places | None, within: Stretch, backwards: bool
) -> Iterator[Stretch]:
    """Where to look: all at once where an index leads straight to what is looked for, else by blocks, in steps."""
    if releases == {}:
        return iter(())
    if _straight(session, criteria, releases):
        return iter([within])
    return stretches(session, criteria, releases, within, backwards=backwards)


def _within(fitting: Any, stretch: Stretch, along: _Along | None, backwards: bool) -> Any:
    """What fits within a stretch, in the order of looking."""
    low, high = stretch
    order: list[Any] = [Decision.sequence]
    if along is None:
        fitting = fitting.where(Decision.sequence >= low, Decision.sequence <= high)
    else:
        order.insert(0, along.column)
        place = tuple_(*order)
        fitting = fitting.where(place >= (along.value, low), place <= (along.value, high))
    return fitting.order_by(*(column.desc() if backwards else column for column in order))


@dataclass(frozen=True, slots=True)
class _Along:
    """A column whose index, by value and sequence, is followed, and what else holds of what is found."""

    column: InstrumentedAttribute[Any]
    value: int
    others: Sequence[ColumnElement[bool]]


def _along(session: Session, criteria: Criteria, releases: Places | None) -> _Along | None:
    """The index that PostgreSQL is to follow.

    Told only that a column has a value and that the newest are wanted, it reads all rows from the newest on when
    it believes the value to be frequent, even where it ends. SQLite follows the index by itself.
    """
    if session.get_bind().dialect.name != "postgresql" or criteria.named or criteria.subject:
        return None
    if not _straight(session, criteria, releases):
        return None
    if isinstance(criteria.app, int):
        others = [*fits(replace(criteria, app=None), releases)]
        return _Along(Decision.api_key_id, criteria.app, others)
    if criteria.app is None and releases is not None:
        return _Along(Decision.release_id, next(iter(releases)), [])
    return None


def _straight(session: Session, criteria: Criteria, releases: Places | None) -> bool:
    if criteria.named or criteria.subject:
        return True
    if criteria.app is not None and _rare(session, criteria):
        return True
    by_time = criteria.since is not None or criteria.until is not None
    by_index = [criteria.app is not None, releases is not None]
    return criteria.outcome is None and not by_time and sum(by_index) < 2 and len(releases or ()) < 2


def _rare(session: Session, criteria: Criteria) -> bool:
    some = select(Decision.sequence).where(of_app(criteria)).limit(RARE + 1).subquery()
    return (session.scalar(select(func.count()).select_from(some)) or 0) <= RARE


def _listed(
    session: Session, orders: dict[int, Order], criteria: Criteria, rows: Sequence[Any], facts: bool
) -> list[Listed]:
    keys = {row.api_key_id for row in rows} - {None}
    labels = dict(session.execute(select(ApiKey.id, ApiKey.label).where(ApiKey.id.in_(keys))).all())
    return [
        Listed(
            sequence=row.sequence,
            id=row.id,
            release=orders[row.release_id].number,
            evaluated_at=row.evaluated_at,
            recorded_at=row.recorded_at,
            subject=row.subject,
            app=row.api_key_id,
            label=labels.get(row.api_key_id),
            origin=row.origin,
            states=row.states,
            response_digest=row.response_digest,
            removed=row.removed_in is not None,
            became=_state_of(orders[row.release_id], criteria.rule, row.states),
            facts_posted=row.facts_posted if facts else None,
            facts_known=row.facts_known if facts else None,
        )
        for row in rows
    ]


def _state_of(order: Order, rule: str, states: str) -> State | None:
    standing = order.rules.get(rule)
    return _NAMED.get(states[standing.place : standing.place + 1]) if standing else None
