"""What the record tells of a version or a release: its steps, the releases that hold it, when it was in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from knowledge.models import (
    Activation,
    AuditEvent,
    Release,
    ReleaseApproval,
    ReleaseVersion,
    User,
    Version,
    VersionState,
)
from knowledge.steps import SYSTEM

PROGRAM = "the program"
"""Who did what nobody who signed in did."""


@dataclass(frozen=True, slots=True)
class Step:
    """That somebody took a step, when, and why where a reason was given. `action` is that of its event."""

    action: str
    by: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class InForce:
    """That a release was in force, put there by somebody for a reason; `until` is None while it still is."""

    since: datetime
    until: datetime | None
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class ReleaseTold:
    """A release as the record has it."""

    number: int
    digest: str
    imported: bool
    made: Step
    approvals: tuple[Step, ...]
    in_force: tuple[InForce, ...]

    @property
    def is_in_force(self) -> bool:
        return any(one.until is None for one in self.in_force)


@dataclass(frozen=True, slots=True)
class VersionTold:
    """A rule version as the record has it, and the releases that hold it, the oldest first."""

    key: str
    number: int
    digest: str
    state: VersionState
    reason: str
    written_by: str
    written_at: datetime
    steps: tuple[Step, ...]
    releases: tuple[ReleaseTold, ...]


def version_told(session: Session, version: Version) -> VersionTold:
    """What the record tells of a version."""
    held = select(ReleaseVersion.release_id).where(ReleaseVersion.version_id == version.id)
    releases = session.scalars(
        select(Release).where(Release.id.in_(held)).order_by(Release.number).options(*_PEOPLE)
    ).all()
    in_force = _in_force(session)
    return VersionTold(
        version.key,
        version.number,
        version.digest,
        version.state,
        version.reason,
        _name(version.created_by),
        version.created_at,
        _steps(session, version),
        tuple(_release(one, in_force.get(one.id, ())) for one in releases),
    )


def release_told(session: Session, release: Release) -> ReleaseTold:
    """What the record tells of a release."""
    return _release(release, _in_force(session).get(release.id, ()))


def versions_in(session: Session, release: Release) -> list[Version]:
    """The versions that a release holds."""
    held = select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release.id)
    return list(session.scalars(select(Version).where(Version.id.in_(held)).order_by(Version.kind, Version.key)))


_PEOPLE = (selectinload(Release.created_by), selectinload(Release.approvals).selectinload(ReleaseApproval.by))


def _steps(session: Session, version: Version) -> tuple[Step, ...]:
    """The steps of a version in their order."""
    events = session.scalars(
        select(AuditEvent).where(AuditEvent.subject == version.subject).order_by(AuditEvent.sequence)
    )
    steps = []
    for event in events:
        details = event.told
        by = PROGRAM if event.actor == SYSTEM else event.actor
        steps.append(Step(event.action, by, event.at, details.get("comment") or details.get("reason") or ""))
    return tuple(steps)


def _release(release: Release, in_force: tuple[InForce, ...]) -> ReleaseTold:
    return ReleaseTold(
        release.number,
        release.digest,
        release.origin == "imported",
        Step("made", _name(release.created_by), release.created_at, release.reason),
        tuple(Step("approved", one.by.name, one.at, one.reason) for one in release.approvals),
        in_force,
    )


def _in_force(session: Session) -> dict[int, tuple[InForce, ...]]:
    """When each release was in force, the first time first, by its id."""
    query = select(Activation).order_by(Activation.id).options(selectinload(Activation.by))
    found: dict[int, tuple[InForce, ...]] = {}
    for one, after in pairwise([*session.scalars(query), None]):
        if one is not None:
            period = InForce(one.since, after.since if after else None, _name(one.by), one.reason)
            found[one.release_id] = (*found.get(one.release_id, ()), period)
    return found


def _name(user: User | None) -> str:
    return user.name if user else PROGRAM
