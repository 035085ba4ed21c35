"""From draft to approved: submitting, reading what was submitted, approving, giving back, taking back, retiring."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user

from admin.entry.access import APPROVERS, CLINICAL, WRITERS, only, signed_in
from admin.entry.refusing import told_if_not_allowed
from admin.shelf.items import Shelved, held_in_force, moves, number_in
from cds.api import session
from cds.changes import gated
from cds.changes.beside import NotComparable, over_vignettes
from cds.changes.candidate import Candidate, candidate, standing, underway
from cds.changes.gate import GateShut, Tick, before_review, companions, shut
from cds.changes.tallying import Comparison
from cds.changes.trial import tried
from cds.pages.labels import count
from cds.service import service_of
from knowledge import lifecycle
from knowledge.differences import Difference, differences
from knowledge.errors import KnowledgeError
from knowledge.histories import sent_back
from knowledge.models import User, Version, VersionState
from knowledge.pasted import plain_text
from knowledge.steps import authors

LONGEST_COMMENT = 20_000


class Reviewing(Shelved):
    """The steps of a version. Each is taken from a page that shows what it is about."""

    @expose("/<string:key>/difference")
    @only(CLINICAL)
    def difference(self, key: str) -> str:
        """What differs between any two versions of an item."""
        versions = self.past(key)
        numbers = [one.version.number for one in versions]
        newer = self.version(key, number_in(request.args.get("to"), numbers[0]))
        earlier = max((number for number in numbers if number < newer.number), default=newer.number)
        older = self.version(key, number_in(request.args.get("from"), earlier))
        found = self._differences(older, newer, standing(session()))
        return self.render("desk/between.html", versions=versions, older=older, newer=newer, differences=found)

    @expose("/<string:key>/<int:number>/submit", methods=("GET", "POST"))
    @only(WRITERS)
    def submit(self, key: str, number: int) -> ResponseReturnValue:
        draft = self._of(key, number, VersionState.DRAFT)
        if isinstance(draft, str):
            flash(draft)
            return redirect(url_for(".item", key=key), 303)
        together = companions(session(), draft)
        if request.method == "GET":
            return self._submission(draft, together, together)
        wanted = set(request.form.getlist("with"))
        chosen = [one for one in together if str(one.id) in wanted]
        if "look" in request.form:
            return self._submission(draft, together, chosen)
        shown, seen = [draft, *together], request.form.get("seen", "")
        try:
            gated.submit(session(), [draft, *chosen], shown, seen, by=signed_in(), at=service_of().now())
        except gated.SeenOtherwise as other:
            session().rollback()
            flash(str(other))
            return self._submission(draft, together, chosen), 409
        except GateShut as refusal:
            session().rollback()
            return self._submission(draft, together, chosen, refusal.ticks), 422
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            flash(str(error))
            return redirect(url_for(".item", key=key), 303)
        session().commit()
        flash(f"{count(1 + len(chosen), 'version is', 'versions are')} under review. Somebody else approves.")
        return redirect(url_for(".item", key=key), 303)

    @expose("/<string:key>/<int:number>/review")
    @only(CLINICAL)
    def review(self, key: str, number: int) -> ResponseReturnValue:
        version = self._of(key, number, VersionState.SUBMITTED)
        if isinstance(version, str):
            flash(version)
            return redirect(url_for(".item", key=key), 303)
        return self._review(version)

    @expose("/<string:key>/<int:number>/approve", methods=("POST",))
    @only(APPROVERS)
    def approve(self, key: str, number: int) -> ResponseReturnValue:
        def approve(version: Version, by: User, comment: str) -> str:
            lifecycle.approve(session(), version, by=by, at=service_of().now(), comment=comment)
            return f"{version.label} is approved: it can be part of the next release."

        return self._step(key, number, approve)

    @expose("/<string:key>/<int:number>/return", methods=("POST",))
    @only(WRITERS)
    def give_back(self, key: str, number: int) -> ResponseReturnValue:
        def give_back(version: Version, by: User, comment: str) -> str:
            lifecycle.give_back(session(), version, by=by, at=service_of().now(), comment=comment)
            return f"{version.label} is given back."

        return self._step(key, number, give_back)

    @expose("/<string:key>/<int:number>/retire", methods=("GET", "POST"))
    @only(WRITERS)
    def retire(self, key: str, number: int) -> ResponseReturnValue:
        version = self.version(key, number)
        held = held_in_force(self.past(key))
        if request.method == "GET" or "retire" not in moves(version, self.past(key)[0].version, held):
            return self.render("desk/retire.html", version=version, held=held, left=_left_without(version))

        draft = version.state is VersionState.DRAFT

        def retire(version: Version, by: User, reason: str) -> str:
            lifecycle.retire(session(), version, by=by, at=service_of().now(), reason=reason)
            return f"{version.label} is {'given up' if draft else 'retired'}."

        return self._step(key, number, retire)

    def _step(self, key: str, number: int, take: Callable[[Version, User, str], str]) -> ResponseReturnValue:
        """Take a step with the comment that was given for it, and say what came of it."""
        version = self.version(key, number)
        comment = plain_text(request.form.get("comment", "")).strip()
        if len(comment) > LONGEST_COMMENT:
            abort(400, f"A comment has at most {LONGEST_COMMENT:,} characters; this one has {len(comment):,}.")
        try:
            said = take(version, signed_in(), comment)
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            flash(str(error))
            if self.version(key, number).state is VersionState.SUBMITTED:
                return redirect(url_for(".review", key=key, number=number), 303)
            return redirect(url_for(".item", key=key), 303)
        session().commit()
        flash(said)
        return redirect(url_for(".item", key=key), 303)

    def _of(self, key: str, number: int, state: VersionState) -> Version | str:
        """A version in the state that a page is for, or the sentence that says where it stands."""
        version = self.version(key, number)
        return version if version.state is state else f"{version.label} is {version.state} by now."

    def _submission(
        self, draft: Version, together: Sequence[Version], chosen: Sequence[Version], ticks: Sequence[Tick] = ()
    ) -> str:
        at = service_of().now()
        ticks = ticks or before_review(session(), [draft, *chosen], at.date())
        among = standing(session())
        return self.render(
            "desk/submit.html",
            version=draft,
            together=together,
            chosen=chosen,
            seen=gated.seen_of([draft, *together]),
            ticks=ticks,
            shut=shut(ticks),
            differences=self._differences(self._before(draft), draft, among),
            comparison=None if shut(ticks) else self._comparison([draft, *chosen]),
        )

    def _review(self, version: Version) -> str:
        among = standing(session())
        with_it = [
            one for one in underway(session(), VersionState.SUBMITTED) if one.submitted_at == version.submitted_at
        ]
        mine = int(current_user.id) in authors(session(), version)
        return self.render(
            "desk/review.html",
            version=version,
            before=self._before(version),
            sent_back=sent_back(self.past(version.key)),
            with_it=[one for one in with_it if one.id != version.id],
            differences=self._differences(self._before(version), version, among),
            comparison=self._comparison(with_it),
            region_address=url_for("desk_changes.region", version=[one.id for one in with_it]),
            mine=mine,
            may_approve=current_user.role in APPROVERS and not mine,
            may_return=current_user.role in APPROVERS or (mine and current_user.role in WRITERS),
        )

    def _before(self, version: Version) -> Version | None:
        """What a version would take the place of: the one in force, else the one before it."""
        versions = self.past(version.key)
        held = held_in_force(versions)
        if held is not None and held.id != version.id:
            return held
        return next((one.version for one in versions if one.version.number < version.number), None)

    def _differences(self, older: Version | None, newer: Version, among: Candidate) -> tuple[Difference, ...]:
        before = json.loads(older.content) if older is not None else None
        return differences(self.kind, before, json.loads(newer.content), among.base.facts)

    def _comparison(self, versions: Sequence[Version]) -> Comparison | None:
        """What these versions would change for the example patients; None when they cannot be compared."""
        try:
            return over_vignettes(session(), candidate(session(), versions))
        except NotComparable:
            return None


def _left_without(version: Version) -> list[str]:
    """What would be said against a release without a version, in sentences."""
    now = standing(session())
    name = (version.kind, version.key)
    if now.numbers.get(name) != version.number:
        return []
    trial = tried(now, now.without([name]))
    return [str(problem) for problem in (*trial.own, *trial.elsewhere)]
