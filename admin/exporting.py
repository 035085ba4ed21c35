"""Lists taken out of the desk as CSV or JSON Lines: no cell is ever a formula, and each export is on record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin.entry.access import signed_in
from cds.api import session
from cds.search.taking import Form, Row, Taking, taken
from cds.service import service_of
from cds.tables import MARK, Cell, csv_text, file_name
from knowledge import audit
from knowledge.models import User


def exported(
    what: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    named: str = "",
    told: Mapping[str, Any] | None = None,
) -> Response:
    """The rows as a file to keep, and on record that whoever is signed in took them. Commits.

    `what` names the list, in small letters and dashes; `named` is what its file's name tells, by default the day;
    `told` is what the record is told of what was asked for, and names no patient.
    """
    service, rows = service_of(), list(rows)
    at = service.now()
    record_export(session(), what, len(rows), by=signed_in(), at=at, told=told)
    session().commit()
    return as_csv(header, rows, name=f"phasewise-{what}-{named or at.strftime('%Y-%m-%d')}")


def record_export(
    session: Session, what: str, rows: int, *, by: User, at: datetime, told: Mapping[str, Any] | None = None
) -> None:
    """Tell the record who took a list, and how much of it."""
    details = {"by": by.id, "what": what, "rows": rows, **(told or {})}
    audit.record(session, action="export.made", subject=f"export/{what}", actor=by.name, at=at, details=details)


def streamed(
    what: str, form: Form, columns: Sequence[str], pages: Iterator[Sequence[Row]], told: Mapping[str, Any]
) -> Response:
    """A list of any length, a page at a time, and on record that whoever is signed in took it. Commits.

    `told` says what was asked for, and names no patient.
    """
    by = signed_in()
    taking = Taking(what, form, actor=by.name, origin=request.remote_addr, told={"by": by.id, **told})
    return taken(service_of(), session(), taking, columns, pages)


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, name: str = "phasewise") -> Response:
    """A file in CSV (RFC 4180), in UTF-8 with a mark that spreadsheets know it by; `name` without its ending."""
    return Response(
        f"{MARK}{csv_text([header, *rows])}".encode(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name(name)}.csv"'},
    )
