"""The chain of events at the desk: who did what, when, from where and why; looked through, read and taken out."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from admin.entry.access import DeskView
from admin.exporting import streamed
from admin.record.happened import GROUPS, PROGRAM, done, leads_to, line_by_line, who, why
from cds.api import session
from cds.requests import unstorable
from cds.search.actions import wrong_beginning
from cds.search.event_rows import COLUMNS, pages
from cds.search.events import PAGE, Wanted, actions, page_of_events, told
from cds.search.reading import LONGEST, day_or_moment
from cds.search.taking import Form
from cds.service import service_of
from knowledge.canonical import instant
from knowledge.errors import WrongValue
from knowledge.models import AuditEvent, User
from knowledge.steps import SYSTEM

FIELDS = ("action", "subject", "actor", "since", "until")


class Events(DeskView):
    """Every event, the newest first. Looking is not an event; taking the list out is one."""

    def __init__(self) -> None:
        super().__init__(name="Events", category="Record", endpoint="desk_events", url="/desk/events")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        typed = _typed()
        wanted, problems = _wanted(typed)
        page = None if problems else page_of_events(session(), wanted, before=_before(), size=PAGE)
        looked_to = session().get(AuditEvent, page.older) if page and page.unfinished and page.older else None
        return self.render(
            "desk/events.html",
            typed=typed,
            problems=problems,
            page=page,
            looked_to=looked_to,
            groups=GROUPS,
            people=session().scalars(select(User.name).order_by(User.name)).all(),
            further=_before() is not None,
            done=done,
            leads_to=leads_to,
            who=who,
            why=lambda event: why(event.told),
        )

    @expose("/<int:sequence>")
    def event(self, sequence: int) -> ResponseReturnValue:
        event = session().get(AuditEvent, sequence) if sequence < 2**63 else None
        if event is None:
            abort(404, f"There is no event {sequence}. The list of events shows which there are.")
        after = session().get(AuditEvent, sequence + 1)
        details = event.told
        people = {user.id: user.name for user in session().scalars(select(User))}
        return self.render(
            "desk/event.html",
            event=event,
            done=done(event),
            who=who(event),
            why=why(details),
            lines=[*line_by_line(details, people)],
            leads_to=leads_to(event),
            at=instant(event.at),
            after=after,
        )

    @expose("/export.csv")
    def as_table(self) -> ResponseReturnValue:
        return self._taken(Form.CSV)

    @expose("/export.jsonl")
    def as_lines(self) -> ResponseReturnValue:
        return self._taken(Form.JSONL)

    def _taken(self, form: Form) -> ResponseReturnValue:
        typed = _typed()
        wanted, problems = _wanted(typed)
        if problems:
            return redirect(url_for(".index", **typed), 303)
        criteria = told(session(), wanted)
        return streamed("events", form, COLUMNS, pages(service_of(), wanted), {"criteria": criteria})


def _typed() -> dict[str, Any]:
    """What was typed into the form, by the names of its fields."""
    return {name: request.args[name].strip() for name in FIELDS if request.args.get(name, "").strip()}


def _wanted(typed: dict[str, str]) -> tuple[Wanted, dict[str, str]]:
    """What is looked for, and what is wrong with it, by the names of the fields."""
    problems: dict[str, str] = {}
    for name in ("action", "subject", "actor"):
        if len(typed.get(name, "")) > LONGEST:
            problems[name] = f"This has more than {LONGEST} characters."
        elif unstorable(typed.get(name, "")):
            problems[name] = "This holds a control character or half a character, so no event has it."
    wrong = wrong_beginning(typed.get("action", ""), actions(session()))
    if wrong:
        problems.setdefault("action", wrong)
    moments: dict[str, Any] = {}
    for name in ("since", "until"):
        try:
            moments[name] = day_or_moment(typed.get(name, ""), end=name == "until")
        except WrongValue as problem:
            problems[name] = problem.detail
    since, until = moments.get("since"), moments.get("until")
    if since and until and since >= until:
        problems["until"] = "This is not after the beginning, so nothing can lie between."
    actor = typed.get("actor", "")
    wanted = Wanted(
        action=typed.get("action", ""),
        subject=typed.get("subject", ""),
        actor=SYSTEM if actor.lower() == PROGRAM else actor,
        since=since,
        until=until,
    )
    return wanted, problems


def _before() -> int | None:
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
