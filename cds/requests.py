"""What can be wrong with a request, and the texts in it that more than one reader must understand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from knowledge import received
from knowledge.errors import WrongValue
from knowledge.received import unstorable as unstorable

MOST_SUGGESTIONS = 50
"""Finding the nearest name takes a millisecond: the first problems of a request get one, a flood does not."""

BEYOND_COLUMNS = 2**31
"""From here on a number fits no column, so nothing is stored under it."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far a sender's clock may run ahead before a moment counts as lying in the future."""


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
        return received.moment(raw)
    except WrongValue as problem:
        problems.append(RequestProblem(pointer, problem.detail))
        return None


def escaped(name: str) -> str:
    """A name as a part of a JSON pointer."""
    shown = name if len(name) <= 100 else f"{name[:99]}…"
    return shown.encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")
