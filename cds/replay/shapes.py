"""The shapes of what the API shows an auditor of a decision: made again, rule by rule, with who stands behind each."""

from __future__ import annotations

from marshmallow import fields

from cds.replay.replaying import Outcome
from cds.schemas import (
    Citation,
    ConditionShown,
    DecisionShown,
    FactsRemoved,
    Finding,
    Recommendations,
    Shape,
    WithholdingItem,
    words,
)
from knowledge.items import HazardState, State
from knowledge.model.actions import Action

_AUDIT = {"description": "Only for the key of an auditor."}


class FactsRemovedInFull(FactsRemoved):
    event = fields.Integer(metadata=_AUDIT)
    by = fields.String(metadata=_AUDIT)


class SoftwareNamed(Shape):
    recorded = fields.String(required=True, allow_none=True)
    now = fields.String(required=True)


class WithheldBy(Shape):
    by = fields.Nested(WithholdingItem, required=True)
    reason = fields.String(required=True)


class ReplayShown(Shape):
    outcome = fields.String(required=True, validate=words(Outcome))
    detail = fields.String(required=True)
    recorded_digest = fields.String(required=True, allow_none=True)
    response_digest = fields.String(required=True, allow_none=True)
    same_states = fields.Boolean(required=True, allow_none=True)
    clinically_approved = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "How the release stood when the decision was recorded."},
    )
    software = fields.Nested(SoftwareNamed, required=True)
    incident = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Its number, when it did not give the same."}
    )


class PartShown(Shape):
    """A version, and who wrote, submitted and approved it; null where the program did, or where nobody has."""

    key = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    digest = fields.String(required=True)
    reason = fields.String(required=True)
    created_by = fields.String(required=True, allow_none=True)
    created_at = fields.String(required=True)
    submitted_by = fields.String(required=True, allow_none=True)
    submitted_at = fields.String(required=True, allow_none=True)
    approved_by = fields.String(required=True, allow_none=True)
    approved_at = fields.String(required=True, allow_none=True)
    comment = fields.String(required=True, metadata={"description": "What was said on its approval."})
    releases = fields.List(fields.Integer(), required=True)


class RuleOfDecision(PartShown):
    state = fields.String(required=True, allow_none=True, validate=words(State))
    because = fields.List(fields.Nested(Finding), required=True)
    missing = fields.List(fields.String(), required=True)
    withheld_by = fields.List(fields.Nested(WithheldBy), required=True)
    condition = fields.Nested(ConditionShown, required=True, allow_none=True)
    citations = fields.List(fields.Nested(Citation), required=True)


class HazardOfDecision(PartShown):
    state = fields.String(required=True, validate=words(HazardState))
    because = fields.List(fields.Nested(Finding), required=True)
    missing = fields.List(fields.String(), required=True)
    forbids = fields.List(fields.String(validate=words(Action)), required=True)
    withheld = fields.List(
        fields.String(), required=True, metadata={"description": "The keys of the rules that it withheld."}
    )


class DecisionInFull(DecisionShown):
    """What an app reads of its own decision; for the key of an auditor all the rest, the answer made again."""

    sequence = fields.Integer(metadata=_AUDIT)
    digest = fields.String(metadata=_AUDIT)
    origin = fields.String(metadata=_AUDIT)
    asked_by = fields.String(allow_none=True, metadata=_AUDIT)
    facts_derived = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        allow_none=True,
        metadata={"description": "The condition from which each derived fact follows. Only for the key of an auditor."},
    )
    facts_removed = fields.Nested(FactsRemovedInFull, required=True, allow_none=True)
    replay = fields.Nested(ReplayShown, metadata=_AUDIT)
    response = fields.Nested(Recommendations, allow_none=True, metadata=_AUDIT)
    hazards = fields.List(
        fields.Nested(HazardOfDecision),
        metadata={
            "description": "Every hazard as it was found when the answer was made again; none where it could not be. "
            "Only for the key of an auditor."
        },
    )
    rules = fields.List(
        fields.Nested(RuleOfDecision),
        metadata={"description": "Every rule in the version that was asked. Only for the key of an auditor."},
    )
