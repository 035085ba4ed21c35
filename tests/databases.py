"""The databases that tests run on: an SQLite file, and PostgreSQL where one answers.

A plugin: a test module says `pytest_plugins = ["tests.databases"]` and has the fixtures. It holds no assertion,
so that it may be imported before it is a plugin: PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from knowledge import roles
from knowledge.database import connect, sessions, upgrade
from tests.copies import drop_copies

POSTGRESQL = os.environ.get("PHASEWISE_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
BOTH = ["sqlite", "postgresql"]
SERVICE = "phasewise_test_service"
"""The role by which services of the tests sign in that own nothing; it stays in the server, without a database."""


@pytest.fixture(scope="module", params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database of the module's own."""
    with empty_database(request.param, tmp_path_factory.mktemp("database")) as url:
        yield url


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Engine]:
    """The module's database with its tables; tests roll back what they do."""
    engine = connect(database_url, owner=True)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def rolled_back(database: Engine) -> Iterator[Session]:
    """A session on the module's database, of which nothing stays."""
    with sessions(database)() as session:
        yield session
        session.rollback()


@pytest.fixture(params=BOTH)
def own_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the test's own."""
    with empty_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def own_database(own_database_url: str) -> Iterator[Engine]:
    """The test's own database with its tables, for what commits or breaks them."""
    engine = connect(own_database_url, owner=True)
    upgrade(engine)
    yield engine
    engine.dispose()


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """The address of a new database, which is gone afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'phasewise.sqlite'}"
        return
    if problem := _no_postgresql():
        pytest.skip(f"No PostgreSQL answers at {make_url(POSTGRESQL)!r}: {problem}")
    name = f"phasewise_test_{uuid4().hex}"
    _administer(f"CREATE DATABASE {name}")
    url = make_url(POSTGRESQL).set(database=name)
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        drop_copies(url)
        _administer(f"DROP DATABASE {name} WITH (FORCE)")


def grant_service(url: str) -> None:
    """Let the service's role do what the service does in a PostgreSQL database; copies of it have that too."""
    password = make_url(POSTGRESQL).password
    secret = f"PASSWORD '{password}'" if password else ""
    _administer(
        f"DO $$ BEGIN CREATE ROLE {SERVICE} LOGIN {secret}; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    engine = connect(url, owner=True)
    with engine.begin() as connection:
        roles.grant(connection, SERVICE)
    engine.dispose()


def as_service(url: str) -> str:
    """The address of a database as a service signs in that may not alter the record."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(username=SERVICE)
    return address.render_as_string(hide_password=False)


@cache
def _no_postgresql() -> str | None:
    try:
        _administer("SELECT 1")
    except OperationalError as problem:
        return str(problem.orig).strip()
    return None


def _administer(statement: str) -> None:
    url: URL = make_url(POSTGRESQL)
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()
