"""The condition tree: a closed set of frozen nodes, each checked when it is built.

A new meaning gets a new node and a new word; what a stored condition means never changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import assert_never


class Operator(StrEnum):
    """How a fact is held against one value; the text is how it is written."""

    IS = "is"
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


Number = int | float
Ordered = int | float | date
Comparable = bool | int | float | date | str


@dataclass(frozen=True, slots=True)
class Always:
    """Met by every patient."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`age_years > 55`, `disease_phase is acute`; a true/false fact alone is `Compare(fact, IS, True)`."""

    fact: str
    operator: Operator
    value: Comparable

    def __post_init__(self) -> None:
        if self.value is False:
            raise ValueError("Write Not(Compare(fact, IS, True)): each meaning has one tree.")
        if isinstance(self.value, float) and not isfinite(self.value):
            raise ValueError(f"{self.value} cannot be written.")
        if self.operator is not Operator.IS and isinstance(self.value, bool | str):
            raise ValueError(f"{self.operator} needs a number or a date, not {self.value!r}.")


@dataclass(frozen=True, slots=True)
class Between:
    """`pain_nrs between 4 and 6`: both ends belong to it."""

    fact: str
    low: Ordered
    high: Ordered

    def __post_init__(self) -> None:
        if isinstance(self.low, date) is not isinstance(self.high, date):
            raise ValueError("Both ends are numbers, or both are dates.")
        if not all(isfinite(end) for end in (self.low, self.high) if isinstance(end, float)):
            raise ValueError(f"{self.low} to {self.high} cannot be written.")
        if not self.low <= self.high:  # type: ignore[operator]
            raise ValueError(f"{self.low} is above {self.high}: nothing lies between them.")


@dataclass(frozen=True, slots=True)
class Among:
    """`progression_pattern in (gradual, rapid)`."""

    fact: str
    codes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.codes or len(set(self.codes)) != len(self.codes):
            raise ValueError("At least one code, and each of them once.")


@dataclass(frozen=True, slots=True)
class Includes:
    """`metastatic_sites includes bone`."""

    fact: str
    code: str


@dataclass(frozen=True, slots=True)
class Known:
    """`ecog_ps is known`: never itself unknown."""

    fact: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; not of what is not known is not known either."""

    part: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part; a part is never itself an AllOf, so each meaning has one tree."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2 or any(isinstance(part, AllOf) for part in self.parts):
            raise ValueError("AllOf holds two or more parts, none of them an AllOf; all_of() makes it so.")


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part or more; a part is never itself an AnyOf."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2 or any(isinstance(part, AnyOf) for part in self.parts):
            raise ValueError("AnyOf holds two or more parts, none of them an AnyOf; any_of() makes it so.")


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`at least 2 of (fatigue_present, pain_present, dyspnea_present)`."""

    count: int
    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.count <= len(self.parts) or len(self.parts) < 2:
            raise ValueError(f"{self.count} of {len(self.parts)} cannot be counted.")


Leaf = Compare | Between | Among | Includes | Known
Condition = Always | Leaf | Not | AllOf | AnyOf | AtLeast


def all_of(*parts: Condition) -> Condition:
    """The parts joined by `and`, inner ones lifted out; one part stays itself."""
    flat = tuple(p for part in parts for p in (part.parts if isinstance(part, AllOf) else (part,)))
    return flat[0] if len(flat) == 1 else AllOf(flat)


def any_of(*parts: Condition) -> Condition:
    """The parts joined by `or`, inner ones lifted out; one part stays itself."""
    flat = tuple(p for part in parts for p in (part.parts if isinstance(part, AnyOf) else (part,)))
    return flat[0] if len(flat) == 1 else AnyOf(flat)


def leaves(condition: Condition) -> Iterator[Leaf]:
    """The comparisons of a condition from left to right."""
    match condition:
        case Always():
            return
        case Compare() | Between() | Among() | Includes() | Known():
            yield condition
        case Not(part):
            yield from leaves(part)
        case AllOf(parts) | AnyOf(parts) | AtLeast(_, parts):
            for part in parts:
                yield from leaves(part)
        case _:
            assert_never(condition)


def facts_of(condition: Condition) -> tuple[str, ...]:
    """The names of the facts that a condition reads, each once, in the order of reading."""
    return tuple(dict.fromkeys(leaf.fact for leaf in leaves(condition)))
