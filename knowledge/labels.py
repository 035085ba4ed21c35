"""How the words of closed lists, days and moments are said to people."""

from __future__ import annotations

from datetime import UTC, date, datetime

_SAID = {
    "now": "Now",
    "avoid": "To avoid",
    "exercise.vigorous": "Vigorous exercise",
    "exercise.mind_body": "Mind-body exercise",
    "exercise.rehabilitation": "Rehabilitation exercise",
    "activity.pace": "Pace activity",
    "bodywork.massage": "Massage",
    "bodywork.acupuncture": "Acupuncture",
    "oxygen.long_term": "Long-term oxygen",
    "oxygen.untargeted": "Oxygen without a target range",
    "fatigue_drugs": "Drugs against fatigue",
    "treat_cause": "Treat the cause",
    "emergency.act": "Act in an emergency",
    "emergency.exclude": "Exclude an emergency",
    "cpr.discuss": "Discuss resuscitation",
    "life_support.discuss": "Discuss life support",
    "end_of_life.discuss": "Discuss the end of life",
    "prognosis.discuss": "Discuss the prognosis",
    "goals.discuss": "Discuss goals",
    "surrogate": "Name a surrogate",
    "refer.palliative": "Refer to palliative care",
    "refer.hospice": "Refer to hospice care",
    "refer.pain": "Refer to pain care",
    "refer.mental_health": "Refer to mental health care",
    "refer.chaplain": "Refer to a chaplain",
    "refer.integrative": "Refer to integrative care",
    "refer.fatigue": "Refer for fatigue",
    "self_care": "Self-care",
    "self_monitor": "Self-monitoring",
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


_FAMILIES = {"evaluate": "Evaluate {}", "refer": "Refer to {}", "support": "{} support"}
"""How the actions of these families are said, where they have no words of their own."""


def label(word: str) -> str:
    """A word of a closed list, or the key of a topic, as a heading: `Pre-exercise screening`."""
    if word in _SAID:
        return _SAID[word]
    verb, _, whom = word.partition(".")
    if whom and verb in _FAMILIES:
        return _FAMILIES[verb].format(whom.replace("_", " ")).capitalize()
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
