"""From when to when: the filters of whatever is listed by its time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from cds.search.reading import day_or_moment
from knowledge.errors import WrongValue

WHEN = "A day such as 2026-01-31, in UTC, or a moment with its zone."


class DayOrMoment(fields.Field[Any]):
    """The moment that a day in UTC begins or, as an `end`, the one after its last; or a moment with its zone."""

    def __init__(self, *, end: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.end = end

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime | None:
        try:
            return day_or_moment(value.strip(), end=self.end)
        except WrongValue as problem:
            raise ValidationError(problem.detail) from None


class Span(Schema):
    since = DayOrMoment(metadata={"type": "string", "description": f"Then or later. {WHEN}"})
    until = DayOrMoment(
        end=True, metadata={"type": "string", "description": f"Before then, or on that day or before. {WHEN}"}
    )

    @validates_schema
    def _follow(self, data: Any, **kwargs: Any) -> None:
        since, until = data.get("since"), data.get("until")
        if since and until and since >= until:
            raise ValidationError("This is not after the beginning, so nothing can lie between.", "until")
