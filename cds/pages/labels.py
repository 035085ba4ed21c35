"""How pages say the words of closed lists, moments and digests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime

from flask import Blueprint

from knowledge.facts import plain

_SAID = {
    "this_visit": "At this visit",
    "do": "To do",
    "offer": "To offer",
    "option": "An option",
    "classify": "A classification",
    "context": "Background",
    "org": "For the organization",
    "priority": "Priorities",
    "worked-cases": "Worked cases",
    "external": "Criteria from other sources",
}
_COLORS = {"now": "now", "this_visit": "visit", "ongoing": "ongoing"}


def label(word: str) -> str:
    """A word of a closed list, or the key of a topic, as a heading: `Pre-exercise screening`."""
    if word in _SAID:
        return _SAID[word]
    return word.replace("_", " ").replace("-", " ").replace("pre ", "pre-").capitalize()


def listed(words: Iterable[str]) -> str:
    """Words of a closed list within a sentence: `oncologist, patient and caregiver`."""
    *first, last = [label(word).lower() for word in words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def sentence(text: str) -> str:
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def count(number: int, one: str, several: str | None = None) -> str:
    """`1 rule`, `2 rules`."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def day(at: date | datetime | str) -> str:
    """`30 June 2027`; a text is read as an ISO date."""
    at = date.fromisoformat(at) if isinstance(at, str) else at
    return f"{at.day} {at:%B %Y}"


def moment(at: datetime) -> str:
    """`30 June 2027, 09:00 UTC`."""
    at = at.astimezone(UTC)
    return f"{day(at)}, {at:%H:%M} UTC"


def short(digest: str) -> str:
    """The beginning of a digest, enough to tell two apart by eye."""
    name, _, hexadecimal = digest.rpartition(":")
    return f"{name}:{hexadecimal[:12]}" if name else hexadecimal[:12]


def color(urgency: str) -> str:
    """The style sheet's name for an urgency."""
    return _COLORS.get(urgency, "ongoing")


def offer_to(blueprint: Blueprint) -> None:
    """Make these filters of every template."""
    for said in (label, listed, sentence, count, day, moment, short, color, plain):
        blueprint.add_app_template_filter(said, said.__name__)
    blueprint.add_app_template_filter(json.loads, "fromjson")
    blueprint.add_app_template_filter(lambda choices: [choice[:2] for choice in choices], "pairs")
