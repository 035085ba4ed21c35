"""Conditions → conjunctions → rulesets that the engine can hold.

Given what comes, durable_rules 2.0.28 fails, hangs or crashes at sizes that a knowledge base reaches: 65 conditions
of one kind true at once, 512 different children of one node, 256 equal paths, two names with one hash. A plan
reaches none of them: `tests/test_engine.py` shows that the dangers are real and that they are not met here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cds.conjunctions import MOST_ASPECTS, Conjunction, TooLarge, spelled_out
from cds.places import Aspect, Literal, scales
from cds.rulesets import Path, Ruleset, Speaker, aspect_names, ruleset
from knowledge.conditions import Condition
from knowledge.facts import Fact, Facts

__all__ = ["Plan", "TooLarge", "check_fits", "plan"]

DEEPEST_STACK = 60
"""Nodes of a ruleset that wait at once to be matched: the engine's stack holds 64. So no node has more children
either, of which it bears 511."""

MOST_CONJUNCTIONS = 200
"""In one ruleset: with every firing the engine looks through all of its rules; and two digits name 256."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every condition, laid out in rulesets. What is met of them is the engine's to find."""

    rulesets: tuple[Ruleset, ...]
    speakers: tuple[Speaker, ...] = field(repr=False, compare=False)

    def say(self, facts: Facts) -> list[str]:
        """What is said of a patient to all rulesets, in parts from which each takes what it reads."""
        return [
            speaker.known(facts[speaker.fact]) if speaker.fact in facts else speaker.unknown
            for speaker in self.speakers
        ]


def plan(conditions: Mapping[str, Condition], facts: Mapping[str, Fact]) -> Plan:
    """The rulesets for named conditions that fit the dictionary; the same ones for the same conditions.

    Raises TooLarge for a condition that check_fits refuses.
    """
    scale_of = scales(conditions.values(), facts)
    met_by: dict[Conjunction, list[str]] = {}
    for name in sorted(conditions):
        for conjunction in spelled_out(conditions[name], scale_of):
            met_by.setdefault(conjunction, []).append(name)
    always = tuple(met_by.pop(frozenset(), ()))
    paths = {path: tuple(met_by[frozenset(path)]) for path in _paths(met_by)}
    names = dict(zip(_by_use(paths), aspect_names(), strict=False))
    first, *others = _groups(paths)
    rulesets = (ruleset(first, paths, always, names), *(ruleset(group, paths, (), names) for group in others))
    return Plan(rulesets, tuple(Speaker.of(aspect, scale_of[aspect], name) for aspect, name in names.items()))


def check_fits(condition: Condition, facts: Mapping[str, Fact]) -> None:
    """Refuse what one rule cannot be: TooLarge says what to split. No other rule has a say in it."""
    spelled_out(condition, scales([condition], facts))


def _paths(conjunctions: Iterable[Conjunction]) -> list[Path]:
    """Every conjunction beginning with the fact that fewest ask for, and sorted.

    Neighbours then share their beginning, few facts are read together, and what is rare is ruled out early.
    """
    literals = Counter(literal for conjunction in conjunctions for literal in conjunction)
    aspects: Counter[Aspect] = Counter()
    for literal, uses in literals.items():
        aspects[literal.aspect] += uses

    def rank(literal: Literal) -> tuple[int, Aspect, int, Literal]:
        return aspects[literal.aspect], literal.aspect, -literals[literal], literal

    ranked = sorted(sorted(map(rank, conjunction)) for conjunction in conjunctions)
    return [tuple(literal for *_, literal in path) for path in ranked]


def _by_use(paths: Iterable[Path]) -> list[Aspect]:
    """The most used aspects first: they get the shortest names."""
    uses = Counter(literal.aspect for path in paths for literal in path)
    return sorted(uses, key=lambda aspect: (-uses[aspect], aspect))


def _groups(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """The paths in their order, divided where the next one could be too much; one group at the least."""
    group: list[Path] = []
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


class _Node:
    """A node of the prefix tree that the engine makes of the paths of a ruleset."""

    __slots__ = ("_children", "_deepest")

    def __init__(self) -> None:
        self._children: dict[Literal, _Node] = {}
        self._deepest = 0

    @property
    def stack(self) -> int:
        """How many nodes can wait at once below this one: all children, or all but one and those below that one."""
        return max(len(self._children), len(self._children) - 1 + self._deepest)

    def add(self, path: Path) -> None:
        if path:
            child = self._children.setdefault(path[0], _Node())
            child.add(path[1:])
            self._deepest = max(self._deepest, child.stack)
