"""What waits for a person: versions to review, drafts of hers, what was given back to her, a release to make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from admin.entry.access import APPROVERS, WRITERS
from admin.shelf.catalogue import title_of
from cds.changes import gated
from knowledge.models import Activation, AuditEvent, Release, User, Version, VersionState
from knowledge.steps import authors


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version and what it is called."""

    version: Version
    title: str
    comment: str = ""

    @property
    def view(self) -> str:
        """The endpoint of its kind."""
        return f"desk_{self.version.kind}s"


@dataclass(frozen=True, slots=True)
class Awaiting:
    """What one person is waited for, the most pressing first; `elsewhere` is under way in other hands."""

    to_review: tuple[Waiting, ...]
    given_back: tuple[Waiting, ...]
    drafts: tuple[Waiting, ...]
    to_release: int
    to_activate: Release | None
    elsewhere: tuple[Waiting, ...]

    @property
    def nothing(self) -> bool:
        return not (self.to_review or self.given_back or self.drafts or self.to_release or self.to_activate)


def awaiting(session: Session, person: User) -> Awaiting:
    """What waits for a person; nothing for those who write and approve nothing."""
    underway = _versions(session, VersionState.DRAFT, VersionState.SUBMITTED)
    drafts = [one for one in underway if one.state is VersionState.DRAFT]
    submitted = [one for one in underway if one.state is VersionState.SUBMITTED]
    approves, writes = person.role in APPROVERS, person.role in WRITERS
    to_review = [one for one in submitted if approves and person.id not in authors(session, one)]
    mine = [one for one in drafts if writes and person.id in authors(session, one)]
    back = [one for one in _given_back(session) if writes and person.id in authors(session, one)]
    seen = {one.id for one in (*to_review, *mine)}
    return Awaiting(
        to_review=_named(to_review),
        given_back=tuple(Waiting(one, title_of(one), _comment(session, one)) for one in back),
        drafts=_named(mine),
        to_release=len(gated.proposal(session, gated.Choice()).fresh) if approves else 0,
        to_activate=_newest_unused(session) if approves else None,
        elsewhere=_named(one for one in underway if one.id not in seen),
    )


def _versions(session: Session, *states: VersionState) -> list[Version]:
    query = select(Version).where(Version.state.in_(states)).order_by(Version.id.desc())
    return list(session.scalars(query.options(selectinload(Version.created_by))))


def _given_back(session: Session) -> list[Version]:
    """The versions that were given back and that nobody has gone on from."""
    return [
        one
        for one in _versions(session, VersionState.RETURNED)
        if session.scalar(
            select(Version.id).where(Version.kind == one.kind, Version.key == one.key, Version.number > one.number)
        )
        is None
    ]


def _newest_unused(session: Session) -> Release | None:
    """The newest release, when it was never in force."""
    newest = session.scalars(select(Release).order_by(Release.number.desc()).limit(1)).one_or_none()
    if newest is None:
        return None
    used = session.scalar(select(Activation.id).where(Activation.release_id == newest.id).limit(1))
    return newest if used is None else None


def _named(versions: Iterable[Version]) -> tuple[Waiting, ...]:
    return tuple(Waiting(one, title_of(one)) for one in versions)


def _comment(session: Session, version: Version) -> str:
    """With what a version was given back."""
    told = select(AuditEvent).where(AuditEvent.subject == version.subject, AuditEvent.action == "version.returned")
    event = session.scalars(told.limit(1)).one_or_none()
    return event.told.get("comment", "") if event else ""
