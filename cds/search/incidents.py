"""Incidents, a page at a time, the newest first; and one with all that was kept of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer

from cds.models import Decision, Incident
from cds.record.incidents import RECORDED, Kind
from cds.requests import BEYOND_COLUMNS
from knowledge.models import AuditEvent, Release

PAGE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; `release` is the number of one, `until` the first moment too late."""

    kind: Kind | None = None
    release: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An incident, the number of the release that had a part in it, and the event that tells of it."""

    incident: Incident
    release: int | None
    event: AuditEvent | None


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """The newest first. `older` is the number before which the next page begins; None when this is the last."""

    incidents: Sequence[Listed]
    older: int | None


@dataclass(frozen=True, slots=True)
class Kept(Listed):
    """An incident in full. `kept` is JSON, or a text that is none; None once what spoke of the patient is removed.

    `decision` is the id of the decision that it speaks of, where that is on record.
    """

    kept: Any
    decision: str | None


def page_of_incidents(session: Session, wanted: Wanted, *, before: int | None = None, size: int = PAGE) -> IncidentPage:
    """The newest incidents that fit, before a number."""
    query = _with_release().options(defer(Incident.detail)).order_by(Incident.id.desc())
    if before is not None and before < BEYOND_COLUMNS:
        query = query.where(Incident.id < before)
    if wanted.kind is not None:
        query = query.where(Incident.kind == wanted.kind)
    if wanted.release is not None:
        query = query.where(Release.number == wanted.release)
    if wanted.since is not None:
        query = query.where(Incident.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Incident.at < wanted.until)
    rows = session.execute(query.limit(size + 1)).all()
    told = _told(session, [incident.id for incident, _ in rows])
    listed = [Listed(incident, release, told.get(incident.id)) for incident, release in rows[:size]]
    return IncidentPage(listed, listed[-1].incident.id if len(rows) > size else None)


def incident_in_full(session: Session, number: int) -> Kept | None:
    """An incident by its number; None where there is none."""
    wanted = _with_release().where(Incident.id == number)
    row = session.execute(wanted).one_or_none() if number < BEYOND_COLUMNS else None
    if row is None:
        return None
    incident, release = row
    kept = None if incident.removed_in is not None else _read(incident.detail)
    key = kept.get("decision_id") if isinstance(kept, dict) else None
    known = isinstance(key, str) and session.get(Decision, key) is not None
    return Kept(incident, release, _told(session, [number]).get(number), kept, key if known else None)


def _with_release() -> Select[Incident, int]:
    return select(Incident, Release.number).outerjoin(Release, Release.id == Incident.release_id)


def _told(session: Session, numbers: Iterable[int]) -> Mapping[int, AuditEvent]:
    """The first event that tells of each."""
    by_subject = {f"incident/{number}": number for number in numbers}
    query = select(AuditEvent).where(AuditEvent.action == RECORDED, AuditEvent.subject.in_(by_subject))
    events = session.scalars(query.order_by(AuditEvent.sequence.desc()))
    return {by_subject[event.subject]: event for event in events}


def _read(detail: str) -> Any:
    try:
        return json.loads(detail)
    except ValueError:
        return detail
