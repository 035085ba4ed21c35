"""Test patients at the boundaries of a rule or hazard: made by the solver, ticked by a person, kept as drafts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count as numbers

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from admin.entry.access import WRITERS, only, signed_in
from admin.entry.refusing import told_if_not_allowed
from admin.shelf.items import Shelved
from admin.shelf.keeping import newest_version
from cds.api import session
from cds.authoring.boundary_patients import boundary_patients, identity_of
from cds.changes import gated
from cds.changes.candidate import Candidate, candidate, item_of, readable, underway
from cds.changes.gate import GateShut, companions
from cds.pages.labels import count
from cds.service import service_of
from knowledge import lifecycle, patients
from knowledge.database import take_turn
from knowledge.errors import KnowledgeError
from knowledge.items import HazardState, ItemKind, State, Vignette
from knowledge.models import Version, VersionState
from knowledge.schemas import content_of

REASON = "Made by the solver at a boundary of “{title}”, and read before it was added."


@dataclass(frozen=True, slots=True)
class Suggested:
    """A test patient that may be added: as Try it takes the facts, and what becomes of the rule or hazard now."""

    identity: str
    patient: Vignette
    facts: str
    outcome: State | HazardState


class BoundaryPatients(Shelved):
    """What the solver suggests for one rule or hazard."""

    @expose("/<string:key>/<int:number>/boundaries", methods=("GET", "POST"))
    @only(WRITERS)
    def boundaries(self, key: str, number: int) -> ResponseReturnValue:
        """The suggestions, to tick; they take some seconds, so that the page loads them as a part."""
        version = self.version(key, number)
        draft, among = self._underfoot(version)
        if request.method == "GET" and not (request.args.get("part") or request.args.get("wait")):
            return self._suggestions(version, among, draft)
        try:
            found = self._suggested(version, among)
        except KnowledgeError as refusal:
            return self._suggestions(version, among, draft, refusal=str(refusal), found=())
        if request.method == "GET":
            return self._suggestions(version, among, draft, found=found)
        return self._added(version, among, draft, found)

    def _added(
        self, version: Version, among: Candidate, draft: Version | None, found: Sequence[Suggested]
    ) -> ResponseReturnValue:
        ticked = set(request.form.getlist("keep"))
        chosen = [one.patient for one in found if one.identity in ticked]
        if not chosen or len(chosen) != len(ticked):
            wrong = (
                "What you ticked is no longer what the solver suggests: look again."
                if ticked
                else "Tick at least one patient."
            )
            return self._suggestions(version, among, draft, found=found, wrong=wrong), 409 if ticked else 422
        at, by = service_of().now(), signed_in()
        title = str(getattr(among.items[self.kind, version.key], "title", version.key))
        submit = "submit" in request.form and draft is None
        try:
            take_turn(session().connection())
            kept = []
            for one in chosen:
                own = replace(one, key=_free(one.key, version.key))
                reason = REASON.format(title=title)
                kept.append(
                    lifecycle.draft(session(), ItemKind.VIGNETTE, own.key, content_of(own), by=by, at=at, reason=reason)
                )
            if submit:
                session().flush()
                gated.submit(session(), kept, kept, gated.seen_of(kept), by=by, at=at)
        except GateShut as refusal:
            ticks = refusal.ticks
            session().rollback()
            return self._suggestions(version, among, draft, found=found, ticks=ticks), 422
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            return self._suggestions(version, among, draft, found=found, wrong=str(error)), 422
        session().commit()
        things = count(len(kept), "test patient is", "test patients are")
        if submit:
            flash(f"{things} under review. Somebody else approves.")
        else:
            drafts = "a draft" if len(kept) == 1 else "drafts"
            flash(f"{things} kept as {drafts}, to be submitted for review.")
        return redirect(url_for(".item", key=version.key), 303)

    def _underfoot(self, version: Version) -> tuple[Version | None, Candidate]:
        """The open draft of the item, when there is one, and among what its patients are made."""
        among = candidate(session(), [one for one in underway(session()) if readable(one)])
        draft = version if version.state is VersionState.DRAFT else None
        if draft is not None:
            for one in (draft, *companions(session(), draft)):
                if readable(one):
                    among = among.with_item(one.kind, item_of(one.kind, one.content), one.number)
        if (self.kind, version.key) not in among.items:
            abort(404, f"This {self.shelf.one} is not read by any release, or its draft cannot be read yet.")
        return draft, among

    def _suggested(self, version: Version, among: Candidate) -> list[Suggested]:
        found = boundary_patients(among, (self.kind, version.key), _noon(service_of().now()))
        return [
            Suggested(identity_of(one), one, patients.write(one.facts, among.base.facts), _outcome(one, self.kind))
            for one in found
        ]

    def _suggestions(self, version: Version, among: Candidate, draft: Version | None, **shown: object) -> str:
        template = "desk/boundaries_found.html" if request.args.get("part") else "desk/boundaries.html"
        more = {"found": None, "refusal": None, "wrong": None, "ticks": (), **shown}
        title = getattr(among.items[self.kind, version.key], "title", version.key)
        return self.render(
            template, version=version, title=title, draft=draft, ticked=request.form.getlist("keep"), **more
        )


def _outcome(patient: Vignette, kind: ItemKind) -> State | HazardState:
    expected = patient.hazards if kind is ItemKind.HAZARD else patient.expect
    return next(iter(expected))


def _noon(at: datetime) -> datetime:
    """One moment for a whole day, so that what was ticked in the morning is there at night."""
    return at.replace(hour=12, minute=0, second=0, microsecond=0)


def _free(key: str, of: str) -> str:
    """A key that no test patient has yet."""
    if newest_version(session(), ItemKind.VIGNETTE, key) is None:
        return key
    tried = (f"{of}-boundary-{number}" for number in numbers(1))
    return next(one for one in tried if newest_version(session(), ItemKind.VIGNETTE, one) is None)
