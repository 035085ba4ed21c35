"""The triggers that keep the record as it was written, by name: the migrations make them, an owner could drop them."""

from __future__ import annotations

from sqlalchemy import Connection, text

_KEPT = (
    "activations",
    "api_keys",
    "audit_events",
    "decisions",
    "incidents",
    "release_approvals",
    "release_versions",
    "releases",
    "users",
    "versions",
)
_UNCHANGED = ("activations", "audit_events", "release_approvals", "release_versions", "releases")
_ONLY_SO = (
    "api_keys_only_revoked",
    "audit_events_follow",
    "decisions_numbered",
    "decisions_only_emptied",
    "incidents_only_emptied",
    "release_versions_settled",
    "users_stay_who_they_are",
    "versions_go_forward",
)
_THERE = {
    "sqlite": text("SELECT name FROM sqlite_master WHERE type = 'trigger'"),
    "postgresql": text(
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "WHERE NOT tgisinternal AND tgenabled = 'A' AND relnamespace = current_schema()::regnamespace"
    ),
}
_MOST_NAMED = 3


def guards(dialect: str) -> frozenset[str]:
    """The names of all triggers of the newest migration; replacing a row is SQLite's way, emptying a table not."""
    last = "not_replaced" if dialect == "sqlite" else "not_emptied"
    return frozenset(
        (
            *(f"{table}_{what}" for table in _KEPT for what in ("kept", last)),
            *(f"{table}_unchanged" for table in _UNCHANGED),
            *_ONLY_SO,
        )
    )


def missing(connection: Connection) -> str | None:
    """A sentence that names the triggers that are gone or switched off; None when all are there."""
    dialect = connection.dialect.name
    gone = sorted(guards(dialect) - set(connection.scalars(_THERE[dialect])))
    if not gone:
        return None
    further = f" and {len(gone) - _MOST_NAMED} more" if len(gone) > _MOST_NAMED else ""
    return (
        f"Triggers that keep the record are gone or switched off: {', '.join(gone[:_MOST_NAMED])}{further}. Somebody "
        "who owns the database did it: check the record against an anchor, and go on with a restored database."
    )
