"""The steps of releases: proposed, published, approved clinically, put in force, put back. Each with a reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select

from admin.entry.access import APPROVERS, CLINICAL, DeskView, only, signed_in
from admin.entry.refusing import told_if_not_allowed
from admin.shelf.catalogue import title_of
from cds.api import session
from cds.changes import gated
from cds.changes.beside import NotComparable, over_vignettes
from cds.changes.candidate import Candidate, candidate
from cds.changes.gate import GateShut, Tick, shut
from cds.changes.gated import Choice
from cds.changes.tallying import Comparison
from cds.requests import BEYOND_COLUMNS
from cds.service import service_of
from knowledge import releasing
from knowledge.differences import Difference, differences
from knowledge.errors import KnowledgeError
from knowledge.models import Activation, Release, ReleaseVersion, Version
from knowledge.pasted import plain_text
from knowledge.steps import retired_by

LONGEST_REASON = 20_000


@dataclass(frozen=True, slots=True)
class Offered:
    """A version that a next release may hold: whether it comes in, and in what it differs from what is in force."""

    version: Version
    title: str
    comes_in: bool
    before: Version | None
    differences: tuple[Difference, ...]


class Proposing(DeskView):
    """What may be done with releases."""

    @expose("/propose", methods=("GET", "POST"))
    @only(CLINICAL)
    def propose(self) -> ResponseReturnValue:
        if request.method == "GET":
            return self._proposed(Choice())
        choice = _choice()
        if "publish" not in request.form:
            return self._proposed(choice)
        if current_user.role not in APPROVERS:
            abort(403, "An approver publishes. You can look at what would be published.")
        try:
            release = gated.publish(
                session(), choice, request.form.get("seen", ""), by=signed_in(), at=service_of().now(), reason=_reason()
            )
        except GateShut as refusal:
            session().rollback()
            return self._proposed(choice, ticks=refusal.ticks), 422
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            return self._proposed(choice, problem=str(error)), 409
        session().commit()
        flash(f"Release {release.number} is published. It answers nobody until it is put in force.")
        return redirect(url_for(".release", number=release.number), 303)

    @expose("/<int:number>/activate", methods=("GET", "POST"))
    @only(APPROVERS)
    def activate(self, number: int) -> ResponseReturnValue:
        release = release_of(number)
        in_force = releasing.in_force(session())
        if request.method == "GET":
            return self.render(
                "desk/activate.html",
                release=release,
                in_force=in_force,
                back=session().scalar(select(Activation.id).where(Activation.release_id == release.id).limit(1)),
                comparison=_between(release) if in_force is not None and in_force is not release else None,
            )
        try:
            gated.put_in_force(session(), release, by=signed_in(), now=service_of().now, reason=_reason())
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            flash(str(error))
            return redirect(url_for(".release", number=number), 303)
        session().commit()
        flash(f"Release {number} is in force: the next answer is by it.")
        return redirect(url_for(".release", number=number), 303)

    @expose("/<int:number>/approve", methods=("POST",))
    @only(APPROVERS)
    def approve(self, number: int) -> ResponseReturnValue:
        try:
            releasing.approve_release(
                session(), release_of(number), by=signed_in(), at=service_of().now(), reason=_reason()
            )
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            flash(str(error))
            return redirect(url_for(".release", number=number), 303)
        session().commit()
        flash(f"You approved release {number} clinically. Its answers no longer say that nobody did.")
        return redirect(url_for(".release", number=number), 303)

    def _proposed(self, choice: Choice, ticks: Sequence[Tick] | None = None, problem: str | None = None) -> str:
        proposed = gated.proposal(session(), choice)
        by = signed_in()
        ticks = ticks if ticks is not None else gated.ticks_of(session(), proposed, by=by)
        fresh = {one.id for one in proposed.fresh}
        held = {(one.kind, one.key): one for one in proposed.in_force}
        among = proposed.candidate
        return self.render(
            "desk/propose.html",
            proposed=proposed,
            offered=[_offered(one, held.get((one.kind, one.key)), one.id in fresh, among) for one in proposed.offered],
            retired=[(one, title_of(one), retired_by(session(), one)) for one in proposed.retired],
            ticks=ticks,
            shut=shut(ticks),
            problem=problem,
            reason=request.form.get("reason", ""),
            comparison=_over_vignettes(among) if proposed.candidate.changed else None,
            may_publish=current_user.role in APPROVERS,
            next_number=_next_number(),
        )


def release_of(number: int) -> Release:
    """The release of a number; 404 when there is none."""
    release = None
    if number < BEYOND_COLUMNS:
        release = session().scalars(select(Release).where(Release.number == number)).one_or_none()
    if release is None:
        abort(404, f"There is no release {number}.")
    return release


def _offered(version: Version, before: Version | None, comes_in: bool, among: Candidate) -> Offered:
    old = json.loads(before.content) if before is not None else None
    found = differences(version.kind, old, json.loads(version.content), among.base.facts)
    return Offered(version, title_of(version), comes_in, before, found)


def _between(release: Release) -> Comparison | None:
    """What would change for the example patients if a release took the place of the one in force."""
    held = select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release.id)
    versions = list(session().scalars(select(Version).where(Version.id.in_(held))))
    return _over_vignettes(_alone(versions))


def _alone(versions: Sequence[Version]) -> Candidate:
    """A candidate that holds these versions and nothing else."""
    whole = candidate(session(), versions)
    names = {(one.kind, one.key) for one in versions}
    return whole.without(name for name in whole.items if name not in names)


def _over_vignettes(among: Candidate) -> Comparison | None:
    try:
        return over_vignettes(session(), among)
    except NotComparable:
        return None


def _choice() -> Choice:
    """What the form says is to come in, out of what it offered."""
    chosen = {int(one) for one in request.form.getlist("in") if one.isascii() and one.isdecimal() and len(one) < 10}
    offered = gated.offered_for(session())
    return Choice(
        left_out=frozenset(one.id for one in offered if one.id not in chosen),
        taken_up=frozenset(one.id for one in offered if one.id in chosen),
    )


def _reason() -> str:
    reason = plain_text(request.form.get("reason", "")).strip()
    if len(reason) > LONGEST_REASON:
        abort(400, f"A reason has at most {LONGEST_REASON:,} characters; this one has {len(reason):,}.")
    return reason


def _next_number() -> int:
    last = session().scalars(select(Release.number).order_by(Release.number.desc()).limit(1)).one_or_none()
    return (last or 0) + 1
