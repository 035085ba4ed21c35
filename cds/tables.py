"""Rows as CSV (RFC 4180) in which no cell is ever a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from knowledge.canonical import instant

Cell = str | int | float | date | datetime | None

MARK = "\ufeff"
"""What spreadsheets know UTF-8 by, at the beginning of a file."""

_BEGINS = r"[\s\"'“”‘’«»`\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹢﹣﹦﹫−]"
_FORMULA = re.compile(rf"[\t\r\n]|{_BEGINS}")
# Where people write decimals with a comma, a spreadsheet may part cells at semicolons, and then within a quoted one.
_NEXT_CELL = re.compile(rf"(?<=[;\t\r\n|])(?={_BEGINS})")


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """The rows as lines of a file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def file_name(name: str) -> str:
    """A name that every system takes for a file, without its ending."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")


def _safe(cell: Cell) -> Any:
    """A cell that no spreadsheet takes for a formula: text that could be one has an apostrophe before it."""
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case int() | float():
            return cell
        case datetime():
            return instant(cell)
        case date():
            return cell.isoformat()
        case str():
            text = _NEXT_CELL.sub("'", cell)
            return f"'{text}" if _FORMULA.match(text) else text
