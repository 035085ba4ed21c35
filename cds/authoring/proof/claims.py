"""The claims: what must hold for every patient before anybody may be advised by a release."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import dataclass

from cds.authoring.proof.formulas import Formula, TimedOut, conjunction, disjunction, negation
from cds.authoring.proof.prover import Prover, Shows
from cds.authoring.proof.results import Claim, ClaimCode, Patient, Verdict
from knowledge.items import HazardState, ItemKind, Mode, Rule, State, Urgency
from knowledge.model.actions import covers
from knowledge.model.hazards import Hazard
from knowledge.references import Name

_URGENCIES = list(Urgency)
_UNCONFIRMED = "The solver found a patient for whom it is otherwise, and the evaluator does not confirm it."
_NO_END = "The solver came to no end in its time."

MOST_TRIED = 5
"""Patients of the solver that are run to confirm one violation."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A claim before it is asked: where it would be violated, and how an answer shows that."""

    code: ClaimCode
    items: tuple[Name, ...]
    violated: Formula
    shows: Shows
    holds: str
    fails: str


def claims(prover: Prover, touched: Set[Name] | None = None) -> list[Claim]:
    """Every claim over a knowledge base, or those alone that are about the touched items."""
    questions = [*_forbidden(prover), *_answered(prover), *_urgent(prover), *_opposites(prover)]
    return [_asked(prover, one) for one in questions if touched is None or not touched.isdisjoint(one.items)]


def _asked(prover: Prover, question: _Question) -> Claim:
    try:
        patient, found = _counterexample(prover, question)
    except TimedOut:
        return Claim(question.code, question.items, Verdict.NOT_PROVEN, f"Not proven: {question.holds} {_NO_END}")
    if patient is not None:
        return Claim(question.code, question.items, Verdict.VIOLATED, question.fails, patient)
    if found:
        return Claim(question.code, question.items, Verdict.NOT_PROVEN, f"Not proven: {question.holds} {_UNCONFIRMED}")
    return Claim(question.code, question.items, Verdict.PROVEN, question.holds)


def _counterexample(prover: Prover, question: _Question) -> tuple[Patient | None, bool]:
    """A patient for whom the claim is violated; and whether the solver found any, confirmed or not."""
    about = [prover.encoded.condition(name) for name in question.items]
    found = False
    for search in (prover.plausible, prover.possible):
        excluded: list[Formula] = []
        for _ in range(MOST_TRIED):
            known = prover.find(question.violated, *excluded, among=search, about=about)
            if known is None:
                break
            found = True
            patient = prover.patient(known, question.shows)
            if patient is not None:
                return patient, True
            excluded.append(negation(prover.encoded.encoder.described(known, prover.bearing_on(about))))
    return None, found


def _forbidden(prover: Prover) -> Iterator[_Question]:
    encoded = prover.encoded
    for hazard in encoded.base.hazards.values():
        doing = [rule for rule in encoded.rules if _does(rule, hazard)]
        yield _Question(
            ClaimCode.FORBIDDEN_IS_WITHHELD,
            ((ItemKind.HAZARD, hazard.key),),
            conjunction((_present(prover, hazard), disjunction(encoded.recommended(rule.key) for rule in doing))),
            _shows_all([], [hazard], any_of=[rule.key for rule in doing]),
            f"While “{hazard.title}” is present, nothing is recommended that it forbids.",
            f"“{hazard.title}” is present, and something is recommended that it forbids.",
        )


def _does(rule: Rule, hazard: Hazard) -> bool:
    """Whether a rule does something that a hazard forbids; said here again, apart from what withholds rules."""
    return rule.mode is not Mode.AVOID and any(covers(one, action) for one in hazard.forbids for action in rule.actions)


def _answered(prover: Prover) -> Iterator[_Question]:
    encoded = prover.encoded
    for hazard in encoded.base.hazards.values():
        answers = [
            key
            for key in hazard.answered_by
            if (rule := encoded.base.rules.get(key)) is not None
            and not rule.is_statement
            and _URGENCIES.index(rule.urgency) <= _URGENCIES.index(hazard.urgency)
        ]
        yield _Question(
            ClaimCode.HAZARD_IS_ANSWERED,
            ((ItemKind.HAZARD, hazard.key),),
            conjunction((_present(prover, hazard), *(negation(encoded.recommended(key)) for key in answers))),
            _shows_all([], [hazard], none_of=answers),
            f"Whenever “{hazard.title}” is present, what answers it is recommended.",
            f"“{hazard.title}” is present, and none of the rules that answer it is recommended.",
        )


def _urgent(prover: Prover) -> Iterator[_Question]:
    encoded = prover.encoded
    for rule in encoded.rules:
        if rule.urgency is not Urgency.NOW:
            continue
        withholders = list(encoded.withholders(rule.key))
        if not withholders:
            continue
        urgent = [one for one in withholders if one.urgency is Urgency.NOW]
        others = [one for one in withholders if one.urgency is not Urgency.NOW]
        name = (ItemKind.RULE, rule.key)
        yield _Question(
            ClaimCode.URGENT_IS_SHOWN,
            (name,),
            conjunction(
                (
                    encoded.met(name),
                    disjunction(one.active for one in others),
                    *(negation(one.active) for one in urgent),
                )
            ),
            _shows_withheld(rule.key, {one.name for one in urgent}),
            f"“{rule.title}”, which is urgent, is withheld by nothing that is less urgent.",
            f"“{rule.title}” is urgent, and is withheld by something that is not.",
        )


def _opposites(prover: Prover) -> Iterator[_Question]:
    encoded = prover.encoded
    for against in encoded.rules:
        if against.mode is not Mode.AVOID:
            continue
        for rule in encoded.rules:
            opposed = [a for a in rule.actions if any(covers(wide, a) for wide in against.actions)]
            if rule.mode is Mode.AVOID or not opposed:
                continue
            yield _Question(
                ClaimCode.NO_OPPOSITES,
                ((ItemKind.RULE, against.key), (ItemKind.RULE, rule.key)),
                conjunction((encoded.recommended(against.key), encoded.recommended(rule.key))),
                _shows_all([against.key, rule.key], []),
                f"“{rule.title}” is never recommended together with “{against.title}”, which speaks against it.",
                f"“{rule.title}” is recommended together with “{against.title}”, which speaks against it "
                f"({', '.join(opposed)}): let one override the other.",
            )


def _present(prover: Prover, hazard: Hazard) -> Formula:
    return prover.encoded.met((ItemKind.HAZARD, hazard.key))


def _shows_all(
    rules: Iterable[str], hazards: Iterable[Hazard], *, any_of: Collection[str] = (), none_of: Collection[str] = ()
) -> Shows:
    """Whether an answer recommends the rules, one of `any_of` and none of `none_of`, with the hazards present."""
    wanted, present = list(rules), [hazard.key for hazard in hazards]
    return lambda answer: (
        all(answer.states[key] is State.RECOMMENDED for key in wanted)
        and all(answer.hazards[key] is HazardState.PRESENT for key in present)
        and (not any_of or any(answer.states[key] is State.RECOMMENDED for key in any_of))
        and all(answer.states[key] is not State.RECOMMENDED for key in none_of)
    )


def _shows_withheld(rule: str, urgent: Collection[Name]) -> Shows:
    """Whether an answer withholds a rule, and none of the urgent ones does it."""
    return lambda answer: (
        answer.states[rule] is State.WITHHELD
        and not any((one.kind, one.key) in urgent for one in answer.withheld.get(rule, ()))
    )
