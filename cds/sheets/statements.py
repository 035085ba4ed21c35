"""What a sheet is made of: statements in sections, each known or missing, and each missing one saying so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from cds.writing import instant
from knowledge.facts import Attribute
from knowledge.items import ItemKind

SOURCE_ATTRIBUTES = "source_attributes"
"""The section of the thirteen attributes."""

ABOUT_RULES = (
    "By topic and title. What a rule uses only as all do, for the population, is not repeated here, nor what the site "
    "or the release lacks as a whole."
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that is asked and what is known of it, in one sentence or a list of them.

    When it is `missing`, what is said is what is missing and who can add it. `origin` says where it comes from.
    """

    name: str
    label: str
    said: tuple[str, ...]
    origin: str = ""
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Statements under a heading; `about` says who asks for them, and where."""

    name: str
    title: str
    about: str
    statements: tuple[Statement, ...]

    @property
    def missing(self) -> tuple[Statement, ...]:
        return tuple(one for one in self.statements if one.missing)


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule of a release in a line.

    `uses` are the kinds of data that it uses by itself, not as every rule does for the population; `missing` is what
    its own sheet lacks beside what the site or the whole release lacks.
    """

    key: str
    number: int
    title: str
    topic: str
    review_by: date
    overdue: bool
    uses: tuple[Attribute, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is said of a rule version or a release at a moment; `standing` is its state in a sentence."""

    kind: ItemKind | None
    """None for a release."""
    key: str
    number: int
    title: str
    standing: str
    digest: str
    made_at: datetime
    sections: tuple[Section, ...]
    rules: tuple[RuleLine, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.kind} {self.key}, version {self.number}".capitalize() if self.kind else f"Release {self.number}"

    @property
    def attributes(self) -> Section:
        return next(one for one in self.sections if one.name == SOURCE_ATTRIBUTES)

    @property
    def elsewhere(self) -> tuple[Statement, ...]:
        """What is missing beside the attributes."""
        return tuple(one for section in self.sections if section.name != SOURCE_ATTRIBUTES for one in section.missing)

    @property
    def headline(self) -> str:
        """What is missing, in a sentence or two: the first thing to be read."""
        return " ".join(self._counted())

    def _counted(self) -> Iterator[str]:
        of, missing = len(self.attributes.statements), self.attributes.missing
        match len(missing):
            case 0:
                yield f"All {of} source attributes are stated."
            case 1:
                yield f"1 of {of} source attributes is not stated: {_named(missing)}."
            case count:
                yield f"{count} of {of} source attributes are not stated: {_named(missing)}."
        if self.elsewhere:
            yield f"Also missing: {_named(self.elsewhere)}."
        match sum(1 for one in self.rules if one.missing):
            case 0:
                pass
            case 1:
                yield "The sheet of 1 rule lacks something of its own."
            case count:
                yield f"The sheets of {count} rules lack something of their own."


def as_json(sheet: Sheet) -> dict[str, Any]:
    """The sheet as plain JSON values."""
    return {
        "kind": sheet.kind or "release",
        "key": sheet.key,
        "number": sheet.number,
        "title": sheet.title,
        "standing": sheet.standing,
        "digest": sheet.digest,
        "made_at": instant(sheet.made_at),
        "headline": sheet.headline,
        "sections": [
            {
                **asdict(section),
                "statements": [{**asdict(one), "said": list(one.said)} for one in section.statements],
            }
            for section in sheet.sections
        ],
        "rules": [
            {
                **asdict(one),
                "review_by": one.review_by.isoformat(),
                "uses": list(one.uses),
                "missing": list(one.missing),
            }
            for one in sheet.rules
        ],
    }


def _named(statements: tuple[Statement, ...]) -> str:
    return ", ".join(one.label[:1].lower() + one.label[1:] for one in statements)
