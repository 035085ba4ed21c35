"""The chain of events, searched a page at a time, the newest first: by the sequence, never by an offset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, text, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from cds.requests import unstorable
from knowledge.canonical import instant
from knowledge.models import AuditEvent

PAGE = 100
STEP = 16_384
"""The most events that are looked at in one statement."""

MOST = 131_072
"""The most that are looked at for one page. Beyond, the page says how far back it has looked."""

FEW = 2048
"""When no more events than this have what is looked for in one column, they are looked at and no others."""

_LAST = "\U0010ffff"
_ACTIONS = text(
    "WITH RECURSIVE found(action) AS (SELECT min(action) FROM audit_events UNION ALL "
    "SELECT (SELECT min(action) FROM audit_events WHERE action > found.action) FROM found "
    "WHERE found.action IS NOT NULL) SELECT action FROM found WHERE action IS NOT NULL"
)
"""Each action once, by as many steps in the index as there are different ones."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; `action` and `subject` may be the beginning of one, `until` is the first moment too late."""

    action: str = ""
    subject: str = ""
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """The newest first. `older` is the sequence before which the next page begins; None when this is the last.

    `unfinished` says that the page ends because enough was looked at, not because it is full.
    """

    events: Sequence[AuditEvent]
    older: int | None
    unfinished: bool = False


def page_of_events(session: Session, wanted: Wanted, *, before: int | None = None, size: int = PAGE) -> EventPage:
    """The newest events that fit, before a sequence; no page costs much more than another."""
    if any(map(unstorable, (wanted.action, wanted.subject, wanted.actor))):
        return EventPage((), None)
    meant = [one for one in actions(session) if one.startswith(wanted.action)] if wanted.action else []
    columns = [*_columns(session, wanted, meant)]
    low, high = 1, _last(session, wanted, before)
    query = select(AuditEvent).where(*columns, *_times(wanted)).order_by(AuditEvent.sequence.desc())
    few = _few(session, columns, low, high)
    if few is not None:
        return _page_of(session.scalars(query.where(AuditEvent.sequence.in_(few)).limit(size + 1)).all(), size)
    found: list[AuditEvent] = []
    looked = 0
    while low <= high and len(found) <= size:
        if looked >= MOST:
            return EventPage(found, high + 1, unfinished=True)
        high = _leap(session, wanted, meant, high)
        step = max(low, high - STEP + 1)
        within = query.where(AuditEvent.sequence >= step, AuditEvent.sequence <= high)
        found += session.scalars(within.limit(size + 1 - len(found))).all()
        if not looked and len(found) <= size and wanted.since is not None:
            # Only now: over all of a long time it takes longer than a page that is full at once.
            low = _end(session, func.min, [*_times(wanted)], 1)
        looked += high - step + 1
        high = step - 1
    return _page_of(found, size)


def told(session: Session, wanted: Wanted) -> dict[str, str]:
    """What is looked for, as an event may tell it: texts only that are on record already, else that one was given."""
    on_record = {
        "action": any(one.startswith(wanted.action) for one in actions(session)),
        "subject": _is_there(session, wanted.subject, _begins(session, AuditEvent.subject, wanted.subject)),
        "actor": _is_there(session, wanted.actor, AuditEvent.actor == wanted.actor),
    }
    texts = {name: getattr(wanted, name) if there else "given" for name, there in on_record.items()}
    moments = {name: instant(at) for name in ("since", "until") if (at := getattr(wanted, name))}
    return {name: text for name, text in texts.items() if getattr(wanted, name)} | moments


def _is_there(session: Session, wanted: str, fits: ColumnElement[bool]) -> bool:
    return not unstorable(wanted) and session.scalar(select(AuditEvent.sequence).where(fits).limit(1)) is not None


def actions(session: Session) -> list[str]:
    """Every action that ever happened, in the order of the letters."""
    return sorted(session.scalars(_ACTIONS))


def _page_of(found: Sequence[AuditEvent], size: int) -> EventPage:
    return EventPage(found[:size], found[size - 1].sequence if len(found) > size else None)


def _columns(session: Session, wanted: Wanted, meant: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    """What is looked for in one column, a condition for each; the actions that are meant in full."""
    if wanted.action:
        yield AuditEvent.action.in_(meant)
    if wanted.actor:
        yield AuditEvent.actor == wanted.actor
    if wanted.subject:
        yield _begins(session, AuditEvent.subject, wanted.subject)


def _times(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield AuditEvent.at >= wanted.since
    if wanted.until is not None:
        yield AuditEvent.at < wanted.until


def _begins(session: Session, column: InstrumentedAttribute[str], beginning: str) -> ColumnElement[bool]:
    """That a text begins so, byte by byte, as a stretch of the column's index."""
    end = beginning + _LAST
    if session.get_bind().dialect.name == "postgresql":
        return and_(column.op("~>=~", is_comparison=True)(beginning), column.op("~<~", is_comparison=True)(end))
    return and_(column >= beginning, column < end)


def _last(session: Session, wanted: Wanted, before: int | None) -> int:
    """The last sequence that can be: clocks differ, so that times need not follow the sequence."""
    last = session.scalar(select(func.max(AuditEvent.sequence))) or 0
    times = [*_times(wanted)]
    high = _end(session, func.max, times, last) if times else last
    return high if before is None else min(high, before - 1)


def _end(session: Session, which: Any, times: Sequence[ColumnElement[bool]], outermost: int) -> int:
    """The lowest or the highest sequence within times; 0 when there is none."""
    if session.scalar(select(AuditEvent.sequence).where(AuditEvent.sequence == outermost, *times)) is not None:
        return outermost
    # Of a sum the ends are looked for in the index of the times, not from one end of the chain on.
    return session.scalar(select(which(AuditEvent.sequence + 0)).where(*times)) or 0


def _few(session: Session, columns: Sequence[ColumnElement[bool]], low: int, high: int) -> Sequence[int] | None:
    """The sequences of all events that fit in one column, when they are few and many are looked through."""
    if high - low < STEP:
        return None
    for column in columns:
        within: Any = (AuditEvent.sequence >= low, AuditEvent.sequence <= high)
        some = session.scalars(select(AuditEvent.sequence).where(column, *within).limit(FEW + 1)).all()
        if len(some) <= FEW:
            return some
    return None


def _leap(session: Session, wanted: Wanted, meant: Sequence[str], high: int) -> int:
    """The highest sequence, from `high` downwards, at which something can fit."""
    if wanted.action:
        high = max((_newest(session, AuditEvent.action, one, high) for one in meant), default=0)
    return _newest(session, AuditEvent.actor, wanted.actor, high) if wanted.actor else high


def _newest(session: Session, column: InstrumentedAttribute[str], value: str, high: int) -> int:
    """The highest sequence up to `high` at which a column has a value; 0 when there is none."""
    if session.get_bind().dialect.name != "postgresql":
        newest = select(func.max(AuditEvent.sequence)).where(column == value, AuditEvent.sequence <= high)
        return session.scalar(newest) or 0
    # Asked for a maximum, PostgreSQL reads the chain backwards until the value comes, however far that is.
    order = (column, AuditEvent.sequence)
    nearest = select(*order).where(tuple_(*order) <= (value, high)).order_by(*(one.desc() for one in order)).limit(1)
    found = session.execute(nearest).one_or_none()
    return found[1] if found is not None and found[0] == value else 0
