"""Many patients at once: each is answered, or refused, on its own; all by one release."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from cds.models import Decision
from cds.record.recording import record
from cds.schemas import BatchResults
from cds.service import Service
from tests.clinic import BATCH, Caller, counts, errors_of, keys_of, problem_in, suggestions_of

IN_PAIN = {"has_mbc": True, "age_years": 70, "disease_phase": "stable", "pain_nrs": 8}


def results(caller: Caller, patients: list[Any], path: str = BATCH) -> list[dict[str, Any]]:
    response = caller.post({"patients": patients}, path)
    assert (response.status_code, response.content_type) == (200, "application/json")
    answered = json.loads(response.data)
    assert BatchResults().validate({"results": answered["results"][:3]}) == {}
    assert [one["index"] for one in answered["results"]] == list(range(len(patients)))
    return answered["results"]


def test_a_batch_of_one_gives_what_asking_alone_gives(caller: Caller) -> None:
    [one] = results(caller, [{"subject": "patient-1", "facts": IN_PAIN}])
    alone = caller.ask(IN_PAIN, subject="patient-1")
    assert one["status"] == 200
    assert {**one["answer"], "decision_id": alone["decision_id"]} == alone


def test_a_thousand_patients_are_answered_each_from_her_own_facts(caller: Caller, service: Service) -> None:
    patients = [
        {"subject": f"patient-{number}", "facts": {"age_years": 18 + number % 100}, "actors": ["caregiver"]}
        for number in range(1_000)
    ]
    answered = results(caller, patients)
    assert {one["status"] for one in answered} == {200}
    assert len({one["answer"]["decision_id"] for one in answered}) == 1_000
    assert len({json.dumps(one["answer"]["release"]) for one in answered}) == 1
    with service.sessions() as session:
        for one, patient in zip(answered, patients, strict=True):
            row = session.get_one(Decision, one["answer"]["decision_id"])
            assert (row.subject, json.loads(row.facts_posted)) == (patient["subject"], patient["facts"])


@pytest.mark.parametrize("count", [0, 1_001])
def test_a_batch_holds_one_to_a_thousand_patients(caller: Caller, service: Service, count: int) -> None:
    before = counts(service)
    problem = caller.refusal({"patients": [{"facts": {}}] * count}, BATCH)
    assert errors_of(problem) == {"/patients": f"A batch holds 1 to 1000 patients, not {count}."}
    assert counts(service) == before


def test_what_fails_in_a_batch_fails_alone(caller: Caller, service: Service) -> None:
    before = counts(service)
    answered = results(
        caller,
        [
            {"facts": {"ecog": 2}},
            {"facts": IN_PAIN},
            "a text",
            None,
            {"facts": {"pain_nrs": "7"}, "subject": "x" * 201},
            {"subject": "the last", "facts": {}},
        ],
    )
    assert [one["status"] for one in answered] == [422, 200, 422, 422, 422, 200]
    assert [("answer" in one, "problem" in one) for one in answered] == [
        (one["status"] == 200, one["status"] == 422) for one in answered
    ]
    assert suggestions_of(answered[0]["problem"]) == {"/facts/ecog": "ecog_ps"}
    assert set(errors_of(answered[2]["problem"])) == {""}
    assert set(errors_of(answered[4]["problem"])) == {"/subject", "/facts/pain_nrs"}
    assert "pain-any-communicate" in keys_of(answered[1]["answer"]["recommendations"])
    after = counts(service)
    assert after["decisions"] == before["decisions"] + 2
    assert after["incidents"] == before["incidents"]


def test_each_answer_of_a_batch_is_digested_as_it_stands_in_the_body(caller: Caller, service: Service) -> None:
    response = caller.post(
        {"patients": [{"facts": IN_PAIN}, {"facts": {"ecog": 2}}, {"facts": {"age_years": 60}}]}, BATCH
    )
    bodies = [part.rsplit(b"}", 1)[0] for part in response.data.split(b'"answer":')[1:]]
    bodies = [body.split(b'},{"index"')[0] for body in bodies[:-1]] + [bodies[-1].removesuffix(b"}]")]
    digests = {f"sha256:{hashlib.sha256(body).hexdigest()}" for body in bodies}
    with service.sessions() as session:
        recorded = set(session.scalars(select(Decision.response_digest)))
    assert len(digests) == 2
    assert digests == recorded


def test_a_batch_is_on_record_whole_or_not_at_all(
    caller: Caller, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counts(service)
    kept: list[object] = []

    def keep(*things: Any, **more: Any) -> None:
        kept.append(record(*things, **more))
        if len(kept) == 3:
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr("cds.answering.record", keep)
    problem = problem_in(caller.post({"patients": [{"facts": {}}] * 4}, BATCH), 503)
    assert problem["type"] == "urn:phasewise:problem:database-unavailable"
    assert counts(service) == before
    monkeypatch.undo()
    assert [one["status"] for one in results(caller, [{"facts": {}}] * 4)] == [200] * 4


def test_a_batch_can_tell_the_rules_that_are_not_met_too(caller: Caller) -> None:
    [one] = results(caller, [{"facts": IN_PAIN}], f"{BATCH}?include=not_met")
    assert one["answer"]["not_met"]


@pytest.mark.parametrize(
    ("body", "pointer", "suggestion"),
    [
        ([], "", None),
        ("7", "", None),
        ({}, "/patients", None),
        ({"patients": {"facts": {}}}, "/patients", None),
        ({"patients": None}, "/patients", None),
        ({"patient": [{"facts": {}}]}, "/patient", "patients"),
        ({"patients": [{"facts": {}}], "a/b~c": 1}, "/a~1b~0c", None),
    ],
)
def test_a_body_without_a_list_of_patients_is_refused_whole(
    caller: Caller, service: Service, body: Any, pointer: str, suggestion: str | None
) -> None:
    before = counts(service)
    problem = caller.refusal(body, BATCH)
    assert suggestions_of(problem)[pointer] == suggestion
    assert counts(service) == before


def test_a_batch_may_be_larger_than_a_single_request_but_not_without_limit(caller: Caller, service: Service) -> None:
    goals = {"comfort_function_goals": "x" * 2_000}
    body = json.dumps({"patients": [{"facts": goals}] * 600})
    assert service.settings.largest_body < len(body) < service.settings.largest_batch
    assert caller.post(body, BATCH).status_code == 200
    caller.refusal(b" " * (service.settings.largest_batch + 1), BATCH, 413)
