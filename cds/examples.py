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
    "title": "Consider cardiovascular evaluation before exercise (diabetes)",
    "text": "Consider a cardiovascular evaluation before an exercise program when the patient has diabetes mellitus.",
    "kind": "screening_criterion",
    "mode": "offer",
    "topic": "pre-exercise-screening",
    "actors": ["clinician"],
    "urgency": "this_visit",
    "actions": ["evaluate.cardiovascular"],
    "patient_may_see": False,
    "because": [
        {
            "fact": "starting_exercise_program",
            "value": None,
            "reading": "about to begin an exercise program: not known",
        },
        {"fact": "diabetes_mellitus", "value": True, "reading": "diabetes mellitus"},
    ],
    "citations": [
        {
            "source": "kida-2021",
            "reference": "Kida K, Olver I, Yennu S, Tripathy D, Ueno NT. …",
            "doi": "10.1200/OP.20.00622",
            "url": "https://pmc.ncbi.nlm.nih.gov/articles/PMC8258141",
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
    "notices": [
        {
            "code": "not_clinically_approved",
            "facts": [],
            "detail": "Release 1 was imported and is not yet clinically approved by a person.",
            "urgent": False,
        }
    ],
    "hazards": [],
    "recommendations": [RECOMMENDATION],
    "withheld": [
        {
            "rule": "exercise-acute-discuss-safest-way",
            "version": 1,
            "withheld_by": {"hazard": "pain-emergency-open"},
            "reason": "Pain is uncontrolled and an oncologic emergency has not been excluded; …",
        }
    ],
    "undetermined": [
        {
            "rule": "fatigue-any-assess",
            "version": 1,
            "title": "Assess fatigue formally, or repeat the assessment",
            "missing": ["fatigue_present"],
        }
    ],
    "undetermined_hazards": [],
    "missing_facts": [{"fact": "fatigue_present", "label": "Fatigue", "undetermined_rules": 15}],
    "ignored_facts": [],
}
