"""The two steps that only go through the gate: drafts into review, and approved versions into a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.changes.candidate import Candidate, candidate, standing, underway
from cds.changes.gate import GateShut, Obstacle, Tick, before_publishing, before_review, shut
from knowledge import lifecycle, releasing
from knowledge.canonical import digest
from knowledge.database import take_turn
from knowledge.errors import KnowledgeError
from knowledge.models import Release, ReleaseVersion, User, Version, VersionState
from knowledge.references import Name
from knowledge.steps import authors


class SeenOtherwise(KnowledgeError):
    """What is stored is no longer what the person saw when she took the step."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The next release as it would be published now: what comes in anew, what is left out, what stays."""

    fresh: tuple[Version, ...]
    kept: tuple[Version, ...]
    left_out: frozenset[Name]
    candidate: Candidate

    @property
    def versions(self) -> tuple[Version, ...]:
        return self.kept + self.fresh

    @property
    def digest(self) -> str:
        """What a person who publishes it must have seen."""
        return digest(sorted([one.kind, one.key, one.number, one.digest] for one in self.versions))


def submit(session: Session, versions: Sequence[Version], *, by: User, at: datetime) -> None:
    """Submit drafts together. Raises GateShut, and what `lifecycle.submit` raises."""
    take_turn(session.connection())
    for version in versions:
        session.refresh(version)
    ticks = before_review(session, versions, at.date())
    if shut(ticks):
        raise GateShut(ticks)
    for version in versions:
        lifecycle.submit(session, version, by=by, at=at)


def proposal(session: Session, without: frozenset[int] = frozenset()) -> Proposal:
    """All approved versions, but those whose ids are in `without`, over the release in force."""
    approved = [one for one in underway(session, VersionState.APPROVED) if one.id not in without]
    # Of two approved versions of an item the later one is meant.
    fresh = tuple({(one.kind, one.key): one for one in sorted(approved, key=lambda one: one.number)}.values())
    taken = {(one.kind, one.key) for one in fresh}
    kept: tuple[Version, ...] = ()
    retired: frozenset[Name] = frozenset()
    release = releasing.in_force(session)
    if release is not None:
        held = select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release.id)
        rows = session.scalars(select(Version).where(Version.id.in_(held)).order_by(Version.id)).all()
        kept = tuple(one for one in rows if one.state is not VersionState.RETIRED and (one.kind, one.key) not in taken)
        retired = frozenset((one.kind, one.key) for one in rows if one.state is VersionState.RETIRED) - taken
    return Proposal(fresh, kept, retired, candidate(session, fresh) if fresh else standing(session))


def ticks_of(session: Session, proposed: Proposal, *, by: User) -> list[Tick]:
    """The gate's result for a proposal that this person would publish."""
    own = [
        Obstacle(f"You wrote {one.label}: somebody else publishes it, or leave it out.", (one.kind, one.key))
        for one in proposed.fresh
        if by.id in authors(session, one)
    ]
    return [
        *before_publishing(session, proposed.candidate, proposed.fresh),
        Tick("Nothing in it was written by whoever publishes it", tuple(own)),
    ]


def publish(session: Session, without: frozenset[int], seen: str, *, by: User, at: datetime, reason: str) -> Release:
    """Publish the proposal whose digest the person saw. Raises SeenOtherwise, GateShut, and what `publish` raises."""
    take_turn(session.connection())
    session.expire_all()
    proposed = proposal(session, without)
    if proposed.digest != seen:
        raise SeenOtherwise("The proposal is no longer what you saw: look at it again, then publish it.")
    ticks = ticks_of(session, proposed, by=by)
    if shut(ticks):
        raise GateShut(ticks)
    return releasing.publish(session, proposed.versions, by=by, at=at, reason=reason)
