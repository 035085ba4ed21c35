"""The digest of a decision: of which columns it is made, and whether one still fits it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from knowledge.canonical import digest_of_bytes, instant
from knowledge.proofs import unreadable

_LATER = ("clinically_approved", "software")
PERSONAL = ("facts_known", "facts_posted", "request", "response_digest", "salt", "subject")


def decision_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a decision's columns, but for `sequence` and `digest`.

    What could speak of the patient enters as one salted digest (`personal_digest`), `states` as the digest of
    its text: so the proof outlives the removal of the facts. Columns that rows of old do not have are left out.
    """
    return _digest_of_texts(digested(row))


def digested(row: Mapping[str, Any]) -> dict[str, str | bool | int | None]:
    """The members of the JSON that a decision's digest is made of."""
    removed = row.get("removed_in") is not None
    later = {name: row[name] for name in _LATER if row.get(name) is not None}
    return {
        "actors": row["actors"],
        "api_key_id": row["api_key_id"],
        "evaluated_at": instant(row["evaluated_at"]),
        "id": row["id"],
        "origin": row["origin"],
        "personal": row["personal"] if removed else personal_digest(row),
        "recorded_at": instant(row["recorded_at"]),
        "release_id": row["release_id"],
        "states": digest_of_bytes(row["states"].encode()),
        **later,
    }


def personal_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of the columns that could speak of the patient, and the salt."""
    return _digest_of_texts(personal(row))


def personal(row: Mapping[str, Any]) -> dict[str, str | None]:
    """The columns that could speak of the patient, and the salt."""
    return {name: row[name] for name in PERSONAL}


def problem_with(sequence: int, row: Any) -> str | None:
    """What is wrong with the columns of a decision, in a sentence that names it."""
    try:
        if row.personal is not None and row.removed_in is None:
            return f"Decision {row.id} (number {sequence}) was altered: it is as if its facts were removed."
        if row.digest == decision_digest(row._mapping):
            return None
        return f"Decision {row.id} (number {sequence}) was altered: its digest is not that of its content."
    except Exception as failure:
        if not unreadable(failure):
            raise
        return f"Decision number {sequence} was altered: it cannot be read."


def leaf(digest: str) -> bytes:
    """What the tree of a batch holds of a decision: the bytes of its digest."""
    return bytes.fromhex(digest.removeprefix("sha256:"))


def _digest_of_texts(members: Mapping[str, str | bool | int | None]) -> str:
    """The digest of the canonical JSON of texts, truth values and small whole numbers under plain names.

    For these, Python's own JSON is canonical too, and thirty times as fast as rfc8785; each answer waits for it.
    """
    return digest_of_bytes(json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())
