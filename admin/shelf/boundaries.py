"""Test patients on both sides of each boundary of a rule or hazard, made by the solver and kept with one press."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from admin.entry.access import WRITERS, only, signed_in
from admin.entry.refusing import told_if_not_allowed
from admin.shelf.items import Shelved
from cds.api import session
from cds.changes.candidate import Candidate, candidate
from cds.changes.trial import in_the_way
from cds.service import service_of
from knowledge import lifecycle
from knowledge.errors import ContentError, KnowledgeError
from knowledge.items import ItemKind, Vignette
from knowledge.models import Version
from knowledge.patients import write
from knowledge.schemas import content_of


class NoPatients(KnowledgeError):
    """No boundary patients can be made; the text says why."""


class BoundaryPatients(Shelved):
    """What the solver suggests for a version, each patient to be ticked."""

    @expose("/<string:key>/<int:number>/boundaries", methods=("GET", "POST"))
    @only(WRITERS)
    def boundaries(self, key: str, number: int) -> ResponseReturnValue:
        version = self.version(key, number)
        try:
            among, made = _suggested(version)
        except KnowledgeError as refusal:
            return self.render("desk/boundaries.html", version=version, made=(), facts={}, refusal=str(refusal))
        if request.method == "POST":
            return self._kept(version, made)
        texts = {one.key: write(one.facts, among.base.facts) for one in made}
        return self.render("desk/boundaries.html", version=version, made=made, facts=texts, refusal=None)

    def _kept(self, version: Version, made: Sequence[Vignette]) -> ResponseReturnValue:
        """Begin a draft for each patient that is ticked."""
        wanted = [one for one in made if one.key in set(request.form.getlist("keep"))]
        reason = f"Boundary patients of {version.label}."
        try:
            for one in wanted:
                lifecycle.draft(
                    session(),
                    ItemKind.VIGNETTE,
                    one.key,
                    content_of(one),
                    by=signed_in(),
                    at=service_of().now(),
                    reason=reason,
                )
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            flash(str(error))
            return redirect(url_for(".boundaries", key=version.key, number=version.number), 303)
        session().commit()
        drafts = "1 draft" if len(wanted) == 1 else f"{len(wanted)} drafts"
        flash(f"{drafts} of test patients begun: submit them together." if wanted else "Nobody was ticked.")
        return redirect(url_for(".item", key=version.key, version=version.number), 303)


def _suggested(version: Version) -> tuple[Candidate, list[Vignette]]:
    """The patients for a version among what is active, without those that there are. Raises NoPatients."""
    from cds.authoring.proof.boundaries import boundary_vignettes
    from cds.authoring.proof.formulas import TimedOut

    try:
        among = candidate(session(), [version])
    except ContentError:
        raise NoPatients("A draft has boundary patients once every field of it can be read.") from None
    if in_the_way(among):
        raise NoPatients("Something is in the way of trying it: its own page says what is to be mended.")
    name = (version.kind, version.key)
    item = among.items[name]
    if getattr(item, "condition", None) is None:
        raise NoPatients("A statement never applies, so it has no boundaries.")
    at = datetime.combine(service_of().now().date(), time(9), UTC)
    try:
        made = boundary_vignettes(among.base, name, at)
    except TimedOut:
        raise NoPatients("The solver came to no end in its time. Split the condition, or write the patients.") from None
    there = {str(sorted(one.facts.items(), key=str)) for one in among.base.vignettes.values()}
    return among, [
        one
        for one in made
        if str(sorted(one.facts.items(), key=str)) not in there and one.key not in among.base.vignettes
    ]
