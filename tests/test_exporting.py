"""Lists leave the desk as tables that every spreadsheet can read, and in which no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from admin.exporting import Cell, as_csv
from cds.service import Service
from knowledge import audit
from knowledge.models import AuditEvent, User
from tests import clinic
from tests.desk import enter


@pytest.fixture
def shipped_url(staffed_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with clinic.copied(staffed_sqlite, tmp_path) as url:
        yield url


def table(data: bytes, delimiter: str = ",") -> list[list[str]]:
    """What a spreadsheet reads."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def cell(value: Cell) -> str:
    [_, [found]] = table(as_csv(["A"], [[value]]).data)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        " =1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        '"=1',
        "'=1",
        "“=1",
        ' " =1',
        "＝1",
        "−1",
        '=cmd|"/C calc"!A0',
        '=HYPERLINK("http://example.org","x")',
    ],
)
def test_a_cell_that_begins_as_a_formula_does_is_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "Walk.", "pain_nrs >= 4", "a = b", "5 - 3", "she@example.org", "“Walk”, she says"]
)
def test_other_text_is_as_it_was(text: str) -> None:
    assert cell(text) == text


def test_where_cells_end_at_semicolons_a_part_of_a_cell_is_no_formula_either() -> None:
    data = as_csv(["A", "B"], [["fine", "x;=1+1"], ["fine", 'x;"=1']]).data
    assert [row[1] for row in table(data)[1:]] == ["x;'=1+1", "x;'\"=1"]
    assert not any(part.lstrip("\"' ").startswith("=") for row in table(data, ";") for part in row if part[:1] != "'")


def test_numbers_stay_numbers_and_days_and_moments_are_written_one_way() -> None:
    row: list[Cell] = [-5, 0.5, None, True, date(2026, 1, 31), datetime(2026, 1, 31, 9, tzinfo=UTC)]
    data = as_csv(list("ABCDEF"), [row]).data
    assert data.decode("utf-8-sig").splitlines()[1] == "-5,0.5,,yes,2026-01-31,2026-01-31T09:00:00.000000Z"


def test_it_is_utf_8_with_its_mark_quoted_and_kept_as_a_file() -> None:
    response = as_csv(["Title", "Text"], [["“Ruhe”", 'a "b", c\nd']], name='Rules ../"x"')
    assert response.data.startswith(b"\xef\xbb\xbfTitle,Text\r\n")
    assert b'"a ""b"", c\nd"\r\n' in response.data
    assert response.headers["Content-Disposition"] == 'attachment; filename="rules-x.csv"'
    assert response.content_type == "text/csv; charset=utf-8"


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20) | st.text(
    "=+-@\t\r\n;\"' a,", max_size=8
)


@given(st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=4))
def test_whatever_people_wrote_comes_back_and_is_no_formula(rows: Sequence[Sequence[str]]) -> None:
    data = as_csv(["A", "B"], rows).data
    header, *found = table(data)
    assert header == ["A", "B"]
    assert [[part.replace("'", "") for part in row] for row in found] == [
        [part.replace("'", "") for part in row] for row in rows
    ]
    for row in found:
        assert not any(part.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for part in row)
        assert not any(part.strip().startswith(("=", "+", "-", "@")) for part in row)


def test_an_export_is_on_record(client: FlaskClient, service: Service) -> None:
    enter(client, "auditor")
    response = client.get("/desk/sources/export.csv")
    assert response.headers["Content-Disposition"] == 'attachment; filename="phasewise-sources-2026-06-01.csv"'
    assert "no-store" in response.headers["Cache-Control"]
    with service.sessions() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "export.made")).one()
        auditor = session.scalars(select(User).where(User.name == "auditor")).one()
        told = {"by": auditor.id, "what": "sources", "rows": len(table(response.data)) - 1}
        assert (event.actor, event.subject, event.origin) == ("auditor", "export/sources", "127.0.0.1")
        assert json.loads(event.details) == told
        assert told["rows"] > 0
        session.rollback()
        assert audit.verify(session).untouched
