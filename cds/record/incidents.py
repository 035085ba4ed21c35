"""What must not happen, kept with all that is needed to see it happen again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from cds.deciding import Disagreement, known_as_json
from cds.models import Incident
from cds.record.recording import options_of
from cds.releases import PreparedRelease
from cds.writing import compact
from knowledge import audit
from knowledge.canonical import digest, instant
from knowledge.steps import SYSTEM

RECORDED = "incident.recorded"


class Kind(StrEnum):
    """What may have come out that must not."""

    DISAGREEMENT = "disagreement"
    REPLAY = "replay"


MEANS: Mapping[str, str] = {
    Kind.DISAGREEMENT: "The engine and the plain reading of the rules did not agree, so no answer was given.",
    Kind.REPLAY: "A recorded decision was made again, and the answer was not the recorded one.",
}

_SALT_BYTES = 16


def record_incident(
    session: Session,
    kind: str,
    detail: Mapping[str, Any],
    *,
    release_id: int,
    at: datetime,
    actor: str = SYSTEM,
    told: Mapping[str, Any] | None = None,
) -> int:
    """Keep an incident and tell of it; gives its number. `detail` may speak of the patient, `told` must not."""
    incident = Incident(
        at=at, kind=kind, release_id=release_id, detail=compact(detail).decode(), salt=secrets.token_hex(_SALT_BYTES)
    )
    incident.digest = incident_digest(incident)
    session.add(incident)
    session.flush()
    audit.record(
        session,
        action=RECORDED,
        subject=f"incident/{incident.id}",
        actor=actor,
        at=at,
        details={"kind": kind, "digest": incident.digest, **(told or {})},
    )
    return incident.id


def incident_digest(incident: Incident) -> str:
    """SHA-256 over the canonical JSON of an incident; its detail enters as one salted digest, as in a decision."""
    return digest(
        {
            "at": instant(incident.at),
            "kind": incident.kind,
            "personal": incident.personal or personal_digest(incident),
            "release_id": incident.release_id,
        }
    )


def personal_digest(incident: Incident) -> str:
    """SHA-256 over the canonical JSON of what could speak of the patient, and the salt."""
    return digest({"detail": incident.detail, "salt": incident.salt})


def record_disagreement(
    session: Session, problem: Disagreement, release: PreparedRelease, release_id: int, *, at: datetime
) -> int:
    """Keep all that is needed to make two differing evaluations differ again; gives the incident's number."""
    question = problem.question
    detail = {
        "release": {"number": release.number, "digest": release.digest},
        "decision_id": question.decision_id,
        "evaluated_at": question.evaluated_at.isoformat(),
        "facts_posted": question.facts,
        "request": options_of(question),
        "facts_known": known_as_json(problem.resolved.known),
        "fired": problem.fired,
        "read": problem.read,
        "conditions": {name: _rules_with(release, name) for name in {*problem.fired} ^ {*problem.read}},
    }
    told = {"release": release.number}
    return record_incident(session, Kind.DISAGREEMENT, detail, release_id=release_id, at=at, told=told)


def _rules_with(release: PreparedRelease, condition: str) -> list[str]:
    return [key for key, entry in release.rules.items() if entry.condition == condition]
