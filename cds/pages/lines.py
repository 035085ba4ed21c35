"""The lines of a checklist: what each recommendation says there, to whom, and in which section it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from cds.pages.trying import Citation, Recommendation
from knowledge.items import Actor, Mode, RuleKind, Urgency


class Reader(StrEnum):
    PHYSICIAN = "physician"
    PATIENT = "patient"

    @property
    def other(self) -> Reader:
        return Reader.PATIENT if self is Reader.PHYSICIAN else Reader.PHYSICIAN


ACTORS: Mapping[Reader, tuple[Actor, ...]] = {
    Reader.PHYSICIAN: (),
    Reader.PATIENT: (Actor.PATIENT, Actor.CAREGIVER),
}
"""For whom to decide before a reader's checklist is made: the physician's lists what everybody is told."""


class Section(StrEnum):
    """The order is that of the page."""

    PRIORITIES = "priorities"
    TO_DO = "to_do"
    REFER = "refer"
    FOR_PATIENT = "for_patient"


@dataclass(frozen=True, slots=True)
class Item:
    """One line with a box to tick: what is `said`, and `more` where that alone would not do."""

    rule: str
    version: int
    said: str
    more: str | None
    because: tuple[str, ...]
    section: Section
    urgency: Urgency
    mode: Mode
    actors: tuple[Actor, ...]
    topic: str
    citations: tuple[Citation, ...]
    review_overdue: bool


def section_of(kind: RuleKind) -> Section:
    """Where a kind of rule stands: what comes first, whom else to ask, and everything else that somebody does."""
    match kind:
        case RuleKind.PRIORITY:
            return Section.PRIORITIES
        case RuleKind.REFERRAL_TRIGGER:
            return Section.REFER
        case (
            RuleKind.ADVICE
            | RuleKind.ASSESSMENT
            | RuleKind.CHECKLIST_ITEM
            | RuleKind.CLASSIFICATION
            | RuleKind.SCREENING_CRITERION
        ):
            return Section.TO_DO
        case _:
            assert_never(kind)


def lines_of(one: Recommendation, reader: Reader) -> Iterator[Item]:
    """The lines of one recommendation: what a patient is told stands apart, and also when others do their part."""
    kind, actors = RuleKind(one["kind"]), tuple(Actor(actor) for actor in one["actors"])
    if reader is Reader.PATIENT:
        # What is for both is for her.
        whose = (Actor.PATIENT,) if Actor.PATIENT in actors else (Actor.CAREGIVER,)
        yield _item(one, section_of(kind), whose, in_her_words=True)
        return
    told = tuple(actor for actor in actors if actor in _FOR_PATIENTS) if one["patient_may_see"] else ()
    if told:
        yield _item(one, Section.FOR_PATIENT, told, in_her_words=True)
    if others := tuple(actor for actor in actors if actor not in told):
        yield _item(one, section_of(kind), others, in_her_words=False)


def place(item: Item) -> tuple[int, int, int, int]:
    """What is equal keeps the answer's order, in which her own findings come first."""
    return (
        _SECTIONS.index(item.section),
        _URGENCIES.index(item.urgency),
        min(_ACTORS.index(actor) for actor in item.actors),
        -len(item.actors),
    )


_SECTIONS, _URGENCIES, _ACTORS = list(Section), list(Urgency), list(Actor)
_FOR_PATIENTS = frozenset(ACTORS[Reader.PATIENT])
_LIMIT_OR_SECOND_SENTENCE = re.compile("[0-9]|[.?!] [A-Z(]")


def _item(one: Recommendation, section: Section, actors: tuple[Actor, ...], *, in_her_words: bool) -> Item:
    urgency = Urgency(one["urgency"])
    text = one["text"]
    needed = urgency is Urgency.NOW or _LIMIT_OR_SECOND_SENTENCE.search(text)
    return Item(
        rule=one["rule"],
        version=one["version"],
        said=one.get("patient_text") or text if in_her_words else one["title"],
        more=text if needed and not in_her_words else None,
        because=() if in_her_words else tuple(finding["reading"] for finding in one["because"]),
        section=section,
        urgency=urgency,
        mode=Mode(one["mode"]),
        actors=actors,
        topic=one["topic"],
        citations=tuple(one["citations"]),
        review_overdue="review_overdue_since" in one,
    )
