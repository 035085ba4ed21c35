"""Facts, sources, rules and example patients at the desk: found, read, and what may be done with each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, request
from flask_admin import expose
from flask_login import current_user
from werkzeug.wrappers import Response

from admin.entry.access import APPROVERS, WRITERS, DeskView
from admin.exporting import exported
from admin.shelf.catalogue import PAGE, Listed, choices_for, narrowed, newest
from admin.shelf.documents import evidence, played, surroundings, used_by, withheld_rules_of, withholding
from admin.shelf.shelves import Shelf, shelf_of
from cds.api import session
from cds.service import service_of
from knowledge.errors import ContentError
from knowledge.histories import Past, history, sent_back
from knowledge.items import ItemKind, Rule
from knowledge.language import write
from knowledge.model.hazards import Hazard
from knowledge.models import Version, VersionState
from knowledge.patients import write as patient_text
from knowledge.releasing import in_force
from knowledge.schemas import item_from
from knowledge.steps import authors

LONGEST_SEARCH = 200


_TOLD = ("text", "condition", "review_by")
"""What an exported table tells of an item beside its title."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a list was asked for, by what it can be narrowed, and what was found out of how many."""

    words: str
    choices: Mapping[str, tuple[str, ...]]
    chosen: Mapping[str, str]
    found: list[Listed]
    all: int


class Shelved(DeskView):
    """What the views of all kinds share: the shelf, and finding a version on it."""

    def __init__(self, kind: ItemKind) -> None:
        self.shelf: Shelf = shelf_of(kind)
        super().__init__(name=self.shelf.menu, endpoint=self.shelf.endpoint, url=self.shelf.url)

    @property
    def kind(self) -> ItemKind:
        return self.shelf.kind

    def past(self, key: str) -> list[Past]:
        """All versions of an item, the newest first; 404 when there is none."""
        found = history(session(), self.kind, key)
        if not found:
            abort(404, f"There is no {self.shelf.one} of this name.")
        return found

    def version(self, key: str, number: int) -> Version:
        """One version of an item; 404 when there is none."""
        found = next((one.version for one in self.past(key) if one.version.number == number), None)
        if found is None:
            abort(404, f"This {self.shelf.one} has no version {number}.")
        return found

    def render(self, template: str, **shown: Any) -> str:
        return super().render(template, shelf=self.shelf, **shown)


class Items(Shelved):
    """The newest version of each item of a kind."""

    @expose("/")
    def index(self) -> str:
        search = self._searched()
        found = search.found
        pages = max(1, -(-len(found) // PAGE))
        page = min(max(number_in(request.args.get("page"), 1), 1), pages)
        return self.render(
            "desk/items.html",
            items=found[(page - 1) * PAGE : page * PAGE],
            found=len(found),
            all=search.all,
            words=search.words,
            choices=search.choices,
            chosen=search.chosen,
            page=page,
            pages=pages,
            first=(page - 1) * PAGE + 1,
            may_write=current_user.role in WRITERS,
        )

    @expose("/export.csv")
    def export(self) -> Response:
        """What was found, as a table."""
        header = ("key", "version", "state", "version in force", "topic", "title", "text", "condition", "review by")
        rows = [
            (one.key, one.version.number, one.standing, one.in_force, one.topic, one.title, *map(one.told, _TOLD))
            for one in self._searched().found
        ]
        return exported(self.shelf.url.rpartition("/")[2], header, rows)

    def _searched(self) -> Search:
        items = newest(session(), self.kind)
        choices = choices_for(self.kind, items)
        words = request.args.get("q", "")[:LONGEST_SEARCH]
        asked = {name: request.args.get(name, "") for name in choices}
        chosen = {name: word for name, word in asked.items() if word in choices[name]}
        return Search(words, choices, chosen, narrowed(items, words, chosen), len(items))

    @expose("/<string:key>")
    def item(self, key: str) -> str:
        versions = self.past(key)
        version = self.version(key, number_in(request.args.get("version"), versions[0].version.number))
        held = held_in_force(versions)
        shown: dict[str, Any] = {
            "version": version,
            "newest": versions[0].version,
            "in_force": held,
            "versions": versions,
            "today": service_of().now().date(),
            "moves": moves(version, versions[0].version, held),
            "sent_back": sent_back(versions) if version.id == versions[0].version.id else None,
        }
        try:
            item = item_from(self.kind, json.loads(version.content))
        except ContentError as error:
            return self.render("desk/unreadable.html", problems=error.problems, **shown)
        around = surroundings(session(), version)
        shown |= {"item": item, "around": around, "patients": played(session(), version, around)}
        shown["used_by"] = used_by(around, self.kind, key)
        if isinstance(item, Rule | Hazard):
            shown |= {
                "text": write(item.condition) if item.condition else None,
                "in_words": around.said(item.condition),
                "evidence": evidence(item, around.base),
            }
        if isinstance(item, Rule):
            shown["withheld_by"] = withholding(item, around.base)
        if isinstance(item, Hazard):
            shown["forbidden"] = withheld_rules_of(item, around.base)
        if self.kind is ItemKind.VIGNETTE:
            shown["facts_as_text"] = patient_text(json.loads(version.content)["facts"], around.base.facts)
        return self.render(f"desk/item/{self.kind}.html", **shown)


def held_in_force(versions: list[Past]) -> Version | None:
    """The version of an item that is in force."""
    release = in_force(session())
    return next((one.version for one in versions if release is not None and release.number in one.releases), None)


def moves(version: Version, newest: Version, held: Version | None) -> frozenset[str]:
    """What whoever is signed in may do with a version: edit, submit, review, take_back, retire."""
    if current_user.role not in WRITERS:
        return frozenset()
    mine = int(current_user.id) in authors(session(), version)
    is_newest = version.id == newest.id
    match version.state:
        case VersionState.DRAFT:
            found = {"edit", "submit", "retire"}
        case VersionState.SUBMITTED if mine:
            found = {"take_back"}
        case VersionState.SUBMITTED:
            found = {"review"} if current_user.role in APPROVERS else set()
        case VersionState.APPROVED:
            found = {"edit", "retire"}
        case VersionState.RELEASED:
            found = {"edit"} | ({"retire"} if held is not None and version.id == held.id else set())
        case VersionState.RETURNED | VersionState.RETIRED:
            found = {"edit"}
    return frozenset(found) if is_newest else frozenset(found & {"retire", "review", "take_back"})


def number_in(text: str | None, otherwise: int) -> int:
    """A whole number out of a query string, or the other one when it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else otherwise
