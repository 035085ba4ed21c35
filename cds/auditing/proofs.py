"""The proof of a decision, for the auditor and for the app that asked."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import g, request
from marshmallow import Schema, fields, validate

from cds import problems, schemas
from cds.api import api, refusal_told, session
from cds.auditing.blueprint import reader
from cds.models import Purpose
from cds.problems import MEDIA_TYPE, Refused
from cds.proofs import proving
from cds.schemas import Shape
from cds.service import service_of


class ProofQuery(Schema):
    include = fields.String(validate=validate.OneOf(["facts"]), metadata={"description": "Disclose the facts too."})


class Proof(Shape):
    format = fields.Constant(proving.FORMAT, required=True)
    decision = fields.Dict(required=True, metadata={"description": "What the digest of the decision covers."})
    disclosed = fields.Dict(metadata={"description": "The columns that speak of the patient, when they are asked for."})
    batch = fields.Dict(required=True, metadata={"description": "Its place in the batch, and the path to the root."})
    event = fields.Dict(required=True, metadata={"description": "The event that sealed the batch."})
    anchor = fields.Dict(metadata={"description": "The earliest anchor that covers the event, and the path to it."})


@api.route("/decisions/<string:decision_id>/proof")
@api.arguments(ProofQuery, location="query")
@api.doc(operationId="prove_decision")
@api.response(200, Proof)
@api.alt_response(404, schema=schemas.Problem, content_type=MEDIA_TYPE, description="There is no such decision.")
@api.alt_response(409, schema=schemas.Problem, content_type=MEDIA_TYPE, description="It cannot be proven, or not yet.")
def prove_decision(query: dict[str, Any], decision_id: str) -> dict[str, Any]:
    """The proof that a decision stands as it was recorded, to be checked without this program

    An app proves its own decisions, the key of an auditor proves any. No fact is in it unless it is asked for.
    Taking one is itself an event.
    """
    with_facts = query.get("include") == "facts"
    try:
        proof = proving.proof_of(session(), _row(decision_id), with_facts=with_facts)
    except proving.NoDecision as problem:
        raise Refused(problems.not_found(str(problem))) from None
    except proving.NotProvable as problem:
        raise Refused(problems.not_provable(str(problem))) from None
    session().info["origin"] = request.remote_addr
    at = service_of().now()
    proving.record(session(), decision_id, with_facts=with_facts, actor=reader(), at=at)
    session().commit()
    return proof


def _row(decision_id: str) -> dict[str, Any]:
    """The columns of a decision. Raises NoDecision: to an app, one of another app is as if it were not there."""
    if g.admitted.purpose is Purpose.AUDIT:
        return proving.row_of(session(), decision_id)
    with suppress(proving.NoDecision):
        row = proving.row_of(session(), decision_id)
        if row["api_key_id"] == g.admitted.id:
            return row
        refusal_told("the decision of another", subject=f"decision/{decision_id}")
    raise proving.NoDecision(f"This API key made no decision {decision_id!r}.")
