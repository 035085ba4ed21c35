"""What the service does with each table, which is all that its own connections may do.

On PostgreSQL it is granted to the service's role (`knowledge.roles`), on SQLite an authorizer sees to it
(`knowledge.authorizing`). Everything may be read. Whoever owns the database may do more: what the triggers let pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowed:
    """Rows may be inserted, though not with values of `never_given`; the columns of `changes` may be updated.

    Working material is not part of the record: its rows may be changed and removed.
    """

    insert: bool = True
    never_given: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    working: bool = False


READ = Allowed(insert=False)
APPENDED = Allowed()
WORKING = Allowed(working=True)

ALLOWED: Mapping[str, Allowed] = {
    "alembic_version": READ,
    "users": Allowed(changes=("role", "password_hash", "disabled_at")),
    "api_keys": Allowed(changes=("revoked_at",)),
    "versions": Allowed(
        changes=(
            "content",
            "digest",
            "reason",
            "state",
            "submitted_at",
            "submitted_by_id",
            "approved_at",
            "approved_by_id",
        )
    ),
    "releases": APPENDED,
    "release_versions": APPENDED,
    "release_approvals": APPENDED,
    "activations": APPENDED,
    "decisions": Allowed(never_given=("sequence", "personal", "removed_in")),
    "incidents": APPENDED,
    "audit_events": APPENDED,
    "comparisons": WORKING,
    "editing": WORKING,
    "decision_blocks": WORKING,
    "rule_tallies": WORKING,
}
"""A table that is not listed is only read on SQLite, and closed to the service's role on PostgreSQL."""


def may_change(table: str, column: str) -> bool:
    """Whether the service may update a column."""
    allowed = ALLOWED.get(table, READ)
    return allowed.working or column in allowed.changes
