"""Every shipped condition, run by engines of others: no patient and no condition comes out otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from knowledge.conditions import AtLeast, Condition, Not, all_of, any_of, facts_of
from knowledge.errors import WrongValue
from knowledge.facts import Fact, Facts, Value
from knowledge.formats import elm
from knowledge.formats.libraries import Definition, Library, libraries
from knowledge.language import parse
from knowledge.reasoning import reading
from tests import specification
from tests.clinic import shipped_base
from tests.cql.engines import Engine, evaluate, install, needs_node, translate
from tests.cql.patients import patients
from tests.specification import conformance

SHIPPED = libraries(shipped_base(), "1")
PATIENTS = {Engine.CQL_EXECUTION: 1500, Engine.HL7: 60}
TREES = {Engine.CQL_EXECUTION: 120, Engine.HL7: 25}
"""HL7's engine takes ten times as long as the other."""

CONDITIONS = {definition.name: definition.condition for library in SHIPPED for definition in library.definitions}

SMALL = specification.dictionary()
FORMS = [parse(form.written, SMALL) for form in specification.forms()]

pytestmark = needs_node
each_engine = pytest.mark.parametrize("engine", list(Engine))


@pytest.fixture(scope="module", autouse=True)
def _engines() -> None:
    install()


def hold(engine: Engine, exported: Sequence[Library], made: Sequence[Facts]) -> None:
    """Hold what the other engine says of each patient against what the reference evaluator says."""
    conditions = {definition.name: definition.condition for library in exported for definition in library.definitions}
    for facts, answers in zip(made, evaluate(engine, exported, made), strict=True):
        expected = {name: reading(condition, facts) for name, condition in conditions.items()}
        different = {name: (answers[name], expected[name]) for name in expected if answers[name] is not expected[name]}
        assert not different, facts


def library_of(conditions: Iterable[Condition], facts: Mapping[str, Fact]) -> Library:
    definitions = tuple(Definition(f"condition {number}", "", one) for number, one in enumerate(conditions))
    return Library("Conditions", "1", definitions, tuple(facts.values()))


@each_engine
def test_another_engine_comes_to_the_same_for_every_shipped_condition_and_every_patient(engine: Engine) -> None:
    hold(engine, SHIPPED, shipped_patients(PATIENTS[engine]))


def test_nearly_every_condition_is_met_by_some_of_these_patients_and_not_met_by_others() -> None:
    made = shipped_patients(PATIENTS[Engine.CQL_EXECUTION])
    asking = {name: condition for name, condition in CONDITIONS.items() if facts_of(condition)}
    lacking = [
        name for name, condition in asking.items() if not {True, False} <= {reading(condition, facts) for facts in made}
    ]
    assert len(lacking) <= 0.05 * len(asking), lacking


def shipped_patients(count: int) -> list[Facts]:
    return list(patients(CONDITIONS.values(), shipped_base().facts, count=count, seed=2021))


@each_engine
def test_it_comes_to_the_same_for_every_row_of_the_specification(engine: Engine) -> None:
    hold(engine, [library_of(FORMS, SMALL)], [case.facts for _, case in specification.cases()])


@each_engine
def test_it_comes_to_the_same_for_every_row_of_the_suites_of_others(engine: Engine) -> None:
    facts = conformance.facts()
    rows = conformance.rows()
    written = dict.fromkeys(parse(row.condition, facts) for row in rows)
    made = {frozenset(values_in(row.posted, facts)) for row in rows}
    hold(engine, [library_of(written, facts)], [dict(patient) for patient in made])


def values_in(posted: Mapping[str, Any], facts: Mapping[str, Fact]) -> Iterator[tuple[str, Value]]:
    """The known values, without what is unusable and without parts of dates."""
    for name, raw in posted.items():
        try:
            value = facts[name].typed(raw)
        except WrongValue:
            continue
        if value is not None:
            yield name, value


@each_engine
def test_it_comes_to_the_same_for_conditions_made_at_random(engine: Engine) -> None:
    random = Random(1964)
    made = [tree(random, depth=3) for _ in range(TREES[engine])]
    hold(engine, [library_of(made, SMALL)], list(patients(made, SMALL, count=TREES[engine], seed=7)))


def tree(random: Random, depth: int) -> Condition:
    """One of the forms of the specification, or some of them joined."""
    if depth == 0 or random.random() < 0.2:
        return random.choice(FORMS)
    parts = [tree(random, depth - 1) for _ in range(random.randint(2, 4))]
    match random.randrange(4):
        case 0:
            return Not(parts[0])
        case 1:
            return all_of(*parts)
        case 2:
            return any_of(*parts)
        case _:
            return AtLeast(random.randint(1, len(parts)), tuple(parts))


@pytest.mark.parametrize(
    "exported", [*SHIPPED, library_of(FORMS, SMALL)], ids=[*(one.name for one in SHIPPED), "forms"]
)
def test_the_cql_is_translated_to_the_very_elm_that_is_exported_with_it(exported: Library) -> None:
    [translated] = translate([exported])
    assert translated.get("problems") is None
    ours = json.loads(elm.text(exported))["library"]
    for part in ("identifier", "schemaIdentifier", "parameters", "statements"):
        assert translated["library"][part] == ours[part]
