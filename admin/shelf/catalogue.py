"""The newest version of every item of a kind, found by words and narrowed by what it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.shelf.shelves import SHELVES
from knowledge import lifecycle
from knowledge.conditions import AllOf, Among, AnyOf, AtLeast, Compare, Condition, Not, Operator
from knowledge.errors import ConditionError
from knowledge.items import ItemKind
from knowledge.language import parse
from knowledge.models import ReleaseVersion, Version, VersionState

PAGE = 50
IN_FORCE = "in_force"
"""The standing of a newest version that is part of the release in force."""

STANDINGS = (IN_FORCE, *(state.value for state in VersionState))
ANY_PHASE = "any"
PHASE = "disease_phase"


@dataclass(frozen=True)
class Listed:
    """The newest version of an item; `in_force` is the number of its version in the release in force."""

    version: Version
    in_force: int | None

    @cached_property
    def content(self) -> Mapping[str, Any]:
        return json.loads(self.version.content)

    @property
    def key(self) -> str:
        return self.version.key

    @property
    def standing(self) -> str:
        return IN_FORCE if self.in_force == self.version.number else self.version.state.value

    @property
    def title(self) -> str:
        return _title(self.content, self.key)

    @property
    def topic(self) -> str:
        return str(self.content.get("topic", ""))

    @cached_property
    def phases(self) -> frozenset[str]:
        """The phases of the disease that a rule asks for; `any` when it asks for none."""
        text = self.content.get("condition")
        try:
            found = frozenset(_phases(parse(text))) if isinstance(text, str) else frozenset()
        except ConditionError:
            found = frozenset()
        return found or frozenset({ANY_PHASE})

    def told(self, field: str) -> str | None:
        """One of its texts."""
        value = self.content.get(field)
        return value if isinstance(value, str) else None

    def names(self, key: str) -> bool:
        """Whether its content may name another item; spares reading all of it."""
        return key in self.version.content

    @cached_property
    def words(self) -> str:
        """Everything that a search looks through."""
        return f"{self.key} {self.version.content}".casefold()


def title_of(version: Version) -> str:
    """What a version of an item is called: its title, a fact's label, or its key."""
    return _title(json.loads(version.content), version.key)


def newest(session: Session, kind: ItemKind) -> list[Listed]:
    """The newest version of every item of a kind, in no order."""
    last = (
        select(Version.key, func.max(Version.number).label("number"))
        .where(Version.kind == kind)
        .group_by(Version.key)
        .subquery()
    )
    rows = session.scalars(
        select(Version)
        .join(last, (Version.key == last.c.key) & (Version.number == last.c.number))
        .where(Version.kind == kind)
    )
    held = _in_force(session, kind)
    return [Listed(row, held.get(row.key)) for row in rows]


def choices_for(kind: ItemKind, items: Iterable[Listed]) -> dict[str, tuple[str, ...]]:
    """By what the items of a kind can be narrowed, and the words of each."""
    topics = tuple(sorted({one.topic for one in items if one.topic}))
    return {**({"topic": topics} if topics else {}), **SHELVES[kind].filters, "state": STANDINGS}


def narrowed(items: Iterable[Listed], words: str, chosen: Mapping[str, str]) -> list[Listed]:
    """The items that hold all the words and are everything that was chosen, by topic and title."""
    wanted = words.casefold().split()
    found = [one for one in items if all(word in one.words for word in wanted) and _fits(one, chosen)]
    return sorted(found, key=lambda one: (one.topic, one.title.casefold(), one.key))


def _fits(one: Listed, chosen: Mapping[str, str]) -> bool:
    def is_it(name: str) -> Iterable[Any]:
        match name:
            case "actor":
                return one.content.get("actors", ())
            case "phase":
                return one.phases
            case "state":
                return (one.standing, *((IN_FORCE,) if one.in_force is not None else ()))
            case _:
                return (one.content.get(name),)

    return all(word in is_it(name) for name, word in chosen.items())


def _phases(condition: Condition) -> Iterable[str]:
    match condition:
        case Compare(fact, Operator.IS, str() as phase) if fact == PHASE:
            yield phase
        case Among(fact, codes) if fact == PHASE:
            yield from codes
        case Not(part):
            yield from _phases(part)
        case AllOf(parts) | AnyOf(parts) | AtLeast(_, parts):
            for part in parts:
                yield from _phases(part)
        case _:
            return


def _in_force(session: Session, kind: ItemKind) -> dict[str, int]:
    release = lifecycle.in_force(session)
    if release is None:
        return {}
    rows = session.execute(
        select(Version.key, Version.number)
        .join(ReleaseVersion, ReleaseVersion.version_id == Version.id)
        .where(ReleaseVersion.release_id == release.id, Version.kind == kind)
    )
    return {row.key: row.number for row in rows}


def _title(content: Mapping[str, Any], key: str) -> str:
    return str(content.get("title") or content.get("label") or key)
