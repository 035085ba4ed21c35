"""The clinic of the tests: databases with the shipped content, the service on them, and an app's way to ask it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, make_url, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

import wsgi
from admin.entry import cookies, entering
from cds import keys, serving
from cds.commands import cli
from cds.models import Decision, Incident
from cds.record.refusals import REFUSED
from cds.releases import PreparedRelease
from cds.service import EXTENSION, Service, Settings, service_of
from knowledge import files, lifecycle, loading
from knowledge.database import connect, sessions, upgrade
from knowledge.items import ItemKind, KnowledgeBase
from knowledge.models import AuditEvent, Release, Role, User
from tests import copies
from tests.story import told_of

API_KEY = "pw_tests_0123456789"
LOADED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
"""The time in the clinic: after the visit of every shipped patient."""

ASK = "/api/v1/recommendations"
BATCH = "/api/v1/recommendations/batch"
PROBLEM = "application/problem+json"

_prepare = serving.prepare
_ready: dict[str, PreparedRelease] = {}


def load_shipped(url: str) -> None:
    """Make the tables, load the shipped content and issue one API key."""
    engine = connect(url)
    upgrade(engine)
    load_content(engine)
    with sessions(engine)() as session:
        keys.issue(session, "The app of the tests", by=None, at=LOADED, key=API_KEY)
        session.commit()
    engine.dispose()


def load_content(engine: Engine) -> None:
    """The shipped content as release 1, in force."""
    with sessions(engine)() as session:
        loading.load(session, files.SHIPPED, by=None, at=LOADED, reason="Shipped with Phasewise.")
        session.commit()


@contextmanager
def copied(url: str, folder: Path) -> Iterator[str]:
    """The address of a copy of a database that nobody is using."""
    original = make_url(url)
    if original.get_backend_name() == "sqlite":
        path = folder / f"{uuid4().hex}.sqlite3"
        shutil.copy(str(original.database), path)
        yield f"sqlite:///{path}"
        return
    with copies.lent(url) as address:
        yield address


@cache
def shipped_base() -> KnowledgeBase:
    """The shipped content, read from its files."""
    return files.base_of(entry.item for entry in files.read(files.SHIPPED) if not entry.draft)


def prepared_once(session: Session, release_id: int) -> PreparedRelease:
    """`serving.prepare`, which takes its time, once in a test run for each release of the same content."""
    digest = session.get_one(Release, release_id).digest
    if digest not in _ready:
        _ready[digest] = _prepare(session, release_id)
    return _ready[digest]


@contextmanager
def preparing_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cds.serving.prepare", prepared_once)
        yield


_idle: list[Flask] = []


@contextmanager
def open_app(url: str, **settings: Any) -> Iterator[Flask]:
    """The web application on a database, with its clock standing at NOW.

    To make one takes as long as many a test: one that has no settings of its own is handed on to the next test.
    """
    wanted = Settings(database_url=url, **settings)
    app = handed_on(_idle.pop(), wanted) if _idle and not settings else wsgi.create_app(wanted)
    service = service_of(app)
    service.now = lambda: NOW
    yield app
    service.database.dispose()
    if not settings:
        _idle.append(app)


def handed_on(app: Flask, settings: Settings) -> Flask:
    """The app with a new service, new sessions and a new count of attempts to sign in, as `create_app` makes them."""
    service = Service(settings)
    app.extensions[EXTENSION] = service
    cookies.attach(app, service)
    entering.attach(app)
    return app


@contextmanager
def asked(shipped: str, folder: Path) -> Iterator[Caller]:
    """An app that asks a copy of a shipped database, for the tests of a whole module."""
    with preparing_once(), copied(shipped, folder) as url, open_app(url) as app:
        yield Caller(app.test_client())


@dataclass(frozen=True)
class Caller:
    """An app that talks to the API with its key."""

    client: FlaskClient
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {API_KEY}"})

    def ask(self, facts: Mapping[str, Any], path: str = ASK, **more: Any) -> dict[str, Any]:
        """The answer about a patient; a refusal fails the test."""
        response = self.post({"facts": facts, **more}, path)
        assert response.status_code == 200, response.text
        assert response.content_type == "application/json"
        return json.loads(response.data)

    def refusal(self, body: Any, path: str = ASK, status: int = 422) -> dict[str, Any]:
        """The problem document that a body gets."""
        return problem_in(self.post(body, path), status)

    def post(self, body: Any, path: str = ASK) -> TestResponse:
        """Text and bytes are sent as they are, everything else as JSON."""
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post(path, data=data, headers=self.headers)

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, headers=self.headers)

    def shown(self, path: str) -> dict[str, Any]:
        response = self.get(path)
        assert response.status_code == 200, response.text
        return json.loads(response.data)


def problem_in(response: TestResponse, status: int) -> dict[str, Any]:
    """The problem document of a response, complete and without a word of our insides."""
    assert (response.status_code, response.content_type) == (status, PROBLEM), response.text
    problem = json.loads(response.data)
    assert problem["status"] == status
    assert problem["type"].startswith("urn:phasewise:problem:")
    assert problem["title"]
    assert problem["detail"].endswith((".", "?")), problem["detail"]
    for inside in ("Traceback", 'File "', "sqlite3", "psycopg", "sqlalchemy", "SELECT", "INSERT", "marshmallow"):
        assert inside not in response.text
    return problem


def errors_of(problem: dict[str, Any]) -> dict[str, str]:
    """The details of a problem by their pointers."""
    return {error["pointer"]: error["detail"] for error in problem["errors"]}


def suggestions_of(problem: dict[str, Any]) -> dict[str, str | None]:
    return {error["pointer"]: error.get("suggestion") for error in problem["errors"]}


def keys_of(parts: list[dict[str, Any]]) -> list[str]:
    """The keys of the rules in one part of an answer, in its order."""
    return [part["rule"] for part in parts]


def counts(service: Service) -> dict[str, int]:
    """How many decisions, incidents and events are on record; that something was refused is not counted."""
    with service.sessions() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table).where(*which)) or 0
            for table, which in ((Decision, ()), (Incident, ()), (AuditEvent, (AuditEvent.action != REFUSED,)))
        }


def person(session: Session, name: str, role: Role) -> User:
    """Somebody of the desk, made when first named."""
    user = session.scalars(select(User).where(User.name == name)).one_or_none()
    if user is None:
        user = User(name=name, role=role, password_hash="", created_at=NOW)
        session.add(user)
        session.flush()
        told_of(session, user)
    return user


def publish(service: Service, key: str, at: datetime = NOW, **changes: Any) -> int:
    """A new version of a rule, written by Ada, approved by Ben, published by Cleo, not yet in force: its release."""
    with service.sessions() as session:
        ada, ben, cleo = (
            person(session, "Ada", Role.AUTHOR),
            person(session, "Ben", Role.APPROVER),
            person(session, "Cleo", Role.APPROVER),
        )
        held = lifecycle.in_force(session)
        assert held is not None
        [old] = [one for one in held.versions if (one.kind, one.key) == (ItemKind.RULE, key)]
        content = json.loads(old.content) | changes
        draft = lifecycle.draft(session, ItemKind.RULE, key, content, by=ada, at=at, reason="New evidence.")
        lifecycle.submit(session, draft, by=ada, at=at)
        lifecycle.approve(session, draft, by=ben, at=at)
        others = [one for one in held.versions if one is not old]
        release = lifecycle.publish(session, [*others, draft], by=cleo, at=at, reason="New evidence.")
        session.commit()
        return release.number


def put_in_force(service: Service, number: int, at: datetime = NOW) -> None:
    with service.sessions() as session:
        release = session.scalars(select(Release).where(Release.number == number)).one()
        lifecycle.activate(session, release, by=person(session, "Ben", Role.APPROVER), at=at, reason="Read in full.")
        session.commit()


Command = Callable[..., Result]


def command_on(url: str) -> Command:
    """Runs the command line on a database: `run("content", "export", folder)`."""

    def run(*arguments: object, stdin: str | bytes = "", database: str | None = None) -> Result:
        environment = {"PHASEWISE_DATABASE_URL": database or url}
        words = [str(argument) for argument in arguments]
        result = CliRunner(env=environment).invoke(cli, words, input=stdin, obj=wsgi.create_app)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    return run
