"""Random dictionaries, conditions and patients for hypothesis: small, and full of edges.

`HYPOTHESIS_EXAMPLES=5000 pytest` looks for longer than the moderate default.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from knowledge.conditions import (
    Always,
    Among,
    AtLeast,
    Between,
    Compare,
    Condition,
    Includes,
    Known,
    Not,
    Operator,
    all_of,
    any_of,
)
from knowledge.facts import Code, Fact, FactType, Value

moderately = settings(max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "80")), deadline=None)

WHOLE = st.integers(-3, 8) | st.sampled_from((2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**40))
DECIMALS = (
    st.sampled_from((0.0, -0.0, 0.1, 0.2, 0.1 + 0.2, 0.3, 1e-7, 5e-324, 1e16, 2.0**53, 2.0**53 + 2, -1e300, 36.6))
    | st.integers(-3, 8).map(float)
    | st.floats(allow_nan=False, allow_infinity=False)
)
DAYS = st.integers(-3, 3).map(lambda days: date(2026, 1, 1) + timedelta(days)) | st.sampled_from((date.min, date.max))
ORDERS = (Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """A few facts, of any types, and what can be drawn over them."""

    facts: dict[str, Fact]

    @cached_property
    def patients(self) -> st.SearchStrategy[dict[str, Value]]:
        """What is known of someone: any part of the dictionary."""
        return st.fixed_dictionaries({}, optional={key: _values(fact) for key, fact in self.facts.items()})

    @cached_property
    def conditions(self) -> st.SearchStrategy[Condition]:
        """Trees of up to eight leaves."""
        leaves = st.one_of(st.just(Always()), *(_leaves(fact) for fact in self.facts.values()))
        return st.recursive(leaves, _trees, max_leaves=8)

    @cached_property
    def rules(self) -> st.SearchStrategy[dict[str, Condition]]:
        """Named conditions."""
        several = st.lists(self.conditions, min_size=1, max_size=8)
        return several.map(lambda found: {f"rule-{number}": condition for number, condition in enumerate(found)})


def dictionaries() -> st.SearchStrategy[Dictionary]:
    """The same few dozen at random: strategies over a dictionary are slow to make."""
    return st.sampled_from(_DICTIONARIES)


def _dictionary(random: Random) -> Dictionary:
    types = random.choices(list(FactType), k=random.randint(1, 6))
    return Dictionary({key: _fact(key, type, random) for key, type in zip("abcdef", types, strict=False)})


def _fact(key: str, type: FactType, random: Random) -> Fact:
    coded = type in (FactType.CODE, FactType.CODES)
    codes = tuple(Code(letter, letter) for letter in "stuvwx"[: random.randint(1, 6)]) if coded else ()
    return Fact(key=key, label=key, type=type, phrase=key, topic="random", codes=codes)


_DICTIONARIES = [_dictionary(Random(seed)) for seed in range(48)]


def _trees(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=4)
    counted = several.flatmap(lambda parts: st.integers(1, len(parts)).map(lambda count: AtLeast(count, tuple(parts))))
    return st.one_of(
        parts.map(Not),
        several.map(lambda parts: all_of(*parts)),
        several.map(lambda parts: any_of(*parts)),
        counted,
    )


def _leaves(fact: Fact) -> st.SearchStrategy[Condition]:
    known = st.just(Known(fact.key))
    match fact.type:
        case FactType.BOOLEAN:
            return known | st.just(Compare(fact.key, Operator.IS, True))
        case FactType.CODE:
            codes = st.sampled_from([code.code for code in fact.codes])
            among = st.lists(codes, min_size=1, unique=True).map(lambda some: Among(fact.key, tuple(some)))
            return known | among | codes.map(lambda code: Compare(fact.key, Operator.IS, code))
        case FactType.CODES:
            return known | st.sampled_from(fact.codes).map(lambda code: Includes(fact.key, code.code))
        case FactType.TEXT:
            return known
        case FactType.INTEGER | FactType.DECIMAL | FactType.DATE:
            limits: st.SearchStrategy[Any] = DAYS if fact.type is FactType.DATE else DECIMALS | WHOLE
            compared = st.builds(Compare, st.just(fact.key), st.sampled_from((*ORDERS, Operator.IS)), limits)
            pairs = st.tuples(limits, limits).map(sorted)
            return known | compared | pairs.map(lambda pair: Between(fact.key, *pair))


def _values(fact: Fact) -> st.SearchStrategy[Value]:
    match fact.type:
        case FactType.BOOLEAN:
            return st.booleans()
        case FactType.INTEGER:
            return WHOLE
        case FactType.DECIMAL:
            return DECIMALS
        case FactType.DATE:
            return DAYS
        case FactType.CODE:
            return st.sampled_from([code.code for code in fact.codes])
        case FactType.CODES:
            return st.frozensets(st.sampled_from([code.code for code in fact.codes]))
        case FactType.TEXT:
            return st.sampled_from(("as told", "otherwise"))
