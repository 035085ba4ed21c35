"""What many tests start from.

A test that asks and commits nothing of its own shares: `clinic.asked` is an app for a whole module, `rolled_back` a
session of which nothing stays. One that commits takes `app`, `client`, `caller`, `service` or `runner`, on a database
of its own (`shipped_url`). With people at the desk, a module has `shipped_url` be `staffed_url`. To start from more, it
makes that once (`staffed_copy`) and overrides `shipped_url` by `clinic.copied` of it; with `params=BOTH` only where SQL
differs. Only what breaks tables wants `own_database`. Copies, apps and prepared releases are handed on from test to
test, which nobody need know.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings

from cds.service import Service, service_of
from knowledge import passwords
from knowledge.facts import Fact
from tests import clinic, specification
from tests.databases import BOTH, empty_database
from tests.desk import staffed_copy

# How long an example takes says something of the machine, not of the code.
settings.register_profile("phasewise", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same cases each time, so that a red run is due to the change; elsewhere new ones are tried at each run.
settings.register_profile("ci", settings.get_profile("phasewise"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "phasewise")

gc.disable()


def pytest_collection_finish() -> None:
    """What was there before the first test stays to the last: Python need not look through it again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def own_hasher() -> Iterator[PasswordHasher]:
    """How the product hashes passwords. Tests sign in by the hundred: theirs take as little as argon2 allows."""
    own = passwords._HASHER
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield own
    passwords._HASHER = own


@pytest.fixture(scope="session")
def dictionary() -> dict[str, Fact]:
    """The small fact dictionary of the specification tables."""
    return specification.dictionary()


@pytest.fixture(scope="session")
def shipped_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An SQLite file with the shipped content and one API key; tests get copies of it."""
    with empty_database("sqlite", tmp_path_factory.mktemp("shipped")) as url:
        clinic.load_shipped(url)
        yield url


@pytest.fixture(scope="session")
def shipped_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same in PostgreSQL."""
    with empty_database("postgresql", tmp_path_factory.mktemp("shipped")) as url:
        clinic.load_shipped(url)
        yield url


@pytest.fixture(scope="session")
def staffed_sqlite(shipped_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The shipped content, and a person of every role, named after it."""
    with staffed_copy(shipped_sqlite, tmp_path_factory.mktemp("staffed")) as url:
        yield url


@pytest.fixture(scope="session")
def staffed_postgresql(shipped_postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same in PostgreSQL."""
    with staffed_copy(shipped_postgresql, tmp_path_factory.mktemp("staffed")) as url:
        yield url


@pytest.fixture(params=BOTH)
def staffed_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own with a person of every role; each test on both kinds."""
    with clinic.copied(request.getfixturevalue(f"staffed_{request.param}"), tmp_path) as url:
        yield url


@pytest.fixture
def shipped_url(shipped_sqlite: str, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own with the shipped content; modules ask for PostgreSQL too by overriding this."""
    with clinic.copied(shipped_sqlite, tmp_path) as url:
        yield url


@pytest.fixture
def prepared_once() -> Iterator[None]:
    """Releases are made ready once in a test run, not once in a test."""
    with clinic.preparing_once():
        yield


@pytest.fixture
def app(shipped_url: str, prepared_once: None) -> Iterator[Flask]:
    """The web application with the shipped content."""
    with clinic.open_app(shipped_url) as app:
        yield app


@pytest.fixture
def service(app: Flask) -> Service:
    return service_of(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client without an API key."""
    return app.test_client()


@pytest.fixture
def api_key() -> str:
    """The key that is issued in every shipped database of the tests."""
    return clinic.API_KEY


@pytest.fixture
def caller(client: FlaskClient) -> clinic.Caller:
    """An app with its key."""
    return clinic.Caller(client)


@pytest.fixture
def runner(shipped_url: str, prepared_once: None) -> clinic.Command:
    """The command line on a database with the shipped content."""
    return clinic.command_on(shipped_url)
