"""What was found out about a candidate, kept for as long as its very items are asked about again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

from cds.changes.candidate import Candidate

_Found = TypeVar("_Found")

_MOST = 16


class Remembered(Generic[_Found]):
    """`find` done once for the same items in the same order, whatever their versions' numbers, of the last few.

    One page of the desk asks the same of the release in force and of a draft several times, and so does the next
    page. Items are told apart by which objects they are: 1 and true are equal, and are not the same to a rule.
    """

    def __init__(self, find: Callable[[Candidate], _Found]) -> None:
        self._find = find
        self._kept: deque[tuple[Candidate, _Found]] = deque(maxlen=_MOST)
        update_wrapper(self, find)

    def __call__(self, candidate: Candidate) -> _Found:
        for other, answer in tuple(self._kept):
            if same_items(other, candidate):
                return answer
        answer = self._find(candidate)
        self._kept.appendleft((candidate, answer))
        return answer

    def has(self, candidate: Candidate) -> bool:
        """Whether it was found out already, so that asking takes no time."""
        return any(same_items(other, candidate) for other, _ in tuple(self._kept))

    def forget(self) -> None:
        """Forget everything."""
        self._kept.clear()


def remembered(find: Callable[[Candidate], _Found]) -> Remembered[_Found]:
    """`find`, which remembers what it found."""
    return Remembered(find)


def same_items(one: Candidate, other: Candidate) -> bool:
    """Whether two candidates hold the very same objects, in the same order."""
    return len(one.items) == len(other.items) and all(
        mine is theirs for mine, theirs in zip(one.items.values(), other.items.values(), strict=True)
    )
