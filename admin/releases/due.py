"""Review dates at the desk: what is past its date or near it, and which newer versions renew it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import request, url_for
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from werkzeug.wrappers import Response

from admin.entry.access import WRITERS, DeskView
from admin.exporting import exported
from admin.shelf.catalogue import PAGE, title_of
from admin.shelf.items import number_in
from admin.shelf.shelves import Shelf, shelf_of
from cds.api import session
from cds.service import service_of
from knowledge.items import ItemKind
from knowledge.models import ReleaseVersion, User, Version, VersionState
from knowledge.releasing import in_force

PERIODS = (30, 90, 180, 365)
"""The days ahead for which a lead may look."""

USUAL = 90
_DATED = (ItemKind.RULE, ItemKind.HAZARD, ItemKind.SOURCE)
_CITING = (ItemKind.RULE, ItemKind.HAZARD)
_UNDERWAY = (VersionState.DRAFT, VersionState.SUBMITTED, VersionState.APPROVED)


@dataclass(frozen=True, slots=True)
class Due:
    """A rule, hazard or source in force with a review date, and the newer version of it, if one is being made."""

    version: Version
    title: str
    topic: str
    cited_by: int
    review_by: date
    days: int
    """From today to the review date; below nought when it is past."""
    newer: Version | None
    renewed_to: date | None
    """The later date that the newer version brings."""

    @property
    def overdue(self) -> bool:
        return self.days < 0

    @property
    def author(self) -> User | None:
        """Who wrote its last version; None for the program."""
        return (self.newer or self.version).created_by

    @property
    def shelf(self) -> Shelf:
        return shelf_of(self.version.kind)


@dataclass(frozen=True, slots=True)
class Asked:
    """For how many days ahead, and of which kind."""

    days: int
    kind: ItemKind | None

    def fits(self, one: Due) -> bool:
        return one.days <= self.days and self.kind in (None, one.version.kind)


class ReviewDates(DeskView):
    """What is to be reviewed, the longest overdue first."""

    def __init__(self) -> None:
        super().__init__(name="Review dates", endpoint="desk_due", url="/desk/due")

    def is_visible(self) -> bool:
        """Not in the menu: the desk's home leads here."""
        return False

    @expose("/")
    def index(self) -> str:
        asked = _asked()
        release = in_force(session())
        dated = due(session(), service_of().now().date())
        found = [one for one in dated if asked.fits(one)]
        of_kind = [one for one in dated if asked.kind in (None, one.version.kind)]
        pages = max(1, -(-len(found) // PAGE))
        page = min(max(number_in(request.args.get("page"), 1), 1), pages)
        return self.render(
            "desk/due.html",
            release=release,
            asked=asked,
            periods=PERIODS,
            kinds=[shelf_of(kind) for kind in _DATED],
            overdue=sum(one.overdue for one in of_kind),
            within={days: sum(0 <= one.days <= days for one in of_kind) for days in PERIODS},
            renewed=sum(one.renewed_to is not None for one in found),
            next_due=next((one.review_by for one in of_kind if one.days > asked.days), None),
            found=found[(page - 1) * PAGE : page * PAGE],
            count=len(found),
            first=(page - 1) * PAGE + 1,
            page=page,
            pages=pages,
            may_write=current_user.role in WRITERS,
        )

    @expose("/export.csv")
    def export(self) -> Response:
        """The same as a table, whole."""
        asked = _asked()
        header = ("review by", "days", "kind", "key", "title", "topic", "cited by", "version in force", "written by")
        rows = [
            (
                *(
                    one.review_by,
                    one.days,
                    one.version.kind,
                    one.version.key,
                    one.title,
                    one.topic,
                    one.cited_by or None,
                ),
                *(one.version.number, one.author.name if one.author else None),
                *((one.newer.number, one.newer.state, one.renewed_to) if one.newer else (None, None, None)),
                url_for(f"{one.shelf.endpoint}.item", key=one.version.key, _external=True),
            )
            for one in due(session(), service_of().now().date())
            if asked.fits(one)
        ]
        return exported("review-dates", (*header, "newer version", "its state", "renewed to", "address"), rows)


def due(session: Session, today: date) -> list[Due]:
    """Every rule, hazard and source in force that has a review date, the longest overdue first."""
    release = in_force(session)
    if release is None:
        return []
    held = select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release.id)
    query = select(Version).options(selectinload(Version.created_by)).where(Version.kind.in_(_DATED))
    standing = {version: _content(version) for version in session.scalars(query.where(Version.id.in_(held)))}
    underway = session.scalars(query.where(Version.state.in_(_UNDERWAY)).order_by(Version.number))
    newest = {(version.kind, version.key): version for version in underway}
    cited = _cited(content for version, content in standing.items() if version.kind in _CITING)
    found: list[Due] = []
    for version, content in standing.items():
        review_by = _day(content)
        if review_by is None:
            continue
        newer = newest.get((version.kind, version.key))
        newer = newer if newer is not None and newer.number > version.number else None
        renewed = _day(_content(newer)) if newer is not None else None
        found.append(
            Due(
                version,
                title_of(version),
                str(content.get("topic", "")),
                cited[version.key] if version.kind is ItemKind.SOURCE else 0,
                review_by,
                (review_by - today) // timedelta(days=1),
                newer,
                renewed if renewed is not None and renewed > review_by else None,
            )
        )
    return sorted(found, key=lambda one: (one.review_by, one.version.kind, one.topic, one.title.casefold()))


def _asked() -> Asked:
    days = number_in(request.args.get("days"), USUAL)
    kind = request.args.get("kind", "")
    return Asked(days if days in PERIODS else USUAL, ItemKind(kind) if kind in _DATED else None)


def _content(version: Version) -> Mapping[str, Any]:
    return json.loads(version.content)


def _day(content: Mapping[str, Any]) -> date | None:
    """The review date in what a version holds; a draft may hold anything, so perhaps none that can be read."""
    try:
        return date.fromisoformat(str(content.get("review_by")))
    except ValueError:
        return None


def _cited(items: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """By how many rules and hazards each source is cited."""
    return Counter(source for item in items for source in {one["source"] for one in item.get("citations", ())})
