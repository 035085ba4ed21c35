"""Recorded decisions at the desk: found, made again, printed; and whoever reads one is on record."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from admin.record.looked_for import in_words
from cds import keys
from cds.deciding import Disagreement
from cds.models import Decision, Incident, Purpose
from cds.record import retention
from cds.record.sealing import seal
from cds.replay import keeping, replaying
from cds.search import finding
from cds.search.criteria import COMMAND, Criteria
from cds.service import Service
from cds.upkeep import keep_up
from knowledge import audit, lifecycle
from knowledge.database import sessions
from knowledge.models import AuditEvent, Release, Role
from tests import clinic
from tests.clinic import BATCH, NOW, Caller
from tests.story import as_owner
from tests.test_desk import enter
from tests.test_pages import read, words

AUDITOR_KEY = "pw_audit_0123456789"
IN_PAIN = {"has_mbc": True, "age_years": 70, "disease_phase": "stable", "pain_nrs": 8}
CLINICAL = [Role.AUTHOR, Role.APPROVER, Role.AUDITOR]


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


@pytest.fixture
def auditor(client: FlaskClient) -> FlaskClient:
    assert enter(client, "auditor").status_code == 303
    return client


def decided(caller: Caller, facts: dict[str, Any] = IN_PAIN, **more: Any) -> str:
    """The id of a new decision."""
    return caller.ask(facts, **more)["decision_id"]


def reads(service: Service) -> list[AuditEvent]:
    with service.sessions() as session:
        read = AuditEvent.action.in_(("decision.read", "decision.replayed"))
        return list(session.scalars(select(AuditEvent).where(read).order_by(AuditEvent.sequence)))


def altered(service: Service, key: str, **columns: str) -> None:
    """Change a decision behind the program's back, as one who owns the tables can."""
    with service.sessions() as session:
        if session.get_bind().dialect.name == "sqlite":
            as_owner(session)
            names = session.scalars(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'decisions'")
            )
            for name in names.all():
                session.execute(text(f'DROP TRIGGER "{name}"'))
        else:
            session.execute(text("ALTER TABLE decisions DISABLE TRIGGER USER"))
        session.execute(update(Decision).where(Decision.id == key).values(**columns))
        session.commit()


def test_the_list_shows_the_newest_first_with_who_asked_and_how_many_are_recommended(
    auditor: FlaskClient, caller: Caller
) -> None:
    first = caller.ask(IN_PAIN, subject="patient-0001")
    decided(caller, {"has_mbc": False})
    said = words(read(auditor, "/desk/decisions/"))
    assert said.index("No subject given") < said.index("patient-0001")
    line = said.partition("patient-0001")[2]
    assert line.split()[0] == first["decision_id"]
    assert "The app of the tests 1 " + str(len(first["recommendations"])) in line


def test_before_the_first_decision_the_list_says_how_they_come(auditor: FlaskClient) -> None:
    assert "There is no decision yet" in words(read(auditor, "/desk/decisions/"))


def test_pages_are_turned_by_the_sequence_and_back(
    auditor: FlaskClient, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "PAGE", 2)
    ids = [decided(caller, subject=f"s{number}") for number in range(5)][::-1]

    def shown(path: str) -> tuple[list[str], dict[str, str]]:
        page = read(auditor, path)
        links = {
            rel: page.partition(f'rel="{rel}" href="')[2].partition('"')[0].replace("&amp;", "&")
            for rel in ("prev", "next")
            if f'rel="{rel}"' in page
        }
        return [key for key in ids if key in page], links

    first, links = shown("/desk/decisions/")
    assert (first, set(links)) == (ids[:2], {"next"})
    second, links = shown(links["next"])
    assert (second, set(links)) == (ids[2:4], {"prev", "next"})
    last, further = shown(links["next"])
    assert (last, set(further)) == (ids[4:], {"prev"})
    again, links = shown(further["prev"])
    assert (again, set(links)) == (ids[2:4], {"prev", "next"})
    assert shown(links["prev"])[0] == ids[:2]


def test_a_rule_to_look_for_is_offered_by_its_key_and_title(auditor: FlaskClient) -> None:
    page = auditor.get("/desk/decisions/").text
    assert '<option value="ext-oncologic-emergency-list">Check the list of oncologic emergencies</option>' in page


def test_decisions_are_found_by_subject_in_full(auditor: FlaskClient, caller: Caller) -> None:
    wanted = [decided(caller, subject="Zoë % ward_3") for _ in range(2)]
    other = decided(caller, subject="Zoë")
    page = read(auditor, "/desk/decisions/?q=Zo%C3%AB+%25+ward_3")
    assert all(key in page for key in wanted)
    assert other not in page
    assert "There is no decision with the id or the subject “zoë”." in words(
        read(auditor, "/desk/decisions/?q=zo%C3%AB")
    )


def test_a_decision_s_id_leads_straight_to_it(auditor: FlaskClient, caller: Caller) -> None:
    key = decided(caller)
    response = auditor.get(f"/desk/decisions/?q=+{key}+")
    assert (response.status_code, response.headers["Location"]) == (303, f"/desk/decisions/{key}")


@pytest.mark.parametrize(
    "query", ["before=abc", "before=-1", "before=99999999999999999999", "after=%00", "before=٣", "q=%00", "q=%ED%A0%80"]
)
def test_an_odd_address_of_the_list_is_no_error(auditor: FlaskClient, caller: Caller, query: str) -> None:
    decided(caller)
    read(auditor, f"/desk/decisions/?{query}")


def test_beyond_the_last_page_a_way_back_is_shown(auditor: FlaskClient, caller: Caller) -> None:
    decided(caller)
    assert "There are no further decisions. To the newest." in words(read(auditor, "/desk/decisions/?before=0"))


def test_a_decision_is_made_again_to_the_byte(auditor: FlaskClient, caller: Caller) -> None:
    answer = caller.ask(IN_PAIN, subject="patient-0001", evaluated_at="2026-05-30T08:00:00Z")
    said = words(read(auditor, f"/desk/decisions/{answer['decision_id']}"))
    assert "give the recorded answer, to the byte" in said
    assert "answered as of 30 May 2026, 08:00:00 UTC" in said
    assert f"{len(answer['recommendations'])} rules of" in said
    assert "Pain intensity 8" in said or "pain intensity 8" in said
    assert '"pain_nrs": 8' in said
    for one in answer["recommendations"]:
        assert " ".join(one["title"].split()) in said


@pytest.mark.parametrize("not_met", ["", "?include=not_met"])
@pytest.mark.parametrize("actors", [[], ["patient"], ["oncologist", "caregiver"]])
def test_however_it_was_asked_it_is_made_again(
    auditor: FlaskClient, caller: Caller, actors: list[str], not_met: str
) -> None:
    more = {"actors": actors} if actors else {}
    key = caller.ask(IN_PAIN, f"{clinic.ASK}{not_met}", **more)["decision_id"]
    assert "to the byte" in read(auditor, f"/desk/decisions/{key}")


def test_one_of_a_batch_is_made_again(auditor: FlaskClient, caller: Caller) -> None:
    response = caller.post({"patients": [{"facts": IN_PAIN}]}, BATCH)
    key = json.loads(response.data)["results"][0]["answer"]["decision_id"]
    assert "to the byte" in read(auditor, f"/desk/decisions/{key}")


def test_it_is_made_again_by_its_own_release_and_as_that_stood_then(
    auditor: FlaskClient, caller: Caller, service: Service
) -> None:
    unapproved = decided(caller)
    number = clinic.publish(service, "pain-any-assess-each-visit", title="Assess pain in a new way")
    clinic.put_in_force(service, number)
    service.now = lambda: NOW + timedelta(hours=1)
    with service.sessions() as session:
        release = session.scalars(select(Release).where(Release.number == number)).one()
        approver = clinic.person(session, "Ben", Role.APPROVER)
        lifecycle.approve_release(session, release, by=approver, at=service.now(), reason="Read in full.")
        session.commit()
    approved = decided(caller)
    old, new = (read(auditor, f"/desk/decisions/{key}") for key in (unapproved, approved))
    assert "to the byte" in old
    assert "to the byte" in new
    assert "Assess pain in a new way" not in old
    assert "Assess pain in a new way" in new
    assert "not yet clinically approved by a person" in old
    assert "not yet clinically approved by a person" not in new


def test_a_recorded_fact_that_was_changed_is_said_plainly_everywhere(
    auditor: FlaskClient, caller: Caller, service: Service
) -> None:
    key = decided(caller)
    keep_up(service)
    assert "Provable Sealed on" in words(read(auditor, f"/desk/decisions/{key}"))
    altered(service, key, facts_posted=json.dumps({"has_mbc": True, "pain_nrs": 1}))
    said = words(read(auditor, f"/desk/decisions/{key}"))
    assert "Not as recorded. What is made again is not what was recorded" in said
    assert "The states of the rules differ too." in said
    assert "Not provable This decision does not fit what was sealed." in said
    home = words(read(auditor, "/desk/"))
    assert "1 recorded decision, made again, did not give the recorded answer: have the record verified." in home
    assert "refused because" not in home
    for reader in ("physician", "patient"):
        assert "What is made again is not what was recorded" in read(
            auditor, f"/desk/decisions/{key}/checklist?for={reader}"
        )


def incidents(service: Service) -> list[Incident]:
    with service.sessions() as session:
        return list(session.scalars(select(Incident).order_by(Incident.id)))


@pytest.mark.parametrize("column", ["response_digest", "states"])
def test_what_is_not_as_recorded_is_an_incident_once_for_each_version_of_the_program(
    auditor: FlaskClient, caller: Caller, service: Service, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    key = decided(caller)
    altered(service, key, **{column: "n" * 258 if column == "states" else "sha256:" + "0" * 64})
    assert "Incident 1 keeps what was found." in words(read(auditor, f"/desk/decisions/{key}"))
    read(auditor, f"/desk/decisions/{key}/checklist")
    assert "Incident 1 keeps what was found." in words(read(auditor, f"/desk/decisions/{key}"))
    [kept] = incidents(service)
    detail = json.loads(kept.detail)
    assert (kept.kind, detail["decision_id"], detail["outcome"]) == ("replay", key, "differs")
    assert detail["recorded"][column] != detail["made_again"][column]
    assert [json.loads(event.details)["incident"] for event in reads(service)] == [1, 1, 1]
    altered(service, key, software="0.0.1")
    for module in (replaying, keeping):
        monkeypatch.setattr(module, "SOFTWARE", "99.0")
    said = words(read(auditor, f"/desk/decisions/{key}"))
    assert "Version 0.0.1 of the program answered then, and this is version 99.0" in said
    assert "Incident 2" in said
    assert len(incidents(service)) == 2
    with service.sessions() as session:
        told = session.scalars(select(AuditEvent.details).where(AuditEvent.action == "incident.recorded")).all()
        assert key in told[0]
        assert "pain" not in "".join(told)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("facts_posted", "not JSON <b>"),
        ("facts_posted", '["a list"]'),
        ("facts_posted", '{"no_such_fact": 1}'),
        ("actors", '["nobody"]'),
        ("request", "[1]"),
    ],
)
def test_what_cannot_be_made_again_is_shown_as_it_is_recorded(
    auditor: FlaskClient, caller: Caller, service: Service, column: str, value: str
) -> None:
    key = decided(caller, subject="patient-0001")
    altered(service, key, **{column: value})
    page = read(auditor, f"/desk/decisions/{key}")
    assert "It could not be made again." in page
    assert "patient-0001" in page
    assert "<b>" not in page
    assert "This decision could not be made again" in read(auditor, f"/desk/decisions/{key}/checklist", 500)
    assert len(reads(service)) == 2


def test_two_evaluations_that_differ_are_said_and_nothing_is_recommended(
    auditor: FlaskClient, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = decided(caller)

    def disagree(release: object, question: Any, **_: object) -> None:
        raise Disagreement(question, None, [], [])  # type: ignore[arg-type]

    monkeypatch.setattr(replaying, "decide", disagree)
    said = words(read(auditor, f"/desk/decisions/{key}"))
    assert "did not give the same result today" in said
    assert "The answer, made again" not in said


@pytest.mark.parametrize("reader", ["physician", "patient"])
def test_a_decision_has_both_checklists_whomever_it_was_asked_for(
    auditor: FlaskClient, caller: Caller, reader: str
) -> None:
    key = decided(caller, actors=["patient"], subject="patient-0001")
    said = words(read(auditor, f"/desk/decisions/{key}/checklist?for={reader}"))
    assert "patient-0001" in said
    assert f"Decision {key}" in said
    assert ("To do" in said) is (reader == "physician")
    assert ("What you can do" in said) is (reader == "patient")
    assert "Keep track of how strong your pain is." in said


def test_reading_a_decision_is_on_record_with_who_what_and_from_where(
    auditor: FlaskClient, caller: Caller, service: Service
) -> None:
    key = decided(caller)
    read(auditor, "/desk/decisions/")
    assert reads(service) == []
    made = {"outcome": "same", "software": replaying.SOFTWARE}
    for path, action, details in [
        ("", "decision.replayed", {"what": "the decision", **made}),
        ("/checklist?for=patient", "decision.read", {"what": "the patient’s checklist"}),
    ]:
        read(auditor, f"/desk/decisions/{key}{path}")
        event = reads(service)[-1]
        assert (event.subject, event.actor, event.origin, event.at) == (f"decision/{key}", "auditor", "127.0.0.1", NOW)
        assert (event.action, json.loads(event.details)) == (action, {**details, "role": "auditor"})
    with service.sessions() as session:
        assert audit.verify(session).untouched


def test_who_asked_is_said_within_the_sentence() -> None:
    assert in_words(Criteria(app=COMMAND), {COMMAND: "The command line"}) == "asked by the command line"


UNKNOWN = ["nobody", "%00", "a%00b", "%ED%A0%80", "..", "' OR 1=1 --", "x" * 3000, "%F0%9F%8C%B7", "0"]


@pytest.mark.parametrize("key", UNKNOWN)
@pytest.mark.parametrize("tail", ["", "/checklist", "/checklist?for=patient"])
def test_what_names_no_decision_gets_a_page_in_words(
    auditor: FlaskClient, service: Service, key: str, tail: str
) -> None:
    assert "There is no page here" in read(auditor, f"/desk/decisions/{key}{tail}", 404)
    assert reads(service) == []


def test_a_checklist_is_for_one_of_two(auditor: FlaskClient, caller: Caller, service: Service) -> None:
    key = decided(caller)
    assert "for=physician" in read(auditor, f"/desk/decisions/{key}/checklist?for=nurse", 404)
    assert reads(service) == []


def test_a_subject_is_text_and_never_markup(auditor: FlaskClient, caller: Caller) -> None:
    subject = '<script>alert("1")</script> =cmd|x'
    key = decided(caller, subject=subject)
    for path in ("", key, f"{key}/checklist", f"{key}/checklist?for=patient"):
        page = read(auditor, f"/desk/decisions/{path}")
        assert "<script>alert" not in page
        assert subject in words(page.replace("&lt;", "‹").replace("&gt;", "›")).replace("‹", "<").replace("›", ">")


@pytest.mark.parametrize("role", list(Role))
def test_only_who_reads_what_is_clinical_reads_decisions(
    client: FlaskClient, caller: Caller, service: Service, role: Role
) -> None:
    key = decided(caller)
    enter(client, role.value)
    allowed = role in CLINICAL
    for path in ("", key, f"{key}/checklist"):
        assert client.get(f"/desk/decisions/{path}").status_code == (200 if allowed else 403)
    assert len(reads(service)) == (2 if allowed else 0)


def test_without_signing_in_nothing_is_read(client: FlaskClient, caller: Caller, service: Service) -> None:
    key = decided(caller)
    for path in ("", key, f"{key}/checklist", "nobody"):
        response = client.get(f"/desk/decisions/{path}")
        assert (response.status_code, "sign-in" in response.headers["Location"]) == (303, True)
    assert reads(service) == []


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_of_a_decision_can_be_changed(
    auditor: FlaskClient, caller: Caller, service: Service, method: str
) -> None:
    key = decided(caller)
    before = clinic.counts(service)
    for path in ("", key, f"{key}/checklist"):
        assert getattr(auditor, method)(f"/desk/decisions/{path}").status_code in (400, 405)
    assert clinic.counts(service) == before


def test_looking_for_decisions_is_on_record_without_the_subject(
    auditor: FlaskClient, caller: Caller, service: Service
) -> None:
    caller.ask(IN_PAIN, subject="patient-0001")
    read(auditor, "/desk/decisions/?subject=patient-0001")
    with service.sessions() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc()).limit(1)).one()
    assert (event.action, event.actor) == ("decisions.searched", "auditor")
    assert json.loads(event.details)["decisions"] == 1
    assert "patient-0001" not in event.details


def test_of_removed_subjects_the_search_says_that_it_cannot_know(
    auditor: FlaskClient, caller: Caller, service: Service
) -> None:
    key = decided(caller, subject="patient-0001")
    assert "There may be more" not in words(read(auditor, "/desk/decisions/?q=patient-0001"))
    with service.owner() as owner, sessions(owner)() as session:
        seal(session, clinic.NOW)
        session.commit()
        removal = retention.asked(2, "Kept for two days.", at=clinic.NOW + timedelta(days=3))
        for _ in retention.removed(session, removal):
            session.commit()
    said = words(read(auditor, "/desk/decisions/?q=patient-0001"))
    assert "There may be more. Of decisions recorded before 2 June 2026, 09:00:00 UTC the subjects were removed" in said
    assert "There may be more" not in words(read(auditor, "/desk/decisions/?q=patient-0001&since=2026-06-03"))
    page = words(read(auditor, f"/desk/decisions/{key}"))
    assert "Decision whose subject was removed" in page
    assert "by the program, for the reason: “Kept for two days.”" in page
    assert page.index("Now ·") < page.index("At this visit ·") < page.index("Ongoing ·")
    with service.sessions() as session:
        keys.issue(session, "The audit", by=None, at=clinic.NOW, key=AUDITOR_KEY, purpose=Purpose.AUDIT)
        session.commit()
    reader = Caller(caller.client, {"Authorization": f"Bearer {AUDITOR_KEY}"})
    found = reader.shown("/api/v1/decisions?subject=patient-0001")
    assert found == {"decisions": [], "older": None, "subjects_removed_before": "2026-06-02T09:00:00.000000Z"}
    assert "subjects_removed_before" not in reader.shown("/api/v1/decisions")
