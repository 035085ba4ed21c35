"""The facts of a decision asked of another release: what it would have said, and in what that differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.changes.comparing import Change, Pair, Patient, Unanswered
from cds.conjunctions import TooLarge
from cds.deciding import Answer, Disagreement, Question, decide
from cds.engine import EngineFault
from cds.releases import PreparedRelease
from cds.replay.replaying import Outcome, Replay
from cds.requests import BEYOND_COLUMNS, UnusableRequest
from cds.serving import Serving
from knowledge.model.zones import zone_named
from knowledge.models import Release
from knowledge.periods import Period, held_at, periods
from knowledge.proofs import unreadable
from knowledge.releasing import in_force

ASKED = "decision.asked_again"


class NotAsked(Exception):
    """There is nothing to ask, or nothing to ask it of; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which release is asked, by its number or because it was in force at a moment; `said` names it in words."""

    release: Release
    said: str
    clinically_approved: bool
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What another release says to recorded facts.

    `left_out` says for each posted fact that it cannot use why that is so. `problem` says why there is no answer, and
    `not_compared` why there are no changes, where that is so.
    """

    wanted: Wanted
    release: PreparedRelease | None = None
    question: Question | None = None
    answer: Answer | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    changes: tuple[Change, ...] = ()
    problem: str | None = None
    not_compared: str | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether it says the same, which a change of words is not."""
        if self.answer is None or self.not_compared:
            return Outcome.IMPOSSIBLE
        return Outcome.DIFFERS if self.changes or self.left_out else Outcome.SAME


def numbered(session: Session, number: int) -> Wanted:
    """The release of a number, as it stands today. Raises NotAsked."""
    query = select(Release).where(Release.number == number)
    release = session.scalars(query).one_or_none() if 0 < number < BEYOND_COLUMNS else None
    if release is None:
        raise NotAsked(f"There is no release {number}.")
    return Wanted(release, f"release {number}", release.clinically_approved)


def todays(session: Session) -> Wanted:
    """The release in force. Raises NotAsked."""
    release = in_force(session)
    if release is None:
        raise NotAsked("No release is in force today.")
    return Wanted(release, f"release {release.number}, in force today", release.clinically_approved)


def in_force_at(session: Session, at: datetime, said: str) -> Wanted:
    """The release that was in force at a moment, which `said` names, as it stood then. Raises NotAsked."""
    period = held_at(periods(session), at)
    if period is None:
        raise NotAsked(f"Nothing was in force {said}: the first release was put in force later.")
    approved = bool(period.approvals(at))
    return Wanted(period.release, f"release {period.release.number}, in force {said}", approved, period)


def ask(session: Session, serving: Serving, made: Replay, wanted: Wanted) -> Asked:
    """Ask another release what a decision was asked. `made` is the decision made again. Raises NotAsked."""
    if made.question is None or made.outcome is Outcome.REMOVED:
        raise NotAsked("There are no recorded facts that could be asked of another release.")
    try:
        release = serving.of(session, wanted.release.id)
        return _asked(made, wanted, release, made.question)
    except UnusableRequest as error:
        said = " ".join(problem.detail for problem in error.problems)
        return Asked(wanted, problem=f"It cannot use the recorded facts: {said}")
    except Disagreement:
        return Asked(wanted, problem="Its engine and the plain reading of its rules disagree: no answer may leave.")
    except (EngineFault, TooLarge):
        return Asked(wanted, problem="The engine cannot answer by it.")
    except Exception as error:
        if not unreadable(error):
            raise
        return Asked(wanted, problem="What is recorded of it cannot be read.")


def _asked(made: Replay, wanted: Wanted, release: PreparedRelease, question: Question) -> Asked:
    facts, left_out = _usable(release, question, made)
    answer = decide(release, replace(question, facts=facts), clinically_approved=wanted.clinically_approved)
    asked = Asked(wanted, release, question, answer, left_out)
    if made.release is None or made.answer is None:
        return replace(asked, not_compared="The recorded answer could not be made again.")
    then = Patient(question.decision_id, "", question.evaluated_at, question.facts, question.zone, question.set_aside)
    found = Pair(made.release, release).compare(then, replace(then, facts=facts))
    if isinstance(found, Unanswered):
        return replace(asked, not_compared=" ".join((*found.before, *found.after)))
    return replace(asked, changes=found)


def _usable(
    release: PreparedRelease, question: Question, made: Replay
) -> tuple[Mapping[str, Any], tuple[tuple[str, str], ...]]:
    """The posted facts that a release can use, and for each other one why not."""
    try:
        release.resolver.resolve(
            question.facts, question.evaluated_at, zone=zone_named(question.zone), set_aside=question.set_aside
        )
    except UnusableRequest as error:
        why = {_fact_of(problem.pointer): problem.detail for problem in error.problems}
        known = made.release.base.facts if made.release else {}
        for name in question.facts.keys() - release.base.facts.keys():
            called = f"“{known[name].label}” ({name})" if name in known else name
            why[name] = f"Release {release.number} does not know the fact {called}."
        kept = {name: value for name, value in question.facts.items() if name not in why}
        return kept, tuple(sorted(why.items()))
    return question.facts, ()


def _fact_of(pointer: str) -> str:
    """The fact that a JSON pointer below /facts leads to."""
    return pointer.split("/")[2].replace("~1", "/").replace("~0", "~")


def event_details(asked: Asked) -> dict[str, Any]:
    """What the record keeps of it: which release was asked, and whether it says the same. No fact of the patient."""
    return {"release": asked.wanted.release.number, "asked": asked.wanted.said, "outcome": asked.outcome}
