"""Conditions as ELM and CQL: each form of condition, the libraries, and what cannot be written."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from knowledge.conditions import AtLeast, Compare, Operator
from knowledge.facts import Fact, FactType, Invariant
from knowledge.files import base_of
from knowledge.formats import cql, elm
from knowledge.formats.libraries import Definition, Library, libraries
from knowledge.language import parse
from tests import specification
from tests.clinic import shipped_base

FACTS = specification.dictionary()
ROWS = tomllib.loads((specification.FOLDER / "cql.toml").read_text(encoding="utf-8"))["row"]


def shown(node: elm.Node) -> str:
    """ELM in a line: the operator and its operands, a fact by its name, a literal as CQL writes it."""
    match node:
        case {"type": "ParameterRef", "name": name}:
            return name
        case {"type": "Literal", "valueType": "{urn:hl7-org:elm-types:r1}String", "value": value}:
            return f"'{value}'"
        case {"type": "Literal", "value": value}:
            return value
        case {"type": "Date", "year": year, "month": month, "day": day}:
            return f"@{int(shown(year)):04}-{int(shown(month)):02}-{int(shown(day)):02}"
        case {"type": "List", "element": elements}:
            return f"{{{', '.join(map(shown, elements))}}}"
        case {"type": "If", "condition": condition, "then": then, "else": otherwise}:
            return f"If({shown(condition)}, {shown(then)}, {shown(otherwise)})"
        case {"type": "Case", "caseItem": items, "else": otherwise}:
            cases = [f"{shown(item['when'])}: {shown(item['then'])}" for item in items]
            return f"Case({'; '.join([*cases, shown(otherwise)])})"
        case {"type": "Null"}:
            return "Null"
        case _:
            operands: Any = node.get("operand", node.get("source"))
            return f"{node['type']}({', '.join(map(shown, operands if isinstance(operands, list) else [operands]))})"


@pytest.mark.parametrize("row", ROWS, ids=[row["form"] for row in ROWS])
def test_each_form_of_condition_has_its_cql_and_its_elm(row: dict[str, str]) -> None:
    condition = parse(row["written"], FACTS)
    assert cql.expression(condition, FACTS) == row["cql"]
    assert shown(elm.expression(condition, FACTS)) == row["elm"]


def test_a_whole_number_is_held_against_a_fraction_as_a_decimal() -> None:
    condition = Compare("age_years", Operator.MORE, 55.5)
    assert shown(elm.expression(condition, FACTS)) == "Greater(ToDecimal(age_years), 55.5)"
    assert cql.expression(condition, FACTS) == '"age_years" > 55.5'


def test_a_number_below_zero_is_the_negative_of_one_above() -> None:
    facts = {"change": Fact(key="change", label="Change", type=FactType.INTEGER, phrase="change", topic="x")}
    condition = parse("change < -3", facts)
    assert shown(elm.expression(condition, facts)) == "Less(change, Negate(3))"
    assert cql.expression(condition, facts) == '"change" < -3'


@pytest.mark.parametrize(
    ("fact", "value", "told"),
    [
        ("age_years", 2**31, "CQL's whole numbers reach to 2147483647; 2147483648 is beyond them."),
        ("age_years", -(2**31), "CQL's whole numbers reach to 2147483647; -2147483648 is beyond them."),
        ("spo2_room_air", 0.000000001, "CQL's numbers have at most 8 decimals; 0.000000001 has more."),
    ],
)
def test_a_number_that_cql_cannot_write_is_told_with_the_condition_it_is_in(fact: str, value: float, told: str) -> None:
    condition = Compare(fact, Operator.LESS, value)
    library = Library("Rules", "1", (Definition("rule walk", "Walk", condition),), (FACTS[fact],))
    with pytest.raises(elm.NotExpressible) as problem:
        elm.text(library)
    assert str(problem.value) == f"rule walk cannot be written in CQL: {told}"
    with pytest.raises(elm.NotExpressible):
        cql.text(library)


def test_counts_within_counts_are_refused_before_they_fill_the_machine() -> None:
    condition = parse("sedentary", FACTS)
    for _ in range(30):
        condition = AtLeast(1, (condition, parse("pain_present", FACTS)))
    library = Library("Rules", "1", (Definition("rule walk", "Walk", condition),), (FACTS["sedentary"],))
    with pytest.raises(elm.NotExpressible) as problem:
        elm.text(library)
    assert str(problem.value) == (
        "rule walk cannot be written in CQL: counts within counts make it too long. Split the rule."
    )


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31 - 1)])
def test_the_largest_whole_numbers_of_cql_are_written(value: int) -> None:
    assert str(value) in cql.expression(Compare("age_years", Operator.LESS, value), FACTS)


def test_a_library_names_the_facts_that_it_reads_each_with_its_type_and_null_while_it_is_not_known() -> None:
    condition = AtLeast(1, tuple(parse(text, FACTS) for text in ("metastatic_sites includes bone", "age_years > 55")))
    read = tuple(FACTS[name] for name in ("age_years", "metastatic_sites"))
    library = json.loads(elm.text(Library("Rules", "7", (Definition("rule walk", "Walk", condition),), read)))[
        "library"
    ]
    assert library["identifier"] == {"id": "Rules", "version": "7"}
    integer, string = ("{urn:hl7-org:elm-types:r1}Integer", "{urn:hl7-org:elm-types:r1}String")
    codes = {"type": "ListTypeSpecifier", "elementType": {"type": "NamedTypeSpecifier", "name": string}}
    assert library["parameters"]["def"] == [
        {
            "name": "age_years",
            "accessLevel": "Public",
            "default": {"type": "As", "asType": integer, "operand": {"type": "Null"}},
            "parameterTypeSpecifier": {"type": "NamedTypeSpecifier", "name": integer},
        },
        {
            "name": "metastatic_sites",
            "accessLevel": "Public",
            "default": {"type": "As", "operand": {"type": "Null"}, "asTypeSpecifier": codes},
            "parameterTypeSpecifier": codes,
        },
    ]
    [statement] = library["statements"]["def"]
    assert (statement["name"], statement["context"]) == ("rule walk", "Unfiltered")


def test_a_library_in_cql_gives_each_condition_its_title() -> None:
    definition = Definition("rule walk", "Walk\n a little", parse("sedentary", FACTS))
    assert cql.text(Library("Rules", "7", (definition,), (FACTS["sedentary"],))) == (
        "library Rules version '7'\n\n// A fact that is not known is null.\n"
        'parameter "sedentary" Boolean default null\n\ncontext Unfiltered\n\n'
        '// Walk a little\ndefine "rule walk":\n  "sedentary"\n'
    )


def test_what_cannot_be_is_a_library_of_its_own() -> None:
    invariant = Invariant("pain_nrs > 0 and not pain_present", "Pain of some intensity is pain.", "book", "p1")
    facts = FACTS | {"pain_nrs": replace(FACTS["pain_nrs"], invariants=(invariant,))}
    [library] = libraries(base_of(facts.values()), "1")
    assert (library.name, [fact.key for fact in library.facts]) == ("Invariants", ["pain_nrs", "pain_present"])
    [definition] = library.definitions
    assert (definition.name, definition.title) == ("invariant pain_nrs 1", "Pain of some intensity is pain.")
    assert cql.expression(definition.condition, facts) == '("pain_nrs" > 0) and (not "pain_present")'


def test_every_condition_that_ships_is_in_a_library_under_a_name_of_its_own() -> None:
    base = shipped_base()
    found = {library.name: library.definitions for library in libraries(base, "1")}
    names = [definition.name for definitions in found.values() for definition in definitions]
    assert len(set(names)) == len(names)
    assert not set(names) & set(base.facts)
    assert {name: len(definitions) for name, definitions in found.items()} == {
        name: number
        for name, number in {
            "Rules": sum(rule.condition is not None for rule in base.rules.values()),
            "Hazards": len(base.hazards),
            "Derivations": sum(len(fact.derivations) for fact in base.facts.values()),
            "Invariants": sum(len(fact.invariants) for fact in base.facts.values()),
            "Population": sum(fact.population is not None for fact in base.facts.values()),
        }.items()
        if number
    }
