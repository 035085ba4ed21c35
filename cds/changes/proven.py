"""What the solver says of a candidate: the claims that it breaks, and what it finds about one item.

The solver is loaded when it is first asked, so that a server that only answers never loads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cds.changes.candidate import Candidate
from cds.changes.remembered import remembered
from cds.changes.trial import in_the_way
from cds.conjunctions import TooLarge
from cds.engine import EngineFault
from knowledge.items import ItemKind
from knowledge.patients import write
from knowledge.references import Name

if TYPE_CHECKING:
    from cds.authoring.proof.results import Claim, Finding

AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
"""The moment of the patients who show something: any would do, since what they are made of was observed at it."""

SECONDS = 1.6
"""The time for one item while it is being written, so that the page is there within two seconds."""


def broken_claims(before: Candidate, after: Candidate) -> tuple[Claim, ...]:
    """The claims that are violated or not proven after, and were proven before.

    Raises CannotBeHeld, with a sentence that says what to change.
    """
    failed = _failed(after)
    if not failed:
        return ()
    failed_before = {(claim.code, claim.items) for claim in _failed(before)} if before.items else set()
    return tuple(claim for claim in failed if (claim.code, claim.items) not in failed_before)


def findings_about(candidate: Candidate, name: Name) -> tuple[Finding, ...]:
    """What there is to look at in one rule or hazard; nothing where the time is over, or the solver cannot hold it."""
    from cds.authoring.proof import report
    from cds.authoring.proof.variables import CannotBeHeld

    if name[0] not in (ItemKind.RULE, ItemKind.HAZARD) or in_the_way(candidate):
        return ()
    try:
        return report.findings_about(candidate.base, AT, name, seconds=SECONDS)
    except (CannotBeHeld, TooLarge, EngineFault):
        return ()


def sentence_of(claim: Claim, candidate: Candidate) -> str:
    """A broken claim with the patient who shows it."""
    if claim.patient is None:
        return claim.sentence
    lines: Iterable[str] = write(claim.patient.facts, candidate.base.facts).splitlines()
    return f"{claim.sentence} Such a patient: {'; '.join(lines) or 'nobody of whom anything is known'}."


@remembered
def _failed(candidate: Candidate) -> tuple[Claim, ...]:
    from cds.authoring.proof.report import prove_claims
    from cds.authoring.proof.results import Verdict

    if in_the_way(candidate):
        return ()
    claims = prove_claims(candidate.base, AT)
    return tuple(claim for claim in claims if claim.verdict is not Verdict.PROVEN)
