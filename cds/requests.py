"""What can be wrong with a request, and the texts in it that more than one reader must understand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MOST_SUGGESTIONS = 50
"""Finding the nearest name takes a millisecond: the first problems of a request get one, a flood does not."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far a sender's clock may run ahead before a moment counts as lying in the future."""

_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# RFC 3339, the zone optional: fromisoformat alone takes any character for an end, as in "09:00:00XZ".
_MOMENT = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


@dataclass(frozen=True, slots=True)
class RequestProblem:
    """One thing that is wrong with a request; `pointer` is a JSON pointer (RFC 6901) into it."""

    pointer: str
    detail: str
    suggestion: str | None = None


class UnusableRequest(Exception):
    """The request cannot be answered; every problem found in it is in `problems`."""

    def __init__(self, problems: Iterable[RequestProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.pointer}: {problem.detail}" for problem in self.problems))


def moment(raw: object, pointer: str, problems: list[RequestProblem]) -> datetime | None:
    """The instant that a text such as 2026-01-31T09:00:00Z names, in UTC; None when it names none."""
    try:
        at = datetime.fromisoformat(raw) if isinstance(raw, str) and _MOMENT.fullmatch(raw) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None:
        problems.append(RequestProblem(pointer, 'This is not a moment such as "2026-01-31T09:00:00Z".'))
    else:
        problems.append(RequestProblem(pointer, 'The time has no zone: end it with "Z" or an offset such as "+01:00".'))
    return None


def unstorable(text: str) -> bool:
    """Whether a text holds what cannot be stored or shown: control characters or halves of a surrogate pair."""
    return _UNSTORABLE.search(text) is not None


def escaped(name: str) -> str:
    """A name as a part of a JSON pointer."""
    shown = name if len(name) <= 100 else f"{name[:99]}…"
    return shown.encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")
