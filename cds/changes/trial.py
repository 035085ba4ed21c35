"""A candidate tried out: what is wrong with it, what it breaks elsewhere, and which vignettes fail under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds.changes.candidate import Candidate
from cds.changes.remembered import remembered
from cds.conjunctions import TooLarge
from cds.engine import EngineFault
from cds.rehearsing import Failure, play
from knowledge.checking import problems_in
from knowledge.errors import ContentProblem
from knowledge.items import ItemKind, Rule, Vignette
from knowledge.references import Name

_HARMLESS = frozenset(
    {
        (ItemKind.RULE, "vignettes"),
        (ItemKind.RULE, "title"),
        (ItemKind.RULE, "citations"),
        (ItemKind.RULE, "patient_text"),
        (ItemKind.RULE, "patient_may_see"),
        (ItemKind.RULE, "actions"),
        (ItemKind.HAZARD, "vignettes"),
        (ItemKind.HAZARD, "citations"),
        (ItemKind.SOURCE, "key"),
        (ItemKind.FACT, "absence"),
        (ItemKind.FACT, "maximum"),
        (ItemKind.FACT, "used_later"),
        (ItemKind.FACT, "worse"),
    }
)
"""Problems with which a base can still answer, so that its vignettes can be played; those of vignettes are too."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What trying a candidate showed.

    `own` is wrong with what was changed; `elsewhere` with other items, and was not before. `failures` are by the
    key of the vignette; None when the vignettes could not be played at all.
    """

    candidate: Candidate
    own: tuple[ContentProblem, ...]
    elsewhere: tuple[ContentProblem, ...]
    failures: Mapping[str, tuple[Failure, ...]] | None
    refusal: str | None = None
    """Why the engine cannot hold it, in a sentence."""
    broken: frozenset[str] = field(default_factory=frozenset)
    """The vignettes that fail and did not before."""

    @property
    def stands(self) -> bool:
        return not (self.own or self.elsewhere or self.failures or self.failures is None)

    def of(self, name: Name) -> tuple[ContentProblem, ...]:
        """What is wrong with one of the changed items."""
        return tuple(one for one in self.own if (one.kind, one.key) == name)

    def vignettes_of(self, name: Name) -> tuple[Vignette, ...]:
        """The vignettes that speak for a rule or a hazard, or the vignette itself."""
        kind, key = name
        return tuple(
            one
            for one in self.candidate.base.vignettes.values()
            if (kind is ItemKind.RULE and any(key in keys for keys in one.expect.values()))
            or (kind is ItemKind.HAZARD and any(key in keys for keys in one.hazards.values()))
            or (kind is ItemKind.VIGNETTE and one.key == key)
        )


def tried(before: Candidate, after: Candidate) -> Trial:
    """Try a candidate out beside what it would take the place of."""
    known = set(_problems(before))
    problems = [problem for problem in _problems(after) if problem not in known]
    own = tuple(one for one in problems if (ItemKind(one.kind), one.key) in after.changed)
    elsewhere = tuple(one for one in problems if (ItemKind(one.kind), one.key) not in after.changed)
    if not _can_answer(after):
        return Trial(after, own, elsewhere, None)
    try:
        failures = _failures(after)
    except (TooLarge, EngineFault) as refusal:
        return Trial(after, own, elsewhere, None, str(refusal))
    return Trial(after, own, elsewhere, failures, broken=frozenset(failures) - _failures_before(before).keys())


def with_condition_of(candidate: Candidate, key: str) -> tuple[Rule, ...]:
    """The other rules that have the very condition of this one."""
    rules = candidate.base.rules
    rule = rules.get(key)
    if rule is None or rule.condition is None:
        return ()
    return tuple(one for one in rules.values() if one.condition == rule.condition and one.key != key)


@remembered
def _problems(candidate: Candidate) -> tuple[ContentProblem, ...]:
    return tuple(problems_in(candidate.base))


@remembered
def _failures(candidate: Candidate) -> Mapping[str, tuple[Failure, ...]]:
    with candidate.prepared() as release:
        played = {key: tuple(play(release, one)) for key, one in release.base.vignettes.items()}
    return {key: failures for key, failures in played.items() if failures}


def _failures_before(before: Candidate) -> Mapping[str, tuple[Failure, ...]]:
    return _failures(before) if before.items and _can_answer(before) else {}


def in_the_way(candidate: Candidate) -> tuple[ContentProblem, ...]:
    """The problems with which a candidate cannot answer."""
    return tuple(
        one
        for one in _problems(candidate)
        if one.kind != ItemKind.VIGNETTE
        and (one.kind, one.field) not in _HARMLESS
        and not _says_nothing_of_worse(one, candidate)
    )


def _says_nothing_of_worse(problem: ContentProblem, candidate: Candidate) -> bool:
    """Without it, values that disagree count as not known: that answers too."""
    fact = candidate.base.facts.get(problem.key)
    return (problem.kind, problem.field) == (ItemKind.FACT, "worse") and fact is not None and fact.worse is None


def _can_answer(candidate: Candidate) -> bool:
    return not in_the_way(candidate)
