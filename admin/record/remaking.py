"""A recorded decision made again, and held against what was recorded."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.deciding import Disagreement, Question, decide, letters
from cds.engine import EngineFault
from cds.models import Decision
from cds.record.recording import question_of
from cds.releases import PreparedRelease
from cds.requests import UnusableRequest
from cds.serving import Serving
from knowledge.canonical import digest_of_bytes
from knowledge.models import ReleaseApproval
from knowledge.proofs import unreadable


class NotMadeAgain(Exception):
    """The text is a sentence that says why, for the page."""


@dataclass(frozen=True, slots=True)
class MadeAgain:
    """By which release and from which question; whether the answer has the recorded digest, and the rules their states.

    `clinically_approved` says how the release stood when the decision was recorded.
    """

    release: PreparedRelease
    question: Question
    clinically_approved: bool
    same_answer: bool
    same_states: bool


def made_again(session: Session, serving: Serving, decision: Decision) -> MadeAgain:
    """Ask the recorded question of the recorded release. Raises NotMadeAgain."""
    try:
        return _made_again(session, serving, decision)
    except Disagreement as error:
        raise NotMadeAgain("Two evaluations of the rules did not give the same result today.") from error
    except UnusableRequest as error:
        raise NotMadeAgain("The recorded facts do not fit the recorded release.") from error
    except EngineFault as error:
        raise NotMadeAgain("The rules engine failed. Try again.") from error
    except Exception as error:
        if not unreadable(error):
            raise
        raise NotMadeAgain("What is recorded cannot be read.") from error


def _made_again(session: Session, serving: Serving, decision: Decision) -> MadeAgain:
    release = serving.of(session, decision.release_id)
    question = question_of(decision)
    stood = _approved_by_then(session, decision)
    # An approval at the moment of the decision itself may have come before or after it.
    for approved in (stood, not stood):
        answer = decide(release, question, clinically_approved=approved)
        if digest_of_bytes(answer.response) == decision.response_digest:
            break
    else:
        approved, answer = stood, decide(release, question, clinically_approved=stood)
    return MadeAgain(
        release,
        question,
        approved,
        same_answer=digest_of_bytes(answer.response) == decision.response_digest,
        same_states=letters(release, answer.states) == decision.states,
    )


def _approved_by_then(session: Session, decision: Decision) -> bool:
    """Whether a person had approved the release when the decision was recorded."""
    first = select(ReleaseApproval.id).where(
        ReleaseApproval.release_id == decision.release_id, ReleaseApproval.at <= decision.recorded_at
    )
    return session.scalars(first.limit(1)).one_or_none() is not None
