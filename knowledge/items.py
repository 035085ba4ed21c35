"""The kinds of item that a release is made of: facts, sources, rules, hazards and vignettes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from knowledge.conditions import Condition
from knowledge.facts import Fact
from knowledge.model.actions import Action

if TYPE_CHECKING:
    from knowledge.model.hazards import Hazard


class ItemKind(StrEnum):
    FACT = "fact"
    SOURCE = "source"
    RULE = "rule"
    HAZARD = "hazard"
    VIGNETTE = "vignette"


class Mode(StrEnum):
    """How firmly a rule speaks. Context and org rules are statements: shown and cited, they never fire.

    A rule with the mode `avoid` speaks against its actions.
    """

    DO = "do"
    AVOID = "avoid"
    OFFER = "offer"
    OPTION = "option"
    CLASSIFY = "classify"
    CONTEXT = "context"
    ORG = "org"


class RuleKind(StrEnum):
    ADVICE = "advice"
    ASSESSMENT = "assessment"
    CHECKLIST_ITEM = "checklist_item"
    CLASSIFICATION = "classification"
    PRIORITY = "priority"
    REFERRAL_TRIGGER = "referral_trigger"
    SCREENING_CRITERION = "screening_criterion"


class Urgency(StrEnum):
    """When to act; the order is the order of an answer."""

    NOW = "now"
    THIS_VISIT = "this_visit"
    ONGOING = "ongoing"


class Actor(StrEnum):
    ONCOLOGIST = "oncologist"
    PRIMARY_CARE = "primary_care"
    CLINICIAN = "clinician"
    CARE_TEAM = "care_team"
    PATIENT = "patient"
    CAREGIVER = "caregiver"


class State(StrEnum):
    """What becomes of a rule for one patient: exactly one of the four."""

    RECOMMENDED = "recommended"
    WITHHELD = "withheld"
    UNDETERMINED = "undetermined"
    NOT_MET = "not_met"


class HazardState(StrEnum):
    """What becomes of a hazard for one patient."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Citation:
    """`strength` is the wording by which the source itself says how firmly it means this."""

    source: str
    locator: str
    strength: str


@dataclass(frozen=True, slots=True)
class Override:
    """While the overriding rule is recommended, `rule`, or every rule that does `action`, is withheld for `reason`."""

    rule: str | None
    reason: str
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One recommendation, or one statement when `condition` is None."""

    key: str
    title: str
    text: str
    kind: RuleKind
    mode: Mode
    topic: str
    actors: tuple[Actor, ...]
    urgency: Urgency
    condition: Condition | None
    citations: tuple[Citation, ...]
    review_by: date
    patient_may_see: bool
    actions: tuple[Action, ...] = ()
    patient_text: str | None = None
    overrides: tuple[Override, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_statement(self) -> bool:
        return self.condition is None


@dataclass(frozen=True, slots=True)
class Source:
    """A published document that speaks for a rule or a derivation; `reference` is the whole citation."""

    key: str
    reference: str
    title: str
    year: int
    doi: str | None = None
    url: str | None = None
    pmid: str | None = None
    isbn: str | None = None
    verification: str = ""
    review_by: date | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vignette:
    """A whole patient, and what must come of the rules and hazards that the vignette speaks for.

    `facts` are raw, as an app would post them; `expect` gives for a state the keys of rules, `hazards` of hazards.
    """

    key: str
    title: str
    topic: str
    story: str
    evaluated_at: datetime
    facts: Mapping[str, Any]
    expect: Mapping[State, tuple[str, ...]] = field(default_factory=dict)
    hazards: Mapping[HazardState, tuple[str, ...]] = field(default_factory=dict, metadata={"omit_empty": True})


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """One coherent set of items by key: what a release holds."""

    facts: Mapping[str, Fact]
    sources: Mapping[str, Source]
    rules: Mapping[str, Rule]
    vignettes: Mapping[str, Vignette]
    hazards: Mapping[str, Hazard] = field(default_factory=dict)
