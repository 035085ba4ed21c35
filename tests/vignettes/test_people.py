"""The people: directives, caregivers, and what a patient may see."""

from __future__ import annotations

import pytest

from knowledge.items import Actor, State
from tests.vignettes.shipped import Ask, base, rules

ENCOURAGE = "acp-stable-encourage-directives"
AGENTS = ["has_medical_poa", "has_healthcare_proxy"]
NONE_EXISTS = dict.fromkeys(["has_living_will", *AGENTS, "has_surrogate"], False)
OF_CAREGIVERS = {
    "acute": {
        "acp-acute-caregiver-concerns",
        "acp-acute-resolve-goal-conflict",
        "nutrition-caregivers-know-eating-pattern",
        "pain-acute-caregiver-relief",
        "t2-acute-patient-caregiver-relief",
    },
    "stable": {
        "acp-stable-discuss-wishes-together",
        "nutrition-caregivers-know-eating-pattern",
        "t2-stable-patient-caregiver-vaccination",
    },
}
IN_PAIN = {"pain_nrs": 3}
IN_CONFLICT = {**IN_PAIN, "patient_caregiver_goal_conflict": True}


def test_directives_are_encouraged_when_there_is_none(advice_for: Ask) -> None:
    assert ENCOURAGE in advice_for(disease_phase="stable", **NONE_EXISTS)


def test_a_spouse_who_would_decide_does_not_replace_a_directive(advice_for: Ask) -> None:
    assert ENCOURAGE in advice_for(disease_phase="stable", **{**NONE_EXISTS, "has_surrogate": True})


@pytest.mark.parametrize("agent", AGENTS)
def test_a_written_directive_without_an_agent_is_not_enough_nor_the_other_way(advice_for: Ask, agent: str) -> None:
    assert ENCOURAGE in advice_for(disease_phase="stable", **{**NONE_EXISTS, "has_living_will": True})
    assert ENCOURAGE in advice_for(disease_phase="stable", **{**NONE_EXISTS, agent: True})
    both = {**NONE_EXISTS, "has_living_will": True, agent: True}
    assert advice_for(disease_phase="stable", **both).states[ENCOURAGE] is State.NOT_MET


def test_an_agent_never_asked_about_leaves_it_open(advice_for: Ask) -> None:
    advice = advice_for(disease_phase="stable", has_living_will=True, has_medical_poa=False)
    assert advice.states[ENCOURAGE] is State.UNDETERMINED


@pytest.mark.parametrize("phase", ["acute", "stable"])
def test_without_a_caregiver_what_is_for_caregivers_is_silent(advice_for: Ask, phase: str) -> None:
    advice = advice_for(disease_phase=phase, caregiver_present=False, **IN_PAIN)
    assert OF_CAREGIVERS[phase] <= advice.all(State.NOT_MET)


@pytest.mark.parametrize("phase", ["acute", "stable"])
def test_a_conflict_with_a_caregiver_who_does_not_exist_is_a_contradiction(advice_for: Ask, phase: str) -> None:
    advice = advice_for(disease_phase=phase, caregiver_present=False, **IN_CONFLICT)
    assert "ask who cares for the patient" in advice.notices["cannot_both_be"]
    assert OF_CAREGIVERS[phase] <= advice.all(State.RECOMMENDED)


@pytest.mark.parametrize("phase", ["acute", "stable"])
@pytest.mark.parametrize("caregiver", [{}, {"caregiver_present": True}])
def test_with_one_or_while_nobody_knows_it_is_shown(advice_for: Ask, phase: str, caregiver: dict[str, bool]) -> None:
    advice = advice_for(disease_phase=phase, **caregiver, **IN_CONFLICT)
    assert OF_CAREGIVERS[phase] <= advice.all(State.RECOMMENDED)


def test_these_are_all_the_caregiver_rows_and_each_says_when_it_is_shown() -> None:
    said = {rule.key for rule in rules() if "Shown unless it is known that there is no caregiver." in rule.notes}
    elsewhere = {"ext-caregiver-burden", "ext-deteriorating-family", "ext-terminal-for-caregivers"}
    assert said == OF_CAREGIVERS["acute"] | OF_CAREGIVERS["stable"] | elsewhere


def test_a_patient_may_see_what_is_for_her_except_that_the_disease_cannot_be_cured() -> None:
    for_patients = {rule.key for rule in rules() if {Actor.PATIENT, Actor.CAREGIVER} & set(rule.actors)}
    visible = {rule.key for rule in rules() if rule.patient_may_see}
    assert for_patients - visible == {"acp-stable-confirm-incurable"}
    assert visible <= for_patients


def test_no_advance_care_planning_of_the_acute_phase_and_no_prognosis_is_for_a_patient() -> None:
    for rule in rules():
        if rule.key.startswith(("acp-acute-", "ext-palliative-", "ext-phase-")) or "prognosis" in rule.key:
            assert not rule.patient_may_see, rule.key
            assert not rule.patient_text, rule.key


@pytest.mark.parametrize("phase", ["acute", "stable"])
def test_a_patient_is_shown_only_what_she_may_see_in_words_for_her(advice_for: Ask, phase: str) -> None:
    advice = advice_for(Actor.PATIENT, disease_phase=phase, pain_nrs=3, fatigue_nrs=5, dyspnea_nrs=2)
    assert len(advice.shown) > 30
    for shown in advice.answer["recommendations"]:
        assert shown["patient_may_see"]
        assert shown["patient_text"]
    named = {one["rule"] for kind in ("undetermined", "withheld") for one in advice.answer[kind]}
    assert all(base().rules[key].patient_may_see for key in named)


def test_a_caregiver_is_shown_what_is_for_caregivers_alone_and_a_patient_is_not(advice_for: Ask) -> None:
    vaccination = "t2-stable-patient-caregiver-vaccination"
    assert vaccination in advice_for(Actor.CAREGIVER, disease_phase="stable").shown
    assert vaccination not in advice_for(Actor.PATIENT, disease_phase="stable").shown


def test_what_a_patient_reads_is_short_and_speaks_to_her() -> None:
    for rule in rules():
        if rule.patient_text:
            assert len(rule.patient_text.split()) <= 32, rule.key
            assert not any(word in rule.patient_text for word in ("patient ", "clinician", "dyspnea", "metasta")), (
                rule.key
            )
