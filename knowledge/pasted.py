"""What people paste out of Word, mails and web pages, without the characters that nobody sees."""

from __future__ import annotations

import unicodedata

_LINES = "\r\v\f\x85\u2028\u2029"
"""Ends of a line: Word pastes a line break within a paragraph as `\\v`."""

_NON_BREAKING_HYPHEN = "\x1e"
"""As Word has it in its plain text; its optional hyphen, `\\x1f`, shows only where a line breaks."""

_UNSEEN = (
    "\u00ad\u034f\u061c\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f"
    "\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069\ufeff\ufff9\ufffa\ufffb"
)
"""Of no width: optional hyphens, joiners, marks of direction (which can show another order), byte order marks."""


def plain_text(text: str) -> str:
    """The text with `\\n` for every line's end and a plain space for every other blank, and nothing else invisible.

    Letters, typographic quotation marks, dashes and signs such as ≥ stay as they are. Once is enough:
    `plain_text(plain_text(text)) == plain_text(text)`.
    """
    return "".join(map(_plain, text.replace("\r\n", "\n")))


def _plain(character: str) -> str:
    if character == "\n" or (character.isascii() and character.isprintable()):
        return character
    if character in _LINES:
        return "\n"
    if character == _NON_BREAKING_HYPHEN:
        return "-"
    if character in _UNSEEN:
        return ""
    match unicodedata.category(character):
        case "Zs":
            return " "
        case "Cc" if character == "\t":
            return " "
        case "Cc" | "Cs":
            return ""
        case _:
            return character
