"""Seeded knowledge bases and patients of any size, mixed like the shipped ones, for load and benchmarks."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from knowledge.conditions import (
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

TYPES = (
    *[FactType.BOOLEAN] * 34,
    *[FactType.CODE] * 11,
    *[FactType.INTEGER] * 9,
    *[FactType.DECIMAL] * 3,
    *[FactType.DATE] * 2,
    FactType.CODES,
)
"""For sixty facts; the shipped dictionary has about these shares."""

_NEW_YEAR = date(2026, 1, 1)


def dictionary(random: Random, size: int = 60) -> dict[str, Fact]:
    facts = {}
    for number in range(size):
        type = TYPES[number % len(TYPES)]
        codes = random.randint(3, 7) if type in (FactType.CODE, FactType.CODES) else 0
        key = f"{type}_{number}"
        facts[key] = Fact(
            key=key,
            label=key,
            type=type,
            phrase=key,
            topic="synthetic",
            minimum=0 if type in (FactType.INTEGER, FactType.DECIMAL) else None,
            maximum=random.choice((10, 27, 120)) if type in (FactType.INTEGER, FactType.DECIMAL) else None,
            codes=tuple(Code(f"code_{n}", f"code {n}") for n in range(codes)),
        )
    return facts


def conditions(random: Random, facts: dict[str, Fact], count: int) -> dict[str, Condition]:
    """Different conditions, as the rules of a release are once equal ones are merged."""
    found: dict[Condition, None] = {}
    while len(found) < count:
        found.setdefault(_condition(random, list(facts.values())))
    return {f"rule-{number}": condition for number, condition in enumerate(found)}


def patient(random: Random, facts: dict[str, Fact], known: float = 0.8) -> dict[str, Value]:
    return {key: _value(random, fact) for key, fact in facts.items() if random.random() < known}


def _condition(random: Random, facts: list[Fact]) -> Condition:
    """Mostly a few findings together; sometimes alternatives, a count, or a fact that may be unknown."""
    draw = random.random()
    parts = [_finding(random, fact) for fact in random.sample(facts, 5)]
    if draw < 0.15:
        return parts[0]
    if draw < 0.70:
        return all_of(*parts[: random.choice((2, 2, 2, 3, 3, 4))])
    if draw < 0.85:
        return all_of(parts[0], any_of(*parts[1 : random.choice((3, 4))]))
    if draw < 0.92:
        fact = random.choice(facts).key
        return all_of(parts[0], any_of(parts[1], Not(Known(fact))))
    if draw < 0.97:
        return any_of(*parts[: random.choice((2, 3))])
    return AtLeast(2, tuple(parts[: random.choice((3, 4))]))


def _finding(random: Random, fact: Fact) -> Condition:
    leaf = _leaf(random, fact)
    return Not(leaf) if random.random() < 0.25 else leaf


def _leaf(random: Random, fact: Fact) -> Condition:
    match fact.type:
        case FactType.BOOLEAN:
            return Compare(fact.key, Operator.IS, True)
        case FactType.CODE:
            codes = random.sample([code.code for code in fact.codes], 2)
            if random.random() < 0.7:
                return Compare(fact.key, Operator.IS, codes[0])
            return Among(fact.key, tuple(codes))
        case FactType.CODES:
            return Includes(fact.key, random.choice(fact.codes).code)
        case _:
            values = sorted((_value(random, fact), _value(random, fact)), key=str)
            if random.random() < 0.2 and values[0] < values[1]:  # type: ignore[operator]
                return Between(fact.key, *values)  # type: ignore[arg-type]
            operators = (Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST)
            return Compare(fact.key, random.choice(operators), values[0])  # type: ignore[arg-type]


def _value(random: Random, fact: Fact) -> Value:
    match fact.type:
        case FactType.BOOLEAN:
            return random.random() < 0.3
        case FactType.CODE:
            return random.choice(fact.codes).code
        case FactType.CODES:
            return frozenset(code.code for code in fact.codes if random.random() < 0.3)
        case FactType.INTEGER:
            return random.randint(0, int(fact.maximum or 0))
        case FactType.DECIMAL:
            return round(random.uniform(0, fact.maximum or 0), 1)
        case FactType.DATE:
            return _NEW_YEAR + timedelta(days=random.randrange(400))
        case _:
            return "as told"
