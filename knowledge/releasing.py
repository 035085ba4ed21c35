"""The life of a release: imported or published, put in force, clinically approved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from knowledge.canonical import canonical, digest_of_bytes
from knowledge.items import ItemKind
from knowledge.models import Activation, Release, ReleaseApproval, User, Version, VersionState, release_digest
from knowledge.steps import APPROVERS, AlreadyDone, NotAllowed, NotPublishable, authors, begin, given, tell


def import_versions(
    session: Session,
    items: Iterable[tuple[ItemKind, str, Mapping[str, Any]]],
    *,
    by: User | None,
    at: datetime,
    reason: str,
) -> Release:
    """Store shipped items in an empty knowledge base as first versions and release 1, not yet in force.

    `by` is None when the program itself does it. Raises NotPublishable, AlreadyDone.
    """
    begin(session, by, APPROVERS)
    reason = given(reason)
    if session.scalar(select(Version.id).limit(1)) is not None:
        raise AlreadyDone("The knowledge base is not empty: change what is in it through drafts instead.")
    versions = []
    for kind, key, content in items:
        text = canonical(content)
        versions.append(
            Version(
                kind=kind,
                key=key,
                number=1,
                content=text.decode(),
                digest=digest_of_bytes(text),
                state=VersionState.RELEASED,
                reason=reason,
                created_at=at,
                created_by=by,
            )
        )
    _each_once(versions)
    session.add_all(versions)
    tell(session, "version.imported", *versions, by=by, at=at)
    return _release(session, versions, "release.imported", by=by, at=at, reason=reason, origin="imported")


def publish(
    session: Session,
    versions: Sequence[Version],
    *,
    by: User,
    at: datetime,
    reason: str,
    origin: str = "desk",
) -> Release:
    """Make the next release of approved versions and of versions that earlier releases held.

    Raises NotPublishable, or NotAllowed when one of the approved versions is the publisher's own.
    """
    begin(session, by, APPROVERS)
    reason = given(reason)
    _each_once(versions)
    wanted = select(Version).where(Version.id.in_([version.id for version in versions]))
    versions = session.scalars(wanted.order_by(Version.id).execution_options(populate_existing=True)).all()
    for version in versions:
        if version.state not in (VersionState.APPROVED, VersionState.RELEASED):
            raise NotPublishable(
                f"{version.label} is not approved ({version.state}): leave it out, or have it approved."
            )
    fresh = [version for version in versions if version.state is VersionState.APPROVED]
    for version in fresh:
        if by.id in authors(session, version):
            raise NotAllowed(f"{by.name} wrote {version.label}: somebody else publishes it.")
        version.state = VersionState.RELEASED
    session.flush()
    tell(session, "version.released", *fresh, by=by, at=at)
    return _release(session, versions, "release.published", by=by, at=at, reason=reason, origin=origin)


def activate(session: Session, release: Release, *, by: User | None, at: datetime, reason: str) -> Activation:
    """Put a release in force, any earlier one again too.

    Without a person (`by` None) only an imported release. Raises NotAllowed; AlreadyDone when it is in force.
    """
    begin(session, by, APPROVERS)
    if by is None and release.origin != "imported":
        raise NotAllowed(f"{release.label} was made at the desk: a person puts it in force.")
    reason = given(reason)
    if in_force(session) is release:
        raise AlreadyDone(f"{release.label} is in force already.")
    activation = Activation(release=release, since=at, by=by, reason=reason)
    session.add(activation)
    tell(session, "release.activated", activation, by=by, at=at)
    return activation


def approve_release(session: Session, release: Release, *, by: User, at: datetime, reason: str) -> ReleaseApproval:
    """Approve a release clinically. Raises NotAllowed for its publisher, AlreadyDone the second time."""
    begin(session, by, APPROVERS)
    if release.created_by_id == by.id:
        raise NotAllowed(f"{by.name} published {release.label}: somebody else approves it.")
    reason = given(reason)
    session.refresh(release, ["approvals"])
    if any(approval.by_id == by.id for approval in release.approvals):
        raise AlreadyDone(f"{by.name} has approved {release.label} already.")
    approval = ReleaseApproval(release=release, by=by, at=at, reason=reason)
    session.add(approval)
    tell(session, "release.approved", approval, by=by, at=at)
    return approval


def in_force(session: Session) -> Release | None:
    """The release that was put in force last."""
    latest = select(Release).join(Activation, Activation.release_id == Release.id).order_by(Activation.id.desc())
    return session.scalars(latest.limit(1)).first()


def _each_once(versions: Sequence[Version]) -> None:
    if not versions:
        raise NotPublishable("A release of nothing answers nothing: choose the versions that it is made of.")
    counted = Counter((version.kind, version.key) for version in versions)
    twice = [f"{kind} {key}" for (kind, key), count in counted.items() if count > 1]
    if twice:
        raise NotPublishable(f"A release holds one version of an item: choose one of {', '.join(sorted(twice))}.")


def _release(
    session: Session,
    versions: Sequence[Version],
    action: str,
    *,
    by: User | None,
    at: datetime,
    reason: str,
    origin: str,
) -> Release:
    release = Release(
        number=(session.scalar(select(func.max(Release.number))) or 0) + 1,
        digest=release_digest((one.kind, one.key, one.number, one.digest) for one in versions),
        created_at=at,
        created_by=by,
        reason=reason,
        origin=origin,
        versions=sorted(versions, key=lambda one: (one.kind, one.key)),
    )
    session.add(release)
    tell(session, action, release, by=by, at=at, versions=len(versions))
    return release
