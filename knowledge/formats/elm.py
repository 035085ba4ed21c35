"""Conditions as ELM, the JSON that engines of HL7's Clinical Quality Language run.

Each fact is a parameter of the library, null while it is not known; each condition is an expression that is true,
false or null. Where CQL's own operator reads null otherwise than strong Kleene logic (`in` and `contains` say false
of a list that is null, `Count` passes over null), another is used. Written as HL7's translator writes the CQL of
`cql.py`. HL7. Clinical Quality Language 1.5: chapter 4 (logical model) and appendix B (reference).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce
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
)
from knowledge.errors import KnowledgeError
from knowledge.facts import Fact, FactType, plain
from knowledge.formats.libraries import Definition, Library

Node = dict[str, Any]

TYPES = {
    FactType.BOOLEAN: "Boolean",
    FactType.INTEGER: "Integer",
    FactType.DECIMAL: "Decimal",
    FactType.DATE: "Date",
    FactType.CODE: "String",
    FactType.CODES: "String",
    FactType.TEXT: "String",
}
"""A list of codes is a List of it."""

_COMPARISONS = {
    Operator.IS: "Equal",
    Operator.LESS: "Less",
    Operator.AT_MOST: "LessOrEqual",
    Operator.MORE: "Greater",
    Operator.AT_LEAST: "GreaterOrEqual",
}

MOST_DECIMAL_PLACES = 8
LARGEST_INTEGER = 2**31 - 1
"""CQL's Decimal and Integer reach so far (CQL 1.5, appendix B, Types)."""

MOST_LEAVES = 5000
"""Of one condition: `at least` writes each of its parts twice, so that counts within counts grow beyond measure."""


class NotExpressible(KnowledgeError):
    """CQL has no literal for a number of a condition, or the condition would be too long."""


def text(library: Library) -> str:
    """A whole library as JSON. Raises NotExpressible."""
    facts = {fact.key: fact for fact in library.facts}
    content = {
        "library": {
            "identifier": {"id": library.name, "version": library.version},
            "schemaIdentifier": {"id": "urn:hl7-org:elm", "version": "r1"},
            "usings": {"def": [{"localIdentifier": "System", "uri": "urn:hl7-org:elm-types:r1"}]},
            "parameters": {"def": [_parameter(fact) for fact in library.facts]},
            "statements": {"def": [_statement(definition, facts) for definition in library.definitions]},
        }
    }
    return json.dumps(content, indent=1) + "\n"


def expression(condition: Condition, facts: Mapping[str, Fact]) -> Node:
    """The ELM of one condition. Raises NotExpressible."""
    match condition:
        case Always():
            return _literal("Boolean", "true")
        case Compare(fact, Operator.IS, True):
            return _parameter_ref(fact)
        case Compare(fact, operator, value):
            return _compared(facts[fact], operator, value)
        case Between(fact, low, high):
            ends = ((Operator.AT_LEAST, low), (Operator.AT_MOST, high))
            return _joined("And", [_compared(facts[fact], operator, end) for operator, end in ends])
        case Among(fact, codes):
            return _joined("Or", [_compared(facts[fact], Operator.IS, code) for code in codes])
        case Includes(fact, code):
            return _node("Includes", _parameter_ref(fact), {"type": "List", "element": [_literal("String", code)]})
        case Known(fact):
            return _not(_is_null(fact))
        case Not(Known(fact)):
            return _is_null(fact)
        case Not(part):
            return _not(expression(part, facts))
        case AllOf(parts):
            return _joined("And", [expression(part, facts) for part in parts])
        case AnyOf(parts):
            return _joined("Or", [expression(part, facts) for part in parts])
        case AtLeast(count, parts):
            return _at_least(count, [expression(part, facts) for part in parts])
        case _:
            assert_never(condition)


def number(fact: Fact, value: int | float) -> tuple[str, str]:
    """The type and the text in which CQL writes a number beside a fact. Raises NotExpressible."""
    if fact.type is FactType.INTEGER and isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise NotExpressible(f"CQL's whole numbers reach to {LARGEST_INTEGER}; {value} is beyond them.")
        return "Integer", str(value)
    whole, _, fraction = plain(value).partition(".")
    if len(fraction) > MOST_DECIMAL_PLACES:
        raise NotExpressible(f"CQL's numbers have at most {MOST_DECIMAL_PLACES} decimals; {plain(value)} has more.")
    return "Decimal", f"{whole}.{fraction or '0'}"


def _statement(definition: Definition, facts: Mapping[str, Fact]) -> Node:
    try:
        if _leaves(definition.condition) > MOST_LEAVES:
            raise NotExpressible("counts within counts make it too long. Split the rule.")
        written = expression(definition.condition, facts)
    except NotExpressible as problem:
        raise NotExpressible(f"{definition.name} cannot be written in CQL: {problem}") from None
    return {"name": definition.name, "context": "Unfiltered", "accessLevel": "Public", "expression": written}


def _leaves(condition: Condition) -> int:
    """How many comparisons a condition has once it is written."""
    match condition:
        case Always() | Compare() | Between() | Among() | Includes() | Known():
            return 1
        case Not(part):
            return _leaves(part)
        case AllOf(parts) | AnyOf(parts):
            return sum(map(_leaves, parts))
        case AtLeast(_, parts):
            return 2 * sum(map(_leaves, parts))
        case _:
            assert_never(condition)


def _parameter(fact: Fact) -> Node:
    named = {"type": "NamedTypeSpecifier", "name": _type(TYPES[fact.type])}
    if fact.type is FactType.CODES:
        specifier: Node = {"type": "ListTypeSpecifier", "elementType": named}
        unknown = {"type": "As", "operand": {"type": "Null"}, "asTypeSpecifier": specifier}
    else:
        specifier = named
        unknown = {"type": "As", "asType": _type(TYPES[fact.type]), "operand": {"type": "Null"}}
    return {"name": fact.key, "accessLevel": "Public", "default": unknown, "parameterTypeSpecifier": specifier}


def _compared(fact: Fact, operator: Operator, value: Comparable) -> Node:
    """A fact held against one value of its type; a whole number beside a fraction becomes a Decimal."""
    left = _parameter_ref(fact.key)
    match value:
        case date():
            parts = {"year": value.year, "month": value.month, "day": value.day}
            right = {"type": "Date", **{name: _literal("Integer", str(part)) for name, part in parts.items()}}
        case str():
            right = _literal("String", value)
        case _:
            type, written = number(fact, value)
            right = _literal(type, written.removeprefix("-"))
            right = {"type": "Negate", "operand": right} if written.startswith("-") else right
            if type != TYPES[fact.type]:
                left = {"type": "ToDecimal", "operand": left}
    return _node(_COMPARISONS[operator], left, right)


def _at_least(count: int, parts: list[Node]) -> Node:
    """True when enough parts are true, false when too few could still become so, null otherwise."""
    needed = _literal("Integer", str(count))
    enough = _node("GreaterOrEqual", _number_true(parts), needed)
    possible = [_node("Coalesce", part, _literal("Boolean", "true")) for part in parts]
    too_few = _node("Less", _number_true(possible), needed)
    boolean = {"type": "NamedTypeSpecifier", "name": _type("Boolean")}
    return {
        "type": "Case",
        "caseItem": [
            {"when": enough, "then": _literal("Boolean", "true")},
            {"when": too_few, "then": _literal("Boolean", "false")},
        ],
        "else": {"type": "As", "strict": False, "operand": {"type": "Null"}, "asTypeSpecifier": boolean},
    }


def _number_true(parts: Iterable[Node]) -> Node:
    """How many parts are true; `if` goes on with its `else` for what is null."""
    one, none = _literal("Integer", "1"), _literal("Integer", "0")
    counted = [{"type": "If", "condition": part, "then": one, "else": none} for part in parts]
    return {"type": "Sum", "source": {"type": "List", "element": counted}}


def _joined(operator: str, parts: list[Node]) -> Node:
    """ELM's And and Or take two operands each."""
    return reduce(lambda left, right: _node(operator, left, right), parts)


def _node(operator: str, *operands: Node) -> Node:
    return {"type": operator, "operand": list(operands)}


def _not(operand: Node) -> Node:
    return {"type": "Not", "operand": operand}


def _is_null(fact: str) -> Node:
    return {"type": "IsNull", "operand": _parameter_ref(fact)}


def _parameter_ref(fact: str) -> Node:
    return {"type": "ParameterRef", "name": fact}


def _literal(type: str, value: str) -> Node:
    return {"type": "Literal", "valueType": _type(type), "value": value}


def _type(name: str) -> str:
    return f"{{urn:hl7-org:elm-types:r1}}{name}"
