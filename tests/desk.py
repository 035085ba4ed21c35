"""The desk of the tests: a person of every role, named after it, and how one signs in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from knowledge import people
from knowledge.database import connect, sessions
from knowledge.models import Role
from tests import clinic

PASSWORD = "correct horse battery staple"


@contextmanager
def staffed_copy(shipped: str, folder: Path) -> Iterator[str]:
    """The address of a copy of a shipped database, with a person of every role."""
    with clinic.copied(shipped, folder) as url:
        engine = connect(url)
        with sessions(engine)() as session:
            for role in Role:
                people.add(session, role.value, role, PASSWORD, by=None, at=clinic.LOADED)
            session.commit()
        engine.dispose()
        yield url


def token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def enter(client: FlaskClient, name: str, password: str = PASSWORD, to: str = "/desk/sign-in") -> TestResponse:
    form = {"csrf_token": token(client.get(to).text), "name": name, "password": password}
    return client.post(to, data=form)
