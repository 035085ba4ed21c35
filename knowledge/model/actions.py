"""What a rule does, from a short, closed list: by it a hazard forbids rules that were written later."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Action(StrEnum):
    """One thing that a recommendation does or, with the mode `avoid`, speaks against.

    A name with a point belongs to the action before the point: what forbids `exercise` forbids `exercise.vigorous`.
    """

    EXERCISE = "exercise"
    EXERCISE_VIGOROUS = "exercise.vigorous"
    EXERCISE_MIND_BODY = "exercise.mind_body"
    EXERCISE_REHABILITATION = "exercise.rehabilitation"
    ACTIVITY_PACE = "activity.pace"
    BODYWORK_MASSAGE = "bodywork.massage"
    BODYWORK_ACUPUNCTURE = "bodywork.acupuncture"
    POSITION = "position"
    AIRFLOW = "airflow"

    FLUIDS = "fluids"
    FIBER = "fiber"
    DIET_RESTRICT = "diet.restrict"
    DIET_ENRICH = "diet.enrich"
    DIET_COMFORT = "diet.comfort"
    DIET_SAFETY = "diet.safety"

    OXYGEN = "oxygen"
    OXYGEN_LONG_TERM = "oxygen.long_term"
    OXYGEN_UNTARGETED = "oxygen.untargeted"
    VENTILATION = "ventilation"
    OPIOIDS = "opioids"
    ANALGESIA = "analgesia"
    SEDATION = "sedation"
    PRESCRIBING_SAFETY = "prescribing_safety"
    NERVE_BLOCK = "nerve_block"
    RADIOTHERAPY = "radiotherapy"
    FATIGUE_DRUGS = "fatigue_drugs"
    TREAT_CAUSE = "treat_cause"
    ANTICANCER_TREATMENT = "anticancer_treatment"
    COMFORT = "comfort"

    EMERGENCY_ACT = "emergency.act"
    EMERGENCY_EXCLUDE = "emergency.exclude"

    CPR_DISCUSS = "cpr.discuss"
    LIFE_SUPPORT_DISCUSS = "life_support.discuss"
    END_OF_LIFE_DISCUSS = "end_of_life.discuss"
    PROGNOSIS_DISCUSS = "prognosis.discuss"
    GOALS_DISCUSS = "goals.discuss"
    DIRECTIVES = "directives"
    ADVANCE_CARE_PLANNING = "advance_care_planning"
    SURROGATE = "surrogate"

    EVALUATE_CARDIOVASCULAR = "evaluate.cardiovascular"
    EVALUATE_EXERCISE_RISK = "evaluate.exercise_risk"
    EVALUATE_SYMPTOMS = "evaluate.symptoms"
    EVALUATE_PAIN = "evaluate.pain"
    EVALUATE_OXYGEN = "evaluate.oxygen"
    EVALUATE_DISTRESS = "evaluate.distress"
    EVALUATE_MOOD = "evaluate.mood"
    EVALUATE_SUICIDE_RISK = "evaluate.suicide_risk"
    EVALUATE_COGNITION = "evaluate.cognition"
    EVALUATE_CAPACITY = "evaluate.capacity"
    EVALUATE_FAMILY = "evaluate.family"
    EVALUATE_PERFORMANCE = "evaluate.performance"
    EVALUATE_PHASE = "evaluate.phase"
    EVALUATE_NUTRITION = "evaluate.nutrition"

    REFER_PALLIATIVE = "refer.palliative"
    REFER_HOSPICE = "refer.hospice"
    REFER_PAIN = "refer.pain"
    REFER_MENTAL_HEALTH = "refer.mental_health"
    REFER_SOCIAL_WORK = "refer.social_work"
    REFER_CHAPLAIN = "refer.chaplain"
    REFER_NUTRITION = "refer.nutrition"
    REFER_REHABILITATION = "refer.rehabilitation"
    REFER_FATIGUE = "refer.fatigue"
    REFER_INTEGRATIVE = "refer.integrative"
    REFER_OBSTETRICS = "refer.obstetrics"

    SUPPORT_PSYCHOSOCIAL = "support.psychosocial"
    SUPPORT_CAREGIVER = "support.caregiver"
    SUPPORT_SPIRITUAL = "support.spiritual"
    SUPPORT_SOCIAL = "support.social"
    COMMUNICATE = "communicate"
    EDUCATE = "educate"
    SELF_CARE = "self_care"
    SELF_MONITOR = "self_monitor"
    PREVENTION = "prevention"
    ORGANIZE = "organize"
    CLASSIFY = "classify"


def covers(wide: Action, action: Action) -> bool:
    """Whether an action is the wide one, or belongs to it."""
    return action == wide or action.startswith(f"{wide}.")


def any_covered(wide: Iterable[Action], actions: Iterable[Action]) -> bool:
    """Whether at least one of the actions is covered by one of the wide ones."""
    done = tuple(actions)
    return any(covers(one, action) for one in wide for action in done)
