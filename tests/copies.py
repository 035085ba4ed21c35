"""Copies of PostgreSQL databases for tests, handed on from one to the next: each gets it as it was copied, to the row.

CREATE DATABASE writes ten megabytes, and DROP DATABASE waits for a checkpoint. To take back the few rows that a test
left takes a twentieth of that. A copy in which anything but rows was changed is dropped instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, cast
from uuid import uuid4

import psycopg
from psycopg import Connection, Error
from psycopg.sql import SQL, Identifier
from sqlalchemy import URL, make_url

Rows = tuple[int, int]
"""How many rows a table has, and the youngest transaction that wrote one of them."""

_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
_SEQUENCES = "SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace ORDER BY 1"
_GUARDS = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'"
_HERE = "datname = current_database()"
_OTHERS = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_HERE} AND pid <> pg_backend_pid()"
_STRUCTURE = " UNION ALL ".join(
    f"SELECT '{catalogue}', count(*), max(xmin::text::bigint) FROM {catalogue} WHERE {own}"
    for catalogue, own in {
        "pg_class": "relpersistence <> 't'",
        "pg_attribute": "attrelid >= 16384",
        "pg_attrdef": "true",
        "pg_trigger": "true",
        "pg_event_trigger": "true",
        "pg_constraint": "true",
        "pg_proc": "true",
        "pg_type": "true",
        "pg_namespace": "true",
        "pg_policy": "true",
        "pg_default_acl": "true",
        "pg_extension": "true",
        "pg_db_role_setting": f"setdatabase IN (SELECT oid FROM pg_database WHERE {_HERE})",
        "pg_database": _HERE,
    }.items()
)


@dataclass
class _Copy:
    url: URL
    kept: dict[str, list[bytes]]
    """The rows of each table, as PostgreSQL writes them."""
    sequences: dict[str, tuple[int, bool]]
    rows: dict[str, Rows]
    structure: list[Any]


_spare: dict[str, list[_Copy]] = {}
"""Copies that no test has, by the name of the database that they are copies of."""


@contextmanager
def lent(url: str) -> Iterator[str]:
    """The address of a copy of a PostgreSQL database that nobody is using."""
    original = make_url(url)
    spare = _spare.setdefault(str(original.database), [])
    copy = spare.pop() if spare else _made(original)
    try:
        yield copy.url.render_as_string(hide_password=False)
    finally:
        drop_copies(copy.url)
        if _restored(copy) and _spare.get(str(original.database)) is spare:
            spare.append(copy)
        else:
            _drop(copy)


def drop_copies(url: URL) -> None:
    """Forget the copies of a database that is about to go, or to become another."""
    for copy in _spare.pop(str(url.database), []):
        _drop(copy)


def _made(original: URL) -> _Copy:
    url = original.set(database=f"phasewise_test_{uuid4().hex}")
    _administer(original, SQL("CREATE DATABASE {} TEMPLATE {}"), str(url.database), str(original.database))
    with _connected(url) as connection:
        tables, sequences = _names(connection, _TABLES), _names(connection, _SEQUENCES)
        return _Copy(
            url,
            {table: _read(connection, table) for table in tables},
            {sequence: _state(connection, sequence) for sequence in sequences},
            {table: _rows(connection, table) for table in tables},
            connection.execute(cast(LiteralString, _STRUCTURE)).fetchall(),
        )


def _restored(copy: _Copy) -> bool:
    """Whether the copy is again what it was; not when something other than its rows was touched."""
    try:
        with _connected(copy.url) as connection:
            connection.execute(cast(LiteralString, _OTHERS))
            if connection.execute(cast(LiteralString, _STRUCTURE)).fetchall() != copy.structure:
                return False
            connection.execute("SET session_replication_role = replica")
            changed = [table for table, rows in copy.rows.items() if _rows(connection, table) != rows]
            for table in changed:
                _put_back(connection, table, copy)
            for sequence, (value, called) in copy.sequences.items():
                connection.execute("SELECT setval(%s::regclass, %s, %s)", (sequence, value, called))
            if changed:
                copy.rows.update({table: _rows(connection, table) for table in changed})
                copy.structure = connection.execute(cast(LiteralString, _STRUCTURE)).fetchall()
    except Error:
        return False
    return True


def _put_back(connection: Connection[Any], table: str, copy: _Copy) -> None:
    guards = [Identifier(name) for (name,) in connection.execute(_GUARDS, (table,)).fetchall()]
    for guard in guards:
        connection.execute(SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(Identifier(table), guard))
    count, youngest = copy.rows[table]
    old = SQL("SELECT count(*) FROM {} WHERE xmin::text::bigint <= %s").format(Identifier(table))
    if connection.execute(old, (youngest,)).fetchall() == [(count,)]:
        connection.execute(SQL("DELETE FROM {} WHERE xmin::text::bigint > %s").format(Identifier(table)), (youngest,))
    else:
        connection.execute(SQL("DELETE FROM {}").format(Identifier(table)))
        with connection.cursor().copy(SQL("COPY {} FROM STDIN").format(Identifier(table))) as into:
            for row in copy.kept[table]:
                into.write(row)
    for guard in guards:
        connection.execute(SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(Identifier(table), guard))


def _names(connection: Connection[Any], query: LiteralString) -> list[str]:
    return [name for (name,) in connection.execute(query).fetchall()]


def _read(connection: Connection[Any], table: str) -> list[bytes]:
    with connection.cursor().copy(SQL("COPY {} TO STDOUT").format(Identifier(table))) as out:
        return [bytes(row) for row in out]


def _rows(connection: Connection[Any], table: str) -> Rows:
    query = SQL("SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM {}").format(Identifier(table))
    [found] = connection.execute(query).fetchall()
    return found


def _state(connection: Connection[Any], sequence: str) -> tuple[int, bool]:
    [found] = connection.execute(SQL("SELECT last_value, is_called FROM {}").format(Identifier(sequence))).fetchall()
    return found


def _drop(copy: _Copy) -> None:
    _administer(copy.url, SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), str(copy.url.database))


def _administer(url: URL, statement: SQL, *names: str) -> None:
    with _connected(url.set(database="postgres"), autocommit=True) as connection:
        connection.execute(statement.format(*map(Identifier, names)))


def _connected(url: URL, *, autocommit: bool = False) -> Connection[Any]:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=autocommit)
