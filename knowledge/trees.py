"""Conditions as JSON, for readers in other languages: a tree of objects, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, assert_never

from knowledge.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    AtLeast,
    Between,
    Comparable,
    Compare,
    Condition,
    Includes,
    Known,
    Not,
    Operator,
    Ordered,
)
from knowledge.errors import KnowledgeError

Json = dict[str, Any]


class NoTree(KnowledgeError):
    """A JSON value that stands for no condition."""


def as_json(condition: Condition) -> Json:
    """The condition as an object whose `node` says what it is; `from_json` is its exact inverse.

    Numbers, codes and true are themselves; a date is `{"date": "2026-01-31"}`, so that no code looks like one.
    """
    match condition:
        case Always():
            return {"node": "always"}
        case Compare(fact, operator, value):
            return {"node": "compare", "fact": fact, "operator": operator.value, "value": _value(value)}
        case Between(fact, low, high):
            return {"node": "between", "fact": fact, "low": _value(low), "high": _value(high)}
        case Among(fact, codes):
            return {"node": "among", "fact": fact, "codes": list(codes)}
        case Includes(fact, code):
            return {"node": "includes", "fact": fact, "code": code}
        case Known(fact):
            return {"node": "known", "fact": fact}
        case Not(part):
            return {"node": "not", "part": as_json(part)}
        case AllOf(parts):
            return {"node": "all", "parts": [as_json(part) for part in parts]}
        case AnyOf(parts):
            return {"node": "any", "parts": [as_json(part) for part in parts]}
        case AtLeast(count, parts):
            return {"node": "at_least", "count": count, "parts": [as_json(part) for part in parts]}
        case _:
            assert_never(condition)


def from_json(tree: Mapping[str, Any]) -> Condition:
    """The condition that an object of `as_json` stands for. Raises NoTree for any other object."""
    try:
        return _condition(tree)
    except (KeyError, TypeError, ValueError) as error:
        raise NoTree(f"This is not the tree of a condition: {error}") from None


def _condition(tree: Mapping[str, Any]) -> Condition:
    match tree["node"]:
        case "always":
            return Always()
        case "compare":
            return Compare(_text(tree["fact"]), Operator(tree["operator"]), _comparable(tree["value"]))
        case "between":
            return Between(_text(tree["fact"]), _ordered(tree["low"]), _ordered(tree["high"]))
        case "among":
            return Among(_text(tree["fact"]), tuple(_text(code) for code in tree["codes"]))
        case "includes":
            return Includes(_text(tree["fact"]), _text(tree["code"]))
        case "known":
            return Known(_text(tree["fact"]))
        case "not":
            return Not(_condition(tree["part"]))
        case "all":
            return AllOf(tuple(_condition(part) for part in tree["parts"]))
        case "any":
            return AnyOf(tuple(_condition(part) for part in tree["parts"]))
        case "at_least" if isinstance(tree["count"], int):
            return AtLeast(tree["count"], tuple(_condition(part) for part in tree["parts"]))
        case node:
            raise ValueError(f"there is no node {node!r}.")


def _value(value: Comparable) -> Any:
    return {"date": value.isoformat()} if isinstance(value, date) else value


def _comparable(value: Any) -> Comparable:
    match value:
        case {"date": str() as day}:
            return date.fromisoformat(day)
        case bool() | int() | float() | str():
            return value
        case _:
            raise ValueError(f"{value!r} is no value.")


def _ordered(value: Any) -> Ordered:
    match _comparable(value):
        case bool() | str() as other:
            raise ValueError(f"{other!r} has no order.")
        case number_or_day:
            return number_or_day


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no name.")
    return value
