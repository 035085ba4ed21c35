"""A recorded decision made again under its own release, held against what was recorded, and put on record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.conjunctions import TooLarge
from cds.deciding import Answer, Disagreement, Question, decide, letters
from cds.engine import EngineFault
from cds.models import Decision
from cds.record.incidents import Kind, record_incident
from cds.record.recording import SOFTWARE, question_of
from cds.releases import PreparedRelease
from cds.requests import UnusableRequest
from cds.service import Service
from cds.serving import Serving
from knowledge import audit
from knowledge.canonical import digest_of_bytes, instant
from knowledge.database import take_turn
from knowledge.models import AuditEvent, Release, ReleaseApproval
from knowledge.proofs import unreadable

log = structlog.get_logger()

REPLAYED = "decision.replayed"


class Outcome(StrEnum):
    """What came of making a decision again."""

    SAME = "same"
    DIFFERS = "differs"
    IMPOSSIBLE = "not_possible"
    REMOVED = "facts_removed"


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of making a decision again; `problem` says in a sentence why there is no answer, where there is none.

    `release` was asked `question`, as it stood then; they are None where the record cannot be read so far.
    """

    decision: Decision
    outcome: Outcome
    problem: str | None = None
    release: PreparedRelease | None = None
    question: Question | None = None
    clinically_approved: bool | None = None
    answer: Answer | None = None
    disagreement: Disagreement | None = None

    @property
    def digest(self) -> str | None:
        """The digest of the answer that was made again."""
        return digest_of_bytes(self.answer.response) if self.answer else None

    @property
    def states(self) -> str | None:
        """The letters of the states that were made again."""
        return letters(self.release, self.answer.states) if self.release and self.answer else None

    @property
    def same_states(self) -> bool:
        return self.states == self.decision.states

    @property
    def other_software(self) -> str | None:
        """The version of the program that answered then, when it is not this one."""
        then = self.decision.software
        return then if then is not None and then != SOFTWARE else None


def replay(session: Session, serving: Serving, decision: Decision) -> Replay:
    """Ask the recorded question of the recorded release, by engine and plain reading. Nothing is put on record."""
    release: PreparedRelease | None = None
    question: Question | None = None
    try:
        release = serving.of(session, decision.release_id)
        if decision.removed_in is not None:
            return Replay(decision, Outcome.REMOVED, release=release)
        question = question_of(decision)
        return _held_against(session, decision, release, question)
    except Disagreement as error:
        said = "Two evaluations of the rules did not give the same result today."
        return Replay(decision, Outcome.IMPOSSIBLE, said, release, question, disagreement=error)
    except UnusableRequest:
        said = "The recorded facts do not fit the recorded release."
    except EngineFault:
        said = "The rules engine failed. Try again."
    except TooLarge:
        said = "The engine cannot hold the recorded release any more."
    except Exception as error:
        if not unreadable(error):
            raise
        said = "What is recorded cannot be read."
    if decision.removed_in is not None:
        return Replay(decision, Outcome.REMOVED)
    return Replay(decision, Outcome.IMPOSSIBLE, said, release, question)


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


def said_of(made: Replay) -> str:
    """What came of it, in sentences for whoever must rely on the record."""
    match made.outcome:
        case Outcome.SAME:
            return "The recorded facts and the release of the time give the recorded answer, to the byte."
        case Outcome.REMOVED:
            return "The facts were removed, so that the answer cannot be made again. The proof still holds."
        case Outcome.IMPOSSIBLE:
            return made.problem or ""
        case Outcome.DIFFERS:
            software = (
                f" Version {made.other_software} of the program answered then, and this is version {SOFTWARE}: "
                "a later version may say the same in other words."
                if made.other_software
                else ""
            )
            return f"What is made again is not what was recorded: {_difference(made)}{software} {_VERIFY}"


_VERIFY = "Have the record checked with “phasewise audit verify” before you rely on either."


def _difference(made: Replay) -> str:
    if made.digest == made.decision.response_digest:
        return "the answer is the same to the byte, but the recorded states of the rules are others."
    digest = "the recorded digest is another one."
    if made.same_states:
        return f"{digest} The state of every rule is the recorded one; the answer’s text is not."
    return f"{digest} The states of the rules differ too."


def _held_against(session: Session, decision: Decision, release: PreparedRelease, question: Question) -> Replay:
    stood = decision.clinically_approved
    # Rows of old do not say how the release stood; an approval at the very moment may have come before or after.
    before = _approved_by_then(session, decision) if stood is None else stood
    for approved in (before,) if stood is not None else (before, not before):
        answer = decide(release, question, clinically_approved=approved)
        if digest_of_bytes(answer.response) == decision.response_digest:
            same = letters(release, answer.states) == decision.states
            outcome = Outcome.SAME if same else Outcome.DIFFERS
            return Replay(decision, outcome, None, release, question, approved, answer)
    answer = decide(release, question, clinically_approved=before)
    return Replay(decision, Outcome.DIFFERS, None, release, question, before, answer)


def _approved_by_then(session: Session, decision: Decision) -> bool:
    """Whether a person had approved the release when the decision was recorded."""
    first = select(ReleaseApproval.id).where(
        ReleaseApproval.release_id == decision.release_id, ReleaseApproval.at <= decision.recorded_at
    )
    return session.scalars(first.limit(1)).one_or_none() is not None


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
