"""What every command stands on: the service on the settings of the environment, and what goes wrong told in words."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError, SQLAlchemyError
from sqlalchemy.orm import Session

from cds.problems import Problem, Refused
from cds.service import Service, Settings
from knowledge import loading
from knowledge.database import upgrade
from knowledge.errors import KnowledgeError, printable
from knowledge.files import SHIPPED

ORIGIN = "command"
"""From where events and decisions of the command line come."""

USAGE = 2
"""The exit code of a command that could not do what it was asked for."""

_NOT_ALLOWED = "42501"
"""PostgreSQL's code for a lack of privileges."""

_SHIPPED_REASON = "Content that ships with Phasewise, as imported."


def ready(service: Service) -> None:
    """An up-to-date database that has content."""
    with service.owner() as owner:
        upgrade(owner)
    with service.sessions() as session:
        if loading.is_empty(session):
            click.echo("Loading the shipped content …", err=True)
            loading.load(session, SHIPPED, by=None, at=service.now(), reason=_SHIPPED_REASON)
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
        yield service, marked(session)


def marked(session: Session) -> Session:
    """Have the events of a session say that they come from the command line, and from whose account."""
    session.info["origin"] = ORIGIN
    # In a container the account may have no name.
    with suppress(KeyError, OSError):
        session.info["account"] = getpass.getuser()
    return session


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong becomes a sentence on standard error and exit code 2, never a stack trace."""
    try:
        yield
    except (KnowledgeError, Refused, SQLAlchemyError, ImportError, OSError) as error:
        click.echo(_sentence(error), err=True)
        sys.exit(USAGE)


def _sentence(error: Exception) -> str:
    match error:
        case ArgumentError() | ImportError():
            return (
                "PHASEWISE_DATABASE_URL is not the address of a database: "
                "write sqlite:////srv/phasewise.sqlite3 or postgresql+psycopg://name@host/database."
            )
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


def problem_text(problem: Problem) -> str:
    lines = [problem.detail]
    for error in problem.errors:
        hint = f" Did you mean {error.suggestion}?" if error.suggestion and "Did you mean" not in error.detail else ""
        if error.detail != problem.detail:
            lines.append(f"{error.pointer or '(the whole)'}: {error.detail}{hint}")
    return "\n".join(printable(line) for line in lines)
