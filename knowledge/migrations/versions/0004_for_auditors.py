"""For auditors: what a key is for, what a decision was made by, facts that can be removed, decisions counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.migrations.guards import lifted, same, updated_only_when

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("purpose", sa.String(20), nullable=False, server_default="app"))
    _removable()
    _counted()


def downgrade() -> None:
    raise NotImplementedError("The record only goes forward: restore the backup made before the upgrade.")


def _removable() -> None:
    """What speaks of a patient can be emptied, once, by what an event before it tells; nothing else changes ever."""
    for column in ("software", "personal"):
        op.add_column("decisions", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("clinically_approved", sa.Boolean(), nullable=True))
    op.add_column("decisions", sa.Column("removed_in", SEQUENCE, nullable=True))
    for column in ("salt", "digest", "personal"):
        op.add_column("incidents", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("incidents", sa.Column("removed_in", SEQUENCE, nullable=True))
    kept = [
        "sequence", "id", "release_id", "evaluated_at", "recorded_at", "api_key_id", "origin", "states", "actors",
        "digest", "software", "clinically_approved",
    ]  # fmt: skip
    emptied = " AND ".join(
        [
            "NEW.subject IS NULL AND NEW.request IS NULL",
            *(f"NEW.{column} = ''" for column in ("facts_posted", "facts_known", "response_digest", "salt")),
        ]
    )
    _emptied_only("decisions", kept, emptied, "A recorded decision is never changed or removed.")
    kept = ["id", "at", "kind", "release_id", "digest"]
    _emptied_only(
        "incidents", kept, "NEW.detail = '' AND NEW.salt IS NULL", "A recorded incident is never changed or removed."
    )


def _emptied_only(table: str, kept: list[str], emptied: str, sentence: str) -> None:
    lifted(table, f"{table}_unchanged")
    told = "SELECT 1 FROM audit_events WHERE sequence = NEW.removed_in AND action = 'facts.removed'"
    once = "OLD.removed_in IS NULL AND NEW.removed_in IS NOT NULL AND NEW.personal IS NOT NULL"
    condition = f"{once} AND {same(kept)} AND {emptied} AND EXISTS ({told})"
    updated_only_when(table, f"{table}_only_emptied", condition, sentence)


def _counted() -> None:
    op.create_index("ix_decisions_release_id_sequence", "decisions", ["release_id", "sequence"])
    op.create_index("ix_decisions_api_key_id_sequence", "decisions", ["api_key_id", "sequence"])
    op.create_table(
        "decision_blocks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("release_id", sa.Integer(), sa.ForeignKey("releases.id"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("first", SEQUENCE, nullable=False),
        sa.Column("last", SEQUENCE, nullable=False),
        *(_count(name) for name in ("decisions", "recommended", "withheld", "undetermined")),
    )
    op.create_index("ix_decision_blocks_release_id_day", "decision_blocks", ["release_id", "day"])
    op.create_index("ix_decision_blocks_last", "decision_blocks", ["last"])
    op.create_index("ix_decision_blocks_day", "decision_blocks", ["day"])
    op.create_table(
        "rule_tallies",
        sa.Column("release_id", sa.Integer(), sa.ForeignKey("releases.id"), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("block_id", sa.Integer(), sa.ForeignKey("decision_blocks.id"), primary_key=True),
        *(_count(name) for name in ("recommended", "withheld", "undetermined")),
    )


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)
