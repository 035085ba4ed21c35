"""What the reader of an answer must be told beside the recommendations, each with a code that never changes."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace


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
