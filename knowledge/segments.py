"""Two texts, word by word: what they share, what the first has alone, and what the second has alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import takewhile

_WORD = re.compile(r"\s+|\w+(?:[-.:/'’]\w+)*|[<>=!]+|[^\w\s]")
"""Every character is in one of these: blanks, a word or number, an operator, a mark."""

MOST_PAIRS = 30_000
"""Where more pairs of words are equal, as in a text of one word a thousand times, to compare would take minutes."""


class Mark(StrEnum):
    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text, and in which of the two it stands."""

    mark: Mark
    text: str


def segments(before: str | None, after: str | None) -> tuple[Segment, ...]:
    """The two texts in one: same and removed make up `before`, same and added make up `after`, to the letter."""
    old, new = _WORD.findall(before or ""), _WORD.findall(after or "")
    first = _shared(old, new)
    last = _shared(old[first:][::-1], new[first:][::-1])
    shared, tail = old[:first], old[len(old) - last :]
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    steps = [("equal", shared, shared), *_steps(old, new), ("equal", tail, tail)]
    return tuple(_joined(_without_lone_blanks([(tag, "".join(a), "".join(b)) for tag, a, b in steps if a or b])))


def _shared(old: list[str], new: list[str]) -> int:
    """With how many equal words both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def _steps(old: list[str], new: list[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """How one list of words becomes the other."""
    counted = Counter(new)
    if sum(counted[word] for word in old if not word.isspace()) > MOST_PAIRS:
        yield "replace", old, new
        return
    # Blanks match only beside words that do: else they would be found everywhere.
    for tag, a, b, c, d in SequenceMatcher(str.isspace, old, new, autojunk=False).get_opcodes():
        yield tag, old[a:b], new[c:d]


def _without_lone_blanks(steps: list[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """The steps, with a blank between two changed words taken into the change."""
    for place, (tag, old, new) in enumerate(steps):
        inside = 0 < place < len(steps) - 1
        yield ("replace", old, new) if tag == "equal" and inside and old.isspace() else (tag, old, new)


def _joined(steps: Iterable[tuple[str, str, str]]) -> Iterator[Segment]:
    old = new = ""
    for tag, removed, added in steps:
        if tag != "equal":
            old, new = old + removed, new + added
            continue
        yield from _changed(old, new)
        old = new = ""
        if removed:
            yield Segment(Mark.SAME, removed)
    yield from _changed(old, new)


def _changed(old: str, new: str) -> Iterator[Segment]:
    if old:
        yield Segment(Mark.REMOVED, old)
    if new:
        yield Segment(Mark.ADDED, new)
