"""The release in force, kept ready in memory, and any other release on request."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select
from sqlalchemy.orm import Session

from cds.releases import PreparedRelease
from knowledge.files import base_of
from knowledge.items import ItemKind, KnowledgeBase
from knowledge.models import Activation, Release, ReleaseApproval, ReleaseVersion, Version
from knowledge.schemas import item_from

IN_FORCE = (
    select(Activation.release_id, exists().where(ReleaseApproval.release_id == Activation.release_id).label("approved"))
    .order_by(Activation.id.desc())
    .limit(1)
)
"""The id of the release in force, and whether a person has approved it clinically."""

MOST_OTHERS = 3
"""How many releases are kept ready beside the one in force: those that were asked for last."""


class NoRelease(Exception):
    """No release is in force, so nothing can be answered."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The release in force at one moment, and whether a person has approved it clinically."""

    release_id: int
    clinically_approved: bool
    release: PreparedRelease


class Serving:
    """Hands out the release in force; a new activation is noticed with the next question, without a restart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: tuple[int, PreparedRelease] | None = None
        self._asking = threading.Lock()
        self._others: OrderedDict[int, PreparedRelease] = OrderedDict()

    def current(self, session: Session) -> Standing:
        """The release in force. Raises NoRelease when there is none."""
        row = session.connection().execute(IN_FORCE).one_or_none()
        if row is None:
            raise NoRelease
        return self.standing(session.connection(), *row)

    def standing(self, connection: Connection, release_id: int, approved: bool) -> Standing:
        """What IN_FORCE found, with its release ready to answer."""
        return Standing(release_id, bool(approved), self._prepared(connection, release_id))

    def of(self, session: Session, release_id: int) -> PreparedRelease:
        """Any stored release; the one in force and those asked for last come from memory.

        Nobody closes it: one that leaves the memory frees its engine when the last who asks it is done.
        """
        ready = self._ready
        if ready is not None and ready[0] == release_id:
            return ready[1]
        with self._asking:
            release = self._others.get(release_id)
            if release is None:
                release = self._others[release_id] = prepare(session, release_id)
                while len(self._others) > MOST_OTHERS:
                    self._others.popitem(last=False)
            self._others.move_to_end(release_id)
            return release

    def forget(self) -> None:
        """Make every release ready anew when it is asked next: what is in memory is no longer trusted."""
        self._ready = None
        with self._asking:
            self._others.clear()

    def _prepared(self, connection: Connection, release_id: int) -> PreparedRelease:
        ready = self._ready
        if ready is not None and ready[0] == release_id:
            return ready[1]
        with self._lock:
            ready = self._ready
            if ready is not None and ready[0] == release_id:
                return ready[1]
            with Session(connection) as session:
                release = prepare(session, release_id)
            # The one before is left to the questions still being answered by it; it frees its engine when they end.
            self._ready = (release_id, release)
            return release


def prepare(session: Session, release_id: int) -> PreparedRelease:
    """A stored release made ready to answer; its engine is freed when it is closed, or when nobody holds it."""
    release = session.get_one(Release, release_id)
    base, versions = stored_base(session, release_id)
    return PreparedRelease(release.number, release.digest, base, versions, imported=release.origin == "imported")


def stored_base(session: Session, release_id: int) -> tuple[KnowledgeBase, dict[tuple[ItemKind, str], int]]:
    """What a stored release holds, and the number of each item's version in it."""
    rows = session.execute(
        select(Version.kind, Version.key, Version.number, Version.content)
        .join(ReleaseVersion, ReleaseVersion.version_id == Version.id)
        .where(ReleaseVersion.release_id == release_id)
    ).all()
    base = base_of(item_from(kind, json.loads(content)) for kind, _, _, content in rows)
    return base, {(kind, key): number for kind, key, number, _ in rows}
