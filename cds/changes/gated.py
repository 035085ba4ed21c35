"""The steps that only go through a gate: drafts into review, versions into a release, a release into force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.changes.candidate import Candidate, candidate, standing, underway
from cds.changes.gate import GateShut, Obstacle, Tick, before_publishing, before_review, shut
from cds.conjunctions import TooLarge
from cds.engine import EngineFault
from cds.rehearsing import failures
from cds.serving import prepare
from knowledge import lifecycle, releasing
from knowledge.canonical import digest
from knowledge.database import take_turn
from knowledge.errors import KnowledgeError
from knowledge.models import Activation, Release, ReleaseVersion, User, Version, VersionState, release_digest
from knowledge.steps import authors, retired_by


class SeenOtherwise(KnowledgeError):
    """What is stored is no longer what the person saw when she took the step."""


class CannotAnswer(KnowledgeError):
    """A release that does not answer as it should, or not at all."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The next release as it would be published now.

    `offered` may come in, `fresh` does; of what is `in_force`, `kept` stays as it is and `retired` goes.
    """

    in_force: tuple[Version, ...]
    offered: tuple[Version, ...]
    fresh: tuple[Version, ...]
    kept: tuple[Version, ...]
    retired: tuple[Version, ...]
    candidate: Candidate

    @property
    def versions(self) -> tuple[Version, ...]:
        return self.kept + self.fresh

    @property
    def digest(self) -> str:
        """What a person who publishes it must have seen."""
        return digest(sorted([one.kind, one.key, one.number, one.digest] for one in self.versions))


def seen_of(drafts: Sequence[Version]) -> str:
    """What a person who submits drafts must have seen of all that were shown to her."""
    return digest([[one.subject, one.digest, one.reason] for one in drafts])


def submit(
    session: Session, versions: Sequence[Version], shown: Sequence[Version], seen: str, *, by: User, at: datetime
) -> None:
    """Submit drafts together, out of those that were shown.

    Raises SeenOtherwise, GateShut, and what `lifecycle.submit` raises.
    """
    take_turn(session.connection())
    for version in shown:
        session.refresh(version)
    if seen_of(shown) != seen:
        raise SeenOtherwise("A draft was changed after you opened this page: look at it again, then submit it.")
    ticks = before_review(session, versions, at.date())
    if shut(ticks):
        raise GateShut(ticks)
    for version in versions:
        lifecycle.submit(session, version, by=by, at=at)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the versions that are offered a release is to hold: approved ones are in it unless left out, and
    released ones that are not in force only when taken up again. By the ids of versions."""

    left_out: frozenset[int] = frozenset()
    taken_up: frozenset[int] = frozenset()


def proposal(session: Session, choice: Choice) -> Proposal:
    """What would be published now: the release in force, without what was retired, and with what is chosen."""
    held = _held(session)
    numbers = {(one.kind, one.key): one.number for one in held}
    offered = _newest(one for one in offered_for(session) if one.number > numbers.get((one.kind, one.key), 0))
    fresh = tuple(
        one
        for one in offered
        if (one.id in choice.taken_up if one.state is VersionState.RELEASED else one.id not in choice.left_out)
    )
    taken = {(one.kind, one.key) for one in fresh}
    stays = [one for one in held if (one.kind, one.key) not in taken]
    return Proposal(
        in_force=tuple(held),
        offered=offered,
        fresh=fresh,
        kept=tuple(one for one in stays if one.state is not VersionState.RETIRED),
        retired=tuple(one for one in stays if one.state is VersionState.RETIRED),
        candidate=candidate(session, fresh) if fresh else standing(session),
    )


def offered_for(session: Session) -> list[Version]:
    """The versions that a next release may hold: approved, or released before."""
    return underway(session, VersionState.APPROVED, VersionState.RELEASED)


def _newest(versions: Iterable[Version]) -> tuple[Version, ...]:
    """Of each item the version with the highest number."""
    newest = {(one.kind, one.key): one for one in sorted(versions, key=lambda one: one.number)}
    return tuple(newest[name] for name in sorted(newest))


def _held(session: Session) -> list[Version]:
    """The versions of the release in force."""
    release = releasing.in_force(session)
    if release is None:
        return []
    held = select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release.id)
    return list(session.scalars(select(Version).where(Version.id.in_(held)).order_by(Version.kind, Version.key)))


def ticks_of(session: Session, proposed: Proposal, *, by: User) -> list[Tick]:
    """The gate's result for a proposal that this person would publish."""
    same = release_digest((one.kind, one.key, one.number, one.digest) for one in proposed.versions)
    twin = session.scalars(select(Release).where(Release.digest == same).limit(1)).one_or_none()
    own = [
        Obstacle(f"You wrote {one.label}: somebody else publishes it, or leave it out.", (one.kind, one.key))
        for one in proposed.fresh
        if by.id in authors(session, one)
    ]
    own += [
        Obstacle(f"You retired {one.label}: somebody else publishes a release without it.", (one.kind, one.key))
        for one in proposed.retired
        if by.id in retired_by(session, one)
    ]
    return [
        *before_publishing(proposed.candidate, proposed.fresh, twin),
        Tick("Whoever publishes it wrote and retired nothing in it", tuple(own)),
    ]


def publish(session: Session, choice: Choice, seen: str, *, by: User, at: datetime, reason: str) -> Release:
    """Publish the proposal whose digest the person saw. Raises SeenOtherwise, GateShut, and what `publish` raises."""
    take_turn(session.connection())
    session.expire_all()
    proposed = proposal(session, choice)
    if proposed.digest != seen:
        raise SeenOtherwise("The proposal is no longer what you saw: look at it again, then publish it.")
    ticks = ticks_of(session, proposed, by=by)
    if shut(ticks):
        raise GateShut(ticks)
    return releasing.publish(session, proposed.versions, by=by, at=at, reason=reason)


def put_in_force(
    session: Session, release: Release, *, by: User, now: Callable[[], datetime], reason: str
) -> Activation:
    """Put a release in force that can answer as its example patients expect, from the moment when that is known.

    Until then the one before answers, however long it takes. Raises CannotAnswer, and what `releasing.activate` raises.
    """
    try:
        with closing(prepare(session, release.id)) as prepared:
            failing = failures(prepared)
    except (TooLarge, EngineFault) as refusal:
        raise CannotAnswer(f"{release.label} cannot be put in force: the engine cannot hold it. {refusal}") from None
    if failing:
        raise CannotAnswer(f"{release.label} cannot be put in force: {len(failing)} expectations fail. {failing[0]}.")
    take_turn(session.connection())
    return releasing.activate(session, release, by=by, at=now(), reason=reason)
