"""The command line: serve, recommend, content, audit, db, keys."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
from flask import Flask
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError, SQLAlchemyError

from cds import demo, journal, keys
from cds.answering import Caller, answer_one, standing
from cds.asking import json_in
from cds.models import Purpose
from cds.problems import Problem, Refused
from cds.record import sealing
from cds.record.upkeep import keep_up
from cds.service import Service, Settings, service_of
from knowledge import audit, loading, people
from knowledge.database import session_on, upgrade
from knowledge.errors import KnowledgeError, printable
from knowledge.files import SHIPPED
from knowledge.models import Role

CreateApp = Callable[[Settings], Flask]

_SHIPPED_REASON = "Content that ships with Phasewise, as imported."
_USAGE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="phasewise")
def cli() -> None:
    """Phasewise: facts about one patient in, cited recommendations out.

    PHASEWISE_DATABASE_URL names the database; unset, an SQLite file under instance/.
    """
    journal.start()


@cli.command()
@click.option("--demo", "with_demo", is_flag=True, help="Load the shipped content, demo accounts and an API key first.")
@click.pass_obj
def serve(create_app: CreateApp, with_demo: bool) -> None:
    """Run the server on 127.0.0.1; PHASEWISE_PORT moves it from 8000."""
    from waitress.server import create_server

    port = _port()
    settings = Settings.from_environment()
    with _told():
        app = create_app(settings)
        service = service_of(app)
        listening = _listening(port)
        if with_demo:
            _ready(service)
        # What is too large gets the application's own problem document, unless it is far too large.
        largest = 4 * settings.largest_batch
        server = create_server(app, sockets=[listening], threads=8, max_request_body_size=largest)
        if with_demo:
            _welcome(demo.prepare(service, Path("instance")), port)
        else:
            click.echo(f"Phasewise listens on http://127.0.0.1:{port}")
        _seal_now_and_then(service)
        # A service manager asks with SIGTERM: as after Ctrl-C, what has begun is answered, then the server ends.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        server.run()


@cli.command()
@click.argument("file", type=click.File("rb"))
@click.option("--include-not-met", is_flag=True, help="Also list the rules that are not met.")
def recommend(file: IO[bytes], include_not_met: bool) -> None:
    """Answer the facts in a JSON FILE, or - for standard input, as POST /api/v1/recommendations does."""
    with _service() as service:
        _ready(service)
        try:
            with service.database.connect() as connection:
                raw = json_in(file.read())
                in_force = standing(service, session_on(connection))
                caller = Caller(connection, in_force, api_key_id=None, origin="command")
                text = answer_one(service, caller, raw, not_met=include_not_met)
        except Refused as refused:
            click.echo(_problem_text(refused.problem), err=True)
            sys.exit(_USAGE)
    click.echo(json.dumps(json.loads(text), ensure_ascii=False, indent=2))


@cli.group()
def db() -> None:
    """The database itself."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the newest migration."""
    with _service() as service:
        upgrade(service.database)
    click.echo("The database is at the newest migration.")


@cli.group()
def content() -> None:
    """The knowledge base as readable files."""


@content.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def content_export(folder: Path) -> None:
    """Write the release in force, and drafts not yet in a release, to FOLDER."""
    with _service() as service, service.sessions() as session:
        exported = loading.export(session, folder)
    click.echo(f"Release {exported.release.number} is written to {folder}.")
    if exported.left_out:
        click.echo(f"Left out, because they are not finished: {'; '.join(exported.left_out)}.", err=True)


@content.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--reason", default="Imported from files.", show_default=True, help="Why; kept with every version.")
def content_import(folder: Path, reason: str) -> None:
    """Take in the content files of FOLDER.

    Into an empty database they become release 1, in force and not yet clinically approved; later, what differs from
    the newest version becomes a draft, to be reviewed like any other.
    """
    with _service() as service:
        upgrade(service.database)
        with service.sessions() as session:
            loaded = loading.load(session, folder, by=None, at=service.now(), reason=reason)
            session.commit()
    if loaded.release is not None:
        click.echo(f"Release {loaded.release.number} is imported and in force; {len(loaded.drafts)} drafts.")
    elif loaded.drafts:
        click.echo("Drafts, to be reviewed:\n" + "\n".join(f"  {name}" for name in loaded.drafts))
    else:
        click.echo("Nothing differs from what is in the database.")


@cli.group("audit")
def audit_group() -> None:
    """The record and its proofs."""


@audit_group.command("verify")
def audit_verify() -> None:
    """Check the whole audit chain and every stored version and decision against it.

    Exit code 0, or 1 when a record is bad; the first of them is named.
    """
    with _service() as service, service.sessions() as session:
        verification = audit.verify(session, sealing.check_decisions)
    click.echo(str(verification))
    if not verification.untouched:
        sys.exit(1)


@audit_group.command("seal")
def audit_seal() -> None:
    """Seal the decisions recorded so far into the chain, and count them. A running server does it by itself."""
    with _service() as service:
        count = keep_up(service)
    click.echo(f"{count} decisions are sealed.")


@cli.group("key")
def key_group() -> None:
    """The API keys of apps."""


@key_group.command("add")
@click.argument("label")
@click.option(
    "--for",
    "purpose",
    type=click.Choice([purpose.value for purpose in Purpose]),
    default=Purpose.APP.value,
    show_default=True,
    help="What it is for: an app that asks, or an auditor who reads the record.",
)
def key_add(label: str, purpose: str) -> None:
    """Make an API key with the label LABEL, and print it: it cannot be shown again."""
    with _service() as service, service.sessions() as session:
        key = keys.issue(session, label, by=None, at=service.now(), purpose=Purpose(purpose))
        session.commit()
    click.echo(key)


@cli.group("person")
def person_group() -> None:
    """The people of the desk."""


@person_group.command("add")
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.password_option()
def person_add(name: str, role: str, password: str) -> None:
    """Make an account for the desk; the password is asked for."""
    with _service() as service, service.sessions() as session:
        if people.named(session, name) is not None:
            raise click.ClickException(f"There is an account called {name} already.")
        people.add(session, name, Role(role), password, by=None, at=service.now())
        session.commit()
    click.echo(f"{name} can sign in as {role}.")


def _ready(service: Service) -> None:
    """An up-to-date database that has content."""
    upgrade(service.database)
    with service.sessions() as session:
        if loading.is_empty(session):
            click.echo("Loading the shipped content …", err=True)
            loading.load(session, SHIPPED, by=None, at=service.now(), reason=_SHIPPED_REASON)
            session.commit()


@contextmanager
def _service() -> Iterator[Service]:
    """The service on the settings of the environment; what goes wrong with it is told."""
    with _told():
        service = Service(Settings.from_environment())
        try:
            yield service
        finally:
            service.database.dispose()


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong becomes a sentence on standard error and exit code 2, never a stack trace."""
    try:
        yield
    except (KnowledgeError, Refused, SQLAlchemyError, ImportError, OSError) as error:
        click.echo(_sentence(error), err=True)
        sys.exit(_USAGE)


def _sentence(error: Exception) -> str:
    match error:
        case ArgumentError() | ImportError():
            return (
                "PHASEWISE_DATABASE_URL is not the address of a database: "
                "write sqlite:////srv/phasewise.sqlite3 or postgresql+psycopg://name@host/database."
            )
        case DBAPIError():
            unmigrated = isinstance(error, ProgrammingError) or "no such table" in str(error.orig)
            hint = " Bring it to the newest migration: phasewise db upgrade." if unmigrated else ""
            return f"The database cannot be used: {str(error.orig).splitlines()[0]}.{hint}"
        case OSError():
            return f"{error.filename or 'A file'} cannot be used: {error.strerror}."
        case _:
            return str(error)


def _problem_text(problem: Problem) -> str:
    lines = [problem.detail]
    for error in problem.errors:
        hint = f" Did you mean {error.suggestion}?" if error.suggestion and "Did you mean" not in error.detail else ""
        if error.detail != problem.detail:
            lines.append(f"{error.pointer or '(the whole)'}: {error.detail}{hint}")
    return "\n".join(printable(line) for line in lines)


def _port() -> int:
    text = os.environ.get("PHASEWISE_PORT", "8000")
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise click.ClickException(f"PHASEWISE_PORT is a number from 1 to 65535, not {text!r}.")
    return int(text)


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        detail = f"Port {port} cannot be used ({os.strerror(error.errno or 0)}): set PHASEWISE_PORT to another."
        raise click.ClickException(detail) from None


def _welcome(ready: demo.Demo, port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    roles = ", ".join(role.value for role in Role)
    click.echo(
        f"""
Phasewise is running.

  Start here        {address}/
  The desk          {address}/desk/
  The API's page    {address}/api/v1/docs

  Sign in at the desk as {roles}; the password of all is {ready.password}
  API key           {ready.api_key}

  Try it:
  curl -s {address}/api/v1/recommendations -H 'Authorization: Bearer {ready.api_key}' \\
       -d '{{"facts": {{"has_mbc": true, "age_years": 60, "disease_phase": "acute", "pain_nrs": 7}}}}'

  Stop with Ctrl-C.
"""
    )


def _seal_now_and_then(service: Service) -> None:
    """Seal and count new decisions from a thread of its own, as long as the server runs."""

    def seal() -> None:
        while not threading.Event().wait(service.settings.seal_every):
            try:
                keep_up(service)
            except DBAPIError:
                # The next round tries again: nothing is lost by sealing later.
                continue

    threading.Thread(target=seal, name="sealing", daemon=True).start()
