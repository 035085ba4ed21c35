"""The three worked cases: she is 55, she is 56, and nobody has asked her anything yet."""

from __future__ import annotations

import pytest

from knowledge.conditions import Always
from knowledge.items import State
from tests.vignettes.shipped import Advice, Ask, rules

ASKED_AND_ABSENT = [
    *("airway_obstruction", "anemia_present", "cognitive_impairment_suspected", "depression_present"),
    *("diabetes_mellitus", "difficulty_eating", "difficulty_three_meals", "distress_risk_factor", "dyspnea_present"),
    *("fatigue_present", "has_healthcare_proxy", "has_living_will", "has_medical_poa", "high_tumor_burden"),
    *("insomnia_present", "malnutrition_present", "mouth_sores_present", "nausea_present", "neuropsychiatric_factor"),
    *("newly_diagnosed_mbc", "other_fatigue_comorbidity", "patient_caregiver_goal_conflict", "pleural_effusion"),
    *("pneumonia", "prior_anthracycline", "prior_cisplatin", "prior_mediastinal_radiation", "problem_emotional"),
    *("problem_family", "problem_physical", "problem_practical", "problem_spiritual", "pulmonary_embolism"),
    *("resource_scarcity", "uncontrolled_pain", "vomiting_present"),
]
STABLE_AND_EAGER = {
    **dict.fromkeys(ASKED_AND_ABSENT, False),
    "has_mbc": True,
    "disease_phase": "stable",
    "progression_pattern": "gradual",
    "pain_present": True,
    "has_surrogate": True,
    "physical_inactivity": True,
    "sedentary": True,
    "exercise_feasible": True,
    "starting_exercise_program": True,
    "planned_exercise_intensity": "vigorous",
}
"""Stable, gradual, mild pain; she sits all day, wants to train hard, and nothing speaks against exercise."""

AGE_RULE = "pre-exercise-screen-age-sedentary-vigorous"
NOT_ROUTINE = "pre-exercise-screening-not-routine"


@pytest.fixture(scope="module")
def at_55(advice_for: Ask) -> Advice:
    return advice_for(age_years=55, **STABLE_AND_EAGER)


@pytest.fixture(scope="module")
def at_56(advice_for: Ask) -> Advice:
    return advice_for(age_years=56, **STABLE_AND_EAGER)


@pytest.fixture(scope="module")
def hardly_known(advice_for: Ask) -> Advice:
    return advice_for(has_mbc=True, age_years=60)


def of_the_review(advice: Advice, state: State) -> set[str]:
    return {key for key in advice.all(state) if not key.startswith("ext-")}


def test_on_her_55th_birthday_she_needs_no_routine_cardiovascular_evaluation(at_55: Advice) -> None:
    assert NOT_ROUTINE in at_55
    assert AGE_RULE not in at_55


def test_at_56_an_evaluation_is_considered_first(at_56: Advice) -> None:
    assert AGE_RULE in at_56
    assert NOT_ROUTINE not in at_56


def test_between_55_and_56_nothing_else_changes(at_55: Advice, at_56: Advice) -> None:
    assert {key for key in at_55.states if at_55.states[key] is not at_56.states[key]} == {AGE_RULE, NOT_ROUTINE}


@pytest.mark.parametrize("age", ["at_55", "at_56"])
def test_of_the_review_112_items_apply_122_do_not_and_none_is_open(age: str, request: pytest.FixtureRequest) -> None:
    advice: Advice = request.getfixturevalue(age)
    assert len(of_the_review(advice, State.RECOMMENDED)) == 112
    assert len(of_the_review(advice, State.NOT_MET)) == 122
    assert of_the_review(advice, State.UNDETERMINED) == of_the_review(advice, State.WITHHELD) == set()


def test_she_gets_the_care_of_the_stable_phase_and_of_mild_pain(at_55: Advice) -> None:
    assert {
        "phase-stable-focus-health",
        "pain-any-assess-each-visit",
        "pain-stable-basic-control",
        "nutrition-eat-vegetables",
        "nutrition-meal-plan-before-symptoms",
        "exercise-any-offer-if-feasible",
        "exercise-stable-refer-physical-therapy",
        "acp-stable-check-directives",
        "t2-stable-patient-caregiver-vaccination",
        "pattern-gradual",
    } <= at_55.all(State.RECOMMENDED)


def test_nothing_of_the_acute_phase_reaches_her(at_55: Advice) -> None:
    assert not [key for key in of_the_review(at_55, State.RECOMMENDED) if "-acute-" in key]


def test_inactive_but_not_tired_she_is_not_treated_for_fatigue(at_55: Advice) -> None:
    assert not [key for key in at_55.all(State.RECOMMENDED) if key.startswith("fatigue-")]


def test_a_surrogate_alone_does_not_silence_the_directives(at_55: Advice) -> None:
    """The one item that differs from the first count of 111: a surrogate is neither a directive nor a named agent."""
    assert "acp-stable-encourage-directives" in at_55


def test_the_criteria_from_elsewhere_speak_beside_the_review(at_55: Advice, at_56: Advice) -> None:
    for advice in (at_55, at_56):
        assert "ext-acsm-preparticipation" in advice
        assert "ext-sedentary-vigorous" in advice


def test_of_a_bare_record_only_what_holds_for_everyone_applies(hardly_known: Advice) -> None:
    for_everyone = {rule.key for rule in rules() if isinstance(rule.condition, Always)}
    shown_while_nobody_knows = {"pattern-reassess-over-visits", "nutrition-caregivers-know-eating-pattern"}
    assert hardly_known.all(State.RECOMMENDED) == for_everyone | shown_while_nobody_knows
    assert len(of_the_review(hardly_known, State.RECOMMENDED)) == 44


def test_of_a_bare_record_everything_else_is_open_and_nothing_is_ruled_out(hardly_known: Advice) -> None:
    assert len(of_the_review(hardly_known, State.UNDETERMINED)) == 190
    assert hardly_known.all(State.NOT_MET) == hardly_known.all(State.WITHHELD) == set()


def test_being_60_alone_decides_nothing_about_exercise(hardly_known: Advice) -> None:
    assert hardly_known.states[AGE_RULE] is State.UNDETERMINED
    assert hardly_known.states[NOT_ROUTINE] is State.UNDETERMINED


def test_the_answer_to_a_bare_record_is_what_to_ask_the_phase_first(hardly_known: Advice) -> None:
    assert hardly_known.missing[0] == "disease_phase"
    assert set(hardly_known.missing[1:4]) == {"fatigue_present", "pain_present", "dyspnea_present"}
    assert {"distress_thermometer", "has_living_will", "sedentary"} <= set(hardly_known.missing)
