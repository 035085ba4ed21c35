"""Facts and subjects that are older than a site keeps them, removed a batch at a time; the proofs go on to hold.

Every batch is a transaction of its own, committed by the caller, and begins with the event that tells of it: so a
run that ends in the middle leaves a record that verifies, and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from cds.changes.running import what_from
from cds.models import ComparisonRun, Decision, Incident
from cds.record import incidents
from cds.record.digests import personal_digest, problem_with
from cds.record.emptied import EMPTIED_DECISION, EMPTIED_INCIDENT, REMOVED
from cds.record.sealing import Proofs, last_sealed
from knowledge import audit
from knowledge.canonical import instant
from knowledge.database import take_turn
from knowledge.errors import KnowledgeError
from knowledge.proofs import PAGE, in_pages
from knowledge.steps import SYSTEM, given

LONGEST_DAYS = 36_500


class NoAge(KnowledgeError):
    """What is older than this many days cannot be meant."""


class Touched(KnowledgeError):
    """What is to be removed is no longer what was recorded: removing it would hide that."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} Nothing more is removed: have the record checked with “phasewise audit verify”.")


@dataclass(frozen=True, slots=True)
class Removal:
    """What is recorded before a moment, `days` before `at`, is to lose what speaks of patients, and why."""

    days: int
    before: datetime
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Old:
    """How much there is of one kind, and when the oldest and the newest of it were recorded."""

    what: str
    count: int
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Removed:
    """One batch: of what, how many, from which to which number."""

    what: str
    count: int
    first: int
    last: int


def asked(days: int, reason: str, *, at: datetime) -> Removal:
    """A removal of what is older than some days. Raises NoAge, NoReason."""
    if not 1 <= days <= LONGEST_DAYS:
        raise NoAge(f"Facts can be removed that are older than 1 to {LONGEST_DAYS:,} days, not {days:,}.")
    return Removal(days, at - timedelta(days=days), at, given(reason))


def found(session: Session, before: datetime) -> tuple[Old, ...]:
    """What a removal would remove, and last what it would leave because it is not sealed yet; changes nothing."""
    sealed = last_sealed(session)
    counted = (
        ("decisions", Decision.recorded_at, (*_old_decisions(before), Decision.sequence <= sealed)),
        ("incidents", Incident.at, _old_incidents(before)),
        ("comparisons", ComparisonRun.started_at, (ComparisonRun.id.in_(_over_old_decisions(session, before)),)),
        ("decisions not yet sealed", Decision.recorded_at, (*_old_decisions(before), Decision.sequence > sealed)),
    )
    return tuple(
        Old(what, *session.execute(select(func.count(), func.min(when), func.max(when)).where(*which)).one())
        for what, when, which in counted
    )


def removed(session: Session, removal: Removal) -> Iterator[Removed]:
    """Remove it, a batch for each item given, to be committed before the next is asked for. Raises Touched.

    Comparisons come last: one that was begun meanwhile has read what was still there.
    """
    yield from _decisions(session, removal)
    yield from _incidents(session, removal)
    yield from _comparisons(session, removal)


def _decisions(session: Session, removal: Removal) -> Iterator[Removed]:
    old = (*_old_decisions(removal.before), Decision.sequence <= last_sealed(session))
    proofs, after = Proofs(session), 0
    query = select(*Decision.__table__.columns).where(*old)
    while rows := _page(session, query.where(Decision.sequence > after), Decision.sequence):
        _refuse(proofs.problem(rows[0][0], rows[-1][0]))
        was = {sequence: _personal_of_decision(sequence, row) for sequence, row in rows}
        if event := _told(session, removal, "decisions", Decision.sequence, old, list(was)):
            _empty(session, Decision.sequence, EMPTIED_DECISION, event, was)
            yield Removed("decisions", len(rows), rows[0][0], rows[-1][0])
            after = rows[-1][0]


def _incidents(session: Session, removal: Removal) -> Iterator[Removed]:
    old, after = _old_incidents(removal.before), 0
    while rows := _page(session, select(Incident).where(*old, Incident.id > after), Incident.id):
        was = {number: _personal_of_incident(number, row) for number, row in rows}
        if event := _told(session, removal, "incidents", Incident.id, old, list(was)):
            _empty(session, Incident.id, EMPTIED_INCIDENT, event, was)
            yield Removed("incidents", len(rows), rows[0][0], rows[-1][0])
            after = rows[-1][0]


def _comparisons(session: Session, removal: Removal) -> Iterator[Removed]:
    """Working material that names findings of patients, and proves nothing: it goes as a whole."""
    take_turn(session.connection())
    numbers = _over_old_decisions(session, removal.before)
    named = (ComparisonRun.id.in_(numbers),)
    if numbers and _told(session, removal, "comparisons", ComparisonRun.id, named, numbers):
        session.execute(delete(ComparisonRun).where(*named))
        yield Removed("comparisons", len(numbers), numbers[0], numbers[-1])
    else:
        session.rollback()


def _told(
    session: Session,
    removal: Removal,
    what: str,
    key: InstrumentedAttribute[int],
    old: Sequence[ColumnElement[bool]],
    numbers: Sequence[int],
) -> int | None:
    """Take the turn and tell of a batch: the sequence of the event. None when another removal was there first."""
    first, last = numbers[0], numbers[-1]
    take_turn(session.connection())
    if session.scalar(select(func.count()).where(key.between(first, last), *old)) != len(numbers):
        session.rollback()
        return None
    details = {
        "what": what,
        "first": first,
        "last": last,
        "count": len(numbers),
        "days": removal.days,
        "recorded_before": instant(removal.before),
        "reason": removal.reason,
    }
    subject = f"{what}/{first}-{last}"
    event = audit.record(session, action=REMOVED, subject=subject, actor=SYSTEM, at=removal.at, details=details)
    return event.sequence


def _empty(
    session: Session,
    key: InstrumentedAttribute[int],
    emptied: Mapping[str, str | None],
    event: int,
    was: Mapping[int, str],
) -> None:
    row = update(key.class_.__table__).where(key == bindparam("number"))
    values = row.values(**emptied, personal=bindparam("was"), removed_in=event)
    session.connection().execute(values, [{"number": number, "was": personal} for number, personal in was.items()])


def _page(session: Session, rows: Select[Any], key: InstrumentedAttribute[int]) -> list[tuple[int, Any]]:
    return list(islice(in_pages(session, rows, key), PAGE))


def _personal_of_decision(sequence: int, row: Any) -> str:
    _refuse(problem_with(sequence, row))
    return personal_digest(row._mapping)


def _personal_of_incident(number: int, row: Any) -> str:
    """The digest of what is removed; an incident of old, of which no digest was ever told, has none."""
    incident: Incident | None = row[0] if row else None
    if incident is None:
        raise Touched(f"Incident {number} was altered: it cannot be read.")
    if incident.digest is None:
        return ""
    if incident.digest != incidents.incident_digest(incident):
        raise Touched(f"Incident {number} was altered: its digest is not that of its content.")
    return incidents.personal_digest(incident)


def _refuse(problem: str | None) -> None:
    if problem:
        raise Touched(problem)


def _old_decisions(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return Decision.recorded_at < before, Decision.removed_in.is_(None)


def _old_incidents(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return Incident.at < before, Incident.removed_in.is_(None)


def _over_old_decisions(session: Session, before: datetime) -> list[int]:
    """The comparisons over a period that begins before the moment."""
    runs = session.execute(select(ComparisonRun.id, ComparisonRun.what).order_by(ComparisonRun.id)).all()
    return [run.id for run in runs if datetime.combine(what_from(run.what).first, time(), UTC) < before]
