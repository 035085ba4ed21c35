"""Which rules, hazards and sources of a release are past their review date at a moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from knowledge.items import KnowledgeBase, Rule
from knowledge.model.hazards import Hazard


@dataclass(frozen=True, slots=True)
class Overdue:
    """What is past its review date, the longest first, and the day by which it was to be reviewed."""

    rules: Mapping[str, date] = field(default_factory=dict)
    sources: Mapping[str, date] = field(default_factory=dict)
    cited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The overdue sources that a rule cites, by its key; a rule that cites none is left out."""
    hazards: Mapping[str, date] = field(default_factory=dict)
    cited_by_hazards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same of hazards."""


NOTHING = Overdue()


class ReviewDates:
    """The review dates of a release. To be asked for every answer: until the first of them it is one comparison."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._rules = _ranked({key: rule.review_by for key, rule in base.rules.items()})
        self._sources = _ranked({key: one.review_by for key, one in base.sources.items() if one.review_by is not None})
        self._hazards = _ranked({key: hazard.review_by for key, hazard in base.hazards.items()})
        self._cited = _citing(base.rules)
        self._cited_by_hazards = _citing(base.hazards)
        self._days = sorted({*self._rules.values(), *self._hazards.values(), *self._sources.values()})
        self._first = _day_after(self._days[0]) if self._days else None
        self._found: dict[int, Overdue] = {}

    def overdue(self, at: datetime) -> Overdue:
        """What is past its review date on the day, in UTC, of a moment; on the date itself it is not yet."""
        if self._first is None or at < self._first:
            return NOTHING
        past = bisect_left(self._days, at.astimezone(UTC).date())
        if past not in self._found:
            self._found[past] = self._until(self._days[past - 1])
        return self._found[past]

    def _until(self, last: date) -> Overdue:
        rules, hazards, sources = (_past(days, last) for days in (self._rules, self._hazards, self._sources))
        cited, cited_by_hazards = (_among(cites, sources) for cites in (self._cited, self._cited_by_hazards))
        return Overdue(rules, sources, cited, hazards, cited_by_hazards)


def _citing(items: Mapping[str, Rule] | Mapping[str, Hazard]) -> dict[str, tuple[str, ...]]:
    """The sources that each of the items cites."""
    return {key: tuple(citation.source for citation in item.citations) for key, item in items.items()}


def _past(days: Mapping[str, date], last: date) -> dict[str, date]:
    return {key: day for key, day in days.items() if day <= last}


def _among(cites: Mapping[str, tuple[str, ...]], sources: Mapping[str, date]) -> dict[str, tuple[str, ...]]:
    """Of what each item cites, the sources that are among these; an item that cites none of them is left out."""
    found = {key: tuple(source for source in cited if source in sources) for key, cited in cites.items()}
    return {key: cited for key, cited in found.items() if cited}


def _ranked(days: Mapping[str, date]) -> dict[str, date]:
    return dict(sorted(days.items(), key=lambda pair: (pair[1], pair[0])))


def _day_after(day: date) -> datetime | None:
    """The beginning of the next day, in UTC; None when there is none."""
    return datetime.combine(day + timedelta(days=1), time(), UTC) if day < date.max else None
