"""The hazard file of a release: each hazard, what controls it, how that is verified, what remains, and who answers.

The terms are those of ISO 14971:2019; a hazardous situation is here the condition under which the hazard is present.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from cds.authoring.finding_log import Acceptance, acceptances
from cds.authoring.release_proof import candidate_of, proof_of
from knowledge.holdings import Part, parts_of
from knowledge.items import HazardState, ItemKind, KnowledgeBase, Rule, Source, Vignette
from knowledge.model.hazards import Hazard, Severity
from knowledge.models import Release
from knowledge.validation.hazards import states_to_show
from knowledge.wording import in_words

if TYPE_CHECKING:
    from cds.authoring.proof.results import Claim, Finding, Proof


@dataclass(frozen=True, slots=True)
class HazardEntry:
    """One hazard of a release with everything that is known about its control.

    `part` says which version it is and who stands behind it; `shown_by` are the test patients by what they show.
    """

    hazard: Hazard
    part: Part
    situation: str
    withheld: tuple[Rule, ...]
    answers: tuple[Rule, ...]
    claims: tuple[Claim, ...]
    shown_by: Mapping[HazardState, tuple[Vignette, ...]]
    accepted: tuple[tuple[Finding, Acceptance], ...]
    citations: tuple[tuple[Source, str], ...]
    overdue: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """What the control of this hazard lacks, each in a sentence."""
        lacking = [f"{claim.sentence}" for claim in self.claims if claim.verdict != "proven"]
        if not self.claims:
            lacking.append("No claim about it was proven.")
        for state in states_to_show(self.hazard):
            if state not in self.shown_by:
                lacking.append(f"No test patient shows it {state}.")
        if self.part.approved_by is None:
            lacking.append("No person has approved this version.")
        if self.overdue:
            lacking.append("It is past its review date.")
        return tuple(lacking)


@dataclass(frozen=True, slots=True)
class HazardFile:
    """The hazard file of one release at a moment, the gravest hazards first."""

    release: Release
    made_at: datetime
    entries: tuple[HazardEntry, ...]
    proof: Proof

    @property
    def headline(self) -> str:
        """What is missing, in a sentence: the first thing to be read."""
        lacking = [entry for entry in self.entries if entry.missing]
        count = len(self.entries)
        hazards = "1 hazard" if count == 1 else f"{count} hazards"
        if not lacking:
            return f"{hazards}; the control of each is proven, shown by test patients and approved."
        counted = Counter(sentence for entry in lacking for sentence in entry.missing)
        said = " ".join(f"{sentence} ({number} of {count})" for sentence, number in counted.most_common(3))
        further = f" And {len(counted) - 3} more, as listed." if len(counted) > 3 else ""
        return f"{hazards}. {said}{further}"


def hazard_file(session: Session, release: Release, *, at: datetime) -> HazardFile:
    """The hazard file of a stored release. Raises CannotBeHeld. Takes some seconds the first time."""
    candidate = candidate_of(session, release)
    proof = proof_of(candidate)
    base = candidate.base
    parts = {part.key: part for part in parts_of(session, release.id, [ItemKind.HAZARD])}
    log = acceptances(session)
    order = list(Severity)
    hazards = sorted(base.hazards.values(), key=lambda one: (-order.index(one.severity), one.title))
    entries = tuple(_entry(one, parts[one.key], base, proof, log, at) for one in hazards)
    return HazardFile(release, at, entries, proof)


def _entry(
    hazard: Hazard, part: Part, base: KnowledgeBase, proof: Proof, log: Mapping[str, Acceptance], at: datetime
) -> HazardEntry:
    name = (ItemKind.HAZARD, hazard.key)
    return HazardEntry(
        hazard=hazard,
        part=part,
        situation=in_words(hazard.condition, base.facts),
        withheld=tuple(one for one in base.rules.values() if not one.is_statement and hazard.forbids_rule(one)),
        answers=tuple(base.rules[key] for key in hazard.answered_by if key in base.rules),
        claims=tuple(claim for claim in proof.claims if name in claim.items),
        shown_by=_shown_by(hazard.key, base.vignettes.values()),
        accepted=tuple((one, log[one.identity]) for one in proof.findings if name in one.items and one.identity in log),
        citations=tuple((base.sources[one.source], one.locator) for one in hazard.citations),
        overdue=hazard.review_by < at.date(),
    )


def _shown_by(key: str, vignettes: Iterable[Vignette]) -> dict[HazardState, tuple[Vignette, ...]]:
    found: dict[HazardState, Sequence[Vignette]] = {}
    for vignette in vignettes:
        for state, keys in vignette.hazards.items():
            if key in keys:
                found[state] = (*found.get(state, ()), vignette)
    return {state: tuple(shown) for state, shown in found.items()}
