"""What is kept of an answer, and how its question is read back from it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

from sqlalchemy import Connection, insert

from cds.deciding import Answer, Question, known_as_json, letters
from cds.models import Decision
from cds.record.digests import decision_digest
from cds.releases import PreparedRelease
from cds.writing import compact
from knowledge.canonical import digest_of_bytes
from knowledge.items import Actor
from knowledge.model.zones import UTC_NAME

SOFTWARE = version("phasewise")
"""The version of this program, as a decision names it."""

_SALT_BYTES = 16
_INSERT = insert(Decision)


def record(
    connection: Connection,
    answer: Answer,
    release: PreparedRelease,
    release_id: int,
    *,
    clinically_approved: bool,
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
                "known": known_as_json(answer.resolved.known),
                "derived": {name: derived.when for name, derived in answer.resolved.derived.items()},
            }
        ).decode(),
        "states": letters(release, answer.states),
        "request": compact(options).decode() if (options := options_of(question)) else None,
        "actors": compact(question.actors).decode() if question.actors else None,
        "response_digest": digest_of_bytes(answer.response),
        "salt": secrets.token_hex(_SALT_BYTES),
        "software": SOFTWARE,
        "clinically_approved": clinically_approved,
    }
    row["digest"] = decision_digest(row)
    connection.execute(_INSERT, row)


def question_of(decision: Decision) -> Question:
    """The question that a kept decision answered, to be asked again."""
    options = options_in(decision.request)
    return Question(
        decision_id=decision.id,
        evaluated_at=decision.evaluated_at,
        facts=json.loads(decision.facts_posted),
        actors=tuple(Actor(actor) for actor in json.loads(decision.actors or "[]")),
        subject=decision.subject,
        with_not_met="not_met" in options.get("include", ()),
        zone=options.get("zone", UTC_NAME),
        set_aside=options.get("unusable_facts") == "set_aside",
    )


def options_in(request: str | None) -> Mapping[str, Any]:
    """What a recorded request asked beside the facts."""
    return json.loads(request) if request else {}


def options_of(question: Question) -> dict[str, Any]:
    """What the request asked beside the facts, where it is not what is usual."""
    options: dict[str, Any] = {"include": ["not_met"]} if question.with_not_met else {}
    if question.zone != UTC_NAME:
        options["zone"] = question.zone
    if question.set_aside:
        options["unusable_facts"] = "set_aside"
    return options
