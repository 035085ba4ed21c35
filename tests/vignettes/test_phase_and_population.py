"""Who sets the phase and for how long, what lies outside it, and whom the content is for."""

from __future__ import annotations

import pytest

from knowledge.conditions import facts_of
from knowledge.items import ItemKind, State
from tests.vignettes.shipped import Ask, base, drafts, entries, observed, rules

DIET = {rule.key for rule in rules() if rule.key.startswith(("nutrition-eat-", "nutrition-avoid-"))} - {
    "nutrition-avoid-extreme-diets"
} | {"nutrition-meal-plan-before-symptoms"}
EATS_WELL = dict.fromkeys(
    ["nausea_present", "vomiting_present", "mouth_sores_present", "difficulty_eating", "difficulty_three_meals"], False
)
OF_A_PHASE = {
    rule.key
    for rule in rules()
    if rule.condition is not None and "disease_phase" in facts_of(rule.condition) and not rule.key.startswith("ext-")
}


def test_a_phase_stated_thirty_days_ago_still_holds(advice_for: Ask) -> None:
    assert "phase-acute-definition" in advice_for(disease_phase=observed("acute", days_ago=30))


def test_a_phase_stated_longer_ago_has_expired_and_the_answer_says_so(advice_for: Ask) -> None:
    advice = advice_for(disease_phase=observed("acute", days_ago=31, by="oncologist"))
    assert advice.states["phase-acute-definition"] is State.UNDETERMINED
    assert advice.missing[0] == "disease_phase"
    assert "older than 30 days" in advice.notices["too_old"]


def test_of_two_clinicians_who_disagree_the_worse_phase_counts_and_both_are_named(advice_for: Ask) -> None:
    statements = [observed("acute", days_ago=2, by="primary_care"), observed("stable", days_ago=1, by="oncologist")]
    advice = advice_for(disease_phase=statements)
    assert "phase-acute-definition" in advice
    assert advice.states["phase-stable-definition"] is State.NOT_MET
    assert "primary_care" in advice.notices["disagreement"]
    assert "oncologist" in advice.notices["disagreement"]


def test_the_same_clinician_who_changes_the_phase_contradicts_nobody(advice_for: Ask) -> None:
    statements = [observed("stable", days_ago=1, by="oncologist"), observed("acute", days_ago=0, by="oncologist")]
    advice = advice_for(disease_phase=statements)
    assert "phase-acute-definition" in advice
    assert "disagreement" not in advice.notices


@pytest.mark.parametrize("who", ["patient", "device"])
def test_who_may_not_state_the_phase_does_not(advice_for: Ask, who: str) -> None:
    advice = advice_for(disease_phase=observed("acute", days_ago=0, by=who))
    assert advice.states["phase-acute-definition"] is State.UNDETERMINED
    assert "not_asserted_by" in advice.notices


def test_a_phase_that_changed_over_weeks_is_no_conflict(advice_for: Ask) -> None:
    advice = advice_for(disease_phase=[observed("stable", days_ago=20), observed("acute", days_ago=1)])
    assert "phase-acute-definition" in advice
    assert "disagreement" not in advice.notices


def test_nothing_derives_the_phase_not_even_a_visceral_crisis(advice_for: Ask) -> None:
    advice = advice_for(visceral_crisis=True, symptom_trend="rapidly_worse", esas_item_increase=5)
    assert not base().facts["disease_phase"].derived
    assert advice.states["phase-acute-definition"] is State.UNDETERMINED
    assert "ext-visceral-crisis" in advice
    assert "ext-phase-change-esas" in advice


@pytest.mark.parametrize("phase", ["deteriorating", "terminal"])
def test_outside_the_two_phases_no_row_of_the_review_fires_on_the_phase(advice_for: Ask, phase: str) -> None:
    advice = advice_for(disease_phase=phase, pain_nrs=5, fatigue_nrs=5, dyspnea_nrs=5, exercise_feasible=True)
    assert OF_A_PHASE.isdisjoint(advice.all(State.RECOMMENDED))
    assert "ext-phase-pcoc" in advice


@pytest.mark.parametrize("phase", ["acute", "stable"])
def test_within_them_the_rule_about_other_phases_is_silent(advice_for: Ask, phase: str) -> None:
    assert "ext-phase-pcoc" not in advice_for(disease_phase=phase)


def test_there_are_twelve_diet_rows() -> None:
    assert len(DIET) == 12


def test_diet_is_advised_in_the_stable_phase(advice_for: Ask) -> None:
    assert advice_for(disease_phase="stable", **EATS_WELL).all(State.RECOMMENDED) >= DIET


@pytest.mark.parametrize("phase", ["acute", "deteriorating", "terminal"])
def test_diet_is_advised_in_no_other_phase(advice_for: Ask, phase: str) -> None:
    assert advice_for(disease_phase=phase, **EATS_WELL).all(State.NOT_MET) >= DIET


def test_without_a_phase_diet_waits(advice_for: Ask) -> None:
    assert advice_for(**EATS_WELL).all(State.UNDETERMINED) >= DIET


def test_without_metastatic_disease_nothing_fires_and_the_answer_says_why(advice_for: Ask) -> None:
    advice = advice_for(has_mbc=False, disease_phase="acute", pain_nrs=9, diabetes_mellitus=True)
    assert set(advice.states.values()) == {State.NOT_MET}
    assert advice.shown == []
    assert "no metastatic breast cancer" in advice.notices["outside_population"]


def test_below_18_nothing_fires_from_18_on_it_does(advice_for: Ask) -> None:
    assert set(advice_for(has_mbc=True, age_years=17).states.values()) == {State.NOT_MET}
    assert "symptom-screen-pain" in advice_for(has_mbc=True, age_years=18)


def test_when_the_diagnosis_is_not_posted_the_answer_says_that_it_was_assumed(advice_for: Ask) -> None:
    advice = advice_for(age_years=60)
    assert "symptom-screen-pain" in advice
    assert "metastatic breast cancer" in advice.notices["population_assumed"]
    assert "population_assumed" not in advice_for(has_mbc=True, age_years=60).notices


@pytest.mark.parametrize("facts", [{}, {"has_mbc": False}, {"disease_phase": "acute", "pain_nrs": 8}])
def test_every_answer_says_that_nobody_has_clinically_approved_it(
    advice_for: Ask, approved_advice_for: Ask, facts: dict[str, object]
) -> None:
    assert "not yet clinically approved" in advice_for(**facts).notices["not_clinically_approved"]
    assert "not_clinically_approved" not in approved_advice_for(**facts).notices


def test_criteria_known_from_memory_alone_are_drafts_in_no_release(advice_for: Ask) -> None:
    assert drafts(ItemKind.RULE) == {"ext-acp-prognosis-guard"}
    assert drafts(ItemKind.RULE).isdisjoint(advice_for().states)
    assert all(entry.draft or getattr(entry.item, "citations", True) for entry in entries())


def test_with_a_reason_to_limit_fluids_nobody_is_told_to_drink_two_liters(advice_for: Ask) -> None:
    assert "nutrition-eat-fluids-2l" in advice_for(disease_phase="stable")
    assert "nutrition-eat-fluids-2l" not in advice_for(disease_phase="stable", fluid_limit_needed=True)
