"""Tests of other languages' suites as rows of our own: what they expect, and what comes out here.

`conformance.toml` holds facts, deviations, and for each file of a suite a table: the name of a test, a condition that
says the same as its expression, what is posted, the expected result, and, where something else comes out here, what
(`here`: an outcome and the name of a deviation). The columns stand between bars with a space on each side.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from knowledge.facts import Fact
from knowledge.items import ItemKind
from knowledge.schemas import item_from
from tests.specification import FOLDER

RESULTS = {"true": "met", "false": "not met", "null": "unknown"}
REFUSED = "refused"

_POSTED = re.compile(r'(\w+)=(\[.*?\]|"[^"]*"|\S+)')


@dataclass(frozen=True)
class Row:
    """One test of a suite: `expected` and `outcome` are in our words, and differ only where there is a deviation."""

    file: str
    test: str
    expression: str
    expected: str
    condition: str
    posted: Mapping[str, Any]
    outcome: str
    deviation: str

    def __str__(self) -> str:
        return f"{self.file.rsplit('/', 1)[-1]} {self.test}"


@dataclass(frozen=True)
class Suite:
    """The tests of one language, as they stood at one commit, by file."""

    name: str
    title: str
    repository: str
    commit: str
    left_out: str
    files: Mapping[str, tuple[Row, ...]]


def facts() -> dict[str, Fact]:
    """The facts that the rows speak of."""
    found = [item_from(ItemKind.FACT, content) for content in _document()["fact"]]
    return {fact.key: fact for fact in found if isinstance(fact, Fact)}


def deviations() -> dict[str, str]:
    """Why something else comes out here, by name."""
    return {one["name"]: one["text"].strip() for one in _document()["deviation"]}


def suites() -> list[Suite]:
    return [
        Suite(
            name=one["name"],
            title=one["title"],
            repository=one["repository"],
            commit=one["commit"],
            left_out=one["left_out"],
            files={file["path"]: tuple(_rows(file["path"], file["rows"])) for file in one["file"]},
        )
        for one in _document()["suite"]
    ]


def rows() -> list[Row]:
    return [row for suite in suites() for found in suite.files.values() for row in found]


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "conformance.toml").read_text(encoding="utf-8"))


def _rows(file: str, table: str) -> Iterator[Row]:
    names, *lines = [[cell.strip() for cell in re.split(r"(?<=\s)\|\s", line)] for line in table.strip().splitlines()]
    for line in lines:
        cells = dict(zip(names, line, strict=True))
        expected = RESULTS[cells["result"]]
        outcome, _, deviation = cells["here"].partition(": ")
        yield Row(
            file=file,
            test=cells["test"],
            expression=cells["expression"],
            expected=expected,
            condition=cells["condition"],
            posted={name: json.loads(value) for name, value in _POSTED.findall(cells["facts"])},
            outcome=outcome or expected,
            deviation=deviation,
        )
