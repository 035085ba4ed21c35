"""Lists taken out of the desk as CSV: no cell is ever a formula, and each export is on record."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.entry.access import signed_in
from cds.api import session
from cds.service import service_of
from knowledge import audit
from knowledge.canonical import instant
from knowledge.models import User

Cell = str | int | float | date | datetime | None

_BEGINS = r"[\s\"'“”‘’«»`\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹢﹣﹦﹫−]"
_FORMULA = re.compile(rf"[\t\r\n]|{_BEGINS}")
# Where people write decimals with a comma, a spreadsheet may part cells at semicolons, and then within a quoted one.
_NEXT_CELL = re.compile(rf"(?<=[;\t\r\n|])(?={_BEGINS})")


def exported(what: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """The rows as a file to keep, and on record that whoever is signed in took them. Commits.

    `what` names the list, in small letters and dashes.
    """
    service, rows = service_of(), list(rows)
    at = service.now()
    record_export(session(), what, len(rows), by=signed_in(), at=at)
    session().commit()
    return as_csv(header, rows, name=f"phasewise-{what}-{at:%Y-%m-%d}")


def record_export(session: Session, what: str, rows: int, *, by: User, at: datetime) -> None:
    """Tell the record who took a list, and how much of it."""
    details = {"by": by.id, "what": what, "rows": rows}
    audit.record(session, action="export.made", subject=f"export/{what}", actor=by.name, at=at, details=details)


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, name: str = "phasewise") -> Response:
    """A file in CSV (RFC 4180), in UTF-8 with a mark that spreadsheets know it by; `name` without its ending."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([_safe(cell) for cell in header])
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    file = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
    return Response(
        text.getvalue().encode("utf-8-sig"),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}.csv"'},
    )


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
