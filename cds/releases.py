"""One release made ready to answer: its engine, its plans and every text that does not change between requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from typing import Any

from cds.engine import Engine
from cds.planning import plan
from cds.preparing import Intake
from knowledge.conditions import Always, Condition, facts_of
from knowledge.items import Actor, ItemKind, KnowledgeBase, Rule, Urgency
from knowledge.language import parse, write
from knowledge.wording import in_words

PHASE = "disease_phase"
"""The fact that alone makes a recommendation one of the phase and not of this patient's own findings."""

NARROWER: Mapping[Actor, frozenset[Actor]] = {
    Actor.ONCOLOGIST: frozenset({Actor.ONCOLOGIST, Actor.CLINICIAN, Actor.CARE_TEAM}),
    Actor.PRIMARY_CARE: frozenset({Actor.PRIMARY_CARE, Actor.CLINICIAN, Actor.CARE_TEAM}),
    Actor.CLINICIAN: frozenset({Actor.ONCOLOGIST, Actor.PRIMARY_CARE, Actor.CLINICIAN, Actor.CARE_TEAM}),
    Actor.CARE_TEAM: frozenset({Actor.ONCOLOGIST, Actor.PRIMARY_CARE, Actor.CLINICIAN, Actor.CARE_TEAM}),
    Actor.PATIENT: frozenset({Actor.PATIENT}),
    Actor.CAREGIVER: frozenset({Actor.CAREGIVER}),
}
"""Whose rules an actor asks for: an oncologist is also a clinician and one of the care team."""

_URGENCY = {urgency: rank for rank, urgency in enumerate(Urgency)}


@dataclass(frozen=True, slots=True)
class Texts:
    """The parts of a rule's JSON that never change: what stands before and after `because`, and the short forms."""

    opening: str
    closing: str
    undetermined: str
    withheld: str
    not_met: str


@dataclass(frozen=True, slots=True)
class RuleInRelease:
    rule: Rule
    version: int
    condition: str
    """The name of its condition among those of the release; rules with equal conditions share one."""
    urgency: int
    actors: frozenset[Actor]
    texts: Texts


@dataclass(frozen=True, slots=True)
class Overriding:
    """A rule that withholds others while it is recommended itself, each for a reason."""

    rule: str
    withholds: Mapping[str, str]


class PreparedRelease:
    """A release that can answer. It holds an engine: close it when another takes its place."""

    def __init__(self, number: int, digest: str, base: KnowledgeBase, versions: Mapping[tuple[ItemKind, str], int]) -> None:
        self.number = number
        self.digest = digest
        self.base = base
        self.versions = versions
        self.intake = Intake(base.facts)
        self.conditions, named = _distinct(base)
        self.rules = {
            key: _in_release(rule, versions[ItemKind.RULE, key], named[key], base)
            for key, rule in sorted(base.rules.items(), key=lambda pair: (pair[1].topic, pair[0]))
            if rule.condition is not None
        }
        """The rules that can fire, in the order of topics; statements are not among them."""
        self.order = tuple(sorted(self.rules))
        """The keys in the order in which a decision records their states."""
        self.overriding = _overriding(base)
        self.population = {
            key: parse(fact.population, base.facts) for key, fact in base.facts.items() if fact.population
        }
        self.reads = {name: frozenset(facts_of(condition)) for name, condition in self.conditions.items()}
        self.standing = frozenset(name for name, condition in self.conditions.items() if isinstance(condition, Always))
        self.derivations = _derivation_texts(base)
        self.engine = Engine(plan(self.conditions, base.facts))

    def close(self) -> None:
        self.engine.close()


def compact(value: Any) -> str:
    """JSON without a space, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def instant(at: datetime) -> str:
    """A moment as every answer writes it: UTC, ending in Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def citation(base: KnowledgeBase, source: str, locator: str, strength: str | None) -> dict[str, Any]:
    """A citation as an answer shows it: the whole reference, its DOI, the place and the wording."""
    shown = base.sources[source]
    parts = {
        "source": source,
        "reference": shown.reference,
        "doi": shown.doi,
        "url": shown.url,
        "locator": locator,
        "strength": strength,
    }
    return {name: part for name, part in parts.items() if part is not None}


def rule_header(rule: Rule, version: int) -> dict[str, Any]:
    """What every form of a rule begins with."""
    return {"rule": rule.key, "version": version, "title": rule.title}


def _distinct(base: KnowledgeBase) -> tuple[dict[str, Condition], dict[str, str]]:
    """The different conditions of a base by name, and for each rule the name of its own."""
    names: dict[Condition, str] = {}
    named: dict[str, str] = {}
    for key, rule in sorted(base.rules.items()):
        if rule.condition is not None:
            named[key] = names.setdefault(rule.condition, f"c{len(names)}")
    return {name: condition for condition, name in names.items()}, named


def _in_release(rule: Rule, version: int, condition: str, base: KnowledgeBase) -> RuleInRelease:
    return RuleInRelease(
        rule, version, condition, _URGENCY[rule.urgency], frozenset(rule.actors), _texts(rule, version, base)
    )


def _texts(rule: Rule, version: int, base: KnowledgeBase) -> Texts:
    header = rule_header(rule, version)
    before = {
        **header,
        "text": rule.text,
        **({"patient_text": rule.patient_text} if rule.patient_text else {}),
        "kind": rule.kind,
        "mode": rule.mode,
        "topic": rule.topic,
        "actors": rule.actors,
        "urgency": rule.urgency,
        "patient_may_see": rule.patient_may_see,
    }
    after = {
        "citations": [citation(base, one.source, one.locator, one.strength) for one in rule.citations],
        "notes": rule.notes,
    }
    return Texts(
        opening=f'{compact(before)[:-1]},"because":',
        closing=f",{compact(after)[1:]}",
        undetermined=f'{compact(header)[:-1]},"missing":',
        withheld=f'{compact({"rule": rule.key, "version": version})[:-1]},',
        not_met=compact(header),
    )


def _overriding(base: KnowledgeBase) -> tuple[Overriding, ...]:
    """The overriding rules, each before those that it withholds: a withheld rule withholds nothing."""
    withholds = {
        key: {override.rule: override.reason for override in rule.overrides}
        for key, rule in base.rules.items()
        if rule.overrides
    }
    over: dict[str, set[str]] = {key: set() for key in withholds}
    for key, rules in withholds.items():
        for rule in rules:
            over.setdefault(rule, set()).add(key)
    return tuple(
        Overriding(key, withholds[key]) for key in TopologicalSorter(over).static_order() if key in withholds
    )


def _derivation_texts(base: KnowledgeBase) -> dict[tuple[str, str], dict[str, Any]]:
    """How each derivation is shown beside a finding: when it holds, in words, and on whose authority."""
    return {
        (key, one.when): {
            "when": one.when,
            "in_words": in_words(parse(one.when, base.facts), base.facts),
            "citation": citation(base, one.source, one.locator, None),
        }
        for key, fact in base.facts.items()
        for one in fact.derivations
    }


def condition_text(condition: Condition, base: KnowledgeBase) -> dict[str, str]:
    """A condition as text and in words."""
    return {"text": write(condition), "in_words": in_words(condition, base.facts)}
