"""Findings about facts: what nothing reads or tells apart, what is asked in vain, what can change unasked."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from cds.authoring.proof.derivations import given_derivations
from cds.authoring.proof.encoded_base import conditions_of
from cds.authoring.proof.encoder import EncodedFact, Encoder
from cds.authoring.proof.formulas import Formula, conjunction, disjunction, replaced
from cds.authoring.proof.prover import Prover
from cds.authoring.proof.results import Finding, FindingCode, Patient, identity_of
from cds.authoring.proof.rule_findings import differing
from cds.deciding import Answer
from knowledge.checking import needed_for
from knowledge.conditions import Among, Compare, Condition, Includes, Known, Leaf, facts_of, leaves
from knowledge.facts import NOT_KNOWN_CODE, Fact, Facts, FactType
from knowledge.items import ItemKind
from knowledge.reasoning import reading


def fact_findings(prover: Prover) -> Iterator[Finding]:
    """Every finding about the facts of the dictionary."""
    base = prover.base
    asked: defaultdict[str, set[Leaf]] = defaultdict(set)
    for condition in conditions_of(base):
        for leaf in leaves(condition):
            asked[leaf.fact].add(leaf)
    dates = {fact.counted_since for fact in base.facts.values()}
    for key, fact in base.facts.items():
        if key in asked:
            yield from _codes(prover, fact, asked[key])
        elif key not in dates and not fact.used_later:
            yield _finding(FindingCode.UNREAD_FACT, [key], f"Nothing reads {fact.label} ({key}).")
    influence = _Influence(prover)
    for key in asked:
        if not influence.of(key):
            sentence = f"{base.facts[key].label} ({key}) is asked for, and no value of it changes any advice."
            yield _finding(FindingCode.ASKED_IN_VAIN, [key], sentence)
    for fact in base.facts.values():
        yield from _flips(prover, fact)


def _finding(code: FindingCode, facts: list[str], sentence: str, *patients: Patient, about: str = "") -> Finding:
    items = [(ItemKind.FACT, key) for key in facts]
    return Finding(code, tuple(items), sentence, identity_of(code, items, [about]), patients)


def _codes(prover: Prover, fact: Fact, asked: Iterable[Leaf]) -> Iterator[Finding]:
    """Codes of a fact that nothing reads, or that nothing tells apart."""
    if fact.type is FactType.CODES:
        named = {leaf.code for leaf in asked if isinstance(leaf, Includes)}
        for code in fact.codes:
            if code.code not in named:
                sentence = f"Nothing asks whether {fact.phrase} include {code.label} ({fact.key}, {code.code})."
                patient = Patient({fact.key: [code.code]}, prover.at)
                yield _finding(FindingCode.UNREAD_CODE, [fact.key], sentence, patient, about=code.code)
    if fact.type is FactType.CODE:
        read = [leaf for leaf in asked if isinstance(leaf, Compare | Among)]
        alike: defaultdict[tuple[bool | None, ...], list[str]] = defaultdict(list)
        for code in fact.codes:
            if code.code != NOT_KNOWN_CODE:
                alike[tuple(reading(leaf, {fact.key: code.code}) for leaf in read)].append(code.code)
        for codes in alike.values():
            if len(codes) > 1 and (read or any(isinstance(leaf, Known) for leaf in asked)):
                said = ", ".join(fact.label_of(code) for code in codes)
                sentence = f"Nothing tells these values of {fact.label} ({fact.key}) apart: {said}."
                patients = [Patient({fact.key: code}, prover.at) for code in codes[:2]]
                yield _finding(FindingCode.CODES_NOT_TOLD_APART, [fact.key], sentence, *patients, about=" ".join(codes))


class _Influence:
    """Whether a fact can change what becomes of any rule or hazard, itself or over what follows from it."""

    def __init__(self, prover: Prover) -> None:
        self._prover = prover
        self._found: dict[str, bool] = {}
        base = prover.base
        self._readers: defaultdict[str, list[Condition]] = defaultdict(list)
        for item in (*base.rules.values(), *base.hazards.values()):
            if item.condition is not None:
                for name in facts_of(item.condition):
                    self._readers[name].append(item.condition)
        self._followers: defaultdict[str, list[Fact]] = defaultdict(list)
        for fact in base.facts.values():
            for name in needed_for(fact):
                self._followers[name].append(fact)

    def of(self, key: str) -> bool:
        if key not in self._found:
            self._found[key] = self._look(key)
        return self._found[key]

    def _look(self, key: str) -> bool:
        prover, encoder = self._prover, self._prover.encoded.encoder
        if prover.base.facts[key].population:
            return True
        otherwise = changed(prover, key)
        differs = disjunction(
            differing(outcome, (otherwise(outcome.met), otherwise(outcome.not_met)))
            for outcome in (encoder.outcome(condition) for condition in dict.fromkeys(self._readers[key]))
        )
        if not prover.none(differs, *another(prover, key)):
            return True
        return any(self._carries(key, fact) and self.of(fact.key) for fact in self._followers[key])

    def _carries(self, key: str, follower: Fact) -> bool:
        """Whether a fact can change what another follows as."""
        prover = self._prover
        if follower.counted_since == key:
            return True
        otherwise = changed(prover, key)
        values = prover.encoded.concluded(follower.key).values
        differs = disjunction(differing((where, where), (otherwise(where), otherwise(where))) for _, where in values)
        return not prover.none(differs, *another(prover, key))


def changed(prover: Prover, key: str) -> Callable[[Formula], Formula]:
    """Makes of formulas those of a patient in whom one fact is otherwise than in the patient who is looked for."""
    fact, other = prover.encoded.encoder.facts[key], _other(prover, key)
    pairs = list(zip((fact.known, *fact.values), (other.known, *other.values), strict=True))
    return lambda formula: replaced(formula, pairs)


def another(prover: Prover, key: str) -> tuple[Formula, ...]:
    """What is so of the fact that is otherwise."""
    return _other(prover, key).always


def _other(prover: Prover, key: str) -> EncodedFact:
    return Encoder({key: prover.encoded.variables[key]}, apart={key}).facts[key]


def _flips(prover: Prover, fact: Fact) -> Iterator[Finding]:
    """What a fact follows as from what is not known, and can turn when that is learned, without anybody asking."""
    base, encoder = prover.base, prover.encoded.encoder
    given = list(given_derivations(fact, base.facts))
    asked = {leaf.fact for one in given for leaf in leaves(one.condition) if isinstance(leaf, Known)}
    for name in sorted(asked):
        otherwise = changed(prover, name)
        learned = _other(prover, name)
        values = prover.encoded.concluded(fact.key).values
        turned = disjunction(
            conjunction((where, otherwise(where_else)))
            for value, where in values
            for value_else, where_else in values
            if value != value_else
        )
        unknown = encoder.described({}, [name])
        known = prover.find(turned, unknown, learned.known, *learned.always, about=[one.condition for one in given])
        if known is None:
            continue
        patient = _unasked(prover, fact, name, known)
        if patient is not None:
            sentence = (
                f"{fact.label} ({fact.key}) follows while {base.facts[name].label} ({name}) is not known, can turn "
                "when that is learned, and nothing asks for it."
            )
            yield _finding(
                FindingCode.FLIPS_UNASKED, [fact.key, name], sentence, patient, about=_derivations_text(fact)
            )


def _unasked(prover: Prover, fact: Fact, name: str, known: Facts) -> Patient | None:
    """The patient, when the real answer knows the fact and does not ask for what could turn it."""

    def shows(answer: Answer) -> bool:
        asked = {one["fact"] for one in json.loads(answer.response).get("missing_facts", ())}
        asked |= {one for notice in answer.resolved.notices if notice.code == "assumed" for one in notice.facts}
        return fact.key in answer.resolved.derived and name not in answer.resolved.known and name not in asked

    return prover.patient(known, shows)


def _derivations_text(fact: Fact) -> str:
    return " / ".join(one.when for one in fact.derivations)
