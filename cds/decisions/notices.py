"""What the reader of an answer must be told beside the recommendations, each with a code that never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

CODES: Mapping[str, str] = {
    "outside_population": "No rule applies, since the content is not for this patient.",
    "disagreement": "Sources disagree within the agreement window; the worse value counts. Ask again now.",
    "contradiction": "What was posted and what follows from the rest differ at the same time; the worse counts.",
    "superseded": "What was posted and what follows differ, and one of them is newer; the newer counts.",
    "follows_differently": "What is known leads to different values of one fact; the worse counts.",
    "cannot_both_be": "What is known cannot all be true; the notice says what counts as not known until then.",
    "not_asserted_by": "Who said it may not state it; it does not count.",
    "retracted": "The source took its earlier values back; they do not count.",
    "too_old": "The newest observation is too old; the fact counts as not known.",
    "assumed": "The worst is assumed as long as something else is not known. Ask for that.",
    "set_aside": "A value could not be used and was set aside, as the request asked.",
    "population_assumed": "Whether the content is for this patient is not known; the answer assumes it.",
    "not_clinically_approved": "No person has approved the release yet.",
    "hazard_not_excluded": "Something recommended would be withheld if a hazard were present that may be.",
    "may_be_withheld": "Something recommended would be withheld if a rule applied that may apply.",
    "review_overdue": "Rules or sources of the answer are past their review date.",
}
"""Every code that a notice can have, and what it says. The list is closed: apps decide by it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be told: what it is about, and what to do.

    `facts` are the facts that it is about, none where it is about the whole answer. An urgent notice touches a fact
    that a hazard or a rule of urgency `now` reads; it comes first in the answer.
    """

    code: str
    detail: str
    facts: tuple[str, ...] = ()
    urgent: bool = False


def urgent_first(notices: Iterable[Notice], urgent_facts: Set[str]) -> list[Notice]:
    """Notices about facts, those that touch an urgent fact marked and put first; the order is kept otherwise."""
    marked = [one if urgent_facts.isdisjoint(one.facts) else replace(one, urgent=True) for one in notices]
    return sorted(marked, key=lambda one: not one.urgent)
