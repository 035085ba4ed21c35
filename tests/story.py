"""A short life of a knowledge base, for tests of the record: two releases, seven decisions, five of them sealed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from cds import keys
from cds.models import Decision
from cds.record.digests import decision_digest
from cds.record.incidents import record_incident
from cds.record.sealing import seal
from knowledge import audit, lifecycle
from knowledge.items import ItemKind
from knowledge.models import Activation, Release, ReleaseApproval, Role, User, Version
from knowledge.people import password_told, subject_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHIPPED = [
    (ItemKind.RULE, "walk-daily", {"key": "walk-daily", "text": "Walk for half an hour."}),
    (ItemKind.FACT, "pain_nrs", {"key": "pain_nrs", "maximum": 10}),
    (ItemKind.RULE, "ask-for-pain", {"key": "ask-for-pain", "text": "Ask for pain."}),
]


def later(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


@dataclass(frozen=True, slots=True)
class People:
    ada: User
    """An author."""
    ben: User
    """An approver."""
    cleo: User
    """Another approver."""
    dora: User
    """An auditor."""


def people(session: Session) -> People:
    roles = {"Ada": Role.AUTHOR, "Ben": Role.APPROVER, "Cleo": Role.APPROVER, "Dora": Role.AUDITOR}
    users = [User(name=name, role=role, password_hash="", created_at=NOON) for name, role in roles.items()]
    session.add_all(users)
    session.flush()
    return People(*users)


def told_of(session: Session, user: User) -> None:
    """Tell of somebody who was put in the table, as if added there."""
    details = {"id": user.id, "role": user.role, "password": password_told(user)}
    audit.record(session, action="person.added", subject=subject_of(user), actor="system", at=NOON, details=details)


def shipped(session: Session) -> Release:
    """Release 1, in force."""
    release = lifecycle.import_versions(session, SHIPPED, by=None, at=NOON, reason="Shipped with Phasewise 0.1.")
    lifecycle.activate(session, release, by=None, at=NOON, reason="The first release.")
    return release


def draft_of(session: Session, by: User, *, key: str = "walk-daily", reason: str = "New evidence.") -> Version:
    content = {"key": key, "text": "Walk for an hour."}
    return lifecycle.draft(session, ItemKind.RULE, key, content, by=by, at=later(1), reason=reason)


def approved(session: Session, who: People, key: str = "walk-daily") -> Version:
    """A draft of Ada's that Ben approved."""
    version = draft_of(session, who.ada, key=key)
    lifecycle.submit(session, version, by=who.ada, at=later(3))
    lifecycle.approve(session, version, by=who.ben, at=later(4))
    return version


def decision(number: int, release: Release, **others: Any) -> dict[str, Any]:
    """The columns of a decision, as the answering service would insert them."""
    row = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "release_id": release.id,
        "evaluated_at": later(number),
        "recorded_at": later(number),
        "subject": f"patient {number}" if number % 2 else None,
        "api_key_id": None,
        "origin": "api",
        "facts_posted": f'{{"pain_nrs":{number}}}',
        "facts_known": f'{{"pain_nrs":{number}}}',
        "states": "RN",
        "request": None,
        "actors": None,
        "response_digest": "sha256:00",
        "salt": f"{number:032x}",
        **others,
    }
    return {**row, "digest": decision_digest(row)}


@dataclass(frozen=True, slots=True)
class Story:
    who: People
    first: Release
    second: Release
    changed: Version
    activation: Activation
    approval: ReleaseApproval


def story(session: Session) -> Story:
    """Everything that the record can hold, once."""
    who = people(session)
    first = shipped(session)
    changed = approved(session, who)
    kept = [version for version in first.versions if version.key != changed.key]
    second = lifecycle.publish(session, [*kept, changed], by=who.ben, at=later(5), reason="Longer walks.")
    activation = lifecycle.activate(session, second, by=who.ben, at=later(6), reason="Approved in January.")
    approval = lifecycle.approve_release(session, second, by=who.cleo, at=later(7), reason="Read in full.")
    session.execute(insert(Decision), [decision(number, first) for number in range(1, 6)])
    assert seal(session, later(8)) == 5
    session.execute(insert(Decision), [decision(number, second) for number in range(6, 8)])
    for user in (who.ada, who.ben, who.cleo, who.dora):
        told_of(session, user)
    keys.issue(session, "An app", by=None, at=later(9), key="pw_12345")
    record_incident(session, "disagreement", {}, release_id=first.id, at=later(9))
    return Story(who, first, second, changed, activation, approval)


def by_force(session: Session, *statements: str) -> None:
    """Change the stored rows as somebody would who owns the database: without triggers and foreign keys."""
    if on_sqlite(session):
        as_owner(session)
        triggers = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
        # What comes first may begin the transaction anew, and the pragma holds for one.
        without = [*(f"DROP TRIGGER {trigger}" for trigger in triggers), "PRAGMA defer_foreign_keys = ON"]
    else:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        without = [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in tables]
        without.append("ALTER TABLE decisions ALTER sequence DROP IDENTITY IF EXISTS")
    for statement in (*without, *statements):
        session.connection().exec_driver_sql(statement)


def as_owner(session: Session) -> None:
    """Let the session's connection do what the service's own may not: on an SQLite file, that is dropping triggers."""
    if on_sqlite(session):
        cast(sqlite3.Connection, session.connection().connection.dbapi_connection).set_authorizer(None)


def on_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def count_from_one(session: Session) -> None:
    """Let PostgreSQL number new rows as in a new database; what was rolled back has used numbers up."""
    if not on_sqlite(session):
        for sequence in session.scalars(text("SELECT sequencename FROM pg_sequences")).all():
            session.execute(text(f"ALTER SEQUENCE {sequence} RESTART"))
