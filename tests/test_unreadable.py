"""A stored value that is not what it should be: whoever meets it is told so, and verifying names the record."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds import keys
from cds.models import Purpose
from cds.service import Service
from cds.serving import Serving
from cds.upkeep import keep_up
from knowledge.proofs import UNREADABLE
from tests.clinic import LOADED, Caller, Command, problem_in
from tests.desk import enter, staffed_copy
from tests.story import by_force

RULE = "ext-oncologic-emergency-list"
AUDITOR_KEY = "pw_audit_0123456789"


@pytest.fixture
def shipped_url(shipped_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with staffed_copy(shipped_sqlite, tmp_path) as url:
        yield url


@pytest.fixture
def touched(service: Service, caller: Caller) -> Service:
    """A service whose database one decision is sealed in, and an auditor has a key to."""
    with service.sessions() as session:
        keys.issue(session, "The audit", by=None, at=LOADED, key=AUDITOR_KEY, purpose=Purpose.AUDIT)
        session.commit()
    caller.ask({"has_mbc": True}, subject="somebody")
    keep_up(service)
    return service


@pytest.mark.parametrize(
    ("change", "page", "path", "named"),
    [
        ("activations SET since = 'yesterday'", "in-force", "in-force", "Row 1 of the activations"),
        ("versions SET content = CAST(x'ff' AS text)", "rules/", f"rules/{RULE}/versions", "Row 1 of the versions"),
        ("decisions SET recorded_at = 7", "decisions/", "decisions", "Decision number 1"),
        ("releases SET origin = CAST(x'ff' AS text)", "releases/", "releases", "Row 1 of the releases"),
    ],
)
def test_it_is_said_at_the_desk_by_the_api_and_by_commands(
    touched: Service, client: FlaskClient, runner: Command, change: str, page: str, path: str, named: str
) -> None:
    enter(client, "auditor")
    with touched.sessions() as session:
        by_force(session, f"UPDATE {change}")
        session.commit()
    shown = client.get(f"/desk/{page}")
    assert (shown.status_code, "A record cannot be read" in shown.text) == (500, True)
    told = Caller(client, {"Authorization": f"Bearer {AUDITOR_KEY}"}).get(f"/api/v1/{path}")
    assert problem_in(told, 500)["type"] == "urn:phasewise:problem:unreadable-record"
    verified = runner("audit", "verify")
    assert verified.exit_code == 1
    assert named in verified.stdout


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            "decisions SET clinically_approved = ''",
            "decisions was altered: its clinically_approved is not written as yes",
        ),
        ("decision_blocks SET first = 'one'", "decision_blocks was altered: its first is not written as whole numbers"),
    ],
)
def test_what_is_not_of_its_columns_kind_is_named(touched: Service, runner: Command, change: str, what: str) -> None:
    with touched.sessions() as session:
        by_force(session, f"UPDATE {change}")
        session.commit()
    assert f"Row 1 of {what}" in runner("audit", "verify").stdout


def test_a_row_that_an_index_hides_is_named(touched: Service, runner: Command) -> None:
    """Whoever looks for the subject finds nothing, while the row stands in its table as it was."""
    touched.database.dispose()
    [stored] = by_hand(touched, "SELECT sql FROM sqlite_master WHERE name = 'ix_decisions_subject'")[0]
    for written in (f"{stored} AND subject <> ''somebody''", stored):
        by_hand(
            touched,
            "PRAGMA writable_schema = ON",
            f"UPDATE sqlite_master SET sql = '{written}' WHERE name = 'ix_decisions_subject'",
            "PRAGMA writable_schema = OFF",
        )
        if written != stored:
            by_hand(touched, "REINDEX ix_decisions_subject")
    found = by_hand(touched, "SELECT count(*) FROM decisions WHERE subject = 'somebody'")
    assert found == [(0,)]
    assert "row 1 missing from index ix_decisions_subject" in runner("audit", "verify").stdout


def by_hand(service: Service, *statements: str) -> list[tuple[Any, ...]]:
    """What the last of the statements gives, by SQLite itself."""
    with closing(sqlite3.connect(str(service.database.url.database), isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


def test_a_release_that_cannot_be_read_is_not_ready(touched: Service, client: FlaskClient) -> None:
    with touched.sessions() as session:
        by_force(session, "UPDATE releases SET origin = CAST(x'ff' AS text)")
        session.commit()
    touched.serving = Serving()
    told = client.get("/readyz")
    assert (told.status_code, told.get_json()) == (503, {"status": "not ready", "reason": UNREADABLE})


def test_a_command_that_meets_it_says_so_in_a_line(touched: Service, caller: Caller, runner: Command) -> None:
    asked = caller.ask({"has_mbc": True})["decision_id"]
    with touched.sessions() as session:
        by_force(session, "UPDATE decisions SET recorded_at = 'yesterday'")
        session.commit()
    proof = runner("audit", "proof", asked)
    assert proof.exit_code == 2
    assert proof.stderr.startswith(UNREADABLE)
    assert "Traceback" not in proof.stderr
