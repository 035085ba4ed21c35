"""Zones in which calendar days are counted, by the name of the zone or by an offset."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knowledge.errors import WrongValue

UTC_NAME = "UTC"
_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo:
    """The zone of a name such as Asia/Tokyo, or of an offset such as +09:00. Raises WrongValue."""
    if name == UTC_NAME:
        return UTC
    if found := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-offset if found[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongValue(
            f"{name!r} is no time zone: write a name such as Europe/Berlin or an offset such as +01:00."
        ) from None


def offset_in(moment: str) -> str | None:
    """The offset at the end of a moment such as 2026-01-31T09:00:00+09:00; None for Z and -00:00, which state none.

    RFC 9557, 2.2: Z says that the time is known in UTC and the local offset is not, as -00:00 does (RFC 3339, 4.3).
    """
    end = moment[-6:]
    return end if _OFFSET.fullmatch(end) and end != "-00:00" else None
