"""An answer as a checklist on paper: one for the physician, one for the patient and whoever cares for her.

It is laid out as the review's Table 2 is (doi:10.1200/OP.20.00622): priorities, to do, refer, for the patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Response, render_template

from cds.pages.lines import ACTORS, Item, Reader, lines_of, place
from cds.pages.trying import Citation
from cds.releases import PreparedRelease
from knowledge.items import Urgency
from knowledge.model.worse import Known, said

__all__ = [
    "ACTORS",
    "Checklist",
    "Group",
    "Reader",
    "checklist_of",
    "checklist_page",
    "known_in_words",
    "reader_named",
]

MOST_ASKED_FOR = 12
"""How many of the lacking facts are listed."""


def reader_named(word: str | None) -> Reader | None:
    """The reader that an address asks for, the physician when it asks for nobody; None for any other word."""
    return Reader.PHYSICIAN if not word else Reader(word) if word in list(Reader) else None


@dataclass(frozen=True, slots=True)
class Group:
    """What stands under one heading, smaller groups perhaps; `count` is how many things in all."""

    name: Any
    count: int
    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """What stands on the paper. `sections` holds urgencies, they hold actors, they hold topics, and they hold items."""

    reader: Reader
    urgencies: tuple[Urgency, ...]
    """Those that occur."""
    count: int
    now: tuple[Item, ...]
    sections: tuple[Group, ...]
    withheld: tuple[Group, ...]
    """The titles of withheld rules by the title of the rule that withholds, and by the reason."""
    held: int
    withheld_entries: tuple[Mapping[str, Any], ...]
    """Each withholding as the answer has it."""
    undetermined: tuple[Group, ...]
    undecided: int
    missing: tuple[Mapping[str, Any], ...]
    hazards: tuple[Mapping[str, Any], ...]
    """Those that are present."""
    undetermined_hazards: tuple[Mapping[str, Any], ...]
    notices: tuple[Mapping[str, Any], ...]
    set_aside: int
    """How many observations are too old or disagree; the patient is told no more of them."""
    set_aside_urgently: bool
    """Whether one of them touches a fact on which a hazard or something urgent turns."""
    clinically_approved: bool
    numbers: Mapping[str, int]
    references: tuple[Citation, ...]


def checklist_of(release: PreparedRelease, answer: Mapping[str, Any], reader: Reader) -> Checklist:
    """The checklist for a reader from an answer that was decided for ACTORS[reader].

    Raises ValueError for a patient's checklist from an answer that holds what a patient may not see.
    """
    given = answer["recommendations"]
    if reader is Reader.PATIENT and not all(one["patient_may_see"] for one in given):
        raise ValueError("Decide for patient and caregiver first: this answer is not for their eyes.")
    items = sorted((item for one in given for item in lines_of(one, reader)), key=place)
    now = tuple(item for item in items if item.urgency is Urgency.NOW)
    later = [item for item in items if item.urgency is not Urgency.NOW]
    sections = _nested(later, *_LEVELS)
    references = {one["source"]: one for hazard in answer["hazards"] for one in hazard.get("citations", ())}
    references |= {one["source"]: one for item in (*now, *_leaves(sections)) for one in item.citations}
    notices, unsaid = _notices(answer["notices"], reader)
    topics = {key: rule.topic for key, rule in release.base.rules.items()}
    return Checklist(
        reader=reader,
        urgencies=tuple(urgency for urgency in Urgency if any(item.urgency is urgency for item in items)),
        count=len(given),
        now=now,
        sections=sections,
        withheld=_withheld(release, answer["withheld"]),
        held=len({one["rule"] for one in answer["withheld"]}),
        withheld_entries=tuple(answer["withheld"]),
        undetermined=_nested(answer["undetermined"], lambda one: topics[one["rule"]]),
        undecided=len(answer["undetermined"]),
        missing=tuple(answer["missing_facts"][:MOST_ASKED_FOR]),
        hazards=tuple(answer["hazards"]),
        undetermined_hazards=tuple(answer["undetermined_hazards"]),
        notices=notices,
        set_aside=len(unsaid),
        set_aside_urgently=any(one["urgent"] for one in unsaid),
        clinically_approved=all(one["code"] != "not_clinically_approved" for one in answer["notices"]),
        numbers={source: number for number, source in enumerate(references, start=1)},
        references=tuple(references.values()),
    )


def checklist_page(
    release: PreparedRelease,
    answer: Mapping[str, Any],
    reader: Reader,
    *,
    title: str,
    subject: str | None,
    evaluated_at: datetime,
    known: Sequence[str] = (),
    way_back: tuple[str, str] | None = None,
    other: str | None = None,
    said_first: Sequence[str] = (),
    render: Callable[..., str] = render_template,
    layout: str = "layout.html",
) -> Response:
    """The page of a checklist.

    `known` are the facts in words; `way_back` is the address and name of the page that it belongs to, `other` the
    address of the other reader's checklist; `said_first` are notices of the caller's own. The desk gives its own
    `render` and `layout`.
    """
    html = render(
        "pages/checklist.html",
        layout=layout,
        release=release,
        checklist=checklist_of(release, answer, reader),
        decision=answer["decision_id"],
        title=title,
        subject=subject,
        evaluated_at=evaluated_at,
        known=known,
        way_back=way_back,
        other=other,
        said_first=said_first,
    )
    return Response(html, content_type="text/html; charset=utf-8")


def known_in_words(release: PreparedRelease, known: Mapping[str, Known]) -> tuple[str, ...]:
    """What is known, each fact in words, by topic."""
    facts = sorted((release.base.facts[key] for key in known), key=lambda fact: (fact.topic != "disease", fact.topic))
    return tuple(said(fact, known[fact.key]) for fact in facts)


_LEVELS: tuple[Callable[[Item], Any], ...] = (
    lambda item: item.section,
    lambda item: item.urgency,
    lambda item: item.actors,
    lambda item: item.topic,
)
_OF_THE_POPULATION = frozenset({"outside_population", "population_assumed"})


def _nested(things: Iterable[Any], *names: Callable[[Any], Any]) -> tuple[Group, ...]:
    """Things under headings, and under smaller headings, each in the order in which the headings first come."""
    groups: dict[Any, list[Any]] = {}
    for thing in things:
        groups.setdefault(names[0](thing), []).append(thing)
    return tuple(
        Group(name, len(parts), _nested(parts, *names[1:]) if names[1:] else tuple(parts))
        for name, parts in groups.items()
    )


def _leaves(groups: Iterable[Any]) -> Iterator[Item]:
    for one in groups:
        if isinstance(one, Group):
            yield from _leaves(one.parts)
        else:
            yield one


def _withheld(release: PreparedRelease, entries: Iterable[Mapping[str, Any]]) -> tuple[Group, ...]:
    rules = release.base.rules
    titles = [
        (release.withheld_heading(one["withheld_by"]), one["reason"], rules[one["rule"]].title) for one in entries
    ]
    return tuple(
        replace(by, parts=tuple(replace(why, parts=tuple(title for *_, title in why.parts)) for why in by.parts))
        for by in _nested(titles, lambda one: one[0], lambda one: one[1])
    )


def _notices(
    notices: Sequence[Mapping[str, Any]], reader: Reader
) -> tuple[tuple[Mapping[str, Any], ...], tuple[Mapping[str, Any], ...]]:
    """The notices for a reader, and those that stay unsaid: a patient is not told which observation was set aside."""
    if reader is Reader.PHYSICIAN:
        return tuple(notices), ()
    shown = tuple(one for one in notices if not one["facts"] or one["code"] in _OF_THE_POPULATION)
    return shown, tuple(one for one in notices if one not in shown)
