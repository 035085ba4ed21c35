"""One recorded decision at the desk: read, made again, asked of another release, and printed as checklists."""

from __future__ import annotations

import json
from dataclasses import replace

from flask import abort, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.orm import Session

from admin.entry.access import DeskView, signed_in
from admin.record.recorded import asked_from, recommended_in
from cds.api import session
from cds.deciding import decide
from cds.models import ApiKey, Decision
from cds.pages.checklist import ACTORS, checklist_page, known_in_words, reader_named
from cds.pages.error_pages import error_page
from cds.pages.trying import Tried, answered
from cds.record import replaying
from cds.record.replaying import Outcome, Replay, replay, said_of
from cds.requests import unstorable
from cds.service import service_of
from knowledge import audit
from knowledge.models import Release


class Reading(DeskView):
    """What there is to one decision; that somebody read it is itself put on record."""

    @expose("/<string:key>")
    def decision(self, key: str) -> ResponseReturnValue:
        decision = found(key)
        made = replay(session(), service_of().serving, decision)
        incident = _replayed(made, "the decision")
        return self.render(
            "desk/decision.html",
            decision=decision,
            release=session().get_one(Release, decision.release_id),
            app=_app(session(), decision),
            recommended=recommended_in(decision.states),
            actors=made.question.actors if made.question else (),
            made=made,
            said_of=said_of(made),
            incident=incident,
            tried=_answer(made),
            posted=_spread_out(decision.facts_posted),
        )

    @expose("/<string:key>/checklist")
    def checklist(self, key: str) -> ResponseReturnValue:
        reader = reader_named(request.args.get("for"))
        if reader is None:
            abort(404, "There is a checklist for=physician and one for=patient.")
        decision = found(key)
        made = replay(session(), service_of().serving, decision)
        if made.outcome in (Outcome.DIFFERS, Outcome.IMPOSSIBLE):
            _replayed(made, f"the {reader}’s checklist")
        else:
            _read(decision, f"the {reader}’s checklist")
        if made.release is None or made.question is None or made.answer is None:
            text = f"{said_of(made)} Without the answer there is no checklist; its own page shows what is recorded."
            return error_page(500, "This decision could not be made again", text)
        approved = bool(made.clinically_approved)
        question = replace(made.question, actors=ACTORS[reader])
        answer = decide(made.release, question, clinically_approved=approved)
        return checklist_page(
            made.release,
            json.loads(answer.response),
            reader,
            title=f"Decision {decision.id}",
            subject=decision.subject,
            evaluated_at=decision.evaluated_at,
            known=known_in_words(made.release, answer.prepared.known),
            way_back=(url_for(".decision", key=decision.id), "The decision"),
            other=f"?for={reader.other}",
            said_first=() if made.outcome is Outcome.SAME else (said_of(made),),
            render=self.render,
            layout="admin/master.html",
        )


def found(key: str) -> Decision:
    """The decision of an address, or a page that says that there is none."""
    decision = named(session(), key)
    if decision is None:
        abort(404, "There is no decision of this name. Look for it among the decisions by its id or its subject.")
    return decision


def named(session: Session, key: str) -> Decision | None:
    """The decision of an id, if there is one."""
    return None if unstorable(key) else session.get(Decision, key)


def _read(decision: Decision, what: str) -> None:
    """Put on record that a patient's data were read, by whom and from where."""
    audit.record(
        session(),
        action="decision.read",
        subject=f"decision/{decision.id}",
        actor=signed_in().name,
        at=service_of().now(),
        details=_reader(what),
    )
    session().commit()


def _replayed(made: Replay, what: str) -> int | None:
    """Put on record that a decision was read and made again; the number of the incident when it is not the same."""
    incident = replaying.on_record(session(), service_of(), made, actor=signed_in().name, details=_reader(what))
    session().commit()
    return incident


def _reader(what: str) -> dict[str, str]:
    return {"what": what, "role": signed_in().role}


def _app(session: Session, decision: Decision) -> str:
    key = session.get(ApiKey, decision.api_key_id) if decision.api_key_id is not None else None
    return f"{key.label} (key {key.prefix}…), from {decision.origin}" if key else asked_from(decision.origin)


def _spread_out(text: str) -> str:
    """Stored JSON on many lines, or the text itself where it is none."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text


def _answer(made: Replay) -> Tried | None:
    """The answer set out as a page shows it, with what is not met too; None when there is none."""
    if made.release is None or made.question is None or made.answer is None:
        return None
    question = replace(made.question, with_not_met=True)
    return answered(made.release, question, clinically_approved=bool(made.clinically_approved))
