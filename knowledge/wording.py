"""Conditions in plain English, for people who do not read conditions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
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
    Leaf,
    Not,
    Operator,
    Ordered,
    facts_of,
)
from knowledge.facts import Fact, plain
from knowledge.reasoning import Finding

_NUMBERS = {
    Operator.IS: "{}",
    Operator.LESS: "under {}",
    Operator.AT_MOST: "at most {}",
    Operator.MORE: "over {}",
    Operator.AT_LEAST: "at least {}",
}
_DATES = {
    Operator.IS: "on {}",
    Operator.LESS: "before {}",
    Operator.AT_MOST: "on or before {}",
    Operator.MORE: "after {}",
    Operator.AT_LEAST: "on or after {}",
}


def in_words(condition: Condition, facts: Mapping[str, Fact]) -> str:
    """The condition as part of a sentence: `age over 55 years, presently sedentary, and …`."""
    match condition:
        case Always():
            return "every patient"
        case AllOf(parts):
            return _listed(parts, "and", facts)
        case AnyOf(parts) if (subject := _or_not_known(condition, facts)) is not None:
            return f"{_joined([in_words(part, facts) for part in parts[:-1]], 'or')}, or {subject}"
        case AnyOf((part, Not(opposite))) if part == opposite and isinstance(part, Compare):
            return f"{_subject(facts[part.fact])} known either way"
        case AnyOf(parts):
            return _listed(parts, "or", facts)
        case AtLeast(count, parts):
            return f"at least {count} of: {'; '.join(_inside(part, facts) for part in parts)}"
        case Not(part):
            return _denied(part, facts)
        case Compare() | Between() | Among() | Includes() | Known():
            return _said(condition, facts[condition.fact])
        case _:
            assert_never(condition)


def finding_in_words(finding: Finding, facts: Mapping[str, Fact]) -> str:
    """What is known of the fact that decided: `age 60 years`, `planned exercise: not known`."""
    return facts[finding.fact].said(finding.value)


def _or_not_known(condition: AnyOf, facts: Mapping[str, Fact]) -> str | None:
    """`not known`, when the last alternative is that the one fact of the others is not known."""
    *others, last = condition.parts
    match last:
        case Not(Known(fact)) if {name for other in others for name in facts_of(other)} == {fact}:
            return "this is not known"
        case _:
            return None


def _denied(part: Condition, facts: Mapping[str, Fact]) -> str:
    match part:
        case Compare(fact, Operator.IS, True):
            return facts[fact].said(False)
        case Compare(fact, operator, value):
            return f"{facts[fact].phrase} {_is(facts[fact])}not {_bound(facts[fact], operator, value)}"
        case Between(fact, low, high):
            return f"{facts[fact].phrase} not from {_range(facts[fact], low, high)}"
        case Among(fact, codes):
            labels = [facts[fact].label_of(code) for code in codes]
            return f"{facts[fact].phrase} is {'neither' if len(labels) > 1 else 'not'} {_joined(labels, 'nor')}"
        case Includes(fact, code):
            return f"{facts[fact].phrase} do not include {facts[fact].label_of(code)}"
        case Known(fact):
            return f"{_subject(facts[fact])} not known"
        case AnyOf(parts):
            return f"none of ({', '.join(_inside(part, facts) for part in parts)})"
        case _:
            return f"it is not so that ({in_words(part, facts)})"


def _said(leaf: Leaf, fact: Fact) -> str:
    match leaf:
        case Compare(_, Operator.IS, True):
            return fact.said(True)
        case Compare(_, operator, value):
            return f"{fact.phrase} {_is(fact)}{_bound(fact, operator, value)}"
        case Between(_, low, high):
            return f"{fact.phrase} from {_range(fact, low, high)}"
        case Among(_, codes):
            return f"{fact.phrase} is {_joined([fact.label_of(code) for code in codes], 'or')}"
        case Includes(_, code):
            return f"{fact.phrase} include {fact.label_of(code)}"
        case Known():
            return f"{_subject(fact)} known"
        case _:
            assert_never(leaf)


def _subject(fact: Fact) -> str:
    """`whether presently sedentary is`, `age is`: what can be known or not."""
    return f"whether {fact.phrase} is" if fact.absence is not None else f"{fact.phrase} is"


def _is(fact: Fact) -> str:
    return "is " if fact.codes else ""


def _bound(fact: Fact, operator: Operator, value: object) -> str:
    match value:
        case str():
            return fact.label_of(value)
        case date():
            return _DATES[operator].format(value.isoformat())
        case int() | float():
            return _NUMBERS[operator].format(fact.with_unit(value))
        case _:
            raise TypeError(f"{value!r} is not the value of a comparison.")


def _range(fact: Fact, low: Ordered, high: Ordered) -> str:
    first = low.isoformat() if isinstance(low, date) else plain(low)
    return f"{first} to {fact.with_unit(high)}"


def _inside(part: Condition, facts: Mapping[str, Fact]) -> str:
    """A part within a longer sentence; brackets where `and` and `or` would blur."""
    text = in_words(part, facts)
    return f"({text})" if isinstance(part, AllOf | AnyOf | AtLeast) else text


def _listed(parts: tuple[Condition, ...], word: str, facts: Mapping[str, Fact]) -> str:
    """Parts in a row; semicolons where a denial would be heard to reach further: `no pain and fatigue`."""
    said = [_inside(part, facts) for part in parts]
    if any(isinstance(part, Not) and not isinstance(after, Not) for part, after in pairwise(parts)):
        return f"{'; '.join(said[:-1])}; {word} {said[-1]}"
    return _joined(said, word)


def _joined(parts: list[str], word: str) -> str:
    match parts:
        case [only]:
            return only
        case [first, second]:
            return f"{first} {word} {second}"
        case [*first, last]:
            return f"{', '.join(first)}, {word} {last}"
        case _:
            return ""
