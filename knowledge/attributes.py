"""Which kinds of data a rule uses: what every fact on which it may turn says of itself, over derivations too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from knowledge.conditions import Condition, facts_of
from knowledge.errors import ConditionError
from knowledge.facts import Attribute, Fact
from knowledge.items import KnowledgeBase, Rule
from knowledge.language import parse
from knowledge.model.overrides import withheld_rules


class Way(StrEnum):
    """How a rule comes to read a fact."""

    CONDITION = "condition"
    DERIVATION = "derivation"
    WITHHOLDING = "withholding"
    POPULATION = "population"


@dataclass(frozen=True, slots=True)
class Read:
    """A fact on which a rule may turn.

    `of` is the fact that is derived from it, the rule that withholds by it, or the fact whose population it is.
    It is the rule's `own` unless the rule reads it, as all rules do, for the population alone.
    """

    fact: str
    way: Way
    of: str | None = None
    own: bool = True


@dataclass(frozen=True, slots=True)
class Use:
    """Whether a rule uses a kind of data: through which of its facts, and which of them do not say."""

    attribute: Attribute
    through: tuple[Read, ...]
    unstated: tuple[Read, ...]

    @property
    def own(self) -> bool:
        """Whether the rule uses it by itself, and not as every rule does for the population."""
        return any(read.own for read in self.through)

    @property
    def used(self) -> bool | None:
        """None when it is not known: no fact that says so does, and one says nothing."""
        return True if self.through else None if self.unstated else False


class Reading:
    """What the rules of a base read."""

    def __init__(self, base: KnowledgeBase) -> None:
        self.base = base
        self._withheld_by: dict[str, list[Rule]] = {}
        for rule in base.rules.values():
            for key in withheld_rules(rule, base.rules):
                self._withheld_by.setdefault(key, []).append(rule)
        self._sources = {key: tuple(_sources(fact)) for key, fact in base.facts.items()}
        self._populations = [(key, _named(fact.population)) for key, fact in base.facts.items() if fact.population]

    def withheld_by(self, rule: Rule) -> tuple[Rule, ...]:
        """The rules that withhold this one while they are recommended."""
        return tuple(self._withheld_by.get(rule.key, ()))

    def facts(self, rule: Rule) -> tuple[Read, ...]:
        """Every fact on which it may turn whether the rule is recommended, each once, the nearest way first.

        The facts of its condition, of the rules and hazards that withhold it or those, and of the population, with
        all that any of them may be derived from. A statement reads none.
        """
        if rule.condition is None:
            return ()
        found: dict[str, Read] = {}
        self._follow(facts_of(rule.condition), Way.CONDITION, None, found)
        for other in self._over(rule):
            self._follow(_conditions_facts(other.condition), Way.WITHHOLDING, other.key, found)
        for hazard in self.base.hazards.values():
            if hazard.forbids_rule(rule):
                self._follow(facts_of(hazard.condition), Way.WITHHOLDING, hazard.key, found)
        for key, names in self._populations:
            self._follow(names, Way.POPULATION, key, found)
        return tuple(found.values())

    def uses(self, rule: Rule) -> Mapping[Attribute, Use]:
        """For each of the nine kinds whether the rule uses it."""
        reads = self.facts(rule)
        stated = {read: self._stated(read.fact) for read in reads}
        unstated = tuple(read for read in reads if stated[read] is None)
        return {
            kind: Use(kind, tuple(read for read in reads if kind in (stated[read] or ())), unstated)
            for kind in Attribute
        }

    def _stated(self, key: str) -> tuple[Attribute, ...] | None:
        return self.base.facts[key].attributes if key in self.base.facts else None

    def _follow(self, names: Iterable[str], way: Way, of: str | None, found: dict[str, Read]) -> None:
        own = way is not Way.POPULATION
        waiting = [Read(name, way, of, own) for name in names]
        while waiting:
            read = waiting.pop(0)
            if read.fact not in found:
                found[read.fact] = read
                waiting += [Read(name, Way.DERIVATION, read.fact, own) for name in self._sources.get(read.fact, ())]

    def _over(self, rule: Rule) -> Iterator[Rule]:
        """The rules that withhold it, and those that withhold them: a withheld rule withholds nothing."""
        seen, waiting = {rule.key}, list(self.withheld_by(rule))
        while waiting:
            other = waiting.pop(0)
            if other.key not in seen:
                seen.add(other.key)
                waiting += self.withheld_by(other)
                yield other


def _sources(fact: Fact) -> Iterator[str]:
    """The facts that a fact may follow from."""
    for one in fact.derivations:
        yield from _named(one.when)
    if fact.counted_since:
        yield fact.counted_since


def _named(condition: str) -> tuple[str, ...]:
    try:
        return facts_of(parse(condition))
    except ConditionError:
        return ()


def _conditions_facts(condition: Condition | None) -> tuple[str, ...]:
    return facts_of(condition) if condition is not None else ()
