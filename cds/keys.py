"""The keys by which apps are known: shown once, kept only as a digest."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, select, true
from sqlalchemy.orm import Session

from cds.models import ApiKey
from cds.serving import IN_FORCE
from knowledge import audit
from knowledge.models import User

_SHOWN = 8
_HOLDER = select(ApiKey.id).where(ApiKey.key_hash == bindparam("digest"), ApiKey.revoked_at.is_(None))
_in_force = IN_FORCE.subquery()
_ADMITTED = _HOLDER.outerjoin(_in_force, true()).add_columns(_in_force.c.release_id, _in_force.c.approved)


def issue(session: Session, label: str, *, by: User | None, at: datetime, key: str | None = None) -> str:
    """Make a key for an app and give its text, which cannot be had again."""
    # 256 random bits need no slow hash: nobody can try them all.
    key = key or f"pw_{secrets.token_urlsafe(32)}"
    session.add(
        ApiKey(
            label=label,
            prefix=key[:_SHOWN],
            key_hash=_digest(key),
            created_at=at,
            created_by_id=by.id if by else None,
        )
    )
    audit.record(
        session,
        action="api_key.issued",
        subject=f"api-key/{key[:_SHOWN]}",
        actor=by.name if by else "system",
        at=at,
        details={"label": label},
    )
    return key


def revoke(session: Session, api_key: ApiKey, *, by: User | None, at: datetime) -> None:
    """End a key; decisions made with it stay known as made with it."""
    if api_key.revoked_at is not None:
        return
    api_key.revoked_at = at
    audit.record(
        session,
        action="api_key.revoked",
        subject=f"api-key/{api_key.prefix}",
        actor=by.name if by else "system",
        at=at,
        details={"label": api_key.label},
    )


def holder(session: Session, key: str) -> int | None:
    """The id of a key that was issued and not revoked, or None."""
    return session.connection().execute(_HOLDER, {"digest": _digest(key)}).scalar_one_or_none()


def admitted(connection: Connection, key: str) -> Row[tuple[int, int | None, bool | None]] | None:
    """The id of a key that may be used and, in the same statement, what IN_FORCE finds; None for any other key."""
    return connection.execute(_ADMITTED, {"digest": _digest(key)}).one_or_none()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
