"""Conditions as CQL, the text from which HL7's translator makes the ELM of `elm.py`, for a person to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import assert_never

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
)
from knowledge.facts import Fact, FactType
from knowledge.formats import elm
from knowledge.formats.libraries import Library

_SIGNS = {Operator.IS: "="} | {operator: operator.value for operator in Operator if operator is not Operator.IS}


def text(library: Library) -> str:
    """A whole library. Raises NotExpressible."""
    facts = {fact.key: fact for fact in library.facts}
    head = f"library {library.name} version '{library.version}'\n\n// A fact that is not known is null.\n"
    parameters = (f'parameter "{fact.key}" {_type(fact)} default null\n' for fact in library.facts)
    definitions = (
        f'\n// {" ".join(definition.title.split())}\ndefine "{definition.name}":\n'
        f"  {expression(definition.condition, facts)}\n"
        for definition in library.definitions
    )
    return f"{head}{''.join(parameters)}\ncontext Unfiltered\n{''.join(definitions)}"


def expression(condition: Condition, facts: Mapping[str, Fact]) -> str:
    """The CQL of one condition. Raises NotExpressible."""
    match condition:
        case Always():
            return "true"
        case Compare(fact, Operator.IS, True):
            return f'"{fact}"'
        case Compare(fact, operator, value):
            return _compared(facts[fact], operator, value)
        case Between(fact, low, high):
            return " and ".join(
                _compared(facts[fact], operator, end)
                for operator, end in ((Operator.AT_LEAST, low), (Operator.AT_MOST, high))
            )
        case Among(fact, codes):
            return " or ".join(_compared(facts[fact], Operator.IS, code) for code in codes)
        case Includes(fact, code):
            return f"\"{fact}\" includes {{ '{code}' }}"
        case Known(fact):
            return f'"{fact}" is not null'
        case Not(Known(fact)):
            return f'"{fact}" is null'
        case Not(part):
            return f"not {_bracketed(part, facts)}"
        case AllOf(parts):
            return " and ".join(_bracketed(part, facts) for part in parts)
        case AnyOf(parts):
            return " or ".join(_bracketed(part, facts) for part in parts)
        case AtLeast(count, parts):
            return _at_least(count, [_bracketed(part, facts) for part in parts])
        case _:
            assert_never(condition)


def _at_least(count: int, parts: list[str]) -> str:
    true = _number_true(parts)
    possible = _number_true(f"Coalesce({part}, true)" for part in parts)
    return f"case when {true} >= {count} then true when {possible} < {count} then false else null as Boolean end"


def _number_true(parts: Iterable[str]) -> str:
    return f"Sum({{ {', '.join(f'if {part} then 1 else 0' for part in parts)} }})"


def _bracketed(condition: Condition, facts: Mapping[str, Fact]) -> str:
    written = expression(condition, facts)
    match condition:
        case Always() | Compare(_, Operator.IS, True):
            return written
        case _:
            return f"({written})"


def _compared(fact: Fact, operator: Operator, value: Comparable) -> str:
    match value:
        case date():
            written = f"@{value.isoformat()}"
        case str():
            written = f"'{value}'"
        case _:
            _, written = elm.number(fact, value)
    return f'"{fact.key}" {_SIGNS[operator]} {written}'


def _type(fact: Fact) -> str:
    name = elm.TYPES[fact.type]
    return f"List<{name}>" if fact.type is FactType.CODES else name
