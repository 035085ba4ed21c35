"""Texts from outside that more than one reader must understand: moments, and what cannot be kept."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from knowledge.errors import WrongValue
from knowledge.labels import day
from knowledge.labels import moment as moment_said

_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# RFC 3339, the zone optional: fromisoformat alone takes any character for an end, as in "09:00:00XZ".
_MOMENT = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def moment(raw: object) -> datetime:
    """The instant that a text such as 2026-01-31T09:00:00Z names, in UTC. Raises WrongValue."""
    try:
        at = datetime.fromisoformat(raw) if isinstance(raw, str) and _MOMENT.fullmatch(raw) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None:
        raise WrongValue('This is not a moment such as "2026-01-31T09:00:00Z".')
    raise WrongValue('The time has no zone: end it with "Z" or an offset such as "+01:00".')


def moment_or_day(raw: object) -> datetime:
    """The instant that a text names; a day such as 2026-01-31 means its last one in UTC. Raises WrongValue."""
    try:
        if isinstance(raw, str) and _DAY.fullmatch(raw):
            return datetime.combine(date.fromisoformat(raw), time.max, UTC)
        return moment(raw)
    except (ValueError, WrongValue):
        raise WrongValue(
            "This is neither a day such as 2026-01-31 nor a moment with its zone such as 2026-01-31T09:00:00Z."
        ) from None


def past_moment_or_day(raw: object, now: datetime) -> datetime:
    """The instant that a text names, none to come: of the past it is known what was so. Today means now.

    Raises WrongValue.
    """
    at = moment_or_day(raw)
    if at <= now:
        return at
    if at == datetime.combine(now.astimezone(UTC).date(), time.max, UTC):
        return now
    raise WrongValue(f"{day(at) if at.date() > now.astimezone(UTC).date() else moment_said(at)} has not come yet.")


def unstorable(text: str) -> bool:
    """Whether a text holds what cannot be stored or shown: control characters or halves of a surrogate pair."""
    return _UNSTORABLE.search(text) is not None
