"""What the reader of an answer must be told beside it: for whom the content is, how far it stands, what may yet go."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from datetime import date

from cds.decisions.notices import Notice
from cds.decisions.withholding import Outcomes
from cds.overdue import NOTHING, Overdue
from cds.releases import PreparedRelease, only_patients
from cds.telling import Told
from knowledge.facts import Facts
from knowledge.items import Actor, HazardState, ItemKind, Rule, Source, State
from knowledge.model.hazards import Hazard
from knowledge.reasoning import reading

_CHECK_FOR_PATIENTS = "Your care team still has to check some things that may change this advice. Ask them first."
_REVIEW_FOR_PATIENTS = "Some of this advice is due to be checked again. Ask your care team whether it still holds."
_MOST_WANTED = 5
"""How many lacking facts a notice names."""

_MOST_NAMED = 5
"""How many rules, and how many sources, a notice names that are past their review date."""

# Looked up for each answer, and an enum's members are slow to reach.
_RECOMMENDED, _WITHHELD, _UNDETERMINED = State.RECOMMENDED, State.WITHHELD, State.UNDETERMINED
_PRESENT = HazardState.PRESENT


def of_population(release: PreparedRelease, known: Facts) -> tuple[bool, list[Notice]]:
    """Whether the patient is outside the population that the content is for, and what the answer says of it."""
    notices: list[Notice] = []
    outside = False
    for key, condition in release.population.items():
        wanted = release.population_in_words[key]
        match reading(condition, known):
            case False:
                outside = True
                said = release.base.facts[key].said(known.get(key))
                detail = f"No rule applies, since what was posted says: {said}. The content is for: {wanted}."
                notices.append(Notice("outside_population", detail, (key,)))
            case None:
                detail = f"Not known; the answer assumes what the content is for: {wanted}."
                notices.append(Notice("population_assumed", detail, (key,)))
            case True:
                pass
    return outside, notices


def of_approval(release: PreparedRelease, clinically_approved: bool) -> Iterator[Notice]:
    """That no clinician has approved the content yet."""
    if not clinically_approved:
        imported = "was imported and " if release.imported else ""
        detail = f"Release {release.number} {imported}is not yet clinically approved by a person."
        yield Notice("not_clinically_approved", detail)


def of_what_may_be_withheld(
    release: PreparedRelease, actors: tuple[Actor, ...], came: Outcomes, told: Mapping[str, Told]
) -> Iterator[Notice]:
    """What is recommended only because nobody knows whether a hazard is present, or a rule that overrides applies."""
    shown = {entry.key for entry in release.asked_for(actors) if came.rules[entry.key] is _RECOMMENDED}
    notices = [*_of_hazards(release, came, told, shown), *_of_overrides(release, came, told, shown)]
    if notices and only_patients(actors):
        yield Notice("may_be_withheld", _CHECK_FOR_PATIENTS)
    else:
        yield from notices


def _of_hazards(
    release: PreparedRelease, came: Outcomes, told: Mapping[str, Told], shown: Set[str]
) -> Iterator[Notice]:
    """One notice for all hazards of which it is not known whether they are present: else nobody would read them."""
    open_ = [
        release.hazards[key]
        for key, state in came.hazards.items()
        if state is HazardState.UNDETERMINED and not shown.isdisjoint(release.hazards[key].forbidden)
    ]
    if not open_:
        return
    at_stake = shown & {rule for entry in open_ for rule in entry.forbidden}
    lacking = tuple(dict.fromkeys(fact for entry in open_ for fact in told[entry.condition].missing))
    titles = [entry.hazard.title for entry in open_]
    detail = (
        f"{_how_many(len(at_stake))} would be withheld if a hazard were present that is not known to be absent: "
        f"{_first(titles, '; ')}. Ask for: {_first([release.base.facts[name].label for name in lacking])}."
    )
    yield Notice("hazard_not_excluded", detail, lacking)


def _of_overrides(
    release: PreparedRelease, came: Outcomes, told: Mapping[str, Told], shown: Set[str]
) -> Iterator[Notice]:
    undecided = [one for one in release.overriding if came.rules[one.rule] is _UNDETERMINED]
    deciding = [one for one in release.overriding if came.rules[one.rule] is _RECOMMENDED]
    for overriding in undecided:
        count = len(shown & overriding.withholds.keys())
        if not count or any(overriding.rule in one.withholds for one in deciding):
            continue
        rule = release.rules[overriding.rule]
        lacking = told[rule.condition].missing
        detail = (
            f"{_how_many(count)} would be withheld if “{rule.rule.title}” applied. "
            f"It is not decided for want of: {_first([release.base.facts[name].label for name in lacking])}."
        )
        yield Notice("may_be_withheld", detail, lacking)


def _how_many(count: int) -> str:
    return "One of the recommendations" if count == 1 else f"{count} of the recommendations"


def _first(names: Collection[str], between: str = ", ") -> str:
    """The first few names, and how many more there are."""
    shown = list(names)[:_MOST_WANTED]
    further = f" and {len(names) - _MOST_WANTED} more" if len(names) > _MOST_WANTED else ""
    return f"{between.join(shown)}{further}"


def of_reviews(
    release: PreparedRelease,
    actors: tuple[Actor, ...],
    came: Outcomes,
    told: Mapping[str, Told],
    overdue: Overdue,
) -> Iterator[Notice]:
    """That rules or hazards of this answer, or sources that they cite, are past their review."""
    if overdue is NOTHING:
        return
    rules: set[str] = set()
    sources: set[str] = set()
    for_patients = only_patients(actors)
    for entry in release.asked_for(actors):
        state = came.rules[entry.key]
        if state is _RECOMMENDED:
            rules.add(entry.key)
            sources.update(overdue.cited.get(entry.key, ()), told[entry.condition].sources)
        elif state is _WITHHELD and not for_patients:
            rules.update(by.key for by in came.withheld[entry.key] if by.kind is ItemKind.RULE)
    hazards = {key for key, state in came.hazards.items() if state is _PRESENT}
    for key in hazards:
        sources.update(overdue.cited_by_hazards.get(key, ()), told[release.hazards[key].condition].sources)
    base = release.base
    said = [
        _named("1 rule of this answer is", "{} rules of this answer are", rules, overdue.rules, base.rules),
        _named("1 hazard of this answer is", "{} hazards of this answer are", hazards, overdue.hazards, base.hazards),
        _named("1 source that it cites is", "{} sources that it cites are", sources, overdue.sources, base.sources),
    ]
    if any(said):
        detail = _REVIEW_FOR_PATIENTS if for_patients else " ".join(part for part in said if part)
        yield Notice("review_overdue", detail)


def _named(
    one: str,
    several: str,
    used: Set[str],
    overdue: Mapping[str, date],
    items: Mapping[str, Rule] | Mapping[str, Hazard] | Mapping[str, Source],
) -> str:
    """How many of what was used are past their review date, and which; nothing when none is."""
    late = [key for key in overdue if key in used]
    if not late:
        return ""
    named = ", ".join(f"“{items[key].title}” ({overdue[key]})" for key in late[:_MOST_NAMED])
    further = f", and {len(late) - _MOST_NAMED} more" if len(late) > _MOST_NAMED else ""
    count = one if len(late) == 1 else several.format(len(late))
    return f"{count} past the review date: {named}{further}."
