"""Whether a condition can be left unknown by what is not known of a patient."""

from __future__ import annotations

from itertools import combinations
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
    facts_of,
)
from knowledge.reasoning import negated

MOST_FACTS_TRIED = 12


def can_be_unknown(condition: Condition) -> bool:
    """Whether some patient leaves the condition unknown: `x or x is unknown` never is.

    Tries every set of facts that are not known; past twelve facts it says yes untried.
    """
    names = facts_of(condition)
    if len(names) > MOST_FACTS_TRIED:
        return True
    return any(
        None in _outcomes(condition, frozenset(unknown))
        for count in range(1, len(names) + 1)
        for unknown in combinations(names, count)
    )


def _outcomes(condition: Condition, unknown: frozenset[str]) -> frozenset[bool | None]:
    """The readings that are possible when exactly these of its facts are not known."""
    match condition:
        case Always():
            return frozenset({True})
        case Known(fact):
            return frozenset({fact not in unknown})
        case Compare(fact) | Between(fact) | Among(fact) | Includes(fact):
            return frozenset({None}) if fact in unknown else frozenset({True, False})
        case Not(part):
            return frozenset(negated(outcome) for outcome in _outcomes(part, unknown))
        case AllOf(parts) | AnyOf(parts) | AtLeast(_, parts):
            counts = {(0, 0)}
            for part in parts:
                outcomes = _outcomes(part, unknown)
                counts = {(true + (one is True), open_ + (one is None)) for true, open_ in counts for one in outcomes}
            needed = {AllOf: len(parts), AnyOf: 1}.get(type(condition)) or getattr(condition, "count", 1)
            return frozenset(
                True if true >= needed else None if true + open_ >= needed else False for true, open_ in counts
            )
        case _:
            assert_never(condition)
