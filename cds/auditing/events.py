"""What happened: the chain of events."""

from __future__ import annotations

import json
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from cds.api import session
from cds.auditing.blueprint import audit_api, told
from cds.record.events import Wanted, page_of_events
from knowledge.canonical import instant
from knowledge.models import AuditEvent

LONGEST = 200


class _Shape(Schema):
    class Meta:
        unknown = RAISE


class EventsQuery(Schema):
    action = fields.String(load_default="", validate=validate.Length(max=LONGEST), metadata={"example": "release."})
    subject = fields.String(load_default="", validate=validate.Length(max=LONGEST), metadata={"example": "rule/"})
    actor = fields.String(load_default="", validate=validate.Length(max=LONGEST))
    since = fields.AwareDateTime(format="iso")
    until = fields.AwareDateTime(format="iso")
    before = fields.Integer(validate=validate.Range(1, 2**62))


class EventShown(_Shape):
    sequence = fields.Integer(required=True)
    at = fields.String(required=True)
    actor = fields.String(required=True)
    action = fields.String(required=True)
    subject = fields.String(required=True)
    details = fields.Dict(required=True)
    origin = fields.String(required=True, allow_none=True)
    previous = fields.String(required=True, allow_none=True)
    digest = fields.String(required=True)


class Events(_Shape):
    events = fields.List(fields.Nested(EventShown), required=True)
    older = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Send it as `before` for the next page."}
    )


@audit_api.route("/events")
@audit_api.arguments(EventsQuery, location="query", unknown=RAISE)
@audit_api.doc(operationId="list_events")
@audit_api.response(200, Events)
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """What happened, the newest first: who did what to which subject, when, from where, and why

    `action` and `subject` may be the beginning of one. Reading is itself an event.
    """
    before = query.pop("before", None)
    page = page_of_events(session(), Wanted(**query), before=before)
    told("events.read", "events", {"events": len(page.events)})
    return {"events": [event_shown(event) for event in page.events], "older": page.older}


def event_shown(event: AuditEvent) -> dict[str, Any]:
    """An event with the very texts that its digest was made of."""
    return {
        "sequence": event.sequence,
        "at": instant(event.at),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "details": json.loads(event.details),
        "origin": event.origin,
        "previous": event.previous,
        "digest": event.digest,
    }
