"""The actions in families, as a person looks for one: each action belongs to exactly one family."""

from __future__ import annotations

from collections.abc import Mapping

from knowledge.model.actions import Action

FAMILIES: Mapping[str, tuple[Action, ...]] = {
    "Exercise, activity and bodywork": (
        Action.EXERCISE,
        Action.EXERCISE_VIGOROUS,
        Action.EXERCISE_MIND_BODY,
        Action.EXERCISE_REHABILITATION,
        Action.ACTIVITY_PACE,
        Action.BODYWORK_MASSAGE,
        Action.BODYWORK_ACUPUNCTURE,
        Action.POSITION,
        Action.AIRFLOW,
    ),
    "Eating and drinking": (
        Action.FLUIDS,
        Action.FIBER,
        Action.DIET_RESTRICT,
        Action.DIET_ENRICH,
        Action.DIET_COMFORT,
        Action.DIET_SAFETY,
    ),
    "Symptom relief, drugs and treatment": (
        Action.OXYGEN,
        Action.OXYGEN_LONG_TERM,
        Action.OXYGEN_UNTARGETED,
        Action.VENTILATION,
        Action.OPIOIDS,
        Action.ANALGESIA,
        Action.SEDATION,
        Action.PRESCRIBING_SAFETY,
        Action.NERVE_BLOCK,
        Action.RADIOTHERAPY,
        Action.FATIGUE_DRUGS,
        Action.TREAT_CAUSE,
        Action.ANTICANCER_TREATMENT,
        Action.COMFORT,
    ),
    "Emergencies": (Action.EMERGENCY_ACT, Action.EMERGENCY_EXCLUDE),
    "Talks and decisions": (
        Action.CPR_DISCUSS,
        Action.LIFE_SUPPORT_DISCUSS,
        Action.END_OF_LIFE_DISCUSS,
        Action.PROGNOSIS_DISCUSS,
        Action.GOALS_DISCUSS,
        Action.DIRECTIVES,
        Action.ADVANCE_CARE_PLANNING,
        Action.SURROGATE,
    ),
    "Evaluate": tuple(one for one in Action if one.startswith("evaluate.")),
    "Refer": tuple(one for one in Action if one.startswith("refer.")),
    "Support and teach": (
        *(one for one in Action if one.startswith("support.")),
        Action.COMMUNICATE,
        Action.EDUCATE,
        Action.SELF_CARE,
        Action.SELF_MONITOR,
        Action.PREVENTION,
    ),
    "Other": (Action.ORGANIZE, Action.CLASSIFY),
}
