"""How pages say the words of closed lists, moments and digests."""

from __future__ import annotations

import json
from collections.abc import Iterable

from flask import Blueprint

from cds.writing import instant
from knowledge.facts import plain
from knowledge.labels import day, label, moment, second

_NOTICED = {
    "not_clinically_approved": "Not yet clinically approved.",
    "outside_population": "Not for this patient.",
    "population_assumed": "Assumed.",
    "too_old": "Too old to count.",
    "disagreement": "Observations disagree.",
    "contradiction": "This does not fit together.",
    "follows_differently": "This does not fit together.",
    "cannot_both_be": "This cannot both be.",
    "superseded": "Newer findings count.",
    "not_asserted_by": "Not theirs to state.",
    "retracted": "Taken back.",
    "assumed": "Assumed.",
    "set_aside": "Not usable.",
    "may_be_withheld": "Check first.",
    "hazard_not_excluded": "Check for danger first.",
    "review_overdue": "Overdue for review.",
}
_COLORS = {"now": "now", "this_visit": "visit", "ongoing": "ongoing"}


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


def short(digest: str) -> str:
    """The beginning of a digest, enough to tell two apart by eye."""
    name, _, hexadecimal = digest.rpartition(":")
    return f"{name}:{hexadecimal[:12]}" if name else hexadecimal[:12]


def noticed(problem: str) -> str:
    """What a notice in an answer is about, in a word or two."""
    return _NOTICED.get(problem, "Please note.")


def color(urgency: str) -> str:
    """The style sheet's name for an urgency."""
    return _COLORS.get(urgency, "ongoing")


def offer_to(blueprint: Blueprint) -> None:
    """Make these filters of every template."""
    for said in (label, listed, sentence, count, day, moment, second, short, color, noticed, plain):
        blueprint.add_app_template_filter(said, said.__name__)
    blueprint.add_app_template_filter(instant, "utc")
    blueprint.add_app_template_filter(json.loads, "fromjson")
    blueprint.add_app_template_filter(lambda choices: [choice[:2] for choice in choices], "pairs")
