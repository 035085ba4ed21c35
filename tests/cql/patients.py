"""Made-up patients who stand at, just below and just above every limit that the conditions ask for, or are unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

from knowledge.conditions import Between, Compare, Condition, facts_of, leaves
from knowledge.errors import WrongValue
from knowledge.facts import Fact, Facts, FactType, Value

_SOME_DAY = date(2026, 1, 31)


def patients(conditions: Iterable[Condition], facts: Mapping[str, Fact], *, count: int, seed: int) -> Iterator[Facts]:
    """As many as asked for, the same for each seed: of every second one mostly what one condition reads is known."""
    random = Random(seed)
    conditions = list(conditions)
    read = [facts_of(condition) for condition in conditions]
    values = {name: _values(facts[name], conditions) for name in sorted({name for names in read for name in names})}
    for number in range(count):
        names, share = (values, random.choice((0.1, 0.5, 1.0))) if number % 2 else (random.choice(read), 0.9)
        yield {name: random.choice(values[name]) for name in names if random.random() < share}


def _values(fact: Fact, conditions: Iterable[Condition]) -> list[Value]:
    codes = [code.code for code in fact.codes]
    match fact.type:
        case FactType.BOOLEAN:
            return [True, False]
        case FactType.CODE:
            return [code for code in codes if fact.typed(code) is not None]
        case FactType.CODES:
            return [frozenset(), frozenset(codes), *(frozenset({code}) for code in codes), frozenset(codes[:2])]
        case FactType.TEXT:
            return ["words"]
        case FactType.DATE:
            return [limit + timedelta(days) for limit in {_SOME_DAY, *_limits(fact, conditions)} for days in (-1, 0, 1)]
        case FactType.INTEGER | FactType.DECIMAL:
            step = fact.step or (1 if fact.type is FactType.INTEGER else 0.1)
            limits = {fact.minimum or 0, fact.maximum or 100, *_limits(fact, conditions)}
            around = {round(limit + change, 6) for limit in limits for change in (-step, 0, step)}
            typed = {_typed(fact, number) for number in around}
            return sorted(number for number in typed if number is not None)


def _limits(fact: Fact, conditions: Iterable[Condition]) -> Iterator[Any]:
    for leaf in (leaf for condition in conditions for leaf in leaves(condition) if leaf.fact == fact.key):
        match leaf:
            case Compare(value=value):
                yield value
            case Between(low=low, high=high):
                yield from (low, high)
            case _:
                continue


def _typed(fact: Fact, number: float) -> int | float | None:
    """The number as a value of the fact, or None when it cannot be one."""
    raw = int(number) if fact.type is FactType.INTEGER else number
    try:
        value = fact.typed(raw)
    except WrongValue:
        return None
    assert isinstance(value, int | float)
    return value
