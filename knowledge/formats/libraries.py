"""Every condition of a knowledge base under a name of its own, in the libraries in which other engines get them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from knowledge.conditions import Condition, facts_of
from knowledge.facts import Fact
from knowledge.items import KnowledgeBase
from knowledge.language import parse


@dataclass(frozen=True, slots=True)
class Definition:
    """A condition, its name, which no other definition and no fact has, and what it is in words."""

    name: str
    title: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Library:
    """The conditions of one kind, and the facts that they read."""

    name: str
    version: str
    definitions: tuple[Definition, ...]
    facts: tuple[Fact, ...]


def libraries(base: KnowledgeBase, version: str) -> tuple[Library, ...]:
    """The conditions of rules, hazards, derivations, invariants and the population; no library is empty."""
    kinds = {
        "Rules": _rules(base),
        "Hazards": _hazards(base),
        "Derivations": _derivations(base),
        "Invariants": _invariants(base),
        "Population": _population(base),
    }
    return tuple(
        _library(name, version, found, base.facts) for name, defined in kinds.items() if (found := tuple(defined))
    )


def _library(name: str, version: str, definitions: tuple[Definition, ...], facts: Mapping[str, Fact]) -> Library:
    read = {fact for definition in definitions for fact in facts_of(definition.condition)}
    return Library(name, version, definitions, tuple(facts[fact] for fact in sorted(read)))


def _rules(base: KnowledgeBase) -> Iterator[Definition]:
    for key, rule in base.rules.items():
        if rule.condition is not None:
            yield Definition(f"rule {key}", rule.title, rule.condition)


def _hazards(base: KnowledgeBase) -> Iterator[Definition]:
    for key, hazard in base.hazards.items():
        yield Definition(f"hazard {key}", hazard.title, hazard.condition)


def _derivations(base: KnowledgeBase) -> Iterator[Definition]:
    for key, fact in base.facts.items():
        for number, derivation in enumerate(fact.derivations, start=1):
            value = fact.typed(derivation.value)
            yield Definition(f"derivation {key} {number}", fact.said(value), parse(derivation.when))


def _invariants(base: KnowledgeBase) -> Iterator[Definition]:
    """True of a patient as no patient can be."""
    for key, fact in base.facts.items():
        for number, invariant in enumerate(fact.invariants, start=1):
            yield Definition(f"invariant {key} {number}", invariant.sentence, parse(invariant.condition))


def _population(base: KnowledgeBase) -> Iterator[Definition]:
    for key, fact in base.facts.items():
        if fact.population is not None:
            yield Definition(f"population {key}", fact.label, parse(fact.population))
