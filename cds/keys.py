"""The keys by which apps are known: shown once, kept only as a digest."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, true
from sqlalchemy.orm import Session

from cds.models import ApiKey, Purpose
from cds.serving import IN_FORCE
from knowledge import audit, people
from knowledge.canonical import digest_of_bytes
from knowledge.errors import KnowledgeError
from knowledge.models import AuditEvent, User
from knowledge.naming import folded, proper
from knowledge.steps import SYSTEM, AlreadyDone

LONGEST_LABEL = 100

ISSUED = "api_key.issued"
REVOKED = "api_key.revoked"

_SHOWN = 8
_HOLDER = select(ApiKey.id, ApiKey.purpose).where(ApiKey.key_hash == bindparam("digest"), ApiKey.revoked_at.is_(None))
_in_force = IN_FORCE.subquery()
_ADMITTED = _HOLDER.outerjoin(_in_force, true()).add_columns(_in_force.c.release_id, _in_force.c.approved)


class LabelTaken(KnowledgeError):
    """A key that is in use has this label."""


def issue(
    session: Session,
    label: str,
    *,
    by: User | None,
    at: datetime,
    key: str | None = None,
    reason: str = "",
    purpose: Purpose = Purpose.APP,
) -> str:
    """Make a key and give its text, which cannot be had again.

    Raises BadName, NotAllowed, NoReason when a person gives none, and LabelTaken unless the text is given too.
    """
    label = proper(label, LONGEST_LABEL, otherwise="Say which app the key is for.")
    people.begin(session, by)
    taken = None if key else _in_use(session, label)
    if taken is not None:
        raise LabelTaken(
            f"The key {taken.prefix}… has this label and is in use: take another label, or revoke that key first."
        )
    why = {"reason": people.why(reason)} if by or reason else {}
    # 256 random bits need no slow hash: nobody can try them all.
    key = key or f"pw_{secrets.token_urlsafe(32)}"
    made = ApiKey(
        label=label,
        prefix=key[:_SHOWN],
        key_hash=_digest(key),
        created_at=at,
        created_by_id=by.id if by else None,
        purpose=purpose,
    )
    session.add(made)
    session.flush()
    _tell(session, ISSUED, made, by, at, {**why, "key": key_told(made)})
    return key


def revoke(session: Session, api_key: ApiKey, *, by: User | None, at: datetime, reason: str = "") -> None:
    """End a key; decisions made with it stay known as made with it.

    Raises AlreadyDone, NotAllowed, and NoReason when a person gives none.
    """
    people.begin(session, by)
    session.refresh(api_key)
    if api_key.revoked_at is not None:
        raise AlreadyDone(f"The key {api_key.prefix}… is revoked already.")
    why = {"reason": people.why(reason)} if by or reason else {}
    api_key.revoked_at = at
    _tell(session, REVOKED, api_key, by, at, why)


def history(session: Session, api_key: ApiKey) -> list[tuple[AuditEvent, Mapping[str, Any]]]:
    """What became of a key, the newest first, with the details of each event."""
    query = select(AuditEvent).where(AuditEvent.subject == subject_of(api_key), AuditEvent.action.like("api_key.%"))
    told = [(event, event.told) for event in session.scalars(query.order_by(AuditEvent.sequence.desc()))]
    # Two keys may begin alike; events of old did not say which one they meant.
    return [one for one in told if one[1].get("id") in (None, api_key.id)]


def holder(session: Session, key: str) -> int | None:
    """The id of a key that was issued and not revoked, or None."""
    found = session.connection().execute(_HOLDER, {"digest": _digest(key)}).one_or_none()
    return found.id if found else None


def admitted(connection: Connection, key: str) -> Row[tuple[int, Purpose, int | None, bool | None]] | None:
    """The id and purpose of a key that may be used and, in the same statement, what IN_FORCE finds; else None."""
    return connection.execute(_ADMITTED, {"digest": _digest(key)}).one_or_none()


def revoked(session: Session, key: str) -> ApiKey | None:
    """The key of this text that was issued and then revoked."""
    query = select(ApiKey).where(ApiKey.key_hash == _digest(key), ApiKey.revoked_at.is_not(None))
    return session.scalars(query).one_or_none()


def _in_use(session: Session, label: str) -> ApiKey | None:
    held = session.scalars(select(ApiKey).where(ApiKey.revoked_at.is_(None)).order_by(ApiKey.id))
    return next((one for one in held if folded(one.label) == folded(label)), None)


def key_told(api_key: ApiKey) -> str:
    """By what events know the key itself: the digest of the digest that is kept, with which nobody can come in."""
    return digest_of_bytes(api_key.key_hash.encode())


def subject_of(api_key: ApiKey) -> str:
    """What events call a key."""
    return f"api-key/{api_key.prefix}"


def _tell(
    session: Session, action: str, api_key: ApiKey, by: User | None, at: datetime, told: Mapping[str, Any]
) -> None:
    details = {"label": api_key.label, "id": api_key.id, "purpose": api_key.purpose, **told}
    actor = by.name if by else SYSTEM
    audit.record(session, action=action, subject=subject_of(api_key), actor=actor, at=at, details=details)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
