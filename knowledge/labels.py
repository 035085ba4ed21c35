"""How the words of closed lists, days and moments are said to people."""

from __future__ import annotations

from datetime import UTC, date, datetime

_SAID = {
    "now": "Now",
    "avoid": "To avoid",
    "exercise.mind_body": "Mind-body exercise",
    "exercise.rehabilitation": "Rehabilitation exercise",
    "cpr.discuss": "Discuss resuscitation",
    "diet.restrict": "Restrict the diet",
    "diet.enrich": "Enrich the diet",
    "diet.comfort": "Eat for comfort",
    "diet.safety": "Food safety",
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
    "vignette": "Example patient",
}


def label(word: str) -> str:
    """A word of a closed list, or the key of a topic, as a heading: `Pre-exercise screening`."""
    if word in _SAID:
        return _SAID[word]
    return word.replace("_", " ").replace("-", " ").replace(".", ": ").replace("pre ", "pre-").capitalize()


def day(at: date | datetime | str) -> str:
    """`30 June 2027`; a text is read as an ISO date."""
    at = date.fromisoformat(at) if isinstance(at, str) else at
    return f"{at.day} {at:%B %Y}"


def moment(at: datetime) -> str:
    """`30 June 2027, 09:00 UTC`."""
    at = at.astimezone(UTC)
    return f"{day(at)}, {at:%H:%M} UTC"


def second(at: datetime) -> str:
    """`30 June 2027, 09:00:07 UTC`: what is on record, to be told apart and held against other records."""
    at = at.astimezone(UTC)
    return f"{day(at)}, {at:%H:%M:%S} UTC"
