"""Comparisons over recorded decisions: what is asked, begun and cancelled by whom, and seen from every process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cds.changes.beside import NOTHING_IN_FORCE, NotComparable
from cds.changes.tallying import Comparison, from_json
from cds.models import ComparisonRun, Work
from knowledge import audit
from knowledge.canonical import canonical
from knowledge.database import take_turn
from knowledge.errors import KnowledgeError
from knowledge.models import User, Version
from knowledge.releasing import in_force

MOST_AT_ONCE = 2
"""How many comparisons one person may have at work."""

SILENCE = timedelta(seconds=60)
"""When nothing was heard of a comparison for so long, its process is taken to have ended."""

KEPT = timedelta(days=30)


class TooManyAtOnce(KnowledgeError):
    """The person has as many comparisons at work as she may have."""


@dataclass(frozen=True, slots=True)
class What:
    """What is compared: the release in force with these versions in it, each by id and digest, over a period.

    The days are those of UTC on which decisions were recorded, the first and the last included.
    """

    release_id: int
    versions: tuple[tuple[int, str], ...]
    proposal: bool
    first: date
    last: date

    def as_json(self) -> str:
        return canonical(
            {
                "first": self.first.isoformat(),
                "last": self.last.isoformat(),
                "proposal": self.proposal,
                "release": self.release_id,
                "versions": [[number, digest] for number, digest in self.versions],
            }
        ).decode()


def what_from(stored: str) -> What:
    """What as_json() wrote."""
    parts = json.loads(stored)
    return What(
        parts["release"],
        tuple((number, digest) for number, digest in parts["versions"]),
        parts["proposal"],
        date.fromisoformat(parts["first"]),
        date.fromisoformat(parts["last"]),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a comparison: for the example patients, and for the decisions that were reached."""

    examples: Comparison
    decisions: Comparison


def found_by(run: ComparisonRun) -> Found | None:
    """What a comparison has found, once it has ended."""
    if run.result is None:
        return None
    stored = json.loads(run.result)
    return Found(from_json(stored["examples"]), from_json(stored["decisions"]))


def interrupted(run: ComparisonRun, now: datetime) -> bool:
    """Whether the process that worked on it has ended before the work did."""
    return run.state is Work.RUNNING and now - run.heartbeat > SILENCE


def asked(session: Session, versions: Iterable[Version], *, proposal: bool, first: date, last: date) -> What:
    """What to compare, as it stands now. Raises NotComparable when no release is in force."""
    release = in_force(session)
    if release is None:
        raise NotComparable(NOTHING_IN_FORCE)
    named = tuple(sorted((version.id, version.digest) for version in versions))
    return What(release.id, named, proposal, first, last)


def begin(session: Session, what: What, *, by: User, at: datetime) -> tuple[ComparisonRun, bool]:
    """A comparison to be worked on, and whether it is new: the same one that she has at work is not begun twice.

    Raises TooManyAtOnce. Old comparisons are removed.
    """
    take_turn(session.connection())
    session.execute(delete(ComparisonRun).where(ComparisonRun.started_at < at - KEPT))
    at_work = _at_work(session, by, at)
    text = what.as_json()
    for run in at_work:
        if run.what == text and not run.cancel_requested:
            return run, False
    if len(at_work) >= MOST_AT_ONCE:
        raise TooManyAtOnce(
            f"You have {MOST_AT_ONCE} comparisons at work already: wait until one has ended, or cancel one."
        )
    run = ComparisonRun(
        by_id=by.id, started_at=at, what=text, done=0, state=Work.RUNNING, cancel_requested=False, heartbeat=at
    )
    session.add(run)
    session.flush()
    audit.record(
        session,
        action="comparison.started",
        subject=f"comparison/{run.id}",
        actor=by.name,
        at=at,
        details={"by": by.id, "what": json.loads(text)},
    )
    return run, True


def cancel(session: Session, run: ComparisonRun, *, by: User, at: datetime) -> None:
    """Ask for a comparison to end; it does with the next decisions. Nothing happens when it has ended already."""
    take_turn(session.connection())
    still = (ComparisonRun.id == run.id, ComparisonRun.state == Work.RUNNING, ComparisonRun.cancel_requested.is_(False))
    if (
        session.scalar(update(ComparisonRun).where(*still).values(cancel_requested=True).returning(ComparisonRun.id))
        is None
    ):
        return
    audit.record(
        session,
        action="comparison.cancelled",
        subject=f"comparison/{run.id}",
        actor=by.name,
        at=at,
        details={"by": by.id, "done": run.done},
    )


def _at_work(session: Session, by: User, at: datetime) -> list[ComparisonRun]:
    """What a person has at work, in whichever process."""
    query = select(ComparisonRun).where(
        ComparisonRun.by_id == by.id, ComparisonRun.state == Work.RUNNING, ComparisonRun.heartbeat >= at - SILENCE
    )
    return list(session.scalars(query.execution_options(populate_existing=True)))
