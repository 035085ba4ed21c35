"""A plan stays within what the engine can hold, is the same every time, and refuses what no rule should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from cds.conjunctions import MOST_ALTERNATIVES, MOST_ASPECTS, TooLarge, spelled_out
from cds.places import scales
from cds.planning import DEEPEST_STACK, MOST_CONJUNCTIONS, check_fits, plan
from cds.rulesets import RESERVED, SENTINEL, aspect_names, name_hash
from knowledge.conditions import Always, AtLeast, Compare, Condition, Not, Operator, all_of, any_of
from knowledge.facts import Code, Fact, FactType
from knowledge.language import parse
from tests import synthetic
from tests.strategies import dictionaries, moderately

CODES = tuple(Code(code, code) for code in ("a", "b", "c", "d", "e", "f", "g"))


def fact(key: str, type: FactType) -> Fact:
    codes = CODES if type in (FactType.CODE, FactType.CODES) else ()
    return Fact(key=key, label=key, type=type, phrase=key, topic="test", codes=codes)


FACTS = {type.value: fact(type.value, type) for type in FactType}
MANY = {f"b{number}": fact(f"b{number}", FactType.BOOLEAN) for number in range(200)}


def findings(count: int) -> list[Condition]:
    return [Compare(f"b{number}", Operator.IS, True) for number in range(count)]


def spelled(text: str) -> set[str]:
    """The alternatives of a condition on FACTS, as `fact operator place`."""
    condition = parse(text, FACTS)
    return {
        " and ".join(sorted(f"{literal.aspect.fact} {literal.comparison} {literal.place}" for literal in conjunction))
        for conjunction in spelled_out(condition, scales([condition], FACTS))
    }


# Conjunctions


@pytest.mark.parametrize(
    ("text", "alternatives"),
    [
        ("always", {""}),
        ("not always", set()),
        ("boolean", {"boolean $eq 2"}),
        ("not boolean", {"boolean $eq 1"}),
        ("integer > 5", {"integer $eq 2"}),
        ("not (integer > 5)", {"integer $eq 1"}),
        ("integer is 5", {"integer $eq 2"}),
        ("integer is not 5", {"integer $eq 1", "integer $eq 3"}),
        ("integer between 4 and 6", {"integer $eq 2"}),
        ("not (integer between 4 and 6)", {"integer $eq 1", "integer $eq 3"}),
        ("integer > 3 and integer < 9", {"integer $eq 2"}),
        ("integer > 9 and integer < 3", set()),
        ("integer > 3 or integer > 9", {"integer $gte 2"}),
        ("code is b", {"code $eq 2"}),
        ("code is not b", {"code $neq 2"}),
        ("code in (a, b, c)", {"code $lte 3"}),
        ("code in (a, c)", {"code $eq 1", "code $eq 3"}),
        ("code not in (a, c)", {"code $neq 1 and code $neq 3"}),
        ("codes includes b", {"codes $eq 2"}),
        ("not (codes includes b)", {"codes $eq 1"}),
        ("text is known", {"text $eq 1"}),
        ("text is unknown", {"text $eq 0"}),
        ("not (text is unknown)", {"text $eq 1"}),
        ("code is known", {"code $gte 1"}),
        ("boolean is known or boolean is unknown", {""}),
        ("code is not b or code is unknown", {"code $neq 2"}),
        ("code is not b and code is known", {"code $gte 1 and code $neq 2"}),
        ("code in (b, c) or code is unknown", {"code $eq 0", "code $gte 2 and code $lte 3"}),
        ("integer < 5 or integer is unknown", {"integer $lte 1"}),
        ("code is a or code is b or (boolean and code is c)", {"code $lte 2", "boolean $eq 2 and code $eq 3"}),
        ("boolean and boolean is unknown", set()),
        ("boolean or (boolean and code is b)", {"boolean $eq 2"}),
        ("boolean and integer > 3 or boolean and integer > 9", {"boolean $eq 2 and integer $gte 2"}),
        ("at least 2 of (boolean, integer > 5, date > 2026-01-31)", {
            "boolean $eq 2 and integer $eq 2",
            "boolean $eq 2 and date $eq 2",
            "date $eq 2 and integer $eq 2",
        }),
        ("not (at least 2 of (boolean, integer > 5, date > 2026-01-31))", {
            "boolean $eq 1 and integer $eq 1",
            "boolean $eq 1 and date $eq 1",
            "date $eq 1 and integer $eq 1",
        }),
    ],
)  # fmt: skip
def test_a_condition_is_spelled_out(text: str, alternatives: set[str]):
    assert spelled(text) == alternatives


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("integer > 55", "integer >= 56"),
        ("integer > 55.5", "integer >= 56"),
        ("integer <= 55.5", "integer < 56"),
        ("integer is 55.5", "not always"),
        ("not (integer <= 55)", "integer > 55"),
        ("date > 2026-01-31", "date >= 2026-02-01"),
        ("date < 0001-01-02 or date > 9999-12-30", "not (date between 0001-01-02 and 9999-12-30)"),
        ("boolean and code is b", "code is b and boolean"),
        ("not (boolean or code is b)", "not boolean and code is not b"),
        ("decimal is 3", "decimal between 3 and 3.0"),
    ],
)
def test_what_is_the_same_is_planned_the_same(one: str, other: str):
    assert plan({"rule": parse(one)}, FACTS) == plan({"rule": parse(other)}, FACTS)


def test_a_decimal_may_lie_between_two_limits_and_a_whole_number_not():
    assert spelled("integer > 5 and integer < 6") == set()
    assert spelled("decimal > 5 and decimal < 6") == {"decimal $eq 2"}


@moderately
@given(st.data())
def test_whether_a_condition_fits_does_not_depend_on_the_others(data: st.DataObject):
    dictionary = data.draw(dictionaries())
    condition, others = data.draw(dictionary.conditions), data.draw(dictionary.rules)
    facts = dictionary.facts
    try:
        alone = spelled_out(condition, scales([condition], facts))
    except TooLarge:
        reject()
    assert len(alone) == len(spelled_out(condition, scales([condition, *others.values()], facts)))


# Too large


def test_just_as_many_alternatives_as_a_rule_may_have_fit():
    check_fits(any_of(*findings(20)[16:], AtLeast(5, tuple(findings(10)))), MANY)
    assert MOST_ALTERNATIVES == 4 + 252


@pytest.mark.parametrize(
    "condition",
    [
        AtLeast(5, tuple(findings(11))),
        AtLeast(100, tuple(findings(200))),
        Not(AtLeast(100, tuple(findings(200)))),
        all_of(*(any_of(*findings(20)[2 * n : 2 * n + 2]) for n in range(9))),
        any_of(*findings(20)[15:], AtLeast(5, tuple(findings(10)))),
    ],
    ids=["5 of 11", "100 of 200", "not 100 of 200", "nine pairs", "257 in all"],
)
def test_a_condition_of_too_many_alternatives_is_refused_when_it_is_written_and_when_planned(
    condition: Condition,
):
    with pytest.raises(TooLarge, match="Split it into several rules, or count among fewer parts"):
        check_fits(condition, MANY)
    with pytest.raises(TooLarge):
        plan({"fine": Always(), "rule": condition}, MANY)


def test_the_refusal_names_the_part_that_is_too_large():
    condition = all_of(parse("b199"), AtLeast(6, tuple(findings(12))))
    with pytest.raises(TooLarge) as refused:
        check_fits(condition, MANY)
    assert str(refused.value) == (
        "Spelled out, `at least 6 of (b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11)` has more than 256 "
        "alternatives. Split it into several rules, or count among fewer parts."
    )


def test_a_condition_on_too_many_facts_at_once_is_refused():
    check_fits(all_of(*findings(MOST_ASPECTS)), MANY)
    with pytest.raises(TooLarge) as refused:
        check_fits(all_of(*findings(MOST_ASPECTS + 1)), MANY)
    assert str(refused.value).endswith(
        "needs 101 facts at once; 100 are the most. Split it into several rules that each read fewer facts."
    )


def test_a_rule_may_be_spread_over_several_rulesets():
    spread = plan({"rule": AtLeast(5, tuple(findings(10)))}, MANY)
    assert len(spread.rulesets) > 1
    assert sum(met == ("rule",) for ruleset in spread.rulesets for met in ruleset.met_by.values()) == 252


# Rulesets


def tree(text: str) -> dict[str, Any]:
    """The prefix tree that durable_rules makes of a ruleset, each node a literal with its children."""
    root: dict[str, Any] = {}
    for rule in json.loads(text).values():
        condition = rule["all"][0]["m"]
        node = root
        for literal in condition.get("$and", [condition]):
            node = node.setdefault(json.dumps(literal), {})
    return root


def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(below for child in node.values() for below in nodes(child))]


def stack(node: dict[str, Any]) -> int:
    """The formula of the decision record: the most nodes that wait at once, whatever is true."""
    return max([len(node), *(len(node) - 1 + stack(child) for child in node.values())])


def wide(random: Random, count: int) -> tuple[dict[str, Condition], dict[str, Fact]]:
    facts = synthetic.dictionary(random, 180)
    return synthetic.conditions(random, facts, count), facts


@pytest.mark.parametrize("count", [1, 60, 61, 1500])
def test_no_ruleset_can_reach_a_limit_of_the_engine(count: int):
    for ruleset in plan(*wide(Random(count), count)).rulesets:
        loaded = json.loads(ruleset.text)
        assert stack(tree(ruleset.text)) <= DEEPEST_STACK < 64
        assert max(len(node) for node in nodes(tree(ruleset.text))) <= DEEPEST_STACK < 512
        assert len(loaded) <= MOST_CONJUNCTIONS + 1 <= 256
        assert len(ruleset.reads) <= MOST_ASPECTS
        assert len({json.dumps(rule) for rule in loaded.values()}) == len(loaded)
        assert all(len(rule) == 2 for rule in loaded)


def test_every_ruleset_begins_with_a_sentinel_and_every_conjunction_with_the_marker():
    for ruleset in plan(*wide(Random(1), 500)).rulesets:
        sentinel, *others = json.loads(ruleset.text).items()
        assert sentinel == (SENTINEL, {"all": [{"m": {"k": 1}}]})
        assert all(rule["all"][0]["m"]["$and"][0] == {"k": 1} for _, rule in others)


def test_a_conjunction_that_several_conditions_share_is_one_rule():
    planned = plan({"one": parse("b1 or b2"), "other": parse("b2 or b3"), "third": parse("b2")}, MANY)
    [ruleset] = planned.rulesets
    assert sorted(ruleset.met_by.values()) == [(), ("one",), ("one", "other", "third"), ("other",)]


def test_the_sentinel_meets_what_always_holds_and_does_so_once():
    always = {
        "always": Always(),
        "or always": parse("b1 or always"),
        "known or not": parse("b1 or b1 is unknown or not b1"),
    }
    planned = plan({**always, **{f"rule-{number}": finding for number, finding in enumerate(findings(80))}}, MANY)
    assert [ruleset.met_by[SENTINEL] for ruleset in planned.rulesets] == [("always", "known or not", "or always"), ()]


def test_without_conditions_there_is_still_a_ruleset_that_fires():
    [ruleset] = plan({}, {}).rulesets
    assert ruleset.met_by == {SENTINEL: ()}


def test_the_order_of_rules_and_facts_does_not_matter():
    random = Random(3)
    rules, facts = wide(random, 300)
    shuffled = dict(random.sample(list(rules.items()), len(rules)))
    assert plan(rules, facts) == plan(shuffled, dict(reversed(facts.items())))


def test_a_plan_is_the_same_in_every_process():
    script = (
        "from random import Random; from tests.test_planning import wide, plan;"
        "print([(r.text, r.met_by, r.reads) for r in plan(*wide(Random(4), 200)).rulesets])"
    )
    plans = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(plans) == 1


# Names and messages


def test_no_two_names_are_one_to_the_engine():
    names = [*RESERVED, *islice(aspect_names(), 50_000)]
    assert len({name_hash(name) for name in names}) == len(names)


def test_the_hash_is_the_one_that_the_engine_computes():
    assert name_hash("id") == 926444256  # HASH_ID and HASH_SID in its src/rules/state.h
    assert name_hash("sid") == 3593476751
    assert name_hash("liquid") == name_hash("costarring")


def messages(texts: list[str], patient: dict[str, Any]) -> list[str]:
    planned = plan({text: parse(text) for text in texts}, FACTS)
    said = planned.say(patient)
    return [ruleset.message(said) for ruleset in planned.rulesets]


@pytest.mark.parametrize(
    ("patient", "message"),
    [
        ({}, '{"id":1,"k":1}'),
        ({"boolean": False}, '{"id":1,"k":1,"a":1}'),
        ({"boolean": True, "text": "not read by any rule"}, '{"id":1,"k":1,"a":2}'),
        ({"integer": 10**400, "decimal": 1e-300, "date": date.max}, '{"id":1,"k":1,"f":2,"e":1,"d":2}'),
        ({"codes": frozenset("ab"), "code": "g"}, '{"id":1,"k":1,"b":7,"c":2}'),
    ],
)
def test_a_message_says_the_places_of_what_is_known_and_read(patient: dict[str, Any], message: str):
    texts = ["boolean", "integer > 5", "decimal > 2.5", "date > 2026-01-31", "code is b", "codes includes b"]
    told = messages(texts, patient)
    assert [sorted(json.loads(one).items()) for one in told] == [sorted(json.loads(message).items())]


def test_that_a_fact_is_not_known_is_said_only_where_it_is_asked():
    assert messages(["integer is unknown", "boolean"], {}) == ['{"id":1,"k":1,"b":0}']


def test_a_ruleset_is_told_only_what_it_reads():
    rules, facts = wide(Random(5), 600)
    planned = plan(rules, facts)
    said = planned.say(synthetic.patient(Random(6), facts, known=1))
    assert len(planned.rulesets) > 1
    for ruleset in planned.rulesets:
        told = json.loads(ruleset.message(said)).keys() - {"id", "k"}
        asked = {name for rule in json.loads(ruleset.text).values() for name in asked_by(rule["all"][0]["m"])}
        assert told == asked


def asked_by(condition: dict[str, Any]) -> set[str]:
    """The names of the facts that a condition of the engine's compares."""
    return {name for literal in condition.get("$and", [])[1:] for test in literal.values() for name in test}


def test_a_value_that_the_fact_cannot_have_is_never_guessed_at():
    with pytest.raises(KeyError):
        messages(["code is b"], {"code": "not in the list"})
