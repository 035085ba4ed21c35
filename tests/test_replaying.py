"""What an auditor asks years later: made again to the byte, asked of another release, in force when, and by whom."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cds import keys, schemas
from cds.models import Decision, Purpose
from cds.record.digests import personal_digest
from cds.record.emptied import EMPTIED_DECISION
from cds.service import Service, service_of
from knowledge import audit, lifecycle
from knowledge.canonical import digest_of_bytes
from knowledge.database import sessions
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Role, User, Version
from tests import clinic
from tests.clinic import LOADED, NOW, Caller, problem_in
from tests.databases import BOTH
from tests.desk import enter, staffed_copy
from tests.test_pages import read
from tests.test_pages import words as words_apart

GOALS = "acp-clarify-goals-of-care"
"""A rule for everybody, always; from release 2 on for the old alone."""

PAIN = "pain-any-assess-each-visit"
"""A rule that release 2 says in other words."""

FACTS = {"has_mbc": True, "age_years": 60, "disease_phase": "stable", "pain_nrs": 8}
NEW_FACT = {
    "key": "hears_well",
    "label": "Hears well",
    "type": "boolean",
    "phrase": "good hearing",
    "topic": "symptoms",
    "absence": "poor hearing",
    "conflict_hours": 24,
}
SECOND = NOW + timedelta(hours=2)
BACK = NOW + timedelta(hours=4)
THIRD = NOW + timedelta(hours=6)
"""When release 2 was put in force, release 1 put back, and release 2 put in force again."""


def words(page: str) -> str:
    """What a page says, with its commas where a reader sees them."""
    said = words_apart(page)
    for sign in ",:.":
        said = said.replace(f" {sign}", sign)
    return said


@dataclass(frozen=True)
class Audit:
    """A knowledge base with a history, a decision under each of its releases, and who reads all that."""

    service: Service
    app: Caller
    api: Caller
    desk: FlaskClient
    first: dict[str, Any]
    second: dict[str, Any]

    def replay(self, answer: dict[str, Any], **body: Any) -> dict[str, Any]:
        response = self.api.post(body, f"/api/v1/decisions/{answer['decision_id']}/replay")
        assert response.status_code == 200, response.text
        self.holds("Replayed", shown := json.loads(response.data))
        return shown

    def holds(self, shape: str, shown: dict[str, Any]) -> None:
        """What is shown has the shape that the OpenAPI document promises."""
        document = self.app.client.get("/api/v1/openapi.json").json or {}
        schema = {"$ref": f"#/components/schemas/{shape}", "components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(shown)

    def last_event(self, action: str) -> AuditEvent:
        with self.service.sessions() as session:
            told = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.sequence.desc())
            return session.scalars(told.limit(1)).one()


@pytest.fixture(scope="module", params=BOTH)
def auditor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    shipped = request.getfixturevalue(f"shipped_{request.param}")
    with (
        staffed_copy(shipped, tmp_path_factory.mktemp("audit")) as url,
        clinic.preparing_once(),
        clinic.open_app(url) as app,
    ):
        service, client = service_of(app), app.test_client()
        with service.sessions() as session:
            key = keys.issue(session, "The audit", by=None, at=LOADED, purpose=Purpose.AUDIT)
            session.commit()
        caller = Caller(client)
        first = caller.ask(FACTS, subject="patient-0001")
        with service.sessions() as session:
            _second_release(session)
            session.commit()
        clinic.put_in_force(service, 2, at=SECOND)
        service.now = lambda: THIRD
        second = caller.ask({**FACTS, "hears_well": True}, subject="patient-0002")
        clinic.put_in_force(service, 1, at=BACK)
        clinic.put_in_force(service, 2, at=THIRD)
        desk = app.test_client()
        enter(desk, "auditor")
        yield Audit(service, caller, Caller(client, {"Authorization": f"Bearer {key}"}), desk, first, second)


def _second_release(session: Session) -> None:
    """Two changed rules, one of them given back first, and a new fact; afterwards a draft is given up."""
    ada, ben, cleo = (
        clinic.person(session, name, role)
        for name, role in (("Ada", Role.AUTHOR), ("Ben", Role.APPROVER), ("Cleo", Role.APPROVER))
    )
    held = lifecycle.in_force(session)
    assert held is not None
    old = {(one.kind, one.key): one for one in held.versions}
    at = NOW + timedelta(hours=1)
    goals = json.loads(old[ItemKind.RULE, GOALS].content) | {"condition": "age_years >= 65"}
    returned = lifecycle.draft(session, ItemKind.RULE, GOALS, goals, by=ada, at=at, reason="For the old.")
    lifecycle.submit(session, returned, by=ada, at=at)
    lifecycle.give_back(session, returned, by=ben, at=at, comment="On which evidence?")
    pain = json.loads(old[ItemKind.RULE, PAIN].content) | {"title": "Ask for pain with a number"}
    fresh = [
        _approved(session, ItemKind.RULE, goals, ada, ben, at),
        _approved(session, ItemKind.RULE, pain, ada, ben, at),
        _approved(session, ItemKind.FACT, NEW_FACT, ada, ben, at),
    ]
    names = {(one.kind, one.key) for one in fresh}
    kept = [one for name, one in old.items() if name not in names]
    lifecycle.publish(session, [*kept, *fresh], by=cleo, at=at, reason="What was learnt.")
    given_up = lifecycle.draft(session, ItemKind.RULE, GOALS, goals, by=ada, at=at, reason="Yet another thought.")
    lifecycle.retire(session, given_up, by=ada, at=at, reason="It was none.")


def _approved(session: Session, kind: ItemKind, content: dict[str, Any], ada: User, ben: User, at: datetime) -> Version:
    version = lifecycle.draft(session, kind, content["key"], content, by=ada, at=at, reason="After a new study.")
    lifecycle.submit(session, version, by=ada, at=at + timedelta(minutes=1))
    lifecycle.approve(session, version, by=ben, at=at + timedelta(minutes=2), comment="Read in full.")
    return version


def test_a_past_answer_is_made_again_to_the_byte_while_another_release_is_in_force(auditor: Audit) -> None:
    key = auditor.first["decision_id"]
    shown = auditor.replay(auditor.first)
    assert (shown["outcome"], shown["incident"], shown["release"]["number"]) == ("same", None, 1)
    assert shown["response"] == auditor.first
    digest = digest_of_bytes(shown["response_text"].encode())
    assert shown["recorded_digest"] == shown["response_digest"] == digest
    event = auditor.last_event("decision.replayed")
    assert (event.subject, event.actor.endswith("(The audit)")) == (f"decision/{key}", True)
    assert json.loads(event.details)["outcome"] == "same"
    page = read(auditor.desk, f"/desk/decisions/{key}")
    assert "The recorded facts and release 1 give the recorded answer, to the byte." in words(page)
    assert f'href="/desk/in-force?on={shown["response"]["evaluated_at"]}"' in page, "what was in force then"


def test_a_decision_in_full_says_of_each_rule_who_stands_behind_the_version_that_fired(auditor: Audit) -> None:
    shown = auditor.api.shown(f"/api/v1/decisions/{auditor.second['decision_id']}")
    auditor.holds("DecisionInFull", shown)
    assert shown["response"] == auditor.second
    assert shown["replay"]["outcome"] == "same"
    assert shown["facts_derived"]["uncontrolled_pain"]
    rules = {one["key"]: one for one in shown["rules"]}
    assert {key: one["state"] for key, one in rules.items()} == shown["states"]
    pain = rules[PAIN]
    people = [(pain[f"{step}_by"], pain[f"{step}_at"]) for step in ("created", "submitted", "approved")]
    assert people == [
        ("Ada", "2026-06-01T10:00:00Z"),
        ("Ada", "2026-06-01T10:01:00Z"),
        ("Ben", "2026-06-01T10:02:00Z"),
    ]
    assert (pain["version"], pain["reason"], pain["comment"]) == (2, "After a new study.", "Read in full.")
    assert pain["releases"] == [2]
    answered = {one["rule"]: one for one in auditor.second["recommendations"]}
    for key, one in answered.items():
        assert (rules[key]["because"], rules[key]["citations"]) == (one["because"], one["citations"])
        assert rules[key]["condition"]["text"]
    said = words(read(auditor.desk, f"/desk/decisions/{auditor.second['decision_id']}"))
    assert "After a new study. On approval: Read in full." in said
    assert "Written by Ada, 1 June 2026, 10:00 UTC · submitted by Ada, 1 June 2026, 10:01 UTC" in said
    assert "Hears well true Good hearing" in said
    assert "Uncontrolled pain, since" in said


def test_an_app_reads_of_its_decision_what_it_always_read(auditor: Audit) -> None:
    shown = auditor.app.shown(f"/api/v1/decisions/{auditor.first['decision_id']}")
    assert set(shown) == set(schemas.DecisionShown().fields)
    problem_in(auditor.app.post({}, f"/api/v1/decisions/{auditor.first['decision_id']}/replay"), 403)


@pytest.mark.parametrize(
    ("body", "query", "number"),
    [
        ({"release": 2}, "?release=2", 2),
        ({"in_force_at": "2026-06-01T12:00:00Z"}, "?on=2026-06-01T12:00:00Z", 2),
        ({"in_force_at": "2026-06-01"}, "?on=2026-06-01", 2),
        ({"in_force_at": "2026-03-01"}, "?on=2026-03-01", 1),
        ({"in_force_at": "2026-06-01T13:30:00Z"}, "?on=2026-06-01T13:30:00Z", 1),
        ({"release": 2}, "", 2),
    ],
)
def test_another_release_is_asked_the_same_and_what_differs_is_said_with_the_reason(
    auditor: Audit, body: dict[str, Any], query: str, number: int
) -> None:
    before = clinic.counts(auditor.service)
    asked = auditor.replay(auditor.first, **body)["asked"]
    assert asked["release"]["number"] == asked["response"]["release"]["number"] == number
    effects = {one["rule"]: one["effect"] for one in asked["differences"]}
    assert effects == ({GOALS: "lost", PAIN: "worded"} if number == 2 else {})
    assert asked["outcome"] == ("differs" if number == 2 else "same")
    said = words(read(auditor.desk, f"/desk/decisions/{auditor.first['decision_id']}/as-of{query}"))
    assert ("Release 1 Recommended for every patient. Release 2 Not met: age 60 years." in said) is (number == 2)
    assert ("Different: its version, its title." in said) is (number == 2)
    assert ("every rule is as it was" in said) is (number == 1)
    told = auditor.last_event("decision.asked_again")
    assert json.loads(told.details) == {
        "asked": json.loads(told.details)["asked"],
        "outcome": asked["outcome"],
        "release": number,
        "role": "auditor",
    }
    after = clinic.counts(auditor.service)
    assert (after["decisions"], after["incidents"]) == (before["decisions"], before["incidents"])
    assert after["audit_events"] == before["audit_events"] + 4


def test_what_the_other_release_does_not_know_is_left_out_and_said(auditor: Audit) -> None:
    asked = auditor.replay(auditor.second, release=1)["asked"]
    said = "Release 1 does not know the fact “Hears well” (hears_well)."
    assert asked["left_out"] == [{"fact": "hears_well", "detail": said}]
    assert {one["rule"]: one["effect"] for one in asked["differences"]} == {GOALS: "gained", PAIN: "worded"}
    assert said in words(read(auditor.desk, f"/desk/decisions/{auditor.second['decision_id']}/as-of?release=1"))


@pytest.mark.parametrize(
    ("body", "query", "said"),
    [
        ({"release": 9}, "?release=9", "There is no release 9."),
        ({"release": 2**70}, "?release=99999999", "There is no release"),
        ({"release": "2"}, "?release=two", "A release is named by its number, such as 2."),
        ({"in_force_at": "yesterday"}, "?on=yesterday", "neither a day such as 2026-01-31 nor a moment"),
        ({"in_force_at": "2026-02-30"}, "?on=2026-02-30", "neither a day such as 2026-01-31 nor a moment"),
        ({"in_force_at": "2025-12-31"}, "?on=2025-12-31", "Nothing was in force"),
        ({"in_force_at": "2099-01-01"}, "?on=2099-01-01", "1 January 2099 has not come yet."),
    ],
)
def test_what_cannot_be_asked_is_said(auditor: Audit, body: dict[str, Any], query: str, said: str) -> None:
    key = auditor.first["decision_id"]
    [error] = problem_in(auditor.api.post(body, f"/api/v1/decisions/{key}/replay"), 422)["errors"]
    assert said in error["detail"]
    assert error["pointer"] == f"/{next(iter(body))}"
    assert said in words(read(auditor.desk, f"/desk/decisions/{key}/as-of{query}", 422))


def test_odd_bodies_and_odd_names_are_refused_in_words(auditor: Audit) -> None:
    path = f"/api/v1/decisions/{auditor.first['decision_id']}/replay"
    for body, status in [("[]", 422), ("{", 400), ({"release": 1, "in_force_at": "2026-06-01"}, 422)]:
        problem_in(auditor.api.post(body, path), status)
    [error] = problem_in(auditor.api.post({"releas": 2}, path), 422)["errors"]
    assert (error["pointer"], error["suggestion"]) == ("/releas", "release")
    assert auditor.api.post("", path).status_code == 200, "an empty body asks nothing more"
    for name in ("nobody", "%00"):
        problem_in(auditor.api.post({}, f"/api/v1/decisions/{name}/replay"), 404)
        problem_in(auditor.api.get(f"/api/v1/decisions/{name}"), 404)


@pytest.mark.parametrize(
    ("at", "number", "until"),
    [
        ("2025-12-31T23:59:59.999999Z", None, None),
        ("2026-01-01T00:00:00Z", 1, "2026-06-01T11:00:00Z"),
        ("2026-06-01T10:59:59.999999Z", 1, "2026-06-01T11:00:00Z"),
        ("2026-06-01T11:00:00Z", 2, "2026-06-01T13:00:00Z"),
        ("2026-06-01T13:00:00Z", 1, "2026-06-01T15:00:00Z"),
        ("2026-06-01", 2, None),
    ],
)
def test_what_was_in_force_is_known_for_every_moment(
    auditor: Audit, at: str, number: int | None, until: str | None
) -> None:
    shown = auditor.api.shown(f"/api/v1/in-force?at={at}")
    auditor.holds("InForce", shown)
    held = shown["in_force"]
    assert (held and held["release"]["number"], held and held["until"]) == (number, until)
    assert [one["release"]["number"] for one in shown["line"]] == [2, 1, 2, 1]
    said = words(read(auditor.desk, f"/desk/in-force?on={at}"))
    if number is None:
        assert shown["parts"] == []
        assert "Nothing was in force" in said
        assert "The first release was put in force 1 January 2026, 00:00:00 UTC." in said
        return
    assert f"Release {number} {'was' if until else 'is'} in force" in said
    assert ("It held Until 1 June 2026" in said) is (until is not None)
    parts = {(one["kind"], one["key"]): one for one in shown["parts"]}
    assert (("fact", "hears_well") in parts) is (number == 2)
    assert parts["rule", GOALS]["version"] == (3 if number == 2 else 1)
    assert parts["rule", GOALS]["approved_by"] == ("Ben" if number == 2 else None)


def test_the_parts_of_a_moment_are_narrowed_and_taken_as_a_table_on_record(auditor: Audit) -> None:
    query, held = "on=2026-06-01T12:00:00Z&q=ben+study", clinic.shipped_base()
    said = words(read(auditor.desk, f"/desk/in-force?{query}"))
    total = sum(map(len, (held.facts, held.sources, held.rules, held.hazards, held.vignettes))) + 1
    assert f"3 of {total} parts" in said
    assert "Ask for pain with a number" in said
    assert "Hears well" in said
    assert f"2 of {total}" in words(read(auditor.desk, f"/desk/in-force?{query}&kind=rule"))
    response = auditor.desk.get(f"/desk/in-force/export.csv?{query}")
    rows = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"))))
    assert {row["key"]: (row["version"], row["approved by"], row["brought in by release"]) for row in rows} == {
        GOALS: ("3", "Ben", "2"),
        PAIN: ("2", "Ben", "2"),
        "hears_well": ("1", "Ben", "2"),
    }
    event = auditor.last_event("export.made")
    assert (event.subject, json.loads(event.details)["rows"]) == ("export/in-force", 3)
    assert {(row["release"], row["as of"]) for row in rows} == {("2", "2026-06-01T12:00:00.000000Z")}
    assert "phasewise-in-force-release-2-at-2026-06-01t12-00-00z.csv" in response.headers["Content-Disposition"]
    for odd in ("tomorrow", "9999-12-31", "%00", "2026-06-31"):
        assert "Below is what is in force now." in words(read(auditor.desk, f"/desk/in-force?on={odd}&page=-1"))
        assert "Not that moment." in words(read(auditor.desk, f"/desk/in-force/export.csv?on={odd}", 422))
        [error] = problem_in(auditor.api.get(f"/api/v1/in-force?at={odd}"), 422)["errors"]
        assert error["pointer"] == "/at"
    assert auditor.last_event("export.made").sequence == event.sequence, "what was not taken is not on record as taken"


def test_the_history_of_a_rule_tells_who_when_why_and_what_differs(auditor: Audit) -> None:
    page = read(auditor.desk, f"/desk/rules/{GOALS}/history")
    said = words(page)
    assert [f'id="version-{number}"' in page for number in (1, 2, 3, 4, 5)] == [True] * 4 + [False]
    for told in (
        "Retired By Ada, 1 June 2026, 10:00 UTC: It was none.",
        "Given back By Ben, 1 June 2026, 10:00 UTC: On which evidence?",
        "Approved By Ben, 1 June 2026, 10:02 UTC: Read in full.",
        "1 June 2026, 11:00:00 UTC to 1 June 2026, 13:00:00 UTC, by release 2",
        "1 June 2026, 13:00:00 UTC to 1 June 2026, 15:00:00 UTC, by release 1",
        "1 June 2026, 15:00:00 UTC to today, by release 2",
        "[added: age_years >= 65",
    ):
        assert told in said, told
    assert f"/desk/rules/{GOALS}/history" in read(auditor.desk, f"/desk/rules/{GOALS}")
    shown = auditor.api.shown(f"/api/v1/rules/{GOALS}/versions")
    assert schemas.Versions().validate(shown) == {}
    assert [(one["version"], one["state"], [r["step"] for r in one["remarks"]]) for one in shown["versions"]] == [
        (4, "retired", ["retired"]),
        (3, "released", ["approved"]),
        (2, "returned", ["returned"]),
        (1, "released", []),
    ]
    second = shown["versions"][2]
    assert (second["submitted_by"], second["remarks"][0]["said"]) == ("Ada", "On which evidence?")
    [_, as_text] = second["differences"]
    assert (as_text["field"], as_text["before"], as_text["after"]) == ("condition", "always", "age_years >= 65")
    assert shown["versions"][3]["differences"] == []
    for shelf, key in (("facts", "pain_nrs"), ("sources", "kida-2021")):
        assert "1 version of the" in words(read(auditor.desk, f"/desk/{shelf}/{key}/history"))
    read(auditor.desk, "/desk/rules/no-such-rule/history", 404)


def test_where_the_facts_were_removed_the_rest_is_told_and_it_is_no_incident(auditor: Audit) -> None:
    answer = auditor.app.ask(FACTS, subject="patient-0003")
    key = answer["decision_id"]
    with auditor.service.owner() as owner, sessions(owner)() as session:
        details = {"what": "decisions", "count": 1, "first": 1, "last": 1, "reason": "Kept for two years."}
        event = audit.record(
            session, action="facts.removed", subject="decisions", actor="site", at=THIRD, details=details
        )
        stored = select(*Decision.__table__.columns).where(Decision.id == key)
        row = {str(name): value for name, value in session.execute(stored).mappings().one().items()}
        emptied = {**EMPTIED_DECISION, "personal": personal_digest(row), "removed_in": event.sequence}
        session.execute(update(Decision).where(Decision.id == key).values(**emptied))
        session.commit()
    before = clinic.counts(auditor.service)["incidents"]
    shown = auditor.api.shown(f"/api/v1/decisions/{key}")
    auditor.holds("DecisionInFull", shown)
    assert (shown["replay"]["outcome"], shown["response"], shown["facts_posted"]) == ("facts_removed", None, None)
    assert (shown["facts_removed"]["by"], shown["facts_removed"]["reason"]) == ("site", "Kept for two years.")
    states = {one["key"]: one["state"] for one in shown["rules"]}
    assert {one["rule"] for one in answer["recommendations"]} <= {k for k, s in states.items() if s == "recommended"}
    said = words(read(auditor.desk, f"/desk/decisions/{key}"))
    assert "The facts were removed on 1 June 2026, 15:00 UTC by site, for the reason: “Kept for two years.”" in said
    assert "the proof still holds" in said
    assert "patient-0003" not in said
    assert answer["recommendations"][0]["title"] in said
    assert "no recorded facts" in words(read(auditor.desk, f"/desk/decisions/{key}/as-of", 422))
    assert "The facts" in read(auditor.desk, f"/desk/decisions/{key}/checklist", 500)
    assert clinic.counts(auditor.service)["incidents"] == before


def test_what_many_rules_have_in_common_is_said_once_and_what_differs_at_its_rule(auditor: Audit) -> None:
    first, second = auditor.first["decision_id"], auditor.second["decision_id"]
    said = words(read(auditor.desk, f"/desk/decisions/{first}"))
    assert said.count("These rules were imported with release 1 by the program") == 1
    assert "approved it by itself" not in said
    said = words(read(auditor.desk, f"/desk/decisions/{second}"))
    assert said.count("Where nothing else is said, a rule was imported with release 1") == 1
    assert "approved by Ben" in said
    said = words(read(auditor.desk, "/desk/in-force?on=2026-06-01T12:00:00Z&kind=rule&q=ben+study"))
    assert "Where nothing else is said" not in said, "of a few that differ nothing is said at the head"
    said = words(read(auditor.desk, "/desk/in-force?on=2026-03-01"))
    assert said.count("These parts were imported with release 1") == 1


def test_the_release_that_answered_is_not_called_one_that_answered_nobody(auditor: Audit) -> None:
    path = f"/desk/decisions/{auditor.first['decision_id']}/as-of?release="
    assert "This is the very release that answered" in words(read(auditor.desk, f"{path}1"))
    assert "Nothing of it was ever given to anybody" in words(read(auditor.desk, f"{path}2"))


def test_a_rule_without_a_condition_is_for_those_for_whom_the_content_is(auditor: Audit) -> None:
    assert "For every patient for whom the content is. always" in words(
        read(auditor.desk, f"/desk/rules/{GOALS}?version=1")
    )
