"""What becomes of each rule and hazard, given what its condition came to: hazards forbid first, then rules override."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cds.releases import PreparedRelease
from knowledge.items import HazardState, ItemKind, State

# Looked up some hundred times for each answer, and an enum's members are slow to reach.
_RECOMMENDED, _WITHHELD, _UNDETERMINED, _NOT_MET = State
_RULE_STATE = {True: _RECOMMENDED, None: _UNDETERMINED, False: _NOT_MET}
_HAZARD_STATE = {True: HazardState.PRESENT, None: HazardState.UNDETERMINED, False: HazardState.ABSENT}


class Withholding(NamedTuple):
    """Why a rule is withheld: the rule or hazard that does it, and its reason."""

    kind: ItemKind
    key: str
    reason: str

    def titled(self, release: PreparedRelease) -> tuple[str, str]:
        """The title of what withholds, and the reason."""
        return release.title_of(self.kind, self.key), self.reason


class Outcomes(NamedTuple):
    """The state of every rule and hazard, and for each withheld rule all that withholds it."""

    rules: dict[str, State]
    hazards: dict[str, HazardState]
    withheld: dict[str, list[Withholding]]


def outcomes(release: PreparedRelease, met: Mapping[str, bool | None]) -> Outcomes:
    """What becomes of every rule and hazard; `met` says of each condition, by its name, what it came to.

    What a hazard or a rule withholds withholds nothing itself.
    """
    rules = {key: _RULE_STATE[met[entry.condition]] for key, entry in release.rules.items()}
    hazards = {key: _HAZARD_STATE[met[entry.condition]] for key, entry in release.hazards.items()}
    withheld: dict[str, list[Withholding]] = {}

    def withhold(rule: str, by: Withholding) -> None:
        if rules[rule] in (_RECOMMENDED, _WITHHELD):
            rules[rule] = _WITHHELD
            withheld.setdefault(rule, []).append(by)

    for key, state in hazards.items():
        if state is HazardState.PRESENT:
            entry = release.hazards[key]
            for rule in entry.forbidden:
                withhold(rule, Withholding(ItemKind.HAZARD, key, entry.hazard.reason))
    for overriding in release.overriding:
        if rules[overriding.rule] is _RECOMMENDED:
            for rule, reason in overriding.withholds.items():
                withhold(rule, Withholding(ItemKind.RULE, overriding.rule, reason))
    return Outcomes(rules, hazards, withheld)
