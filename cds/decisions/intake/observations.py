"""Posted values of one fact: bare, observed, or a list of observations, each read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Any

from cds.decisions.intake.counting import counted_from
from cds.requests import CLOCK_SKEW, RequestProblem, escaped, moment, unstorable
from knowledge.errors import WrongValue, nearest
from knowledge.facts import Fact, FactType
from knowledge.model.intervals import Interval, interval
from knowledge.model.units import convert, convertible
from knowledge.model.worse import Known, said

MOST_OBSERVATIONS = 100
LONGEST_SOURCE = 100

_KEYS = ("value", "observed_at", "source", "unit", "retracts")


@dataclass(frozen=True, slots=True)
class Moment:
    """When a request is evaluated, and in which zone days are counted."""

    at: datetime
    zone: tzinfo

    def day(self, at: datetime | None = None) -> date:
        """The calendar day of a moment, by default the evaluation, in the zone."""
        at = at or self.at
        try:
            return at.astimezone(self.zone).date()
        except OverflowError:
            # The first and the last day of the calendar have no day beside them.
            return at.date()


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of a fact, by whom and when; one that retracts takes back what its source said before."""

    value: Known | None
    observed_at: datetime
    source: str | None
    retracts: bool = False

    @property
    def author(self) -> str | None:
        """Who said it, however it is spelled; None for the app that posts."""
        return author(self.source) if self.source else None

    def described(self, fact: Fact) -> str:
        by = f" by {self.source}" if self.source else ""
        return f"“{said(fact, self.value)}” on {self.observed_at:%Y-%m-%d %H:%M} UTC{by}"


def author(source: str) -> str:
    """One spelling for all of one source: `Primary care` and `primary_care` are the same."""
    return re.sub(r"[\s_-]+", "_", source.strip()).casefold()


@dataclass(slots=True)
class ObservationReader:
    """Reads the posted value of one fact; what is wrong is added to `problems`, and left out."""

    fact: Fact
    moment: Moment
    problems: list[RequestProblem]
    counted: Sequence[Fact] = ()
    """The facts that are counted from this one."""

    def read(self, raw: Any) -> list[Observation]:
        """The observations that a posted value holds."""
        pointer = f"/facts/{escaped(self.fact.key)}"
        match raw:
            case dict():
                return list(self._observation(raw, pointer, listed=False))
            case list() if self.fact.type is not FactType.CODES or (raw and isinstance(raw[0], dict)):
                return list(self._listed(raw, pointer))
            case _:
                return list(self._valued(raw, self.moment.at, None, None, pointer))

    def _listed(self, raw: list[Any], pointer: str) -> Iterator[Observation]:
        if not raw or len(raw) > MOST_OBSERVATIONS:
            detail = f"A list holds 1 to {MOST_OBSERVATIONS} observations, not {len(raw)}."
            self.problems.append(RequestProblem(pointer, detail))
            return
        for position, one in enumerate(raw):
            place = f"{pointer}/{position}"
            if isinstance(one, dict):
                yield from self._observation(one, place, listed=True)
            else:
                detail = "A list holds observations: objects with value and observed_at."
                self.problems.append(RequestProblem(place, detail))

    def _observation(self, raw: Mapping[str, Any], pointer: str, *, listed: bool) -> Iterator[Observation]:
        before = len(self.problems)
        self._check_keys(raw, pointer)
        retracts = raw.get("retracts", False)
        if not isinstance(retracts, bool):
            self.problems.append(RequestProblem(f"{pointer}/retracts", "retracts is true or left out."))
        elif retracts and raw.get("value") is not None:
            detail = "What takes back an earlier value has none itself: leave value out."
            self.problems.append(RequestProblem(f"{pointer}/value", detail))
        elif not retracts and "value" not in raw:
            detail = "The observation has no value; null says that it is not known."
            self.problems.append(RequestProblem(pointer, detail))
        observed_at = self._observed_at(raw, pointer, needed=listed or retracts is True)
        source = self._text(raw, "source", pointer)
        unit = self._text(raw, "unit", pointer)
        if len(self.problems) > before:
            # The value is still read, so that all that is wrong is told at once.
            list(self._valued(raw.get("value"), observed_at, source, unit, f"{pointer}/value"))
        elif retracts:
            yield Observation(None, observed_at, source, retracts=True)
        else:
            yield from self._valued(raw["value"], observed_at, source, unit, f"{pointer}/value")

    def _check_keys(self, raw: Mapping[str, Any], pointer: str) -> None:
        for name in raw:
            if name not in _KEYS:
                detail = f"An observation has {', '.join(_KEYS[:-1])} and {_KEYS[-1]}, and nothing else."
                self.problems.append(RequestProblem(f"{pointer}/{escaped(name)}", detail, nearest(name, _KEYS)))

    def _observed_at(self, raw: Mapping[str, Any], pointer: str, *, needed: bool) -> datetime:
        at = self.moment.at
        if raw.get("observed_at") is None:
            if needed:
                detail = "In a list every observation says when: observed_at is missing."
                self.problems.append(RequestProblem(pointer, detail))
            return at
        observed_at = moment(raw["observed_at"], f"{pointer}/observed_at", self.problems) or at
        if observed_at - at > CLOCK_SKEW:
            detail = f"The observation lies in the future: after {at:%Y-%m-%dT%H:%M:%SZ}, the time of evaluation."
            self.problems.append(RequestProblem(f"{pointer}/observed_at", detail))
        return observed_at

    def _text(self, raw: Mapping[str, Any], name: str, pointer: str) -> str | None:
        text = raw.get(name)
        if text is None:
            return None
        if not isinstance(text, str) or len(text) > LONGEST_SOURCE or unstorable(text):
            example = "“patient”" if name == "source" else "“kPa”"
            detail = f"The {name} is a text of at most {LONGEST_SOURCE} characters, such as {example}."
            self.problems.append(RequestProblem(f"{pointer}/{name}", detail))
            return None
        return text.strip() or None

    def _valued(
        self, raw: Any, observed_at: datetime, source: str | None, unit: str | None, pointer: str
    ) -> Iterator[Observation]:
        fact = self.fact
        try:
            value: Known | None = interval(fact, raw)
            if value is None:
                value = fact.typed(raw) if unit is None else fact.typed(self._converted(raw, unit))
            elif unit not in (None, fact.ucum):
                raise WrongValue(f"{fact.label}: a limit is taken only in the fact's own unit. Convert it first.")
            value = self._until(value, self.moment.day(observed_at))
            self._check_counts(value)
        except WrongValue as problem:
            self.problems.append(RequestProblem(pointer, problem.detail, problem.suggestion))
            return
        if isinstance(value, str) and unstorable(value):
            detail = f"{fact.label} holds a control character or half a character."
            self.problems.append(RequestProblem(pointer, detail))
            return
        yield Observation(value, observed_at, source)

    def _until(self, value: Known | None, day: date) -> Known | None:
        """A date as it can be known on a day: of a month or year that has begun, the days up to it."""
        earliest = value.low if isinstance(value, Interval) else value
        if not isinstance(earliest, date):
            return value
        if earliest > day:
            shown = value.text if isinstance(value, Interval) else earliest
            raise WrongValue(f"{self.fact.label} lies in the future: {shown}.")
        return replace(value, high=min(value.high, day)) if isinstance(value, Interval) else value

    def _check_counts(self, value: Known | None) -> None:
        """Refuse a date from which the days or years that are counted would be out of range."""
        earliest = value.low if isinstance(value, Interval) else value
        if isinstance(earliest, date):
            for fact in self.counted:
                try:
                    fact.typed(counted_from(fact, earliest, self.moment.day()))
                except WrongValue as problem:
                    raise WrongValue(f"{earliest} is implausible: {problem.detail}") from None

    def _converted(self, raw: Any, unit: str) -> Any:
        fact = self.fact
        if raw is None or unit == fact.ucum:
            return raw
        if fact.ucum is None:
            raise WrongValue(f"{fact.label} has no UCUM unit: leave unit out.")
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            return raw
        value = convert(raw, unit, fact.ucum)
        if value is None:
            raise WrongValue(f"{fact.label} is taken in {' or '.join(convertible(fact.ucum))}, not in {unit}.")
        return value
