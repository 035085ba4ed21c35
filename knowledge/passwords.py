"""Passwords: what a good one is, making one, and keeping none of them but as an argon2 hash."""

from __future__ import annotations

import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from knowledge.errors import KnowledgeError

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
_FEWEST_DIFFERENT = 5

# Neither 0 and o nor 1, i and l: it may have to be read aloud.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

_HASHER = PasswordHasher()


class WeakPassword(KnowledgeError):
    """The password is too easily found, or too long."""


def good(password: str, name: str) -> str:
    """The password, when the person of that name may have it. Raises WeakPassword."""
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(f"A password has at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise WeakPassword(f"A password has at most {LONGEST_PASSWORD} characters.")
    if len(set(password)) < _FEWEST_DIFFERENT:
        raise WeakPassword(f"A password has at least {_FEWEST_DIFFERENT} different characters.")
    if password.casefold() == name.casefold():
        raise WeakPassword("A password is not the name of the account.")
    return password


def made_up() -> str:
    """A password of 20 random letters and digits (99 bits) in groups to be read by."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def hashed(password: str) -> str:
    return _HASHER.hash(_typed(password))


def fits(kept: str | None, password: str) -> bool:
    """Whether a hash is the password's; takes as long when there is none."""
    try:
        return _HASHER.verify(kept or _NOBODY, _typed(password)) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than new ones are."""
    return _HASHER.check_needs_rehash(kept)


def usable(kept: str) -> bool:
    """Whether anybody can have the password of a hash."""
    return kept.startswith("$argon2")


def _typed(password: str) -> bytes:
    # One keyboard sends é as one character, another as two.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


_NOBODY = _HASHER.hash("nobody has this password")
