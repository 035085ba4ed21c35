"""A decision's page says how it is provable and gives the proof; the home says when the record was last checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cds.proofs.verifying import last_verified
from cds.service import Service
from cds.upkeep import keep_up
from knowledge.database import connect, sessions
from knowledge.models import AuditEvent
from tests.clinic import Caller, Command
from tests.desk import enter, staffed_copy
from tests.story import by_force
from tests.test_pages import read, words
from tests.test_proving import checked


@pytest.fixture
def shipped_url(shipped_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with staffed_copy(shipped_sqlite, tmp_path) as url:
        yield url


def test_the_proof_is_taken_from_the_decisions_page(client: FlaskClient, caller: Caller, service: Service) -> None:
    asked = caller.ask({"has_mbc": True, "pain_nrs": 7}, subject="patient-0001")["decision_id"]
    enter(client, "auditor")
    page = f"/desk/decisions/{asked}"
    assert "Not provable yet" in words(read(client, page))
    refused = client.get(f"{page}/proof.json")
    assert (refused.status_code, "is not sealed yet" in refused.text) == (409, True)
    assert keep_up(service) == 1
    assert "in the batch of numbers 1 to 1. No anchor covers it yet" in words(read(client, page))
    for asked_for, disclosed in (("", False), ("?include=facts", True)):
        assert f'href="{page}/proof.json{asked_for}"' in read(client, page)
        taken = client.get(f"{page}/proof.json{asked_for}")
        assert taken.headers["Content-Disposition"] == f'attachment; filename="phasewise-proof-{asked}.json"'
        assert ("patient-0001" in taken.text) is disclosed
        assert checked(taken.text)[0] == 0
    assert client.get("/desk/decisions/nothing/proof.json").status_code == 404
    with service.sessions() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "decision.proven")).all()
    assert [(event.actor, json.loads(event.details)) for event in events] == [
        ("auditor", {"with_facts": False, "role": "auditor"}),
        ("auditor", {"with_facts": True, "role": "auditor"}),
    ]


def test_a_decision_that_was_touched_has_no_proof_and_the_page_goes_on(
    client: FlaskClient, caller: Caller, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = caller.ask({"has_mbc": True})["decision_id"]
    keep_up(service)
    enter(client, "auditor")
    monkeypatch.setattr("cds.proofs.proving.decision_digest", lambda row: "sha256:00")
    refused = client.get(f"/desk/decisions/{asked}/proof.json")
    assert (refused.status_code, "does not fit what was sealed" in refused.text) == (409, True)
    monkeypatch.setattr("cds.proofs.proving.batch_in", lambda event, details: json.loads("{"))
    assert "An event that seals decisions cannot be read." in words(read(client, f"/desk/decisions/{asked}"))


def test_the_home_says_when_the_record_was_last_checked_and_anchored(
    client: FlaskClient, runner: Command, tmp_path: Path
) -> None:
    enter(client, "auditor")
    said = words(read(client, "/desk/"))
    assert "No check of it was put on record yet." in said
    assert "No anchor was taken yet" in said
    assert runner("audit", "key", tmp_path / "key").exit_code == 0
    assert runner("audit", "anchor", "--key", tmp_path / "key", "--to", tmp_path).exit_code == 0
    [anchor] = tmp_path.glob("*.jws")
    assert runner("audit", "verify").exit_code == 0
    assert "No check of it was put on record yet." in words(read(client, "/desk/"))
    verified = runner("audit", "verify", "--record", "--anchor", anchor, "--key", tmp_path / "key.pub")
    assert verified.exit_code == 0
    said = words(read(client, "/desk/"))
    assert "nothing was touched. It holds 1 anchor that was kept elsewhere." in said
    assert "The last anchor was taken on" in said


def test_of_a_record_that_was_touched_nothing_more_is_recorded(runner: Command, shipped_url: str) -> None:
    engine = connect(shipped_url)
    with sessions(engine).begin() as session:
        by_force(session, "UPDATE releases SET reason = 'Nothing.'")
    bad = runner("audit", "verify", "--record")
    assert (bad.exit_code, "Nothing was put on record" in bad.stdout) == (1, True)
    with sessions(engine)() as session:
        assert last_verified(session) is None
    engine.dispose()


def test_verifying_says_how_far_it_has_come_unless_it_is_to_be_quiet(
    runner: Command, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        caller.ask({"has_mbc": True})
    monkeypatch.setattr("cds.commands.progress._ELSEWHERE", 0)
    told = runner("audit", "verify").stderr.splitlines()
    assert told[0] == "Checked 1 event."
    assert [line for line in told if "3 decisions" in line][:3] == [f"Checked {n} of 3 decisions." for n in (1, 2, 3)]
    assert runner("audit", "verify", "--quiet").stderr == ""
