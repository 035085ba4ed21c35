"""Decisions taken out, at the desk and by the API: valid files, no formulas, and on record before the first byte."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cds import keys
from cds.models import Purpose
from cds.search import decision_rows
from cds.service import Service
from knowledge.models import AuditEvent, User
from tests import clinic
from tests.clinic import Caller
from tests.desk import enter

AUDITOR_KEY = "pw_audit_0123456789"
DIABETIC = {"has_mbc": True, "age_years": 60, "diabetes_mellitus": True}
FORMULA = '=HYPERLINK("http://evil.example","patient")'
SCREENED = "rule=pre-exercise-screen-diabetes&outcome=recommended"


@pytest.fixture
def shipped_url(staffed_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with clinic.copied(staffed_sqlite, tmp_path) as url:
        yield url


@pytest.fixture
def asked(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Five answers, the first for a subject that a spreadsheet would calculate; they are taken out two at a time."""
    monkeypatch.setattr(decision_rows, "A_PAGE", 2)
    subjects = [FORMULA, "patient-2", None, "patient-4", "patient-5"]
    facts = [DIABETIC, DIABETIC, {"has_mbc": False}, DIABETIC, DIABETIC]
    return [caller.ask(some, subject=subject) for subject, some in zip(subjects, facts, strict=True)]


@pytest.fixture
def auditor(client: FlaskClient, service: Service) -> FlaskClient:
    """An auditor at the desk, who has the key of an audit too."""
    with service.sessions() as session:
        keys.issue(session, "The audit", by=None, at=clinic.LOADED, key=AUDITOR_KEY, purpose=Purpose.AUDIT)
        session.commit()
    assert enter(client, "auditor").status_code == 303
    return client


def exports(service: Service) -> list[tuple[str, str, dict[str, Any]]]:
    """What the record tells of exports: action, subject, details; the actor among them."""
    with service.sessions() as session:
        query = select(AuditEvent).where(AuditEvent.action.like("export.%")).order_by(AuditEvent.sequence)
        return [(one.action, one.actor, json.loads(one.details)) for one in session.scalars(query)]


def lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.decode().splitlines()]


def test_what_was_found_leaves_the_desk_as_a_table_without_formulas(
    auditor: FlaskClient, asked: list[dict[str, Any]], service: Service
) -> None:
    response = auditor.get(f"/desk/decisions/export.csv?{SCREENED}")
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="phasewise-decisions-2026-06-01.csv"'
    rows = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"), newline="")))
    expected = [one for one in reversed(asked) if one is not asked[2]]
    assert [row["decision_id"] for row in rows] == [one["decision_id"] for one in expected]
    assert [row["recommended"] for row in rows] == [str(len(one["recommendations"])) for one in expected]
    assert {row["outcome"] for row in rows} == {"recommended"}
    assert rows[-1]["subject"] == f"'{FORMULA}"
    assert not {"facts_posted", "facts_known"} & rows[0].keys()
    with service.sessions() as session:
        by = session.scalars(select(User.id).where(User.name == "auditor")).one()
    told = {"what": "decisions", "format": "csv", "facts": False, "by": by}
    criteria = {"rule": "pre-exercise-screen-diabetes", "outcome": "recommended"}
    begun, finished = exports(service)
    assert begun == ("export.begun", "auditor", {**told, "criteria": criteria})
    assert finished[:2] == ("export.finished", "auditor")
    assert finished[2]["rows"] == 4


def test_json_lines_hold_the_facts_only_if_they_are_asked_for(
    auditor: FlaskClient, asked: list[dict[str, Any]], service: Service
) -> None:
    bare = lines(auditor.get("/desk/decisions/export.jsonl").data)
    full = lines(auditor.get("/desk/decisions/export.jsonl?facts=1&q=patient-2").data)
    assert [one["decision_id"] for one in bare] == [one["decision_id"] for one in reversed(asked)]
    assert "facts_posted" not in bare[0]
    [one] = full
    assert one["facts_posted"] == DIABETIC
    by_api = Caller(auditor, {"Authorization": f"Bearer {AUDITOR_KEY}"})
    shown = by_api.shown(f"/api/v1/decisions/{one['decision_id']}")
    for name in ("facts_known", "facts_derived"):
        assert one[name] == shown[name], "in the shape in which one decision is shown"
    assert one["facts_known"]["age_years"] == 60
    assert (one["subject"], one["app_label"], one["removed"]) == ("patient-2", "The app of the tests", False)
    details = [details for _, _, details in exports(service)]
    assert details[2]["criteria"] == {"subject": "given"}
    assert details[2]["facts"] is True
    assert "patient-2" not in json.dumps(details)


def test_by_the_api_it_is_the_same_and_told_of_the_key(
    auditor: FlaskClient, asked: list[dict[str, Any]], service: Service
) -> None:
    by_api = Caller(auditor, {"Authorization": f"Bearer {AUDITOR_KEY}"})
    for form in ("csv", "jsonl"):
        taken = by_api.get(f"/api/v1/decisions/export?format={form}&facts=1&{SCREENED}")
        assert taken.data == auditor.get(f"/desk/decisions/export.{form}?facts=1&{SCREENED}").data
    assert {actor for _, actor, _ in exports(service)} == {"auditor", "key pw_audit (The audit)"}
    problem = clinic.problem_in(by_api.get("/api/v1/decisions/export?format=xls&facts=2&version=1"), 422)
    assert {error["pointer"] for error in problem["errors"]} == {"/format", "/facts"}
    problem = clinic.problem_in(by_api.get("/api/v1/decisions/export?format=csv&version=1"), 422)
    assert {error["pointer"] for error in problem["errors"]} == {"/version"}
    assert len(exports(service)) == 8


def test_it_is_on_record_before_the_first_byte_and_when_the_taker_hangs_up(
    auditor: FlaskClient, asked: list[dict[str, Any]], service: Service
) -> None:
    response = auditor.get("/desk/decisions/export.jsonl", buffered=False)
    assert [action for action, _, _ in exports(service)] == ["export.begun"]
    parts = response.iter_encoded()
    assert len(lines(next(parts))) == 2
    assert len(lines(next(parts))) == 2
    response.close()
    action, actor, details = exports(service)[-1]
    assert (action, actor, details["rows"]) == ("export.broken_off", "auditor", 2), "what was surely handed over"
    with service.sessions() as session:
        begun = session.get_one(AuditEvent, details["begun_in"])
    assert (begun.action, begun.origin) == ("export.begun", "127.0.0.1")


def test_one_that_goes_wrong_does_not_end_as_if_it_were_complete(
    auditor: FlaskClient, asked: list[dict[str, Any]], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = auditor.get("/desk/decisions/export.jsonl", buffered=False).iter_encoded()
    assert len(lines(next(parts))) == 2
    monkeypatch.setattr(decision_rows, "find", lambda *_, **__: 1 / 0)
    assert next(parts) == b"This list broke off here and is not complete.\n"
    with pytest.raises(ZeroDivisionError):
        next(parts)
    assert exports(service)[-1][0] == "export.broken_off"


def test_whoever_asks_for_the_headers_alone_takes_nothing(auditor: FlaskClient, service: Service) -> None:
    by_api = {"Authorization": f"Bearer {AUDITOR_KEY}"}
    for path in ("/desk/decisions/export.csv", "/desk/events/export.csv", "/api/v1/decisions/export?format=csv"):
        response = auditor.head(path, headers=by_api if path.startswith("/api") else None)
        assert response.content_type == "text/csv; charset=utf-8"
        assert response.headers["Content-Disposition"].startswith("attachment")
    assert exports(service) == []


def test_what_cannot_be_looked_for_is_not_taken_out(auditor: FlaskClient, service: Service) -> None:
    response = auditor.get("/desk/decisions/export.csv?rule=nobody&facts=1")
    assert (response.status_code, response.headers["Location"]) == (303, "/desk/decisions/?rule=nobody")
    page = auditor.get(response.headers["Location"]).text
    assert "No release has a rule “nobody”" in page
    assert exports(service) == []
