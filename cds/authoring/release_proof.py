"""The proof over all patients for what is stored: a release, or a candidate for the next one; made once and kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.changes.candidate import Candidate, item_of
from cds.changes.remembered import remembered
from cds.changes.trial import in_the_way
from knowledge.errors import KnowledgeError
from knowledge.models import Release, ReleaseVersion, Version

if TYPE_CHECKING:
    from cds.authoring.proof.results import Proof


class NotProvable(KnowledgeError):
    """A candidate that cannot even answer; the text says what to mend."""


def candidate_of(session: Session, release: Release) -> Candidate:
    """What a stored release holds."""
    held = select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release.id)
    rows = session.scalars(select(Version).where(Version.id.in_(held)).order_by(Version.kind, Version.key)).all()
    items = {(row.kind, row.key): item_of(row.kind, row.content) for row in rows}
    return Candidate(items, {(row.kind, row.key): row.number for row in rows})


@remembered
def proof_of(candidate: Candidate) -> Proof:
    """Every claim and finding over a candidate. Raises CannotBeHeld, NotProvable. Takes some seconds the first time."""
    if problems := in_the_way(candidate):
        first = problems[0]
        raise NotProvable(f"Nothing can be proven before this is mended: {first.kind} {first.key}: {first.detail}")
    # Who only answers requests never loads the solver.
    from cds.authoring.proof.report import prove

    return prove(candidate.base, datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
