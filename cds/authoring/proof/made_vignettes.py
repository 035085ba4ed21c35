"""Patients of the solver as test patients: with a title, a story, and what becomes of the rules they are for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cds.deciding import Answer
from knowledge.facts import Fact, Facts
from knowledge.items import HazardState, ItemKind, State, Vignette
from knowledge.references import Name


def made_vignette(
    key: str,
    title: str,
    topic: str,
    posted: Mapping[str, Any],
    at: datetime,
    answer: Answer,
    names: Iterable[Name],
    facts: Mapping[str, Fact],
) -> Vignette:
    """A test patient who expects of the named rules and hazards what becomes of them now."""
    expect: defaultdict[State, list[str]] = defaultdict(list)
    hazards: defaultdict[HazardState, list[str]] = defaultdict(list)
    for kind, item in sorted(names):
        if kind is ItemKind.HAZARD:
            hazards[answer.hazards[item]].append(item)
        else:
            expect[answer.states[item]].append(item)
    return Vignette(
        key=key,
        title=title,
        topic=topic,
        story=story(answer.resolved.known, posted, facts),
        evaluated_at=at,
        facts=posted,
        expect={state: tuple(expect[state]) for state in State if state in expect},
        hazards={state: tuple(hazards[state]) for state in HazardState if state in hazards},
    )


def story(known: Facts, posted: Mapping[str, Any], facts: Mapping[str, Fact]) -> str:
    """What was posted, in words."""
    said = [facts[name].said(known[name]) for name in posted if name in known]
    if not said:
        return "Nothing is known of this patient. Made to find slips in conditions."
    return f"Of this patient is known: {'; '.join(said)}. Made to find slips in conditions."
