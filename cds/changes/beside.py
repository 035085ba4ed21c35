"""The release in force beside a candidate, both ready to answer; and the candidate's example patients asked of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.changes.candidate import Candidate, item_of
from cds.changes.comparing import Pair, Patient
from cds.changes.tallying import Comparison
from cds.changes.trial import in_the_way
from cds.conjunctions import TooLarge
from cds.engine import EngineFault
from cds.releases import PreparedRelease
from knowledge.errors import KnowledgeError
from knowledge.files import base_of
from knowledge.items import Vignette
from knowledge.models import Release, ReleaseVersion, Version
from knowledge.releasing import in_force

NOTHING_IN_FORCE = "No release is in force, so there is nothing to compare with: put one in force first."
EXAMPLES = "example patient"
DECISIONS = "decision"

_MOST_EXAMPLES = 1_000
_MOST_OBSTACLES = 5


class NotComparable(KnowledgeError):
    """There is nothing to compare with, or what is proposed cannot answer."""


def over_vignettes(session: Session, candidate: Candidate) -> Comparison:
    """What would change for the example patients of a candidate. Raises NotComparable."""
    with beside(session, candidate) as pair:
        return over_examples(pair)


@contextmanager
def beside(session: Session, candidate: Candidate) -> Iterator[Pair]:
    """The release in force and the candidate, each with an engine of its own. Raises NotComparable."""
    release = in_force(session)
    if release is None:
        raise NotComparable(NOTHING_IN_FORCE)
    found = in_the_way(candidate)
    if found:
        said = [f"{one.kind} {one.key}: {one.detail}" for one in found[:_MOST_OBSTACLES]]
        further = f" And {len(found) - _MOST_OBSTACLES} more." if len(found) > _MOST_OBSTACLES else ""
        raise NotComparable(f"What is proposed cannot answer yet; mend this first. {' '.join(said)}{further}")
    try:
        with closing(_prepared(session, release)) as before, candidate.prepared() as after:
            yield Pair(before, after)
    except (TooLarge, EngineFault) as refusal:
        raise NotComparable(f"The engine cannot hold what is proposed. {refusal}") from None


def over_examples(pair: Pair) -> Comparison:
    """What changes between two releases for the example patients of the later one."""
    found = Comparison(EXAMPLES, most_reasons=_MOST_EXAMPLES, most_patients=_MOST_EXAMPLES)
    for vignette in pair.after.base.vignettes.values():
        patient = patient_of(vignette)
        found.add(patient.key, patient.title, pair.compare(patient))
    return found


def patient_of(vignette: Vignette) -> Patient:
    return Patient(vignette.key, vignette.title, vignette.evaluated_at, vignette.facts)


def _prepared(session: Session, release: Release) -> PreparedRelease:
    held = (
        select(Version.kind, Version.key, Version.number, Version.content)
        .join(ReleaseVersion, ReleaseVersion.version_id == Version.id)
        .where(ReleaseVersion.release_id == release.id)
    )
    rows = session.execute(held).all()
    base = base_of(item_of(kind, content) for kind, _, _, content in rows)
    numbers = {(kind, key): number for kind, key, number, _ in rows}
    return PreparedRelease(release.number, release.digest, base, numbers, imported=release.origin == "imported")
