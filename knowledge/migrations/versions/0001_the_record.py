"""The record: people, versions, releases, decisions and events, and the triggers that keep them as written.

Longer than a module should be: one migration, so that no database has the tables without their guards.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.migrations.changes import version_goes_forward
from knowledge.migrations.guards import (
    append_only,
    changes_only_when,
    inserted_only_when,
    kept,
    make_refusing,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORD = sa.String(20)


def upgrade() -> None:
    _people_and_keys()
    _versions()
    _releases()
    _decisions_and_incidents()
    _events()
    make_refusing()
    _guard_versions()
    _guard_releases()
    _guard_the_rest()


def downgrade() -> None:
    raise NotImplementedError("The record only goes forward: restore the backup made before the upgrade.")


def _user(column: str, *, nullable: bool = True) -> sa.Column[int]:
    return sa.Column(column, sa.Integer(), sa.ForeignKey("users.id"), nullable=nullable)


def _release(*, nullable: bool = False, primary_key: bool = False) -> sa.Column[int]:
    key = sa.ForeignKey("releases.id")
    return sa.Column("release_id", sa.Integer(), key, nullable=nullable, primary_key=primary_key)


def _text(column: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(column, sa.Text(), nullable=nullable)


def _moment(column: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(column, MOMENT, nullable=nullable)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), primary_key=True)


def _people_and_keys() -> None:
    op.create_table(
        "users",
        _id(),
        _text("name"),
        sa.Column("role", WORD, nullable=False),
        _text("password_hash"),
        _moment("created_at"),
        _moment("disabled_at", nullable=True),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "api_keys",
        _id(),
        _text("label"),
        _text("prefix"),
        _text("key_hash"),
        _moment("created_at"),
        _user("created_by_id"),
        _moment("revoked_at", nullable=True),
        sa.UniqueConstraint("key_hash"),
    )


def _versions() -> None:
    op.create_table(
        "versions",
        _id(),
        sa.Column("kind", WORD, nullable=False),
        _text("key"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("content"),
        _text("digest"),
        sa.Column("state", WORD, nullable=False),
        _text("reason"),
        _moment("created_at"),
        _user("created_by_id"),
        _moment("submitted_at", nullable=True),
        _user("submitted_by_id"),
        _moment("approved_at", nullable=True),
        _user("approved_by_id"),
        sa.UniqueConstraint("kind", "key", "number"),
    )


def _releases() -> None:
    op.create_table(
        "releases",
        _id(),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("digest"),
        _moment("created_at"),
        _user("created_by_id"),
        _text("reason"),
        _text("origin"),
        sa.UniqueConstraint("number"),
    )
    op.create_table(
        "release_versions",
        _release(primary_key=True),
        sa.Column("version_id", sa.Integer(), sa.ForeignKey("versions.id"), primary_key=True),
    )
    op.create_index("ix_release_versions_version_id", "release_versions", ["version_id"])
    op.create_table(
        "release_approvals",
        _id(),
        _release(),
        _user("by_id", nullable=False),
        _moment("at"),
        _text("reason"),
        sa.UniqueConstraint("release_id", "by_id"),
    )
    op.create_table("activations", _id(), _release(), _moment("since"), _user("by_id"), _text("reason"))


def _decisions_and_incidents() -> None:
    op.create_table(
        "decisions",
        sa.Column("sequence", SEQUENCE, sa.Identity(always=True), primary_key=True),
        _text("id"),
        _release(),
        _moment("evaluated_at"),
        _moment("recorded_at"),
        _text("subject", nullable=True),
        sa.Column("api_key_id", sa.Integer(), sa.ForeignKey("api_keys.id")),
        _text("origin"),
        _text("facts_posted"),
        _text("facts_known"),
        _text("states"),
        _text("request", nullable=True),
        _text("actors", nullable=True),
        _text("response_digest"),
        _text("salt"),
        _text("digest"),
        sa.UniqueConstraint("id"),
    )
    has_subject = sa.text("subject IS NOT NULL")
    op.create_index(
        "ix_decisions_subject",
        "decisions",
        ["subject"],
        sqlite_where=has_subject,
        postgresql_where=has_subject,
    )
    op.create_table("incidents", _id(), _moment("at"), _text("kind"), _release(nullable=True), _text("detail"))


def _events() -> None:
    op.create_table(
        "audit_events",
        sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=False),
        _moment("at"),
        _text("actor"),
        _text("action"),
        _text("subject"),
        _text("details"),
        _text("origin", nullable=True),
        _text("previous", nullable=True),
        _text("digest"),
    )
    op.create_index("ix_audit_events_action", "audit_events", ["action"])
    op.create_index("ix_audit_events_subject", "audit_events", ["subject"])


def _guard_versions() -> None:
    """A draft may be rewritten; after that only the state goes forward."""
    forward = version_goes_forward()
    sentence = "A version past draft is never changed, and its state only goes forward: start a new draft."
    changes_only_when("versions", "versions_go_forward", forward, sentence)
    kept("versions", [("id",), ("kind", "key", "number")], "A version is never removed: retire it.")


def _guard_releases() -> None:
    """What a release holds is settled by the event that tells of it."""
    sentence = "A release is never changed: publish a new one."
    append_only("releases", [("id",), ("number",)], sentence)
    append_only("release_versions", [("release_id", "version_id")], sentence)
    inserted_only_when(
        "release_versions",
        "release_versions_settled",
        "NOT EXISTS (SELECT 1 FROM audit_events JOIN releases ON subject = 'release/' || releases.number "
        "WHERE releases.id = NEW.release_id)",
        "A release takes no more versions once it is published: publish a new one.",
    )
    keys = [("id",), ("release_id", "by_id")]
    append_only("release_approvals", keys, "An approval stands as it was given.")
    append_only("activations", [("id",)], "What was in force stays on record: put a release in force anew.")


def _guard_the_rest() -> None:
    append_only("decisions", [("sequence",), ("id",)], "A recorded decision is never changed or removed.")
    append_only("incidents", [("id",)], "A recorded incident is never changed or removed.")
    append_only("audit_events", [("sequence",)], "What happened is never changed or removed.")
    inserted_only_when(
        "audit_events",
        "audit_events_follow",
        "NEW.sequence = (SELECT coalesce(max(sequence), 0) + 1 FROM audit_events)",
        "Events follow one after another: record them with knowledge.audit.",
    )
