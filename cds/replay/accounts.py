"""An account of a decision: what became of each rule and hazard, on what evidence, and who stands behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from cds import noticing
from cds.deciding import states_from
from cds.models import Decision
from cds.releases import PreparedRelease
from cds.replay.replaying import Replay
from cds.telling import Told
from cds.writing import citation, condition_text
from knowledge.holdings import Part, parts_of
from knowledge.items import HazardState, ItemKind, Rule, State
from knowledge.model.hazards import Hazard


@dataclass(frozen=True, slots=True)
class RuleAccount:
    """One rule of the release: its state, the findings that decided it, the facts that it lacks, what withholds it.

    `state` is the recorded one and `again` the one that was made again, None where there is none. `because` are
    findings as an answer shows them; `missing` are names and labels of facts; `withheld_by` are kind, key,
    title and reason of what withholds it. All of them are empty when the answer could not be made again.
    """

    release: PreparedRelease
    rule: Rule
    part: Part
    state: State | None
    again: State | None = None
    because: tuple[Mapping[str, Any], ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    withheld_by: tuple[tuple[ItemKind, str, str, str], ...] = ()

    @property
    def shown(self) -> State | None:
        """The state to be read: as made again, else as recorded."""
        return self.again or self.state

    @property
    def citations(self) -> list[dict[str, Any]]:
        """The evidence, each with its whole reference."""
        return [citation(self.release.base, one.source, one.locator, one.strength) for one in self.rule.citations]

    @property
    def condition(self) -> dict[str, str] | None:
        return condition_text(self.rule.condition, self.release.base) if self.rule.condition else None


@dataclass(frozen=True, slots=True)
class HazardAccount:
    """One hazard of the release as it was found when the answer was made again: a decision records none.

    `because` are findings as an answer shows them, `missing` names and labels of facts, `withheld` the keys and
    titles of the rules that it withheld.
    """

    hazard: Hazard
    part: Part
    state: HazardState
    because: tuple[Mapping[str, Any], ...]
    missing: tuple[tuple[str, str], ...]
    withheld: tuple[tuple[str, str], ...]


def hazards_of(session: Session, made: Replay) -> list[HazardAccount]:
    """Every hazard of the release, the most urgent first; nothing when the answer could not be made again."""
    release, answer = made.release, made.answer
    if release is None or answer is None:
        return []
    told, facts, rules = _told(release, made), release.base.facts, release.base.rules
    parts = {part.key: part for part in parts_of(session, made.decision.release_id, [ItemKind.HAZARD])}
    found: list[HazardAccount] = []
    for key, entry in release.hazards.items():
        said = told.get(entry.condition)
        withheld = sorted(
            rule
            for rule, by in answer.withheld.items()
            if (ItemKind.HAZARD, key) in {(one.kind, one.key) for one in by}
        )
        found.append(
            HazardAccount(
                entry.hazard,
                parts[key],
                answer.hazards[key],
                tuple(json.loads(said.because)) if said else (),
                tuple((name, facts[name].label) for name in said.missing) if said else (),
                tuple((rule, rules[rule].title) for rule in withheld),
            )
        )
    return found


def accounts_of(session: Session, made: Replay) -> list[RuleAccount]:
    """Every rule that can fire, in the order of the release; nothing when the release cannot be read."""
    release, decision = made.release, made.decision
    if release is None:
        return []
    recorded = recorded_states(release, decision)
    again = made.answer.states if made.answer else {}
    told = _told(release, made)
    parts = {part.key: part for part in parts_of(session, decision.release_id, [ItemKind.RULE])}
    return [
        _account(release, RuleAccount(release, entry.rule, parts[key], recorded.get(key), again.get(key)), made, told)
        for key, entry in release.rules.items()
    ]


def recorded_states(release: PreparedRelease, decision: Decision) -> Mapping[str, State]:
    """The states that the recorded letters name; none when they do not fit the release."""
    try:
        return states_from(release, decision.states)
    except (KeyError, ValueError):
        return {}


def _told(release: PreparedRelease, made: Replay) -> Mapping[str, Told]:
    """What is to be said of each condition; nothing for a patient outside the population, of whom no rule speaks."""
    if made.answer is None or noticing.of_population(release, made.answer.resolved.known)[0]:
        return {}
    return release.telling.of(made.answer.resolved)


def _account(release: PreparedRelease, plain: RuleAccount, made: Replay, told: Mapping[str, Told]) -> RuleAccount:
    key, facts = plain.rule.key, release.base.facts
    said = told.get(release.rules[key].condition)
    if said is None:
        return plain
    return replace(
        plain,
        because=tuple(json.loads(said.because)),
        missing=tuple((name, facts[name].label) for name in said.missing),
        withheld_by=tuple(
            (one.kind, one.key, *one.titled(release))
            for one in (made.answer.withheld.get(key, ()) if made.answer else ())
        ),
    )
