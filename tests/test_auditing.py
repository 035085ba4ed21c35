"""The API of auditors: a key of their own lets them read the record, and nothing else; each reading is an event."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from cds import keys
from cds.models import Purpose
from cds.service import Service
from cds.upkeep import keep_up
from knowledge.models import AuditEvent
from tests.clinic import ASK, BATCH, LOADED, Caller, counts, problem_in

AUDITOR_KEY = "pw_audit_0123456789"


@pytest.fixture
def auditor(service: Service, client: FlaskClient) -> Caller:
    """Whoever holds a key that is for auditing."""
    with service.sessions() as session:
        keys.issue(session, "The audit of the tests", by=None, at=LOADED, key=AUDITOR_KEY, purpose=Purpose.AUDIT)
        session.commit()
    return Caller(client, {"Authorization": f"Bearer {AUDITOR_KEY}"})


def routes(app: Flask, blueprint: str) -> list[tuple[str, str]]:
    """Each method and address of a part of the API, with something in place of what the address names."""
    return [
        (method, re.sub("<string:[a-z_]+>", "x", rule.rule).replace("<int:number>", "1"))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(f"{blueprint}.")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_an_auditors_key_asks_for_no_answer(auditor: Caller, service: Service) -> None:
    before = counts(service)
    for path, body in ((ASK, {"facts": {}}), (BATCH, {"patients": [{"facts": {}}]})):
        problem = problem_in(auditor.post(body, path), 403)
        assert problem["type"].endswith("not-for-this-key")
    assert counts(service) == before


def test_it_reads_what_is_in_force(auditor: Caller) -> None:
    for path in ("facts", "rules", "releases", "releases/1"):
        assert auditor.get(f"/api/v1/{path}").status_code == 200


def test_the_key_of_an_app_reads_nothing_of_the_record(app: Flask, caller: Caller) -> None:
    of_auditors = routes(app, "audit")
    assert ("GET", "/api/v1/events") in of_auditors
    for method, address in of_auditors:
        problem = problem_in(caller.client.open(address, method=method, headers=caller.headers), 403)
        assert "for auditing" in problem["detail"]


def test_no_address_passes_over_a_filter_that_it_does_not_know(app: Flask, auditor: Caller, caller: Caller) -> None:
    for who, blueprint in ((auditor, "audit"), (caller, "v1")):
        for method, address in routes(app, blueprint):
            asked = f"{address}?nonsense=1"
            [error] = problem_in(who.client.open(asked, method=method, headers=who.headers), 422)["errors"]
            assert error["pointer"] == "/nonsense", asked
            assert "filters" in error["detail"], asked


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ("decisions?subject=", "/subject"),
        ("decisions/export?format=csv&subject=+", "/subject"),
        ("in-force?at=", "/at"),
        ("events?action=incidents.", "/action"),
        ("events/export?format=csv&action=%25", "/action"),
    ],
)
def test_what_would_find_all_or_nothing_by_a_slip_is_refused(auditor: Caller, asked: str, pointer: str) -> None:
    [error] = problem_in(auditor.get(f"/api/v1/{asked}"), 422)["errors"]
    assert error["pointer"] == pointer


def test_events_are_read_a_page_at_a_time(auditor: Caller, service: Service) -> None:
    with service.sessions() as session:
        written = session.scalars(select(AuditEvent.sequence).where(AuditEvent.action.like("release.%"))).all()
    page = auditor.shown("/api/v1/events?action=release.")
    assert [one["sequence"] for one in page["events"]] == sorted(written, reverse=True)
    assert page["events"][0]["details"]
    first = auditor.shown("/api/v1/events?subject=rule/")
    assert len(first["events"]) == 100
    second = auditor.shown(f"/api/v1/events?subject=rule/&before={first['older']}")
    assert second["events"][0]["sequence"] < first["events"][-1]["sequence"]


def test_reading_is_an_event_that_names_the_key(auditor: Caller, service: Service) -> None:
    auditor.shown("/api/v1/events")
    with service.sessions() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc()).limit(1)).one()
    assert (event.action, event.actor) == ("events.read", "key pw_audit (The audit of the tests)")
    assert event.origin == "127.0.0.1"
    assert json.loads(event.details) == {"events": 100}


def test_a_proof_is_had_by_the_auditor_and_by_the_app_that_asked(
    auditor: Caller, caller: Caller, service: Service
) -> None:
    asked = caller.ask({"has_mbc": True, "pain_nrs": 7}, subject="patient 7")["decision_id"]
    path = f"/api/v1/decisions/{asked}/proof"
    assert problem_in(auditor.get(path), 409)["detail"].startswith(f"Decision {asked} is not sealed yet.")
    assert keep_up(service) == 1
    with service.sessions() as session:
        stranger = keys.issue(session, "Another app", by=None, at=LOADED)
        session.commit()
    other = Caller(auditor.client, {"Authorization": f"Bearer {stranger}"})
    nowhere = problem_in(other.get("/api/v1/decisions/x/proof"), 404)["detail"]
    assert nowhere == "This API key made no decision 'x'."
    assert problem_in(other.get(path), 404)["detail"] == nowhere.replace("'x'", repr(asked)), "it is not told apart"
    with service.sessions() as session:
        refused = session.scalars(select(AuditEvent).where(AuditEvent.action == "request.refused")).all()
    assert [event.subject for event in refused] == [f"decision/{asked}"], "but it is on record"
    for reader in (auditor, caller):
        plain, full = reader.shown(path), reader.shown(f"{path}?include=facts")
        assert full["disclosed"]["personal"]["subject"] == "patient 7"
        assert "patient 7" not in json.dumps(plain)
        assert {**plain, "disclosed": full["disclosed"]} == full
    assert "There is no decision" in problem_in(auditor.get("/api/v1/decisions/x/proof"), 404)["detail"]
    problem_in(auditor.get(f"{path}?include=all"), 422)
    with service.sessions() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "decision.proven")).all()
    assert [(event.actor.split()[1], json.loads(event.details)["with_facts"]) for event in events] == [
        ("pw_audit", False),
        ("pw_audit", True),
        ("pw_tests", False),
        ("pw_tests", True),
    ]
    assert {event.subject for event in events} == {f"decision/{asked}"}


BAD: dict[str, dict[str, Any]] = {
    "/api/v1/events?befor=3": {"pointer": "/befor", "suggestion": "before"},
    "/api/v1/events?before=x": {"pointer": "/before"},
    "/api/v1/events?action=a&action=b": {"pointer": "/action"},
    "/api/v1/events?before=0": {"pointer": "/before"},
    "/api/v1/events?since=yesterday": {"pointer": "/since"},
    "/api/v1/events?since=2026-02-02&until=2026-02-01": {"pointer": "/until"},
    "/api/v1/events?action=%00": {"pointer": "/action"},
    "/api/v1/events?since=2026-01-01T00:00:00": {"pointer": "/since"},
    "/api/v1/events?until=0001-01-01T00:00:00%2B14:00": {"pointer": "/until"},
    "/api/v1/events/export?format=csv&since=9999-12-31T23:59:59-14:00": {"pointer": "/since"},
    "/api/v1/decisions?until=0001-01-01T00:00:00Z": {"pointer": "/until"},
    "/api/v1/decisions?rules=x": {"pointer": "/rules", "suggestion": "rule"},
    "/api/v1/decisions?limit=101": {"pointer": "/limit"},
    "/api/v1/decisions?outcome=recomended": {"pointer": "/outcome", "suggestion": "recommended"},
    "/api/v1/decisions?version=1": {"pointer": "/version"},
    "/api/v1/decisions?rule=pre-exercise-screen-diabetis": {
        "pointer": "/rule",
        "suggestion": "pre-exercise-screen-diabetes",
    },
    "/api/v1/decisions?since=2026-02-30": {"pointer": "/since"},
    "/api/v1/decisions?until=2026-01-01T00:00:00": {"pointer": "/until"},
    "/api/v1/decisions?subject=%00": {"pointer": "/subject"},
}


@pytest.mark.parametrize("path", BAD)
def test_what_cannot_be_asked_is_said(auditor: Caller, path: str) -> None:
    [error] = problem_in(auditor.get(path), 422)["errors"]
    assert BAD[path].items() <= error.items()


def test_days_narrow_the_events_and_the_last_is_among_them(auditor: Caller, service: Service) -> None:
    with service.sessions() as session:
        first = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence).limit(1)).one()
    day = f"{first.at:%Y-%m-%d}"
    held = auditor.shown(f"/api/v1/events?since={day}&until={day}&action=version.")["events"]
    assert {one["at"][:10] for one in held} == {day}
    assert auditor.shown("/api/v1/events?until=2025-12-31")["events"] == []


def test_decisions_of_all_apps_are_found_and_the_search_is_told_without_the_subject(
    auditor: Caller, caller: Caller, service: Service
) -> None:
    asked = [
        caller.ask({"has_mbc": True, "age_years": 60, "diabetes_mellitus": diabetic}, subject=f"s-{number}")
        for number, diabetic in enumerate([True, False, True])
    ]
    screened = "rule=pre-exercise-screen-diabetes&outcome=recommended"
    first = auditor.shown(f"/api/v1/decisions?{screened}&limit=1")
    assert [one["decision_id"] for one in first["decisions"]] == [asked[2]["decision_id"]]
    assert first["decisions"][0].items() >= {"outcome": "recommended", "release": 1, "subject": "s-2"}.items()
    assert first["decisions"][0]["recommended"] == len(asked[2]["recommendations"])
    second = auditor.shown(f"/api/v1/decisions?{screened}&limit=1&before={first['older']}")
    assert [one["decision_id"] for one in second["decisions"]] == [asked[0]["decision_id"]]
    assert second["older"] is None
    assert len(auditor.shown("/api/v1/decisions?subject=s-1&until=2026-06-01")["decisions"]) == 1
    with service.sessions() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc()).limit(1)).one()
    assert event.action == "decisions.searched"
    told = {"subject": "given", "until": "2026-06-02T00:00:00.000000Z"}
    assert json.loads(event.details) == {"criteria": told, "decisions": 1}


def test_a_sheet_says_what_is_missing(auditor: Caller, service: Service) -> None:
    rule = auditor.shown("/api/v1/rules/pre-exercise-screen-diabetes/versions/1/sheet")
    assert (rule["kind"], rule["key"], rule["number"]) == ("rule", "pre-exercise-screen-diabetes", 1)
    assert "2 of 13 source attributes are not stated: developer" in rule["headline"].lower()
    release = auditor.shown("/api/v1/releases/1/sheet")
    assert len(release["rules"]) > 200
    with service.sessions() as session:
        read = session.scalars(select(AuditEvent.subject).where(AuditEvent.action == "sheet.read")).all()
    assert read == ["rule/pre-exercise-screen-diabetes/1", "release/1"]


@pytest.mark.parametrize(
    "path",
    ["rules/nobody/versions/1", "rules/pre-exercise-screen-diabetes/versions/9", "releases/2", f"releases/{2**40}"],
)
def test_there_is_no_sheet_of_what_is_not_there(auditor: Caller, path: str) -> None:
    assert "There is no" in problem_in(auditor.get(f"/api/v1/{path}/sheet"), 404)["detail"]
