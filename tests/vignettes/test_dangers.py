"""Patients in danger: the emergency comes first, nothing that the danger forbids is advised, nothing contradicts it.

The patients of each paragraph differ from those of the shipped test patients; what is forbidden is read off the
actions, so that a rule that is written later is held to the same.
"""

from __future__ import annotations

from itertools import combinations

import pytest

from cds.requests import UnusableRequest
from knowledge.items import Mode, State, Urgency
from knowledge.model.actions import Action, any_covered
from tests.vignettes.shipped import Advice, Ask, base, observed, rules

EAGER = {
    "age_years": 52,
    "disease_phase": "stable",
    "exercise_feasible": True,
    "starting_exercise_program": True,
    "fatigue_nrs": 6,
    "dyspnea_nrs": 2,
    "physical_inactivity": True,
    "palliative_care_involved": True,
}
"""Stable, tired and eager to train, palliative care involved: all advice on exercise would apply."""

EMERGENCIES = {
    "spinal_cord_compression": ({"spinal_cord_compression": True}, "ext-cord-compression-act"),
    "unstable spine": ({"spinal_instability": True}, "ext-unstable-bone-act"),
    "impending fracture": ({"impending_fracture": True}, "ext-unstable-bone-act"),
    "svc_syndrome": ({"svc_syndrome": True}, "ext-svc-syndrome-act"),
    "bowel_obstruction": ({"bowel_obstruction": True}, "ext-bowel-obstruction-act"),
    "hypercalcemia": ({"hypercalcemia_persistent": True}, "ext-hypercalcemia-act"),
    "delirium": ({"delirium": True}, "ext-delirium-act"),
    "embolism without dyspnea": (
        {"pulmonary_embolism": True, "dyspnea_present": False, "dyspnea_nrs": 0},
        "ext-pulmonary-embolism-act",
    ),
    "airway_obstruction": ({"airway_obstruction": True}, "ext-airway-obstruction-act"),
    "pneumonia": ({"pneumonia": True}, "ext-pneumonia-act"),
    "saturation of 70": ({"spo2_room_air": 70}, "ext-severe-hypoxemia-act"),
    "saturation of 84.9": ({"spo2_room_air": 84.9}, "ext-severe-hypoxemia-act"),
    "visceral_crisis": ({"visceral_crisis": True}, "ext-visceral-crisis"),
    "severe dyspnea": ({"dyspnea_nrs": 9}, "ext-severe-dyspnea-act"),
    "seizure": ({"seizure_or_raised_intracranial_pressure": True}, "ext-intracranial-emergency-act"),
    "neutropenic sepsis": ({"neutropenic_sepsis_suspected": True}, "ext-neutropenic-sepsis-act"),
    "pain of 7": ({"pain_nrs": 7}, "ext-severe-pain-act"),
    "pain of 10 within the goal": ({"pain_nrs": 10, "pain_goal_met": True}, "ext-severe-pain-act"),
}
PHASES = ["acute", "stable", "deteriorating", "terminal"]


def recommended(advice: Advice, *wide: Action) -> set[str]:
    """The recommended rules that do one of the actions."""
    found = advice.all(State.RECOMMENDED)
    return {
        rule.key
        for rule in rules()
        if rule.key in found and rule.mode is not Mode.AVOID and any_covered(wide, rule.actions)
    }


def first(advice: Advice) -> dict[str, str]:
    shown: dict[str, str] = advice.answer["recommendations"][0]
    return shown


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", EMERGENCIES)
def test_a_known_emergency_is_answered_now_and_first_in_every_phase(advice_for: Ask, name: str, phase: str) -> None:
    facts, answer = EMERGENCIES[name]
    advice = advice_for(**{**EAGER, "disease_phase": phase, **facts})
    assert answer in advice
    assert base().rules[answer].urgency is Urgency.NOW
    assert first(advice)["urgency"] == "now"
    assert advice.shown.index(answer) < sum(one["urgency"] == "now" for one in advice.answer["recommendations"])


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", EMERGENCIES)
def test_nobody_in_an_emergency_is_advised_to_exercise(advice_for: Ask, name: str, phase: str) -> None:
    facts, _ = EMERGENCIES[name]
    advice = advice_for(**{**EAGER, "disease_phase": phase, **facts})
    assert recommended(advice, Action.EXERCISE) == set()
    for key in advice.all(State.WITHHELD):
        assert len(advice.reasons[key]) > 20


@pytest.mark.parametrize(("one", "other"), list(combinations(EMERGENCIES, 2)))
def test_two_emergencies_at_once_are_both_answered(advice_for: Ask, one: str, other: str) -> None:
    (facts, answer), (more, second) = EMERGENCIES[one], EMERGENCIES[other]
    if any(facts[name] != more[name] for name in facts.keys() & more.keys()):
        pytest.skip("One patient has one saturation, one pain score and one dyspnea score.")
    advice = advice_for(**{**EAGER, **facts, **more})
    assert answer in advice
    assert second in advice or (second == "ext-severe-dyspnea-act" and "dyspnea_nrs" in facts)


@pytest.mark.parametrize("involved", [True, False])
def test_palliative_care_being_involved_silences_no_emergency(advice_for: Ask, involved: bool) -> None:
    for facts, answer in EMERGENCIES.values():
        assert answer in advice_for(**{**EAGER, "palliative_care_involved": involved, **facts})


def test_only_its_treatment_quiets_cord_compression_and_embolism_and_exercise_still_waits(advice_for: Ask) -> None:
    for fact, answer, quiet in (
        ("spinal_cord_compression", "ext-cord-compression-act", "ext-cord-compression-rehabilitate"),
        ("pulmonary_embolism", "ext-pulmonary-embolism-act", "ext-embolism-treated-activity"),
    ):
        advice = advice_for(**EAGER, **{fact: True, f"{fact}_treated": True})
        assert advice.states[answer] is State.NOT_MET
        assert quiet in advice
        assert recommended(advice, Action.EXERCISE) == set()
        assert answer in advice_for(**EAGER, **{fact: True, f"{fact}_treated": False})


@pytest.mark.parametrize(
    "facts",
    [
        {"spo2_room_air": 89},
        {"spo2_room_air": 89.9},
        {"pao2_mmhg": 58},
        {"ecog_ps": 4},
        {"kps": 20},
        {"exercise_feasible": False},
        {"platelet_count": 12},
        {"neutrophil_count": 0.3},
        {"hemoglobin": 71},
        {"cardiac_symptoms": True},
        {"disease_phase": "deteriorating"},
        {"prognosis_estimate": "days"},
    ],
)
def test_exercise_waits_on_the_danger_itself(advice_for: Ask, facts: dict[str, object]) -> None:
    assert recommended(advice_for(**{**EAGER, **facts}), Action.EXERCISE) == set()


@pytest.mark.parametrize(
    "facts",
    [
        {"spo2_room_air": 90},
        {"ecog_ps": 3},
        {"platelet_count": 51, "neutrophil_count": 0.6, "hemoglobin": 80},
        {"pain_nrs": 6, "pain_goal_met": True},
        {"phq9_item9": 0},
    ],
)
def test_next_to_the_danger_it_is_advised(advice_for: Ask, facts: dict[str, object]) -> None:
    assert len(recommended(advice_for(**{**EAGER, **facts}), Action.EXERCISE)) > 10


@pytest.mark.parametrize("facts", [{"phq9_item9": 1}, {"phq9_item9": 3}, {"hastened_death_request": True}])
@pytest.mark.parametrize("phase", PHASES)
def test_thoughts_of_death_are_assessed_today_before_anything_is_limited(
    advice_for: Ask, facts: dict[str, object], phase: str
) -> None:
    advice = advice_for(disease_phase=phase, dyspnea_nrs=8, symptom_refractory=True, phq9_total=5, **facts)
    assert "ext-suicide-risk-assess" in advice
    limits = [Action.CPR_DISCUSS, Action.LIFE_SUPPORT_DISCUSS, Action.END_OF_LIFE_DISCUSS, Action.SEDATION]
    assert recommended(advice, *limits) == set()


@pytest.mark.parametrize(
    "facts",
    [
        {"cachexia": True},
        {"malnutrition_present": True},
        {"difficulty_eating": True},
        {"difficulty_three_meals": True},
        {"weight_loss_6_months": 6},
        {"weight_loss_6_months": 3, "bmi": 19},
        {"esas_appetite": 5},
        {"bowel_obstruction": True},
    ],
)
def test_who_eats_too_little_is_told_to_leave_nothing_out(advice_for: Ask, facts: dict[str, object]) -> None:
    advice = advice_for(disease_phase="stable", **facts)
    assert recommended(advice, Action.DIET_RESTRICT, Action.FIBER, Action.FLUIDS) == set()
    assert "nutrition-eat-fluids-2l" in advice.reasons


def test_a_small_loss_of_weight_is_no_cachexia(advice_for: Ask) -> None:
    assert "nutrition-avoid-sweets" in advice_for(disease_phase="stable", weight_loss_6_months=5, bmi=27)


@pytest.mark.parametrize("phase", ["acute", "stable"])
def test_with_an_obstructed_bowel_nothing_is_advised_by_mouth(advice_for: Ask, phase: str) -> None:
    advice = advice_for(
        disease_phase=phase, bowel_obstruction=True, nausea_present=True, difficulty_three_meals=True, dyspnea_nrs=4
    )
    by_mouth = [Action.FLUIDS, Action.FIBER, Action.DIET_ENRICH, Action.DIET_RESTRICT]
    assert recommended(advice, *by_mouth) == set()
    assert "nutrition-acute-eat-freely" not in advice


@pytest.mark.parametrize(
    ("oxygen", "target"),
    [({"copd": True}, True), ({"hypercapnia_risk": True}, True), ({"copd": False, "hypercapnia_risk": False}, False)],
)
def test_oxygen_at_risk_of_hypercapnia_has_a_target(advice_for: Ask, oxygen: dict[str, bool], target: bool) -> None:
    advice = advice_for(disease_phase="acute", dyspnea_nrs=6, spo2_room_air=86, **oxygen)
    assert ("ext-oxygen-hypercapnia-target" in advice) is target
    assert ("dyspnea-acute-oxygen" in advice) is not target


@pytest.mark.parametrize("phase", ["acute", "deteriorating", "terminal"])
def test_long_term_oxygen_belongs_to_the_stable_phase(advice_for: Ask, phase: str) -> None:
    low = {"pao2_mmhg": 52, "spo2_room_air": 86}
    assert "ext-oxygen-long-term" in advice_for(disease_phase="stable", **low)
    assert "ext-oxygen-long-term" not in advice_for(disease_phase=phase, **low)


@pytest.mark.parametrize("pressure", range(20, 100, 5))
@pytest.mark.parametrize("saturation", [80, 88, 89, 90, 94, 98])
def test_oxygen_is_never_called_needed_and_unneeded_at_once(advice_for: Ask, pressure: int, saturation: int) -> None:
    advice = advice_for(disease_phase="stable", dyspnea_nrs=4, pao2_mmhg=pressure, spo2_room_air=saturation)
    assert not ("ext-oxygen-long-term" in advice and "ext-oxygen-hypoxaemia" in advice)


@pytest.mark.parametrize(
    "dying",
    [
        {"disease_phase": "terminal"},
        {"disease_phase": "terminal", "prognosis_estimate": "days", "dnr_order_in_place": True, "kps": 10},
        {"disease_phase": "acute", "prognosis_estimate": "days"},
    ],
)
def test_the_dying_are_comforted_and_spared_the_rest(advice_for: Ask, dying: dict[str, object]) -> None:
    ill = {"pain_nrs": 5, "pain_goal_met": False, "dyspnea_nrs": 6, "fatigue_nrs": 9, "nausea_present": True}
    advice = advice_for(**dying, **ill, newly_diagnosed_mbc=True, difficulty_three_meals=True, anemia_present=True)
    assert {"ext-terminal-comfort", "ext-terminal-symptoms", "ext-terminal-family", "ext-terminal-spiritual"} <= set(
        advice.shown
    )
    spared = [
        *(Action.EXERCISE, Action.ANTICANCER_TREATMENT, Action.DIET_RESTRICT, Action.FLUIDS, Action.TREAT_CAUSE),
        *(Action.EVALUATE_MOOD, Action.EVALUATE_DISTRESS, Action.EVALUATE_COGNITION, Action.EVALUATE_PHASE),
        *(Action.EVALUATE_PERFORMANCE, Action.PREVENTION, Action.EDUCATE, Action.CPR_DISCUSS, Action.DIRECTIVES),
        *(Action.VENTILATION, Action.RADIOTHERAPY, Action.NERVE_BLOCK, Action.SELF_MONITOR),
    ]
    assert recommended(advice, *spared) == set()
    assert len(advice.shown) < 40


def test_the_declining_are_not_tested_and_trained(advice_for: Ask) -> None:
    advice = advice_for(disease_phase="deteriorating", fatigue_nrs=6, pain_nrs=3, caregiver_present=True)
    assert {"ext-deteriorating-plan", "ext-deteriorating-symptoms", "ext-deteriorating-family"} <= set(advice.shown)
    spared = [Action.EXERCISE, Action.ANTICANCER_TREATMENT, Action.EVALUATE_MOOD, Action.EVALUATE_PHASE]
    assert recommended(advice, *spared) == set()
    assert "pain-any-optimise-drug-and-nondrug" in advice


@pytest.mark.parametrize("capacity", ["impaired", "fluctuating"])
@pytest.mark.parametrize("phase", PHASES)
def test_without_capacity_the_surrogate_comes_first(advice_for: Ask, capacity: str, phase: str) -> None:
    advice = advice_for(disease_phase=phase, decision_making_capacity=capacity)
    assert "ext-surrogate-first" in advice
    decides = [Action.DIRECTIVES, Action.CPR_DISCUSS, Action.LIFE_SUPPORT_DISCUSS, Action.ANTICANCER_TREATMENT]
    assert recommended(advice, *decides) == set()


def test_delirium_explains_a_low_cognitive_score(advice_for: Ask) -> None:
    assert "ps-cognitive-consider-depression-fatigue" in advice_for(moca_total=15, delirium=False)
    assert "ps-cognitive-consider-depression-fatigue" not in advice_for(moca_total=15, delirium=True)


def test_code_status_is_not_raised_again_when_an_order_exists(advice_for: Ask) -> None:
    assert "acp-acute-limit-cpr" in advice_for(disease_phase="acute")
    assert "acp-acute-limit-cpr" not in advice_for(disease_phase="acute", dnr_order_in_place=True)


@pytest.mark.parametrize("risk", ["known_cardiovascular_disease", "kidney_disease", "cardiac_symptoms"])
def test_with_disease_or_symptoms_nobody_is_told_that_no_evaluation_is_needed(advice_for: Ask, risk: str) -> None:
    cleared = dict.fromkeys(
        ["diabetes_mellitus", "prior_anthracycline", "prior_cisplatin", "prior_mediastinal_radiation"], False
    )
    plan = {"starting_exercise_program": True, "planned_exercise_intensity": "light", "sedentary": False}
    assert "pre-exercise-screening-not-routine" in advice_for(age_years=40, **plan, **cleared)
    advice = advice_for(age_years=40, **plan, **cleared, **{risk: True})
    assert "pre-exercise-screening-not-routine" not in advice
    assert "ext-acsm-medical-clearance" in advice
    infeasible = advice_for(age_years=40, **plan, **cleared, exercise_feasible=False)
    assert "pre-exercise-screening-not-routine" not in infeasible


@pytest.mark.parametrize(
    ("problem", "service", "others"),
    [
        ("problem_practical", "ext-distress-route-social-work", {"chaplain", "mental-health"}),
        ("problem_family", "ext-distress-route-social-work", {"chaplain", "mental-health"}),
        ("problem_spiritual", "ext-distress-route-chaplain", {"social-work", "mental-health"}),
        ("problem_emotional", "ext-distress-route-mental-health", {"social-work", "chaplain"}),
    ],
)
def test_each_kind_of_problem_goes_to_its_own_service(
    advice_for: Ask, problem: str, service: str, others: set[str]
) -> None:
    advice = advice_for(**{problem: True})
    assert service in advice
    for other in others:
        assert f"ext-distress-route-{other}" not in advice
    for key in ("distress-refer-chaplain", "distress-refer-mental-health", "distress-refer-social-worker"):
        assert key not in advice


@pytest.mark.parametrize(
    ("service", "prompts"),
    [
        ("pain", {"t2-acute-refer-pain-specialist", "pain-acute-refer-specialist"}),
        ("hospice", {"t2-acute-refer-hospice-nursing", "t2-acute-refer-palliative-specialist"}),
        ("social_work", {"t2-acute-refer-social-worker"}),
        ("rehabilitation", {"t2-acute-refer-rehabilitation", "fatigue-any-consult-rehabilitation"}),
        ("nutrition", {"fatigue-any-consult-nutrition", "nutrition-refer-dietitian-difficulty-eating"}),
        ("fatigue_clinic", {"fatigue-any-fatigue-clinic"}),
    ],
)
def test_who_is_involved_already_is_not_offered_again(advice_for: Ask, service: str, prompts: set[str]) -> None:
    ill = {"disease_phase": "acute", "pain_nrs": 3, "fatigue_nrs": 5, "difficulty_eating": True}
    assert prompts <= advice_for(**ill).all(State.RECOMMENDED)
    assert prompts.isdisjoint(advice_for(**ill, services_involved=[service]).all(State.RECOMMENDED))


def test_a_recent_date_of_diagnosis_starts_planning_and_an_old_one_does_not(advice_for: Ask) -> None:
    assert "acp-start-at-mbc-diagnosis" in advice_for(mbc_diagnosis_date="2026-01-10")
    assert "acp-start-at-mbc-diagnosis" not in advice_for(mbc_diagnosis_date="2023-01-10")


@pytest.mark.parametrize(
    ("item", "rule"), [("esas_pain", "ext-severe-pain-act"), ("esas_shortness_of_breath", "ext-severe-dyspnea-act")]
)
def test_an_esas_score_speaks_like_the_rating_it_is(advice_for: Ask, item: str, rule: str) -> None:
    assert rule in advice_for(**{item: 9})
    assert rule not in advice_for(**{item: 6})


def test_every_esas_item_of_seven_is_assessed(advice_for: Ask) -> None:
    for item in ("drowsiness", "nausea", "appetite", "depression", "anxiety", "wellbeing", "other", "tiredness"):
        assert "ext-esas-severe" in advice_for(**{f"esas_{item}": 7})


def test_pregnancy_is_planned_with_obstetrics_before_radiation(advice_for: Ask) -> None:
    advice = advice_for(disease_phase="acute", pain_nrs=5, pregnant=True)
    assert "ext-pregnancy-team" in advice
    assert recommended(advice, Action.RADIOTHERAPY) == set()


def test_after_death_nothing_is_advised(advice_for: Ask) -> None:
    assert set(advice_for(deceased=True, pain_nrs=9).states.values()) == {State.NOT_MET}
    assert "symptom-screen-pain" in advice_for(deceased=False)


def test_planning_that_was_declined_is_left_alone(advice_for: Ask) -> None:
    for phase in ("acute", "stable"):
        advice = advice_for(disease_phase=phase, acp_declined=True)
        assert "ext-acp-declined" in advice
        assert recommended(advice, Action.ADVANCE_CARE_PLANNING, Action.DIRECTIVES, Action.CPR_DISCUSS) == set()


def test_no_patient_is_told_to_do_and_not_to_do_the_same() -> None:
    """What speaks against an action withholds what does it."""
    against = [rule for rule in rules() if rule.mode is Mode.AVOID]
    for rule in against:
        assert any(override.action in rule.actions for override in rule.overrides), rule.key


def test_every_hazard_says_what_remains_and_speaks_to_patients_where_they_can_act() -> None:
    for hazard in base().hazards.values():
        assert len(hazard.residual_risk.split()) > 6, hazard.key
        assert hazard.citations, hazard.key
        if hazard.patient_text:
            assert len(hazard.patient_text.split()) <= 40, hazard.key


def test_a_newer_score_of_the_same_source_replaces_the_older_one(advice_for: Ask) -> None:
    scores = [observed(3, days_ago=0.035, by="patient"), observed(9, days_ago=0, by="patient")]
    advice = advice_for(pain_nrs=scores)
    assert "ext-severe-pain-act" in advice
    assert "disagreement" not in advice.notices
    eased = advice_for(pain_nrs=[observed(9, days_ago=0.035, by="patient"), observed(3, days_ago=0, by="patient")])
    assert "ext-severe-pain-act" not in eased


@pytest.mark.parametrize(
    ("fact", "better", "worse", "rule"),
    [
        ("pain_nrs", 2, 8, "ext-severe-pain-act"),
        ("spo2_room_air", 96, 84, "ext-severe-hypoxemia-act"),
        ("dyspnea_nrs", 3, 8, "ext-severe-dyspnea-act"),
        ("delirium", False, True, "ext-delirium-act"),
        ("phq9_item9", 0, 2, "ext-suicide-risk-assess"),
        ("bowel_obstruction", False, True, "ext-bowel-obstruction-act"),
        ("spinal_cord_compression_treated", True, False, "ext-cord-compression-act"),
    ],
)
def test_of_two_who_disagree_the_worse_counts_and_is_said_first(
    advice_for: Ask, fact: str, better: object, worse: object, rule: str
) -> None:
    two = [observed(better, days_ago=0, by="nurse"), observed(worse, days_ago=0.01, by="palliative_care")]
    advice = advice_for(spinal_cord_compression=True, **{fact: two})
    assert rule in advice
    assert advice.answer["notices"][0]["code"] == "disagreement"
    assert fact in advice.answer["notices"][0]["facts"]


def test_a_measurement_of_today_is_truer_than_a_judgment_of_last_week(advice_for: Ask) -> None:
    advice = advice_for(
        uncontrolled_pain=observed(False, days_ago=5, by="clinician"), pain_nrs=observed(9, days_ago=0, by="patient")
    )
    assert {"ext-severe-pain-act", "ext-oncologic-emergency-list"} <= set(advice.shown)


def test_a_bone_metastasis_found_today_guards_whatever_was_denied_before(advice_for: Ask) -> None:
    advice = advice_for(bone_metastasis=observed(False, days_ago=150), metastatic_sites=observed(["bone"], days_ago=0))
    assert "ext-bone-mets-exercise" in advice


@pytest.mark.parametrize(
    "facts",
    [
        {"ecog_ps": 0, "kps": 20},
        {"ecog_ps": 4, "exercise_feasible": True},
        {"disease_phase": "terminal", "progression_pattern": "smoldering"},
        {"oncologic_emergency_excluded": True, "svc_syndrome": True},
        {"sedentary": True, "moderate_activity_days_per_week": 7},
        {"pao2_mmhg": 50, "spo2_room_air": 97},
        {"phq9_item9": 3, "phq9_total": 1},
        {"caregiver_present": False, "caregiver_burden": True},
        {"disease_phase": "stable", "prognosis_estimate": "days"},
        {"dnr_order_in_place": True, "lst_decision": "full"},
        {"newly_diagnosed_mbc": True, "mbc_diagnosis_date": "2023-05-01"},
        {"pain_goal_met": False, "pain_nrs": 0},
        {"kps": 0},
    ],
)
def test_what_cannot_both_be_is_said(advice_for: Ask, facts: dict[str, object]) -> None:
    assert "cannot_both_be" in advice_for(**facts).notices


def test_an_emergency_excluded_while_one_is_recorded_does_not_count(advice_for: Ask) -> None:
    advice = advice_for(pain_nrs=8, oncologic_emergency_excluded=True, spinal_cord_compression=True)
    assert {"ext-cord-compression-act", "ext-oncologic-emergency-list"} <= set(advice.shown)
    assert recommended(advice, Action.EXERCISE) == set()


def test_a_low_pain_score_alone_leaves_it_open_and_asks_for_the_goal(advice_for: Ask) -> None:
    advice = advice_for(disease_phase="acute", pain_nrs=2)
    assert advice.states["pain-acute-rule-out-emergency"] is State.UNDETERMINED
    assert "pain_goal_met" in advice.missing


def test_an_empty_field_erases_nothing(advice_for: Ask) -> None:
    scores = [observed(8, days_ago=0.01, by="patient"), observed(None, days_ago=0, by="patient")]
    assert "ext-severe-pain-act" in advice_for(pain_nrs=scores)


def test_one_ecog_score_is_enough_to_know_performance_status(advice_for: Ask) -> None:
    assert advice_for(ecog_ps=1).states["ext-poor-performance-status"] is State.NOT_MET
    assert "ext-poor-performance-status" in advice_for(ecog_ps=3)
    assert "ext-poor-performance-status" in advice_for(ecog_ps=2, kps=40)


def test_oxygen_pressure_in_another_unit_is_converted_or_refused(advice_for: Ask) -> None:
    with pytest.raises(UnusableRequest):
        advice_for(pao2_mmhg=12)
    healthy = {"value": 12, "unit": "kPa"}
    assert "ext-oxygen-long-term" not in advice_for(disease_phase="stable", pao2_mmhg=healthy, spo2_room_air=97)


def test_age_follows_from_the_date_of_birth(advice_for: Ask) -> None:
    plan = {"sedentary": True, "planned_exercise_intensity": "vigorous"}
    assert "pre-exercise-screen-age-sedentary-vigorous" in advice_for(birth_date="1970-01-31", **plan)
    assert "pre-exercise-screen-age-sedentary-vigorous" not in advice_for(birth_date="1970-02-01", **plan)


@pytest.mark.parametrize("facts", [{"fluid_limit_needed": True}, {"heart_failure": True}, {"kidney_disease": True}])
def test_a_heart_or_kidney_that_cannot_bear_it_is_spared_two_liters(advice_for: Ask, facts: dict[str, bool]) -> None:
    advice = advice_for(disease_phase="stable", **facts)
    assert recommended(advice, Action.FLUIDS) == set()
    assert "ext-fluid-guard" in advice


def test_a_score_meant_for_another_scale_does_not_put_a_fit_patient_to_bed(advice_for: Ask) -> None:
    advice = advice_for(**EAGER, kps=0)
    assert len(recommended(advice, Action.EXERCISE)) > 10


def test_a_positive_phq9_without_its_last_item_asks_for_it(advice_for: Ask) -> None:
    assert "ext-phq9-item9-look" in advice_for(phq9_total=12)
    assert "ext-phq9-item9-look" not in advice_for(phq9_total=12, phq9_item9=0)
