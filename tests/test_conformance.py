"""What the tests of CQL, FHIRPath and DMN expect comes out here, through intake, reference evaluator and engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from cds.decisions.intake.resolver import FactResolver
from cds.engine import Engine
from cds.planning import plan
from cds.requests import UnusableRequest
from knowledge.conditions import Not
from knowledge.facts import Facts
from knowledge.language import parse
from knowledge.reasoning import reading
from tests.specification import READINGS
from tests.specification.conformance import REFUSED, Row, deviations, facts, rows, suites

FACTS = facts()
ROWS = rows()
CONDITIONS = {row.condition: parse(row.condition, FACTS) for row in ROWS}
AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
RESOLVER = FactResolver(FACTS, CONDITIONS.values())

each_row = pytest.mark.parametrize("row", ROWS, ids=str)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine, with every condition and its opposite."""
    opposites = {f"not ({text})": Not(condition) for text, condition in CONDITIONS.items()}
    with Engine(plan(CONDITIONS | opposites, FACTS)) as engine:
        yield engine


def patients(row: Row, *, set_aside: bool = False) -> Sequence[Facts]:
    """The patients that the one of a row could be, by intake; several where only part of a date is known."""
    return RESOLVER.resolve(row.posted, AT, set_aside=set_aside).variants


def evaluated(row: Row, variants: Sequence[Facts]) -> bool | None:
    """What is so for every variant, by the reference evaluator."""
    readings = {reading(CONDITIONS[row.condition], variant) for variant in variants}
    return readings.pop() if len(readings) == 1 else None


def fired(engine: Engine, row: Row, variants: Sequence[Facts]) -> bool | None:
    """What is so for every variant, by the engine: the condition fires, its opposite does, or neither."""
    names = frozenset.intersection(*map(engine.fire, variants))
    met, ruled_out = row.condition in names, f"not ({row.condition})" in names
    assert not (met and ruled_out)
    return met or (False if ruled_out else None)


@each_row
def test_what_the_suite_expects_comes_out_and_elsewhere_what_is_written_down(row: Row, engine: Engine) -> None:
    if row.outcome == REFUSED:
        with pytest.raises(UnusableRequest):
            patients(row)
        return
    variants = patients(row)
    assert evaluated(row, variants) is READINGS[row.outcome]
    assert fired(engine, row, variants) is READINGS[row.outcome]


@pytest.mark.parametrize("row", [row for row in ROWS if row.deviation == "wrong-type"], ids=str)
def test_where_a_value_of_another_type_is_set_aside_it_comes_to_the_same(row: Row, engine: Engine) -> None:
    variants = patients(row, set_aside=True)
    assert evaluated(row, variants) is READINGS[row.expected]
    assert fired(engine, row, variants) is READINGS[row.expected]


def test_what_differs_has_its_reason_and_no_reason_is_without_a_row() -> None:
    differing = [row for row in ROWS if row.outcome != row.expected]
    assert {row.deviation for row in differing} == set(deviations())
    assert [row for row in ROWS if row.deviation and row not in differing] == []


def test_each_test_of_a_suite_is_there_once() -> None:
    for suite in suites():
        names = [(row.file, row.test) for found in suite.files.values() for row in found]
        assert len(set(names)) == len(names)
        assert len(suite.commit) == 40
