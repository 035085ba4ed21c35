"""Every rule watched, at most once an hour however many processes do it, and that it was; how many alarms stand now."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.firing.alarms import watching_of
from cds.firing.raised import raise_alarms
from cds.record.tallying import counted_until
from cds.service import Service
from knowledge import audit
from knowledge.database import take_turn
from knowledge.models import AuditEvent
from knowledge.steps import SYSTEM

log = structlog.get_logger()

WATCHED = "alarm.watched"
EVERY = timedelta(hours=1)


def watch(service: Service) -> None:
    """Look at how often each rule fires, and put new alarms on record, and that it was looked.

    Not when the record says that it was done within the hour, or that nothing was counted since.
    """
    now = service.now()
    with service.sessions() as session:
        if not _due(session, now):
            return
        found = watching_of(service).current(session, now)
        take_turn(session.connection())
        if not _due(session, now):
            return
        new = raise_alarms(session, ((one.watch.key, one.watch.version, one.alarm) for one in found.alarms), at=now)
        details = {"rules": len(found.rules), "alarms": len(found.alarms), "new": new, "counted": found.counted}
        audit.record(session, action=WATCHED, subject="firing", actor=SYSTEM, at=now, details=details)
        session.commit()


def count_alarms(service: Service) -> None:
    """Set the gauges to how many alarms stand just now, and how many wait; to not-a-number where that is not known."""
    alarms = waiting = float("nan")
    try:
        with service.sessions() as session:
            noted = watching_of(service).current(session, service.now()).noted(session)
        alarms, waiting = len(noted), sum(not notes for _, notes in noted)
    except Exception:
        # Whatever it is, the other counters are told all the same.
        log.exception("alarms")
    service.counters.alarms.set(alarms)
    service.counters.waiting.set(waiting)


def _due(session: Session, now: datetime) -> bool:
    """By what the record says of the last time; a clock that ran backwards makes it due."""
    newest = select(AuditEvent).where(AuditEvent.action == WATCHED).order_by(AuditEvent.sequence.desc()).limit(1)
    last, counted = session.scalar(newest), counted_until(session)
    if last is None:
        return counted > 0
    return counted != last.told.get("counted") and not last.at <= now < last.at + EVERY
