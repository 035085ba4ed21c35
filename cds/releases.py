"""One release made ready to answer: its engine, its plans and every text that does not change between requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Any

from cds.decisions.compiled_hazards import compile_hazard, urgent_facts
from cds.decisions.intake.resolver import FactResolver
from cds.engine import Engine
from cds.overdue import ReviewDates
from cds.planning import plan
from cds.telling import Telling
from cds.writing import citation, compact
from knowledge.conditions import Condition
from knowledge.items import Actor, ItemKind, KnowledgeBase, Rule, Urgency
from knowledge.language import parse
from knowledge.model.overrides import withheld_rules
from knowledge.validation.unread import read_facts
from knowledge.wording import in_words

NARROWER: Mapping[Actor, frozenset[Actor]] = {
    Actor.ONCOLOGIST: frozenset({Actor.ONCOLOGIST, Actor.CLINICIAN, Actor.CARE_TEAM}),
    Actor.PRIMARY_CARE: frozenset({Actor.PRIMARY_CARE, Actor.CLINICIAN, Actor.CARE_TEAM}),
    Actor.CLINICIAN: frozenset({Actor.ONCOLOGIST, Actor.PRIMARY_CARE, Actor.CLINICIAN, Actor.CARE_TEAM}),
    Actor.CARE_TEAM: frozenset({Actor.ONCOLOGIST, Actor.PRIMARY_CARE, Actor.CLINICIAN, Actor.CARE_TEAM}),
    Actor.PATIENT: frozenset({Actor.PATIENT}),
    Actor.CAREGIVER: frozenset({Actor.CAREGIVER}),
}
"""Whose rules an actor asks for: an oncologist is also a clinician and one of the care team."""

_FOR_PATIENTS = frozenset({Actor.PATIENT, Actor.CAREGIVER})
_URGENCY = {urgency: rank for rank, urgency in enumerate(Urgency)}


@dataclass(frozen=True, slots=True)
class Texts:
    """The parts of a rule's JSON that never change: what stands before and after `because`, and the short forms."""

    opening: bytes
    overdue: bytes
    """The opening that says since when the rule is past its review date."""
    closing: bytes
    undetermined: bytes
    withheld: bytes
    not_met: bytes


@dataclass(frozen=True, slots=True)
class RuleInRelease:
    key: str
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

    def __init__(
        self,
        number: int,
        digest: str,
        base: KnowledgeBase,
        versions: Mapping[tuple[ItemKind, str], int],
        *,
        imported: bool = False,
    ) -> None:
        self.number = number
        self.digest = digest
        self.base = base
        self.versions = versions
        self.imported = imported
        self.conditions, named = _distinct(base)
        self.rules = {
            key: self._entry(rule, named[rule.condition])
            for key, rule in sorted(base.rules.items(), key=lambda pair: (pair[1].topic, pair[0]))
            if rule.condition is not None
        }
        """The rules that can fire, in the order of topics; statements are not among them."""
        self.hazards = {
            key: compile_hazard(hazard, named[hazard.condition], versions[ItemKind.HAZARD, key], base)
            for key, hazard in sorted(base.hazards.items(), key=lambda pair: (_URGENCY[pair[1].urgency], pair[0]))
        }
        """The hazards, the most urgent first."""
        self.urgent_facts = urgent_facts(base)
        """What hazards and rules of urgency `now` read, and what that may be derived from."""
        self.for_patients = [
            self._entry(_for_patients(entry.rule), entry.condition)
            for entry in self.rules.values()
            if entry.rule.patient_may_see
        ]
        """What a patient may see, in the texts written for patients."""
        self.order = tuple(sorted(self.rules))
        """The keys in the order in which a decision records their states."""
        self.overriding = _overriding(base)
        self.resolver = FactResolver(base.facts, self.conditions.values())
        self.population = {
            key: parse(fact.population, base.facts) for key, fact in base.facts.items() if fact.population
        }
        self.population_in_words = {key: in_words(condition, base.facts) for key, condition in self.population.items()}
        self.lacking = {
            key: compact({"fact": key, "label": fact.label})[:-1] + b',"undetermined_rules":'
            for key, fact in base.facts.items()
        }
        """The JSON of each fact that may be missing, up to the number of rules that it would decide."""
        self.read_facts = read_facts(base)
        """The facts on which anything turns: what conditions and populations read, and what that is derived from."""
        self.review_dates = ReviewDates(base)
        self.telling = Telling(self.conditions, base)
        self.engine = Engine(plan(self.conditions, base.facts))

    def close(self) -> None:
        self.engine.close()

    def asked_for(self, actors: tuple[Actor, ...]) -> Iterable[RuleInRelease]:
        """The rules for these actors; when only patients and caregivers ask, what a patient may see, in her words."""
        if not actors:
            return self.rules.values()
        wanted = frozenset().union(*(NARROWER[actor] for actor in actors))
        entries = self.for_patients if only_patients(actors) else self.rules.values()
        return [entry for entry in entries if wanted & entry.actors]

    def title_of(self, kind: ItemKind, key: str) -> str:
        """The title of a rule or hazard of the release."""
        return self.base.hazards[key].title if kind is ItemKind.HAZARD else self.base.rules[key].title

    def withheld_heading(self, withheld_by: Mapping[str, str]) -> str:
        """What stands above the rules that one rule or hazard withholds; the shape is that of an answer."""
        [(kind, key)] = withheld_by.items()
        title = self.title_of(ItemKind(kind), key)
        return f"Because of the hazard “{title}”" if kind == ItemKind.HAZARD else f"While “{title}” is recommended"

    def _entry(self, rule: Rule, condition: str) -> RuleInRelease:
        version = self.versions[ItemKind.RULE, rule.key]
        texts = _texts(rule, version, self.base)
        return RuleInRelease(rule.key, rule, version, condition, _URGENCY[rule.urgency], frozenset(rule.actors), texts)


def only_patients(actors: tuple[Actor, ...]) -> bool:
    """Whether the answer is read by patients and caregivers alone."""
    return bool(actors) and _FOR_PATIENTS.issuperset(actors)


def rule_header(rule: Rule, version: int) -> dict[str, Any]:
    """What every form of a rule begins with."""
    return {"rule": rule.key, "version": version, "title": rule.title}


def _distinct(base: KnowledgeBase) -> tuple[dict[str, Condition], dict[Condition, str]]:
    """The different conditions of rules and hazards by name, and the names by condition."""
    items = [*(rule for _, rule in sorted(base.rules.items())), *(hazard for _, hazard in sorted(base.hazards.items()))]
    names: dict[Condition, str] = {}
    for item in items:
        if item.condition is not None:
            names.setdefault(item.condition, f"c{len(names)}")
    return {name: condition for condition, name in names.items()}, names


def _for_patients(rule: Rule) -> Rule:
    """The rule as a patient reads it: the text written for her, none of the notes for clinicians."""
    return replace(rule, text=rule.patient_text or rule.text, notes=())


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
        "actions": rule.actions,
        "patient_may_see": rule.patient_may_see,
    }
    after = {
        "citations": [citation(base, one.source, one.locator, one.strength) for one in rule.citations],
        "notes": rule.notes,
    }
    return Texts(
        opening=compact(before)[:-1] + b',"because":',
        overdue=compact({**before, "review_overdue_since": rule.review_by.isoformat()})[:-1] + b',"because":',
        closing=b"," + compact(after)[1:],
        undetermined=compact(header)[:-1] + b',"missing":',
        withheld=compact({"rule": rule.key, "version": version})[:-1] + b",",
        not_met=compact(header),
    )


def _overriding(base: KnowledgeBase) -> tuple[Overriding, ...]:
    """The overriding rules, each before those that it withholds: a withheld rule withholds nothing."""
    withholds = {key: withheld_rules(rule, base.rules) for key, rule in base.rules.items() if rule.overrides}
    # Lists, not sets, whose order is another one in each process: the order of these is seen in the answer.
    over: dict[str, list[str]] = {key: [] for key in withholds}
    for key, rules in withholds.items():
        for rule in rules:
            over.setdefault(rule, []).append(key)
    return tuple(Overriding(key, withholds[key]) for key in TopologicalSorter(over).static_order() if key in withholds)
