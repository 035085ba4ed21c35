"""Keeping what was written as a draft: whether it can be kept, and that nobody else's words are written over."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from wtforms import Form

from admin.shelf.forms import filling
from knowledge import lifecycle
from knowledge.database import take_turn
from knowledge.errors import ContentError
from knowledge.items import ItemKind
from knowledge.models import User, Version, VersionState
from knowledge.schemas import Content, item_from
from knowledge.steps import ChangedMeanwhile

LONGEST_REASON = 20_000
_RESERVED = frozenset({"new", "check", "export.csv"})
"""Words of the desk's own addresses, which no item can have as its key."""

Refusals = dict[str, list[str]]
"""Sentences by the name of the field that each is about."""


@dataclass(frozen=True)
class Written:
    """An item as it is being written: the version it goes on from, the form, the reason, and what was opened."""

    kind: ItemKind
    key: str
    newest: Version | None
    form: Form
    reason: str
    opened: str

    @property
    def draft(self) -> Version | None:
        """The open draft, when there is one."""
        return self.newest if self.newest is not None and self.newest.state is VersionState.DRAFT else None

    def on(self, newest: Version) -> Written:
        """The same, going on from a version that was just read."""
        return replace(self, newest=newest, opened=newest.digest)


def refusals(session: Session, written: Written, content: Content, posted: MultiDict[str, str]) -> Refusals:
    """Why this cannot even be kept as a draft; empty when it can. Takes the turn."""
    take_turn(session.connection())
    refused: Refusals = {
        name: [f"This is too long to be kept: at most {filling.LONGEST_FIELD:,} characters. Nothing was saved."]
        for name in filling.too_long(written.form)
    }
    for name in filling.too_many(written.form, posted):
        refused[name] = [f"At most {filling.MOST_ROWS} rows can be kept; the rest of them is not shown here."]
    if len(written.reason) > LONGEST_REASON:
        refused["reason"] = [f"At most {LONGEST_REASON:,} characters; this reason has {len(written.reason):,}."]
    wrong = _wrong_key(session, written, content) if written.newest is None else None
    return refused | {"key": [wrong]} if wrong else refused


def keep(session: Session, written: Written, content: Content, *, by: User, at: datetime) -> Version | None:
    """Keep what was written as a draft; None when nothing differs from what is kept.

    Raises ChangedMeanwhile when the newest version is no longer the one that was opened, and what `lifecycle` raises.
    """
    take_turn(session.connection())
    newest = newest_version(session, written.kind, written.key)
    if newest is not None and newest.digest != written.opened:
        raise ChangedMeanwhile(f"{newest.label} was kept after you opened it: look at what differs first.")
    if newest is not None and _stands_so(newest, written, content):
        return None
    if newest is not None and newest.state is VersionState.DRAFT:
        opened = written.opened
        lifecycle.revise(session, newest, content, by=by, at=at, reason=written.reason, opened=opened)
        return newest
    return lifecycle.draft(session, written.kind, written.key, content, by=by, at=at, reason=written.reason)


def newest_version(session: Session, kind: ItemKind, key: str) -> Version | None:
    """The newest version of an item, as stored at this moment."""
    if "\x00" in key:
        return None
    query = select(Version).where(Version.kind == kind, Version.key == key).order_by(Version.number.desc())
    return session.scalars(query.limit(1).execution_options(populate_existing=True)).one_or_none()


def key_from(kind: ItemKind, form: Form) -> str:
    """A key made of the title or the label."""
    named = form["label" if kind is ItemKind.FACT else "title"].data or ""
    between = "_" if kind is ItemKind.FACT else "-"
    return re.sub(r"[^a-z0-9]+", between, named.casefold()).strip(between)[:80].strip(between)


def _stands_so(newest: Version, written: Written, content: Content) -> bool:
    """Whether a version says all of it already. What was given back or retired may be written again as it was."""
    if json.loads(newest.content) != content:
        return False
    match newest.state:
        case VersionState.DRAFT:
            return newest.reason == written.reason
        case VersionState.APPROVED | VersionState.RELEASED:
            return True
        case _:
            return False


def _wrong_key(session: Session, written: Written, content: Content) -> str | None:
    """What is wrong with the key of a new item."""
    key = written.key
    if not key:
        return "Give it a title, or a key of its own."
    if key in _RESERVED:
        return f"“{key}” is a word of the desk’s own addresses: choose another key."
    try:
        item_from(written.kind, content)
    except ContentError as error:
        wrong = next((one.detail for one in error.problems if one.field == "key"), None)
        if wrong:
            return wrong
    if newest_version(session, written.kind, key) is not None:
        return f"There is one of this key already: {key}. Choose another, or edit that one."
    return None
