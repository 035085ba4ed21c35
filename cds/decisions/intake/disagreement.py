"""The one value that the observations of a fact leave: the newest of each source, and the worse where they disagree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cds.decisions.intake.counting import grown
from cds.decisions.intake.observations import Moment, Observation, author
from cds.decisions.notices import Notice
from knowledge.facts import Fact
from knowledge.model.worse import Known, agreed, common, said, worst


@dataclass(slots=True)
class Settled:
    """What the observations of a fact come to; `value` is None where nothing is known.

    `disputed` says that they disagree and nobody can say which value is worse.
    """

    value: Known | None = None
    observed_at: datetime | None = None
    disputed: bool = False
    notices: list[Notice] = field(default_factory=list)


def settle(fact: Fact, observations: Iterable[Observation], moment: Moment) -> Settled:
    """The newer value of one source replaces its older ones; of sources that disagree, the worse value counts."""
    settled = Settled()
    entitled = _entitled(fact, _not_retracted(fact, observations, settled.notices), settled.notices)
    fresh = _fresh(fact, _newest_by_source(entitled), moment, settled.notices)
    if not fresh:
        return settled
    newest = max(one.observed_at for one in fresh)
    together = [one for one in fresh if newest - one.observed_at <= fact.conflict_window]
    settled.observed_at = newest
    today = moment.day()
    values = [grown(fact, one.value, moment.day(one.observed_at), today) for one in together if one.value is not None]
    settled.value = agreed(values)
    if settled.value is None:
        settled.value = worst(fact, values)
        if settled.value is None:
            settled.value = common(fact, values)
        settled.disputed = settled.value is None
        settled.notices.append(_disagreement(fact, together, settled.value))
    return settled


def _not_retracted(fact: Fact, observations: Iterable[Observation], notices: list[Notice]) -> list[Observation]:
    kept = list(observations)
    for retraction in [one for one in kept if one.retracts]:
        gone = [
            one
            for one in kept
            if one.author == retraction.author and one.observed_at <= retraction.observed_at and one.value is not None
        ]
        kept = [one for one in kept if one not in gone]
        if gone:
            named = ", ".join(one.described(fact) for one in gone)
            by = f" by {retraction.source}" if retraction.source else ""
            detail = (
                f"{fact.label}: {named} was taken back{by} and does not count. Post the right value if it is known."
            )
            notices.append(Notice("retracted", detail, (fact.key,)))
    return [one for one in kept if one.value is not None]


def _entitled(fact: Fact, observations: list[Observation], notices: list[Notice]) -> list[Observation]:
    if not fact.asserted_by:
        return observations
    allowed = {None, *(author(name) for name in fact.asserted_by)}
    entitled = [one for one in observations if one.author in allowed]
    for one in observations:
        if one not in entitled:
            detail = (
                f"{fact.label}: {one.described(fact)} does not count, since it is stated by "
                f"{' or '.join(fact.asserted_by)} alone. Have one of them confirm it."
            )
            notices.append(Notice("not_asserted_by", detail, (fact.key,)))
    return entitled


def _newest_by_source(observations: Iterable[Observation]) -> list[Observation]:
    newest: dict[str | None, list[Observation]] = {}
    for one in observations:
        others = newest.setdefault(one.author, [])
        if not others or one.observed_at > others[0].observed_at:
            newest[one.author] = [one]
        elif one.observed_at == others[0].observed_at:
            others.append(one)
    return [one for some in newest.values() for one in some]


def _fresh(fact: Fact, observations: list[Observation], moment: Moment, notices: list[Notice]) -> list[Observation]:
    """Those that are not too old, by calendar days in the patient's zone."""
    if fact.valid_days is None or not observations:
        return observations
    today = moment.day()
    fresh = [one for one in observations if (today - moment.day(one.observed_at)).days <= fact.valid_days]
    if not fresh:
        newest = max(observations, key=lambda one: one.observed_at)
        detail = (
            f"{newest.described(fact)} is older than {fact.valid_days} "
            f"{'day' if fact.valid_days == 1 else 'days'} and counts as not known. Ask again."
        )
        notices.append(Notice("too_old", detail, (fact.key,)))
    return fresh


def _disagreement(fact: Fact, observations: list[Observation], value: Known | None) -> Notice:
    ordered = sorted(observations, key=lambda one: (one.observed_at, one.described(fact)), reverse=True)
    named = " and ".join(dict.fromkeys(one.described(fact) for one in ordered))
    if value is None:
        counts = "it counts as not known"
    elif fact.worse in (None, "more"):
        counts = f"what counts is “{said(fact, value)}”"
    else:
        counts = f"the worse counts, “{said(fact, value)}”"
    detail = f"{fact.label}: {named} disagree; {counts}. Ask again now."
    return Notice("disagreement", detail, (fact.key,))
