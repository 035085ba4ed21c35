"""What SQLite lets the service's own connections do: read, and write what `knowledge.allowed` lists.

A trigger cannot keep itself from being dropped, nor its table. So SQLite asks here while it prepares a statement,
and a statement that is refused does nothing. Whoever opens the file by other means is not asked.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DatabaseError, DBAPIError

from knowledge.allowed import ALLOWED, READ, may_change

REFUSED = (
    "The service's own connection may not do this to the record. Migrations and the removal of facts run on the "
    "owner's connection; what the service may do with a table is listed in knowledge/allowed.py."
)

_ALWAYS = frozenset(
    {
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_SAVEPOINT,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_TRANSACTION,
    }
)
_LOOKED_UP = frozenset(
    {
        "database_list",
        "foreign_key_list",
        "integrity_check",
        "index_info",
        "index_list",
        "index_xinfo",
        "table_info",
        "table_list",
    }
    | {"table_xinfo"}
)
"""Pragmas that only look, whatever follows them."""

_TOLD = frozenset({"busy_timeout", "data_version", "foreign_keys", "journal_mode", "page_count", "page_size"}) | {
    "recursive_triggers",
    "synchronous",
    "trusted_schema",
    "writable_schema",
}
"""Pragmas that only tell a setting, when nothing follows them."""


def guard(engine: Engine) -> None:
    """Let the engine's connections do what the service does, and nothing else; a refusal is REFUSED."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.set_authorizer(authorize)

    event.listen(engine, "handle_error", _said, retval=True)


def authorize(action: int, first: str | None, second: str | None, _: str | None, __: str | None) -> int:
    """SQLite's question: an action, a table or a pragma, and a column or what follows the pragma."""
    return sqlite3.SQLITE_OK if action in _ALWAYS or _allowed(action, first or "", second) else sqlite3.SQLITE_DENY


def _allowed(action: int, first: str, second: str | None) -> bool:
    match action:
        case sqlite3.SQLITE_INSERT:
            return ALLOWED.get(first, READ).insert
        case sqlite3.SQLITE_UPDATE:
            return may_change(first, second or "")
        case sqlite3.SQLITE_DELETE:
            return ALLOWED.get(first, READ).working
        case sqlite3.SQLITE_PRAGMA:
            return first in _LOOKED_UP or (first in _TOLD and second is None)
        case _:
            return False


def _said(context: ExceptionContext) -> DBAPIError | None:
    refusal = context.original_exception
    if not isinstance(refusal, sqlite3.DatabaseError) or _code(refusal) != sqlite3.SQLITE_AUTH:
        return None
    return DatabaseError(context.statement, None, sqlite3.DatabaseError(REFUSED), hide_parameters=True)


def _code(refusal: sqlite3.DatabaseError) -> int | None:
    """SQLite's own code; what the sqlite3 module itself raises has none."""
    return getattr(refusal, "sqlite_errorcode", None)
