"""Decisions found: by rule, version, outcome, release, time and app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields, validate

from cds import problems
from cds.api import session
from cds.auditing.blueprint import audit_api, reader, told
from cds.auditing.spans import WHEN
from cds.problems import Refused
from cds.record.emptied import subjects_removed_before
from cds.requests import UnusableRequest
from cds.schemas import Shape
from cds.search.criteria import COMMAND, Criteria, Outcome
from cds.search.decision_rows import columns, pages, row_of
from cds.search.finding import find
from cds.search.orders import orders_of
from cds.search.reading import read_criteria
from cds.search.taking import Form, Taking, taken
from cds.service import service_of
from knowledge.canonical import instant

MOST = 100


class Criterion(Schema):
    """What a decision must be to be found; all of it at once, and each may be left out."""

    subject = fields.String(metadata={"description": "The subject in full."})
    rule = fields.String(metadata={"example": "pre-exercise-screen-diabetes"})
    version = fields.String(metadata={"description": "The version of the rule.", "example": "1"})
    outcome = fields.Enum(
        Outcome,
        by_value=True,
        metadata={"description": "Of the rule; without one, of at least one rule, or nothing_recommended."},
    )
    release = fields.String(metadata={"description": "The number of a release.", "example": "1"})
    since = fields.String(metadata={"description": f"Recorded then or later. {WHEN}"})
    until = fields.String(metadata={"description": f"Recorded before then, or on that day or before. {WHEN}"})
    app = fields.String(metadata={"description": f"The number of an app’s key, or “{COMMAND}” for the command line."})


class DecisionsQuery(Criterion):
    before = fields.Integer(validate=validate.Range(1, 2**62))
    limit = fields.Integer(load_default=50, validate=validate.Range(1, MOST))


class ExportQuery(Criterion):
    format = fields.Enum(Form, by_value=True, required=True)
    facts = fields.Boolean(
        load_default=False,
        truthy={"1", "true"},
        falsy={"0", "false"},
        metadata={"description": "With the facts as they were posted, and as they were known."},
    )


class DecisionFound(Shape):
    decision_id = fields.String(required=True)
    sequence = fields.Integer(required=True)
    release = fields.Integer(required=True)
    evaluated_at = fields.String(required=True)
    recorded_at = fields.String(required=True)
    subject = fields.String(required=True, allow_none=True)
    removed = fields.Boolean(required=True, metadata={"description": "Subject and facts were removed since."})
    app = fields.Integer(required=True, allow_none=True)
    app_label = fields.String(required=True, allow_none=True)
    origin = fields.String(required=True)
    recommended = fields.Integer(required=True, metadata={"description": "How many rules."})
    withheld = fields.Integer(required=True)
    undetermined = fields.Integer(required=True)
    not_met = fields.Integer(required=True)
    outcome = fields.String(metadata={"description": "What became of the rule that was asked for."})
    response_digest = fields.String(
        required=True, allow_none=True, metadata={"description": "Null once subject and facts are removed."}
    )


class DecisionsFound(Shape):
    decisions = fields.List(fields.Nested(DecisionFound), required=True)
    older = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Send it as `before` for the next page. A page may be short, or empty, before that."},
    )
    subjects_removed_before = fields.String(
        allow_none=True,
        metadata={
            "description": "Only when a subject is looked for: what was recorded before this moment may be missing, as "
            "its subjects were removed. Look for it by time, rule or app. Null while no subject was removed."
        },
    )


@audit_api.route("/decisions")
@audit_api.arguments(DecisionsQuery, location="query")
@audit_api.doc(operationId="list_decisions")
@audit_api.response(200, DecisionsFound)
def list_decisions(query: dict[str, Any]) -> dict[str, Any]:
    """The decisions of all apps, found by any criteria at once, the newest first

    Looking is itself an event. It tells of a subject only that one was given.
    """
    before, limit = query.pop("before", None), query.pop("limit")
    criteria = wanted(query)
    page = find(session(), orders_of(service_of()), criteria, before=before, size=limit)
    told("decisions.searched", "decisions", {"criteria": criteria.told(), "decisions": len(page.decisions)})
    shown: dict[str, Any] = {"decisions": [row_of(one) for one in page.decisions], "older": page.older}
    if criteria.subject:
        removed = subjects_removed_before(session())
        shown["subjects_removed_before"] = instant(removed) if removed and criteria.reaches_before(removed) else None
    return shown


def wanted(query: Mapping[str, str]) -> Criteria:
    """The criteria of an address. Raises Refused with every problem at its name."""
    try:
        return read_criteria(session(), orders_of(service_of()), query)
    except UnusableRequest as unusable:
        raise Refused(problems.unusable(unusable.problems)) from unusable


_FILE = {
    "description": "A line for each decision.",
    "content": {
        "text/csv": {"schema": {"type": "string"}},
        "application/jsonl": {"schema": {"type": "string"}},
    },
}


@audit_api.route("/decisions/export")
@audit_api.arguments(ExportQuery, location="query")
@audit_api.doc(operationId="export_decisions", responses={"200": _FILE})
def export_decisions(query: dict[str, Any]) -> Response:
    """All decisions that fit, as CSV or JSON Lines, the newest first

    That they are taken is an event before the first byte, and how many were handed over is another one. No cell of
    the CSV is a formula: a text that could be one has an apostrophe before it.
    """
    form, facts = query.pop("format"), query.pop("facts")
    criteria = wanted(query)
    told = {"criteria": criteria.told(), "facts": facts}
    taking = Taking("decisions", form, actor=reader(), origin=request.remote_addr, told=told)
    service = service_of()
    found = pages(service, criteria, facts=facts)
    return taken(service, session(), taking, columns(criteria, facts=facts), found)
