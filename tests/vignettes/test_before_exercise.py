"""Screening before exercise: who is evaluated first, what silence about the plan means, and exercise in danger."""

from __future__ import annotations

from itertools import product

import pytest

from knowledge.items import Mode, State
from knowledge.model.actions import Action, any_covered
from tests.vignettes.shipped import Ask, base, rules

EXPOSURE = "pre-exercise-screen-cardiotoxic-exposure"
DIABETES = "pre-exercise-screen-diabetes"
AGE = "pre-exercise-screen-age-sedentary-vigorous"
NOT_ROUTINE = "pre-exercise-screening-not-routine"
GROUPS = (EXPOSURE, DIABETES, AGE)
EVERY_RISK = {"prior_anthracycline": True, "diabetes_mellitus": True, "age_years": 70, "sedentary": True}
NO_RISK = {
    "starting_exercise_program": True,
    "planned_exercise_intensity": "moderate",
    "age_years": 60,
    "sedentary": True,
    "diabetes_mellitus": False,
    "prior_anthracycline": False,
    "prior_cisplatin": False,
    "prior_mediastinal_radiation": False,
}
ADVISES_EXERCISE = {
    "distress-stable-exercise",
    "dyspnea-stable-exercise",
    "exercise-acute-discuss-safest-way",
    "exercise-any-offer-if-feasible",
    "exercise-stable-maintain-capacity",
    "exercise-stable-refer-occupational-therapy",
    "exercise-stable-refer-personal-training",
    "exercise-stable-refer-physical-therapy",
    "fatigue-any-mind-body-yoga",
    "fatigue-any-physical-activity",
    "fatigue-any-treat-inactivity",
    "fatigue-stable-exercise",
    "fatigue-stable-optimal-activity",
    "t2-stable-patient-exercise",
}
SERVICES = {
    "acute": {"t2-acute-refer-rehabilitation", "t2-acute-patient-safety-access-pt-ot"},
    "stable": {"t2-stable-refer-rehabilitation", "distress-stable-rehabilitation"},
}
ACTIVE_AND_UNWELL = {
    "exercise_feasible": True,
    "fatigue_nrs": 5,
    "dyspnea_nrs": 2,
    "physical_inactivity": True,
    "metastatic_sites": ["bone"],
}


def test_a_56_year_old_who_sits_all_day_and_plans_hard_exercise_is_screened_first(advice_for: Ask) -> None:
    assert AGE in advice_for(age_years=56, sedentary=True, planned_exercise_intensity="vigorous")


def test_at_exactly_55_she_is_not(advice_for: Ask) -> None:
    assert AGE not in advice_for(age_years=55, sedentary=True, planned_exercise_intensity="vigorous")


@pytest.mark.parametrize(("anthracycline", "cisplatin", "radiation"), list(product([True, False], repeat=3)))
def test_any_one_of_the_three_exposures_is_enough(
    advice_for: Ask, anthracycline: bool, cisplatin: bool, radiation: bool
) -> None:
    advice = advice_for(
        starting_exercise_program=True,
        prior_anthracycline=anthracycline,
        prior_cisplatin=cisplatin,
        prior_mediastinal_radiation=radiation,
    )
    assert (EXPOSURE in advice) is (anthracycline or cisplatin or radiation)


def test_no_exposure_known_but_one_never_asked_about_leaves_it_open(advice_for: Ask) -> None:
    advice = advice_for(prior_anthracycline=False, prior_mediastinal_radiation=False)
    assert advice.states[EXPOSURE] is State.UNDETERMINED


@pytest.mark.parametrize("group", GROUPS)
def test_silence_about_the_plan_does_not_silence_the_screening(advice_for: Ask, group: str) -> None:
    assert group in advice_for(**EVERY_RISK)


@pytest.mark.parametrize("group", GROUPS)
def test_a_plan_known_to_be_absent_does(advice_for: Ask, group: str) -> None:
    advice = advice_for(**EVERY_RISK, starting_exercise_program=False)
    assert advice.states[group] is State.NOT_MET


@pytest.mark.parametrize("intensity", ["none", "light", "moderate"])
def test_a_plan_known_not_to_be_vigorous_silences_the_age_rule_alone(advice_for: Ask, intensity: str) -> None:
    advice = advice_for(**EVERY_RISK, planned_exercise_intensity=intensity)
    assert advice.states[AGE] is State.NOT_MET
    assert EXPOSURE in advice
    assert DIABETES in advice


def test_with_every_input_known_and_no_risk_an_evaluation_is_not_routine(advice_for: Ask) -> None:
    assert NOT_ROUTINE in advice_for(**NO_RISK)


@pytest.mark.parametrize("unknown", NO_RISK)
def test_with_one_input_not_known_nobody_is_told_that_it_is_not_needed(advice_for: Ask, unknown: str) -> None:
    advice = advice_for(**{name: value for name, value in NO_RISK.items() if name != unknown})
    assert advice.states[NOT_ROUTINE] is State.UNDETERMINED


@pytest.mark.parametrize("risk", ["prior_anthracycline", "prior_cisplatin", "prior_mediastinal_radiation"])
def test_one_risk_is_enough_for_an_evaluation_not_to_be_called_unneeded(advice_for: Ask, risk: str) -> None:
    assert advice_for(**{**NO_RISK, risk: True}).states[NOT_ROUTINE] is State.NOT_MET


@pytest.mark.parametrize("key", [*GROUPS, NOT_ROUTINE])
def test_where_the_review_and_its_study_disagree_the_rule_says_so(key: str) -> None:
    rule = base().rules[key]
    assert any("Kenjale 2014" in note and "concludes otherwise" in note for note in rule.notes)
    assert "cardiovascular evaluation" in f"{rule.title} {rule.text}"
    assert "exercise test" not in f"{rule.title} {rule.text}"


def test_general_health_screening_before_exercise_is_a_rule_of_its_own(advice_for: Ask) -> None:
    assert "ext-acsm-preparticipation" in advice_for(starting_exercise_program=True)
    assert "kida-2021" not in {one.source for one in base().rules["ext-acsm-preparticipation"].citations}


def test_the_three_groups_are_prompts_not_orders() -> None:
    assert {base().rules[key].mode for key in GROUPS} == {Mode.OFFER}


def test_bone_or_brain_metastases_call_for_a_risk_assessment_whatever_the_plan(advice_for: Ask) -> None:
    assert "ext-bone-mets-exercise" in advice_for(metastatic_sites=["bone"])
    assert "ext-bone-mets-exercise" in advice_for(metastatic_sites=["brain"], starting_exercise_program=False)
    assert "ext-bone-mets-exercise" not in advice_for(metastatic_sites=["liver"])


@pytest.mark.parametrize("phase", ["acute", "stable"])
@pytest.mark.parametrize("emergency", [{}, {"oncologic_emergency_excluded": False}])
def test_while_an_emergency_is_not_excluded_in_uncontrolled_pain_no_exercise_is_advised(
    advice_for: Ask, phase: str, emergency: dict[str, bool]
) -> None:
    advice = advice_for(disease_phase=phase, pain_nrs=8, **ACTIVE_AND_UNWELL, **emergency)
    assert "ext-oncologic-emergency-list" in advice
    assert ADVISES_EXERCISE.isdisjoint(advice.all(State.RECOMMENDED))
    assert advice.all(State.WITHHELD) & ADVISES_EXERCISE
    assert SERVICES[phase] <= advice.all(State.RECOMMENDED)
    for key in ADVISES_EXERCISE & set(advice.reasons):
        assert "oncologic emergency has not been excluded" in advice.reasons[key]


@pytest.mark.parametrize("pain", [{"pain_nrs": 8, "oncologic_emergency_excluded": True}, {"pain_nrs": 2}])
def test_once_it_is_excluded_or_the_pain_is_controlled_exercise_is_advised_again(
    advice_for: Ask, pain: dict[str, object]
) -> None:
    acute = advice_for(disease_phase="acute", **ACTIVE_AND_UNWELL, **pain)
    stable = advice_for(disease_phase="stable", **ACTIVE_AND_UNWELL, **pain)
    assert acute.all(State.RECOMMENDED) | stable.all(State.RECOMMENDED) >= ADVISES_EXERCISE


def test_ruling_out_an_emergency_stays_first_while_acute_pain_is_uncontrolled(advice_for: Ask) -> None:
    for excluded in (True, False):
        advice = advice_for(disease_phase="acute", pain_nrs=8, oncologic_emergency_excluded=excluded)
        first = advice.answer["recommendations"][0]
        assert "pain-acute-rule-out-emergency" in advice
        assert first["urgency"] == "now"


def test_all_that_advises_exercise_says_so_by_its_actions() -> None:
    exercise = {rule.key for rule in rules() if any_covered((Action.EXERCISE,), rule.actions)}
    beside = {
        "phase-stable-focus-health",
        "pre-exercise-screening-not-routine",
        "stable-prepare-for-acute",
        "t2-stable-priority-strength-performance",
    }
    assert exercise == ADVISES_EXERCISE | beside
