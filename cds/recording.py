"""What is kept of an answer, and of an answer that could not be trusted."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session

from cds.deciding import Answer, Disagreement, Question, known_as_json, letters
from cds.models import Decision, Incident
from cds.releases import PreparedRelease
from cds.sealing import decision_digest
from cds.writing import compact
from knowledge import audit
from knowledge.canonical import digest_of_bytes
from knowledge.items import Actor

_SALT_BYTES = 16
_INSERT = insert(Decision)


def record(
    connection: Connection,
    answer: Answer,
    release: PreparedRelease,
    release_id: int,
    *,
    api_key_id: int | None,
    origin: str,
    at: datetime,
) -> None:
    """Keep an answer, in the transaction of the connection."""
    question = answer.question
    row: dict[str, Any] = {
        "id": question.decision_id,
        "release_id": release_id,
        "evaluated_at": question.evaluated_at,
        "recorded_at": at,
        "subject": question.subject,
        "api_key_id": api_key_id,
        "origin": origin,
        "facts_posted": compact(question.facts).decode(),
        "facts_known": compact(
            {
                "known": known_as_json(answer.prepared.known),
                "derived": {name: derived.when for name, derived in answer.prepared.derived.items()},
            }
        ).decode(),
        "states": letters(release, answer.states),
        "request": _options(question),
        "actors": compact(question.actors).decode() if question.actors else None,
        "response_digest": digest_of_bytes(answer.response),
        "salt": secrets.token_hex(_SALT_BYTES),
    }
    row["digest"] = decision_digest(row)
    connection.execute(_INSERT, row)


def question_of(decision: Decision) -> Question:
    """The question that a kept decision answered, to be asked again."""
    options: Mapping[str, Any] = json.loads(decision.request) if decision.request else {}
    return Question(
        decision_id=decision.id,
        evaluated_at=decision.evaluated_at,
        facts=json.loads(decision.facts_posted),
        actors=tuple(Actor(actor) for actor in json.loads(decision.actors or "[]")),
        subject=decision.subject,
        with_not_met="not_met" in options.get("include", ()),
    )


def record_incident(
    session: Session, problem: Disagreement, release: PreparedRelease, release_id: int, *, at: datetime
) -> int:
    """Keep all that is needed to make two differing evaluations differ again; gives the incident's number."""
    question = problem.question
    incident = Incident(
        at=at,
        kind="disagreement",
        release_id=release_id,
        detail=compact(
            {
                "release": {"number": release.number, "digest": release.digest},
                "decision_id": question.decision_id,
                "evaluated_at": question.evaluated_at.isoformat(),
                "facts_posted": question.facts,
                "facts_known": known_as_json(problem.prepared.known),
                "fired": problem.fired,
                "read": problem.read,
                "conditions": {name: _rules_with(release, name) for name in {*problem.fired} ^ {*problem.read}},
            }
        ).decode(),
    )
    session.add(incident)
    session.flush()
    audit.record(
        session,
        action="incident.recorded",
        subject=f"incident/{incident.id}",
        actor="system",
        at=at,
        details={"kind": incident.kind, "release": release.number},
    )
    return incident.id


def _rules_with(release: PreparedRelease, condition: str) -> list[str]:
    return [key for key, entry in release.rules.items() if entry.condition == condition]


def _options(question: Question) -> str | None:
    return compact({"include": ["not_met"]}).decode() if question.with_not_met else None
