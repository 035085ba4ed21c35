"""What the tests of CQL, FHIRPath and DMN expect comes out here, through intake, reference evaluator and engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cds.decisions.intake.resolver import FactResolver
from cds.engine import Engine
from cds.planning import plan
from cds.requests import UnusableRequest
from knowledge.conditions import Not
from knowledge.errors import WrongValue
from knowledge.facts import Facts
from knowledge.language import parse
from knowledge.reasoning import reading
from tests.specification import READINGS
from tests.specification.conformance import REFUSED, Row, deviations, facts, rows, suites

FACTS = facts()
ROWS = rows()
CONDITIONS = {row.condition: parse(row.condition, FACTS) for row in ROWS}
AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
INTAKE = FactResolver(FACTS)

each_row = pytest.mark.parametrize("row", ROWS, ids=str)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine, with every condition and its opposite."""
    opposites = {f"not ({text})": Not(condition) for text, condition in CONDITIONS.items()}
    with Engine(plan(CONDITIONS | opposites, FACTS)) as engine:
        yield engine


def known(row: Row) -> Facts | None:
    """What is known of the patient of a row, or None when what is posted is refused."""
    try:
        return INTAKE.resolve(row.posted, AT).known
    except UnusableRequest:
        return None


def fired(engine: Engine, row: Row, patient: Facts) -> bool | None:
    """The reading of a condition from what the engine fires: itself, its opposite, or neither."""
    names = engine.fire(patient)
    met, ruled_out = row.condition in names, f"not ({row.condition})" in names
    assert not (met and ruled_out)
    return met or (False if ruled_out else None)


@each_row
def test_what_the_suite_expects_comes_out_and_elsewhere_what_is_written_down(row: Row, engine: Engine) -> None:
    patient = known(row)
    if patient is None:
        assert row.outcome == REFUSED
        return
    assert reading(CONDITIONS[row.condition], patient) is READINGS[row.outcome]
    assert fired(engine, row, patient) is READINGS[row.outcome]


@pytest.mark.parametrize("row", [row for row in ROWS if row.deviation == "wrong-type"], ids=str)
def test_were_a_value_of_another_type_not_known_instead_it_would_come_to_the_same(row: Row) -> None:
    patient = {}
    for name, raw in row.posted.items():
        try:
            patient[name] = FACTS[name].typed(raw)
        except WrongValue:
            continue
    assert reading(CONDITIONS[row.condition], patient) is READINGS[row.expected]


def test_what_differs_has_its_reason_and_no_reason_is_without_a_row() -> None:
    differing = [row for row in ROWS if row.outcome != row.expected]
    assert {row.deviation for row in differing} == set(deviations())
    assert [row for row in ROWS if row.deviation and row not in differing] == []


def test_each_test_of_a_suite_is_there_once() -> None:
    for suite in suites():
        names = [(row.file, row.test) for found in suite.files.values() for row in found]
        assert len(set(names)) == len(names)
        assert len(suite.commit) == 40
