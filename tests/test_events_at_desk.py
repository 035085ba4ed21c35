"""The chain of events and the incidents at the desk: in words, narrowed, a page at a time, and taken out."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from admin.record import events as view
from cds import keys
from cds.models import Incident, Purpose
from cds.record.incidents import record_incident
from cds.service import Service
from knowledge.audit import record
from knowledge.models import AuditEvent, User
from knowledge.steps import SYSTEM
from tests import clinic
from tests.clinic import NOW, Caller
from tests.desk import enter
from tests.story import by_force
from tests.test_pages import read, words

AUDITOR_KEY = "pw_audit_0123456789"


@pytest.fixture
def shipped_url(staffed_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with clinic.copied(staffed_sqlite, tmp_path) as url:
        yield url


@pytest.fixture
def auditor(client: FlaskClient) -> FlaskClient:
    assert enter(client, "auditor").status_code == 303
    return client


def last(service: Service) -> AuditEvent:
    with service.sessions() as session:
        return session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc()).limit(1)).one()


def test_what_happened_is_said_in_words_with_who_when_from_where_and_leads_on(
    auditor: FlaskClient, service: Service
) -> None:
    before = last(service).sequence
    page = read(auditor, "/desk/events/")
    when = "1 June 2026, 09:00:00 UTC"
    assert f"Signed in person/auditor {when} · from 127.0.0.1 auditor {when} event {before} 127.0.0.1" in words(page)
    page = read(auditor, "/desk/events/?action=release.")
    said = words(page)
    assert "A release was put in force" in said
    assert "Signed in" not in said
    assert 'href="/desk/releases/1"' in page
    page = read(auditor, "/desk/events/?subject=rule/ext-oncologic-emergency-list")
    assert 'href="/desk/rules/ext-oncologic-emergency-list?version=1"' in page
    assert "the program" in words(page)
    assert last(service).sequence == before, "looking is no event"


@pytest.mark.parametrize("text", ["no JSON", "[5]"])
def test_one_that_was_touched_hides_no_other(auditor: FlaskClient, service: Service, text: str) -> None:
    touched = last(service).sequence
    with service.sessions() as session:
        by_force(session, f"UPDATE audit_events SET details = '{text}' WHERE sequence = {touched}")
        keys.issue(session, "The audit", by=None, at=NOW, key=AUDITOR_KEY, purpose=Purpose.AUDIT)
        session.commit()
    assert f"event {touched - 1}" in words(read(auditor, "/desk/events/"))
    assert f"Unreadable {text}" in words(read(auditor, f"/desk/events/{touched}"))
    by_api = Caller(auditor, {"Authorization": f"Bearer {AUDITOR_KEY}"})
    shown = {one["sequence"]: one["details"] for one in by_api.shown("/api/v1/events")["events"]}
    assert shown[touched] == {"unreadable": text}
    taken = auditor.get("/desk/events/export.jsonl").data.splitlines()
    assert json.loads(taken[-1])["sequence"] == 1


def test_an_event_names_people_not_their_numbers_and_the_account_that_ran_a_command(
    auditor: FlaskClient, service: Service
) -> None:
    with service.sessions() as session:
        session.info["account"] = "night-job"
        by = session.scalars(select(User.id).where(User.name == "auditor")).one()
        details = {"by": by, "activation": {"by": by, "since": "2026-01-01"}}
        record(session, action="export.made", subject="export/sheet/release/1", actor=SYSTEM, at=NOW, details=details)
        session.commit()
    said = words(read(auditor, f"/desk/events/{last(service).sequence}"))
    assert "A sheet was taken" in said
    assert "Who the program, from the account night-job" in said
    assert "By auditor" in said
    assert "Activation, by auditor" in said
    said = words(read(auditor, "/desk/events/"))
    assert "the program, from the account night-job" in said
    assert "could write all of it anew" in said, "what the chain alone cannot show"


def test_one_event_tells_all_of_itself_and_leads_to_its_neighbours(auditor: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "release.activated")).one()
    page = read(auditor, f"/desk/events/{event.sequence}")
    said = words(page)
    assert "Why Shipped with Phasewise." in said
    assert "Activation, since 2026-01-01T00:00:00.000000Z" in said
    for text in (
        event.digest,
        str(event.previous),
        f"/desk/events/{event.sequence - 1}",
        f"/desk/events/{event.sequence + 1}",
    ):
        assert text in page
    assert auditor.get("/desk/events/999999").status_code == 404
    assert auditor.get(f"/desk/events/{2**70}").status_code == 404


def test_the_pages_of_the_list_hold_every_event_once(
    auditor: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "PAGE", 250)
    path, found = "/desk/events/", []
    while path:
        page = read(auditor, path)
        found += re.findall(r'href="/desk/events/(\d+)">', page)
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert found == [str(number) for number in range(last(service).sequence, 0, -1)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=2026-02-30", "There is no such day."),
        ("until=x", "This is not a moment"),
        ("since=2026-02-02&until=2026-02-01", "This is not after the beginning"),
        ("actor=%00", "control character"),
        (f"subject={'x' * 201}", "more than 200 characters"),
        ("actor=Nobody+at+all", "No event fits. A name is looked for in full"),
        ("before=abc", "Signed in"),
        ("subject=%25", "No event fits"),
        ("action=incidents.", "No action is called “incidents.” or begins so. Did you mean “incident.”?"),
    ],
)
def test_what_cannot_be_looked_for_is_said_at_its_field(auditor: FlaskClient, query: str, said: str) -> None:
    assert said in words(read(auditor, f"/desk/events/?{query}"))


def test_events_are_taken_out_whole_and_that_is_an_event(auditor: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        stored = session.scalars(select(func.count()).select_from(AuditEvent)).one()
        keys.issue(session, "The audit", by=None, at=NOW, key=AUDITOR_KEY, purpose=Purpose.AUDIT)
        session.commit()
    lines = auditor.get("/desk/events/export.jsonl").data.decode().splitlines()
    events = [json.loads(line) for line in lines]
    assert [one["sequence"] for one in events] == list(range(stored + 2, 0, -1)), "the export’s own event is the first"
    assert events[0]["action"] == "export.begun"
    assert all(one["previous"] == older["digest"] for one, older in pairwise(events))
    assert (last(service).action, json.loads(last(service).details)["rows"]) == ("export.finished", len(events))
    query = "action=release.&subject=Smith,+Jane"
    assert auditor.get(f"/desk/events/export.csv?{query}").status_code == 200
    with service.sessions() as session:
        begun = session.get_one(AuditEvent, last(service).sequence - 1)
    assert json.loads(begun.details)["criteria"] == {"action": "release.", "subject": "given"}
    by_api = Caller(auditor, {"Authorization": "Bearer pw_audit_0123456789"})
    taken = by_api.get("/api/v1/events/export?format=csv&action=release.").data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(taken, newline="")))
    assert {row["action"] for row in rows} == {"release.imported", "release.activated"}
    assert auditor.get("/desk/events/export.csv?since=x").headers["Location"] == "/desk/events/?since=x"


def test_an_incident_shows_what_was_kept_and_that_it_was_read(
    auditor: FlaskClient, caller: Caller, service: Service
) -> None:
    assert "There has been none" in words(read(auditor, "/desk/incidents/"))
    key = caller.ask({"has_mbc": True})["decision_id"]
    with service.sessions() as session:
        detail = {"decision_id": key, "facts_posted": {"pain_nrs": 8}}
        number = record_incident(session, "disagreement", detail, release_id=1, at=NOW)
        session.add(Incident(at=NOW, kind="of_old", release_id=None, detail="no JSON"))
        session.commit()
    assert f'href="/desk/incidents/{number}"' in read(auditor, "/desk/")
    assert "did not agree" in words(read(auditor, "/desk/incidents/"))
    page = read(auditor, f"/desk/incidents/{number}")
    assert "pain_nrs" in page
    assert f"/desk/decisions/{key}" in page
    read_event = last(service)
    assert (read_event.action, read_event.subject, read_event.actor) == (
        "incident.read",
        f"incident/{number}",
        "auditor",
    )
    assert f"/desk/events/{read_event.sequence - 1}" in page, "the event that told of it"
    said = words(read(auditor, f"/desk/incidents/{number + 1}"))
    assert "None tells of it" in said
    assert "no JSON" in said
    assert auditor.get("/desk/incidents/999").status_code == 404
    assert clinic.counts(service)["incidents"] == 2
