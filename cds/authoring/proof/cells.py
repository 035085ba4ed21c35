"""Cells of phase by symptom by reader for which the content has not a word."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from cds.authoring.proof.encoder import EncodedFact
from cds.authoring.proof.prover import Prover
from cds.authoring.proof.results import Finding, FindingCode, Patient, identity_of
from knowledge.checking import needed_for
from knowledge.conditions import facts_of
from knowledge.facts import FactType
from knowledge.items import Actor, ItemKind, Rule

PHASE = "disease_phase"
SYMPTOMS = (
    "pain_present",
    "fatigue_present",
    "dyspnea_present",
    "nausea_present",
    "vomiting_present",
    "mouth_sores_present",
    "insomnia_present",
    "anxiety_present",
    "depression_present",
)
"""The symptoms of the review's checklist, as facts of the dictionary."""


class Reader(StrEnum):
    """For whom an answer is."""

    PATIENT = "patient"
    CLINICIAN = "clinician"


def cell_findings(prover: Prover) -> Iterator[Finding]:
    """The cells in which no rule that speaks of the symptom is ever recommended to the reader."""
    facts = prover.base.facts
    phase = facts.get(PHASE)
    if phase is None or phase.type is not FactType.CODE:
        return
    encoded_phase = prover.encoded.encoder.facts[PHASE]
    for symptom in SYMPTOMS:
        if symptom not in facts or facts[symptom].type is not FactType.BOOLEAN:
            continue
        speaking = _speaking(prover, symptom)
        present = prover.encoded.encoder.facts[symptom].is_(True)
        for reader in Reader:
            rules = [rule for rule in speaking if reader in _readers(rule)]
            for code in encoded_phase.variable.values:
                if _silent(prover, encoded_phase, str(code), present, rules):
                    yield _finding(prover, symptom, str(code), reader)


def _silent(prover: Prover, phase: EncodedFact, code: str, present: object, rules: list[Rule]) -> bool:
    with prover.plausible.holding(phase.is_(code), present):
        return all(prover.none(prover.encoded.recommended(rule.key)) for rule in rules)


def _finding(prover: Prover, symptom: str, code: str, reader: Reader) -> Finding:
    facts = prover.base.facts
    who = "a patient" if reader is Reader.PATIENT else "a clinician"
    sentence = (
        f"Nothing is ever said to {who} about {facts[symptom].phrase} in the phase {facts[PHASE].label_of(code)}."
    )
    items = [(ItemKind.FACT, PHASE), (ItemKind.FACT, symptom)]
    identity = identity_of(FindingCode.EMPTY_CELL, items, [code, reader])
    patient = Patient({PHASE: code, symptom: True}, prover.at)
    return Finding(FindingCode.EMPTY_CELL, tuple(items), sentence, identity, (patient,))


def _speaking(prover: Prover, symptom: str) -> list[Rule]:
    """The rules that read a symptom, or a fact that bears on it or follows from it."""
    facts = prover.base.facts
    near = {symptom, *needed_for(facts[symptom])}
    near |= {key for key, fact in facts.items() if near & needed_for(fact)}
    return [
        rule for rule in prover.encoded.rules if rule.condition is not None and near & set(facts_of(rule.condition))
    ]


def _readers(rule: Rule) -> set[Reader]:
    """Who is shown a rule."""
    readers = set()
    if rule.patient_may_see and {Actor.PATIENT, Actor.CAREGIVER} & set(rule.actors):
        readers.add(Reader.PATIENT)
    if set(rule.actors) - {Actor.PATIENT, Actor.CAREGIVER}:
        readers.add(Reader.CLINICIAN)
    return readers
