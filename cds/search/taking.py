"""Long lists taken out of the record as CSV or JSON Lines, a page at a time: each is an event before its first byte.

How many rows there will be is not known then, and counting them could take as long as sending them: a second event
tells how many were handed over, or that the taker hung up before the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from cds.service import Service
from cds.tables import MARK, csv_text, file_name
from knowledge import audit

BROKEN_OFF = b"This list broke off here and is not complete.\n"
"""The last line when something goes wrong: over HTTP/1.0, which proxies may speak, an answer cut off looks whole."""

Row = Mapping[str, Any]
"""The values of a row by their names, as JSON has them."""


class Form(StrEnum):
    """How a list is written; the words are the endings of files."""

    CSV = "csv"
    JSONL = "jsonl"


MEDIA_TYPE = {Form.CSV: "text/csv; charset=utf-8", Form.JSONL: "application/jsonl"}


@dataclass(frozen=True, slots=True)
class Taking:
    """Who takes which list from where, and what the record is told of it; that names no patient."""

    what: str
    form: Form
    actor: str
    origin: str | None
    told: Mapping[str, Any]


def taken(
    service: Service, session: Session, taking: Taking, columns: Sequence[str], pages: Iterator[Sequence[Row]]
) -> Response:
    """Put on record that a list is taken, commit, and answer with the list. The pages are read while they are sent.

    Whoever asks for the headers alone (HEAD) takes nothing, and nothing is put on record.
    """
    at = service.now()
    name = file_name(f"phasewise-{taking.what}-{at:%Y-%m-%d}")
    answer = Response(
        content_type=MEDIA_TYPE[taking.form],
        headers={"Content-Disposition": f'attachment; filename="{name}.{taking.form}"'},
    )
    if request.method == "HEAD":
        return answer
    details = {"what": taking.what, "format": taking.form, **taking.told}
    begun = audit.record(
        session,
        action="export.begun",
        subject=f"export/{taking.what}",
        actor=taking.actor,
        at=at,
        details=details,
        origin=taking.origin,
    ).sequence
    session.commit()
    answer.response = _told_at_the_end(service, taking, begun, columns, pages)
    return answer


def _told_at_the_end(
    service: Service, taking: Taking, begun: int, columns: Sequence[str], pages: Iterator[Sequence[Row]]
) -> Iterator[bytes]:
    rows, action = 0, "export.broken_off"
    try:
        if taking.form is Form.CSV:
            yield f"{MARK}{csv_text([columns])}".encode()
        for page in pages:
            yield _written(taking.form, columns, page)
            rows += len(page)
        action = "export.finished"
    except Exception:
        yield BROKEN_OFF
        raise
    finally:
        with service.sessions() as session:
            audit.record(
                session,
                action=action,
                subject=f"export/{taking.what}",
                actor=taking.actor,
                at=service.now(),
                details={"begun_in": begun, "rows": rows},
                origin=taking.origin,
            )
            session.commit()


def _written(form: Form, columns: Sequence[str], page: Sequence[Row]) -> bytes:
    match form:
        case Form.CSV:
            return csv_text([[_cell(row[column]) for column in columns] for row in page]).encode()
        case Form.JSONL:
            return b"".join(_json({column: row[column] for column in columns}).encode() + b"\n" for row in page)


def _cell(value: Any) -> Any:
    return _json(value) if isinstance(value, dict | list) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
