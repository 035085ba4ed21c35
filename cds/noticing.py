"""What the reader of an answer must be told beside it: for whom the content is, how far it stands, what may yet go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cds.observing import Notice
from cds.releases import PreparedRelease, only_patients
from cds.telling import Told
from knowledge.facts import Facts
from knowledge.items import Actor, State
from knowledge.reasoning import reading

_CHECK_FOR_PATIENTS = "Your care team still has to check some things that may change this advice. Ask them first."
_MOST_WANTED = 5
"""How many lacking facts a notice names."""

# Looked up for each answer, and an enum's members are slow to reach.
_RECOMMENDED, _UNDETERMINED = State.RECOMMENDED, State.UNDETERMINED


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
