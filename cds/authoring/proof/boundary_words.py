"""Titles of made test patients: `Age 55 years, just below the limit of “Screen before exercise”`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from cds.authoring.proof.survivors import Survivor
from knowledge.conditions import Between, Compare, Condition, Leaf, Ordered, leaves
from knowledge.facts import Fact, Facts, Value
from knowledge.items import ItemKind, KnowledgeBase
from knowledge.references import Name

LONGEST_TITLE = 160
"""A second fact is named where both fit."""


def title_of(killed: Sequence[Survivor], known: Facts, base: KnowledgeBase) -> str:
    """What a patient shows who notices slips: the facts at a limit, and of which rule."""
    beside: dict[str, str] = {}
    for survivor in killed:
        for fact, where in _beside(survivor.original, known, base.facts):
            said = capital(base.facts[fact].said(known[fact]))
            beside.setdefault(fact, f"{said}, {where} “{title(survivor.name, base)}”")
    if beside:
        one, *more = beside.values()
        both = f"{one}; {more[0]}" if more else one
        return both if len(both) <= LONGEST_TITLE else one
    [first, *_] = killed
    deciding = next((leaf.fact for leaf in leaves(first.original) if leaf.fact in known), None)
    said = base.facts[deciding].said(known[deciding]) if deciding else "nothing known"
    return f"{capital(said)}: “{title(first.name, base)}”"


def beside_bound(value: Value, bound: Ordered, fact: Fact) -> str | None:
    """Whether a value lies next to a bound, in words."""
    if isinstance(value, date) and isinstance(bound, date):
        distance, near = (value - bound).days, 1
    elif isinstance(value, bool | str | date | frozenset) or isinstance(bound, date):
        return None
    else:
        distance, near = value - bound, fact.step or 1
    if distance == 0:
        return "exactly at the limit of"
    if abs(distance) > near:
        return None
    return "just below the limit of" if distance < 0 else "just above the limit of"


def bounds_of(leaf: Leaf) -> tuple[Ordered, ...]:
    """The numbers or days with which a comparison compares."""
    match leaf:
        case Compare(_, _, int() | float() | date() as value) if not isinstance(value, bool):
            return (value,)
        case Between(_, low, high):
            return (low, high)
        case _:
            return ()


def _beside(condition: Condition, known: Facts, facts: Mapping[str, Fact]) -> Iterator[tuple[str, str]]:
    for leaf in leaves(condition):
        value = known.get(leaf.fact)
        for bound in bounds_of(leaf):
            where = None if value is None else beside_bound(value, bound, facts[leaf.fact])
            if where is not None:
                yield leaf.fact, where


def title(name: Name, base: KnowledgeBase) -> str:
    """The title of a rule or hazard."""
    kind, key = name
    return (base.hazards if kind is ItemKind.HAZARD else base.rules)[key].title


def capital(text: str) -> str:
    """The text with a capital letter first."""
    return text[:1].upper() + text[1:]
