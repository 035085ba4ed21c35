"""Recorded decisions at the desk: found by their id or subject, made again, and printed as checklists."""

from __future__ import annotations

import json
from dataclasses import replace

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.orm import Session

from admin.entry.access import DeskView, signed_in
from admin.record.recorded import asked_from, page_of, recommended_in
from admin.record.remaking import MadeAgain, NotMadeAgain, made_again
from cds.api import session
from cds.deciding import decide
from cds.models import ApiKey, Decision
from cds.pages.checklist import ACTORS, checklist_page, known_in_words, reader_named
from cds.pages.error_pages import error_page
from cds.pages.trying import Tried, answered
from cds.requests import unstorable
from cds.service import service_of
from knowledge import audit
from knowledge.models import Release

LONGEST_SEARCH = 200
DIFFERS = (
    "What is made again is not what was recorded: the recorded digest is another one. "
    "Have the record checked with “phasewise audit verify” before you rely on either."
)


class Decisions(DeskView):
    """Every decision that was recorded, newest first; reading one is itself put on record."""

    def __init__(self) -> None:
        super().__init__(name="Decisions", endpoint="desk_decisions", url="/desk/decisions")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted = request.args.get("q", "").strip()[:LONGEST_SEARCH]
        if wanted and _named(session(), wanted) is not None:
            return redirect(url_for(".decision", key=wanted), 303)
        page = page_of(session(), wanted, before=_sequence("before"), after=_sequence("after"))
        return self.render("desk/decisions.html", page=page, decisions=page.decisions, wanted=wanted)

    @expose("/<string:key>")
    def decision(self, key: str) -> ResponseReturnValue:
        decision = _found(key)
        try:
            again, problem = made_again(session(), service_of().serving, decision), None
        except NotMadeAgain as error:
            again, problem = None, str(error)
        shown = self.render(
            "desk/decision.html",
            decision=decision,
            release=session().get_one(Release, decision.release_id),
            app=_app(session(), decision),
            recommended=recommended_in(decision.states),
            actors=again.question.actors if again else (),
            again=again,
            problem=problem,
            differs=DIFFERS,
            tried=_answer(again) if again else None,
            posted=_spread_out(decision.facts_posted),
        )
        _read(decision, "the decision")
        return shown

    @expose("/<string:key>/checklist")
    def checklist(self, key: str) -> ResponseReturnValue:
        reader = reader_named(request.args.get("for"))
        if reader is None:
            abort(404, "There is a checklist for=physician and one for=patient.")
        decision = _found(key)
        try:
            again = made_again(session(), service_of().serving, decision)
        except NotMadeAgain as error:
            _read(decision, f"the {reader}’s checklist")
            text = f"{error} Without the answer there is no checklist; the decision’s own page shows what is recorded."
            return error_page(500, "This decision could not be made again", text)
        question = replace(again.question, actors=ACTORS[reader])
        answer = decide(again.release, question, clinically_approved=again.clinically_approved)
        page = checklist_page(
            again.release,
            json.loads(answer.response),
            reader,
            title=f"Decision {decision.id}",
            subject=decision.subject,
            evaluated_at=decision.evaluated_at,
            known=known_in_words(again.release, answer.prepared.known),
            way_back=(url_for(".decision", key=decision.id), "The decision"),
            other=f"?for={reader.other}",
            said_first=() if again.same_answer else (DIFFERS,),
            render=self.render,
            layout="admin/master.html",
        )
        _read(decision, f"the {reader}’s checklist")
        return page


def _found(key: str) -> Decision:
    """The decision of an address, or a page that says that there is none."""
    decision = _named(session(), key)
    if decision is None:
        abort(404, "There is no decision of this name. Look for it among the decisions by its id or its subject.")
    return decision


def _named(session: Session, key: str) -> Decision | None:
    return None if unstorable(key) else session.get(Decision, key)


def _read(decision: Decision, what: str) -> None:
    """Put on record that a patient's data were read, by whom and from where."""
    audit.record(
        session(),
        action="decision.read",
        subject=f"decision/{decision.id}",
        actor=signed_in().name,
        at=service_of().now(),
        details={"what": what, "role": signed_in().role},
    )
    session().commit()


def _sequence(name: str) -> int | None:
    """Where a page of the list begins or ends; None when the address says nothing usable."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _app(session: Session, decision: Decision) -> str:
    key = session.get(ApiKey, decision.api_key_id) if decision.api_key_id is not None else None
    return f"{key.label} (key {key.prefix}…), from {decision.origin}" if key else asked_from(decision.origin)


def _spread_out(text: str) -> str:
    """Stored JSON on many lines, or the text itself where it is none."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text


def _answer(again: MadeAgain) -> Tried:
    question = replace(again.question, with_not_met=True)
    return answered(again.release, question, clinically_approved=again.clinically_approved)
