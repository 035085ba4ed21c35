"""What was found out about a candidate, kept for as long as its very items are asked about again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from cds.changes.candidate import Candidate

_Found = TypeVar("_Found")

_MOST = 16


def remembered(find: Callable[[Candidate], _Found]) -> Callable[[Candidate], _Found]:
    """`find` done once for the same items in the same order, whatever their versions' numbers, of the last few.

    One page of the desk asks the same of the release in force and of a draft several times, and so does the next
    page. Items are told apart by which objects they are: 1 and true are equal, and are not the same to a rule.
    """
    kept: deque[tuple[Candidate, _Found]] = deque(maxlen=_MOST)

    @wraps(find)
    def found(candidate: Candidate) -> _Found:
        for other, answer in tuple(kept):
            if same_items(other, candidate):
                return answer
        answer = find(candidate)
        kept.appendleft((candidate, answer))
        return answer

    return found


def same_items(one: Candidate, other: Candidate) -> bool:
    """Whether two candidates hold the very same objects, in the same order."""
    return len(one.items) == len(other.items) and all(
        mine is theirs for mine, theirs in zip(one.items.values(), other.items.values(), strict=True)
    )
