"""What every command stands on: the service on the settings of the environment, and what goes wrong told in words."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError, SQLAlchemyError
from sqlalchemy.orm import Session

from cds.problems import Problem, Refused
from cds.record.origin import from_command
from cds.service import Service, Settings
from knowledge import audit, loading
from knowledge.database import upgrade
from knowledge.errors import KnowledgeError, printable
from knowledge.files import SHIPPED
from knowledge.proofs import UNREADABLE, unreadable
from knowledge.steps import SYSTEM

USAGE = 2
"""The exit code of a command that could not do what it was asked for."""

_NOT_ALLOWED = "42501"
"""PostgreSQL's code for a lack of privileges."""

_SHIPPED_REASON = "Content that ships with Phasewise, as imported."


def ready(service: Service) -> None:
    """An up-to-date database that has content."""
    bring_up_to_date(service)
    with service.sessions() as session:
        if loading.is_empty(session):
            click.echo("Loading the shipped content …", err=True)
            loading.load(from_command(session), SHIPPED, by=None, at=service.now(), reason=_SHIPPED_REASON)
            session.commit()
        elif count := loading.upgradable(session, SHIPPED):
            click.echo(
                f"{count} {'item' if count == 1 else 'items'} of the shipped content changed since it was imported. "
                "`phasewise content upgrade` begins drafts to review; nothing changes until they are released.",
                err=True,
            )


def bring_up_to_date(service: Service) -> None:
    """Bring the database to the newest migration; when it was not new, that is an event."""

    def tell(connection: Connection, before: str, after: str) -> None:
        record_of_owner(connection, "database.upgraded", {"from": before, "to": after}, at=service.now())

    with service.owner() as owner:
        upgrade(owner, told=tell)


def record_of_owner(connection: Connection, action: str, details: Mapping[str, str], *, at: datetime) -> None:
    """Tell, in the transaction of the connection, what the owner of the database did to it."""
    with Session(connection) as session:
        audit.record(from_command(session), action=action, subject="database", actor=SYSTEM, at=at, details=details)
        # The transaction is the connection's: this ends the session's part in it.
        session.commit()


@contextmanager
def opened() -> Iterator[Service]:
    """The service on the settings of the environment; what goes wrong with it is told."""
    with told():
        service = Service(Settings.from_environment())
        try:
            yield service
        finally:
            service.database.dispose()


@contextmanager
def at_work() -> Iterator[tuple[Service, Session]]:
    """The service and a session on it whose events say that they come from the command line."""
    with opened() as service, service.sessions() as session:
        yield service, from_command(session)


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong becomes a sentence on standard error and exit code 2, never a stack trace."""
    try:
        yield
    except (KnowledgeError, Refused, SQLAlchemyError, ImportError, OSError) as error:
        click.echo(_sentence(error), err=True)
        sys.exit(USAGE)
    except Exception as error:
        if not unreadable(error):
            raise
        click.echo(_unreadable(error), err=True)
        sys.exit(USAGE)


def _sentence(error: Exception) -> str:
    match error:
        case ArgumentError() | ImportError():
            return (
                "PHASEWISE_DATABASE_URL is not the address of a database: "
                "write sqlite:////srv/phasewise.sqlite3 or postgresql+psycopg://name@host/database."
            )
        case DBAPIError() if unreadable(error):
            return _unreadable(error)
        case DBAPIError() if getattr(error.orig, "sqlstate", None) == _NOT_ALLOWED:
            said = str(error.orig).splitlines()[0]
            return (
                f"The role that signed in may not do this: {said}. Migrations, grants and the removal of facts are for "
                "the owner of the database: set PHASEWISE_OWNER_DATABASE_URL to the owner's address."
            )
        case DBAPIError():
            unmigrated = isinstance(error, ProgrammingError) or "no such table" in str(error.orig)
            hint = " Bring it to the newest migration: phasewise db upgrade." if unmigrated else ""
            return f"The database cannot be used: {str(error.orig).splitlines()[0]}.{hint}"
        case OSError():
            return f"{error.filename or 'A file'} cannot be used: {error.strerror}."
        case _:
            return str(error)


def _unreadable(error: Exception) -> str:
    """What was found where, for those who look after the program: in a line, and without what the record says."""
    found = traceback.extract_tb(error.__traceback__)[-1]
    return f"{UNREADABLE} ({type(error).__name__}, {Path(found.filename).name}, line {found.lineno})"


def problem_text(problem: Problem) -> str:
    lines = [problem.detail]
    for error in problem.errors:
        hint = f" Did you mean {error.suggestion}?" if error.suggestion and "Did you mean" not in error.detail else ""
        if error.detail != problem.detail:
            lines.append(f"{error.pointer or '(the whole)'}: {error.detail}{hint}")
    return "\n".join(printable(line) for line in lines)
