"""Recorded decisions at the desk, found by whatever an auditor knows of them."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from admin.entry.access import signed_in
from admin.exporting import streamed
from admin.record.looked_for import in_words
from admin.record.reading import Reading, named
from admin.record.recorded import asked_from
from cds.api import session
from cds.models import ApiKey, Decision, Purpose
from cds.record.emptied import subjects_removed_before
from cds.requests import UnusableRequest
from cds.search import finding
from cds.search.counting import how_many
from cds.search.criteria import COMMAND, Criteria, Outcome
from cds.search.decision_rows import columns, pages
from cds.search.finding import Found, find
from cds.search.orders import orders_of
from cds.search.reading import FIELDS, read_criteria
from cds.search.taking import Form
from cds.service import service_of
from knowledge import audit


class Decisions(Reading):
    """Every decision that was recorded, newest first; reading one is itself put on record."""

    def __init__(self) -> None:
        super().__init__(name="Decisions", category="Record", endpoint="desk_decisions", url="/desk/decisions")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        typed = _typed()
        try:
            criteria = read_criteria(session(), orders_of(service_of()), typed)
        except UnusableRequest as unusable:
            problems = {problem.pointer[1:]: problem.detail for problem in unusable.problems}
            return self._page(typed, problems=problems)
        if typed.keys() == {"q"} and named(session(), criteria.named) is not None:
            return redirect(url_for(".decision", key=criteria.named), 303)
        found = find(
            session(),
            orders_of(service_of()),
            criteria,
            before=_sequence("before"),
            after=_sequence("after"),
            size=finding.PAGE,
        )
        shown = self._page(typed, criteria, found)
        _searched(criteria, len(found.decisions))
        return shown

    @expose("/export.csv")
    def as_table(self) -> ResponseReturnValue:
        return self._taken(Form.CSV)

    @expose("/export.jsonl")
    def as_lines(self) -> ResponseReturnValue:
        return self._taken(Form.JSONL)

    def _taken(self, form: Form) -> ResponseReturnValue:
        typed, facts = _typed(), request.args.get("facts") == "1"
        try:
            criteria = read_criteria(session(), orders_of(service_of()), typed)
        except UnusableRequest:
            return redirect(url_for(".index", **typed), 303)
        rows = pages(service_of(), criteria, facts=facts)
        told = {"criteria": criteria.told(), "facts": facts}
        return streamed("decisions", form, columns(criteria, facts=facts), rows, told)

    def _page(
        self,
        typed: dict[str, str],
        criteria: Criteria | None = None,
        found: Found | None = None,
        problems: dict[str, str] | None = None,
    ) -> str:
        keys = session().scalars(select(ApiKey).where(ApiKey.purpose == Purpose.APP).order_by(ApiKey.id)).all()
        apps = [(str(key.id), f"{key.label} ({key.prefix}…)") for key in keys] + [(COMMAND, asked_from(COMMAND))]
        more: dict[str, Any] = {}
        if criteria is not None and found is not None:
            removed = subjects_removed_before(session())
            more = {
                "removed_before": removed if criteria.reaches_before(removed) else None,
                "looked_for": in_words(criteria, dict(apps)),
                "counted": how_many(session(), orders_of(service_of()), criteria),
                "looked_to": _recorded_at(found.older or found.newer) if found.unfinished else None,
            }
        return self.render(
            "desk/decisions.html",
            typed=typed,
            problems=problems or {},
            found=found,
            rules=orders_of(service_of()).rules(session()),
            outcomes=[*Outcome],
            apps=apps,
            asked_from=asked_from,
            further=bool(request.args.get("before") or request.args.get("after")),
            **more,
        )


def _searched(criteria: Criteria, shown: int) -> None:
    """Put on record that the list was looked at, for it names subjects; of the one that was asked for, only that."""
    me = signed_in()
    details = {"criteria": criteria.told(), "decisions": shown, "role": me.role}
    at = service_of().now()
    audit.record(session(), action="decisions.searched", subject="decisions", actor=me.name, at=at, details=details)
    session().commit()


def _typed() -> dict[str, Any]:
    """What was typed into the form, by the names of its fields."""
    return {name: request.args[name].strip() for name in FIELDS if request.args.get(name, "").strip()}


def _recorded_at(sequence: int | None) -> Any:
    """When the decision at a sequence, or the next one, was recorded."""
    at = select(Decision.recorded_at).where(Decision.sequence >= (sequence or 0)).order_by(Decision.sequence).limit(1)
    return session().scalar(at)


def _sequence(name: str) -> int | None:
    """Where a page of the list begins or ends; None when the address says nothing usable."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
