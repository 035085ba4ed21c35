"""What was in force at a moment, with everything that it held and who stands behind each part."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields

from cds import schemas
from cds.api import session
from cds.auditing.blueprint import audit_api, told
from cds.replay.in_full import part_shown
from cds.replay.shapes import PartShown
from cds.schemas import Shape
from cds.service import service_of
from cds.writing import instant
from knowledge.errors import WrongValue
from knowledge.holdings import parts_of
from knowledge.items import ItemKind
from knowledge.periods import Period, held_at, periods
from knowledge.received import past_moment_or_day


class DayOrMoment(fields.Field[Any]):
    """A moment with its zone, or a day, which means its end in UTC; none to come."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return past_moment_or_day(value, service_of().now())
        except WrongValue as problem:
            raise ValidationError(problem.detail) from None


class InForceQuery(Schema):
    at = DayOrMoment(
        metadata={
            "type": "string",
            "description": "A moment with its zone, or a day, which means its end in UTC. Now by default.",
            "example": "2026-03-01T00:00:00Z",
        }
    )
    kind = fields.Enum(ItemKind, by_value=True)


class ApprovalShown(Shape):
    by = fields.String(required=True)
    at = fields.String(required=True)
    reason = fields.String(required=True)


class PeriodShown(Shape):
    release = fields.Nested(schemas.ReleaseName, required=True)
    since = fields.String(required=True)
    until = fields.String(required=True, allow_none=True, metadata={"description": "Null: it is in force today."})
    by = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)


class PartInForce(PartShown):
    kind = fields.String(required=True)


class InForce(Shape):
    at = fields.String(required=True)
    in_force = fields.Nested(
        PeriodShown, required=True, allow_none=True, metadata={"description": "Null: nothing was in force."}
    )
    approvals = fields.List(
        fields.Nested(ApprovalShown), required=True, metadata={"description": "Clinical approvals up to that moment."}
    )
    parts = fields.List(fields.Nested(PartInForce), required=True)
    line = fields.List(
        fields.Nested(PeriodShown), required=True, metadata={"description": "All that ever was in force, newest first."}
    )


@audit_api.route("/in-force")
@audit_api.arguments(InForceQuery, location="query")
@audit_api.doc(operationId="show_in_force")
@audit_api.response(200, InForce)
def show_in_force(query: dict[str, Any]) -> dict[str, Any]:
    """What was in force at a moment: the release, by whom and why, and who wrote and approved each part of it

    Before the first release was put in force, nothing was.
    """
    at = query.get("at") or service_of().now()
    line = periods(session())
    held = held_at(line, at)
    kinds = [query["kind"]] if "kind" in query else list(ItemKind)
    parts = parts_of(session(), held.release.id, kinds) if held else []
    told("in-force.read", "in-force", {"at": instant(at), "release": held.release.number if held else None})
    return {
        "at": instant(at),
        "in_force": _period(held) if held else None,
        "approvals": [{"by": one.by.name, "at": instant(one.at), "reason": one.reason} for one in held.approvals(at)]
        if held
        else [],
        "parts": [{"kind": one.kind, **part_shown(one)} for one in parts],
        "line": [_period(one) for one in line],
    }


def _period(period: Period) -> dict[str, Any]:
    activation = period.activation
    return {
        "release": {"number": period.release.number, "digest": period.release.digest},
        "since": instant(activation.since),
        "until": instant(period.until) if period.until else None,
        "by": activation.by.name if activation.by else None,
        "reason": activation.reason,
    }
