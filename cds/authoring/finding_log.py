"""What the record tells of findings of the solver: that somebody accepted one, or took the acceptance back, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge import steps
from knowledge.audit import Happening, record_all
from knowledge.errors import KnowledgeError
from knowledge.models import AuditEvent, User, Version
from knowledge.pasted import plain_text
from knowledge.references import Name

ACCEPTED = "proof.finding_accepted"
REOPENED = "proof.finding_reopened"
LONGEST_REASON = 1000


class TooLong(KnowledgeError):
    """The reason is longer than one that everybody reads beside a finding may be."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That a person accepted a finding, as told in an event."""

    by: str
    at: datetime
    reason: str
    event: int


def acceptances(session: Session) -> Mapping[str, Acceptance]:
    """The acceptances that hold, by the identity of the finding."""
    query = select(AuditEvent).where(AuditEvent.action.in_((ACCEPTED, REOPENED))).order_by(AuditEvent.sequence)
    found: dict[str, Acceptance] = {}
    for event in session.scalars(query):
        identity = str(event.told.get("finding", ""))
        if event.action == ACCEPTED:
            found[identity] = Acceptance(event.actor, event.at, str(event.told.get("reason", "")), event.sequence)
        else:
            found.pop(identity, None)
    return found


def accept(
    session: Session,
    identity: str,
    sentence: str,
    versions: Iterable[Version],
    *,
    by: User,
    at: datetime,
    reason: str,
) -> None:
    """Put on record that a finding is as it should be. Does not commit.

    `versions` are those that it is about: whoever wrote one of them cannot accept it. Raises NotAllowed, NoReason,
    TooLong, AlreadyDone.
    """
    steps.begin(session, by, steps.APPROVERS)
    said = _reason(reason)
    if identity in acceptances(session):
        raise steps.AlreadyDone("This finding was accepted already; the page shows by whom and why.")
    for version in versions:
        if by.id in steps.authors(session, version):
            raise steps.NotAllowed(f"You wrote {version.label}: somebody else accepts what was found about it.")
    _tell(session, ACCEPTED, identity, by, at, {"reason": said, "sentence": sentence})


def reopen(session: Session, identity: str, *, by: User, at: datetime, reason: str) -> None:
    """Put on record that an acceptance no longer holds. Does not commit.

    Raises NotAllowed, NoReason, TooLong, AlreadyDone when the finding is not accepted.
    """
    steps.begin(session, by, steps.APPROVERS)
    said = _reason(reason)
    if identity not in acceptances(session):
        raise steps.AlreadyDone("This finding is not accepted.")
    _tell(session, REOPENED, identity, by, at, {"reason": said})


def subject_of(identity: str) -> str:
    """What an event calls a finding."""
    return f"finding/{identity.removeprefix('sha256:')[:16]}"


def _reason(reason: str) -> str:
    said = steps.given(plain_text(reason))
    if len(said) > LONGEST_REASON:
        raise TooLong(f"A reason has at most {LONGEST_REASON:,} characters; this one has {len(said):,}.")
    return said


def _tell(session: Session, action: str, identity: str, by: User, at: datetime, more: Mapping[str, str]) -> None:
    details = {"finding": identity, "by": by.id, **more}
    record_all(session, [Happening(action, subject_of(identity), by.name, at, details)])


def versions_about(session: Session, versions: Iterable[int], items: Iterable[Name]) -> list[Version]:
    """Those of some versions, by their ids, that are of the items that a finding is about."""
    wanted = set(items)
    rows = session.scalars(select(Version).where(Version.id.in_(list(versions))))
    return [row for row in rows if (row.kind, row.key) in wanted]
