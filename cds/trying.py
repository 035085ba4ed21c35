"""One example patient and her answer, set out as a page shows it. Nothing of it is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cds.deciding import Question, decide
from cds.releases import PreparedRelease
from cds.serving import Standing
from knowledge.items import Actor, State, Vignette

FIRST = "worked-cases"
"""The topic of the example patients that a newcomer sees first."""

Recommendation = Mapping[str, Any]
Citation = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """What stands under one heading: recommendations of a topic, or topics of an urgency."""

    name: str
    count: int
    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Rules that one rule withholds for one reason."""

    by: str
    reason: str
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """A patient, what is known of her, and what the release in force says."""

    vignette: Vignette
    facts: tuple[Group, ...]
    derived: tuple[str, ...]
    answer: Mapping[str, Any]
    urgencies: tuple[Group, ...]
    withheld: tuple[Withheld, ...]
    undetermined: tuple[Group, ...]
    not_met: int
    numbers: Mapping[str, int]
    """The number of each source among the references."""
    references: tuple[Citation, ...]


def listed(release: PreparedRelease, words: str) -> tuple[Group, ...]:
    """The example patients whose title, story, topic or key has all the words, by topic; worked cases first."""
    wanted = words.casefold().split()
    found = [one for one in release.base.vignettes.values() if all(word in _text(one) for word in wanted)]
    return _grouped(sorted(found, key=lambda one: (one.topic != FIRST, one.topic, one.title)), lambda one: one.topic)


def tried(standing: Standing, vignette: Vignette, actors: tuple[Actor, ...]) -> Tried:
    """The answer to a vignette's patient. Raises UnusableRequest or Disagreement, as decide() does."""
    release = standing.release
    question = Question(vignette.key, vignette.evaluated_at, vignette.facts, actors, with_not_met=True)
    decided = decide(release, question, clinically_approved=standing.clinically_approved)
    answer = json.loads(decided.response)
    known, derived = decided.prepared.known, decided.prepared.derived
    facts = release.base.facts
    posted = sorted((facts[name] for name in known if name not in derived), key=lambda fact: fact.topic)
    by_urgency = _grouped(answer["recommendations"], lambda one: one["urgency"])
    topics = {key: rule.topic for key, rule in release.base.rules.items()}
    cited = list(_cited(answer["recommendations"]))
    references = {one["source"]: one for one in cited}
    return Tried(
        vignette=vignette,
        facts=tuple(
            Group(group.name, group.count, tuple(fact.said(known[fact.key]) for fact in group.parts))
            for group in _grouped(posted, lambda fact: fact.topic)
        ),
        derived=tuple(facts[name].said(known[name]) for name in derived),
        answer=answer,
        urgencies=tuple(
            Group(group.name, group.count, _grouped(group.parts, lambda one: one["topic"])) for group in by_urgency
        ),
        withheld=_withheld(release, answer["withheld"]),
        undetermined=_grouped(answer["undetermined"], lambda one: topics[one["rule"]]),
        not_met=list(decided.states.values()).count(State.NOT_MET) if not actors else len(answer["not_met"]),
        numbers={source: number for number, source in enumerate(references, start=1)},
        references=tuple(references.values()),
    )


def _text(vignette: Vignette) -> str:
    return f"{vignette.title} {vignette.story} {vignette.topic} {vignette.key}".casefold()


def _grouped(things: Iterable[Any], name: Any) -> tuple[Group, ...]:
    """Things under the headings that they name, in the order in which the headings first come."""
    groups: dict[str, list[Any]] = {}
    for thing in things:
        groups.setdefault(name(thing), []).append(thing)
    return tuple(Group(key, len(parts), tuple(parts)) for key, parts in groups.items())


def _withheld(release: PreparedRelease, entries: Iterable[Mapping[str, Any]]) -> tuple[Withheld, ...]:
    groups: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        groups.setdefault((entry["overridden_by"], entry["reason"]), []).append(entry["rule"])
    rules = release.base.rules
    return tuple(
        Withheld(rules[by].title, reason, tuple(rules[key].title for key in keys))
        for (by, reason), keys in groups.items()
    )


def _cited(recommendations: Iterable[Recommendation]) -> Iterable[Citation]:
    """Every citation in the order of reading: of each recommendation, then of what its findings follow from."""
    for one in recommendations:
        for finding in one["because"]:
            citation = finding.get("derived", {}).get("citation")
            if citation:
                yield citation
        yield from one["citations"]
