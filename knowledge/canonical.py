"""One text for one value, so that a digest speaks for it: canonical JSON (RFC 8785) and SHA-256."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import rfc8785

from knowledge.errors import KnowledgeError


class NotCanonical(KnowledgeError):
    """A value that canonical JSON cannot hold: a date, a set, NaN, a whole number from 2^53 on."""


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value (RFC 8785), in UTF-8. Raises NotCanonical."""
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as problem:
        raise NotCanonical(f"This cannot be stored: {problem}. Write it as text instead.") from problem


def digest(value: Any) -> str:
    """`sha256:` and the hexadecimal SHA-256 of the canonical JSON of a value. Raises NotCanonical."""
    return digest_of_bytes(canonical(value))


def digest_of_bytes(data: bytes) -> str:
    """`sha256:` and the hexadecimal SHA-256 of the bytes as they are."""
    return f"sha256:{sha256(data).hexdigest()}"


def instant(at: datetime) -> str:
    """The one text of a moment that enters a digest: `2026-01-31T09:00:00.000000Z`."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no zone; give an aware moment.")
    at = at.astimezone(UTC).replace(tzinfo=None)
    if at.year < 1000:
        # As it was always written: without zeros before such a year, with which some versions of Python write %Y.
        return f"{at.year}-{at:%m-%dT%H:%M:%S.%f}Z"
    return f"{at.isoformat(timespec='microseconds')}Z"
