"""Incidents at the desk: what must not happen and did, with all that was kept to see it happen again."""

from __future__ import annotations

import json
from typing import Any

from flask import abort, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from admin.entry.access import DeskView, signed_in
from cds.api import session
from cds.models import Decision, Incident
from cds.requests import BEYOND_COLUMNS
from cds.service import service_of
from knowledge import audit
from knowledge.models import AuditEvent, Release

PAGE = 50
MEANS = {
    "disagreement": "The engine and the plain reading of the rules did not agree, so no answer was given.",
    "replay": "A recorded decision was made again, and the answer was not the recorded one.",
}
"""What the kinds of incidents mean."""


class Incidents(DeskView):
    """Every incident, the newest first; reading one is itself put on record, since it can speak of a patient."""

    def __init__(self) -> None:
        super().__init__(name="Incidents", category="Record", endpoint="desk_incidents", url="/desk/incidents")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        query = select(Incident, Release.number).outerjoin(Release, Release.id == Incident.release_id)
        text = request.args.get("before", "")
        if text.isascii() and text.isdecimal() and len(text) <= 9:
            query = query.where(Incident.id < int(text))
        found = session().execute(query.order_by(Incident.id.desc()).limit(PAGE + 1)).all()
        older = found[PAGE - 1][0].id if len(found) > PAGE else None
        return self.render("desk/incidents.html", incidents=found[:PAGE], older=older, kinds=MEANS, further=bool(text))

    @expose("/<int:number>")
    def incident(self, number: int) -> ResponseReturnValue:
        incident = session().get(Incident, number) if number < BEYOND_COLUMNS else None
        if incident is None:
            abort(404, f"There is no incident {number}. The list of incidents shows which there are.")
        recorded = AuditEvent.action == "incident.recorded", AuditEvent.subject == f"incident/{number}"
        event = session().scalars(select(AuditEvent).where(*recorded)).first()
        release = session().get(Release, incident.release_id) if incident.release_id is not None else None
        detail, decision = _detail(incident)
        shown = self.render(
            "desk/incident.html",
            incident=incident,
            about=MEANS.get(incident.kind),
            release=release,
            event=event,
            detail=detail,
            decision=decision,
        )
        _read(incident)
        return shown


def _detail(incident: Incident) -> tuple[str | None, str | None]:
    """What was kept, on many lines, and the id of the decision it speaks of if that is on record."""
    if incident.removed_in is not None:
        return None, None
    try:
        kept: Any = json.loads(incident.detail)
    except ValueError:
        return incident.detail, None
    key = kept.get("decision_id") if isinstance(kept, dict) else None
    known = isinstance(key, str) and session().get(Decision, key) is not None
    return json.dumps(kept, ensure_ascii=False, indent=2), key if known else None


def _read(incident: Incident) -> None:
    """Put on record that what may be a patient's facts was read."""
    audit.record(
        session(),
        action="incident.read",
        subject=f"incident/{incident.id}",
        actor=signed_in().name,
        at=service_of().now(),
        details={"role": signed_in().role},
    )
    session().commit()
