"""The shipped files and the database: one into the other, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from knowledge import files, lifecycle, releasing
from knowledge.checking import problems_in
from knowledge.errors import ContentError, KnowledgeError
from knowledge.files import Entry
from knowledge.formats import cql, elm
from knowledge.formats.libraries import libraries
from knowledge.models import Release, ReleaseVersion, User, Version, VersionState
from knowledge.schemas import content_of, item_from


class NothingToExport(KnowledgeError):
    """There is no release in the database."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an import did: the release that it made of an empty database, or else the drafts that it began.

    `left_alone` are the items that differ and were not touched, each with why.
    """

    release: Release | None
    drafts: tuple[str, ...]
    left_alone: tuple[str, ...] = ()


def is_empty(session: Session) -> bool:
    """Whether no item has ever been stored."""
    return session.scalar(select(Version.id).limit(1)) is None


def load(session: Session, folder: Path, *, by: User | None, at: datetime, reason: str) -> Loaded:
    """Take in a folder of content files.

    Into an empty database: release 1, imported and put in force. Later: a draft for each item that differs from its
    newest version, to be reviewed like any other. Raises ContentError with everything that is wrong in the files.
    """
    entries = files.read(folder)
    problems = problems_in(files.base_of(entry.item for entry in entries if not entry.draft))
    if problems:
        raise ContentError(problems)
    if not is_empty(session):
        return _draft_changes(session, entries, by=by, at=at, reason=reason)
    release = releasing.import_versions(
        session,
        [(entry.kind, entry.item.key, content_of(entry.item)) for entry in entries if not entry.draft],
        by=by,
        at=at,
        reason=reason,
    )
    drafts = [entry for entry in entries if entry.draft]
    for entry in drafts:
        lifecycle.draft(session, entry.kind, entry.item.key, content_of(entry.item), by=by, at=at, reason=reason)
    releasing.activate(session, release, by=None, at=at, reason=reason)
    return Loaded(release, tuple(f"{entry.kind} {entry.item.key}" for entry in drafts))


def upgrade(session: Session, folder: Path, *, at: datetime, reason: str) -> Loaded:
    """Begin a draft for each item of newer shipped content that a site still has as it was shipped.

    Items that the site has changed, retired or is editing are left alone. Nothing is active until the drafts are
    reviewed and released. Raises ContentError with everything that is wrong in the files.
    """
    drafts, left_alone = [], []
    for entry, newest in _differing(session, files.read(folder)):
        name = f"{entry.kind} {entry.item.key}"
        why = _not_as_shipped(newest)
        if why is not None:
            left_alone.append(f"{name}: {why}")
            continue
        lifecycle.draft(session, entry.kind, entry.item.key, content_of(entry.item), by=None, at=at, reason=reason)
        drafts.append(name)
    return Loaded(None, tuple(drafts), tuple(left_alone))


def upgradable(session: Session, folder: Path) -> int:
    """For how many items an upgrade would begin a draft."""
    return sum(_not_as_shipped(newest) is None for _, newest in _differing(session, files.read(folder)))


@dataclass(frozen=True, slots=True)
class Exported:
    """The release that was written, and the drafts that were left out because they are not finished."""

    release: Release
    left_out: tuple[str, ...]


def export(session: Session, folder: Path) -> Exported:
    """Write the release in force, and the finished drafts of items that are in no release yet, as content files."""
    release = _in_force(session)
    in_release = set(session.scalars(_held_by(release)))
    rows = session.scalars(select(Version).order_by(Version.id)).all()
    released = {(row.kind, row.key) for row in rows if row.id in in_release}
    entries = [Entry(item_from(row.kind, json.loads(row.content))) for row in rows if row.id in in_release]
    left_out = []
    for row in rows:
        if row.state is VersionState.DRAFT and (row.kind, row.key) not in released:
            try:
                entries.append(Entry(item_from(row.kind, json.loads(row.content)), draft=True))
            except ContentError:
                left_out.append(row.label)
    files.write(entries, folder)
    return Exported(release, tuple(left_out))


def export_elm(session: Session, folder: Path) -> Exported:
    """Write every condition of the release in force as ELM libraries, and beside each the CQL that says the same.

    Raises NotExpressible, and has then written nothing.
    """
    release = _in_force(session)
    rows = session.scalars(select(Version).where(Version.id.in_(_held_by(release))))
    base = files.base_of(item_from(row.kind, json.loads(row.content)) for row in rows)
    texts: dict[str, str] = {}
    for library in libraries(base, str(release.number)):
        texts |= {f"{library.name}.json": elm.text(library), f"{library.name}.cql": cql.text(library)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Exported(release, left_out=())


def _in_force(session: Session) -> Release:
    release = releasing.in_force(session)
    if release is None:
        raise NothingToExport("No release is in force, so there is nothing to export. Import content first.")
    return release


def _held_by(release: Release) -> Select[int]:
    """The versions that a release holds."""
    return select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release.id)


def _differing(session: Session, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Version | None]]:
    """The entries that are not what the newest version of their item says, each with that version."""
    newest = {(row.kind, row.key): row for row in session.scalars(select(Version).order_by(Version.number))}
    for entry in entries:
        row = newest.get((entry.kind, entry.item.key))
        if row is None or json.loads(row.content) != content_of(entry.item):
            yield entry, row


def _not_as_shipped(newest: Version | None) -> str | None:
    """Why an upgrade leaves an item alone, or None."""
    if newest is None:
        return None
    if newest.state is VersionState.RETIRED:
        return "this site retired it"
    if newest.created_by_id is not None:
        return "this site changed it"
    if newest.state is not VersionState.RELEASED:
        return f"{newest.label} is {newest.state}"
    return None


def _draft_changes(session: Session, entries: Iterable[Entry], *, by: User | None, at: datetime, reason: str) -> Loaded:
    drafts, left_alone = [], []
    for entry, newest in _differing(session, entries):
        name, content = f"{entry.kind} {entry.item.key}", content_of(entry.item)
        if newest is None or newest.state is not VersionState.DRAFT:
            lifecycle.draft(session, entry.kind, entry.item.key, content, by=by, at=at, reason=reason)
        elif newest.created_by_id == (by.id if by else None):
            lifecycle.revise(session, newest, content, by=by, at=at, reason=reason)
        else:
            left_alone.append(f"{name}: {newest.label} is somebody's draft")
            continue
        drafts.append(name)
    return Loaded(None, tuple(drafts), tuple(left_alone))
