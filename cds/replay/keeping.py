"""That a decision was made again put on record, with an incident where it did not give the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.record.incidents import Kind, record_incident
from cds.record.recording import SOFTWARE
from cds.replay.replaying import Outcome, Replay
from cds.service import Service
from knowledge import audit
from knowledge.canonical import digest_of_bytes, instant
from knowledge.database import take_turn
from knowledge.models import AuditEvent, Release

log = structlog.get_logger()

REPLAYED = "decision.replayed"


def on_record(
    session: Session, service: Service, made: Replay, *, actor: str, details: Mapping[str, Any]
) -> int | None:
    """Tell of a replay, and keep an incident where it did not give the same; gives the incident's number.

    `details` say who read what, and name no patient. The same mismatch of a decision is kept once for each version of
    the program: seen again, the replay names the incident that is there. Does not commit.
    """
    take_turn(session.connection())
    decision, at = made.decision, service.now()
    told: dict[str, Any] = {"outcome": made.outcome, "software": SOFTWARE}
    if made.outcome in (Outcome.DIFFERS, Outcome.IMPOSSIBLE):
        mismatch = _mismatch(made)
        number = _kept(session, decision, mismatch)
        if number is None:
            number = record_incident(
                session,
                Kind.REPLAY,
                _to_see_it_again(session, made),
                release_id=decision.release_id,
                at=at,
                actor=actor,
                told={"decision": decision.id, "outcome": made.outcome, "software": SOFTWARE},
            )
            service.counters.incidents.inc()
            log.error("incident", incident=number, kind=Kind.REPLAY)
        if made.disagreement is not None:
            service.serving.forget()
        told |= {"incident": number, "mismatch": mismatch}
    audit.record(
        session,
        action=REPLAYED,
        subject=f"decision/{decision.id}",
        actor=actor,
        at=at,
        details={**told, **details},
    )
    return told.get("incident")


def _mismatch(made: Replay) -> str:
    """One and the same text for one and the same mismatch; salted, so that it gives no fact away."""
    kept = made.decision
    parts = (
        SOFTWARE,
        made.problem,
        made.digest,
        made.states,
        kept.response_digest,
        kept.states,
        kept.digest,
        kept.salt,
    )
    return digest_of_bytes(json.dumps(parts).encode())


def _kept(session: Session, decision: Decision, mismatch: str) -> int | None:
    """The incident in which this very mismatch is kept already."""
    told = select(AuditEvent).where(AuditEvent.subject == f"decision/{decision.id}", AuditEvent.action == REPLAYED)
    return next(
        (event.told.get("incident") for event in session.scalars(told) if event.told.get("mismatch") == mismatch), None
    )


def _to_see_it_again(session: Session, made: Replay) -> dict[str, Any]:
    """All that is needed to make it happen again. Texts as they are recorded: it may be they that cannot be read."""
    decision, release = made.decision, session.get_one(Release, made.decision.release_id)
    return {
        "decision_id": decision.id,
        "outcome": made.outcome,
        "problem": made.problem,
        "release": {"number": release.number, "digest": release.digest},
        "evaluated_at": instant(decision.evaluated_at),
        "facts_posted": decision.facts_posted,
        "actors": decision.actors,
        "request": decision.request,
        "recorded": {
            "response_digest": decision.response_digest,
            "states": decision.states,
            "software": decision.software,
            "clinically_approved": decision.clinically_approved,
        },
        "made_again": {
            "response_digest": made.digest,
            "states": made.states,
            "software": SOFTWARE,
            "clinically_approved": made.clinically_approved,
        },
        **({"fired": made.disagreement.fired, "read": made.disagreement.read} if made.disagreement else {}),
    }
