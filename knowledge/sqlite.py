"""SQLite made to keep the promises that the rest of the house relies on.

A transaction that reads sees one snapshot. One that writes takes the only writer's place at its first write
(BEGIN IMMEDIATE), so two writers wait for each other and never deadlock. One that has read and then writes
starts anew at that moment, and from there on sees what others committed meanwhile: as on PostgreSQL under
READ COMMITTED. Left to itself, SQLite would refuse such a write at once with "database is locked".
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

WRITES = "writes"
"""Execution option of a statement that reads, but must already stand in the writer's place."""

_FILE = "file"

_FIRST_WORD = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*(\w*)", re.DOTALL)
_CHANGES = re.compile(r"\b(insert|update|delete|replace)\b", re.IGNORECASE)
_READS = frozenset({"SELECT", "VALUES", "EXPLAIN"})
_OUTSIDE = frozenset({"PRAGMA", "ATTACH", "DETACH", "VACUUM", "BEGIN", "COMMIT", "END", "ROLLBACK", "RELEASE"})
"""Statements that begin nothing: SQLite takes them as they are."""


def tune(engine: Engine, busy_seconds: float) -> None:
    """Durable, checked and orderly connections; nobody waits longer than `busy_seconds` for a lock."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: Any) -> None:
        _for_its_owner_alone(engine)
        _write_ahead(connection, busy_seconds)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # A file that was tampered with neither calls functions by its schema nor has its pages read past their ends.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        if sys.version_info >= (3, 12):
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)

    _watch_the_file(engine)

    for way in ("do_execute", "do_executemany"):
        event.listen(engine, way, _begin)
    event.listen(engine, "do_execute_no_params", lambda cursor, text, context: _begin(cursor, text, (), context))


def _for_its_owner_alone(engine: Engine) -> None:
    """A new file speaks of patients before long: nobody else on the machine reads it. SQLite's logs follow it."""
    path = engine.url.database
    if path and path != ":memory:" and not path.startswith("file:") and os.stat(path).st_size == 0:
        os.chmod(path, 0o600)


def _watch_the_file(engine: Engine) -> None:
    """Give up connections to a file that was removed or replaced: what they still wrote would be lost."""
    path = engine.url.database
    if not path or path == ":memory:" or path.startswith("file:"):
        return

    @event.listens_for(engine, "connect")
    def connected(_: Any, record: ConnectionPoolEntry) -> None:
        record.info[_FILE] = _identity(path)

    @event.listens_for(engine, "checkout")
    def checked_out(_: Any, record: ConnectionPoolEntry, __: Any) -> None:
        if record.info[_FILE] != _identity(path):
            raise DisconnectionError


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _write_ahead(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Readers and the writer do not wait for each other. For this one lock SQLite itself does not wait."""
    patience = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as problem:
            if "locked" not in str(problem) or time.monotonic() > patience:
                raise
            time.sleep(0.01)


def _begin(cursor: DBAPICursor, statement: str, _: Any, context: ExecutionContext | None) -> None:
    """Begin, or begin anew, what the statement needs. A failure here is the statement's own failure."""
    options = context.execution_options if context else {}
    if options.get("isolation_level") == "AUTOCOMMIT":
        return
    word = _FIRST_WORD.match(statement)[1].upper()  # type: ignore[index]
    connection: sqlite3.Connection = cursor.connection
    if word in _OUTSIDE:
        return
    writes = bool(options.get(WRITES)) or (bool(_CHANGES.search(statement)) if word == "WITH" else word not in _READS)
    info = context.root_connection.info if context else {}
    if not connection.in_transaction:
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        info[WRITES] = writes
    elif writes and not info.get(WRITES):
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        info[WRITES] = True
