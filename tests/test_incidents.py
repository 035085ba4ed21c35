"""Incidents read by the API: narrowed, a page at a time, and each with what was kept of it; reading is an event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cds.models import Incident
from cds.record import retention
from cds.record.incidents import Kind, record_incident
from cds.service import Service
from knowledge.database import sessions
from knowledge.models import AuditEvent
from tests import clinic
from tests.clinic import NOW, Caller, problem_in
from tests.databases import BOTH
from tests.test_auditing import auditor as auditor

pytest_plugins = ["tests.databases"]


@pytest.fixture(params=BOTH)
def shipped_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with clinic.copied(request.getfixturevalue(f"shipped_{request.param}"), tmp_path) as url:
        yield url


@pytest.fixture
def decided(service: Service, caller: Caller) -> str:
    """A decision, of which the first of three incidents speaks; the last is of old and no event tells of it."""
    key = caller.ask({"has_mbc": True})["decision_id"]
    with service.sessions() as session:
        kept = {"decision_id": key, "facts_posted": {"pain_nrs": 8}}
        record_incident(session, Kind.DISAGREEMENT, kept, release_id=1, at=NOW - timedelta(days=2))
        record_incident(session, Kind.REPLAY, {}, release_id=1, at=NOW, actor="key pw_1 (An audit)")
        session.add(Incident(at=NOW, kind="of_old", release_id=None, detail="no JSON"))
        session.commit()
    return key


def numbers(page: dict[str, Any]) -> list[int]:
    return [one["incident"] for one in page["incidents"]]


def test_incidents_are_listed_the_newest_first_by_kind_release_and_time(auditor: Caller, decided: str) -> None:
    page = auditor.shown("/api/v1/incidents")
    assert (numbers(page), page["older"]) == ([3, 2, 1], None)
    assert "pain_nrs" not in json.dumps(page), "a list speaks of no patient"
    for asked, found in {
        "kind=disagreement": [1],
        "release=1": [2, 1],
        "since=2026-05-31": [3, 2],
        "until=2026-05-31": [1],
        "kind=replay&until=2026-05-31": [],
    }.items():
        assert numbers(auditor.shown(f"/api/v1/incidents?{asked}")) == found, asked
    first = auditor.shown("/api/v1/incidents?limit=2")
    assert (numbers(first), first["older"]) == ([3, 2], 2)
    assert numbers(auditor.shown(f"/api/v1/incidents?limit=2&before={first['older']}")) == [1]


def test_one_is_read_with_all_that_was_kept_and_that_is_on_record(
    auditor: Caller, service: Service, decided: str
) -> None:
    one = auditor.shown("/api/v1/incidents/1")
    assert one["kept"] == {"decision_id": decided, "facts_posted": {"pain_nrs": 8}}
    assert (one["decision_id"], one["kind"], one["release"], one["told_by"]) == (decided, "disagreement", 1, "system")
    assert one["means"].startswith("The engine and the plain reading of the rules did not agree")
    of_old = auditor.shown("/api/v1/incidents/3")
    assert (of_old["kept"], of_old["event"], of_old["digest"], of_old["release"]) == ("no JSON", None, None, None)
    with service.sessions() as session:
        told = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc()).limit(2)).all()
        recorded = session.get_one(AuditEvent, one["event"])
        incident = session.get_one(Incident, 1)
    assert [(event.action, event.subject) for event in told] == [
        ("incident.read", "incident/3"),
        ("incident.read", "incident/1"),
    ]
    assert told[0].actor == "key pw_audit (The audit of the tests)"
    assert (recorded.subject, json.loads(recorded.details)["digest"]) == ("incident/1", one["digest"])
    assert one["digest"] == incident.digest


def test_of_what_was_removed_nothing_is_shown_but_that_it_was(auditor: Caller, service: Service, decided: str) -> None:
    removal = retention.asked(1, "Kept for a day.", at=NOW + timedelta(hours=1))
    with service.owner() as owner, sessions(owner)() as session:
        for _ in retention.removed(session, removal):
            session.commit()
    one = auditor.shown("/api/v1/incidents/1")
    assert (one["removed"], one["kept"], one["decision_id"]) == (True, None, None)
    assert auditor.shown("/api/v1/incidents/2")["removed"] is False
    with service.sessions() as session:
        assert session.get_one(AuditEvent, one["removed_in"]).action == "facts.removed"


def test_what_there_is_none_of_is_said(auditor: Caller, decided: str) -> None:
    for path in ("4", "99999999999999999999"):
        assert "There is no incident" in problem_in(auditor.get(f"/api/v1/incidents/{path}"), 404)["detail"]
    for asked, error in {
        "kind=replai": {"pointer": "/kind", "suggestion": "replay"},
        "release=2": {"pointer": "/release", "detail": "There is no release 2. The newest is release 1."},
        "release=99999999999999999999": {"pointer": "/release"},
        "limit=0": {"pointer": "/limit"},
        "since=2026-02-02&until=2026-02-01": {"pointer": "/until"},
    }.items():
        [found] = problem_in(auditor.get(f"/api/v1/incidents?{asked}"), 422)["errors"]
        assert error.items() <= found.items(), asked
    assert numbers(auditor.shown("/api/v1/incidents?before=99999999999")) == [3, 2, 1]
