"""Hypothesis strategies for conditions and for what is known of a patient, over a given fact dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from knowledge.conditions import (
    Always,
    Among,
    AtLeast,
    Between,
    Compare,
    Condition,
    Includes,
    Known,
    Leaf,
    Not,
    Operator,
    all_of,
    any_of,
)
from knowledge.facts import NOT_KNOWN_CODE, Fact, Facts, FactType

_OPERATORS = st.sampled_from(Operator)


def values(fact: Fact) -> SearchStrategy[Any]:
    """The values that a fact can have, once it is known."""
    codes = [code.code for code in fact.codes if code.code != NOT_KNOWN_CODE]
    match fact.type:
        case FactType.BOOLEAN:
            return st.booleans()
        case FactType.INTEGER:
            step = fact.step or 1
            low, high = int(fact.minimum or 0), int(fact.maximum or 100)
            return st.integers(-(-low // step), high // step).map(lambda number: number * step)
        case FactType.DECIMAL:
            low, high = fact.minimum or 0, fact.maximum or 100
            return st.integers(int(low * 10), int(high * 10)).map(lambda tenths: tenths / 10)
        case FactType.DATE:
            return st.dates(date(2020, 1, 1), date(2026, 1, 1))
        case FactType.CODE:
            return st.sampled_from(codes)
        case FactType.CODES:
            return st.frozensets(st.sampled_from(codes))
        case FactType.TEXT:
            return st.just("as she says")


def patients(facts: Mapping[str, Fact]) -> SearchStrategy[Facts]:
    """What is known of a patient: any of the facts, or none."""
    return st.fixed_dictionaries({}, optional={key: values(fact) for key, fact in facts.items()})


def conditions(facts: Mapping[str, Fact], *, asking_if_known: bool = True) -> SearchStrategy[Condition]:
    """Conditions that the dictionary allows; on request none that asks whether a fact is known."""
    findings = [_findings(fact, asking_if_known) for fact in facts.values()]
    return st.recursive(st.one_of(*findings, st.just(Always())), _joined, max_leaves=8)


def _joined(parts: SearchStrategy[Condition]) -> SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=3)
    return st.one_of(
        parts.map(Not),
        several.map(lambda found: all_of(*found)),
        several.map(lambda found: any_of(*found)),
        st.builds(lambda found, count: AtLeast(min(count, len(found)), tuple(found)), several, st.integers(1, 3)),
    )


def _findings(fact: Fact, asking_if_known: bool) -> SearchStrategy[Leaf]:
    known: SearchStrategy[Leaf] = st.just(Known(fact.key)) if asking_if_known else st.nothing()
    codes = [code.code for code in fact.codes if code.code != NOT_KNOWN_CODE]
    match fact.type:
        case FactType.BOOLEAN:
            return st.just(Compare(fact.key, Operator.IS, True)) | known
        case FactType.INTEGER | FactType.DECIMAL | FactType.DATE:
            ordered = st.builds(lambda operator, value: Compare(fact.key, operator, value), _OPERATORS, values(fact))
            ends = st.lists(values(fact), min_size=2, max_size=2).map(sorted)
            return ordered | ends.map(lambda pair: Between(fact.key, *pair)) | known
        case FactType.CODE:
            some = st.lists(st.sampled_from(codes), min_size=1, unique=True)
            one = st.sampled_from(codes).map(lambda code: Compare(fact.key, Operator.IS, code))
            return one | some.map(lambda found: Among(fact.key, tuple(found))) | known
        case FactType.CODES:
            return st.sampled_from(codes).map(lambda code: Includes(fact.key, code)) | known
        case FactType.TEXT:
            return known
