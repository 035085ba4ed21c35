"""Which items an item names: the facts it reads, the sources it cites, the rules it speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from knowledge.conditions import facts_of
from knowledge.errors import ConditionError
from knowledge.facts import Fact
from knowledge.items import ItemKind, Rule, Source, Vignette
from knowledge.language import parse
from knowledge.model.hazards import Hazard
from knowledge.schemas import Item

Name = tuple[ItemKind, str]
"""The kind and the key of an item."""


def references(item: Item) -> frozenset[Name]:
    """The items that an item names; a text that is no condition names none."""
    return frozenset(_named(item))


def users(items: Mapping[Name, Item], name: Name) -> list[Name]:
    """The items that name this one, in order."""
    return sorted(other for other, item in items.items() if other != name and name in references(item))


def bound_together(first: Name, items: Mapping[Name, Item]) -> frozenset[Name]:
    """Those of the items that the first one names or is named by, directly or over others of them."""
    links: dict[Name, set[Name]] = {name: set() for name in items}
    for name, item in items.items():
        for other in references(item) & items.keys():
            links[name].add(other)
            links[other].add(name)
    reached, waiting = {first}, [first]
    while waiting:
        near = links[waiting.pop()] - reached
        reached |= near
        waiting += near
    return frozenset(reached - {first})


def _named(item: Item) -> Iterator[Name]:
    match item:
        case Rule():
            if item.condition is not None:
                yield from _facts(facts_of(item.condition))
            yield from ((ItemKind.SOURCE, one.source) for one in item.citations)
            yield from ((ItemKind.RULE, one.rule) for one in item.overrides if one.rule is not None)
        case Hazard():
            yield from _facts(facts_of(item.condition))
            yield from ((ItemKind.SOURCE, one.source) for one in item.citations)
            yield from ((ItemKind.RULE, key) for key in item.answered_by)
        case Fact():
            texts = [one.when for one in item.derivations] + ([item.population] if item.population else [])
            yield from _facts(fact for text in texts for fact in _read_by(text))
            yield from _facts([item.counted_since] if item.counted_since else [])
            yield from _facts(fact for one in item.invariants for fact in _read_by(one.condition))
            yield from ((ItemKind.SOURCE, one.source) for one in (*item.derivations, *item.invariants))
        case Vignette():
            yield from _facts(item.facts)
            yield from ((ItemKind.RULE, key) for keys in item.expect.values() for key in keys)
            yield from ((ItemKind.HAZARD, key) for keys in item.hazards.values() for key in keys)
        case Source():
            return
        case _:
            assert_never(item)


def _facts(keys: Iterable[str]) -> Iterator[Name]:
    return ((ItemKind.FACT, key) for key in keys)


def _read_by(text: str) -> tuple[str, ...]:
    try:
        return facts_of(parse(text))
    except ConditionError:
        return ()
