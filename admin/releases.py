"""Releases at the desk: which there are, which is in force, and what each one holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import abort
from flask_admin import expose
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from admin.access import DeskView
from cds.api import session
from knowledge import lifecycle
from knowledge.items import ItemKind
from knowledge.models import Activation, Release, ReleaseApproval, ReleaseVersion, Version

LARGEST = 2**31
"""From here on a number fits no column, so no release has it."""


class Releases(DeskView):
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
        )

    @expose("/<int:number>")
    def release(self, number: int) -> str:
        query = select(Release).where(Release.number == number).options(*_PEOPLE)
        release = session().scalars(query).one_or_none() if number < LARGEST else None
        if release is None:
            abort(404, f"There is no release {number}.")
        held = _held(session(), release)
        return self.render(
            "desk/release.html",
            release=release,
            in_force=lifecycle.in_force(session()) is release,
            activations=_activations(session()).get(release.id, []),
            held=[(kind, held[kind]) for kind in (ItemKind.RULE, ItemKind.SOURCE, ItemKind.FACT, ItemKind.VIGNETTE)],
        )


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
