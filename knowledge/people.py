"""The people of the desk: made with a password that is kept only as an argon2 hash."""

from __future__ import annotations

from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge import audit
from knowledge.errors import KnowledgeError
from knowledge.models import Role, User

SHORTEST_PASSWORD = 12

_HASHER = PasswordHasher()


class WeakPassword(KnowledgeError):
    """The password is too short."""


def named(session: Session, name: str) -> User | None:
    """The person of that name, disabled ones too."""
    return session.scalars(select(User).where(User.name == name)).one_or_none()


def add(session: Session, name: str, role: Role, password: str, *, by: User | None, at: datetime) -> User:
    """Make an account. Raises WeakPassword."""
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(f"A password has at least {SHORTEST_PASSWORD} characters.")
    user = User(name=name, role=role, password_hash=_HASHER.hash(password), created_at=at)
    session.add(user)
    session.flush()
    audit.record(
        session,
        action="person.added",
        subject=f"person/{name}",
        actor=by.name if by else "system",
        at=at,
        details={"role": role},
    )
    return user


def password_is(user: User | None, password: str) -> bool:
    """Whether it is the person's password; takes as long when there is no such person."""
    try:
        return _HASHER.verify(user.password_hash if user else _NOBODY, password) and user is not None
    except (Argon2Error, InvalidHashError):
        return False


_NOBODY = _HASHER.hash("nobody has this password")
