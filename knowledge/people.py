"""The people of the desk: who they are, what they may do, and since when; each change is told by an event."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from knowledge import audit, passwords
from knowledge.canonical import digest_of_bytes
from knowledge.database import take_turn
from knowledge.errors import KnowledgeError
from knowledge.models import AuditEvent, Role, User
from knowledge.naming import BadName, folded, proper
from knowledge.passwords import SHORTEST_PASSWORD, WeakPassword
from knowledge.steps import SYSTEM, AlreadyDone, NoReason, NotAllowed, given

__all__ = ["SHORTEST_PASSWORD", "BadName", "WeakPassword"]

LONGEST_NAME = 80
LONGEST_REASON = 1000

SIGNED_IN = "person.signed_in"
ADDED = "person.added"
ROLE_CHANGED = "person.role_changed"
PASSWORD_SET = "person.password_set"
PASSWORD_CHANGED = "person.password_changed"
PASSWORD_RENEWED = "person.password_renewed"
DISABLED = "person.disabled"
ENABLED = "person.enabled"
TOLD = (ADDED, ROLE_CHANGED, PASSWORD_SET, PASSWORD_CHANGED, PASSWORD_RENEWED, DISABLED, ENABLED)
"""What becomes of an account. The same password hashed anew, with better parameters, is PASSWORD_RENEWED."""


class NameTaken(KnowledgeError):
    """Another account has this name, perhaps in other letters."""


class LastAdministrator(KnowledgeError):
    """Nobody would be left to look after people and keys."""


class WrongPassword(KnowledgeError):
    """The old password is not the one that was typed."""


class StalePage(KnowledgeError):
    """The account was changed after the page was opened."""


def named(session: Session, name: str) -> User | None:
    """The person of that name in capital or small letters, disabled ones too."""
    exact = session.scalars(select(User).where(User.name == name)).one_or_none()
    if exact is not None:
        return exact
    alike = [user for user in session.scalars(select(User)) if folded(user.name) == folded(name)]
    return alike[0] if len(alike) == 1 else None


def add(
    session: Session, name: str, role: Role, password: str, *, by: User | None, at: datetime, reason: str = ""
) -> User:
    """Make an account. Raises BadName, NameTaken, WeakPassword, and NoReason when a person gives none."""
    name = proper(name, LONGEST_NAME, otherwise="Give the account a name.")
    kept = passwords.hashed(passwords.good(password, name))
    begin(session, by)
    if any(folded(other) == folded(name) for other in session.scalars(select(User.name))):
        raise NameTaken(f"There is an account called {name} already: take another name.")
    told = {"role": role, **({"reason": why(reason)} if by or reason else {})}
    user = User(name=name, role=role, password_hash=kept, created_at=at)
    session.add(user)
    session.flush()
    _tell(session, ADDED, user, by, at, {"id": user.id, **told, **_password(user)})
    return user


def change_role(session: Session, user: User, role: Role, *, by: User | None, at: datetime, reason: str) -> None:
    """Give another role; it ends the person's sessions. Raises AlreadyDone, NotAllowed, LastAdministrator, NoReason."""
    begin(session, by, user)
    if by is not None and by.id == user.id:
        raise NotAllowed("Nobody changes their own role: ask another administrator.")
    if user.role is role:
        raise AlreadyDone(f"{user.name} has the role {role} already.")
    told = {"from": user.role, "to": role, "reason": why(reason)}
    _leave_an_administrator(session, user)
    user.role = role
    _tell(session, ROLE_CHANGED, user, by, at, told)


def set_password(session: Session, user: User, password: str, *, by: User | None, at: datetime, reason: str) -> None:
    """Give somebody else a new password; it ends the person's sessions. Raises WeakPassword, NotAllowed, NoReason."""
    kept = passwords.hashed(passwords.good(password, user.name))
    begin(session, by, user)
    if by is not None and by.id == user.id:
        raise NotAllowed("Change your own password on the page of your account: it asks for the old one.")
    told = {"reason": why(reason)}
    user.password_hash = kept
    _tell(session, PASSWORD_SET, user, by, at, {**told, **_password(user)})


def change_password(session: Session, user: User, old: str, new: str, *, at: datetime) -> None:
    """A person's own change; it ends the other sessions. Raises WrongPassword, WeakPassword, NotAllowed."""
    if not passwords.fits(user.password_hash, old):
        raise WrongPassword("This is not your present password.")
    if old == new:
        raise WeakPassword("The new password is the old one: take another.")
    proven, kept = user.password_hash, passwords.hashed(passwords.good(new, user.name))
    begin(session, None, user)
    if user.disabled_at is not None:
        raise NotAllowed("Your account was disabled: ask an administrator.")
    if user.password_hash != proven:
        raise WrongPassword("Your password was changed a moment ago: sign in with that one.")
    user.password_hash = kept
    _tell(session, PASSWORD_CHANGED, user, user, at, _password(user))


def disable(session: Session, user: User, *, by: User | None, at: datetime, reason: str) -> None:
    """Keep a person out; it ends the sessions. Raises AlreadyDone, NotAllowed, LastAdministrator, NoReason."""
    begin(session, by, user)
    if by is not None and by.id == user.id:
        raise NotAllowed("Nobody disables their own account: ask another administrator.")
    if user.disabled_at is not None:
        raise AlreadyDone(f"{user.name} is disabled already.")
    told = {"reason": why(reason)}
    _leave_an_administrator(session, user)
    user.disabled_at = at
    _tell(session, DISABLED, user, by, at, told)


def enable(session: Session, user: User, *, by: User | None, at: datetime, reason: str) -> None:
    """Let a person in again, with the password from before. Raises AlreadyDone, NotAllowed, NoReason."""
    begin(session, by, user)
    if user.disabled_at is None:
        raise AlreadyDone(f"{user.name} is not disabled.")
    told = {"reason": why(reason)}
    user.disabled_at = None
    _tell(session, ENABLED, user, by, at, told)


def begin(session: Session, by: User | None, *others: User) -> None:
    """Take the turn for a step of an administrator, or of the program (None); then see all as they stand by now.

    Raises NotAllowed.
    """
    session.flush()
    take_turn(session.connection())
    for user in (by, *others):
        if user is not None:
            session.refresh(user)
    if by is not None and (by.disabled_at is not None or by.role is not Role.ADMINISTRATOR):
        raise NotAllowed(f"{by.name} is no administrator: ask one to do this.")


def why(reason: str) -> str:
    """The reason as it is kept. Raises NoReason."""
    if len(reason) > LONGEST_REASON:
        raise NoReason(f"This has {len(reason)} characters; there is room for {LONGEST_REASON}.")
    return given(reason)


def password_is(user: User | None, password: str) -> bool:
    """Whether it is the person's password; takes as long when there is no such person."""
    return passwords.fits(user.password_hash if user else None, password)


def refusal(session: Session, user: User | None, password: str, *, at: datetime) -> str | None:
    """Why somebody may not come in with this password, in the words of the record, or None.

    Takes the turn. A hash of older parameters is made anew, which is told: that ends the person's other sessions, once.
    """
    proven = user.password_hash if user else None
    fits = password_is(user, password)
    if user is None:
        return "no such person"
    if not fits:
        return "wrong password"
    renewed = passwords.hashed(password) if passwords.outdated(user.password_hash) else None
    begin(session, None, user)
    if user.password_hash != proven:
        return "wrong password"
    if user.disabled_at is not None:
        return "disabled"
    if renewed:
        user.password_hash = renewed
        _tell(session, PASSWORD_RENEWED, user, user, at, _password(user))
    return None


def seal(session: Session, user: User) -> str:
    """What every session of a person is held against: another one after her password or role was changed, or she
    was disabled, even if she was enabled again."""
    # The subject is kept from its index: of the few events of this kind, a long record is not read for.
    disabled = select(func.count()).where(AuditEvent.action == DISABLED, AuditEvent.subject + "" == subject_of(user))
    parts = (user.password_hash, user.role, str(session.scalar(disabled)))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def subject_of(user: User) -> str:
    """What events call a person."""
    return f"person/{user.name}"


def last_sign_ins(session: Session) -> dict[str, datetime]:
    """When each person came in last, by what events call her."""
    query = select(AuditEvent.subject, func.max(AuditEvent.at)).where(AuditEvent.action == SIGNED_IN)
    return dict(session.execute(query.group_by(AuditEvent.subject)).all())


def history(session: Session, user: User) -> Sequence[AuditEvent]:
    """What became of an account, the newest first."""
    query = select(AuditEvent).where(AuditEvent.subject == subject_of(user), AuditEvent.action.in_(TOLD))
    return session.scalars(query.order_by(AuditEvent.sequence.desc())).all()


def _leave_an_administrator(session: Session, user: User) -> None:
    """Raises LastAdministrator when nobody else could sign in to look after people."""
    if user.role is not Role.ADMINISTRATOR or user.disabled_at is not None:
        return
    others = select(User).where(User.role == Role.ADMINISTRATOR, User.disabled_at.is_(None), User.id != user.id)
    if not any(passwords.usable(other.password_hash) for other in session.scalars(others)):
        raise LastAdministrator(f"{user.name} is the last administrator who can sign in: make another one first.")


def password_told(user: User) -> str:
    """By what events know the password of a person: of a hash with a salt that is kept, so it gives nothing away."""
    return digest_of_bytes(user.password_hash.encode())


def _password(user: User) -> dict[str, str]:
    return {"password": password_told(user)}


def _tell(session: Session, action: str, user: User, by: User | None, at: datetime, told: Mapping[str, Any]) -> None:
    actor = by.name if by else SYSTEM
    audit.record(session, action=action, subject=subject_of(user), actor=actor, at=at, details=told)
