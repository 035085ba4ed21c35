"""What went wrong: the incidents, and what was kept of each to see it happen again."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate
from sqlalchemy import func, select

from cds import problems, schemas
from cds.api import session
from cds.auditing.blueprint import audit_api, told
from cds.auditing.spans import Span
from cds.problems import MEDIA_TYPE, Refused
from cds.record.incidents import MEANS, Kind
from cds.requests import RequestProblem
from cds.schemas import Shape
from cds.search.incidents import PAGE, Listed, Wanted, incident_in_full, page_of_incidents
from knowledge.canonical import instant
from knowledge.models import Release

MOST = 100


class IncidentsQuery(Span):
    kind = fields.Enum(Kind, by_value=True)
    release = fields.Integer(metadata={"description": "The number of a release.", "example": 1})
    before = fields.Integer(validate=validate.Range(1, 2**62))
    limit = fields.Integer(load_default=PAGE, validate=validate.Range(1, MOST))


class IncidentListed(Shape):
    incident = fields.Integer(required=True)
    kind = fields.String(required=True, metadata={"example": Kind.DISAGREEMENT.value})
    means = fields.String(required=True, allow_none=True)
    at = fields.String(required=True)
    release = fields.Integer(required=True, allow_none=True, metadata={"description": "Null: none had a part in it."})
    event = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The event that tells of it. Null: none does."}
    )
    digest = fields.String(
        required=True, allow_none=True, metadata={"description": "Null: it was recorded before incidents had one."}
    )
    removed = fields.Boolean(required=True, metadata={"description": "What spoke of the patient was removed since."})


class Incidents(Shape):
    incidents = fields.List(fields.Nested(IncidentListed), required=True)
    older = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Send it as `before` for the next page."}
    )


class IncidentInFull(IncidentListed):
    told_by = fields.String(required=True, allow_none=True, metadata={"description": "By whom the event was told."})
    decision_id = fields.String(
        required=True, allow_none=True, metadata={"description": "The decision of which it speaks, if on record."}
    )
    removed_in = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The event that tells of the removal."}
    )
    kept = fields.Raw(
        required=True,
        allow_none=True,
        metadata={"description": "What is needed to see it happen again. Null once it is removed."},
    )


@audit_api.route("/incidents")
@audit_api.arguments(IncidentsQuery, location="query")
@audit_api.doc(operationId="list_incidents")
@audit_api.response(200, Incidents)
def list_incidents(query: dict[str, Any]) -> dict[str, Any]:
    """What must not happen and did, the newest first

    Reading is itself an event. What may speak of a patient is had of one at a time.
    """
    before, limit = query.pop("before", None), query.pop("limit")
    wanted = Wanted(**query)
    _on_record(wanted.release)
    page = page_of_incidents(session(), wanted, before=before, size=limit)
    told("incident.listed", "incidents", {"incidents": len(page.incidents)})
    return {"incidents": [_listed(one) for one in page.incidents], "older": page.older}


@audit_api.route("/incidents/<int:number>")
@audit_api.doc(operationId="show_incident")
@audit_api.response(200, IncidentInFull)
@audit_api.alt_response(404, schema=schemas.Problem, content_type=MEDIA_TYPE, description="There is no such incident.")
def show_incident(number: int) -> dict[str, Any]:
    """One incident, with all that was kept to see it happen again

    That it was read is put on record, for it can speak of a patient.
    """
    found = incident_in_full(session(), number)
    if found is None:
        raise Refused(problems.not_found(f"There is no incident {number}. /api/v1/incidents lists them."))
    told("incident.read", f"incident/{number}", {"by": "the API"})
    return {
        **_listed(found),
        "told_by": found.event.actor if found.event else None,
        "decision_id": found.decision,
        "removed_in": found.incident.removed_in,
        "kept": found.kept,
    }


def _on_record(release: int | None) -> None:
    """Raises Refused when a release is asked for that there is none of."""
    newest = session().scalar(select(func.max(Release.number))) or 0
    if release is not None and not 1 <= release <= newest:
        there = f"The newest is release {newest}." if newest else "There is none yet."
        raise Refused(problems.unusable([RequestProblem("/release", f"There is no release {release}. {there}")]))


def _listed(one: Listed) -> dict[str, Any]:
    incident = one.incident
    return {
        "incident": incident.id,
        "kind": incident.kind,
        "means": MEANS.get(incident.kind),
        "at": instant(incident.at),
        "release": one.release,
        "event": one.event.sequence if one.event else None,
        "digest": incident.digest,
        "removed": incident.removed_in is not None,
    }
