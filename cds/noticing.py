"""What the reader of an answer must be told beside it: for whom the content is, how far it stands, what may yet go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from datetime import date

from cds.observing import Notice
from cds.overdue import NOTHING, Overdue
from cds.releases import PreparedRelease, only_patients
from cds.telling import Told
from knowledge.facts import Facts
from knowledge.items import Actor, Rule, Source, State
from knowledge.reasoning import reading

_CHECK_FOR_PATIENTS = "Your care team still has to check some things that may change this advice. Ask them first."
_REVIEW_FOR_PATIENTS = "Some of this advice is due to be checked again. Ask your care team whether it still holds."
_MOST_WANTED = 5
"""How many lacking facts a notice names."""

_MOST_NAMED = 5
"""How many rules, and how many sources, a notice names that are past their review date."""

# Looked up for each answer, and an enum's members are slow to reach.
_RECOMMENDED, _WITHHELD, _UNDETERMINED = State.RECOMMENDED, State.WITHHELD, State.UNDETERMINED


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
                detail = (
                    f"No rule applies: the content is for patients with {wanted}, and what was posted says: {said}."
                )
                notices.append(Notice(key, "outside_population", detail))
            case None:
                detail = f"Not known; the answer assumes what the content is for: {wanted}."
                notices.append(Notice(key, "population_assumed", detail))
            case True:
                pass
    return outside, notices


def of_approval(release: PreparedRelease, clinically_approved: bool) -> Iterator[Notice]:
    """That no clinician has approved the content yet."""
    if not clinically_approved:
        imported = "was imported and " if release.imported else ""
        detail = f"Release {release.number} {imported}is not yet clinically approved by a person."
        yield Notice(None, "not_clinically_approved", detail)


def of_what_may_be_withheld(
    release: PreparedRelease, actors: tuple[Actor, ...], states: Mapping[str, State], told: Mapping[str, Told]
) -> Iterator[Notice]:
    """What is recommended only because nobody knows whether a rule that would withhold it applies."""
    undecided = [one for one in release.overriding if states[one.rule] is _UNDETERMINED]
    if not undecided:
        return
    deciding = [one for one in release.overriding if states[one.rule] is _RECOMMENDED]
    shown = {entry.key for entry in release.asked_for(actors) if states[entry.key] is _RECOMMENDED}
    for overriding in undecided:
        count = len(shown & overriding.withholds.keys())
        if not count or any(overriding.rule in one.withholds for one in deciding):
            continue
        if only_patients(actors):
            yield Notice(None, "may_be_withheld", _CHECK_FOR_PATIENTS)
            return
        rule = release.rules[overriding.rule]
        wanted = [release.base.facts[name].label for name in told[rule.condition].missing]
        further = f" and {len(wanted) - _MOST_WANTED} more" if len(wanted) > _MOST_WANTED else ""
        which = "One of the recommendations" if count == 1 else f"{count} of the recommendations"
        detail = (
            f"{which} would be withheld if “{rule.rule.title}” applied. "
            f"It is not decided for want of: {', '.join(wanted[:_MOST_WANTED])}{further}."
        )
        yield Notice(None, "may_be_withheld", detail)


def of_reviews(
    release: PreparedRelease,
    actors: tuple[Actor, ...],
    states: Mapping[str, State],
    told: Mapping[str, Told],
    withheld: Mapping[str, list[tuple[str, str]]],
    overdue: Overdue,
) -> Iterator[Notice]:
    """That rules by which something is recommended or withheld, or sources that they cite, are past their review."""
    if overdue is NOTHING:
        return
    rules: set[str] = set()
    sources: set[str] = set()
    for_patients = only_patients(actors)
    for entry in release.asked_for(actors):
        state = states[entry.key]
        if state is _RECOMMENDED:
            rules.add(entry.key)
            sources.update(overdue.cited.get(entry.key, ()), told[entry.condition].sources)
        elif state is _WITHHELD and not for_patients:
            rules.update(by for by, _ in withheld[entry.key])
    base = release.base
    said = [
        _named("1 rule of this answer is", "{} rules of this answer are", rules, overdue.rules, base.rules),
        _named("1 source that it cites is", "{} sources that it cites are", sources, overdue.sources, base.sources),
    ]
    if any(said):
        detail = _REVIEW_FOR_PATIENTS if for_patients else " ".join(part for part in said if part)
        yield Notice(None, "review_overdue", detail)


def _named(
    one: str, several: str, used: Set[str], overdue: Mapping[str, date], items: Mapping[str, Rule | Source]
) -> str:
    """How many of what was used are past their review date, and which; nothing when none is."""
    late = [key for key in overdue if key in used]
    if not late:
        return ""
    named = ", ".join(f"“{items[key].title}” ({overdue[key]})" for key in late[:_MOST_NAMED])
    further = f", and {len(late) - _MOST_NAMED} more" if len(late) > _MOST_NAMED else ""
    count = one if len(late) == 1 else several.format(len(late))
    return f"{count} past the review date: {named}{further}."
