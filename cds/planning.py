"""Conditions → conjunctions → rulesets that the engine can hold, and the messages that tell them of a patient.

Used carelessly, durable_rules 2.0.28 fails, hangs or crashes at sizes that a knowledge base reaches: 65 sibling
conditions true at once, 512 different children of one node, 256 identical paths, two names with one hash. A plan
cannot reach them; docs/decisions tells how each was found.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, product
from operator import itemgetter
from string import ascii_letters, digits
from typing import Any

from cds.conjunctions import MOST_ASPECTS, Conjunction, TooLarge, spelled_out
from cds.places import Aspect, Literal, Scale, scales
from knowledge.conditions import Condition
from knowledge.facts import Fact, Facts

__all__ = ["SENTINEL", "Plan", "Ruleset", "TooLarge", "check_fits", "plan"]

DEEPEST_STACK = 60
"""Nodes that wait at once while a ruleset is matched. The engine's stack holds 64; no node has more children
than this either, and the engine hangs for ever at 512."""

MOST_CONJUNCTIONS = 200
"""In one ruleset. Every firing looks through all rules of its ruleset, so that larger ones do not pay."""

SENTINEL = "ok"
"""The rule on the marker alone. It stands first in every ruleset, and so it fires first, for every patient."""

MARKER = "k"
"""What every message has and every conjunction begins with."""

RESERVED = ("id", "sid", "$s", MARKER)
"""Names that the engine or every message gives a meaning."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """What the engine loads as one: its text, the conditions that each of its rules meets, and what it reads."""

    text: str
    met_by: Mapping[str, tuple[str, ...]]
    reads: tuple[int, ...]
    _select: Callable[[Sequence[str]], Iterable[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_select", itemgetter(*self.reads) if self.reads else lambda _: ())

    def message(self, said: Sequence[str]) -> str:
        """What this ruleset is told, chosen from what the plan says of a patient."""
        return f'{{"id":1,"{MARKER}":1{"".join(self._select(said))}}}'


@dataclass(frozen=True, slots=True)
class Plan:
    """Every condition, laid out in rulesets."""

    rulesets: tuple[Ruleset, ...]
    _speakers: tuple[tuple[str, str, Callable[[Any], str]], ...]

    def say(self, facts: Facts) -> list[str]:
        """What can be said of a patient to any ruleset, aspect by aspect; nothing of most that is not known."""
        return [say(facts[fact]) if fact in facts else unknown for fact, unknown, say in self._speakers]


def plan(conditions: Mapping[str, Condition], facts: Mapping[str, Fact]) -> Plan:
    """The rulesets for named conditions that fit the dictionary. Equal input gives an equal plan.

    Raises TooLarge for a condition that check_fits would refuse.
    """
    scale_of = scales(conditions.values(), facts)
    met_by: dict[Conjunction, list[str]] = {}
    for name in sorted(conditions):
        for conjunction in spelled_out(conditions[name], scale_of):
            met_by.setdefault(conjunction, []).append(name)
    always = tuple(met_by.pop(frozenset(), ()))
    paths = {path: tuple(met_by[frozenset(path)]) for path in _paths(met_by)}
    aspects = _by_use(paths)
    names = dict(zip(aspects, _names(), strict=False))
    numbers = {aspect: number for number, aspect in enumerate(aspects)}
    rulesets = [
        _ruleset(group, paths, names, numbers, always if first else ())
        for first, group in zip([True, *[False] * len(paths)], _groups(paths), strict=False)
    ]
    return Plan(tuple(rulesets), tuple(_speaker(aspect, scale_of[aspect], names[aspect]) for aspect in aspects))


def check_fits(condition: Condition, facts: Mapping[str, Fact]) -> None:
    """Refuse a condition that one rule cannot be: TooLarge says what to split."""
    spelled_out(condition, scales([condition], facts))


_Path = tuple[Literal, ...]
"""A conjunction in the order in which the engine tests it."""


def _paths(conjunctions: Iterable[Conjunction]) -> list[_Path]:
    """Every conjunction beginning with the fact that fewest ask for, and sorted.

    Neighbours then share their beginning, few facts are read together, and what is rare is ruled out early.
    """
    literals = Counter(literal for conjunction in conjunctions for literal in conjunction)
    aspects = Counter[Aspect]()
    for literal, uses in literals.items():
        aspects[literal.aspect] += uses

    def rank(literal: Literal) -> tuple[int, Aspect, int, Literal]:
        return aspects[literal.aspect], literal.aspect, -literals[literal], literal

    ranked = sorted(sorted(rank(literal) for literal in conjunction) for conjunction in conjunctions)
    return [tuple(literal for *_, literal in path) for path in ranked]


class _Node:
    """A node of the prefix tree that the engine makes of the paths of a ruleset."""

    __slots__ = ("_deepest", "children")

    def __init__(self) -> None:
        self.children: dict[Literal, _Node] = {}
        self._deepest = 0

    @property
    def stack(self) -> int:
        """How many nodes can wait at once below this one: all children, or all but one and those below it."""
        return max(len(self.children), len(self.children) - 1 + self._deepest)

    def add(self, path: _Path) -> None:
        if path:
            child = self.children.setdefault(path[0], _Node())
            child.add(path[1:])
            self._deepest = max(self._deepest, child.stack)


def _groups(paths: Iterable[_Path]) -> Iterator[list[_Path]]:
    """The paths in their order, divided where the next one could be too much for the ruleset; at least one group."""
    group: list[_Path] = []
    root, read = _Node(), set[Aspect]()
    for path in paths:
        root.add(path)
        read |= {literal.aspect for literal in path}
        if group and (root.stack > DEEPEST_STACK or len(group) == MOST_CONJUNCTIONS or len(read) > MOST_ASPECTS):
            yield group
            group, root, read = [], _Node(), {literal.aspect for literal in path}
            root.add(path)
        group.append(path)
    yield group


def _ruleset(
    group: Sequence[_Path],
    paths: Mapping[_Path, tuple[str, ...]],
    names: Mapping[Aspect, str],
    numbers: Mapping[Aspect, int],
    always: tuple[str, ...],
) -> Ruleset:
    conditions: dict[str, Any] = {SENTINEL: {MARKER: 1}}
    met_by = {SENTINEL: always}
    for number, path in enumerate(group):
        rule = f"{number:02x}"
        met_by[rule] = paths[path]
        tests = ({literal.comparison: {names[literal.aspect]: literal.place}} for literal in path)
        conditions[rule] = {"$and": [{MARKER: 1}, *tests]}
    rules = {rule: {"all": [{"m": condition}]} for rule, condition in conditions.items()}
    reads = sorted({numbers[literal.aspect] for path in group for literal in path})
    return Ruleset(json.dumps(rules, separators=(",", ":")), met_by, tuple(reads))


def _by_use(paths: Iterable[_Path]) -> list[Aspect]:
    """The most used aspects first, so that they have the shortest names."""
    uses = Counter(literal.aspect for path in paths for literal in path)
    return sorted(uses, key=lambda aspect: (-uses[aspect], aspect))


def _names() -> Iterator[str]:
    """Short names, no two of which are one to the engine: it knows a name by its hash alone."""
    taken = {name_hash(word) for word in RESERVED}
    for length in count(1):
        for letters in product(ascii_letters + digits, repeat=length):
            name = "".join(letters)
            if name_hash(name) not in taken:
                taken.add(name_hash(name))
                yield name


def name_hash(name: str) -> int:
    """FNV-1a in 32 bits, as durable_rules computes it (2.0.28, src/rules/state.c)."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def _speaker(aspect: Aspect, scale: Scale, name: str) -> tuple[str, str, Callable[[Any], str]]:
    """The fact, what to say when it is not known, and what to say of a value: its place, ready for a message."""
    parts = [f',"{name}":{place}' for place in range(scale.last + 1)]
    unknown = parts[0] if scale.asked else ""
    if scale.firsts and not scale.ordered:
        return aspect.fact, unknown, {value: parts[place] for value, place in scale.firsts.items()}.__getitem__
    return aspect.fact, unknown, lambda value, place=scale.place: parts[place(value)]
