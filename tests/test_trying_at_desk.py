"""Any patient tried at the desk: by what is in force or by a draft; what is wrong is said, and nothing is recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cds.deciding import Disagreement
from cds.service import Service
from knowledge import lifecycle, patients
from knowledge.items import ItemKind
from knowledge.models import Role, Version
from tests import clinic
from tests.desk import enter, token
from tests.test_pages import read, words

TRY = "/desk/try/"
RULE = "ext-oncologic-emergency-list"
HER = "has_mbc: yes\nage_years: 60\ndisease_phase: stable\npain_nrs: 8\noncologic_emergency_excluded: no\n"


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


@pytest.fixture
def lead(client: FlaskClient) -> FlaskClient:
    """An author who is signed in."""
    assert enter(client, "author").status_code == 303
    return client


def send(client: FlaskClient, facts: str, path: str = TRY, **more: str) -> TestResponse:
    form = {"csrf_token": token(client.get(TRY).text), "facts": facts, "at": "", "for": "", "show": "answer"}
    return client.post(path, data=form | more)


def tried(client: FlaskClient, facts: str, path: str = TRY, **more: str) -> str:
    """The page of an answer, as it is read."""
    response = send(client, facts, path, **more)
    assert response.status_code == 200, words(response.text)
    return words(response.text)


def refused(client: FlaskClient, facts: str, path: str = TRY, **more: str) -> str:
    response = send(client, facts, path, **more)
    assert response.status_code == 422
    assert 'id="tested"' not in response.text
    return response.text


def became(page: str) -> str:
    """What the page says of the rule that is tried."""
    found = re.search(r"The rule that is tried (.*?) The answer as of", page)
    assert found
    return found[1]


def drafted(
    service: Service, kind: ItemKind, key: str, content: Mapping[str, Any] | None = None, **changes: Any
) -> int:
    """A draft by the author, stored: its id."""
    with service.sessions() as session:
        old = session.scalars(
            select(Version).where(Version.kind == kind, Version.key == key).order_by(Version.number.desc())
        ).first()
        held = content or (json.loads(old.content) if old else {})
        ada = clinic.person(session, "author", Role.AUTHOR)
        draft = lifecycle.draft(session, kind, key, dict(held) | changes, by=ada, at=clinic.NOW, reason="To try.")
        session.commit()
        return draft.id


def test_the_rule_that_is_tried_stands_first_with_its_state_and_why(lead: FlaskClient) -> None:
    page = tried(lead, HER, f"{TRY}?rule={RULE}")
    assert "Answered by release 1, which is in force. Tried is version 1" in page
    assert became(page).startswith("Check the list of oncologic emergencies Recommended")
    assert "Why Uncontrolled pain; oncologic emergency not ruled out" in became(page)
    assert page.index("The rule that is tried") < page.index("to do now")


def test_a_rule_that_lacks_facts_says_which(lead: FlaskClient) -> None:
    said = became(tried(lead, "has_mbc: yes\n", f"{TRY}?rule={RULE}"))
    assert said.startswith("Check the list of oncologic emergencies Undetermined")
    assert "It lacks Uncontrolled pain" in said
    assert "A fact that is not known is never taken as no." in said


def test_a_rule_that_is_not_met_says_why_not(lead: FlaskClient) -> None:
    said = became(tried(lead, "has_mbc: yes\npain_nrs: 0\npain_goal_met: yes\n", f"{TRY}?rule={RULE}"))
    assert "Not met" in said
    assert "Why not No uncontrolled pain" in said


def test_a_rule_that_is_withheld_says_by_which_and_why(lead: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        release = service.serving.current(session).release
    patient = release.base.vignettes["danger-routing"]
    [over] = [one for one in release.overriding if one.rule == "ext-distress-routing"]
    at, facts = f"{patient.evaluated_at:%Y-%m-%dT%H:%M}", patients.write(patient.facts)
    said = {key: became(tried(lead, facts, f"{TRY}?rule={key}", at=at)) for key in over.withholds}
    withheld = {key: one for key, one in said.items() if "Withheld" in one}
    assert len(withheld) > 1
    for key, one in withheld.items():
        assert f"While “Match each distress problem to a service” is recommended. {over.withholds[key]}" in one


def test_a_statement_applies_to_nobody(lead: FlaskClient) -> None:
    key = next(key for key, rule in clinic.shipped_base().rules.items() if rule.is_statement)
    assert "A statement" in became(tried(lead, HER, f"{TRY}?rule={key}"))


def test_outside_the_population_no_rule_is_said_to_be_met(lead: FlaskClient) -> None:
    said = became(tried(lead, HER.replace("has_mbc: yes", "has_mbc: no"), f"{TRY}?rule={RULE}"))
    assert "Not met" in said
    assert "No rule applies, since what was posted says: no metastatic breast cancer" in said
    assert "Uncontrolled pain" not in said.partition("No rule applies")[2]


def test_the_answer_is_the_one_of_the_public_page(lead: FlaskClient) -> None:
    her = clinic.shipped_base().vignettes["external-stable-pain-above-goal"]
    public = words(read(lead, f"/try/{her.key}"))
    page = tried(lead, patients.write(her.facts), at=f"{her.evaluated_at:%Y-%m-%dT%H:%M}")
    told = re.compile(
        r"\d+ to do now \d+ at this visit \d+ ongoing \d+ withheld \d+ not decided: facts missing \d+ do not"
    )
    assert told.search(page)
    assert told.findall(page) == told.findall(public)


def test_an_answer_for_a_patient_leaves_out_what_is_not_for_her(lead: FlaskClient) -> None:
    page = tried(lead, HER, f"{TRY}?rule={RULE}", **{"for": "patient"})
    assert "The answer below is for patient, and leaves this rule out." in page
    assert "Think at least of spinal cord compression" not in page.partition("The answer as of")[2]


def test_nothing_of_it_is_recorded(lead: FlaskClient, service: Service) -> None:
    before = clinic.counts(service)
    tried(lead, HER, f"{TRY}?rule={RULE}")
    send(lead, HER, show="patient")
    assert clinic.counts(service) == before
    assert "Nothing of it is recorded" in words(read(lead, TRY))


def test_an_example_patient_fills_the_form(lead: FlaskClient) -> None:
    her = clinic.shipped_base().vignettes["external-stable-pain-above-goal"]
    page = read(lead, f"{TRY}?rule={RULE}&patient={her.key}")
    text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert text
    assert patients.read(text[1], clinic.shipped_base().facts) == her.facts
    assert 'type="datetime-local" value="2026-01-31T09:00"' in page
    assert page.index("Patients that speak for this rule") < page.index("Advance care planning")


def test_a_draft_answers_and_the_page_says_so(lead: FlaskClient, service: Service) -> None:
    draft = drafted(service, ItemKind.RULE, RULE, condition="pain_nrs >= 3", title="Another title of the emergencies")
    page = tried(lead, "has_mbc: yes\npain_nrs: 3\n", f"{TRY}?version={draft}")
    assert (
        "Not in force. You try what would be in force with version 2 of “Another title of the emergencies” (draft)"
        in page
    )
    assert became(page).startswith("Another title of the emergencies Recommended")
    assert "Why Pain intensity 3" in page
    assert "Not yet clinically approved" not in page
    assert "Checklists are made from a release in force only." in page
    assert "Checklist for" not in page
    assert became(tried(lead, HER, f"{TRY}?version={draft}", show="patient"))
    now = tried(lead, "has_mbc: yes\npain_nrs: 3\n", f"{TRY}?rule={RULE}")
    assert "Recommended" not in became(now)


def test_a_draft_that_cannot_answer_says_what_to_mend(lead: FlaskClient, service: Service) -> None:
    draft = drafted(service, ItemKind.RULE, RULE, condition="pain_nsr >= 3")
    page = words(read(lead, f"{TRY}?rule={RULE}&version={draft}"))
    assert "This cannot answer yet." in page
    assert "Did you mean pain_nrs?" in page
    assert refused(lead, HER, f"{TRY}?version={draft}")


def test_a_draft_that_cannot_be_read_says_what_to_mend(lead: FlaskClient, service: Service) -> None:
    draft = drafted(service, ItemKind.RULE, RULE, condition="pain_nrs >=")
    page = words(read(lead, f"{TRY}?version={draft}"))
    assert "This cannot answer yet." in page
    assert "Condition: Line 1" in page


def test_a_rule_is_tried_with_the_draft_of_the_fact_that_it_needs(lead: FlaskClient, service: Service) -> None:
    fact = {
        "key": "hiccups_nrs", "label": "Hiccups", "type": "integer", "topic": "symptoms", "phrase": "hiccups",
        "minimum": 0, "maximum": 10,
    }  # fmt: skip
    drafted(service, ItemKind.FACT, "hiccups_nrs", fact)
    draft = drafted(service, ItemKind.RULE, RULE, condition="hiccups_nrs >= 4")
    page = tried(lead, "has_mbc: yes\nhiccups_nrs: 5\n", f"{TRY}?version={draft}")
    assert "and the drafts that it belongs to: fact hiccups_nrs" in page
    assert "Why Hiccups 5" in page


def test_a_rule_that_is_not_in_force_leads_to_its_draft(lead: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        old = session.scalars(select(Version).where(Version.kind == ItemKind.RULE, Version.key == RULE)).one()
        content = json.loads(old.content) | {"key": "a-new-rule", "title": "A new rule", "condition": "pain_nrs >= 9"}
    draft = drafted(service, ItemKind.RULE, "a-new-rule", content)
    page = read(lead, f"{TRY}?rule=a-new-rule")
    assert "Its newest version is 1 (draft)" in words(page)
    assert f"{TRY}?rule=a-new-rule&amp;version={draft}" in page
    assert "A new rule Recommended" in tried(lead, "has_mbc: yes\npain_nrs: 9\n", f"{TRY}?version={draft}")


def test_what_is_wrong_is_said_at_its_line_and_the_text_is_kept(lead: FlaskClient) -> None:
    text = "ecog: 2\npain_nrs: 11\nhas_mbc: yes\ncomfort_function_goals: <b>walk</b>\n"
    page = refused(lead, text)
    said = words(page)
    assert "Nothing was answered. 3 things have to be put right first." in said
    assert "Line 1: There is no fact called “ecog”. Did you mean ecog_ps?" in said
    assert "Line 2: Pain intensity has the range 0 to 10; 11 is outside it." in said
    assert 'is a text: put it in double quotes. Did you mean "<b>walk</b>" ?' in said
    assert "comfort_function_goals: &lt;b&gt;walk&lt;/b&gt;" in page
    assert "<b>walk" not in page


def test_an_observation_that_cannot_be_is_said_at_its_line(lead: FlaskClient) -> None:
    pain = "pain_nrs: 3 at 2026-01-01T08:00:00Z\npain_nrs: 3 at 2027-01-01T08:00:00Z"
    text = f"has_mbc: yes\n\n{pain}\nmbc_diagnosis_date: 2030-01-01"
    said = words(refused(lead, text))
    assert "Line 4: The observation lies in the future" in said
    assert "Line 5: " in said
    assert "lies in the future: 2030-01-01" in said


@pytest.mark.parametrize(
    ("at", "fits"),
    [
        ("2026-02-01T08:00", True),
        ("2026-02-01T08:00:30.5", True),
        ("2026-02-01 08:00", True),
        ("2026-02-01T08:00:00+01:00", True),
        ("2026-02-01T08:00:00-01:00", True),
        ("9999-12-31T23:59", True),
        ("0001-01-01T00:00", True),
        ("yesterday", False),
        ("2026-02-30T08:00", False),
        ("2026-02-01", False),
        ("0001-01-01T00:00+14:00", False),
        ("\x00", True),
        ("２０２６-02-01T08:00", False),
        ("1" * 5000, False),
    ],
)
def test_moments(lead: FlaskClient, at: str, fits: bool) -> None:
    response = send(lead, "has_mbc: yes", at=at)
    assert response.status_code == (200 if fits else 422)
    assert ("This is not a moment such as" in response.text) is not fits


@pytest.mark.parametrize(
    "query",
    [
        "rule=no-such-rule",
        "rule=%00",
        "rule=%ED%A0%80",
        "rule=" + "x" * 3000,
        "patient=nobody",
        "patient=%00",
        "version=0",
        "version=-1",
        "version=9223372036854775808",
        "version=2147483647",
        "version=%00",
        "version=٣",
        "version=1.5",
        "version=abc",
        f"rule=no-such-rule&patient=%00&version={2**63}",
    ],
)
def test_what_is_not_there_says_so(lead: FlaskClient, query: str) -> None:
    page = words(read(lead, f"{TRY}?{query}", 404))
    assert "There is no" in page


def test_a_hundred_kilobytes_are_refused_and_kept(lead: FlaskClient) -> None:
    page = refused(lead, "pain_nrs: 7\n" * 9000)
    assert "take at most 50,000 characters; this text has" in words(page)
    assert page.count("pain_nrs: 7") >= 9000


def test_what_word_pastes_is_read(lead: FlaskClient) -> None:
    pasted = "has_mbc:\u00a0yes\u2028pain_nrs:\t8\u200b\r\noncologic_emergency_excluded: no\x0b"
    assert "Recommended" in became(tried(lead, pasted, f"{TRY}?rule={RULE}"))


@pytest.mark.parametrize("text", ["\x00", "has_mbc: \x00yes", "\ud7ff:\uffff", '"""', ":::::", "a" * 49_000, "{}"])
def test_whatever_is_sent_is_answered_or_refused(lead: FlaskClient, text: str) -> None:
    assert send(lead, text).status_code in (200, 422)


def test_a_form_without_facts_is_none(lead: FlaskClient) -> None:
    assert lead.post(TRY, data={"csrf_token": token(lead.get(TRY).text)}).status_code == 400


def test_without_a_token_nothing_is_answered(lead: FlaskClient) -> None:
    assert lead.post(TRY, data={"facts": HER}).status_code == 400


def test_an_administrator_tries_no_patients(client: FlaskClient) -> None:
    enter(client, "administrator")
    assert client.get(TRY).status_code == 403


@pytest.mark.parametrize("role", [Role.APPROVER, Role.AUDITOR])
def test_the_other_readers_do(client: FlaskClient, role: Role) -> None:
    enter(client, role.value)
    assert "Recommended" in tried(client, HER, f"{TRY}?rule={RULE}")


@pytest.mark.parametrize(
    ("reader", "heading"),
    [("physician", "Checklist for the physician"), ("patient", "Checklist for patient and caregiver")],
)
def test_a_checklist_is_made_of_her(lead: FlaskClient, reader: str, heading: str) -> None:
    page = tried(lead, HER, show=reader)
    assert heading in page
    assert "Made from facts that were typed in to try them: it is not on record." in page
    assert ("Think at least of spinal cord compression" in page) is (reader == "physician")


def test_when_two_readings_disagree_nothing_is_shown(lead: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def disagreeing(release: Any, question: Any, **_: Any) -> None:
        raise Disagreement(question, release.resolver.resolve(question.facts, question.evaluated_at), ["c0"], [])

    monkeypatch.setattr("cds.pages.trying.decide", disagreeing)
    response = send(lead, HER, f"{TRY}?rule={RULE}")
    assert response.status_code == 500
    assert "The answer could not be trusted" in words(response.text)
    assert "oncologic emergencies" not in response.text


def test_facts_stand_in_no_address(lead: FlaskClient) -> None:
    page = read(lead, f"{TRY}?rule={RULE}&patient=external-stable-pain-above-goal")
    action = re.search(r'<form method="post" action="([^"]+)" class="sheet asking"', page)
    assert action
    assert action[1].endswith("#answer")
    assert "pain_nrs" not in action[1]
