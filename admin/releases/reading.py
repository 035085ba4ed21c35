"""Releases at the desk: which there are, which is in force, and what each one holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from admin.entry.access import APPROVERS
from admin.releases.proposing import Proposing, release_of
from admin.releases.sheets import ReleaseSheets
from admin.shelf.items import number_in
from cds.api import session
from cds.changes import gated
from knowledge import lifecycle
from knowledge.items import ItemKind
from knowledge.models import Activation, Release, ReleaseApproval, ReleaseVersion, Version


class Releases(Proposing, ReleaseSheets):
    """Every release, newest first."""

    def __init__(self) -> None:
        super().__init__(name="Releases", endpoint="desk_releases", url="/desk/releases")

    @expose("/")
    def index(self) -> str:
        query = select(Release).order_by(Release.number.desc())
        return self.render(
            "desk/releases.html",
            releases=session().scalars(query.options(*_PEOPLE)).all(),
            in_force=lifecycle.in_force(session()),
            activations=_activations(session()),
            sizes=_sizes(session()),
            waiting=len(gated.proposal(session(), gated.Choice()).fresh),
        )

    def _beside(self, release: Release) -> dict[str, Any]:
        """The release that it is held against, the one before it unless another is asked for, and what differs."""
        numbers = list(session().scalars(select(Release.number).order_by(Release.number)))
        earlier = max((one for one in numbers if one < release.number), default=None)
        wanted = number_in(request.args.get("against"), earlier or 0)
        if wanted not in numbers or wanted == release.number:
            return {"against": None, "moved": [], "numbers": numbers}
        other = release_of(wanted)
        return {"against": other, "moved": _moved(session(), other, release), "numbers": numbers}

    @expose("/<int:number>")
    def release(self, number: int) -> str:
        release = release_of(number)
        held = _held(session(), release)
        in_force = lifecycle.in_force(session())
        return self.render(
            "desk/release.html",
            release=release,
            in_force=in_force is release,
            activations=_activations(session()).get(release.id, []),
            may_activate=current_user.role in APPROVERS,
            may_approve=current_user.role in APPROVERS and _may_approve(release),
            publisher=release.created_by_id == int(current_user.id),
            **self._beside(release),
            held=[
                (kind, held[kind])
                for kind in (ItemKind.RULE, ItemKind.HAZARD, ItemKind.SOURCE, ItemKind.FACT, ItemKind.VIGNETTE)
            ],
        )


@dataclass(frozen=True, slots=True)
class Moved:
    """An item that is not the same in two releases: the numbers of its versions, None where it is not in one."""

    kind: ItemKind
    key: str
    title: str
    before: int | None
    after: int | None


def _moved(session: Session, before: Release, after: Release) -> list[Moved]:
    """What differs between two releases, by kind and title."""
    was, now = (
        {(kind, one["key"]): one for kind, items in _held(session, release).items() for one in items}
        for release in (before, after)
    )
    found = [
        Moved(
            kind,
            key,
            (now.get((kind, key)) or was[kind, key])["title"],
            _number(was, kind, key),
            _number(now, kind, key),
        )
        for kind, key in was.keys() | now.keys()
        if _number(was, kind, key) != _number(now, kind, key)
    ]
    return sorted(found, key=lambda one: (one.kind, one.title.casefold()))


def _number(held: Mapping[tuple[ItemKind, str], dict[str, Any]], kind: ItemKind, key: str) -> int | None:
    one = held.get((kind, key))
    return one["number"] if one else None


def _may_approve(release: Release) -> bool:
    """Whether whoever is signed in neither published the release nor approved it already."""
    me = int(current_user.id)
    return release.created_by_id != me and all(one.by_id != me for one in release.approvals)


_PEOPLE = (
    selectinload(Release.created_by),
    selectinload(Release.approvals).selectinload(ReleaseApproval.by),
)


def _activations(session: Session) -> dict[int, list[Activation]]:
    """Each time a release was put in force, newest first, by release."""
    found: dict[int, list[Activation]] = {}
    query = select(Activation).order_by(Activation.id.desc()).options(selectinload(Activation.by))
    for one in session.scalars(query):
        found.setdefault(one.release_id, []).append(one)
    return found


def _sizes(session: Session) -> Mapping[int, Mapping[ItemKind, int]]:
    """How many versions of each kind a release holds."""
    query = (
        select(ReleaseVersion.release_id, Version.kind, func.count())
        .join(Version, Version.id == ReleaseVersion.version_id)
        .group_by(ReleaseVersion.release_id, Version.kind)
    )
    sizes: dict[int, dict[ItemKind, int]] = {}
    for release_id, kind, size in session.execute(query):
        sizes.setdefault(release_id, {})[kind] = size
    return sizes


def _held(session: Session, release: Release) -> dict[ItemKind, list[dict[str, Any]]]:
    """Everything in a release, by kind, as a list to read."""
    query = (
        select(Version.kind, Version.key, Version.number, Version.digest, Version.content)
        .join(ReleaseVersion, ReleaseVersion.version_id == Version.id)
        .where(ReleaseVersion.release_id == release.id)
    )
    held: dict[ItemKind, list[dict[str, Any]]] = {kind: [] for kind in ItemKind}
    for kind, key, number, digest, content in session.execute(query):
        item = json.loads(content)
        title = item.get("title") or item.get("label") or key
        held[kind].append(
            {"key": key, "number": number, "digest": digest, "title": title, "topic": item.get("topic", "")}
        )
    return {kind: sorted(items, key=lambda one: (one["topic"], one["title"])) for kind, items in held.items()}
