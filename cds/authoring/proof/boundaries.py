"""For one rule or hazard the patients on both sides of each boundary, and one for each branch alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from cds.authoring.proof.boundary_words import beside_bound, bounds_of, capital, title
from cds.authoring.proof.encoder import Outcome, joined
from cds.authoring.proof.formulas import FALSE, TRUE, Formula, conjunction, in_turn, negation
from cds.authoring.proof.made_vignettes import made_vignette
from cds.authoring.proof.posting import posted_facts, smallest
from cds.authoring.proof.prover import Prover
from cds.authoring.proof.rewriting import Path, everywhere, parts_of
from knowledge.conditions import AllOf, AnyOf, AtLeast, Condition, Leaf, Not
from knowledge.facts import Facts, Value
from knowledge.items import ItemKind, KnowledgeBase, Vignette
from knowledge.reasoning import reading
from knowledge.references import Name
from knowledge.wording import in_words


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A patient to be found: where, with which value of which fact, under which title, and what must be so."""

    where: tuple[Formula, ...]
    title: str
    holds: Callable[[Facts], bool]
    value: Mapping[str, Value] = field(default_factory=dict)


@in_turn
def boundary_vignettes(base: KnowledgeBase, name: Name, at: datetime) -> list[Vignette]:
    """Test patients for a rule or hazard, ready to be signed off: each expects what becomes of it now.

    Raises TimedOut, CannotBeHeld.
    """
    with Prover(base, at) as prover:
        condition = prover.encoded.condition(name)
        made: dict[str, Vignette] = {}
        for wanted in (*_boundaries(prover, name, condition), *_branches(prover, name, condition)):
            vignette = _made(prover, name, condition, wanted, len(made) + 1)
            if vignette is not None:
                made.setdefault(str(sorted(vignette.facts.items(), key=str)), vignette)
        return list(made.values())


def _made(prover: Prover, name: Name, condition: Condition, wanted: _Wanted, number: int) -> Vignette | None:
    known = prover.find(*wanted.where, about=[condition])
    if known is None:
        return None
    posted = posted_facts({**known, **wanted.value}, prover.release.resolver, prover.at)

    def shows(facts: Mapping[str, Any]) -> bool:
        answer = prover.answer(facts)
        return answer is not None and wanted.holds(answer.resolved.known)

    if not shows(posted):
        return None
    posted = smallest(posted, shows)
    answer = prover.answer(posted)
    if answer is None:
        return None
    kind, key = name
    topic = (prover.base.hazards if kind is ItemKind.HAZARD else prover.base.rules)[key].topic
    return made_vignette(
        f"{key}-boundary-{number}", wanted.title, topic, posted, prover.at, answer, [name], prover.base.facts
    )


def _boundaries(prover: Prover, name: Name, condition: Condition) -> Iterator[_Wanted]:
    """Two patients for each number or day: next to it on either side, where just this comparison decides."""
    facts = prover.base.facts
    for path, part in everywhere(condition):
        if not isinstance(part, Leaf) or not bounds_of(part):
            continue
        encoded = prover.encoded.encoder.facts[part.fact]
        true = encoded.variable.where(part)
        deciding = _decides(prover, condition, path)
        for below, above in pairwise(range(len(encoded.variable.values))):
            if (below in true) is (above in true):
                continue
            sides = (encoded.variable.last[below], encoded.variable.values[above])
            for place, value, other in zip((below, above), sides, reversed(sides), strict=True):
                where = [beside_bound(value, bound, facts[part.fact]) for bound in bounds_of(part)]
                said = next((one for one in where if one), "beside the limit of")
                yield _Wanted(
                    (encoded.among([place]), deciding),
                    f"{capital(facts[part.fact].said(value))}, {said} “{title(name, prover.base)}”",
                    _turning(condition, part.fact, value, other),
                    {part.fact: value},
                )


def _turning(condition: Condition, fact: str, value: Value, other: Value) -> Callable[[Facts], bool]:
    """Whether a patient has a value, and would be answered the opposite way with the other one."""

    def holds(known: Facts) -> bool:
        result = reading(condition, known)
        opposite = reading(condition, {**known, fact: other})
        return known.get(fact) == value and None not in (result, opposite) and result is not opposite

    return holds


def _decides(prover: Prover, condition: Condition, path: Path) -> Formula:
    """Where the condition is met or not as one comparison in it is true or false."""
    if_true = _with(prover, condition, path, Outcome(TRUE, FALSE))
    if_false = _with(prover, condition, path, Outcome(FALSE, TRUE))
    return negation(_same(if_true, if_false))


def _same(one: Outcome, other: Outcome) -> Formula:
    met_apart = conjunction((one.met, other.not_met))
    not_met_apart = conjunction((one.not_met, other.met))
    return conjunction((negation(met_apart), negation(not_met_apart)))


def _with(prover: Prover, condition: Condition, path: Path, outcome: Outcome) -> Outcome:
    """The outcome of a condition in which one comparison has the outcome that is given."""
    if not path:
        return outcome
    first, *rest = path
    found = [
        _with(prover, part, tuple(rest), outcome) if place == first else prover.encoded.encoder.outcome(part)
        for place, part in enumerate(parts_of(condition))
    ]
    return joined(condition, found) if isinstance(condition, Not | AllOf | AnyOf | AtLeast) else outcome


def _branches(prover: Prover, name: Name, condition: Condition) -> Iterator[_Wanted]:
    """One patient for each alternative alone."""
    encoder = prover.encoded.encoder
    whole = encoder.outcome(condition)
    for _, part in everywhere(condition):
        if not isinstance(part, AnyOf):
            continue
        for place, branch in enumerate(part.parts):
            others = [other for at, other in enumerate(part.parts) if at != place]
            alone = [encoder.outcome(branch).met, *(negation(encoder.outcome(one).met) for one in others)]
            yield _Wanted(
                (whole.met, *alone),
                f"{capital(in_words(branch, prover.base.facts))}, and no other reason for “{title(name, prover.base)}”",
                _alone(condition, branch, others),
            )


def _alone(condition: Condition, branch: Condition, others: Sequence[Condition]) -> Callable[[Facts], bool]:
    """Whether a condition is met by one of several alternatives and by none of the others."""
    return lambda known: (
        reading(condition, known) is True
        and reading(branch, known) is True
        and not any(reading(other, known) for other in others)
    )
