"""One patient and her answer, set out as a page shows it. Nothing of it is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cds.deciding import Answer, Question, decide
from cds.releases import PreparedRelease
from cds.serving import Standing
from knowledge.facts import Fact
from knowledge.items import Actor, Vignette
from knowledge.model.worse import said

FIRST = "worked-cases"
"""The topic of the example patients that a newcomer sees first."""

Recommendation = Mapping[str, Any]
Citation = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """What stands under one heading, smaller groups perhaps; `count` is how many things in all."""

    name: str
    count: int
    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of a patient, and what a release says; the vignette when she is one of the examples."""

    decided: Answer
    facts: tuple[Group, ...]
    derived: tuple[str, ...]
    answer: Mapping[str, Any]
    urgencies: tuple[Group, ...]
    withheld: tuple[Group, ...]
    """The titles of withheld rules by reason, and the reasons by the title of the rule that withholds."""
    undetermined: tuple[Group, ...]
    held: int
    """How many rules are withheld: each counts once, whatever withholds it."""
    not_met: int
    numbers: Mapping[str, int]
    """The number of each source among the references."""
    references: tuple[Citation, ...]
    labels: Mapping[str, str]
    """What each fact is called."""
    vignette: Vignette | None = None


def listed(release: PreparedRelease, words: str) -> tuple[Group, ...]:
    """The example patients whose title, story, topic or key has all the words, by topic; worked cases first."""
    wanted = words.casefold().split()
    found = [one for one in release.base.vignettes.values() if all(word in _text(one) for word in wanted)]
    return _grouped(sorted(found, key=lambda one: (one.topic != FIRST, one.topic, one.title)), lambda one: one.topic)


def tried(standing: Standing, vignette: Vignette, actors: tuple[Actor, ...]) -> Tried:
    """The answer to a vignette's patient. Raises UnusableRequest or Disagreement, as decide() does."""
    question = Question(vignette.key, vignette.evaluated_at, vignette.facts, actors, with_not_met=True)
    answer = answered(standing.release, question, clinically_approved=standing.clinically_approved)
    return replace(answer, vignette=vignette)


def answered(release: PreparedRelease, question: Question, *, clinically_approved: bool) -> Tried:
    """The answer to a question that asks for what is not met too. Raises UnusableRequest or Disagreement."""
    decided = decide(release, question, clinically_approved=clinically_approved)
    answer = json.loads(decided.response)
    known, derived = decided.resolved.known, decided.resolved.derived
    facts = release.base.facts
    posted = sorted((facts[name] for name in known if name not in derived), key=_place)
    by_urgency = _grouped(answer["recommendations"], lambda one: one["urgency"])
    topics = {key: rule.topic for key, rule in release.base.rules.items()}
    cited = [one for hazard in answer["hazards"] for one in hazard.get("citations", ())]
    cited += _cited(answer["recommendations"])
    references = {one["source"]: one for one in cited}
    return Tried(
        decided=decided,
        facts=tuple(
            Group(group.name, group.count, tuple(said(fact, known[fact.key]) for fact in group.parts))
            for group in _grouped(posted, lambda fact: fact.topic)
        ),
        derived=tuple(said(facts[name], known[name]) for name in derived),
        answer=answer,
        urgencies=tuple(
            Group(group.name, group.count, _grouped(group.parts, lambda one: one["topic"])) for group in by_urgency
        ),
        withheld=_withheld(release, answer["withheld"]),
        undetermined=_grouped(answer["undetermined"], lambda one: topics[one["rule"]]),
        held=len({one["rule"] for one in answer["withheld"]}),
        not_met=len(answer["not_met"]),
        numbers={source: number for number, source in enumerate(references, start=1)},
        references=tuple(references.values()),
        labels={key: fact.label for key, fact in facts.items()},
    )


def _place(fact: Fact) -> tuple[bool, bool, bool, str, str]:
    """The patient's disease first, then her symptoms; in each topic what the content is for comes first."""
    return fact.topic != "disease", fact.topic != "symptoms", fact.population is None, fact.topic, fact.phrase


def _text(vignette: Vignette) -> str:
    return f"{vignette.title} {vignette.story} {vignette.topic} {vignette.key}".casefold()


def _grouped(things: Iterable[Any], name: Any) -> tuple[Group, ...]:
    """Things under the headings that they name, in the order in which the headings first come."""
    groups: dict[str, list[Any]] = {}
    for thing in things:
        groups.setdefault(name(thing), []).append(thing)
    return tuple(Group(key, len(parts), tuple(parts)) for key, parts in groups.items())


def _withheld(release: PreparedRelease, entries: Iterable[Mapping[str, Any]]) -> tuple[Group, ...]:
    rules = release.base.rules
    return tuple(
        Group(
            overriding.name,
            overriding.count,
            tuple(
                Group(reason.name, reason.count, tuple(rules[one["rule"]].title for one in reason.parts))
                for reason in _grouped(overriding.parts, lambda one: one["reason"])
            ),
        )
        for overriding in _grouped(entries, lambda one: release.withheld_heading(one["withheld_by"]))
    )


def _cited(recommendations: Iterable[Recommendation]) -> Iterable[Citation]:
    """Every citation in the order of reading: of each recommendation, then of what its findings follow from."""
    for one in recommendations:
        for finding in one["because"]:
            citation = finding.get("derived", {}).get("citation")
            if citation:
                yield citation
        yield from one["citations"]
