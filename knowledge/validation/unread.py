"""Which facts something turns on, and which nothing reads; which must say what is worse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from knowledge.conditions import facts_of
from knowledge.errors import ConditionError, ContentProblem
from knowledge.facts import Fact, FactType
from knowledge.items import ItemKind, KnowledgeBase, Urgency
from knowledge.language import parse


def needed_for(fact: Fact) -> set[str]:
    """The facts that a fact is derived from; a condition that does not parse names none."""
    needed = {fact.counted_since} if fact.counted_since else set()
    return needed.union(*(_read_by(one.when) for one in fact.derivations))


def sources_of(names: Iterable[str], facts: Mapping[str, Fact]) -> frozenset[str]:
    """These facts, what they may be derived from, and what can make one of them give way."""
    contradicted: dict[str, set[str]] = {}
    for fact in facts.values():
        for one in fact.invariants:
            if one.gives_way:
                contradicted.setdefault(one.gives_way, set()).update(_read_by(one.condition))
    waiting = list(names)
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needed_for(facts[name]) if name in facts else ()
            waiting += contradicted.get(name, ())
    return frozenset(found)


def read_facts(base: KnowledgeBase) -> frozenset[str]:
    """The facts on which a rule, a hazard or the population turns, directly or through what follows from them."""
    items = (*base.rules.values(), *base.hazards.values())
    read = {name for item in items if item.condition is not None for name in facts_of(item.condition)}
    read |= {name for fact in base.facts.values() if fact.population for name in _read_by(fact.population)}
    return sources_of(read, base.facts)


def unread_fact_problems(base: KnowledgeBase) -> Iterator[ContentProblem]:
    """The facts that an app would post in vain: nothing reads them, and they do not say what they are for.

    An invariant reads a fact too, since the answer says when it is broken.
    """
    if not base.rules:
        return
    read = read_facts(base).union(*(_read_by(one.condition) for fact in base.facts.values() for one in fact.invariants))
    for fact in base.facts.values():
        if fact.key not in read and not fact.used_later:
            detail = "No rule or hazard reads it: say what it is collected for, or leave the fact out."
            yield ContentProblem(ItemKind.FACT, fact.key, "used_later", detail)


def urgently_read(base: KnowledgeBase) -> frozenset[str]:
    """The facts that a hazard or a rule of urgency `now` reads."""
    conditions = [rule.condition for rule in base.rules.values() if rule.urgency is Urgency.NOW and rule.condition]
    conditions += [hazard.condition for hazard in base.hazards.values()]
    return frozenset(fact for condition in conditions for fact in facts_of(condition))


def worse_not_said_problems(base: KnowledgeBase) -> Iterator[ContentProblem]:
    """The facts that must say which of two values is worse, and do not: without it a disagreement silences a rule."""
    urgent = urgently_read(base)
    for fact in base.facts.values():
        if fact.worse is not None or fact.type is FactType.TEXT:
            continue
        if fact.key in urgent:
            why = "An urgent rule or a hazard reads it"
        elif fact.derived:
            why = "What is posted of it can contradict what follows from other facts"
        else:
            continue
        yield ContentProblem(ItemKind.FACT, fact.key, "worse", f"{why}: say which of two values is the worse one.")


def _read_by(condition: str) -> tuple[str, ...]:
    try:
        return facts_of(parse(condition))
    except ConditionError:
        return ()
