"""What would be in force if some versions took their place in it: a release that nobody has published."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cds.releases import PreparedRelease
from knowledge.errors import ContentError
from knowledge.files import base_of
from knowledge.items import ItemKind, KnowledgeBase
from knowledge.models import ReleaseVersion, Version, VersionState
from knowledge.references import Name
from knowledge.releasing import in_force
from knowledge.schemas import Content, Item, item_from

UNPUBLISHED = 0
"""The number of a release that is none yet, and of a version that is not stored yet."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Items by kind and key, and the number of the version that each one is; `changed` names what differs."""

    items: Mapping[Name, Item]
    numbers: Mapping[Name, int]
    changed: frozenset[Name] = field(default_factory=frozenset)

    @property
    def base(self) -> KnowledgeBase:
        return base_of(self.items.values())

    def with_item(self, kind: ItemKind, item: Item, number: int = UNPUBLISHED) -> Candidate:
        """The same with one item put in, in place of the one of its key."""
        name = (kind, item.key)
        return replace(
            self,
            items={**self.items, name: item},
            numbers={**self.numbers, name: number},
            changed=self.changed | {name},
        )

    def without(self, names: Iterable[Name]) -> Candidate:
        """The same with some items left out."""
        gone = frozenset(names)
        return replace(
            self,
            items={name: item for name, item in self.items.items() if name not in gone},
            numbers={name: number for name, number in self.numbers.items() if name not in gone},
            changed=self.changed | (gone & self.items.keys()),
        )

    @contextmanager
    def prepared(self) -> Iterator[PreparedRelease]:
        """Made ready to answer, with an engine. Only for a base in which `problems_in` finds nothing unreadable."""
        release = PreparedRelease(UNPUBLISHED, "", self.base, self.numbers)
        try:
            yield release
        finally:
            release.close()


def standing(session: Session) -> Candidate:
    """What the next release holds if nothing is changed: the release in force without what was retired since.

    Before any release is in force: nothing.
    """
    release = in_force(session)
    if release is None:
        return Candidate({}, {})
    held = select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release.id)
    kept = _with(Candidate({}, {}), session.scalars(select(Version).where(Version.id.in_(held))))
    retired = session.execute(
        select(Version.kind, Version.key).where(Version.id.in_(held), Version.state == VersionState.RETIRED)
    )
    return replace(kept, changed=frozenset()).without((kind, key) for kind, key in retired)


def candidate(session: Session, versions: Iterable[Version]) -> Candidate:
    """What would be in force with these versions. Raises ContentError when one of them cannot be read."""
    return _with(standing(session), versions)


def being_written(session: Session) -> Candidate:
    """What is in force with all that is under way, open drafts too as far as they can be read: what may be named."""
    open_states = (VersionState.APPROVED, VersionState.SUBMITTED, VersionState.DRAFT)
    return _with(standing(session), [one for one in underway(session, *open_states) if readable(one)])


def readable(version: Version) -> bool:
    """Whether a stored version can be read as an item; a draft may be half done."""
    try:
        item_of(version.kind, version.content)
    except ContentError:
        return False
    return True


def underway(session: Session, *states: VersionState) -> list[Version]:
    """The versions in one of the states, by default approved or under review, that a next release may hold."""
    wanted = states or (VersionState.APPROVED, VersionState.SUBMITTED)
    return list(
        session.scalars(select(Version).where(or_(*(Version.state == state for state in wanted))).order_by(Version.id))
    )


def _with(candidate: Candidate, versions: Iterable[Version]) -> Candidate:
    rows = [(row.kind, row.key, row.number, item_of(row.kind, row.content)) for row in versions]
    names = {(kind, key) for kind, key, _, _ in rows}
    return replace(
        candidate,
        items={**candidate.items, **{(kind, key): item for kind, key, _, item in rows}},
        numbers={**candidate.numbers, **{(kind, key): number for kind, key, number, _ in rows}},
        changed=candidate.changed | names,
    )


@lru_cache(maxsize=8192)
def item_of(kind: ItemKind, content: str) -> Item:
    """The item that a stored version holds; read once, since a text never means anything else. Raises ContentError."""
    stored: Content = json.loads(content)
    return item_from(kind, stored)
