"""The condition language as tables: the tests hold the code to them, and docs/conditions.md is made of them.

`facts.toml` is a small fact dictionary. `forms.toml` and `logic.toml` hold conditions, each with the patients it was
tried on: a table of what is known of them (`-` is not known), the reading, the findings that decided it, the facts
that are missing. `refusals.toml` holds texts that are no conditions, what their editor is told, and what to write.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from knowledge.facts import Fact, Facts, FactType, Value
from knowledge.items import ItemKind
from knowledge.schemas import item_from

FOLDER = Path(__file__).parent
NOT_KNOWN = "-"
READINGS = {"met": True, "not met": False, "unknown": None}


@dataclass(frozen=True)
class Case:
    """One patient, and how a condition reads for her; `cells` are as they stand in the table."""

    cells: Mapping[str, str]
    facts: Facts
    reading: str
    because: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """One form of condition: as an editor writes it, as it is stored, in words, and tried on patients."""

    title: str
    written: str
    stored: str
    words: str
    cases: tuple[Case, ...]
    text: str = ""
    joined_by: str = ""

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True)
class Refusal:
    """A text that is no condition: the place, what its editor is told, and a condition that stands instead."""

    written: str
    line: int
    column: int
    told: str
    suggestion: str | None
    instead: str

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True)
class Chapter:
    """Forms or refusals that belong together."""

    title: str
    text: str
    forms: tuple[Form, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def dictionary() -> dict[str, Fact]:
    """The fact dictionary that the tables speak of."""
    facts: dict[str, Fact] = {}
    for content in _toml("facts.toml")["fact"]:
        fact = item_from(ItemKind.FACT, content)
        assert isinstance(fact, Fact)
        facts[fact.key] = fact
    return facts


def chapters() -> list[Chapter]:
    """The specification from its first chapter to its last."""
    facts = dictionary()
    return [
        Chapter(
            chapter["title"],
            chapter["text"].strip(),
            tuple(_form(form, facts) for form in chapter.get("form", ())),
            tuple(_refusal(refusal) for refusal in chapter.get("refusal", ())),
        )
        for name in ("forms.toml", "logic.toml", "refusals.toml")
        for chapter in _toml(name)["chapter"]
    ]


def forms() -> list[Form]:
    return [form for chapter in chapters() for form in chapter.forms]


def cases() -> list[tuple[Form, Case]]:
    return [(form, case) for form in forms() for case in form.cases]


def refusals() -> list[Refusal]:
    return [refusal for chapter in chapters() for refusal in chapter.refusals]


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))


def _form(raw: dict[str, Any], facts: Mapping[str, Fact]) -> Form:
    written = raw.pop("written")
    table = raw.pop("cases")
    return Form(written=written, stored=raw.pop("stored", written), cases=_cases(table, facts), **raw)


def _cases(table: str, facts: Mapping[str, Fact]) -> tuple[Case, ...]:
    names, *rows = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return tuple(_case(dict(zip(names, row, strict=True)), facts) for row in rows)


def _case(cells: dict[str, str], facts: Mapping[str, Fact]) -> Case:
    reading, because, missing = cells.pop("reading"), cells.pop("because"), cells.pop("missing")
    return Case(
        cells=cells,
        facts={name: _value(facts[name], cell) for name, cell in cells.items() if cell != NOT_KNOWN},
        reading=reading,
        because=tuple(because.split("; ")) if because else (),
        missing=tuple(missing.split(", ")) if missing else (),
    )


def _value(fact: Fact, cell: str) -> Value:
    match fact.type:
        case FactType.BOOLEAN:
            return {"yes": True, "no": False}[cell]
        case FactType.INTEGER:
            return int(cell)
        case FactType.DECIMAL:
            return float(cell)
        case FactType.DATE:
            return date.fromisoformat(cell)
        case FactType.CODE | FactType.TEXT:
            return cell
        case FactType.CODES:
            return frozenset() if cell == "none" else frozenset(cell.split(", "))


def _refusal(raw: dict[str, Any]) -> Refusal:
    line, column = raw.pop("at")
    return Refusal(line=line, column=column, suggestion=raw.pop("suggestion", None), **raw)
