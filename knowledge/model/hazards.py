"""What can harm a patient: when it is present, what it forbids, and what must be said and done at once.

The terms are those of ISO 14971:2019, application of risk management to medical devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from knowledge.conditions import Condition
from knowledge.items import Citation, Mode, Rule, Urgency
from knowledge.model.actions import Action, any_covered


class Severity(StrEnum):
    """How grave the harm can be, from least to most (ISO/TR 24971:2020, table 4)."""

    NEGLIGIBLE = "negligible"
    MINOR = "minor"
    SERIOUS = "serious"
    CRITICAL = "critical"
    CATASTROPHIC = "catastrophic"


@dataclass(frozen=True, slots=True)
class Hazard:
    """While the condition is met, no rule is recommended that does a forbidden action.

    `text` is what must be said at once, `reason` why the forbidden is withheld, `patient_text` what a patient is told.
    `answered_by` are the keys of rules of which one or more, at least as urgent as the hazard, must be recommended
    whenever it is present. `residual_risk` says what remains.
    """

    key: str
    title: str
    text: str
    topic: str
    urgency: Urgency
    severity: Severity
    condition: Condition
    forbids: tuple[Action, ...]
    reason: str
    answered_by: tuple[str, ...]
    residual_risk: str
    citations: tuple[Citation, ...]
    review_by: date
    patient_text: str | None = None
    notes: tuple[str, ...] = ()

    def forbids_rule(self, rule: Rule) -> bool:
        """Whether the rule does what this hazard forbids; a rule that speaks against an action never does it."""
        return rule.mode is not Mode.AVOID and any_covered(self.forbids, rule.actions)
