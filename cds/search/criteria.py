"""What a decision must be to be found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from cds.search.orders import Order
from knowledge.canonical import instant

COMMAND: Final = "command"
"""How the command line is named where an app can be."""


class Outcome(StrEnum):
    """What became of a rule or, without a rule, of at least one; not_met is said of a rule, nothing of a decision."""

    RECOMMENDED = "recommended"
    WITHHELD = "withheld"
    UNDETERMINED = "undetermined"
    NOT_MET = "not_met"
    NOTHING = "nothing_recommended"


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a decision must be to be found; `until` is the first moment too late.

    `named` is an id or a subject in full, `release` the number of a release, `app` the id of an API key.
    """

    named: str = ""
    subject: str = ""
    rule: str = ""
    version: int | None = None
    outcome: Outcome | None = None
    release: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    app: int | Literal["command"] | None = None

    def reaches_before(self, moment: datetime | None) -> bool:
        """Whether a subject or an id is looked for among what was recorded before a moment."""
        return bool(self.named or self.subject) and moment is not None and (self.since is None or self.since < moment)

    def told(self) -> dict[str, Any]:
        """The criteria as an event may tell them: of a subject only that one was given, since it names a patient."""
        told: dict[str, Any] = {
            "rule": self.rule or None,
            "version": self.version,
            "outcome": self.outcome,
            "release": self.release,
            "since": instant(self.since) if self.since else None,
            "until": instant(self.until) if self.until else None,
            "app": self.app,
        }
        given = {"subject": "given"} if self.named or self.subject else {}
        return {name: value for name, value in told.items() if value is not None} | given


def places_of(orders: Mapping[int, Order], criteria: Criteria) -> dict[int, int | None] | None:
    """The ids of the releases that are asked for, with the rule's place in each; None when any release is."""
    if not criteria.rule and criteria.release is None:
        return None
    return {
        key: order.rules[criteria.rule].place if criteria.rule else None
        for key, order in orders.items()
        if criteria.release in (None, order.number)
        and (not criteria.rule or criteria.rule in order.rules)
        and (criteria.version is None or order.rules[criteria.rule].version == criteria.version)
    }
