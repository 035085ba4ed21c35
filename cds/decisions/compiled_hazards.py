"""Hazards made ready to answer with: what each forbids in a release, and the texts that do not change."""

from __future__ import annotations

from dataclasses import dataclass

from cds.writing import citation, compact
from knowledge.items import KnowledgeBase
from knowledge.model.hazards import Hazard
from knowledge.validation.unread import sources_of, urgently_read

_HAZARD_FOR_PATIENTS = "Something needs attention first. Speak to your care team today."


@dataclass(frozen=True, slots=True)
class CompiledHazard:
    """A hazard, the rules that it forbids, and its JSON up to the findings and after them; in words for patients too.

    `undetermined` is its JSON, up to the facts that are missing, when it is not known whether it is present.
    """

    key: str
    hazard: Hazard
    version: int
    condition: str
    forbidden: tuple[str, ...]
    opening: bytes
    closing: bytes
    for_patients: bytes
    undetermined: bytes


def compile_hazard(hazard: Hazard, condition: str, version: int, base: KnowledgeBase) -> CompiledHazard:
    """A hazard of a base; `condition` is the name of its condition in the release."""
    forbidden = [rule for rule in base.rules.values() if not rule.is_statement and hazard.forbids_rule(rule)]
    header = {"hazard": hazard.key, "version": version, "title": hazard.title}
    before = {**header, "text": hazard.text, "urgency": hazard.urgency, "forbids": hazard.forbids}
    citations = [citation(base, one.source, one.locator, one.strength) for one in hazard.citations]
    plain_words = {"text": hazard.patient_text or _HAZARD_FOR_PATIENTS, "urgency": hazard.urgency}
    return CompiledHazard(
        key=hazard.key,
        hazard=hazard,
        version=version,
        condition=condition,
        forbidden=tuple(sorted(rule.key for rule in forbidden)),
        opening=compact(before)[:-1] + b',"because":',
        closing=b"," + compact({"citations": citations})[1:],
        for_patients=compact({"hazard": hazard.key, "version": version, **plain_words}),
        undetermined=compact(header)[:-1] + b',"missing":',
    )


def urgent_facts(base: KnowledgeBase) -> frozenset[str]:
    """The facts that hazards and rules of urgency `now` read, and those that these may be derived from."""
    return sources_of(urgently_read(base), base.facts)
