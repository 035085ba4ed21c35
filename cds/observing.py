"""Posted values of one fact: bare, observed or a list of observations; and the one value that they leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from cds.decisions.notices import Notice
from cds.requests import CLOCK_SKEW, RequestProblem, escaped, moment, unstorable
from knowledge.errors import WrongValue, nearest
from knowledge.facts import Fact, FactType, Value

MOST_OBSERVATIONS = 100
LONGEST_SOURCE = 100

_OBSERVATION_KEYS = ("value", "observed_at", "source")


@dataclass(frozen=True, slots=True)
class Observation:
    value: Value | None
    observed_at: datetime
    source: str | None

    def said(self, fact: Fact) -> str:
        by = f" by {self.source}" if self.source else ""
        return f"“{fact.said(self.value)}” on {self.observed_at:%Y-%m-%d %H:%M} UTC{by}"


def observations(fact: Fact, raw: Any, at: datetime, problems: list[RequestProblem]) -> list[Observation]:
    pointer = f"/facts/{fact.key}"
    match raw:
        case dict():
            return list(_observation(fact, raw, at, pointer, problems, dated=False))
        case list() if fact.type is not FactType.CODES or (raw and isinstance(raw[0], dict)):
            return list(_listed(fact, raw, at, pointer, problems))
        case _:
            return list(_bare(fact, raw, at, None, pointer, problems))


def _listed(
    fact: Fact, raw: list[Any], at: datetime, pointer: str, problems: list[RequestProblem]
) -> Iterator[Observation]:
    if not raw or len(raw) > MOST_OBSERVATIONS:
        problems.append(RequestProblem(pointer, f"A list holds 1 to {MOST_OBSERVATIONS} observations, not {len(raw)}."))
        return
    for position, one in enumerate(raw):
        place = f"{pointer}/{position}"
        if isinstance(one, dict):
            yield from _observation(fact, one, at, place, problems, dated=True)
        else:
            problems.append(RequestProblem(place, "A list holds observations: objects with value and observed_at."))


def _observation(
    fact: Fact, raw: dict[str, Any], at: datetime, pointer: str, problems: list[RequestProblem], *, dated: bool
) -> Iterator[Observation]:
    for name in raw:
        if name in _OBSERVATION_KEYS:
            continue
        near = nearest(name, _OBSERVATION_KEYS)
        detail = "An observation has value, observed_at and source, and nothing else."
        problems.append(RequestProblem(f"{pointer}/{escaped(name)}", detail, near))
    if "value" not in raw:
        problems.append(RequestProblem(pointer, "The observation has no value; null says that it is not known."))
    observed_at = at
    if raw.get("observed_at") is not None:
        observed_at = moment(raw["observed_at"], f"{pointer}/observed_at", problems) or at
    elif dated:
        problems.append(RequestProblem(pointer, "In a list every observation says when: observed_at is missing."))
    if observed_at - at > CLOCK_SKEW:
        detail = f"The observation lies in the future: after {at:%Y-%m-%dT%H:%M:%SZ}, the time of evaluation."
        problems.append(RequestProblem(f"{pointer}/observed_at", detail))
    source = raw.get("source")
    if source is not None and (not isinstance(source, str) or len(source) > LONGEST_SOURCE or unstorable(source)):
        detail = f"The source is a text of at most {LONGEST_SOURCE} characters, such as “patient”."
        problems.append(RequestProblem(f"{pointer}/source", detail))
    if "value" in raw:
        yield from _bare(fact, raw["value"], observed_at, source, f"{pointer}/value", problems)


def _bare(
    fact: Fact, raw: Any, observed_at: datetime, source: str | None, pointer: str, problems: list[RequestProblem]
) -> Iterator[Observation]:
    try:
        value = fact.typed(raw)
    except WrongValue as problem:
        problems.append(RequestProblem(pointer, problem.detail, problem.suggestion))
        return
    if isinstance(value, date) and value > observed_at.date():
        problems.append(RequestProblem(pointer, f"{fact.label} lies in the future: {value}."))
        return
    if isinstance(value, str) and unstorable(value):
        problems.append(RequestProblem(pointer, f"{fact.label} holds a control character or half a character."))
        return
    yield Observation(value, observed_at, source)


def settled(fact: Fact, observations: list[Observation], at: datetime) -> Value | Notice | None:
    """The value that the observations leave, None when there is none, or why they leave none."""
    if not observations:
        return None
    newest = max(observations, key=lambda one: (one.observed_at, one.value is not None))
    if newest.value is None:
        return None
    if fact.valid_days is not None and at - newest.observed_at > timedelta(days=fact.valid_days):
        detail = f"{newest.said(fact)} is older than {fact.valid_days} days and counts as not known."
        return Notice("too_old", detail, (fact.key,))
    if len(observations) == 1:
        return newest.value
    for other in sorted(observations, key=lambda one: one.observed_at, reverse=True):
        near = newest.observed_at - other.observed_at <= fact.conflict_window
        if near and other.value is not None and other.value != newest.value:
            detail = f"{newest.said(fact)} and {other.said(fact)} disagree; it counts as not known."
            return Notice("conflict", detail, (fact.key,))
    return newest.value
