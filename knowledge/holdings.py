"""The parts of a release: each version that it holds, and who stands behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Release, ReleaseVersion, User, Version, VersionState


@dataclass(frozen=True, slots=True)
class Part:
    """One version, who wrote, submitted and approved it, when and why; nobody (None) where the program did.

    `reason` says why it was written, `comment` what was said on its approval; `releases` are the numbers of all that
    hold it, the first of which brought it in. What was imported was not submitted and approved by itself.
    """

    kind: ItemKind
    key: str
    number: int
    title: str
    digest: str
    state: VersionState
    reason: str
    created_by: str | None
    created_at: datetime
    submitted_by: str | None
    submitted_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    comment: str
    releases: tuple[int, ...]

    @property
    def people(self) -> tuple[str | None, ...]:
        return self.created_by, self.submitted_by, self.approved_by


def parts_of(session: Session, release_id: int, kinds: Iterable[ItemKind] = tuple(ItemKind)) -> list[Part]:
    """What a release holds of these kinds, by kind, title and key."""
    writer, submitter, approver = aliased(User), aliased(User), aliased(User)
    held = select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release_id)
    rows = session.execute(
        select(
            Version.id,
            Version.kind,
            Version.key,
            Version.number,
            Version.content,
            Version.digest,
            Version.state,
            Version.reason,
            Version.created_at,
            Version.submitted_at,
            Version.approved_at,
            writer.name.label("created_by"),
            submitter.name.label("submitted_by"),
            approver.name.label("approved_by"),
        )
        .outerjoin(writer, writer.id == Version.created_by_id)
        .outerjoin(submitter, submitter.id == Version.submitted_by_id)
        .outerjoin(approver, approver.id == Version.approved_by_id)
        .where(Version.id.in_(held), Version.kind.in_(tuple(kinds)))
    ).all()
    holding = releases_of(session, (row.id for row in rows))
    comments = _comments(session, rows)
    found = [
        Part(
            kind=row.kind,
            key=row.key,
            number=row.number,
            title=title_in(row.content, row.key),
            digest=row.digest,
            state=row.state,
            reason=row.reason,
            created_by=row.created_by,
            created_at=row.created_at,
            submitted_by=row.submitted_by,
            submitted_at=row.submitted_at,
            approved_by=row.approved_by,
            approved_at=row.approved_at,
            comment=comments.get(_subject(row), ""),
            releases=holding.get(row.id, ()),
        )
        for row in rows
    ]
    order = list(ItemKind)
    return sorted(found, key=lambda one: (order.index(one.kind), one.title.casefold(), one.key))


def releases_of(session: Session, versions: Iterable[int]) -> Mapping[int, tuple[int, ...]]:
    """The numbers of the releases that hold each version, by its id."""
    rows = session.execute(
        select(ReleaseVersion.version_id, Release.number)
        .join(Release, Release.id == ReleaseVersion.release_id)
        .where(ReleaseVersion.version_id.in_(list(versions)))
        .order_by(Release.number)
    )
    found: dict[int, list[int]] = {}
    for version_id, number in rows:
        found.setdefault(version_id, []).append(number)
    return {version_id: tuple(numbers) for version_id, numbers in found.items()}


def title_in(content: str, key: str) -> str:
    """What a stored version is called; its key where it does not say so."""
    written = json.loads(content)
    return written.get("title") or written.get("label") or key


def _comments(session: Session, rows: Iterable[Any]) -> Mapping[str, str]:
    """What was said when each was approved, by their subjects."""
    subjects = [_subject(row) for row in rows if row.approved_at is not None]
    if not subjects:
        return {}
    told = select(AuditEvent).where(AuditEvent.subject.in_(subjects), AuditEvent.action == "version.approved")
    return {event.subject: event.told.get("comment", "") for event in session.scalars(told)}


def _subject(row: Any) -> str:
    return f"{row.kind}/{row.key}/{row.number}"
