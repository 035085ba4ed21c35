"""A knowledge base as formulas: which patients there can be, and what becomes of each rule and hazard for them.

A derived fact may also have been posted, and what was posted later counts for more than what follows from older
findings: so where a derivation is met the fact is known, but not always as the derivation says. Those patients of
whom it is as the derivations say, and whom no invariant excludes, are called plausible.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from cds.authoring.proof.derivations import Concluded, concluded, given_derivations
from cds.authoring.proof.encoder import Encoder
from cds.authoring.proof.formulas import Formula, conjunction, disjunction, implication, negation
from cds.authoring.proof.variables import CannotBeHeld, Variable, variables
from knowledge.conditions import Condition, leaves
from knowledge.items import ItemKind, KnowledgeBase, Rule, Urgency
from knowledge.language import parse
from knowledge.model.overrides import withheld_rules
from knowledge.references import Name

MOST_PARTS = 2_000
"""Comparisons in one condition. The largest of today has thirty."""


@dataclass(frozen=True, slots=True)
class Withholder:
    """A rule or hazard that withholds a rule, and where it does."""

    name: Name
    urgency: Urgency
    active: Formula


class EncodedBase:
    """The formulas of one knowledge base.

    `shared` are variables that another base was encoded over too, `apart` those of its facts that are not the same.
    """

    def __init__(
        self, base: KnowledgeBase, shared: Mapping[str, Variable] | None = None, apart: Container[str] = ()
    ) -> None:
        self.base = base
        self.variables = variables_of([base]) if shared is None else shared
        self.encoder = Encoder(self.variables, apart)
        self.population = [parse(fact.population, base.facts) for fact in base.facts.values() if fact.population]
        self._cannot_be = [
            (parse(one.condition, base.facts), one.gives_way) for fact in base.facts.values() for one in fact.invariants
        ]
        self._concluded: dict[str, Concluded] = {}
        self._recommended: dict[str, Formula] = {}
        self._overridden_by = _overridden_by(base)

    @cached_property
    def possible(self) -> Formula:
        """Where a patient can be so, and belongs to those whom the content is for."""
        return conjunction((self.possible_anywhere, self.inside))

    @cached_property
    def possible_anywhere(self) -> Formula:
        """Where a patient can be so, for whomever the content is."""
        return conjunction([*self.encoder.always, *self._follows])

    @cached_property
    def inside(self) -> Formula:
        """Where a patient is not known to be none of those whom the content is for."""
        return conjunction(negation(self.encoder.outcome(condition).not_met) for condition in self.population)

    @cached_property
    def plausible(self) -> Formula:
        """Where nothing that was posted contradicts what follows from the rest, and no invariant is broken."""
        agreeing = [
            implication(where, self.encoder.facts[key].is_(value))
            for key in self.base.facts
            for value, where in self.concluded(key).certain
        ]
        counted = [
            implication(self.encoder.facts[fact.counted_since].known, self.encoder.facts[key].known)
            for key, fact in self.base.facts.items()
            if fact.counted_since
        ]
        return conjunction(
            [*agreeing, *counted, *(negation(self.encoder.outcome(one).met) for one, _ in self._cannot_be)]
        )

    def concluded(self, key: str) -> Concluded:
        """Where a fact follows from others, and as what."""
        found = self._concluded.get(key)
        if found is None:
            found = self._concluded[key] = concluded(self.base.facts[key], self.base.facts, self.encoder)
        return found

    def met(self, name: Name) -> Formula:
        """Where the condition of a rule or hazard is met."""
        return self.encoder.outcome(self.condition(name)).met

    def condition(self, name: Name) -> Condition:
        kind, key = name
        condition = (self.base.hazards if kind is ItemKind.HAZARD else self.base.rules)[key].condition
        if condition is None:
            raise ValueError(f"{key} is a statement.")
        return condition

    def recommended(self, key: str) -> Formula:
        """Where a rule is recommended: met, and withheld by no hazard and no rule that is itself recommended."""
        found = self._recommended.get(key)
        if found is None:
            withheld = disjunction(one.active for one in self.withholders(key))
            found = conjunction((self.met((ItemKind.RULE, key)), negation(withheld)))
            self._recommended[key] = found
        return found

    def withholders(self, key: str) -> Iterator[Withholder]:
        """What withholds a rule, and where."""
        rule = self.base.rules[key]
        for hazard in self.base.hazards.values():
            if hazard.forbids_rule(rule):
                name = (ItemKind.HAZARD, hazard.key)
                yield Withholder(name, hazard.urgency, self.met(name))
        for other in self._overridden_by.get(key, ()):
            yield Withholder((ItemKind.RULE, other), self.base.rules[other].urgency, self.recommended(other))

    @property
    def rules(self) -> Iterator[Rule]:
        """The rules that can fire."""
        return (rule for rule in self.base.rules.values() if not rule.is_statement)

    def follows_exactly(self, keys: Iterable[str]) -> Formula:
        """Where facts are what follows from others, and not known where nothing does: nobody posted them."""
        parts: list[Formula] = []
        for key in keys:
            fact = self.base.facts.get(key)
            encoded = self.encoder.facts[key]
            values = () if fact is None else self.concluded(key).values
            parts += [implication(where, encoded.is_(value)) for value, where in values]
            if fact is None or not fact.counted_since:
                parts.append(implication(encoded.known, disjunction(where for _, where in values)))
        return conjunction(parts)

    @property
    def _follows(self) -> Iterator[Formula]:
        """What derivations make known is known, unless it is disputed or gives way to what cannot be."""
        giving_way = {name for _, name in self._cannot_be if name}
        for condition, name in self._cannot_be:
            if name:
                met = self.encoder.outcome(condition).met
                yield implication(met, negation(self.encoder.facts[name].known))
        for key, fact in self.base.facts.items():
            found, known = self.concluded(key), self.encoder.facts[key].known
            yield implication(found.contradictory, negation(known))
            if key in giving_way or not fact.worse:
                continue
            for _, where in found.values:
                yield implication(where, known)
            if fact.counted_since:
                yield implication(self.encoder.facts[fact.counted_since].known, known)


def variables_of(bases: Iterable[KnowledgeBase], more: Iterable[Condition] = ()) -> dict[str, Variable]:
    """Variables that every condition of the bases can be encoded over. Raises CannotBeHeld.

    Where a fact is in several bases, the last one says what it is.
    """
    bases = list(bases)
    facts = {key: fact for base in bases for key, fact in base.facts.items()}
    return variables([*(one for base in bases for one in conditions_of(base)), *more], facts)


def conditions_of(base: KnowledgeBase) -> Iterator[Condition]:
    """Every condition that decides something in a base. Raises CannotBeHeld for one that is too large."""
    for kind, items in ((ItemKind.RULE, base.rules), (ItemKind.HAZARD, base.hazards)):
        for key, item in items.items():
            if item.condition is not None:
                _check_size(kind, key, item.condition)
                yield item.condition
    for fact in base.facts.values():
        if fact.population:
            yield parse(fact.population, base.facts)
        yield from (parse(one.condition, base.facts) for one in fact.invariants)
        for given in given_derivations(fact, base.facts):
            yield given.condition
            yield from given.cuts


def _check_size(kind: ItemKind, key: str, condition: Condition) -> None:
    if (parts := sum(1 for _ in leaves(condition))) > MOST_PARTS:
        raise CannotBeHeld(
            f"The condition of the {kind} {key} has {parts:,} comparisons, and the solver holds {MOST_PARTS:,}: "
            "derive a fact from some of them, or make several rules of it."
        )


def _overridden_by(base: KnowledgeBase) -> dict[str, list[str]]:
    """By the key of each rule the rules that override it."""
    found: dict[str, list[str]] = {}
    for key, rule in base.rules.items():
        if rule.overrides and not rule.is_statement:
            for withheld in withheld_rules(rule, base.rules):
                found.setdefault(withheld, []).append(key)
    return found
