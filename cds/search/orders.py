"""Which rules the decisions of a release speak of, and at which letter of their states each stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.service import Service
from knowledge.items import ItemKind
from knowledge.models import Release, ReleaseVersion, Version


class Standing(NamedTuple):
    """Where a rule stands in a release: its place among the letters of a decision's states, from 0; its version."""

    place: int
    version: int
    title: str


@dataclass(frozen=True, slots=True)
class Order:
    """A release by its number, and the rules that can fire in it; statements are not among them."""

    number: int
    rules: Mapping[str, Standing]


class Orders:
    """The orders of all releases. A release never changes, so each is read once in the life of a process."""

    def __init__(self) -> None:
        self._read: dict[str, Mapping[str, Standing]] = {}
        self._titles: dict[str, str | None] = {}
        """By the digest of a version; None of one that cannot fire."""

    def of_all(self, session: Session) -> dict[int, Order]:
        """By the ids of the releases, the newest number first."""
        releases = session.execute(select(Release.id, Release.number, Release.digest).order_by(Release.number.desc()))
        return {key: Order(number, self._order(session, key, digest)) for key, number, digest in releases.all()}

    def rules(self, session: Session) -> dict[str, str]:
        """All rules that could ever fire, by their keys: their titles in the newest release that holds them."""
        oldest_first = reversed(self.of_all(session).values())
        titles = {key: standing.title for order in oldest_first for key, standing in order.rules.items()}
        return dict(sorted(titles.items()))

    def _order(self, session: Session, release_id: int, digest: str) -> Mapping[str, Standing]:
        # By the digest of what a release holds: an id may be given again to another one after a rollback.
        if digest not in self._read:
            self._read[digest] = self._read_order(session, release_id)
        return self._read[digest]

    def _read_order(self, session: Session, release_id: int) -> Mapping[str, Standing]:
        held = session.execute(
            select(Version.key, Version.number, Version.digest)
            .join(ReleaseVersion, ReleaseVersion.version_id == Version.id)
            .where(ReleaseVersion.release_id == release_id, Version.kind == ItemKind.RULE)
        ).all()
        self._learn(session, {digest for _, _, digest in held} - self._titles.keys())
        titled = sorted((key, number, self._titles[digest]) for key, number, digest in held)
        firing = [(key, number, title) for key, number, title in titled if title is not None]
        return {key: Standing(place, number, title) for place, (key, number, title) in enumerate(firing)}

    def _learn(self, session: Session, digests: set[str]) -> None:
        if digests:
            contents = select(Version.digest, Version.content).where(Version.digest.in_(digests))
            for digest, content in session.execute(contents):
                rule = json.loads(content)
                self._titles[digest] = None if rule.get("condition") is None else rule["title"]


def orders_of(service: Service) -> Orders:
    """Those that this process has read."""
    return service.memory(Orders)
