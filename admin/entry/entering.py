"""Signing in and out: how often it may be tried, and what the record holds of it."""

from __future__ import annotations

import time

import structlog
from flask import Flask, current_app, request
from flask_wtf import FlaskForm
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from wtforms import PasswordField, StringField

from admin.entry.refusing import told_of_attempts
from cds.api import session
from cds.requests import unstorable
from cds.service import service_of
from knowledge import audit, people
from knowledge.errors import KnowledgeError
from knowledge.models import User
from knowledge.naming import folded

log = structlog.get_logger()

BY_ADDRESS = parse("50 per 5 minutes")
BY_NAME = parse("5 per 5 minutes")
"""How often somebody at one address may try to sign in: in all, and under one name."""

EXTENSION = "desk_limiter"


class SignIn(FlaskForm):
    """The sign-in form. Its token is checked by the guard."""

    name = StringField("Name")
    password = PasswordField("Password")


class Throttled(Exception):
    """Too many attempts; the next one is heard in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many attempts to sign in; wait {seconds} seconds.")
        self.seconds = seconds

    @property
    def sentence(self) -> str:
        minutes = -(-self.seconds // 60)
        return f"Too many attempts. Wait {minutes} minute{'s' * (minutes > 1)}, then try again."


def attach(app: Flask) -> None:
    """Count attempts to sign in, in this process.

    With the library under Flask-Limiter: its hooks would take a quarter of a millisecond of every API request.
    """
    app.extensions[EXTENSION] = MovingWindowRateLimiter(MemoryStorage())


def admitted(name: str, password: str) -> User | None:
    """Whoever has this name and password and may sign in; recorded and committed either way. Raises Throttled."""
    _count(name)
    database = session()
    user = None if unstorable(name) else people.named(database, name)
    because = people.refusal(database, user, password, at=service_of().now())
    if user is None or because is not None:
        # What was typed as a name that nobody has is not kept: it may have been a password.
        whose = people.subject_of(user) if user else "desk"
        _record("person.sign_in_refused", whose, actor="unknown", because=because or "")
        database.commit()
        return None
    _record(people.SIGNED_IN, people.subject_of(user), actor=user.name, role=user.role)
    database.commit()
    _forget(name)
    return user


def change_password(user: User, old: str, new: str) -> None:
    """A person's own new password, recorded and committed; a wrong old one is too.

    Raises Throttled after as many wrong ones as signing in allows, and what `people.change_password` does.
    """
    _count(user.name)
    database = session()
    try:
        people.change_password(database, user, old, new, at=service_of().now())
    except people.WrongPassword:
        whose = people.subject_of(user)
        _record("person.password_change_refused", whose, actor=user.name, because="wrong password")
        database.commit()
        raise
    except KnowledgeError:
        # The old password was right, or not looked at: nothing was guessed.
        _forget(user.name)
        raise
    database.commit()
    _forget(user.name)


def left(name: str) -> None:
    """Record that a person signed out."""
    _record("person.signed_out", f"person/{name}", actor=name)
    session().commit()


def _count(name: str) -> None:
    address = _address()
    for limit, whose in ((BY_ADDRESS, (address,)), (BY_NAME, (address, folded(name)))):
        if not _limits().hit(limit, *whose):
            log.warning("sign-in throttled", address=address)
            told_of_attempts(None if unstorable(name) else people.named(session(), name))
            opens = _limits().get_window_stats(limit, *whose).reset_time
            raise Throttled(max(1, round(opens - time.time())))


def _forget(name: str) -> None:
    """The password was right: what was tried under this name before counts no more."""
    _limits().clear(BY_NAME, _address(), folded(name))


def _address() -> str:
    return request.remote_addr or "unknown"


def _limits() -> MovingWindowRateLimiter:
    return current_app.extensions[EXTENSION]


def _record(action: str, subject: str, *, actor: str, **details: str) -> None:
    audit.record(session(), action=action, subject=subject, actor=actor, at=service_of().now(), details=details)
