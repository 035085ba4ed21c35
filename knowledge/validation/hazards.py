"""What is wrong with the hazards of a knowledge base: what they read, forbid and demand, and what shows them."""

from __future__ import annotations

from collections.abc import Iterator

from knowledge.errors import ContentProblem
from knowledge.items import HazardState, ItemKind, KnowledgeBase, Urgency
from knowledge.language import write
from knowledge.model.hazards import Hazard
from knowledge.validation.parts import condition_problems, hint, unknown_source
from knowledge.validation.undecidable import can_be_unknown

_URGENCIES = list(Urgency)


def hazard_problems(base: KnowledgeBase) -> Iterator[ContentProblem]:
    """Everything about hazards that keeps the base from being published."""
    shown: dict[str, set[HazardState]] = {}
    for vignette in base.vignettes.values():
        for state, keys in vignette.hazards.items():
            for key in keys:
                shown.setdefault(key, set()).add(state)
    for hazard in base.hazards.values():
        yield from _problems(hazard, base)
        for state in states_to_show(hazard):
            if state not in shown.get(hazard.key, ()):
                yield _problem(hazard, "vignettes", f"No vignette shows it {state}: add one.")


def states_to_show(hazard: Hazard) -> Iterator[HazardState]:
    """What test patients must show of a hazard."""
    yield HazardState.PRESENT
    yield HazardState.ABSENT
    if can_be_unknown(hazard.condition):
        yield HazardState.UNDETERMINED


def _problems(hazard: Hazard, base: KnowledgeBase) -> Iterator[ContentProblem]:
    yield from condition_problems(ItemKind.HAZARD, hazard.key, "condition", write(hazard.condition), base.facts)
    if not hazard.citations:
        yield _problem(hazard, "citations", "Every sentence has a source: add a citation.")
    for position, citation in enumerate(hazard.citations):
        yield from unknown_source(ItemKind.HAZARD, hazard.key, f"citations.{position}.source", citation.source, base)
    for position, key in enumerate(hazard.answered_by):
        if detail := _no_answer(hazard, key, base):
            yield _problem(hazard, f"answered_by.{position}", detail)


def _no_answer(hazard: Hazard, key: str, base: KnowledgeBase) -> str | None:
    """Why a rule cannot be the answer to a hazard, or None."""
    rule = base.rules.get(key)
    if rule is None:
        return f"There is no rule called {key}.{hint(key, base.rules)}"
    if rule.is_statement:
        return f"{key} is a statement and never fires: name a rule that says what to do."
    if hazard.forbids_rule(rule):
        done = " and ".join(action for action in rule.actions)
        return f"The hazard forbids what it demands: {key} does {done}. Forbid less, or name another rule."
    if _URGENCIES.index(rule.urgency) > _URGENCIES.index(hazard.urgency):
        return f"{key} has the urgency {rule.urgency}, the hazard {hazard.urgency}: name one as urgent."
    return None


def _problem(hazard: Hazard, field: str, detail: str) -> ContentProblem:
    return ContentProblem(ItemKind.HAZARD, hazard.key, field, detail)
