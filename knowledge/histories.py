"""The history of an item: its versions in a line, what was said of each, and in what it differs from the one before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from knowledge.differences import Difference, differences
from knowledge.fields import FactsByKey
from knowledge.holdings import releases_of
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Version, VersionState


@dataclass(frozen=True, slots=True)
class Past:
    """One version in the history of an item: the releases that hold it, and what was said when it was reviewed."""

    version: Version
    releases: tuple[int, ...]
    remarks: tuple[AuditEvent, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A step that was taken with a version after it was submitted, and what was said with it."""

    event: AuditEvent
    step: str
    said: str


_STEPS = ("approved", "returned", "retired")


def history(session: Session, kind: ItemKind, key: str) -> list[Past]:
    """All versions of an item, the newest first."""
    if "\x00" in key:
        return []
    people = (Version.created_by, Version.submitted_by, Version.approved_by)
    query = select(Version).where(Version.kind == kind, Version.key == key).order_by(Version.number.desc())
    versions = session.scalars(query.options(*(selectinload(person) for person in people))).all()
    releases = releases_of(session, (one.id for one in versions))
    remarks = _remarks(session, versions)
    return [Past(one, releases.get(one.id, ()), remarks.get(one.subject, ())) for one in versions]


def sent_back(versions: Iterable[Past]) -> tuple[Past, AuditEvent] | None:
    """The version that was given back last, and what was said then, as long as nothing was approved since."""
    for past in versions:
        match past.version.state:
            case VersionState.DRAFT | VersionState.SUBMITTED:
                continue
            case VersionState.RETURNED if past.remarks:
                return past, past.remarks[-1]
            case _:
                return None
    return None


def remarks_of(past: Past) -> tuple[Remark, ...]:
    """The steps of the review of a version, in their order, with the comment or the reason of each."""
    return tuple(
        Remark(event, event.action.removeprefix("version."), told.get("comment") or told.get("reason") or "")
        for event, told in ((one, one.told) for one in past.remarks)
    )


def differing(line: Sequence[Past], facts: FactsByKey) -> list[tuple[Difference, ...]]:
    """For each version of a line, the newest first, in what it differs from the one before; the first in nothing."""
    contents = [json.loads(one.version.content) for one in line]
    return [
        differences(past.version.kind, before, after, facts) if before is not None else ()
        for past, after, before in zip(line, contents, [*contents[1:], None], strict=True)
    ]


def _remarks(session: Session, versions: Iterable[Version]) -> Mapping[str, tuple[AuditEvent, ...]]:
    """What was said of versions when they were approved, given back or retired, by their subjects."""
    told = [f"version.{step}" for step in _STEPS]
    rows = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.subject.in_([one.subject for one in versions]), AuditEvent.action.in_(told))
        .order_by(AuditEvent.sequence)
    )
    found: dict[str, tuple[AuditEvent, ...]] = {}
    for event in rows:
        found[event.subject] = (*found.get(event.subject, ()), event)
    return found
