"""Rulesets and messages as durable_rules reads them: JSON, short names, and places in place of values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, product
from operator import itemgetter
from string import ascii_letters, digits
from typing import Any

from cds.places import Aspect, Literal, Scale

SENTINEL = "ok"
"""The rule on the marker alone. It stands first in every ruleset, and so it fires first, for every patient."""

MARKER = "k"
"""What every message has and every conjunction begins with."""

RESERVED = ("id", "sid", "$s", MARKER)
"""Names that mean something to the engine, or to every message."""

Path = tuple[Literal, ...]
"""A conjunction in the order in which the engine tests it."""


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
        """What this ruleset is told of a patient, out of all that is said."""
        return f'{{"id":1,"{MARKER}":1{"".join(self._select(said))}}}'


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says of one aspect of a patient at which place it stands."""

    fact: str
    unknown: str
    """What is said when the fact is not known: nothing, unless some condition asks for that."""
    known: Callable[[Any], str]

    @classmethod
    def of(cls, aspect: Aspect, scale: Scale, name: str) -> Speaker:
        said = [f',"{name}":{place}' for place in range(scale.last + 1)]
        unknown = said[0] if scale.asked else ""
        if scale.firsts and not scale.ordered:
            ready = {value: said[place] for value, place in scale.firsts.items()}
            return cls(aspect.fact, unknown, ready.__getitem__)
        return cls(aspect.fact, unknown, lambda value: said[scale.place(value)])


def ruleset(
    paths: Iterable[Path],
    met_by: Mapping[Path, tuple[str, ...]],
    always: tuple[str, ...],
    names: Mapping[Aspect, str],
) -> Ruleset:
    """The ruleset of some paths; it reads the aspects by their numbers in the order of `names`."""
    numbers = {aspect: number for number, aspect in enumerate(names)}
    conditions: dict[str, Any] = {SENTINEL: {MARKER: 1}}
    met: dict[str, tuple[str, ...]] = {SENTINEL: always}
    read: set[int] = set()
    for number, path in enumerate(paths):
        rule = f"{number:02x}"  # always two characters, so that the engine's answer need not be searched for its end
        met[rule] = met_by[path]
        read.update(numbers[literal.aspect] for literal in path)
        tests = [{literal.comparison: {names[literal.aspect]: literal.place}} for literal in path]
        conditions[rule] = {"$and": [{MARKER: 1}, *tests]}
    rules = {rule: {"all": [{"m": condition}]} for rule, condition in conditions.items()}
    return Ruleset(json.dumps(rules, separators=(",", ":")), met, tuple(sorted(read)))


def aspect_names() -> Iterator[str]:
    """Short names, of which no two are one to the engine: it tells names apart by their hash alone."""
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
