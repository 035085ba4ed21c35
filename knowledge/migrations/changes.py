"""The changes that a row may undergo, as conditions over OLD and NEW for the guards."""

from __future__ import annotations

from knowledge.migrations.guards import same


def version_goes_forward() -> str:
    """A draft is rewritten, or the state goes forward and nothing else changes."""
    identity = same(["id", "kind", "key", "number", "created_at", "created_by_id"])
    text = same(["content", "digest", "reason"])
    submission = same(["submitted_at", "submitted_by_id"])
    approval = same(["approved_at", "approved_by_id"])
    step = "OLD.state || ' > ' || NEW.state"
    return f"""{identity} AND (
        {step} = 'draft > draft' AND {submission} AND {approval}
        OR {step} = 'draft > retired' AND {text} AND {submission} AND {approval}
        OR {step} = 'draft > submitted' AND {text} AND {approval}
        OR {step} = 'submitted > approved' AND {text} AND {submission}
        OR {step} IN ('submitted > returned', 'approved > released', 'approved > retired',
                      'released > retired', 'returned > retired') AND {text} AND {submission} AND {approval}
    )"""


def person_stays() -> str:
    """Whom an account stands for stays."""
    return same(["id", "name", "created_at"])


def key_is_revoked() -> str:
    """The key is revoked, and nothing else of it changes."""
    lasting = same(["id", "label", "prefix", "key_hash", "created_at", "created_by_id", "purpose"])
    return f"{lasting} AND OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL"
