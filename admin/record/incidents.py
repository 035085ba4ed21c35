"""Incidents at the desk: what must not happen and did, with all that was kept to see it happen again."""

from __future__ import annotations

import json

from flask import abort, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from admin.entry.access import DeskView, signed_in
from cds.api import session
from cds.record.incidents import MEANS
from cds.search.incidents import Kept, Wanted, incident_in_full, page_of_incidents
from cds.service import service_of
from knowledge import audit


class Incidents(DeskView):
    """Every incident, the newest first; reading one is itself put on record, since it can speak of a patient."""

    def __init__(self) -> None:
        super().__init__(name="Incidents", category="Record", endpoint="desk_incidents", url="/desk/incidents")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        text = request.args.get("before", "")
        before = int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
        page = page_of_incidents(session(), Wanted(), before=before)
        return self.render("desk/incidents.html", page=page, kinds=MEANS, further=before is not None)

    @expose("/<int:number>")
    def incident(self, number: int) -> ResponseReturnValue:
        found = incident_in_full(session(), number)
        if found is None:
            abort(404, f"There is no incident {number}. The list of incidents shows which there are.")
        shown = self.render(
            "desk/incident.html",
            incident=found.incident,
            about=MEANS.get(found.incident.kind),
            release=found.release,
            event=found.event,
            detail=_detail(found),
            decision=found.decision,
        )
        _read(number)
        return shown


def _detail(found: Kept) -> str | None:
    """What was kept, on many lines."""
    if found.kept is None or isinstance(found.kept, str):
        return found.kept
    return json.dumps(found.kept, ensure_ascii=False, indent=2)


def _read(number: int) -> None:
    """Put on record that what may be a patient's facts was read."""
    audit.record(
        session(),
        action="incident.read",
        subject=f"incident/{number}",
        actor=signed_in().name,
        at=service_of().now(),
        details={"role": signed_in().role},
    )
    session().commit()
