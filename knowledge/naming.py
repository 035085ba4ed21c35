"""What people and keys are called: names that a reader can tell apart and say."""

from __future__ import annotations

import unicodedata

from knowledge.errors import KnowledgeError

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""The categories of characters that show nothing, or nothing that can be told apart."""


class BadName(KnowledgeError):
    """The text cannot be a name."""


def proper(text: str, longest: int, *, otherwise: str) -> str:
    """A name as it is kept: one form for each letter, single blanks, at most `longest` characters.

    Raises BadName; with the words of `otherwise` when no letter or digit is in it.
    """
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not any(letter.isalnum() for letter in name):
        raise BadName(otherwise)
    if len(name) > longest:
        raise BadName(f"This has {len(name)} characters; there is room for {longest}.")
    if any(unicodedata.category(letter) in _UNSEEN for letter in name):
        raise BadName("This holds a character that cannot be seen: type it by hand.")
    return name


def folded(name: str) -> str:
    """What two names have in common that nobody should have to tell apart."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", " ".join(name.split())).casefold())
