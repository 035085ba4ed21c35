"""A decision made again: by the release of its time, or asked of another one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import request
from marshmallow import Schema, fields

from cds import problems, schemas
from cds.api import session
from cds.asking import json_in
from cds.auditing.blueprint import audit_api, reader, told
from cds.models import Decision
from cds.problems import MEDIA_TYPE, Refused
from cds.replay import as_of, keeping
from cds.replay.as_of import NotAsked, Wanted
from cds.replay.in_full import asked_shown, replay_shown
from cds.replay.replaying import replay
from cds.replay.shapes import ReplayShown
from cds.requests import RequestProblem, escaped, unstorable
from cds.schemas import Shape
from cds.service import service_of
from cds.writing import instant
from knowledge.errors import WrongValue, nearest
from knowledge.models import Release
from knowledge.received import past_moment_or_day

_NAMES = ("release", "in_force_at")


class ReplayBody(Schema):
    """Nothing: by the release of its time. Or one of the two: another release."""

    release = fields.Integer(metadata={"description": "The number of a release.", "example": 2})
    in_force_at = fields.String(
        metadata={
            "description": "The release that was in force at a moment, or at the end of a day (UTC).",
            "example": "2026-03-01T00:00:00Z",
        }
    )


class SideShown(Shape):
    state = fields.String(required=True, allow_none=True, metadata={"description": "Null: there is no such rule."})
    findings = fields.List(fields.String(), required=True)
    lacks = fields.List(fields.String(), required=True)
    withheld_by = fields.List(fields.Dict(keys=fields.String(), values=fields.String()), required=True)
    outside = fields.String(required=True, allow_none=True)


class ChangeShown(Shape):
    rule = fields.String(required=True)
    title = fields.String(required=True)
    effect = fields.String(required=True, metadata={"example": "lost"})
    parts = fields.List(fields.String(), required=True, metadata={"description": "What it says differently."})
    recorded = fields.Nested(SideShown, required=True)
    asked = fields.Nested(SideShown, required=True)


class LeftOut(Shape):
    fact = fields.String(required=True)
    detail = fields.String(required=True)


class AskedShown(Shape):
    """What another release says to the recorded facts. `same`: nothing differs in any rule, in its words neither."""

    release = fields.Nested(schemas.ReleaseName, required=True)
    outcome = fields.String(required=True)
    problem = fields.String(required=True, allow_none=True)
    clinically_approved = fields.Boolean(required=True)
    left_out = fields.List(fields.Nested(LeftOut), required=True)
    response = fields.Nested(schemas.Recommendations, required=True, allow_none=True)
    differences = fields.List(fields.Nested(ChangeShown), required=True)


class Replayed(ReplayShown):
    decision_id = fields.String(required=True)
    release = fields.Nested(schemas.ReleaseName, required=True)
    response = fields.Nested(schemas.Recommendations, required=True, allow_none=True)
    response_text = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The response as it was sent: response_digest is the SHA-256 of it in UTF-8."},
    )
    asked = fields.Nested(
        AskedShown, required=True, allow_none=True, metadata={"description": "Null unless another release was asked."}
    )


@audit_api.route("/decisions/<string:decision_id>/replay", methods=["POST"])
@audit_api.doc(
    operationId="replay_decision",
    requestBody={"required": False, "content": {"application/json": {"schema": ReplayBody, "example": {"release": 2}}}},
)
@audit_api.response(200, Replayed)
@audit_api.alt_response(400, schema=schemas.Problem, content_type=MEDIA_TYPE, description="The body is not JSON.")
@audit_api.alt_response(404, schema=schemas.Problem, content_type=MEDIA_TYPE, description="There is no such decision.")
@audit_api.alt_response(
    422, schema=schemas.Problem, content_type=MEDIA_TYPE, description="There is no such release, or no such moment."
)
def replay_decision(decision_id: str) -> dict[str, Any]:
    """Make a decision again, by the release of its time, and ask another release the same

    The response is held against the recorded digest to the byte, the states against the recorded ones; what is not the
    same is kept as an incident. What another release says is never recorded as a decision. Every replay is an event.
    """
    asked_of = _read_body()
    decision = session().get(Decision, decision_id) if not unstorable(decision_id) else None
    if decision is None:
        raise Refused(problems.not_found(f"There is no decision {decision_id!r}."))
    service = service_of()
    try:
        wanted = _wanted(asked_of)
        made = replay(session(), service.serving, decision)
        asked = as_of.ask(session(), service.serving, made, wanted) if wanted else None
    except NotAsked as error:
        raise Refused(problems.unusable([RequestProblem(f"/{next(iter(asked_of), '')}", str(error))])) from None
    incident = keeping.on_record(session(), service, made, actor=reader(), details={"by": "the API"})
    if asked is None:
        session().commit()
    else:
        told(as_of.ASKED, f"decision/{decision.id}", as_of.event_details(asked))
    release = session().get_one(Release, decision.release_id)
    text = made.answer.response.decode() if made.answer else None
    return {
        **replay_shown(made, incident),
        "decision_id": decision.id,
        "release": {"number": release.number, "digest": release.digest},
        "response": json.loads(text) if text else None,
        "response_text": text,
        "asked": asked_shown(asked) if asked else None,
    }


def _read_body() -> Mapping[str, Any]:
    """Of which release to ask as well: at most one of the two. Raises Refused."""
    body = request.get_data()
    raw = json_in(body) if body.strip() else {}
    if not isinstance(raw, dict):
        raise Refused(
            problems.unusable([RequestProblem("", "The body is an object: {}, or one that names a release.")])
        )
    detail = f"The body has {' or '.join(_NAMES)}, and nothing else."
    found = [RequestProblem(f"/{escaped(name)}", detail, nearest(name, _NAMES)) for name in raw if name not in _NAMES]
    if len(raw.keys() & set(_NAMES)) == len(_NAMES):
        found.append(RequestProblem("/in_force_at", "Name a release or a moment, not both."))
    if found:
        raise Refused(problems.unusable(found))
    return raw


def _wanted(body: Mapping[str, Any]) -> Wanted | None:
    """Which other release to ask; None for none. Raises NotAsked, Refused."""
    match body:
        case {"release": int() as number} if not isinstance(number, bool):
            return as_of.numbered(session(), number)
        case {"release": _}:
            raise NotAsked("A release is named by its number, such as 2.")
        case {"in_force_at": text}:
            try:
                at = past_moment_or_day(text, service_of().now())
            except WrongValue as problem:
                raise NotAsked(problem.detail) from None
            return as_of.in_force_at(session(), at, f"at {instant(at)}")
        case _:
            return None
