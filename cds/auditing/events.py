"""What happened: the chain of events."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from marshmallow import ValidationError, fields, validate

from cds.api import session
from cds.auditing.blueprint import audit_api, reader, told
from cds.auditing.spans import Span
from cds.requests import unstorable
from cds.schemas import Shape
from cds.search import events
from cds.search.actions import wrong_beginning
from cds.search.event_rows import COLUMNS, pages, row_of
from cds.search.events import Wanted, page_of_events
from cds.search.taking import Form, Taking, taken
from cds.service import service_of

LONGEST = 200


def _storable(text: str) -> None:
    if unstorable(text):
        raise ValidationError("This holds a control character or half a character, so no event has it.")


def _can_happen(action: str) -> None:
    """A beginning with which none begins finds nothing, which would read as that nothing happened."""
    wrong = None if unstorable(action) else wrong_beginning(action, events.actions(session()))
    if wrong:
        raise ValidationError(wrong)


_VALID = [validate.Length(max=LONGEST), _storable]
_TEXT: Any = {"load_default": "", "validate": _VALID}


class EventCriterion(Span):
    action = fields.String(load_default="", validate=[*_VALID, _can_happen], metadata={"example": "release."})
    subject = fields.String(**_TEXT, metadata={"example": "rule/"})
    actor = fields.String(**_TEXT)


class EventsQuery(EventCriterion):
    before = fields.Integer(validate=validate.Range(1, 2**62))


class EventsExportQuery(EventCriterion):
    format = fields.Enum(Form, by_value=True, required=True)


class EventShown(Shape):
    sequence = fields.Integer(required=True)
    at = fields.String(required=True)
    actor = fields.String(required=True)
    action = fields.String(required=True)
    subject = fields.String(required=True)
    details = fields.Dict(
        required=True, metadata={"description": "Of an event that was touched so that it holds none, `unreadable`."}
    )
    origin = fields.String(required=True, allow_none=True)
    previous = fields.String(required=True, allow_none=True)
    digest = fields.String(required=True)


class Events(Shape):
    events = fields.List(fields.Nested(EventShown), required=True)
    older = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Send it as `before` for the next page."}
    )


@audit_api.route("/events")
@audit_api.arguments(EventsQuery, location="query")
@audit_api.doc(operationId="list_events")
@audit_api.response(200, Events)
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """What happened, the newest first: who did what to which subject, when, from where, and why

    `action` and `subject` may be the beginning of one. Reading is itself an event.
    """
    before = query.pop("before", None)
    page = page_of_events(session(), Wanted(**query), before=before)
    told("events.read", "events", {"events": len(page.events)})
    return {"events": [row_of(event) for event in page.events], "older": page.older}


_FILE = {
    "description": "A line for each event.",
    "content": {
        "text/csv": {"schema": {"type": "string"}},
        "application/jsonl": {"schema": {"type": "string"}},
    },
}


@audit_api.route("/events/export")
@audit_api.arguments(EventsExportQuery, location="query")
@audit_api.doc(operationId="export_events", responses={"200": _FILE})
def export_events(query: dict[str, Any]) -> Response:
    """All events that fit, as CSV or JSON Lines, the newest first

    That they are taken is an event before the first byte, and how many were handed over is another one.
    """
    form, found = query.pop("format"), Wanted(**query)
    details = {"criteria": events.told(session(), found)}
    taking = Taking("events", form, actor=reader(), origin=request.remote_addr, told=details)
    return taken(service_of(), session(), taking, COLUMNS, pages(service_of(), found))
