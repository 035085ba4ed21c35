"""The engine fires exactly what the plain reading says is met: at any size, from any thread, after any failure."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from cds import engine as engine_module
from cds.engine import Engine, EngineFault
from cds.planning import Plan, TooLarge, plan
from cds.rulesets import Ruleset
from knowledge.conditions import Always, Compare, Condition, Operator, all_of
from knowledge.facts import Fact, Facts, FactType
from knowledge.language import parse
from knowledge.reasoning import reading
from tests import synthetic
from tests.strategies import dictionaries, moderately

FACTS = {
    type.value: Fact(key=type.value, label=type.value, type=type, phrase=type.value, topic="test") for type in FactType
}
DURABLE = engine_module.durable


def read(conditions: Mapping[str, Condition], facts: Facts) -> frozenset[str]:
    return frozenset(name for name, condition in conditions.items() if reading(condition, facts))


def fired(conditions: Mapping[str, Condition], facts: Facts) -> frozenset[str]:
    with Engine(plan(conditions, FACTS)) as engine:
        return engine.fire(facts)


def limits(count: int) -> dict[str, Condition]:
    """As many different conditions on one fact; all of them are met by a value below zero."""
    return {f"below-{limit}": Compare("integer", Operator.LESS, limit) for limit in range(count)}


# Equal to the plain reading


@moderately
@given(st.data())
def test_the_engine_and_the_plain_reading_agree(data: st.DataObject):
    dictionary = data.draw(dictionaries())
    conditions = data.draw(dictionary.rules)
    try:
        planned = plan(conditions, dictionary.facts)
    except TooLarge:
        reject()
    with Engine(planned) as engine:
        for patient in data.draw(st.lists(dictionary.patients, min_size=1, max_size=4)):
            assert engine.fire(patient) == read(conditions, patient)


@pytest.mark.parametrize(
    ("fact", "values"),
    [
        ("integer", [-1, 0, 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400]),
        ("decimal", [0.0, -0.0, 0.1 + 0.2, 0.3, 1e-07, 5e-324, 1e16, 2.0**53, 1e308, -1e308, 36.6]),
        ("date", [date.min, date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1), date.max]),
    ],
)
def test_every_value_is_held_against_every_limit_as_python_holds_it(fact: str, values: list[Any]):
    conditions = {f"{operator} {limit}": Compare(fact, operator, limit) for operator in Operator for limit in values}
    with Engine(plan(conditions, FACTS)) as engine:
        for value in values:
            assert engine.fire({fact: value}) == read(conditions, {fact: value})


def test_a_decimal_is_held_against_a_whole_number_that_no_decimal_equals():
    conditions = {"more": Compare("decimal", Operator.MORE, 2**53 + 1)}
    assert fired(conditions, {"decimal": 2.0**53 + 2}) == {"more"}
    assert fired(conditions, {"decimal": 2.0**53}) == frozenset()


def test_what_always_holds_is_met_by_a_patient_of_whom_nothing_is_known():
    either = parse("boolean is known or boolean is unknown")
    assert fired({"always": Always(), "known or not": either}, {}) == {"always", "known or not"}


def test_without_any_rule_nothing_is_met():
    assert fired({}, {"integer": 1}) == frozenset()


def test_nothing_stays_from_one_patient_to_the_next():
    conditions = {"known": parse("integer is known"), "unknown": parse("integer is unknown")}
    with Engine(plan(conditions, FACTS)) as engine:
        assert [engine.fire(patient) for patient in ({"integer": 1}, {}, {"integer": 2})] == [
            {"known"},
            {"unknown"},
            {"known"},
        ]


# Sizes at which durable_rules breaks, and the engine does not


def raw(*lines: str) -> str:
    """How a process fares that gives durable_rules what comes: its last words, or how it ended."""
    script = "\n".join(
        [
            "import durable_rules_engine as durable, json",
            "def load(conditions):",
            "    rules = {f'r{n}': {'all': [{'m': condition}]} for n, condition in enumerate(conditions)}",
            "    return durable.create_ruleset('x', json.dumps(rules))",
            "def fire(handle, **facts):",
            "    state = durable.assert_fact(handle, json.dumps({**facts, 'id': 'f', 'sid': 's'}))[1]",
            "    firings, started = 0, durable.start_action_for_state(handle, state)",
            "    text = started and started[1]",
            "    while text:",
            "        firings, text = firings + 1, durable.complete_and_start_action(handle, state)",
            "    return firings",
            *lines,
        ]
    )
    try:
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=3)
    except subprocess.TimeoutExpired:
        return "hangs"
    return (ended.stdout + ended.stderr).strip().splitlines()[-1] if ended.returncode >= 0 else "crashes"


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (["print(fire(load({'$lt': {'age': n}} for n in range(64)), age=-1))"], "64"),
        (["print(fire(load({'$lt': {'age': n}} for n in range(65)), age=-1))"], "error code: 303"),
        (["load({'$gt': {'age': n}} for n in range(513))"], "hangs"),
        (["load([{'acute': 1}] * 300)"], "error code: 108"),
        (["print(fire(load([{'liquid': 1}]), costarring=1))"], "1"),
        (["print(fire(load([{'$gt': {'age': 65}}]), age='70'))"], "1"),
        (["print(fire(load([{'$gt': {'age': 0}}]), age=1e-07))"], "error code: 204"),
        (["print(fire(load([{'dose': 2**53 + 1}]), dose=2.0**53))"], "1"),
    ],
    ids=["64 siblings", "65 siblings", "513 children", "300 equal paths", "hash", "text", "exponent", "53 bits"],
)
def test_the_dangers_are_real(lines: list[str], outcome: str):
    assert raw(*lines).endswith(outcome)


@pytest.mark.parametrize("count", [63, 64, 65, 199, 200, 201, 511, 512, 513])
def test_any_number_of_conditions_on_one_fact_is_met_at_once(count: int):
    assert fired(limits(count), {"integer": -1}) == limits(count).keys()


@pytest.mark.parametrize("count", [255, 256, 257])
def test_any_number_of_rules_may_have_equal_conditions(count: int):
    conditions: dict[str, Condition] = {f"rule-{number}": parse("boolean") for number in range(count)}
    assert fired(conditions, {"boolean": True}) == conditions.keys()


def test_any_number_of_rules_may_begin_alike():
    conditions = {name: all_of(parse("boolean"), condition) for name, condition in limits(300).items()}
    assert fired(conditions, {"boolean": True, "integer": -1}) == conditions.keys()


def test_facts_whose_names_are_one_to_durable_rules_are_two_here():
    facts = {name: Fact(name, name, FactType.BOOLEAN, name, "test") for name in ("liquid", "costarring")}
    with Engine(plan({"rule": parse("liquid")}, facts)) as engine:
        assert engine.fire({"costarring": True}) == frozenset()


def test_five_thousand_rules_work():
    random = Random(5000)
    facts = synthetic.dictionary(random)
    conditions = synthetic.conditions(random, facts, 5000)
    with Engine(plan(conditions, facts)) as engine:
        for patient in [synthetic.patient(random, facts) for _ in range(3)]:
            assert engine.fire(patient) == read(conditions, patient)


# Threads, failures, the end


def test_eight_threads_never_get_one_anothers_patients():
    random = Random(8)
    facts = synthetic.dictionary(random)
    conditions = synthetic.conditions(random, facts, 200)
    expected = [
        (patient, read(conditions, patient)) for patient in (synthetic.patient(random, facts) for _ in range(40))
    ]
    with Engine(plan(conditions, facts)) as engine, ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda asked: engine.fire(asked[0]) == asked[1], expected * 10)
        assert all(answers)


class Failing:
    """A function of durable_rules that fails at its next calls."""

    def __init__(self, function: Callable[..., Any], *outcomes: BaseException | Any) -> None:
        self.function = function
        self.outcomes = list(outcomes)

    def __call__(self, *arguments: Any) -> Any:
        if not self.outcomes:
            return self.function(*arguments)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


FAILURES = [
    ("assert_fact", DURABLE.error("Could not assert fact, error code: 303")),
    ("assert_fact", (2, 1)),
    ("assert_fact", MemoryError()),
    ("start_action_for_state", None),
    ("start_action_for_state", ("{}", '{"00":{"m":{}}}')),
    ("complete_and_start_action", DURABLE.error("Could not complete and start action, error code: 307")),
    ("retract_fact", DURABLE.error("Could not retract fact, error code: 305")),
]


@pytest.fixture
def engine():
    with Engine(plan(limits(70), FACTS)) as engine:
        yield engine


@pytest.mark.parametrize(("function", "failure"), FAILURES)
def test_after_a_failure_the_engine_is_built_anew_and_answers(engine, monkeypatch, function, failure):
    handles = [handle for handle, _ in engine._loaded]
    monkeypatch.setattr(DURABLE, function, Failing(getattr(DURABLE, function), failure))
    assert engine.fire({"integer": 60}) == read(limits(70), {"integer": 60})
    assert not set(handles) & {handle for handle, _ in engine._loaded}


@pytest.mark.parametrize(("function", "failure"), FAILURES)
def test_a_second_failure_is_told_and_does_not_last(engine, monkeypatch, function, failure):
    monkeypatch.setattr(DURABLE, function, Failing(getattr(DURABLE, function), failure, failure))
    with pytest.raises(EngineFault, match="failed again"):
        engine.fire({"integer": 60})
    assert engine.fire({"integer": 60}) == read(limits(70), {"integer": 60})


def test_an_interrupt_leaves_nothing_of_a_patient_behind(engine, monkeypatch):
    interrupted = Failing(DURABLE.complete_and_start_action, KeyboardInterrupt())
    monkeypatch.setattr(DURABLE, "complete_and_start_action", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.fire({"integer": -1})
    assert engine.fire({"integer": 69}) == frozenset()


def test_a_plan_that_does_not_always_fire_is_refused_when_it_is_loaded():
    silent = Ruleset('{"ok":{"all":[{"m":{"absent":1}}]}}', {"ok": ()}, ())
    with pytest.raises(EngineFault):
        Engine(Plan((silent,), ()))


def test_a_closed_engine_says_so_and_may_be_closed_again():
    engine = Engine(plan(limits(3), FACTS))
    engine.close()
    engine.close()
    with pytest.raises(EngineFault, match="closed"):
        engine.fire({"integer": 1})


def test_closing_waits_for_the_patient_at_hand():
    conditions = limits(300)
    expected = read(conditions, {"integer": 5})
    for _ in range(5):
        engine = Engine(plan(conditions, FACTS))
        begun = threading.Event()

        def ask(engine: Engine = engine, begun: threading.Event = begun) -> int:
            answers = 0
            while True:
                try:
                    assert engine.fire({"integer": 5}) == expected
                except EngineFault:
                    return answers
                answers += 1
                begun.set()

        with ThreadPoolExecutor(4) as threads:
            asking = [threads.submit(ask) for _ in range(4)]
            begun.wait()
            engine.close()
            assert sum(each.result() for each in asking) > 0


def test_an_engine_that_nobody_holds_is_freed(monkeypatch):
    freed: list[int] = []
    delete = DURABLE.delete_ruleset
    monkeypatch.setattr(DURABLE, "delete_ruleset", lambda handle: (freed.append(handle), delete(handle)))
    engine = Engine(plan(limits(70), FACTS))
    loaded = {handle for handle, _ in engine._loaded}
    del engine
    assert set(freed) == loaded
