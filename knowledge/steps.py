"""What all steps in the life of versions and releases share: who may take them, the turn, the event."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.audit import Happening, record_all
from knowledge.database import take_turn
from knowledge.errors import KnowledgeError
from knowledge.models import AuditEvent, Role, Told, User, Version

SYSTEM = "system"
"""The actor of what no person did."""

WRITERS = (Role.AUTHOR, Role.APPROVER)
APPROVERS = (Role.APPROVER,)


class NotAllowed(KnowledgeError):
    """This person may not take this step."""


class NoReason(KnowledgeError):
    """The step needs a reason in words."""


class DraftOpen(KnowledgeError):
    """The item already has a version that is being worked on."""


class NotADraft(KnowledgeError):
    """The step is for drafts, and this version has left draft."""


class ChangedMeanwhile(KnowledgeError):
    """Somebody else saved the draft after it was opened."""


class NotSubmitted(KnowledgeError):
    """The step is for submitted versions."""


class NotRetirable(KnowledgeError):
    """The version is under review or already retired."""


class NotPublishable(KnowledgeError):
    """These versions cannot make a release."""


class AlreadyDone(KnowledgeError):
    """The step was taken before."""


def begin(session: Session, by: User | None, roles: tuple[Role, ...]) -> None:
    """Take the turn for a step that the person, or the program (None), may take. Raises NotAllowed."""
    if by is not None and by.disabled_at is not None:
        raise NotAllowed(f"{by.name} no longer works here; sign in as somebody else.")
    if by is not None and by.role not in roles:
        raise NotAllowed(f"{by.name} is an {by.role}; ask an {' or '.join(roles)} to do this.")
    session.flush()
    take_turn(session.connection())


def given(reason: str) -> str:
    """The reason without blanks around it. Raises NoReason."""
    if not reason.strip():
        raise NoReason("Say why in a few words; the reason stays on record.")
    return storable(reason.strip())


def storable(text: str) -> str:
    """A text that both databases can hold. Raises NoReason for one that holds the character NUL."""
    if "\x00" in text:
        raise NoReason("The reason holds a NUL character, which cannot be stored: type it again without it.")
    return text


def tell(session: Session, action: str, *rows: Told, by: User | None, at: datetime, **more: Any) -> None:
    """Record a step as one event for each row, which tells the whole row as the step left it."""
    session.flush()
    actor, by_id = (by.name, by.id) if by else (SYSTEM, None)
    record_all(
        session,
        [Happening(action, row.subject, actor, at, {"by": by_id, row.noun: row.told(), **more}) for row in rows],
    )


def authors(session: Session, version: Version) -> frozenset[int | None]:
    """The ids of all who wrote any of a version: drafted, revised or submitted it; None for the program."""
    return _by(session, version, ("version.drafted", "version.revised", "version.submitted"))


def retired_by(session: Session, version: Version) -> frozenset[int | None]:
    """The id of whoever retired a version."""
    return _by(session, version, ("version.retired",))


def _by(session: Session, version: Version, actions: tuple[str, ...]) -> frozenset[int | None]:
    events = select(AuditEvent.details).where(AuditEvent.subject == version.subject, AuditEvent.action.in_(actions))
    return frozenset(json.loads(details)["by"] for details in session.scalars(events))
