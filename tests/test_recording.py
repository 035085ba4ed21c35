"""What is kept of an answer makes it again, to the byte; what is kept of an incident makes it happen again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cds.deciding import Answer, Disagreement, Question, decide, letters
from cds.decisions.intake.resolver import FactResolver
from cds.models import Decision, Incident
from cds.record import digests, sealing
from cds.record.recording import question_of
from cds.releases import PreparedRelease
from cds.service import Service, service_of
from cds.serving import prepare
from knowledge import audit
from knowledge.models import AuditEvent
from tests import clinic
from tests.clinic import ASK, BATCH, NOW, Caller, counts, problem_in
from tests.databases import BOTH

IN_PAIN = {"has_mbc": True, "age_years": 70, "disease_phase": "stable", "pain_nrs": 8}


@pytest.fixture(scope="module", params=BOTH)
def caller(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    shipped = request.getfixturevalue(f"shipped_{request.param}")
    with clinic.asked(shipped, tmp_path_factory.mktemp("recording")) as caller:
        yield caller


@pytest.fixture
def service(caller: Caller) -> Service:
    return service_of(caller.client.application)


def again(service: Service, decision_id: str) -> tuple[Decision, PreparedRelease, Answer]:
    """The row of a decision, its release, and the answer made anew from the two."""
    with service.sessions() as session:
        row = session.get_one(Decision, decision_id)
        release = service.serving.of(session, row.release_id)
        return row, release, decide(release, question_of(row), clinically_approved=False)


REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "bare values": (ASK, {"facts": IN_PAIN}),
    "nothing known": (ASK, {"facts": {}}),
    "everything not known": (ASK, {"facts": {"pain_nrs": None, "ecog_ps": {"value": None}}}),
    "with what is not met": (f"{ASK}?include=not_met", {"facts": IN_PAIN}),
    "for a patient": (ASK, {"facts": IN_PAIN, "actors": ["patient"]}),
    "for several, one of them twice": (ASK, {"facts": IN_PAIN, "actors": ["caregiver", "oncologist", "caregiver"]}),
    "a moment to the microsecond in another zone": (
        ASK,
        {
            "facts": {**IN_PAIN, "mbc_diagnosis_date": "2025-12-06"},
            "evaluated_at": "2026-01-31T23:59:59.123456+13:45",
        },
    ),
    "at the beginning of time": (ASK, {"facts": {"age_years": 60}, "evaluated_at": "0001-01-01T00:00:00Z"}),
    "observations that disagree": (
        ASK,
        {
            "facts": {
                "pain_nrs": [
                    {"value": 7, "observed_at": "2026-06-01T08:00:00Z", "source": "patient 🌷"},
                    {"value": 3, "observed_at": "2026-06-01T08:30:00+00:00", "source": None},
                ]
            }
        },
    ),
    "numbers of every kind": (
        ASK,
        {"facts": {"bmi": 22, "spo2_room_air": 93.10, "hematocrit": 4.2e1, "metastatic_sites": ["liver", "bone"]}},
    ),
    "what cannot be used set aside": (
        ASK,
        {
            "facts": {**IN_PAIN, "hematocrit": "about 20", "ecog": 2, "spo2_room_air": {"value": 84, "by": "nurse"}},
            "unusable_facts": "set_aside",
        },
    ),
    "what cannot be used refused, where there is nothing": (ASK, {"facts": IN_PAIN, "unusable_facts": "refuse"}),
    "limits alone": (
        ASK,
        {
            "facts": {
                "hematocrit": "<20",
                "pain_nrs": ">=5",
                "kps": "<50",
                "birth_date": "1970",
                "mbc_diagnosis_date": "2026-03",
                "age_years": {"value": 55, "observed_at": "2025-06-02T09:00:00Z"},
            }
        },
    ),
    "observations taken back, of another unit, contradicted": (
        ASK,
        {
            "facts": {
                "pain_nrs": [
                    {"value": 9, "observed_at": "2026-06-01T07:00:00Z", "source": "nurse"},
                    {"retracts": True, "observed_at": "2026-06-01T08:00:00Z", "source": "nurse"},
                ],
                "pao2_mmhg": {"value": 7.3, "unit": "kPa"},
                "bone_metastasis": {"value": False, "observed_at": "2026-01-01T08:00:00Z"},
                "metastatic_sites": ["bone"],
                "disease_phase": {"value": "stable", "source": "neighbor"},
            },
            "evaluated_at": "2026-06-01T18:00:00+09:00",
        },
    ),
    "outside the population": (f"{ASK}?include=not_met", {"facts": {"has_mbc": False}, "subject": "Zoë"}),
}


@pytest.mark.parametrize(("path", "request_"), REQUESTS.values(), ids=REQUESTS)
def test_asking_again_from_the_record_gives_the_same_bytes(
    caller: Caller, service: Service, path: str, request_: dict[str, Any]
) -> None:
    sent = caller.post(request_, path)
    assert sent.status_code == 200
    row, release, answer = again(service, json.loads(sent.data)["decision_id"])
    assert answer.response == sent.data
    assert row.response_digest == f"sha256:{hashlib.sha256(sent.data).hexdigest()}"
    assert row.states == letters(release, answer.states)
    assert json.loads(row.facts_posted) == request_["facts"]
    assert row.subject == request_.get("subject")
    assert row.recorded_at == NOW
    assert json.loads(row.facts_known)["derived"] == {
        name: derived.when for name, derived in answer.resolved.derived.items()
    }


def test_every_shipped_patient_is_answered_again_as_the_first_time(caller: Caller, service: Service) -> None:
    patients = [
        {"facts": dict(one.facts), "evaluated_at": one.evaluated_at.isoformat()}
        for one in clinic.shipped_base().vignettes.values()
    ]
    results = json.loads(caller.post({"patients": patients}, BATCH).data)["results"]
    assert len(results) == len(patients) > 100
    for one in results:
        row, _, answer = again(service, one["answer"]["decision_id"])
        assert json.loads(answer.response) == one["answer"]
        assert row.response_digest == f"sha256:{hashlib.sha256(answer.response).hexdigest()}"


def test_a_recorded_decision_is_proven_by_its_digest_and_sealed(caller: Caller, service: Service) -> None:
    decision = caller.ask(IN_PAIN)["decision_id"]
    with service.sessions() as session:
        row = session.get_one(Decision, decision)
        columns = {column.name: getattr(row, column.name) for column in Decision.__table__.columns}
        assert row.digest == digests.decision_digest(columns)
    with service.sessions() as session:
        assert sealing.seal(session, NOW + timedelta(hours=1)) > 0
        session.commit()
    with service.sessions() as session:
        verification = audit.verify(session, sealing.check_decisions)
    assert verification.problem is None
    assert verification.checked["sealed batches"] >= 1


def test_each_decision_has_a_salt_that_keeps_its_digest_from_giving_the_facts_away(
    caller: Caller, service: Service
) -> None:
    decisions = [caller.ask(IN_PAIN)["decision_id"] for _ in range(2)]
    with service.sessions() as session:
        first, second = (session.get_one(Decision, decision) for decision in decisions)
        columns = {column.name: getattr(first, column.name) for column in Decision.__table__.columns}
    assert first.salt != second.salt
    assert len(bytes.fromhex(first.salt)) == 16
    assert digests.personal_digest(columns) != digests.personal_digest({**columns, "salt": second.salt})


@pytest.fixture
def lying(caller: Caller, service: Service, monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine forgets the rule on uncontrolled pain, until the test puts it right."""
    with service.sessions() as session:
        release = service.serving.current(session).release
    forgotten = release.rules["ext-oncologic-emergency-list"].condition
    honest = type(release.engine).fire
    monkeypatch.setattr(type(release.engine), "fire", lambda engine, facts: honest(engine, facts) - {forgotten})
    return forgotten


def test_when_engine_and_plain_reading_disagree_nothing_is_recommended_and_the_incident_is_recorded(
    caller: Caller, service: Service, lying: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counts(service)
    asked = {"facts": {**IN_PAIN, "fatigue_present": None}, "evaluated_at": "2026-01-31T09:00:00Z", "subject": "p"}
    response = caller.post(asked)
    problem = problem_in(response, 500)
    assert problem["type"] == "urn:phasewise:problem:incident"
    assert "recommendations" not in problem
    assert "ext-oncologic-emergency-list" not in response.text
    after = counts(service)
    assert after["decisions"] == before["decisions"]
    assert after["incidents"] == before["incidents"] + 1
    with service.sessions() as session:
        incident = session.scalars(select(Incident).order_by(Incident.id.desc()).limit(1)).one()
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc()).limit(1)).one()
    assert f"recorded as {incident.id}" in problem["detail"]
    assert (incident.kind, incident.at) == ("disagreement", NOW)
    assert (event.action, event.subject) == ("incident.recorded", f"incident/{incident.id}")
    happens_again(service, incident, lying, asked["facts"])
    monkeypatch.undo()
    caller.ask(IN_PAIN)


def happens_again(service: Service, incident: Incident, forgotten: str, facts: dict[str, Any]) -> None:
    """From what the incident tells, and nothing else, the two evaluations differ in the same conditions."""
    told = json.loads(incident.detail)
    assert told["facts_posted"] == facts
    with service.sessions() as session:
        assert incident.release_id is not None
        release = clinic.prepared_once(session, incident.release_id)
    assert told["release"] == {"number": release.number, "digest": release.digest}
    assert "ext-oncologic-emergency-list" in told["conditions"][forgotten]
    assert told["request"] == {}
    question = Question(
        decision_id=told["decision_id"],
        evaluated_at=datetime.fromisoformat(told["evaluated_at"]),
        facts=told["facts_posted"],
    )
    with pytest.raises(Disagreement) as caught:
        decide(release, question, clinically_approved=False)
    assert (caught.value.fired, caught.value.read) == (told["fired"], told["read"])
    assert set(told["read"]) - set(told["fired"]) == {forgotten}
    known = FactResolver(release.base.facts).resolve(told["facts_posted"], question.evaluated_at).known
    assert told["facts_known"] == dict(known)


def test_in_a_batch_the_others_are_answered(caller: Caller, service: Service, lying: str) -> None:
    before = counts(service)
    patients = [{"facts": {"has_mbc": True}}, {"facts": IN_PAIN}, {"facts": {**IN_PAIN, "pain_nrs": 2}}]
    results = json.loads(caller.post({"patients": patients}, BATCH).data)["results"]
    assert [one["status"] for one in results] == [200, 500, 200]
    assert results[1]["problem"]["type"] == "urn:phasewise:problem:incident"
    after = counts(service)
    assert after["decisions"] == before["decisions"] + 2
    assert after["incidents"] == before["incidents"] + 1


def test_after_an_incident_the_release_is_made_ready_anew(
    caller: Caller, service: Service, lying: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service.sessions() as session:
        before = service.serving.current(session).release
    problem_in(caller.post({"facts": IN_PAIN}), 500)
    monkeypatch.undo()
    monkeypatch.setattr("cds.serving.prepare", prepare)
    caller.ask(IN_PAIN)
    with service.sessions() as session:
        assert service.serving.current(session).release is not before
