"""The list of recorded decisions, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.models import ApiKey, Decision
from cds.requests import unstorable
from knowledge.items import State
from knowledge.models import Release

PAGE = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list."""

    sequence: int
    id: str
    recorded_at: datetime
    subject: str | None
    release: int
    app: str
    recommended: int


@dataclass(frozen=True, slots=True)
class Page:
    """The newest first. `older` and `newer` say from which sequence on the neighbouring pages go, if there are any."""

    decisions: Sequence[Listed]
    older: int | None = None
    newer: int | None = None


def page_of(session: Session, subject: str, *, before: int | None, after: int | None) -> Page:
    """The decisions for a subject, or all, that come just before or just after a sequence.

    By the sequence, never by an offset: the thousandth page costs what the first one does.
    """
    if unstorable(subject):
        return Page(())
    query = (
        select(
            Decision.sequence,
            Decision.id,
            Decision.recorded_at,
            Decision.subject,
            Decision.states,
            Decision.origin,
            Release.number,
            ApiKey.label,
        )
        .join(Release, Release.id == Decision.release_id)
        .outerjoin(ApiKey, ApiKey.id == Decision.api_key_id)
    )
    if subject:
        query = query.where(Decision.subject == subject)
    if after is not None:
        query = query.where(Decision.sequence > after).order_by(Decision.sequence)
    elif before is not None:
        query = query.where(Decision.sequence < before).order_by(Decision.sequence.desc())
    else:
        query = query.order_by(Decision.sequence.desc())
    rows = session.execute(query.limit(PAGE + 1)).all()
    further = len(rows) > PAGE
    found = [
        Listed(
            row.sequence,
            row.id,
            row.recorded_at,
            row.subject,
            row.number,
            row.label or asked_from(row.origin),
            recommended_in(row.states),
        )
        for row in rows[:PAGE]
    ]
    if not found:
        return Page(())
    if after is not None:
        found.reverse()
        return Page(found, older=found[-1].sequence, newer=found[0].sequence if further else None)
    newer = found[0].sequence if before is not None else None
    return Page(found, older=found[-1].sequence if further else None, newer=newer)


def recommended_in(states: str) -> int:
    """How many rules the recorded letters call recommended."""
    return states.count(State.RECOMMENDED[0])


def asked_from(origin: str) -> str:
    """Where a question without a key came from."""
    return "The command line" if origin == "command" else origin
