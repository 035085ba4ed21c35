"""Symptoms: when the rows of Table 1 apply, what follows from a score, and the guards on high-risk treatment."""

from __future__ import annotations

import pytest

from cds.requests import UnusableRequest
from knowledge.conditions import facts_of
from knowledge.items import Actor, State
from tests.vignettes.shipped import Ask, base, observed, rules

SYMPTOMS = ("pain", "fatigue", "dyspnea")
SEDATION = "dyspnea-acute-palliative-sedation"
OXYGEN = "dyspnea-acute-oxygen"
NUTRITION = "dyspnea-any-maximise-nutrition"
BREATHLESS = {"disease_phase": "acute", "dyspnea_nrs": 6}
HIGH_RISK = {
    "dyspnea-acute-opioids",
    SEDATION,
    "acp-acute-limit-cpr",
    "acp-acute-location-of-death",
    "acp-acute-organ-donation-autopsy",
    "t2-acute-refer-hospice-nursing",
}


def table_1(symptom: str) -> set[str]:
    place = f"Table 1 · {symptom.capitalize()}"
    return {rule.key for rule in rules() for one in rule.citations if place in one.locator}


@pytest.mark.parametrize("symptom", SYMPTOMS)
@pytest.mark.parametrize("phase", ["acute", "stable"])
def test_without_the_symptom_no_row_of_table_1_applies(advice_for: Ask, symptom: str, phase: str) -> None:
    advice = advice_for(disease_phase=phase, **{f"{symptom}_nrs": 0})
    assert table_1(symptom) <= advice.all(State.NOT_MET)


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_while_nobody_has_asked_table_1_is_open(advice_for: Ask, symptom: str) -> None:
    assert not table_1(symptom) & advice_for(disease_phase="acute").all(State.RECOMMENDED)


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_every_row_of_table_1_needs_its_symptom_and_says_that_this_is_our_reading(symptom: str) -> None:
    assert len(table_1(symptom)) > 15
    for key in table_1(symptom):
        rule = base().rules[key]
        assert rule.condition is not None
        needed = {f"{symptom}_present", "uncontrolled_pain"} & set(facts_of(rule.condition))
        assert needed, key
        said = f"it is shown only while {symptom} is present"
        assert any(said in note for note in rule.notes) or key == "pain-acute-rule-out-emergency"


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_a_score_of_1_is_the_symptom_and_a_denial_beside_it_is_a_disagreement(advice_for: Ask, symptom: str) -> None:
    standing = {"pain": "pain-follow-who-nccn", "fatigue": "fatigue-any-assess", "dyspnea": "dyspnea-any-fan"}[symptom]
    assert standing in advice_for(**{f"{symptom}_nrs": 1})
    advice = advice_for(**{f"{symptom}_nrs": 1, f"{symptom}_present": False})
    assert standing in advice
    assert "contradiction" in advice.notices


@pytest.mark.parametrize(
    ("facts", "uncontrolled"),
    [
        ({"pain_nrs": 3}, State.UNDETERMINED),
        ({"pain_nrs": 3, "pain_goal_met": True}, State.NOT_MET),
        ({"pain_nrs": 4}, State.RECOMMENDED),
        ({"pain_nrs": 6, "pain_goal_met": True}, State.NOT_MET),
        ({"pain_nrs": 7, "pain_goal_met": True}, State.RECOMMENDED),
        ({"pain_nrs": 2, "pain_goal_met": False}, State.RECOMMENDED),
        ({"pain_nrs": 8, "uncontrolled_pain": False}, State.RECOMMENDED),
        ({"pain_nrs": 2, "uncontrolled_pain": True}, State.RECOMMENDED),
        ({"pain_present": True}, State.UNDETERMINED),
    ],
)
def test_uncontrolled_is_pain_above_the_goal_or_above_3_and_always_7_and_the_worse_counts(
    advice_for: Ask, facts: dict[str, object], uncontrolled: State
) -> None:
    advice = advice_for(disease_phase="acute", **facts)
    assert advice.states["pain-acute-rule-out-emergency"] is uncontrolled


@pytest.mark.parametrize(
    ("facts", "screened"),
    [
        ({"moderate_activity_days_per_week": 3, "moderate_activity_minutes_per_day": 30}, False),
        ({"moderate_activity_days_per_week": 3, "moderate_activity_minutes_per_day": 29}, True),
        ({"moderate_activity_days_per_week": 2, "moderate_activity_minutes_per_day": 60}, True),
        ({"moderate_activity_days_per_week": 2, "sedentary": False}, True),
        ({"sedentary": True, "planned_exercise_mets": 5.9, "planned_exercise_intensity": "moderate"}, False),
        ({"sedentary": True, "planned_exercise_mets": 6}, True),
        ({"sedentary": True, "planned_exercise_mets": 6, "planned_exercise_intensity": "light"}, True),
    ],
)
def test_sedentary_and_vigorous_follow_from_activity_and_mets_and_the_worse_counts(
    advice_for: Ask, facts: dict[str, object], screened: bool
) -> None:
    advice = advice_for(age_years=60, **facts)
    assert ("pre-exercise-screen-age-sedentary-vigorous" in advice) is screened


def test_distress_is_evaluated_further_from_4_on(advice_for: Ask) -> None:
    assert "ext-distress-dt-ge4" in advice_for(distress_thermometer=4)
    assert "ext-distress-dt-ge4" not in advice_for(distress_thermometer=3)


def test_the_thermometer_runs_from_0_to_10(advice_for: Ask) -> None:
    assert "ext-distress-dt-ge4" not in advice_for(distress_thermometer=0)
    for impossible in (-1, 11):
        with pytest.raises(UnusableRequest, match="0 to 10"):
            advice_for(distress_thermometer=impossible)


def test_a_negative_screen_does_not_take_depression_away(advice_for: Ask) -> None:
    treated = "fatigue-any-treat-depression"
    assert treated in advice_for(fatigue_nrs=5, phq9_total=10)
    assert advice_for(fatigue_nrs=5, phq9_total=9).states[treated] is State.UNDETERMINED


def test_the_symptom_checklist_is_inferred_and_says_so() -> None:
    asked = [rule for rule in rules() if rule.key.startswith("symptom-screen-")]
    assert len(asked) == 7
    for rule in [*asked, base().rules["symptom-checklist-all-patients"]]:
        assert "inferred" in " ".join(rule.notes).casefold()


def test_sedation_is_put_forward_only_when_the_symptom_is_known_to_be_refractory(advice_for: Ask) -> None:
    assert SEDATION in advice_for(**BREATHLESS, symptom_refractory=True)
    for unguarded in ({}, {"symptom_refractory": False}, {"symptom_refractory": observed(True, days_ago=8)}):
        advice = advice_for(**BREATHLESS, **unguarded)
        assert advice.states[SEDATION] is State.WITHHELD
        assert "last resort" in advice.reasons[SEDATION]


@pytest.mark.parametrize(
    ("saturation", "state"),
    [
        ({"spo2_room_air": 89}, State.RECOMMENDED),
        ({"spo2_room_air": 89.9}, State.RECOMMENDED),
        ({"spo2_room_air": 90}, State.WITHHELD),
        ({"spo2_room_air": 97}, State.WITHHELD),
        ({"spo2_room_air": observed(97, days_ago=2)}, State.RECOMMENDED),
        ({}, State.RECOMMENDED),
    ],
)
def test_oxygen_is_withheld_only_at_a_saturation_known_to_be_90_or_more(
    advice_for: Ask, saturation: dict[str, object], state: State
) -> None:
    assert advice_for(**BREATHLESS, **saturation).states[OXYGEN] is state


def test_in_the_acute_phase_eating_freely_comes_before_maximizing_nutrition(advice_for: Ask) -> None:
    acute = advice_for(**BREATHLESS)
    assert "nutrition-acute-eat-freely" in acute
    assert acute.states[NUTRITION] is State.WITHHELD
    assert NUTRITION in advice_for(disease_phase="stable", dyspnea_nrs=6)


@pytest.mark.parametrize("key", sorted(HIGH_RISK))
def test_high_risk_items_are_for_clinicians_only_and_neutral(advice_for: Ask, key: str) -> None:
    rule = base().rules[key]
    assert not {Actor.PATIENT, Actor.CAREGIVER} & set(rule.actors)
    assert not rule.patient_may_see
    assert "discuss" in rule.text.casefold()
    assert "encourage" not in rule.text.casefold()
    whole = {**BREATHLESS, "symptom_refractory": True}
    assert key in advice_for(**whole).shown
    assert key not in advice_for(Actor.PATIENT, Actor.CAREGIVER, **whole).shown


def test_every_referral_is_a_prompt_and_never_an_order() -> None:
    referrals = [rule for rule in rules() if rule.kind == "referral_trigger" and rule.condition is not None]
    assert len(referrals) == 29
    for rule in referrals:
        assert rule.mode == "offer", rule.key
        assert "onsider" in rule.text, rule.key


def test_what_is_offered_is_worded_as_an_offer() -> None:
    for rule in rules():
        if rule.mode in ("offer", "option"):
            assert any(word in rule.text.casefold() for word in ("consider", "offer", "discuss")), rule.key
