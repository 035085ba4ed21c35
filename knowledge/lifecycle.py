"""The life of what is known: a version from draft to released or retired, a release from made to in force.

Each step takes its turn, looks at what is stored by then, changes it, and writes its event in the same
transaction. Nothing here commits. What happens to releases stands in releasing.py; callers find it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from knowledge.canonical import canonical, digest_of_bytes
from knowledge.items import ItemKind
from knowledge.models import User, Version, VersionState
from knowledge.releasing import activate, approve_release, import_versions, in_force, publish
from knowledge.steps import (
    APPROVERS,
    WRITERS,
    AlreadyDone,
    ChangedMeanwhile,
    DraftOpen,
    NoReason,
    NotADraft,
    NotAllowed,
    NotPublishable,
    NotRetirable,
    NotSubmitted,
    authors,
    begin,
    given,
    storable,
    tell,
)

__all__ = [
    "AlreadyDone",
    "ChangedMeanwhile",
    "DraftOpen",
    "NoReason",
    "NotADraft",
    "NotAllowed",
    "NotPublishable",
    "NotRetirable",
    "NotSubmitted",
    "activate",
    "approve",
    "approve_release",
    "draft",
    "give_back",
    "import_versions",
    "in_force",
    "publish",
    "retire",
    "revise",
    "submit",
]

_OPEN = (VersionState.DRAFT, VersionState.SUBMITTED)


def draft(
    session: Session,
    kind: ItemKind,
    key: str,
    content: Mapping[str, Any],
    *,
    by: User | None,
    at: datetime,
    reason: str = "",
) -> Version:
    """Begin the next version of an item; `by` is None when the program itself does it.

    Raises DraftOpen while another one is being written or reviewed.
    """
    begin(session, by, WRITERS)
    of_item = (Version.kind == kind, Version.key == key)
    being_made = session.scalars(select(Version).where(*of_item, Version.state.in_(_OPEN))).first()
    if being_made is not None:
        is_draft = being_made.state is VersionState.DRAFT
        first = "is still a draft: revise or retire it" if is_draft else "is under review: wait for the outcome"
        raise DraftOpen(f"{being_made.label} {first} before a new draft.")
    last = session.scalar(select(func.max(Version.number)).where(*of_item)) or 0
    version = Version(
        kind=kind,
        key=key,
        number=last + 1,
        state=VersionState.DRAFT,
        reason=storable(reason.strip()),
        created_at=at,
        created_by=by,
    )
    _write(version, content)
    session.add(version)
    tell(session, "version.drafted", version, by=by, at=at)
    return version


def revise(
    session: Session,
    version: Version,
    content: Mapping[str, Any],
    *,
    by: User | None,
    at: datetime,
    reason: str,
    opened: str | None = None,
) -> None:
    """Write a draft anew, with the reason for the whole change.

    `opened` is the digest that the draft had when the writer opened it. Raises NotADraft, or ChangedMeanwhile when
    the draft is no longer that one.
    """
    begin(session, by, WRITERS)
    _only_drafts(session, version)
    if opened is not None and opened != version.digest:
        raise ChangedMeanwhile(f"Somebody saved {version.label} after you opened it: look at what differs first.")
    _write(version, content)
    version.reason = storable(reason.strip())
    tell(session, "version.revised", version, by=by, at=at)


def submit(session: Session, version: Version, *, by: User, at: datetime) -> None:
    """Freeze a draft and ask for its review. Raises NotADraft, or NoReason when the draft gives none."""
    begin(session, by, WRITERS)
    _only_drafts(session, version)
    if not version.reason:
        raise NoReason(f"Say in {version.label} why the change is made, then submit it.")
    version.state = VersionState.SUBMITTED
    version.submitted_at, version.submitted_by = at, by
    tell(session, "version.submitted", version, by=by, at=at)


def approve(session: Session, version: Version, *, by: User, at: datetime, comment: str = "") -> None:
    """Approve a submitted version. Raises NotSubmitted, or NotAllowed for anybody who wrote any of it."""
    begin(session, by, APPROVERS)
    _only_submitted(session, version)
    if by.id in authors(session, version):
        raise NotAllowed(f"{by.name} wrote {version.label}: somebody else approves it.")
    version.state = VersionState.APPROVED
    version.approved_at, version.approved_by = at, by
    tell(session, "version.approved", version, by=by, at=at, comment=comment)


def give_back(session: Session, version: Version, *, by: User, at: datetime, comment: str) -> None:
    """Return a submitted version with a comment; it stays as it is, and its author drafts the next one.

    An author may take back what she wrote. Raises NotSubmitted, NotAllowed, NoReason.
    """
    begin(session, by, WRITERS)
    _only_submitted(session, version)
    if by.role not in APPROVERS and by.id not in authors(session, version):
        raise NotAllowed(f"{by.name} did not write {version.label}: an approver gives it back.")
    comment = given(comment)
    version.state = VersionState.RETURNED
    tell(session, "version.returned", version, by=by, at=at, comment=comment)


def retire(session: Session, version: Version, *, by: User, at: datetime, reason: str) -> None:
    """Keep a version out of all later releases, or give up a draft. Raises NotRetirable, NoReason."""
    begin(session, by, WRITERS)
    session.refresh(version)
    reason = given(reason)
    if version.state is VersionState.SUBMITTED:
        raise NotRetirable(f"{version.label} is under review: give it back first.")
    if version.state is VersionState.RETIRED:
        raise NotRetirable(f"{version.label} is retired already.")
    version.state = VersionState.RETIRED
    tell(session, "version.retired", version, by=by, at=at, reason=reason)


def _write(version: Version, content: Mapping[str, Any]) -> None:
    text = canonical(content)
    version.content, version.digest = text.decode(), digest_of_bytes(text)


def _only_drafts(session: Session, version: Version) -> None:
    session.refresh(version)
    if version.state is not VersionState.DRAFT:
        raise NotADraft(f"{version.label} was already {version.state}; start a new draft from it instead.")


def _only_submitted(session: Session, version: Version) -> None:
    session.refresh(version)
    if version.state is VersionState.DRAFT:
        raise NotSubmitted(f"{version.label} is still a draft; submit it first.")
    if version.state is not VersionState.SUBMITTED:
        raise NotSubmitted(f"{version.label} was already {version.state}; there is nothing to review.")
