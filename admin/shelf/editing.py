"""Writing an item at the desk: its form, what is said of it meanwhile, and keeping it as a draft."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from admin.entry.access import WRITERS, only, signed_in
from admin.entry.refusing import told_if_not_allowed
from admin.shelf.checked import checked
from admin.shelf.forms import filling
from admin.shelf.items import Shelved
from admin.shelf.keeping import Written, keep, key_from, newest_version, refusals
from admin.trying.conditions import facts_for_builder
from admin.trying.dictionary import facts_as_json
from cds.api import session
from cds.changes.candidate import Candidate, being_written
from cds.changes.gate import before_review, companions
from cds.pages.labels import count
from cds.service import service_of
from knowledge import editing
from knowledge.differences import differences
from knowledge.errors import KnowledgeError
from knowledge.histories import history, sent_back
from knowledge.items import HazardState, ItemKind, State
from knowledge.models import Version, VersionState
from knowledge.pasted import plain_text
from knowledge.schemas import Content
from knowledge.steps import ChangedMeanwhile, DraftOpen


class Editing(Shelved):
    """The form of an item. It keeps drafts and takes no other step."""

    @expose("/new", methods=("GET", "POST"))
    @only(WRITERS)
    def new(self) -> ResponseReturnValue:
        if request.method == "GET":
            begun = filling.of_content(self.kind, self._begun(), being_written(session()).base.facts)
            return self._form(Written(self.kind, "", None, begun, "", ""))
        form = filling.of_posted(self.kind, request.form)
        key = plain_text(request.form.get("key", "")).strip() or key_from(self.kind, form)
        return self._posted(Written(self.kind, key, None, form, _reason(), ""))

    @expose("/<string:key>/edit", methods=("GET", "POST"))
    @only(WRITERS)
    def edit(self, key: str) -> ResponseReturnValue:
        newest = self.past(key)[0].version
        if newest.state is VersionState.SUBMITTED and request.method == "GET":
            flash(f"{newest.label} is under review. It can be edited again once it was given back or approved.")
            return redirect(url_for(".item", key=key), 303)
        self._present(key)
        if request.method == "GET":
            content = json.loads(newest.content)
            reason = newest.reason if newest.state is VersionState.DRAFT else ""
            shown = filling.of_content(self.kind, content, being_written(session()).base.facts)
            return self._form(Written(self.kind, key, newest, shown, reason, newest.digest))
        form = filling.of_posted(self.kind, request.form)
        return self._posted(Written(self.kind, key, newest, form, _reason(), request.form.get("opened", "")))

    @expose("/check", methods=("POST",))
    @only(WRITERS)
    def check(self) -> ResponseReturnValue:
        """What is said of the form as it stands, for the page that is being typed into."""
        form = filling.of_posted(self.kind, request.form)
        key = plain_text(request.form.get("key", "")).strip() or key_from(self.kind, form)
        self._present(key)
        among = being_written(session())
        said = checked(
            session(), self.kind, filling.content_of(self.kind, key, form, among.base.facts), form, _reason()
        )
        others, overtaken = self._meanwhile(key, request.form.get("opened", ""))
        html = self.render("desk/checked.html", said=said, key=key, others=others, overtaken=overtaken)
        return jsonify({"html": html, "at": said.at})

    def _posted(self, desk: Written) -> ResponseReturnValue:
        """Another row, a look at what was written, or a draft kept."""
        if filling.change_rows(desk.form, request.form) or "show" in request.form:
            return self._form(desk)
        among = being_written(session())
        content = filling.content_of(self.kind, desk.key, desk.form, among.base.facts)
        refused = refusals(session(), desk, content, request.form)
        if refused:
            session().rollback()
            return self._form(desk, refused=refused), 422
        try:
            kept = keep(session(), desk, content, by=signed_in(), at=service_of().now())
        except (ChangedMeanwhile, DraftOpen):
            session().rollback()
            return self._overtaken(desk, content, among), 409
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
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

    def _form(self, desk: Written, refused: Mapping[str, list[str]] | None = None, **shown: Any) -> str:
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
            facts=(facts_for_builder if self.kind in (ItemKind.RULE, ItemKind.HAZARD) else facts_as_json)(among.base),
            **shown,
        )

    def _overtaken(self, desk: Written, content: Content, among: Candidate) -> str:
        """The form again, what somebody else saved meanwhile beside it, and the choice between the two."""
        theirs = self.past(desk.key)[0].version
        desk = desk.on(theirs)
        found = differences(self.kind, json.loads(theirs.content), content, among.base.facts)
        return self._form(desk, theirs=theirs, differences=found)

    def _meanwhile(self, key: str, opened: str) -> tuple[Sequence[editing.Editing], Version | None]:
        """Who else is editing the item, and the version that overtook the one that was opened."""
        newest = newest_version(session(), self.kind, key) if opened else None
        if newest is None:
            return (), None
        others = editing.others(session(), self.kind, key, than=signed_in(), at=service_of().now())
        return others, newest if newest.digest != opened else None

    def _present(self, key: str) -> None:
        """Note that whoever is signed in is editing an item that there is."""
        if newest_version(session(), self.kind, key) is not None:
            editing.seen(session(), self.kind, key, by=signed_in(), at=service_of().now())
            session().commit()

    def _begun(self) -> Content:
        """What a new item begins with: a test patient for a rule or a hazard shows it."""
        if self.kind is not ItemKind.VIGNETTE:
            return {}
        base = being_written(session()).base
        if rule := base.rules.get(request.args.get("rule", "")):
            return {"topic": rule.topic, "expect": {State.RECOMMENDED: [rule.key]}}
        if hazard := base.hazards.get(request.args.get("hazard", "")):
            return {"topic": hazard.topic, "hazards": {HazardState.PRESENT: [hazard.key]}}
        return {}


def _known(among: Candidate) -> Mapping[ItemKind, list[tuple[str, str]]]:
    """The keys that a form can name, with what each is called, by kind."""
    base = among.base
    return {
        ItemKind.RULE: sorted((key, one.title) for key, one in base.rules.items()),
        ItemKind.HAZARD: sorted((key, one.title) for key, one in base.hazards.items()),
        ItemKind.SOURCE: sorted((key, one.reference[:120]) for key, one in base.sources.items()),
        ItemKind.FACT: sorted((key, one.label) for key, one in base.facts.items()),
        ItemKind.VIGNETTE: [],
    }


def _reason() -> str:
    return plain_text(request.form.get("reason", "")).strip()
