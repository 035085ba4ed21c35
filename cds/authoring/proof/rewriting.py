"""The parts of a condition, and the condition with another part in the place of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from knowledge.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    AtLeast,
    Between,
    Compare,
    Condition,
    Includes,
    Known,
    Not,
    all_of,
    any_of,
)

Path = tuple[int, ...]
"""Which part of which part, counted from 0."""


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """The direct parts of a condition, none of a comparison."""
    match condition:
        case Not(part):
            return (part,)
        case AllOf(parts) | AnyOf(parts) | AtLeast(_, parts):
            return parts
        case Always() | Compare() | Between() | Among() | Includes() | Known():
            return ()
        case _:
            assert_never(condition)


def with_parts(condition: Condition, parts: tuple[Condition, ...]) -> Condition:
    """The same condition over other direct parts."""
    match condition:
        case Not():
            return Not(parts[0])
        case AllOf():
            return all_of(*parts)
        case AnyOf():
            return any_of(*parts)
        case AtLeast(count):
            return AtLeast(count, parts)
        case Always() | Compare() | Between() | Among() | Includes() | Known():
            return condition
        case _:
            assert_never(condition)


def everywhere(condition: Condition) -> Iterator[tuple[Path, Condition]]:
    """Every part at its path, the whole first."""
    yield (), condition
    for place, part in enumerate(parts_of(condition)):
        for path, inner in everywhere(part):
            yield (place, *path), inner


def replaced_at(condition: Condition, path: Path, part: Condition) -> Condition:
    """The condition with another part at a path."""
    if not path:
        return part
    first, *rest = path
    parts = list(parts_of(condition))
    parts[first] = replaced_at(parts[first], tuple(rest), part)
    return with_parts(condition, tuple(parts))


def without(condition: Condition, place: int) -> Condition | None:
    """An `and` or `or` without one of its parts; None of anything else."""
    if not isinstance(condition, AllOf | AnyOf):
        return None
    return with_parts(condition, condition.parts[:place] + condition.parts[place + 1 :])
