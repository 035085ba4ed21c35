"""A decision that was touched is still read: its page and the API say what is wrong, and nobody waits for a reader."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from cds import keys
from cds.models import Purpose
from cds.replay import accounts, in_full
from cds.service import Service
from cds.upkeep import keep_up
from knowledge import audit
from tests.clinic import LOADED, NOW, Caller, problem_in
from tests.story import by_force

AUDITOR_KEY = "pw_audit_0123456789"


@pytest.fixture
def auditor(client: FlaskClient, service: Service) -> Caller:
    with service.sessions() as session:
        keys.issue(session, "The audit", by=None, at=LOADED, key=AUDITOR_KEY, purpose=Purpose.AUDIT)
        session.commit()
    return Caller(client, {"Authorization": f"Bearer {AUDITOR_KEY}"})


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ("removed_in = 99999, personal = 'sha256:00'", "facts_removed"),
        ("facts_known = '5'", "same"),
        ("actors = '5'", "not_possible"),
        ("digest = 'none'", "same"),
    ],
)
def test_it_is_read_and_has_no_proof(
    auditor: Caller, caller: Caller, service: Service, change: str, outcome: str
) -> None:
    asked = caller.ask({"has_mbc": True, "pain_nrs": 7})["decision_id"]
    keep_up(service)
    with service.sessions() as session:
        by_force(session, f"UPDATE decisions SET {change}")
        session.commit()
    assert auditor.shown(f"/api/v1/decisions/{asked}")["replay"]["outcome"] == outcome
    refused = problem_in(auditor.get(f"/api/v1/decisions/{asked}/proof"), 409)
    assert "does not fit what was sealed" in refused["detail"]


def test_others_write_while_a_decision_is_set_out_for_a_reader(
    auditor: Caller, caller: Caller, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = caller.ask({"has_mbc": True})["decision_id"]

    def meanwhile(session: Session, made: Any) -> list[accounts.RuleAccount]:
        with service.sessions() as other:
            audit.record(other, action="elsewhere", subject="it", actor="Ada", at=NOW, details={})
            other.commit()
        return accounts.accounts_of(session, made)

    monkeypatch.setattr(in_full, "accounts_of", meanwhile)
    assert auditor.shown(f"/api/v1/decisions/{asked}")["replay"]["outcome"] == "same"
