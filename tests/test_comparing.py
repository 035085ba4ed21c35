"""What would change for a patient between two releases: every kind of change, its reason, and that none is missed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.changes import tallying
from cds.changes.beside import over_examples
from cds.changes.comparing import Change, Effect, Pair, Patient, Unanswered, compare, effect_of
from cds.changes.tallying import PAGE, Comparison, from_json
from cds.deciding import Question, decide
from cds.engine import Engine
from cds.releases import PreparedRelease
from cds.writing import plain
from knowledge.conditions import Condition
from knowledge.facts import Code, Fact, FactType, Value
from knowledge.items import (
    Actor,
    Citation,
    ItemKind,
    KnowledgeBase,
    Mode,
    Override,
    Rule,
    RuleKind,
    Source,
    State,
    Urgency,
    Vignette,
)
from knowledge.language import parse
from knowledge.reasoning import reading
from tests import synthetic
from tests.strategies import Dictionary, dictionaries, moderately

AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
LATE = datetime(9999, 12, 31, 9, tzinfo=UTC)
"""After every date that is drawn at random."""

FACTS = {
    "pain": Fact("pain", "Pain", FactType.INTEGER, "pain intensity", "symptoms", minimum=0, maximum=10),
    "fatigue": Fact("fatigue", "Fatigue", FactType.BOOLEAN, "fatigue", "symptoms", absence="no fatigue"),
    "phase": Fact(
        "phase", "Phase", FactType.CODE, "phase", "disease", codes=(Code("acute", "acute"), Code("stable", "stable"))
    ),
}
BOOK = Source("book", "A book. 2020.", "A book", 2020)


def rule(key: str, condition: str | Condition | None, **others: Any) -> Rule:
    written = parse(condition, FACTS) if isinstance(condition, str) else condition
    usual: dict[str, Any] = {
        "title": key.capitalize(),
        "text": f"{key.capitalize()} a little.",
        "kind": RuleKind.ADVICE,
        "mode": Mode.DO if written else Mode.CONTEXT,
        "topic": "care",
        "actors": (Actor.CLINICIAN,),
        "urgency": Urgency.ONGOING,
        "citations": (Citation("book", "p1", "should"),),
        "review_by": date(2027, 6, 30),
        "patient_may_see": False,
    }
    return Rule(key=key, condition=written, **usual | others)


def base(*rules: Rule, facts: Mapping[str, Fact] = FACTS, vignettes: Mapping[str, Vignette] | None = None) -> Any:
    return KnowledgeBase(facts, {"book": BOOK}, {one.key: one for one in rules}, vignettes or {})


@contextmanager
def prepared(found: KnowledgeBase, version: int = 1) -> Iterator[PreparedRelease]:
    release = PreparedRelease(version, "", found, {(ItemKind.RULE, key): version for key in found.rules})
    try:
        yield release
    finally:
        release.close()


def compared(
    before: KnowledgeBase, after: KnowledgeBase, at: datetime = AT, **facts: Any
) -> tuple[Change, ...] | Unanswered:
    with prepared(before) as was, prepared(after) as now:
        return compare(was, now, Patient("p", "A patient", at, facts))


def the_change(before: KnowledgeBase, after: KnowledgeBase, **facts: Any) -> Change:
    found = compared(before, after, **facts)
    assert isinstance(found, tuple)
    [change] = found
    return change


def test_the_same_release_changes_nothing_for_anybody() -> None:
    release = base(rule("walk", "pain < 4"), rule("rest", "fatigue"))
    assert compared(release, release, pain=3) == ()


def test_she_gains_what_is_newly_met_and_reads_why() -> None:
    change = the_change(base(rule("walk", "pain < 4")), base(rule("walk", "pain < 6")), pain=5)
    assert (change.rule, change.title, change.effect) == ("walk", "Walk", Effect.GAINED)
    assert (change.before.state, change.before.findings) == (State.NOT_MET, ("pain intensity 5",))
    assert (change.after.state, change.after.findings) == (State.RECOMMENDED, ("pain intensity 5",))


def test_she_loses_what_is_no_longer_met() -> None:
    change = the_change(base(rule("walk", "pain < 6")), base(rule("walk", "pain < 4")), pain=5)
    assert change.effect is Effect.LOST
    assert change.after.state is State.NOT_MET


def test_she_loses_a_rule_that_is_gone_and_gains_one_that_is_new() -> None:
    gone, new = compared(base(rule("walk", "pain < 6")), base(rule("rest", "pain < 6")), pain=5)  # type: ignore[misc]
    assert (new.rule, new.effect, new.after.state) == ("walk", Effect.LOST, None)
    assert (gone.rule, gone.effect, gone.before.state) == ("rest", Effect.GAINED, None)


def test_a_rule_that_becomes_a_statement_is_gone_for_her() -> None:
    change = the_change(base(rule("walk", "pain < 6")), base(rule("walk", None)), pain=5)
    assert (change.effect, change.after.state) == (Effect.LOST, None)


def test_a_rule_that_is_gone_and_was_not_met_is_no_change() -> None:
    assert compared(base(rule("walk", "pain < 4")), base(), pain=5) == ()


def test_what_now_lacks_facts_names_them_by_their_labels() -> None:
    after = base(rule("walk", "pain < 6 and fatigue and phase is acute"))
    change = the_change(base(rule("walk", "pain < 6")), after, pain=5)
    assert (change.effect, change.after.lacks) == (Effect.LACKS, ("Fatigue", "Phase"))
    assert change.before.state is State.RECOMMENDED


def test_what_is_newly_withheld_says_by_whom_and_why() -> None:
    rest = rule("rest", "fatigue", overrides=(Override("walk", "Rest comes first."),))
    change = the_change(
        base(rule("walk", "pain < 6"), rule("rest", "fatigue")),
        base(rule("walk", "pain < 6"), rest),
        pain=5,
        fatigue=True,
    )
    assert (change.rule, change.effect) == ("walk", Effect.WITHHELD)
    assert change.after.withheld_by == (("Rest", "Rest comes first."),)
    assert change.after.findings == ("pain intensity 5",)


def test_what_is_no_longer_withheld_is_told_apart_from_what_is_newly_met() -> None:
    rest = rule("rest", "fatigue", overrides=(Override("walk", "Rest comes first."),))
    walk = rule("walk", "pain < 6")
    change = the_change(base(walk, rest), base(walk, rule("rest", "fatigue")), pain=5, fatigue=True)
    assert (change.rule, change.effect) == ("walk", Effect.FREED)
    assert change.before.withheld_by == (("Rest", "Rest comes first."),)


def test_a_rule_that_is_itself_withheld_is_not_named_as_withholding() -> None:
    walk = rule("walk", "pain < 6")
    rest = rule("rest", "fatigue", overrides=(Override("walk", "Rest comes first."),))
    call = rule("call", "fatigue", overrides=(Override("rest", "Call first."), Override("walk", "Call first.")))
    found = compared(base(walk), base(walk, rest, call), pain=5, fatigue=True)
    assert isinstance(found, tuple)
    by_rule = {change.rule: change for change in found}
    assert by_rule["walk"].after.withheld_by == (("Call", "Call first."),)
    assert by_rule["rest"].effect is Effect.WITHHELD


@pytest.mark.parametrize(
    ("others", "parts"),
    [
        ({"text": "Walk far."}, ("text",)),
        ({"urgency": Urgency.NOW}, ("urgency",)),
        ({"title": "Walking", "notes": ("Slowly.",)}, ("title", "notes")),
        ({"citations": (Citation("book", "p2", "should"),)}, ("citations",)),
    ],
)
def test_what_says_it_differently_says_in_what(others: dict[str, Any], parts: tuple[str, ...]) -> None:
    change = the_change(base(rule("walk", "pain < 6")), base(rule("walk", "pain < 6", **others)), pain=5)
    assert (change.effect, change.parts) == (Effect.WORDED, parts)


def test_the_same_advice_on_other_findings_is_said_differently() -> None:
    after = base(rule("walk", "pain < 6 and fatigue"))
    change = the_change(base(rule("walk", "pain < 6")), after, pain=5, fatigue=True)
    assert (change.effect, change.parts) == (Effect.WORDED, ("because",))
    assert change.after.findings == ("pain intensity 5", "fatigue")


def test_another_version_alone_is_said_too_but_only_where_it_is_recommended() -> None:
    release = base(rule("walk", "pain < 6"), rule("rest", "fatigue"), rule("run", "pain < 2"))
    with prepared(release, 1) as was, prepared(release, 2) as now:
        found = compare(was, now, Patient("p", "A patient", AT, {"pain": 5}))
    assert isinstance(found, tuple)
    assert [(change.rule, change.effect, change.parts) for change in found] == [("walk", Effect.WORDED, ("version",))]


def test_an_undetermined_rule_that_asks_for_other_facts_says_so() -> None:
    change = the_change(base(rule("walk", "fatigue")), base(rule("walk", "phase is acute")))
    assert (change.effect, change.parts) == (Effect.WORDED, ("missing",))
    assert (change.before.lacks, change.after.lacks) == (("Fatigue",), ("Phase",))


def test_a_rule_withheld_for_another_reason_says_so() -> None:
    def release(reason: str) -> KnowledgeBase:
        return base(rule("walk", "pain < 6"), rule("rest", "fatigue", overrides=(Override("walk", reason),)))

    change = the_change(release("Rest comes first."), release("She is tired."), pain=5, fatigue=True)
    assert (change.effect, change.parts) == (Effect.WORDED, ("withheld_by",))


def test_what_is_no_longer_left_open_is_settled() -> None:
    change = the_change(base(rule("walk", "pain < 4 and fatigue")), base(rule("walk", "pain < 2 and fatigue")), pain=3)
    assert (change.effect, change.before.lacks) == (Effect.SETTLED, ("Fatigue",))
    assert change.after.findings == ("pain intensity 3",)


def test_outside_the_population_the_reason_is_that() -> None:
    narrowed = {**FACTS, "phase": replace(FACTS["phase"], population="phase is acute")}
    walk = rule("walk", "pain < 6")
    change = the_change(base(walk), base(walk, facts=narrowed), pain=5, phase="stable")
    assert change.effect is Effect.LOST
    assert change.after.outside is not None
    assert "phase is stable" in change.after.outside
    assert change.after.findings == ()


def test_facts_that_the_proposal_refuses_are_an_outcome_and_not_a_crash() -> None:
    walk = rule("walk", "pain < 6")
    fewer = {"pain": replace(FACTS["pain"], maximum=5)}
    found = compared(base(walk), base(walk, facts=fewer), pain=9, fatigue=True)
    assert isinstance(found, Unanswered)
    assert found.before == ()
    assert found.after[0] == "Pain has the range 0 to 5; 9 is outside it."
    assert found.after[1].startswith("There is no fact called 'fatigue'.")


def test_many_refused_facts_are_not_all_named() -> None:
    release = base(rule("walk", "pain < 6"))
    unknown: dict[str, Any] = {f"fact_{number}": 1 for number in range(9)}
    found = compared(release, release, **unknown)
    assert isinstance(found, Unanswered)
    assert found.before == found.after
    assert (len(found.after), found.after[-1]) == (4, "And 6 more.")


def test_an_engine_that_disagrees_with_the_reading_is_an_outcome_too(monkeypatch: pytest.MonkeyPatch) -> None:
    release = base(rule("walk", "pain < 6"))
    with prepared(release) as was, prepared(release) as now:
        fire = Engine.fire
        monkeypatch.setattr(
            Engine, "fire", lambda self, facts: frozenset() if self is now.engine else fire(self, facts)
        )
        found = compare(was, now, Patient("p", "A patient", AT, {"pain": 5}))
    assert isinstance(found, Unanswered)
    assert found.before == ()
    assert "disagree" in found.after[0]


ONE_OF_FOUR = [*State, None]


@pytest.mark.parametrize("before", ONE_OF_FOUR)
@pytest.mark.parametrize("after", ONE_OF_FOUR)
def test_each_pair_of_states_has_one_effect_or_none(before: State | None, after: State | None) -> None:
    same = (before or State.NOT_MET) is (after or State.NOT_MET)
    found = effect_of(before, after)
    assert (found is None) is same
    assert (found in (Effect.GAINED, Effect.FREED)) is (after is State.RECOMMENDED and not same)
    assert (found is Effect.LACKS) is (after is State.UNDETERMINED and not same)


@st.composite
def two_releases(draw: st.DrawFn) -> tuple[Dictionary, list[dict[str, Condition]], list[set[tuple[str, str]]]]:
    """Two sets of conditions over one dictionary, most of them shared, and which rules withhold which in each."""
    found = draw(dictionaries())
    first = draw(found.rules)
    second = {
        key: first[key] if draw(st.booleans()) and key in first else one for key, one in draw(found.rules).items()
    }
    withheld = [
        {
            (over, under)
            for over in rules
            for under in rules
            if int(over.split("-")[1]) < int(under.split("-")[1]) and draw(st.booleans())
        }
        for rules in (first, second)
    ]
    return found, [first, second], withheld


def four_states(
    rules: Mapping[str, Condition], over: set[tuple[str, str]], known: Mapping[str, Value]
) -> dict[str, str]:
    """The state of every rule, computed the plain way: rules withhold only those with a later number."""
    states: dict[str, str] = {}
    for key in sorted(rules, key=lambda key: int(key.split("-")[1])):
        read = reading(rules[key], known)
        states[key] = "undetermined" if read is None else "recommended" if read else "not_met"
        if read and any(states[by] == "recommended" for by, under in over if under == key):
            states[key] = "withheld"
    return states


def said_differently(releases: list[KnowledgeBase], posted: Mapping[str, Any]) -> set[str]:
    """The rules that both answers list in the same part, in other words; versions and titles are the same here."""
    answers = []
    for release in releases:
        with prepared(release) as ready:
            question = Question("p", LATE, posted)
            answers.append(json.loads(decide(ready, question, clinically_approved=True).response))
    found: set[str] = set()
    for part in ("recommendations", "undetermined", "withheld"):
        was, now = (
            {key: [one for one in answer[part] if one["rule"] == key] for key in {one["rule"] for one in answer[part]}}
            for answer in answers
        )
        found |= {key for key in was.keys() & now.keys() if was[key] != now[key]}
    return found


@moderately
@given(st.data())
def test_it_finds_exactly_the_rules_whose_state_differs(data: st.DataObject) -> None:
    dictionary, rules, over = data.draw(two_releases())
    known = data.draw(dictionary.patients)
    posted = {key: plain(value) for key, value in known.items()}
    releases = [
        base(
            *(
                rule(key, one, overrides=tuple(Override(under, "First.") for by, under in sorted(pairs) if by == key))
                for key, one in some.items()
            ),
            facts=dictionary.facts,
        )
        for some, pairs in zip(rules, over, strict=True)
    ]
    found = compared(releases[0], releases[1], LATE, **posted)
    if isinstance(found, Unanswered):
        # Random values reach beyond what a fact takes; both dictionaries are the same, so both refuse.
        assert found.before
        assert found.before == found.after
        return
    was, now = (four_states(some, pairs, known) for some, pairs in zip(rules, over, strict=True))
    expected = {
        key: (was.get(key), now.get(key))
        for key in was.keys() | now.keys()
        if was.get(key, "not_met") != now.get(key, "not_met")
    }
    assert {
        change.rule: (change.before.state, change.after.state) for change in found if change.effect is not Effect.WORDED
    } == expected
    assert {change.rule for change in found if change.effect is Effect.WORDED} == said_differently(releases, posted)
    for change in found:
        for side, rules_of, pairs in ((change.before, rules[0], over[0]), (change.after, rules[1], over[1])):
            if side.state is State.UNDETERMINED:
                assert side.lacks
            if side.state is State.WITHHELD:
                titles = {by.capitalize() for by, under in pairs if under == change.rule}
                assert {title for title, _ in side.withheld_by} <= titles
                assert side.withheld_by
            assert (side.state is None) is (change.rule not in rules_of)


def test_the_synthetic_hundred_agree_too() -> None:
    random = Random(7)
    facts = synthetic.dictionary(random)
    first = synthetic.conditions(random, facts, 60)
    second = {**first, **dict(list(synthetic.conditions(random, facts, 20).items()))}
    counted = Comparison("patient")
    differing = 0
    with (
        prepared(base(*(rule(key, one) for key, one in first.items()), facts=facts)) as was,
        prepared(base(*(rule(key, one) for key, one in second.items()), facts=facts)) as now,
    ):
        for number in range(100):
            known = synthetic.patient(random, facts)
            posted = {key: plain(value) for key, value in known.items()}
            counted.add(str(number), "", compare(was, now, Patient(str(number), "", LATE, posted)))
            differing += sum(reading(first[key], known) is not reading(second[key], known) for key in first)
    states = sum(
        counts for rule in counted.rules.values() for effect, counts in rule.counts.items() if effect != "worded"
    )
    assert (counted.patients, counted.refused, states) == (100, [], differing)
    assert differing > 100


def test_over_the_example_patients_of_the_proposal() -> None:
    def patient(key: str, **facts: Any) -> Vignette:
        return Vignette(key, key, "care", "A story.", AT, facts)

    old = base(rule("walk", "pain < 4"), vignettes={"old": patient("old", pain=5)})
    new = base(rule("walk", "pain < 6"), vignettes={"a": patient("a", pain=5), "b": patient("b", pain=9)})
    with prepared(old) as was, prepared(new) as now:
        found = over_examples(Pair(was, now))
    assert (found.noun, found.patients, found.affected) == ("example patient", 2, 1)
    [reason] = found.rules["walk"].kept
    assert (reason.count, reason.patients) == (1, [("a", "a")])


def worded(effect: Effect, key: str = "walk") -> Change:
    nothing = the_change(base(rule(key, "pain < 4")), base(rule(key, "pain < 6")), pain=5)
    return replace(nothing, effect=effect)


def test_counts_are_complete_and_only_so_many_patients_are_named_for_a_reason() -> None:
    found = Comparison("decision", most_patients=3)
    lost, other = worded(Effect.LOST), worded(Effect.WORDED, "rest")
    for number in range(5):
        found.add(str(number), "A patient", (lost, other))
    found.add("x", "Another", (other,))
    found.add("y", "A third", ())
    assert (found.patients, found.affected, found.reworded) == (7, 5, 1)
    assert (found.by_effect["lost"], found.by_effect["worded"]) == (5, 6)
    assert [one.key for one in found.ranked] == ["walk", "rest"]
    assert [(reason.count, len(reason.patients)) for one in found.ranked for reason in one.kept] == [(5, 3), (6, 3)]


def test_of_very_many_reasons_the_first_are_kept_and_the_rest_is_counted() -> None:
    found = Comparison("decision", most_reasons=3)
    before, after = base(rule("walk", "pain <= 10")), base(rule("walk", "pain < 0"))
    for pain in (0, 1, 2, 3, 4, 4, 0):
        found.add(str(pain), "A patient", compared(before, after, pain=pain))
    walk = found.rules["walk"]
    assert (walk.counts["lost"], len(walk.reasons), walk.left_out) == (7, 3, 3)
    assert walk.kept[0].count == 2


def test_the_gravest_reasons_stand_first_and_then_those_of_most_patients() -> None:
    found = Comparison("decision")
    for effect, times in ((Effect.WORDED, 9), (Effect.GAINED, 2), (Effect.LOST, 1)):
        for _ in range(times):
            found.add("p", "A patient", (worded(effect),))
    assert [(reason.change.effect, reason.count) for reason in found.rules["walk"].kept] == [
        (Effect.LOST, 1),
        (Effect.GAINED, 2),
        (Effect.WORDED, 9),
    ]


def test_refused_patients_are_counted_by_who_refuses() -> None:
    found = Comparison("decision", most_reasons=2)
    for before, after in [((), ("No.",)), (("No.",), ()), (("No.",), ("No.",)), ((), ("No.",))]:
        found.add("p", "A patient", Unanswered(before, after))
    assert found.unanswered == {"after": 2, "before": 1, "both": 1}
    assert (found.affected, len(found.refused), found.changes_nothing) == (0, 2, False)


def test_a_comparison_is_stored_as_json_and_read_back_as_it_was() -> None:
    found = Comparison("decision", most_reasons=2)
    rest = rule("rest", "fatigue", overrides=(Override("walk", "Rest comes first."),))
    walk = rule("walk", "pain < 6")
    patients: list[dict[str, Any]] = [{"pain": 5, "fatigue": True}, {"pain": 5}, {"pain": 11}, {}]
    for facts in patients:
        found.add("p", "A patient", compared(base(walk), base(walk, rest), **facts))
    assert found.rules
    assert found.refused
    assert from_json(json.loads(json.dumps(found.as_json()))) == found


def test_reasons_come_in_pages_by_rule_and_the_counts_know_the_page_of_each() -> None:
    found = Comparison("decision")
    for number in range(PAGE + 10):
        lost = worded(Effect.LOST)
        found.add("p", "A patient", (replace(lost, before=replace(lost.before, findings=(f"pain {number}",))),))
    found.add("p", "A patient", (worded(Effect.GAINED, "rest"),))
    first, second, beyond = found.page(1), found.page(2), found.page(99)
    assert (first.first, first.last, first.of, first.pages) == (1, PAGE, PAGE + 11, 2)
    assert [rule.key for rule, _ in first.groups] == ["walk"]
    assert [(rule.key, len(reasons)) for rule, reasons in second.groups] == [("walk", 10), ("rest", 1)]
    assert beyond == second
    assert found.page(-1) == first
    assert found.pages_of == {"walk": 1, "rest": 2}


def test_an_empty_comparison_has_one_empty_page() -> None:
    page = Comparison("decision").page()
    assert (page.pages, page.of, page.groups) == (1, 0, ())
    assert set(tallying.SAID) == set(Effect)
