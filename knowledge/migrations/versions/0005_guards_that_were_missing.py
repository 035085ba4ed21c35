"""People and keys are kept as they were made; decisions are numbered by the database; events follow by their digest."""

from __future__ import annotations

from knowledge.migrations.changes import key_is_revoked, person_stays
from knowledge.migrations.guards import (
    changes_only_when,
    inserted_only_when,
    kept,
    lifted,
    looks_only_at_the_record,
    numbered_by_the_database,
    on_sqlite,
)

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people_and_keys()
    sentence = "Decisions are numbered by the database, one after another, and none begins as emptied."
    numbered_by_the_database("decisions", "sequence", "NEW.personal IS NULL AND NEW.removed_in IS NULL", sentence)
    _events()
    if not on_sqlite():
        for name in ("release_versions_settled", "decisions_only_emptied", "incidents_only_emptied"):
            looks_only_at_the_record(name)


def downgrade() -> None:
    raise NotImplementedError("The record only goes forward: restore the backup made before the upgrade.")


def _people_and_keys() -> None:
    changes_only_when(
        "users",
        "users_stay_who_they_are",
        person_stays(),
        "The record names people: who an account stands for never changes. Make another account.",
    )
    kept("users", [("id",), ("name",)], "A person is never removed or replaced: disable the account.")
    changes_only_when(
        "api_keys",
        "api_keys_only_revoked",
        key_is_revoked(),
        "A key is never changed but revoked, once: make another key.",
    )
    kept("api_keys", [("id",), ("key_hash",)], "A key is never removed or replaced: revoke it.")


def _events() -> None:
    lifted("audit_events", "audit_events_follow")
    is_the = "IS" if on_sqlite() else "IS NOT DISTINCT FROM"
    inserted_only_when(
        "audit_events",
        "audit_events_follow",
        "NEW.sequence = (SELECT coalesce(max(sequence), 0) + 1 FROM audit_events) "
        f"AND NEW.previous {is_the} (SELECT digest FROM audit_events ORDER BY sequence DESC LIMIT 1)",
        "Events follow one after another: record them with knowledge.audit.",
    )
