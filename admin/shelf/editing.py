"""Writing an item at the desk: its form, what is said of it meanwhile, and keeping it as a draft."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import Form

from admin.entry.access import WRITERS, only, signed_in
from admin.shelf.checked import checked
from admin.shelf.documents import history, sent_back
from admin.shelf.forms import filling
from admin.shelf.items import Shelved
from admin.trying.conditions import facts_for_builder
from admin.trying.dictionary import facts_as_json
from cds.api import session
from cds.changes.candidate import Candidate, being_written
from cds.changes.gate import before_review, companions
from cds.pages.labels import count
from cds.service import service_of
from knowledge import editing, lifecycle
from knowledge.differences import differences
from knowledge.errors import ContentError, KnowledgeError
from knowledge.items import ItemKind
from knowledge.models import Version, VersionState
from knowledge.pasted import plain_text
from knowledge.schemas import Content, item_from
from knowledge.steps import ChangedMeanwhile, DraftOpen

LONGEST_REASON = 20_000
_RESERVED = frozenset({"new", "check", "export"})


@dataclass(frozen=True)
class Desk:
    """An item on the table: the version it goes on from, the form, the reason, and which version was opened."""

    key: str
    newest: Version | None
    form: Form
    reason: str
    opened: str

    @property
    def draft(self) -> Version | None:
        """The open draft, when there is one."""
        return self.newest if self.newest is not None and self.newest.state is VersionState.DRAFT else None


class Editing(Shelved):
    """The form of an item. It keeps drafts and takes no other step."""

    @expose("/new", methods=("GET", "POST"))
    @only(WRITERS)
    def new(self) -> ResponseReturnValue:
        if request.method == "GET":
            begun = filling.of_content(self.kind, self._begun(), being_written(session()).base.facts)
            return self._form(Desk("", None, begun, "", ""))
        form = filling.of_posted(self.kind, request.form)
        key = plain_text(request.form.get("key", "")).strip() or _key_from(self.kind, form)
        return self._posted(Desk(key, None, form, _reason(), ""))

    @expose("/<string:key>/edit", methods=("GET", "POST"))
    @only(WRITERS)
    def edit(self, key: str) -> ResponseReturnValue:
        newest = self.past(key)[0].version
        if newest.state is VersionState.SUBMITTED and request.method == "GET":
            flash(f"{newest.label} is under review. It can be edited again once it was given back or approved.")
            return redirect(url_for(".item", key=key), 303)
        by, at = signed_in(), service_of().now()
        editing.seen(session(), self.kind, key, by=by, at=at)
        session().commit()
        if request.method == "GET":
            content = json.loads(newest.content)
            reason = newest.reason if newest.state is VersionState.DRAFT else ""
            shown = filling.of_content(self.kind, content, being_written(session()).base.facts)
            return self._form(Desk(key, newest, shown, reason, newest.digest))
        form = filling.of_posted(self.kind, request.form)
        return self._posted(Desk(key, newest, form, _reason(), request.form.get("opened", "")))

    @expose("/check", methods=("POST",))
    @only(WRITERS)
    def check(self) -> ResponseReturnValue:
        """What is said of the form as it stands, for the page that is being typed into."""
        form = filling.of_posted(self.kind, request.form)
        key = plain_text(request.form.get("key", "")).strip() or _key_from(self.kind, form)
        among = being_written(session())
        said = checked(
            session(), self.kind, filling.content_of(self.kind, key, form, among.base.facts), form, _reason()
        )
        others, overtaken = self._meanwhile(key, request.form.get("opened", ""))
        session().commit()
        html = self.render("desk/checked.html", said=said, key=key, others=others, overtaken=overtaken)
        return jsonify({"html": html, "at": said.at})

    def _posted(self, desk: Desk) -> ResponseReturnValue:
        """Another row, a look at what was written, or a draft kept."""
        if filling.change_rows(desk.form, request.form) or "show" in request.form:
            return self._form(desk)
        among = being_written(session())
        content = filling.content_of(self.kind, desk.key, desk.form, among.base.facts)
        refused = self._unkeepable(desk, content)
        if refused:
            return self._form(desk, refused=refused), 422
        try:
            kept = self._keep(desk, content)
        except (ChangedMeanwhile, DraftOpen):
            session().rollback()
            return self._overtaken(desk, content, among), 409
        except KnowledgeError as error:
            session().rollback()
            return self._form(desk, refused={"": [str(error)]}), 422
        if kept is None:
            flash("Nothing differs from what is kept already, so nothing was saved.")
            return redirect(url_for(".edit", key=desk.key), 303)
        session().commit()
        ticks = before_review(session(), [kept, *companions(session(), kept)], service_of().now().date())
        missing = sum(len(tick.obstacles) + tick.further for tick in ticks)
        things = f"{count(missing, 'thing keeps', 'things keep')} it from being submitted."
        flash(f"Kept as a draft: version {kept.number}. {things if missing else 'It can be submitted.'}")
        return redirect(url_for(".edit", key=desk.key), 303)

    def _keep(self, desk: Desk, content: Content) -> Version | None:
        """Keep what was written as a draft; None when nothing differs."""
        by, at = signed_in(), service_of().now()
        if desk.draft is not None:
            same = json.loads(desk.draft.content) == content and desk.draft.reason == desk.reason
            if same and desk.opened == desk.draft.digest:
                return None
            lifecycle.revise(session(), desk.draft, content, by=by, at=at, reason=desk.reason, opened=desk.opened)
            return desk.draft
        if desk.newest is not None:
            if desk.newest.digest != desk.opened:
                raise ChangedMeanwhile("Another version was written meanwhile.")
            stands = desk.newest.state in (VersionState.APPROVED, VersionState.RELEASED)
            if stands and json.loads(desk.newest.content) == content:
                return None
        return lifecycle.draft(session(), self.kind, desk.key, content, by=by, at=at, reason=desk.reason)

    def _unkeepable(self, desk: Desk, content: Content) -> dict[str, list[str]]:
        """Why this cannot even be kept as a draft, by field."""
        refused = {
            name: [f"This is too long to be kept: at most {filling.LONGEST_FIELD:,} characters. Nothing was saved."]
            for name in filling.too_long(desk.form)
        }
        for name in filling.too_many(desk.form, request.form):
            refused[name] = [f"At most {filling.MOST_ROWS} rows can be kept; the rest of them is not shown here."]
        if len(desk.reason) > LONGEST_REASON:
            refused["reason"] = [f"At most {LONGEST_REASON:,} characters; this reason has {len(desk.reason):,}."]
        if desk.newest is None:
            refused |= self._unusable_key(desk.key, content)
        return refused

    def _unusable_key(self, key: str, content: Content) -> dict[str, list[str]]:
        if not key:
            return {"key": ["Give it a title, or a key of its own."]}
        if key in _RESERVED:
            return {"key": [f"“{key}” is a word of the desk’s own addresses: choose another key."]}
        try:
            item_from(self.kind, content)
        except ContentError as error:
            wrong = [one.detail for one in error.problems if one.field == "key"]
            if wrong:
                return {"key": wrong}
        if session().query(Version.id).filter_by(kind=self.kind, key=key).first() is not None:
            return {"key": [f"There is one of this key already: {key}. Choose another, or edit that one."]}
        return {}

    def _form(self, desk: Desk, refused: Mapping[str, list[str]] | None = None, **shown: Any) -> str:
        among = being_written(session())
        content = filling.content_of(self.kind, desk.key, desk.form, among.base.facts)
        said = checked(session(), self.kind, content, desk.form, desk.reason)
        others, overtaken = self._meanwhile(desk.key, desk.opened)
        at = {**said.at, **(refused or {})} if request.method == "POST" or desk.draft is not None else (refused or {})
        return self.render(
            "desk/edit.html",
            desk=desk,
            said=said,
            at=at,
            refused=refused,
            others=others,
            overtaken=overtaken,
            sent_back=sent_back(history(session(), self.kind, desk.key)) if desk.newest is not None else None,
            known=_known(among),
            facts=(facts_for_builder if self.kind is ItemKind.RULE else facts_as_json)(among.base),
            **shown,
        )

    def _overtaken(self, desk: Desk, content: Content, among: Candidate) -> str:
        """The form again, what somebody else saved meanwhile beside it, and the choice between the two."""
        theirs = self.past(desk.key)[0].version
        desk = Desk(desk.key, theirs, desk.form, desk.reason, theirs.digest)
        found = differences(self.kind, json.loads(theirs.content), content, among.base.facts)
        return self._form(desk, theirs=theirs, differences=found)

    def _meanwhile(self, key: str, opened: str) -> tuple[list[editing.Editing], Version | None]:
        """Who else is editing the item, and the version that overtook the one that was opened."""
        by, at = signed_in(), service_of().now()
        if not key or "\x00" in key:
            return [], None
        newest = (
            session().query(Version).filter_by(kind=self.kind, key=key).order_by(Version.number.desc()).limit(1).first()
        )
        if newest is None or not opened:
            return [], None
        editing.seen(session(), self.kind, key, by=by, at=at)
        others = list(editing.others(session(), self.kind, key, than=by, at=at))
        return others, newest if newest.digest != opened else None

    def _begun(self) -> Content:
        """What a new item begins with: an example patient for a rule speaks for that rule."""
        rule = being_written(session()).base.rules.get(request.args.get("rule", ""))
        if self.kind is not ItemKind.VIGNETTE or rule is None:
            return {}
        return {"topic": rule.topic, "expect": {"recommended": [rule.key]}}


def _known(among: Candidate) -> Mapping[ItemKind, list[tuple[str, str]]]:
    """The keys that a form can name, with what each is called, by kind."""
    base = among.base
    return {
        ItemKind.RULE: sorted((key, one.title) for key, one in base.rules.items()),
        ItemKind.SOURCE: sorted((key, one.reference[:120]) for key, one in base.sources.items()),
        ItemKind.FACT: sorted((key, one.label) for key, one in base.facts.items()),
        ItemKind.VIGNETTE: [],
    }


def _reason() -> str:
    return plain_text(request.form.get("reason", "")).strip()


def _key_from(kind: ItemKind, form: Form) -> str:
    """A key made of the title or the label."""
    named = form["label" if kind is ItemKind.FACT else "title"].data or ""
    between = "_" if kind is ItemKind.FACT else "-"
    return re.sub(r"[^a-z0-9]+", between, named.casefold()).strip(between)[:80].strip(between)
