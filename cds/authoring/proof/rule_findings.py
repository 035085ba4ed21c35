"""Findings about rules and hazards as wholes: whom they reach, how they lie to one another, what they override."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Set
from itertools import combinations

from cds.authoring.proof.formulas import Formula, conjunction, disjunction, negation
from cds.authoring.proof.prover import Prover, Shows
from cds.authoring.proof.results import Finding, FindingCode, Patient, identity_of
from knowledge.conditions import Always
from knowledge.items import HazardState, ItemKind, Rule, State
from knowledge.language import write
from knowledge.model.overrides import withheld_rules
from knowledge.references import Name
from knowledge.wording import in_words

_MET = {State.RECOMMENDED, State.WITHHELD}


def reach_findings(prover: Prover, touched: Set[Name] | None) -> Iterator[Finding]:
    """Rules and hazards that no patient meets or every patient does, and rules that are always withheld."""
    encoded = prover.encoded
    names: list[Name] = [(ItemKind.RULE, rule.key) for rule in encoded.rules]
    names += [(ItemKind.HAZARD, key) for key in encoded.base.hazards]
    for name in names:
        if touched is not None and name not in touched:
            continue
        said = in_words(encoded.condition(name), encoded.base.facts)
        met = encoded.met(name)
        if prover.none(met):
            yield finding(prover, FindingCode.DEAD, [name], f"{called(prover, name)} applies to no patient: {said}.")
        elif encoded.condition(name) != Always() and prover.none(negation(met)):
            sentence = f"{called(prover, name)} applies to every patient: {said}."
            yield finding(prover, FindingCode.MET_BY_ALL, [name], sentence, Patient({}, prover.at))
        elif name[0] is ItemKind.RULE and prover.none(encoded.recommended(name[1])):
            by = [one.name for one in encoded.withholders(name[1])]
            shown = shown_to(prover, [name], met, lambda answer, key=name[1]: answer.states[key] is State.WITHHELD)
            sentence = f"{called(prover, name)} is never recommended: whenever it applies, it is withheld."
            yield finding(prover, FindingCode.ALWAYS_WITHHELD, [name, *by], sentence, *shown)


def twin_findings(prover: Prover, touched: Set[Name] | None) -> Iterator[Finding]:
    """Rules that say the same to the same people for the same patients, or for some of them."""
    encoded = prover.encoded
    groups: defaultdict[tuple[object, ...], list[Rule]] = defaultdict(list)
    for rule in encoded.rules:
        if rule.actions and rule.condition != Always():
            groups[rule.actions, rule.mode, frozenset(rule.actors), rule.kind].append(rule)
    for group in groups.values():
        for one, other in combinations(group, 2):
            names: list[Name] = [(ItemKind.RULE, one.key), (ItemKind.RULE, other.key)]
            if (touched is None or not touched.isdisjoint(names)) and one.condition != other.condition:
                yield from _twins(prover, one, other)


def _twins(prover: Prover, one: Rule, other: Rule) -> Iterator[Finding]:
    names: list[Name] = [(ItemKind.RULE, one.key), (ItemKind.RULE, other.key)]
    first, second = (prover.encoded.met(name) for name in names)
    within = prover.none(first, negation(second))
    around = prover.none(second, negation(first))
    if within and around:
        yield finding(
            prover,
            FindingCode.EQUIVALENT,
            names,
            f"“{one.title}” and “{other.title}” do the same for the same patients.",
            *shown_to(prover, names, conjunction((first, second)), _both_met(one.key, other.key)),
        )
    elif within or around:
        narrow, wide = (one, other) if within else (other, one)
        order: list[Name] = [(ItemKind.RULE, narrow.key), (ItemKind.RULE, wide.key)]
        yield finding(
            prover,
            FindingCode.NARROWER,
            order,
            f"“{narrow.title}” only applies where “{wide.title}”, which does the same, applies too.",
            *shown_to(prover, names, conjunction((first, second)), _both_met(one.key, other.key)),
        )


def _both_met(one: str, other: str) -> Shows:
    return lambda answer: answer.states[one] in _MET and answer.states[other] in _MET


def override_findings(prover: Prover, touched: Set[Name] | None) -> Iterator[Finding]:
    """Overrides that never withhold anything, and such as withhold a rule whenever it applies."""
    encoded = prover.encoded
    for rule in encoded.rules:
        if not rule.overrides:
            continue
        by: Name = (ItemKind.RULE, rule.key)
        withheld = sorted(withheld_rules(rule, encoded.base.rules))
        names: list[Name] = [by, *((ItemKind.RULE, key) for key in withheld)]
        if touched is not None and touched.isdisjoint(names):
            continue
        active = encoded.recommended(rule.key)
        never = [key for key in withheld if prover.none(active, encoded.met((ItemKind.RULE, key)))]
        # Of an action it is enough that one of the rules that do it is ever withheld.
        by_action = set(withheld) - {one.rule for one in rule.overrides}
        never = [key for key in never if key not in by_action] + (
            sorted(by_action)[:1] if by_action <= set(never) else []
        )
        for key in never:
            sentence = (
                f"“{rule.title}” overrides {called(prover, (ItemKind.RULE, key))}, but they never apply together."
            )
            yield finding(prover, FindingCode.DEAD_OVERRIDE, [by, (ItemKind.RULE, key)], sentence)
        for key in set(withheld) - set(never):
            other: Name = (ItemKind.RULE, key)
            met = encoded.met(other)
            if not prover.none(met) and prover.none(met, negation(active)):
                sentence = f"“{rule.title}” overrides {called(prover, other)} whenever that applies."
                shown = shown_to(prover, [by, other], met, lambda answer, key=key: answer.states[key] is State.WITHHELD)
                yield finding(prover, FindingCode.OVERRIDES_ALWAYS, [by, other], sentence, *shown)


def called(prover: Prover, name: Name) -> str:
    """A rule or hazard by its title."""
    kind, key = name
    items = prover.base.hazards if kind is ItemKind.HAZARD else prover.base.rules
    return f"The hazard “{items[key].title}”" if kind is ItemKind.HAZARD else f"“{items[key].title}”"


def finding(
    prover: Prover, code: FindingCode, items: list[Name], sentence: str, *patients: Patient, about: str = ""
) -> Finding:
    """A finding about rules and hazards, with an identity that rests on their conditions."""
    texts = [write(prover.encoded.condition(name)) for name in items if name[0] is not ItemKind.FACT]
    return Finding(code, tuple(items), sentence, identity_of(code, items, [*texts, about]), patients)


def shown_to(prover: Prover, items: list[Name], where: Formula, shows: Shows) -> list[Patient]:
    """A plausible patient who shows something, when there is one whom the evaluator confirms."""
    about = [prover.encoded.condition(name) for name in items if name[0] is not ItemKind.FACT]
    known = prover.find(where, about=about)
    patient = None if known is None else prover.patient(known, shows)
    return [] if patient is None else [patient]


def becomes(name: Name, met: bool | None) -> Shows:
    """Whether an answer says of a rule or hazard that its condition is met, not met or undetermined."""
    kind, key = name
    if kind is ItemKind.HAZARD:
        hazard = {True: HazardState.PRESENT, False: HazardState.ABSENT, None: HazardState.UNDETERMINED}[met]
        return lambda answer: answer.hazards[key] is hazard
    states = {True: _MET, False: {State.NOT_MET}, None: {State.UNDETERMINED}}[met]
    return lambda answer: answer.states[key] in states


def differing(one: tuple[Formula, Formula], other: tuple[Formula, Formula]) -> Formula:
    """Where two outcomes, each as met and not met, are not the same."""
    return disjunction(
        disjunction((conjunction((a, negation(b))), conjunction((b, negation(a)))))
        for a, b in zip(one, other, strict=True)
    )
