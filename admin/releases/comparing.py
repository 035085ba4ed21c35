"""What would change: drafts, or all that is approved, beside the release in force; for whom, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Response, abort, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from admin.entry.access import DeskView, signed_in
from admin.shelf.catalogue import title_of
from cds.api import session
from cds.authoring.change_region import change_region
from cds.changes import running
from cds.changes.beside import NOTHING_IN_FORCE, NotComparable, over_vignettes
from cds.changes.candidate import candidate, standing, underway
from cds.changes.gated import Choice, proposal
from cds.changes.running import KEPT, What, found_by, interrupted, what_from
from cds.changes.working import launch
from cds.models import ComparisonRun, Work
from cds.requests import BEYOND_COLUMNS
from cds.service import service_of
from knowledge.errors import KnowledgeError, short
from knowledge.labels import day
from knowledge.models import Release, Version, VersionState
from knowledge.releasing import in_force

USUAL = timedelta(days=30)
"""The period that the form offers."""

MOST_LISTED = 20
INTERRUPTED = "interrupted"
"""How a comparison reads whose process ended before the work did."""

_OFFERED = (VersionState.DRAFT, VersionState.SUBMITTED, VersionState.APPROVED)


class Unusable(KnowledgeError):
    """What was asked for cannot be compared; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form or an address asks for, as it was typed."""

    proposal: bool
    versions: tuple[str, ...]
    first: str
    last: str


class Changes(DeskView):
    """A form, the comparisons at work, and what they found."""

    def __init__(self) -> None:
        super().__init__(name="What would change", endpoint="desk_changes", url="/desk/changes")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        typed = _typed(request.values)
        if request.method != "POST":
            return self._form(typed)
        try:
            versions = _chosen(session(), typed)
            if request.form.get("over") == "examples":
                return redirect(url_for(".examples", **_address(typed)), 303)
            first, last = _period(typed, service_of().now().date())
            # Better refused here than by the work in the background.
            candidate(session(), versions)
            what = running.asked(session(), versions, proposal=typed.proposal, first=first, last=last)
            run, new = running.begin(session(), what, by=signed_in(), at=service_of().now())
            session().commit()
        except KnowledgeError as problem:
            session().rollback()
            return self._form(typed, str(problem)), 422
        if new:
            launch(service_of(), run.id)
        return redirect(url_for(".run", number=run.id), 303)

    @expose("/examples")
    def examples(self) -> ResponseReturnValue:
        typed = _typed(request.args)
        try:
            versions = _chosen(session(), typed)
            found = over_vignettes(session(), candidate(session(), versions))
        except KnowledgeError as problem:
            return self._form(typed, str(problem)), 422
        return self.render(
            "desk/changes_examples.html",
            found=found,
            proposal=typed.proposal,
            versions=_titled(versions),
            release=in_force(session()),
            region_address=url_for(".region", **_address(typed)),
            page=_number(request.args.get("page")) or 1,
            again=url_for(".index", **_address(typed)),
            address=url_for(".examples", **_address(typed)) + "&page=",
        )

    @expose("/region")
    def region(self) -> ResponseReturnValue:
        """For whom it turns, of all patients there can be. It takes some seconds: other pages load it as a part."""
        found, refusal = None, None
        try:
            found = change_region(standing(session()), candidate(session(), _chosen(session(), _typed(request.args))))
        except KnowledgeError as problem:
            refusal = str(problem)
        template = "desk/region_found.html" if request.args.get("part") else "desk/region_page.html"
        return self.render(template, region=found, refusal=refusal)

    @expose("/<int:number>")
    def run(self, number: int) -> str:
        run = _run(number)
        what = what_from(run.what)
        named = [stored for stored, _ in what.versions]
        versions = session().scalars(select(Version).where(Version.id.in_(named)).order_by(Version.id)).all()
        now_in_force = in_force(session())
        return self.render(
            "desk/changes_run.html",
            run=run,
            standing=_standing(run),
            said=_said(run),
            what=what,
            found=found_by(run),
            versions=_titled(versions),
            rewritten=[one for one in versions if (one.id, one.digest) not in what.versions],
            release=session().get(Release, what.release_id),
            outdated=now_in_force is not None and now_in_force.id != what.release_id,
            may_cancel=run.by_id == signed_in().id,
            page=_number(request.args.get("page")) or 1,
            examples_page=_number(request.args.get("examples")) or 1,
            again=url_for(".index", **_again(what)),
        )

    @expose("/<int:number>/state")
    def state(self, number: int) -> Response:
        run = _run(number)
        return jsonify(state=_standing(run), done=run.done, total=run.total, said=_said(run))

    @expose("/<int:number>/cancel", methods=("POST",))
    def cancel(self, number: int) -> ResponseReturnValue:
        run = _run(number)
        if run.by_id != signed_in().id:
            abort(403, f"{run.by.name} started this comparison: ask her to cancel it.")
        running.cancel(session(), run, by=signed_in(), at=service_of().now())
        session().commit()
        return redirect(url_for(".run", number=number), 303)

    def _form(self, typed: Asked, problem: str | None = None) -> str:
        offered = underway(session(), *_OFFERED)[::-1]
        known = {version.id for version in offered}
        wanted = [number for text in typed.versions if (number := _number(text)) is not None and number not in known]
        offered += session().scalars(select(Version).where(Version.id.in_(wanted)).order_by(Version.id)).all()
        runs = select(ComparisonRun).order_by(ComparisonRun.id.desc()).limit(MOST_LISTED)
        at_work = session().scalars(runs.options(selectinload(ComparisonRun.by))).all()
        return self.render(
            "desk/changes.html",
            typed=typed,
            problem=problem,
            offered=_titled(offered),
            approved=sum(version.state is VersionState.APPROVED for version in offered),
            release=in_force(session()),
            runs=[(run, _standing(run), _said(run)) for run in at_work],
            kept=KEPT.days,
            nothing_in_force=NOTHING_IN_FORCE,
            today=service_of().now().date(),
        )


def _typed(values: Any) -> Asked:
    today = service_of().now().date()
    return Asked(
        proposal=values.get("proposal") == "1",
        versions=tuple(dict.fromkeys(values.getlist("version"))),
        first=values.get("from", (today - USUAL).isoformat()).strip(),
        last=values.get("to", today.isoformat()).strip(),
    )


def _address(typed: Asked) -> dict[str, Any]:
    """What an address says of what is compared."""
    return {"proposal": 1} if typed.proposal else {"version": list(typed.versions)}


def _again(what: What) -> dict[str, Any]:
    return {
        **({"proposal": 1} if what.proposal else {"version": [number for number, _ in what.versions]}),
        "from": what.first.isoformat(),
        "to": what.last.isoformat(),
    }


def _chosen(session: Session, typed: Asked) -> Sequence[Version]:
    """The versions that are asked for. Raises Unusable."""
    if in_force(session) is None:
        raise NotComparable(NOTHING_IN_FORCE)
    if typed.proposal:
        return _approved(session)
    if not typed.versions:
        raise Unusable("Nothing is chosen: tick at least one version, or choose all that is approved.")
    numbers = [_number(text) for text in typed.versions]
    versions = session.scalars(
        select(Version).where(Version.id.in_(n for n in numbers if n)).order_by(Version.id)
    ).all()
    found = {version.id for version in versions}
    for number, text in zip(numbers, typed.versions, strict=True):
        if number not in found:
            raise Unusable(f"There is no version with the number “{short(text, 20)}”: choose from the list.")
    for version in versions:
        if version.state is VersionState.RETIRED:
            raise Unusable(f"{version.label} is retired, and no release will hold it: leave it out.")
    names = [(version.kind, version.key) for version in versions]
    for version in versions:
        if names.count((version.kind, version.key)) > 1:
            raise Unusable(f"A release holds one version of {version.kind} {version.key}: choose only one of them.")
    return versions


def _approved(session: Session) -> Sequence[Version]:
    """What a release published now would hold anew. Raises Unusable when it would differ in nothing."""
    proposed = proposal(session, Choice())
    if not (proposed.fresh or proposed.retired):
        raise Unusable("Nothing is approved and waits for a release: choose drafts instead.")
    return proposed.fresh


def _period(typed: Asked, today: date) -> tuple[date, date]:
    """The first and the last day. Raises Unusable."""
    first, last = _day(typed.first, "begins"), _day(typed.last, "ends")
    if last < first:
        raise Unusable(f"The period ends on {day(last)}, before it begins on {day(first)}: change one of the days.")
    # Somebody east of Greenwich may live in tomorrow.
    if last > today + timedelta(days=1):
        raise Unusable(f"The period ends on {day(last)}, which lies in the future: the last day is {day(today)}.")
    return first, last


def _day(text: str, what: str) -> date:
    try:
        found = date.fromisoformat(text)
        if found.isoformat() == text:
            return found
    except ValueError:
        pass
    if not text:
        raise Unusable(f"Say on which day the period {what}.")
    raise Unusable(f"“{short(text, 20)}” is no day on which the period {what}: write it as 2026-01-31.")


def _run(number: int) -> ComparisonRun:
    run = session().get(ComparisonRun, number) if number < BEYOND_COLUMNS else None
    if run is None:
        abort(404, f"There is no comparison {number}; they are kept for {KEPT.days} days.")
    return run


def _standing(run: ComparisonRun) -> str:
    return INTERRUPTED if interrupted(run, service_of().now()) else run.state.value


def _said(run: ComparisonRun) -> str:
    """How far it is, in words."""
    if run.total is None:
        return "Making both releases ready" if run.state is Work.RUNNING else "No decision was reached"
    return f"{run.done:,} of {run.total:,} decision{'' if run.total == 1 else 's'}"


def _titled(versions: Sequence[Version]) -> list[tuple[Version, str]]:
    return [(version, title_of(version)) for version in versions]


def _number(text: str | None) -> int | None:
    """A whole number that a column can hold, or None."""
    number = int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 10 else None
    return number if number is not None and number < BEYOND_COLUMNS else None
