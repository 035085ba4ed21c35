"""Everything that can be wrong with knowledge, in sentences that tell the reader what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_LONGEST_WORD = 100


class KnowledgeError(Exception):
    """The text is a sentence for the person who made the change."""


class WrongValue(KnowledgeError):
    """A value that a fact cannot have; `suggestion` is the nearest value that it can."""

    def __init__(self, detail: str, suggestion: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class ConditionProblem:
    """One thing that is wrong in the text of a condition; line and column count from 1."""

    line: int
    column: int
    detail: str
    suggestion: str | None = None

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}: {self.detail}"


class ConditionError(KnowledgeError):
    """The text of a condition does not stand; every problem found in it is in `problems`."""

    def __init__(self, problems: Iterable[ConditionProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class PatientProblem:
    """One thing that is wrong in the text of a patient's facts; lines count from 1."""

    line: int
    detail: str
    suggestion: str | None = None

    def __str__(self) -> str:
        return f"Line {self.line}: {self.detail}"


class PatientError(KnowledgeError):
    """The text of a patient's facts does not stand; every problem found in it is in `problems`."""

    def __init__(self, problems: Iterable[PatientProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class ContentProblem:
    """One thing that is wrong with an item; `field` is a path such as `citations.0.source`."""

    kind: str
    key: str
    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind} {self.key}, {self.field}: {self.detail}"


class ContentError(KnowledgeError):
    """Items that cannot be taken in; every problem found is in `problems`."""

    def __init__(self, problems: Iterable[ContentProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def short(text: str, longest: int = 60) -> str:
    """A reader's own words, cut so that they fit into a sentence."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def printable(text: str) -> str:
    """A reader's own words with an escape such as `\\x00` for each character that cannot be shown or written."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was most likely meant to be, or None when none is near."""
    if len(word) > _LONGEST_WORD:
        return None
    known = list(known)
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return close[0]
    beginnings = sorted(name for name in known if len(word) >= 3 and name.startswith(word))
    return beginnings[0] if beginnings else None
