"""On PostgreSQL every condition of a guard is the source of a function, which stays as it was written.

What a trigger has after WHEN, PostgreSQL keeps in a form of its own and tells in words that its versions may change: it
could not be compared with what it should be.
"""

from __future__ import annotations

from knowledge.migrations.changes import key_is_revoked, person_stays, version_goes_forward
from knowledge.migrations.guards import lifted, looks_only_at_the_record, on_sqlite, updated_only_when

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if on_sqlite():
        return
    for table, name, condition, sentence in (
        (
            "versions",
            "versions_go_forward",
            version_goes_forward(),
            "A version past draft is never changed, and its state only goes forward: start a new draft.",
        ),
        (
            "users",
            "users_stay_who_they_are",
            person_stays(),
            "The record names people: who an account stands for never changes. Make another account.",
        ),
        (
            "api_keys",
            "api_keys_only_revoked",
            key_is_revoked(),
            "A key is never changed but revoked, once: make another key.",
        ),
    ):
        lifted(table, name)
        updated_only_when(table, name, condition, sentence)
    for name in ("refuse", "decisions_numbered"):
        looks_only_at_the_record(name)


def downgrade() -> None:
    raise NotImplementedError("The record only goes forward: restore the backup made before the upgrade.")
