"""A copy of a PostgreSQL database that is handed on is what it was: to the row, the next number and the guards."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.copies import lent

TRIGGERS = "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


def asked(url: str, *statements: str) -> list[Any]:
    """What the last of the statements finds; all of them are committed."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        *_, result = [connection.execute(text(statement)) for statement in statements]
        return [tuple(row) for row in result] if result.returns_rows else []


def everything(url: str) -> dict[str, list[Any]]:
    rows = {table: asked(url, f"SELECT t::text FROM {table} t ORDER BY 1") for (table,) in asked(url, TABLES)}
    return {**rows, "triggers": asked(url, TRIGGERS), "sequences": asked(url, SEQUENCES)}


def test_rows_added_changed_and_removed_are_taken_back(shipped_postgresql: str) -> None:
    with lent(shipped_postgresql) as url:
        before = everything(url)
    assert before["versions"]
    for statements in (
        ["INSERT INTO users (name, role, password_hash, created_at) VALUES ('Ada', 'author', '', now())"],
        ["ALTER TABLE api_keys DISABLE TRIGGER USER", "UPDATE api_keys SET label = 'other'"],
    ):
        with lent(shipped_postgresql) as url:
            asked(url, *statements)
            assert everything(url) != before
        with lent(shipped_postgresql) as url:
            assert everything(url) == before


def test_a_guard_that_was_away_for_a_moment_stands_again(shipped_postgresql: str) -> None:
    with lent(shipped_postgresql) as url:
        before = everything(url)
        asked(url, "UPDATE api_keys SET revoked_at = now()")
    with lent(shipped_postgresql) as url:
        assert everything(url) == before
        with pytest.raises(DBAPIError):
            asked(url, "SET session_replication_role = replica", "DELETE FROM audit_events")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE further (id int)",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 7', current_database()); END $$",
    ],
)
def test_a_database_in_which_more_than_rows_was_changed_is_not_handed_on(
    statement: str, shipped_postgresql: str
) -> None:
    with lent(shipped_postgresql) as url:
        before = everything(url)
    with lent(shipped_postgresql) as changed:
        asked(changed, statement)
    with lent(shipped_postgresql) as url:
        assert url != changed
        assert everything(url) == before


def test_a_copy_of_a_copy_goes_with_it(shipped_postgresql: str) -> None:
    with lent(shipped_postgresql) as url:
        asked(url, "INSERT INTO users (name, role, password_hash, created_at) VALUES ('Ada', 'author', '', now())")
        with lent(url) as inner:
            assert asked(inner, "SELECT name FROM users") == [("Ada",)]
    with lent(shipped_postgresql) as url, lent(url) as inner:
        assert asked(inner, "SELECT name FROM users") == []
