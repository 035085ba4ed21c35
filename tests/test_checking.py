"""What keeps a knowledge base from being published: each problem in the smallest base that has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given

from knowledge import files
from knowledge.checking import needed_for, problems_in, unproven
from knowledge.conditions import Condition
from knowledge.errors import ConditionProblem, ContentProblem
from knowledge.facts import Code, Derivation, Fact, Facts, FactType, Invariant
from knowledge.items import (
    Actor,
    Citation,
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
from knowledge.language import KEYWORDS, parse
from knowledge.model.actions import Action
from knowledge.reasoning import reading
from knowledge.validation.undecidable import can_be_unknown
from tests import specification, trees

DICTIONARY = specification.dictionary()
PAIN_NRS = Fact("pain_nrs", "Pain intensity", FactType.INTEGER, "pain intensity", "pain", minimum=0, maximum=10)
PAIN = Fact(
    "pain_present",
    "Pain",
    FactType.BOOLEAN,
    "pain",
    "pain",
    absence="no pain",
    worse="true",
    derivations=(Derivation(True, "pain_nrs >= 1", "kida-2021", "p179"),),
)
PHASE = Fact(
    "disease_phase",
    "Disease phase",
    FactType.CODE,
    "disease phase",
    "pain",
    codes=(Code("acute", "acute"), Code("stable", "stable")),
)
SOURCE = Source("kida-2021", "Kida K, et al.", "Optimal Supportive Care", 2021, verification="read whole")
RULE = Rule(
    key="ask-for-pain",
    title="Ask for pain",
    text="Ask where it hurts.",
    kind=RuleKind.ADVICE,
    mode=Mode.DO,
    topic="pain",
    actors=(Actor.CLINICIAN,),
    urgency=Urgency.THIS_VISIT,
    condition=parse("pain_present"),
    citations=(Citation("kida-2021", "p179", "should"),),
    review_by=date(2027, 6, 30),
    patient_may_see=False,
    actions=(Action.EVALUATE_PAIN,),
)
STATEMENT = replace(RULE, key="pain-is-common", title="Pain is common", mode=Mode.CONTEXT, condition=None, actions=())
VIGNETTE = Vignette("her-pain", "Her pain", "pain", "She has pain.", datetime(2026, 1, 31, tzinfo=UTC), {"pain_nrs": 7})
SHOWN = {State.RECOMMENDED: 7, State.NOT_MET: 0, State.UNDETERMINED: None}


def base(
    *,
    facts: tuple[Fact, ...] = (),
    rules: tuple[Rule, ...] = (RULE,),
    sources: tuple[Source, ...] = (SOURCE,),
    **vignettes: Any,
) -> KnowledgeBase:
    """A base that can be published, but for what the test gives it; its vignettes show every rule in every state."""
    keys = tuple(rule.key for rule in rules if rule.condition is not None)
    shown = [replace(VIGNETTE, key=f"shown-{state}", expect={state: keys}) for state in SHOWN]
    return KnowledgeBase(
        facts={fact.key: fact for fact in (PAIN_NRS, PAIN, PHASE, *facts)},
        sources={source.key: source for source in sources},
        rules={rule.key: rule for rule in rules},
        vignettes={vignette.key: vignette for vignette in (*shown, *vignettes.values())},
    )


def told(knowledge: KnowledgeBase) -> list[str]:
    return [str(problem) for problem in found(knowledge)]


def found(knowledge: KnowledgeBase) -> list[ContentProblem]:
    """The problems of a base, but for the facts that its few rules do not read."""
    return [problem for problem in problems_in(knowledge) if problem.field != "used_later"]


def unread(knowledge: KnowledgeBase) -> list[str]:
    """The facts that nothing reads and nobody accounts for."""
    return [problem.key for problem in problems_in(knowledge) if problem.field == "used_later"]


def with_rule(**changes: Any) -> KnowledgeBase:
    return base(rules=(replace(RULE, **changes),))


def with_pain(**changes: Any) -> KnowledgeBase:
    return base(facts=(replace(PAIN, **changes),))


def derived(value: Any, when: str, source: str = "kida-2021") -> tuple[Derivation, ...]:
    return (Derivation(value, when, source, "p179"),)


def test_a_base_in_which_nothing_is_wrong_can_be_published():
    assert told(base()) == []
    assert told(base(rules=(RULE, STATEMENT))) == []


def test_the_shipped_base_can_be_published():
    entries = files.read(files.SHIPPED)
    assert told(files.base_of(entry.item for entry in entries if not entry.draft)) == []


# Facts


def test_a_fact_that_nothing_reads_says_what_it_is_collected_for():
    assert unread(base()) == ["disease_phase"]
    assert [str(one) for one in problems_in(base()) if one.field == "used_later"] == [
        "fact disease_phase, used_later: No rule or hazard reads it: say what it is collected for, or leave the fact "
        "out."
    ]
    assert unread(base(facts=(replace(PHASE, used_later="Settles what was done."),))) == []


def test_a_fact_is_read_through_what_follows_from_it_by_the_population_and_by_what_cannot_be():
    assert "pain_nrs" not in unread(base())
    assert unread(base(facts=(replace(PHASE, population="disease_phase is acute"),))) == []
    broken = Invariant("disease_phase is stable and pain_nrs >= 7", "Stable is not severe pain.", "kida-2021", "p179")
    assert unread(base(facts=(replace(PHASE, invariants=(broken,)),))) == []


def test_a_base_without_rules_reads_nothing_yet():
    assert unread(base(rules=())) == []


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_a_fact_cannot_be_called_like_a_word_of_the_language(word: str):
    assert told(base(facts=(replace(PHASE, key=word),))) == [
        f"fact {word}, key: {word} is a word of the condition language; choose another name."
    ]


@pytest.mark.parametrize("word", sorted(KEYWORDS - {"unknown"}))
def test_nor_can_a_code(word: str):
    phase = replace(PHASE, codes=(Code("acute", "acute"), Code(word, "that")))
    assert told(base(facts=(phase,))) == [
        f"fact disease_phase, codes: {word} is a word of the condition language; choose another code."
    ]


def test_only_a_fact_with_one_code_can_have_a_code_for_not_known():
    codes = (Code("bone", "bone"), Code("unknown", "not known"))
    assert told(base(facts=(replace(PHASE, codes=codes),))) == []
    assert told(base(facts=(replace(PHASE, type=FactType.CODES, codes=codes),))) == [
        "fact disease_phase, codes: unknown is a word of the condition language; choose another code."
    ]


def test_a_code_stands_once():
    phase = replace(PHASE, codes=(*PHASE.codes, Code("acute", "very acute")))
    assert told(base(facts=(phase,))) == ["fact disease_phase, codes: A code stands twice; once is enough."]


@pytest.mark.parametrize(
    ("fact", "problem"),
    [
        (replace(PAIN, absence=None), "fact pain_present, absence: Say how the fact reads when it is false."),
        (
            replace(PHASE, codes=()),
            "fact disease_phase, codes: A code fact has a list of codes; other facts have none.",
        ),
        (
            replace(PAIN, codes=PHASE.codes),
            "fact pain_present, codes: A code fact has a list of codes; other facts have none.",
        ),
        (
            replace(PAIN_NRS, key="kps", minimum=10.5, maximum=10),
            "fact kps, minimum: 10.5 is above the maximum, 10.",
        ),
        (
            replace(PAIN_NRS, minimum=None),
            "fact pain_nrs, maximum: Give the smallest and the largest plausible value, so that a slip is refused.",
        ),
        (
            replace(PAIN_NRS, maximum=None),
            "fact pain_nrs, maximum: Give the smallest and the largest plausible value, so that a slip is refused.",
        ),
        (
            replace(PAIN_NRS, type=FactType.DECIMAL, maximum=None),
            "fact pain_nrs, maximum: Give the smallest and the largest plausible value, so that a slip is refused.",
        ),
    ],
)
def test_a_fact_says_what_its_type_needs(fact: Fact, problem: str):
    assert told(base(facts=(fact,))) == [problem]


def test_a_population_is_a_condition_on_known_facts():
    assert told(with_pain(population="pain_nrs between 0 and 11 and has_pain")) == [
        "fact pain_present, population: Line 1, column 24: Pain intensity has the range 0 to 10; 11 is outside it.",
        "fact pain_present, population: Line 1, column 31: There is no fact called has_pain.",
    ]


@pytest.mark.parametrize(
    ("derivations", "problem"),
    [
        (
            derived(True, "pain_nsr >= 1"),
            "derivations.0.when: Line 1, column 1: There is no fact called pain_nsr. Did you mean pain_nrs?",
        ),
        (
            derived(True, "pain_nrs >="),
            "derivations.0.when: Line 1, column 12: "
            "The condition ends too early: expected a value (a number, a date or a code).",
        ),
        (derived(1, "pain_nrs >= 1"), "derivations.0.value: Pain is true or false, not 1."),
        (
            derived(True, "pain_nrs >= 1", "kida-2022"),
            "derivations.0.source: There is no source called kida-2022. Did you mean kida-2021?",
        ),
    ],
)
def test_a_derivation_has_a_condition_a_value_and_a_source_that_stand(
    derivations: tuple[Derivation, ...], problem: str
):
    assert told(with_pain(derivations=derivations)) == [f"fact pain_present, {problem}"]


def test_a_fact_cannot_be_derived_from_itself():
    assert told(with_pain(derivations=derived(True, "pain_present is unknown and pain_nrs > 1"))) == [
        "fact pain_present, derivations: Derived from itself: pain_present → pain_present. Break the circle."
    ]


def test_facts_cannot_be_derived_from_one_another_in_a_circle():
    severe = replace(PAIN, key="severe_pain", derivations=derived(True, "worst_pain"))
    worst = replace(PAIN, key="worst_pain", derivations=derived(True, "pain_present"))
    pain = replace(PAIN, derivations=derived(True, "severe_pain"))
    [problem] = found(base(facts=(pain, severe, worst)))
    assert problem.field == "derivations"
    names = problem.detail.removeprefix("Derived from itself: ").removesuffix(". Break the circle.").split(" → ")
    assert names[0] == names[-1] == problem.key
    assert set(names) == {"pain_present", "severe_pain", "worst_pain"}
    assert len(names) == 4


def test_a_chain_of_derivations_is_no_circle():
    severe = replace(PAIN, key="severe_pain", derivations=derived(True, "pain_present and pain_nrs >= 7"))
    assert told(base(facts=(severe,))) == []


DIAGNOSIS = Fact("diagnosis_date", "Date of diagnosis", FactType.DATE, "date of diagnosis", "pain")
DAYS = Fact(
    "days_since_diagnosis",
    "Days since diagnosis",
    FactType.INTEGER,
    "days",
    "pain",
    days_since="diagnosis_date",
    worse="low",
)


@pytest.mark.parametrize(
    ("facts", "problems"),
    [
        ((DIAGNOSIS, DAYS), []),
        ((DAYS,), ["fact days_since_diagnosis, days_since: diagnosis_date is not a date fact."]),
        (
            (replace(DAYS, days_since="pain_nrs"),),
            ["fact days_since_diagnosis, days_since: pain_nrs is not a date fact."],
        ),
        (
            (DIAGNOSIS, replace(DAYS, type=FactType.DECIMAL)),
            ["fact days_since_diagnosis, type: A count of days is an integer."],
        ),
    ],
)
def test_days_are_counted_from_a_date(facts: tuple[Fact, ...], problems: list[str]):
    assert told(base(facts=facts)) == problems


def test_what_a_fact_is_derived_from():
    assert needed_for(PAIN) == {"pain_nrs"}
    assert needed_for(DAYS) == {"diagnosis_date"}
    assert needed_for(replace(PAIN, derivations=derived(True, "a and not b") + derived(False, "c <"))) == {"a", "b"}


# Rules


def test_a_rule_is_held_against_the_dictionary():
    assert told(with_rule(condition=parse("pain_present and disease_phase is acut and age_years > 5"))) == [
        "rule ask-for-pain, condition: Line 1, column 35: Disease phase is one of acute, stable, "
        'not the text "acut". Did you mean acute?',
        "rule ask-for-pain, condition: Line 1, column 44: There is no fact called age_years.",
    ]


@pytest.mark.parametrize("mode", [Mode.DO, Mode.OFFER, Mode.OPTION, Mode.CLASSIFY])
def test_only_a_statement_has_no_condition(mode: Mode):
    assert told(with_rule(condition=None, mode=mode)) == [
        "rule ask-for-pain, condition: Say when the rule applies: only a statement (mode context or org) does not."
    ]


@pytest.mark.parametrize("mode", [Mode.CONTEXT, Mode.ORG])
def test_a_statement_has_no_condition(mode: Mode):
    assert told(with_rule(mode=mode)) == [
        "rule ask-for-pain, condition: A statement (mode context or org) never fires, so it has no condition."
    ]


def test_a_rule_without_a_citation_is_refused():
    problems = told(base(rules=(RULE, replace(RULE, key="b", title="B", citations=()))))
    assert problems == ["rule b, citations: Every sentence has a source: add a citation."]


def test_a_citation_of_an_unknown_source_is_refused_with_the_nearest():
    citations = (*RULE.citations, Citation("kida-2012", "p1", "should"), Citation("oken", "p1", "should"))
    assert told(with_rule(citations=citations)) == [
        "rule ask-for-pain, citations.1.source: There is no source called kida-2012. Did you mean kida-2021?",
        "rule ask-for-pain, citations.2.source: There is no source called oken.",
    ]


def test_a_source_that_nothing_cites_is_refused():
    oken, zubrod = replace(SOURCE, key="oken-1982"), replace(SOURCE, key="zubrod-1960")
    assert told(base(sources=(zubrod, SOURCE, oken))) == [
        "source zubrod-1960, key: Nothing cites this source.",
        "source oken-1982, key: Nothing cites this source.",
    ]


def test_a_derivation_cites_its_source():
    oken = replace(SOURCE, key="oken-1982")
    pain = replace(PAIN, derivations=derived(True, "pain_nrs >= 1", "oken-1982"))
    assert told(base(facts=(pain,), sources=(SOURCE, oken))) == []


@pytest.mark.parametrize(
    ("rule", "hint"),
    [("ask-for-pian", " Did you mean ask-for-pain?"), ("walk", ""), ("pain-is-common", "")],
)
def test_only_a_rule_that_can_fire_is_overridden(rule: str, hint: str):
    other = replace(RULE, key="b", title="B", overrides=(Override(rule, "More exact."),))
    assert told(base(rules=(RULE, STATEMENT, other))) == [
        f"rule b, overrides.0.rule: {rule} is not a rule that can be withheld.{hint}"
    ]


def overriding(key: str, *others: str) -> Rule:
    return replace(RULE, key=key, title=key, overrides=tuple(Override(other, "More exact.") for other in others))


def test_rules_cannot_override_one_another_in_a_circle():
    [problem] = found(base(rules=(overriding("a", "b"), overriding("b", "c"), overriding("c", "a"))))
    assert problem.field == "overrides"
    names = problem.detail.removeprefix("Rules override one another in a circle: ").removesuffix(".").split(" → ")
    assert names[0] == names[-1] == problem.key
    assert sorted(names[1:]) == ["a", "b", "c"]


def test_a_rule_cannot_override_itself():
    assert told(base(rules=(overriding("a", "a"),))) == [
        "rule a, overrides: Rules override one another in a circle: a → a."
    ]


def test_a_rule_may_be_overridden_by_two_others_and_override_a_third():
    assert told(base(rules=(overriding("a", "c"), overriding("b", "c"), overriding("c", "d"), overriding("d")))) == []


def test_two_rules_cannot_have_one_title_whatever_its_capitals():
    assert told(
        base(rules=(RULE, replace(RULE, key="b", title="ASK for pain"), replace(RULE, key="c", title="C")))
    ) == [
        "rule ask-for-pain, title: “Ask for pain” stands on another rule too.",
        "rule b, title: “ASK for pain” stands on another rule too.",
    ]


FOR_PATIENTS = (
    "rule ask-for-pain, patient_text: Rules for patient or caregiver have a text for the patient, and no others do."
)


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"actors": (Actor.PATIENT,)}, [FOR_PATIENTS]),
        ({"actors": (Actor.CLINICIAN, Actor.CAREGIVER)}, [FOR_PATIENTS]),
        ({"patient_text": "Say where it hurts."}, [FOR_PATIENTS]),
        ({"actors": (Actor.PATIENT,), "patient_text": "Say where it hurts."}, []),
        ({"actors": (Actor.PATIENT,), "patient_text": "Say where it hurts.", "patient_may_see": True}, []),
        (
            {"patient_may_see": True},
            ["rule ask-for-pain, patient_may_see: What a patient may see needs a text for the patient."],
        ),
    ],
)
def test_what_is_for_patients_has_words_for_them(changes: Mapping[str, Any], problems: list[str]):
    assert told(with_rule(**changes)) == problems


# Vignettes


def test_a_vignette_names_facts_and_rules_that_there_are():
    wrong = replace(
        VIGNETTE,
        key="wrong",
        facts={"pain_nsr": 7, "weight": 70},
        expect={State.RECOMMENDED: ("ask-for-pian",), State.NOT_MET: ("walk",)},
    )
    assert told(base(wrong=wrong)) == [
        "vignette wrong, facts.pain_nsr: There is no fact called pain_nsr. Did you mean pain_nrs?",
        "vignette wrong, facts.weight: There is no fact called weight.",
        "vignette wrong, expect: There is no rule called ask-for-pian. Did you mean ask-for-pain?",
        "vignette wrong, expect: There is no rule called walk.",
    ]


def test_nothing_is_expected_of_a_statement():
    wrong = replace(VIGNETTE, key="wrong", expect={State.RECOMMENDED: ("pain-is-common",)})
    assert told(base(rules=(RULE, STATEMENT), wrong=wrong)) == [
        "vignette wrong, expect: pain-is-common is a statement: nothing becomes of it for a patient."
    ]


@pytest.mark.parametrize(
    "expect",
    [
        {State.RECOMMENDED: ("ask-for-pain",), State.WITHHELD: ("ask-for-pain",)},
        {State.RECOMMENDED: ("ask-for-pain", "ask-for-pain")},
    ],
)
def test_a_rule_is_expected_once(expect: Mapping[State, tuple[str, ...]]):
    assert told(base(wrong=replace(VIGNETTE, key="wrong", expect=expect))) == [
        "vignette wrong, expect: ask-for-pain stands more than once in what is expected: a rule ends in one state."
    ]


def proven(*states: State, condition: str = "pain_present") -> list[str]:
    """What is said to be missing when vignettes show the rule in these states."""
    shown = {state: replace(VIGNETTE, key=state, expect={state: ("ask-for-pain",)}) for state in states}
    rule = replace(RULE, condition=parse(condition))
    return [str(problem) for problem in unproven(replace(base(rules=(rule,)), vignettes=shown))]


def test_a_rule_is_shown_recommended_not_met_and_for_want_of_a_fact_undetermined():
    recommended, not_met, undetermined = (
        f"rule ask-for-pain, vignettes: No vignette shows it {state}: add one."
        for state in ("recommended", "not met", "undetermined for want of a fact")
    )
    assert proven() == [recommended, not_met, undetermined]
    assert proven(State.NOT_MET, State.UNDETERMINED) == [recommended]
    assert proven(State.RECOMMENDED, State.UNDETERMINED) == [not_met]
    assert proven(State.RECOMMENDED, State.NOT_MET) == [undetermined]
    assert proven(State.WITHHELD) == [recommended, not_met, undetermined]
    assert proven(State.RECOMMENDED, State.NOT_MET, State.UNDETERMINED) == []


def test_a_rule_that_is_never_undetermined_need_not_be_shown_so():
    assert proven(State.RECOMMENDED, State.NOT_MET, condition="pain_present or pain_present is unknown") == []


def test_one_vignette_may_speak_for_several_rules_and_a_statement_needs_none():
    shown = {state: replace(VIGNETTE, key=state, expect={state: ("ask-for-pain", "b")}) for state in SHOWN}
    whole = replace(base(rules=(RULE, replace(RULE, key="b", title="B"), STATEMENT)), vignettes=shown)
    assert unproven(whole) == []


@pytest.mark.parametrize(
    ("condition", "can"),
    [
        ("always", False),
        ("a", True),
        ("a is known", False),
        ("a or a is unknown", False),
        ("a and a is known", False),
        ("not a or a is unknown", False),
        ("a and a is unknown", True),
        ("a or b is unknown", True),
        ("(a or a is unknown) and b", True),
        ("(a or a is unknown) and (b > 3 or b is unknown)", False),
        ("at least 2 of (a, a is unknown, b is unknown)", True),
        ("at least 1 of (a, a is unknown, b)", True),
        ("at least 2 of (a, always, a is unknown)", False),
        ("a in (x, y) or a is unknown", False),
        ("a includes x", True),
        ("a between 1 and 2 or a is unknown", False),
        (" or ".join(f"f{number} or f{number} is unknown" for number in range(6)), False),
        (" or ".join(f"f{number} or f{number} is unknown" for number in range(13)), True),
    ],
)
def test_whether_a_condition_can_be_unknown(condition: str, can: bool):
    assert can_be_unknown(parse(condition)) is can


@given(trees.conditions(DICTIONARY), trees.patients(DICTIONARY))
def test_a_condition_that_is_unknown_for_some_patient_can_be(condition: Condition, patient: Facts):
    if reading(condition, patient) is None:
        assert can_be_unknown(condition)


def test_everything_that_is_wrong_is_told_at_once():
    pain = replace(PAIN, absence=None, derivations=derived(True, "pain_present"))
    rule = replace(RULE, citations=(Citation("nobody", "p1", "should"),), condition=parse("pain"))
    whole = replace(base(facts=(pain,), rules=(rule,)), vignettes={})
    assert [(problem.kind, problem.field) for problem in found(whole)] == [
        ("fact", "absence"),
        ("fact", "derivations"),
        ("rule", "condition"),
        ("rule", "citations.0.source"),
        ("rule", "vignettes"),
        ("rule", "vignettes"),
        ("rule", "vignettes"),
    ]


def test_a_problem_in_a_condition_says_where():
    assert str(ConditionProblem(2, 5, "There is no fact called x.")) == "Line 2, column 5: There is no fact called x."


def test_a_rule_that_fires_says_what_it_does() -> None:
    assert told(with_rule(actions=())) == [
        "rule ask-for-pain, actions: Say what the rule does: choose at least one action, so that a hazard can "
        "forbid it."
    ]


@pytest.mark.parametrize(
    ("urgency", "asked"), [(Urgency.NOW, True), (Urgency.THIS_VISIT, False), (Urgency.ONGOING, False)]
)
def test_what_an_urgent_rule_reads_says_which_value_is_worse(urgency: Urgency, asked: bool) -> None:
    urgent = replace(RULE, urgency=urgency, condition=parse("pain_present and pain_nrs >= 7"))
    shown = ["fact pain_nrs, worse: An urgent rule or a hazard reads it: say which of two values is the worse one."]
    assert [line for line in told(base(rules=(urgent,))) if "worse" in line] == (shown if asked else [])
    said = replace(PAIN_NRS, worse="high")
    assert [line for line in told(base(rules=(urgent,), facts=(said,))) if "worse" in line] == []


def test_what_follows_says_which_value_is_worse() -> None:
    silent = replace(PAIN, worse=None)
    assert told(base(facts=(silent,))) == [
        "fact pain_present, worse: What is posted of it can contradict what follows from other facts: say which of "
        "two values is the worse one."
    ]


def test_no_value_of_a_text_is_worse_than_another() -> None:
    words = Fact("words", "Words", FactType.TEXT, "words", "pain")
    urgent = replace(RULE, urgency=Urgency.NOW, condition=parse("pain_present and words is known"))
    assert [line for line in told(base(rules=(urgent,), facts=(words,))) if "worse" in line] == []
