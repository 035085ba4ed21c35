"""The whole record walked: the chain, what is in force by it, who holds what, and every decision."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cds.proofs.anchors import Anchor, check_anchors
from cds.proofs.holders import check_incidents, check_keys, check_people
from cds.proofs.recounting import Recount
from cds.record.emptied import check_removals
from cds.record.sealing import check_decisions
from cds.record.written import check_file, check_written
from knowledge import audit, structure
from knowledge.audit import Check, Seen, Verification
from knowledge.models import AuditEvent
from knowledge.proofs import Counted, Problem
from knowledge.steps import SYSTEM

VERIFIED = "record.verified"


def check_decisions_and_counts(session: Session) -> Iterator[Counted | Problem]:
    """Every decision, and what was counted of them, in one walk."""
    recount = Recount(session)
    yield from check_decisions(session, also=recount.see)
    yield from recount.rest()


def check_guards(session: Session) -> Iterator[Counted | Problem]:
    """The tables and the guards on them are as they were made: a check for `audit.verify`."""
    if problem := structure.altered(session.connection()):
        yield Problem(problem)


CHECKS: Sequence[Check] = (
    check_people,
    check_keys,
    check_incidents,
    check_decisions_and_counts,
    check_removals,
    check_written,
    check_file,
    check_guards,
)
"""What is checked beside the chain, and the versions and releases that it tells of."""


def verify(session: Session, anchors: Iterable[Anchor] = (), *, seen: Seen = audit.unseen) -> Verification:
    """Check everything that is on record, and that it is what was anchored: `audit.verify` of it all."""
    try:
        verification = audit.verify(session, *CHECKS, of_chain=[check_anchors(tuple(anchors))], seen=seen)
        if verification.problem == audit.UNNAMED:
            named = (found.sentence for found in check_written(session) if isinstance(found, Problem))
            return replace(verification, problem=next(named, audit.UNNAMED))
        return verification
    except DBAPIError:
        session.rollback()
        if problem := structure.altered(session.connection()):
            return Verification({}, problem, None)
        raise


def record_verified(session: Session, verification: Verification, anchors: int, *, at: datetime) -> None:
    """Tell that the record was found untouched, up to which event, and what was checked.

    A chain that is broken is not gone on with: what was found is for whoever ran the check to tell.
    """
    details = {"checked": dict(verification.checked), "anchors": anchors, "head": verification.head}
    audit.record(session, action=VERIFIED, subject="record", actor=SYSTEM, at=at, details=details)


@dataclass(frozen=True, slots=True)
class Verified:
    """When the record was last found untouched, and how much there was of it."""

    at: datetime
    events: int
    decisions: int
    anchors: int


def last_verified(session: Session) -> Verified | None:
    """What was last put on record of a check; None when none ever was."""
    found = select(AuditEvent).where(AuditEvent.action == VERIFIED).order_by(AuditEvent.sequence.desc())
    event = session.scalars(found.limit(1)).one_or_none()
    if event is None:
        return None
    told = json.loads(event.details)
    checked = told["checked"]
    return Verified(event.at, checked.get("events", 0), checked.get("decisions", 0), told["anchors"])
