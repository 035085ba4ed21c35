"""One recorded decision at the desk: read, made again, asked of another release, and printed as checklists."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import abort, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.entry.access import DeskView, signed_in
from admin.record.happened import who
from admin.record.recorded import asked_from, recommended_in
from admin.record.told import derived_facts, posted_facts, rules_of
from cds.api import session
from cds.deciding import decide
from cds.models import ApiKey, Decision
from cds.pages.checklist import ACTORS, checklist_page, known_in_words, reader_named
from cds.pages.error_pages import error_page
from cds.pages.trying import Tried, answered
from cds.record.emptied import facts_removed
from cds.replay import as_of, keeping
from cds.replay.accounts import accounts_of, hazards_of
from cds.replay.as_of import Asked, NotAsked, Wanted
from cds.replay.replaying import Outcome, Replay, replay, said_of
from cds.requests import unstorable
from cds.service import service_of
from knowledge import audit
from knowledge.errors import WrongValue
from knowledge.labels import day, moment
from knowledge.models import AuditEvent, Release
from knowledge.received import past_moment_or_day

LONGEST_DAY = 40


class Reading(DeskView):
    """What there is to one decision; that somebody read it is itself put on record."""

    @expose("/<string:key>")
    def decision(self, key: str) -> ResponseReturnValue:
        decision = found(key)
        made = replay(session(), service_of().serving, decision)
        incident = _replayed(made, "the decision")
        removed = facts_removed(session(), decision)
        return self.render(
            "desk/decision.html",
            decision=decision,
            release=session().get_one(Release, decision.release_id),
            numbers=_numbers(session()),
            app=_app(session(), decision),
            recommended=recommended_in(decision.states),
            actors=made.question.actors if made.question else (),
            made=made,
            said_of=said_of(made),
            incident=incident,
            removed=removed,
            removed_by=who(session().get_one(AuditEvent, removed.event)) if removed else None,
            facts=posted_facts(made),
            derived=derived_facts(made),
            notices=json.loads(made.answer.response)["notices"] if made.answer else (),
            rules=rules_of(accounts_of(session(), made), made),
            hazards=hazards_of(session(), made),
            posted=_spread_out(decision.facts_posted),
        )

    @expose("/<string:key>/as-of")
    def as_of(self, key: str) -> ResponseReturnValue:
        decision = found(key)
        made = replay(session(), service_of().serving, decision)
        asked, problem = None, None
        try:
            asked = as_of.ask(session(), service_of().serving, made, _wanted())
        except NotAsked as error:
            problem = str(error)
        incident = _replayed(made, "the facts, asked of another release")
        if asked is not None:
            _told(decision, as_of.ASKED, {**as_of.event_details(asked), "role": signed_in().role})
        shown = self.render(
            "desk/decision_as_of.html",
            decision=decision,
            release=session().get_one(Release, decision.release_id),
            numbers=_numbers(session()),
            on=request.args.get("on", "")[:LONGEST_DAY],
            made=made,
            said_of=said_of(made),
            incident=incident,
            asked=asked,
            problem=problem,
            tried=_answer(asked) if asked else None,
        )
        return (shown, 422) if problem else shown

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
            known=known_in_words(made.release, answer.resolved.known),
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
    _told(decision, "decision.read", _reader(what))


def _told(decision: Decision, action: str, details: Mapping[str, Any]) -> None:
    audit.record(
        session(),
        action=action,
        subject=f"decision/{decision.id}",
        actor=signed_in().name,
        at=service_of().now(),
        details=details,
    )
    session().commit()


def _replayed(made: Replay, what: str) -> int | None:
    """Put on record that a decision was read and made again; the number of the incident when it is not the same."""
    incident = keeping.on_record(session(), service_of(), made, actor=signed_in().name, details=_reader(what))
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


def _wanted() -> Wanted:
    """Which release the address asks: by its number, of a day or a moment, or today's. Raises NotAsked."""
    number, on = request.args.get("release", ""), " ".join(request.args.get("on", "").split())[:LONGEST_DAY]
    if number:
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise NotAsked("A release is named by its number, such as 2.")
        return as_of.numbered(session(), int(number))
    if not on:
        return as_of.todays(session())
    try:
        at = past_moment_or_day(on, service_of().now())
    except WrongValue as problem:
        raise NotAsked(problem.detail) from None
    return as_of.in_force_at(session(), at, f"at {moment(at)}" if "T" in on else f"on {day(at)}")


def _numbers(session: Session) -> Sequence[int]:
    return session.scalars(select(Release.number).order_by(Release.number.desc())).all()


def _answer(asked: Asked) -> Tried | None:
    """The answer set out as a page shows it, with what is not met too; None when there is none."""
    if asked.release is None or asked.question is None or asked.answer is None:
        return None
    question = replace(asked.answer.question, with_not_met=True)
    return answered(asked.release, question, clinically_approved=asked.wanted.clinically_approved)
