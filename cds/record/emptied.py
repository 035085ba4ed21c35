"""Decisions and incidents whose facts were removed: what is left of them, and that it is what the events tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cds.models import Decision, Incident
from knowledge import received
from knowledge.canonical import instant
from knowledge.errors import WrongValue
from knowledge.models import AuditEvent
from knowledge.proofs import Counted, Problem, in_pages, told_in

REMOVED = "facts.removed"

EMPTIED_DECISION = {
    "subject": None,
    "facts_posted": "",
    "facts_known": "",
    "request": None,
    "response_digest": "",
    "salt": "",
}
EMPTIED_INCIDENT = {"detail": "", "salt": None}
"""What stands in the columns that could speak of a patient, once the facts are removed."""

_EMPTIED = (
    ("decisions", Decision.sequence, Decision.removed_in, Decision.recorded_at, EMPTIED_DECISION),
    ("incidents", Incident.id, Incident.removed_in, Incident.at, EMPTIED_INCIDENT),
)
_KINDS = frozenset((*(what for what, *_ in _EMPTIED), "comparisons"))
"""Of what an event can tell that its facts were removed; of comparisons nothing is left to hold it against."""


@dataclass(frozen=True, slots=True)
class FactsRemoved:
    """When the facts of a decision were removed, by whom, and why; `event` tells of it."""

    event: int
    at: datetime
    by: str
    reason: str


def facts_removed(session: Session, decision: Decision) -> FactsRemoved | None:
    """What the record tells of the removal of a decision's facts; None while they are there, or when it tells none."""
    event = session.get(AuditEvent, decision.removed_in) if decision.removed_in is not None else None
    if event is None:
        return None
    return FactsRemoved(event.sequence, event.at, event.actor, event.told.get("reason", ""))


def subjects_removed_before(session: Session) -> datetime | None:
    """Of decisions recorded before this moment the subjects were removed; None while all are there."""
    query = select(AuditEvent).where(AuditEvent.action == REMOVED, AuditEvent.subject.startswith("decisions/"))
    event = session.scalars(query.order_by(AuditEvent.sequence.desc()).limit(1)).one_or_none()
    try:
        return received.moment(event.told.get("recorded_before")) if event else None
    except WrongValue:
        return event.at if event else None


def check_removals(session: Session) -> Iterator[Counted | Problem]:
    """Just what the events tell of was emptied, and is empty: a check for `audit.verify`."""
    for what, key, removed_in, recorded, emptied in _EMPTIED:
        kept = select(key).where(removed_in.is_not(None), or_(*(_not_so(key, *one) for one in emptied.items())))
        for number in session.scalars(kept.order_by(key).limit(1)):
            yield Problem(f"{what[:-1].capitalize()} number {number} was altered: its facts had been removed.")
        emptied_by = select(removed_in, func.count(), func.min(key), func.max(key), func.max(recorded))
        stored = {
            event: (tuple(rest), instant(newest))
            for event, *rest, newest in session.execute(emptied_by.where(removed_in.is_not(None)).group_by(removed_in))
        }
        for event, told in _told(session, what):
            with told_in(event):
                problem = _otherwise(event, what, told, *stored.pop(event, (None, "")))
            yield Problem(problem) if problem else Counted("removals")
        for event, ((count, first, last), _) in sorted(stored.items()):
            yield Problem(f"{count} {what} from {first} to {last} were emptied, and audit event {event} tells of none.")


def _otherwise(event: int, what: str, told: dict[str, Any], which: tuple[int, ...] | None, newest: str) -> str | None:
    """A sentence when an event tells otherwise than what was emptied by it: how many from which to which, how old."""
    if newest >= told["recorded_before"]:
        return (
            f"Audit event {event} tells that the facts of {what} recorded before {told['recorded_before']} "
            f"were removed; one of those emptied by it was recorded at {newest}."
        )
    if which != (told["count"], told["first"], told["last"]):
        return (
            f"Audit event {event} tells that the facts of {told['count']} {what} were removed, from "
            f"{told['first']} to {told['last']}; the {what} emptied by it are others."
        )
    return None


def _told(session: Session, what: str) -> Iterator[tuple[int, dict[str, Any]]]:
    events = select(AuditEvent.details).where(AuditEvent.action == REMOVED)
    for event, row in in_pages(session, events, AuditEvent.sequence):
        with told_in(event):
            details = json.loads(row.details)
            of_these = details["what"] == what
            if details["what"] not in _KINDS:
                raise ValueError(details["what"])
        if of_these:
            yield event, details


def _not_so(key: InstrumentedAttribute[Any], column: str, value: str | None) -> Any:
    stored = getattr(key.class_, column)
    return stored.is_not(None) if value is None else stored != value
