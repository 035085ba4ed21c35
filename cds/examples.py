"""One patient and her answer, as the API's page shows them; a test keeps the answer true."""

from __future__ import annotations

from typing import Any

REQUEST: dict[str, Any] = {
    "subject": "patient-0001",
    "facts": {
        "has_mbc": True,
        "age_years": 60,
        "disease_phase": [
            {"value": "acute", "observed_at": "2026-01-30T10:00:00Z", "source": "oncologist"},
            {"value": "stable", "observed_at": "2026-01-02T10:00:00Z", "source": "oncologist"},
        ],
        "pain_nrs": {"value": 7, "observed_at": "2026-01-31T08:00:00Z", "source": "patient"},
        "diabetes_mellitus": True,
        "ecog_ps": None,
    },
    "evaluated_at": "2026-01-31T09:00:00Z",
    "actors": ["oncologist"],
}

BATCH: dict[str, Any] = {
    "patients": [
        {"subject": "patient-0001", "facts": {"has_mbc": True, "age_years": 60}},
        {"subject": "patient-0002", "facts": {"has_mbc": True, "ecog": 2}},
    ]
}

PROBLEM: dict[str, Any] = {
    "type": "urn:phasewise:problem:unusable-request",
    "title": "The request cannot be used",
    "status": 422,
    "detail": "One thing is wrong with it; nothing was recorded.",
    "errors": [
        {
            "pointer": "/facts/ecog",
            "detail": "There is no fact called 'ecog'. Did you mean ecog_ps?",
            "suggestion": "ecog_ps",
        }
    ],
}

RECOMMENDATION: dict[str, Any] = {
    "rule": "pre-exercise-screen-diabetes",
    "version": 1,
    "title": "…",
    "text": "…",
    "kind": "screening_criterion",
    "mode": "offer",
    "topic": "pre-exercise-screening",
    "actors": ["clinician"],
    "urgency": "this_visit",
    "patient_may_see": False,
    "because": [
        {"fact": "starting_exercise_program", "value": None, "reading": "about to start exercising: not known"},
        {"fact": "diabetes_mellitus", "value": True, "reading": "diabetes mellitus"},
    ],
    "citations": [
        {
            "source": "kida-2021",
            "reference": "Kida K, Olver I, Yennu S, Tripathy D, Ueno NT. …",
            "doi": "10.1200/OP.20.00622",
            "locator": "p180 · Physical exercise (pre-exercise screening)",
            "strength": "should be considered",
        }
    ],
    "notes": ["…"],
}

ANSWER: dict[str, Any] = {
    "decision_id": "0b4a4f6e-6e0f-4a43-9a52-0e3f5d1d2c11",
    "release": {"number": 1, "digest": "sha256:…"},
    "evaluated_at": "2026-01-31T09:00:00Z",
    "recommendations": [RECOMMENDATION],
    "withheld": [{"rule": "…", "version": 1, "overridden_by": "…", "reason": "…"}],
    "undetermined": [{"rule": "…", "version": 1, "title": "…", "missing": ["planned_exercise_intensity"]}],
    "missing_facts": [
        {"fact": "planned_exercise_intensity", "label": "Intensity of planned exercise", "undetermined_rules": 2}
    ],
    "notices": [{"fact": None, "problem": "not_clinically_approved", "detail": "…"}],
}
