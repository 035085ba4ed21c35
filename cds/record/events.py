"""The chain of events, searched a page at a time, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from cds.requests import unstorable
from knowledge.models import AuditEvent

PAGE = 100


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
    """`older` is the sequence before which the next page begins; None when this is the last."""

    events: Sequence[AuditEvent]
    older: int | None


def page_of_events(session: Session, wanted: Wanted, *, before: int | None = None, size: int = PAGE) -> EventPage:
    """The newest events that fit, before a sequence; by the sequence, so that no page costs more than another."""
    if any(map(unstorable, (wanted.action, wanted.subject, wanted.actor))):
        return EventPage((), None)
    query = select(AuditEvent).where(*_fits(wanted)).order_by(AuditEvent.sequence.desc())
    if before is not None:
        query = query.where(AuditEvent.sequence < before)
    found = session.scalars(query.limit(size + 1)).all()
    return EventPage(found[:size], found[size - 1].sequence if len(found) > size else None)


def _fits(wanted: Wanted) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if wanted.action:
        fits.append(AuditEvent.action.startswith(wanted.action, autoescape=True))
    if wanted.subject:
        fits.append(AuditEvent.subject.startswith(wanted.subject, autoescape=True))
    if wanted.actor:
        fits.append(AuditEvent.actor == wanted.actor)
    if wanted.since is not None:
        fits.append(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        fits.append(AuditEvent.at < wanted.until)
    return fits
