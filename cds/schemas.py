"""The shapes of what the API answers, for its OpenAPI document and for the tests that hold answers to it."""

from __future__ import annotations

from enum import StrEnum

from marshmallow import RAISE, Schema, fields, validate

from cds.decisions.notices import CODES
from knowledge.differences import Change
from knowledge.facts import Attribute, FactType
from knowledge.items import Actor, Mode, RuleKind, State, Urgency
from knowledge.model.actions import Action
from knowledge.model.hazards import Severity


class Shape(Schema):
    """What an answer holds, and nothing else."""

    class Meta:
        unknown = RAISE


def words(enum: type[StrEnum]) -> validate.OneOf:
    return validate.OneOf([word.value for word in enum])


class ReleaseName(Shape):
    number = fields.Integer(required=True, metadata={"example": 1})
    digest = fields.String(required=True, metadata={"description": "SHA-256 over the canonical list of its versions."})


class Citation(Shape):
    source = fields.String(required=True, metadata={"example": "kida-2021"})
    reference = fields.String(required=True)
    doi = fields.String()
    url = fields.String()
    locator = fields.String(required=True, metadata={"example": "p180 · Physical exercise"})
    strength = fields.String(metadata={"description": "The source's own wording of how firmly it means this."})


class DerivedFrom(Shape):
    needs = fields.List(fields.String(), required=True)
    when = fields.String(required=True)
    in_words = fields.String()
    citation = fields.Nested(Citation)


class Finding(Shape):
    fact = fields.String(required=True)
    value = fields.Raw(required=True, allow_none=True, metadata={"description": "Null: being not known decided."})
    reading = fields.String(required=True, metadata={"example": "diabetes mellitus"})
    derived = fields.Nested(DerivedFrom, metadata={"description": "Present when the fact was not posted but derived."})


class Recommendation(Shape):
    rule = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    patient_text = fields.String()
    kind = fields.String(required=True, validate=words(RuleKind))
    mode = fields.String(required=True, validate=words(Mode))
    topic = fields.String(required=True)
    actors = fields.List(fields.String(validate=words(Actor)), required=True)
    urgency = fields.String(required=True, validate=words(Urgency))
    actions = fields.List(fields.String(validate=words(Action)), required=True)
    patient_may_see = fields.Boolean(required=True)
    review_overdue_since = fields.String(
        metadata={
            "description": "Only when the day of evaluated_at, in UTC, is later: the date by which to review the rule.",
            "example": "2027-06-30",
        }
    )
    because = fields.List(fields.Nested(Finding), required=True)
    citations = fields.List(fields.Nested(Citation), required=True)
    notes = fields.List(fields.String(), required=True)


class WithholdingItem(Shape):
    """The rule or the hazard that withholds; exactly one of the two."""

    rule = fields.String()
    hazard = fields.String()


class Withheld(Shape):
    rule = fields.String(required=True)
    version = fields.Integer(required=True)
    withheld_by = fields.Nested(WithholdingItem, required=True)
    reason = fields.String(required=True)


class Undetermined(Shape):
    rule = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    missing = fields.List(fields.String(), required=True)


class NotMet(Shape):
    rule = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)


class MissingFact(Shape):
    fact = fields.String(required=True)
    label = fields.String(required=True)
    undetermined_rules = fields.Integer(required=True)


class PresentHazard(Shape):
    """What can harm this patient: said at once. For patients and caregivers in plain words, without the rest."""

    hazard = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String()
    text = fields.String(required=True)
    urgency = fields.String(required=True, validate=words(Urgency))
    forbids = fields.List(fields.String(validate=words(Action)))
    because = fields.List(fields.Nested(Finding))
    citations = fields.List(fields.Nested(Citation))


class UndeterminedHazard(Shape):
    hazard = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    missing = fields.List(fields.String(), required=True)


class Notice(Shape):
    code = fields.String(
        required=True,
        validate=validate.OneOf(list(CODES)),
        metadata={"description": " ".join(f"`{code}`: {meaning}" for code, meaning in CODES.items())},
    )
    facts = fields.List(fields.String(), required=True, metadata={"description": "The facts that it is about."})
    detail = fields.String(required=True)
    urgent = fields.Boolean(
        required=True,
        metadata={"description": "It touches a fact that a hazard or a rule of urgency now reads; it comes first."},
    )


class Recommendations(Shape):
    """An answer. Every rule of the release is recommended, withheld, undetermined or not met."""

    decision_id = fields.String(required=True)
    release = fields.Nested(ReleaseName, required=True)
    evaluated_at = fields.String(required=True)
    notices = fields.List(fields.Nested(Notice), required=True)
    hazards = fields.List(
        fields.Nested(PresentHazard),
        required=True,
        metadata={"description": "What is present and can harm: no recommendation does what one of them forbids."},
    )
    recommendations = fields.List(fields.Nested(Recommendation), required=True)
    withheld = fields.List(fields.Nested(Withheld), required=True)
    undetermined = fields.List(fields.Nested(Undetermined), required=True)
    undetermined_hazards = fields.List(fields.Nested(UndeterminedHazard), required=True)
    missing_facts = fields.List(fields.Nested(MissingFact), required=True)
    ignored_facts = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Posted facts that no rule or hazard of the release reads: they changed nothing."},
    )
    not_met = fields.List(fields.Nested(NotMet), metadata={"description": "Only with ?include=not_met."})


class ProblemError(Shape):
    pointer = fields.String(required=True, metadata={"description": "A JSON pointer into the request."})
    detail = fields.String(required=True)
    suggestion = fields.String()


class Problem(Shape):
    """A problem document (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemError))


class BatchResult(Shape):
    index = fields.Integer(required=True)
    status = fields.Integer(required=True)
    answer = fields.Nested(Recommendations)
    problem = fields.Nested(Problem)


class BatchResults(Shape):
    """One result for each patient, in the order of the request."""

    results = fields.List(fields.Nested(BatchResult), required=True)


class CodeOfFact(Shape):
    code = fields.String(required=True)
    label = fields.String(required=True)


class DerivationOfFact(Shape):
    value = fields.Raw(required=True)
    when = fields.String(required=True)
    source = fields.String(required=True)
    locator = fields.String(required=True)


class InvariantOfFact(Shape):
    """What no patient can be; while it is broken, the fact that gives way counts as not known."""

    condition = fields.String(required=True)
    sentence = fields.String(required=True)
    source = fields.String(required=True)
    locator = fields.String(required=True)
    gives_way = fields.String()


class FactShown(Shape):
    key = fields.String(required=True)
    label = fields.String(required=True)
    type = fields.String(required=True, validate=words(FactType))
    topic = fields.String(required=True)
    phrase = fields.String(required=True)
    absence = fields.String()
    unit = fields.String()
    minimum = fields.Float()
    maximum = fields.Float()
    step = fields.Integer()
    codes = fields.List(fields.Nested(CodeOfFact))
    valid_days = fields.Integer()
    conflict_hours = fields.Integer(required=True)
    standard_code = fields.String()
    code_status = fields.String()
    attributes = fields.List(fields.String(validate=words(Attribute)))
    derivations = fields.List(fields.Nested(DerivationOfFact))
    days_since = fields.String()
    years_since = fields.String()
    population = fields.String()
    worse = fields.Raw(
        metadata={
            "description": "Which of two values that disagree counts: high or low, true or false, more for lists of "
            "codes, or for one code all codes from best to worst.",
            "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        }
    )
    asserted_by = fields.List(
        fields.String(), metadata={"description": "The sources that may state it; everybody when left out."}
    )
    ucum = fields.String(metadata={"description": "Its unit as a UCUM code; an observation may carry another."})
    invariants = fields.List(fields.Nested(InvariantOfFact))
    used_later = fields.String(metadata={"description": "What it is collected for while nothing reads it."})
    notes = fields.List(fields.String())


class Facts(Shape):
    release = fields.Nested(ReleaseName, required=True)
    facts = fields.List(fields.Nested(FactShown), required=True)


class ConditionShown(Shape):
    text = fields.String(required=True)
    in_words = fields.String(required=True)


class OverrideShown(Shape):
    """A rule, or every rule that does an action: exactly one of the two; and why it is withheld."""

    rule = fields.String()
    action = fields.String(validate=words(Action))
    reason = fields.String(required=True)


class WithheldByShown(WithholdingItem):
    reason = fields.String(required=True)


class RuleShown(Shape):
    rule = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    patient_text = fields.String()
    kind = fields.String(required=True, validate=words(RuleKind))
    mode = fields.String(required=True, validate=words(Mode))
    topic = fields.String(required=True)
    actors = fields.List(fields.String(validate=words(Actor)), required=True)
    urgency = fields.String(required=True, validate=words(Urgency))
    actions = fields.List(fields.String(validate=words(Action)), required=True)
    patient_may_see = fields.Boolean(required=True)
    condition = fields.Nested(
        ConditionShown,
        required=True,
        allow_none=True,
        metadata={"description": "Null: a statement, which never fires."},
    )
    citations = fields.List(fields.Nested(Citation), required=True)
    overrides = fields.List(fields.Nested(OverrideShown), required=True)
    withheld_by = fields.List(
        fields.Nested(WithheldByShown),
        required=True,
        metadata={"description": "The rules that override it, and the hazards that forbid what it does."},
    )
    notes = fields.List(fields.String(), required=True)
    review_by = fields.String(required=True)


class Rules(Shape):
    release = fields.Nested(ReleaseName, required=True)
    rules = fields.List(fields.Nested(RuleShown), required=True)


class HazardShown(Shape):
    """What can harm a patient: when it is present, what it forbids, and what answers it."""

    hazard = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True, metadata={"description": "What must be said at once while it is present."})
    patient_text = fields.String()
    topic = fields.String(required=True)
    urgency = fields.String(required=True, validate=words(Urgency))
    severity = fields.String(required=True, validate=words(Severity))
    condition = fields.Nested(
        ConditionShown, required=True, metadata={"description": "While it is met, it is present."}
    )
    forbids = fields.List(
        fields.String(validate=words(Action)),
        required=True,
        metadata={"description": "Each action includes those that begin with its name and a point."},
    )
    reason = fields.String(required=True, metadata={"description": "Why the forbidden is withheld."})
    withholds = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "The keys of the rules of this release that are withheld while it is present."},
    )
    answered_by = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Keys of rules; while it is present, at least one of them is recommended."},
    )
    residual_risk = fields.String(required=True, metadata={"description": "What can still go wrong."})
    citations = fields.List(fields.Nested(Citation), required=True)
    notes = fields.List(fields.String(), required=True)
    review_by = fields.String(required=True)


class Hazards(Shape):
    release = fields.Nested(ReleaseName, required=True)
    hazards = fields.List(fields.Nested(HazardShown), required=True)


class HazardsQuery(Schema):
    class Meta:
        unknown = RAISE

    topic = fields.String()
    severity = fields.Enum(Severity, by_value=True)
    urgency = fields.Enum(Urgency, by_value=True)
    forbids = fields.Enum(Action, by_value=True, metadata={"description": "Those that forbid this action."})


class RulesQuery(Schema):
    class Meta:
        unknown = RAISE

    topic = fields.String()
    kind = fields.Enum(RuleKind, by_value=True)
    mode = fields.Enum(Mode, by_value=True)
    actor = fields.Enum(Actor, by_value=True)


class RemarkShown(Shape):
    step = fields.String(required=True, validate=validate.OneOf(["approved", "returned", "retired"]))
    by = fields.String(required=True)
    at = fields.String(required=True)
    said = fields.String(required=True, metadata={"description": "The comment or the reason; empty where none was."})


class DifferenceShown(Shape):
    field = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "The field in words."})
    change = fields.String(required=True, validate=words(Change))
    before = fields.String(required=True, allow_none=True)
    after = fields.String(required=True, allow_none=True)


class VersionShown(Shape):
    version = fields.Integer(required=True)
    state = fields.String(required=True)
    digest = fields.String(required=True)
    reason = fields.String(required=True)
    created_at = fields.String(required=True)
    created_by = fields.String(required=True, allow_none=True)
    submitted_at = fields.String(required=True, allow_none=True)
    submitted_by = fields.String(required=True, allow_none=True)
    approved_at = fields.String(required=True, allow_none=True)
    approved_by = fields.String(required=True, allow_none=True)
    remarks = fields.List(
        fields.Nested(RemarkShown), required=True, metadata={"description": "What was said in review, oldest first."}
    )
    releases = fields.List(fields.Integer(), required=True)
    content = fields.Dict(required=True)
    differences = fields.List(
        fields.Nested(DifferenceShown),
        required=True,
        metadata={"description": "From the version before; the first version has none."},
    )


class Versions(Shape):
    rule = fields.String(required=True)
    versions = fields.List(fields.Nested(VersionShown), required=True)


class ActivationShown(Shape):
    since = fields.String(required=True)
    by = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)


class ReleaseShown(Shape):
    number = fields.Integer(required=True)
    digest = fields.String(required=True)
    created_at = fields.String(required=True)
    created_by = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    origin = fields.String(required=True, validate=validate.OneOf(["imported", "desk"]))
    clinically_approved = fields.Boolean(required=True)
    in_force = fields.Boolean(required=True)
    activations = fields.List(fields.Nested(ActivationShown), required=True)


class Releases(Shape):
    releases = fields.List(fields.Nested(ReleaseShown), required=True)


class ItemVersion(Shape):
    kind = fields.String(required=True)
    key = fields.String(required=True)
    version = fields.Integer(required=True)
    digest = fields.String(required=True)


class ReleaseInFull(ReleaseShown):
    versions = fields.List(fields.Nested(ItemVersion), required=True)


class FactsRemoved(Shape):
    at = fields.String(required=True)
    reason = fields.String(required=True)


class DecisionShown(Shape):
    decision_id = fields.String(required=True)
    release = fields.Nested(ReleaseName, required=True)
    evaluated_at = fields.String(required=True)
    recorded_at = fields.String(required=True)
    subject = fields.String(required=True, allow_none=True)
    actors = fields.List(fields.String(), required=True)
    facts_posted = fields.Dict(required=True, allow_none=True)
    facts_known = fields.Dict(required=True, allow_none=True)
    states = fields.Dict(keys=fields.String(), values=fields.String(validate=words(State)), required=True)
    response_digest = fields.String(required=True, allow_none=True)
    facts_removed = fields.Nested(
        FactsRemoved,
        required=True,
        allow_none=True,
        metadata={"description": "When subject, facts and the digest of the answer were removed, and why."},
    )
