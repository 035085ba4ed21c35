"""A recorded decision made again under its own release, and held against what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.conjunctions import TooLarge
from cds.deciding import Answer, Disagreement, Question, decide, letters
from cds.engine import EngineFault
from cds.models import Decision
from cds.record.recording import SOFTWARE, question_of
from cds.releases import PreparedRelease
from cds.requests import UnusableRequest
from cds.serving import Serving
from knowledge.canonical import digest_of_bytes
from knowledge.models import ReleaseApproval
from knowledge.proofs import unreadable


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
