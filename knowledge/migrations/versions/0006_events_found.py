"""For looking among many events: indexes that lead to each page, by action, actor, subject and time."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("action", "subject"):
        op.drop_index(f"ix_audit_events_{column}", "audit_events")
    for column in ("action", "actor", "at"):
        op.create_index(f"ix_audit_events_{column}_sequence", "audit_events", [column, "sequence"])
    op.create_index(
        "ix_audit_events_subject_sequence",
        "audit_events",
        ["subject", "sequence"],
        postgresql_ops={"subject": "text_pattern_ops"},
    )


def downgrade() -> None:
    raise NotImplementedError("The record only goes forward: restore the backup made before the upgrade.")
