"""What a hazard looks like to its readers: first on every page, for patients plain and calm, for auditors with why."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from cds import keys, schemas
from cds.models import Purpose
from cds.pages.checklist import Reader
from cds.pages.labels import listed, sentence
from cds.replay.shapes import DecisionInFull
from cds.service import Service
from knowledge.items import HazardState
from tests import clinic
from tests.clinic import Caller, problem_in, shipped_base
from tests.desk import enter
from tests.test_decisions_at_desk import AUDITOR_KEY
from tests.test_pages import read, words

CHEST_PAIN = "danger-chest-pain"
HAZARD = shipped_base().hazards["cardiac-symptoms"]
FACTS: dict[str, Any] = dict(shipped_base().vignettes[CHEST_PAIN].facts)


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


def test_on_the_page_of_an_answer_the_hazard_comes_first_with_why_and_source(client: FlaskClient) -> None:
    page = read(client, f"/try/{CHEST_PAIN}")
    said = words(page)
    assert HAZARD.text in said
    assert page.index('id="hazards"') < page.index('aria-label="Notices"') < page.index('id="known"')
    assert "1 hazard present" in said
    assert 'href="#withheld"' in page.partition('id="hazards"')[2].partition("</section>")[0]
    assert shipped_base().sources[HAZARD.citations[0].source].reference in said
    assert "not known whether they are present" in said


@pytest.mark.parametrize("reader", list(Reader))
def test_on_both_checklists_it_is_the_first_thing(client: FlaskClient, reader: Reader) -> None:
    page = read(client, f"/try/{CHEST_PAIN}/checklist?for={reader}")
    at = page.index('id="hazards"')
    assert at < page.index('aria-label="Notices"')
    assert at < page.index('class="part"')
    assert "known-line" not in page[:at]


def test_a_patient_reads_what_to_do_and_neither_the_clinical_text_nor_the_title(client: FlaskClient) -> None:
    page = read(client, f"/try/{CHEST_PAIN}/checklist?for=patient")
    first = words(page.partition('aria-labelledby="of-hazards">')[2].partition("</section>")[0])
    assert "Please read this first" in first
    assert str(HAZARD.patient_text) in first
    assert "Advice that does not fit this is left out below." in first
    assert HAZARD.text not in page
    assert "hazard" not in first.casefold()
    for frightening in ("danger", "fatal", "death", "catastrophic"):
        assert frightening not in first.casefold()


def test_a_patient_asking_on_the_try_it_page_reads_the_plain_words(client: FlaskClient) -> None:
    said = words(read(client, f"/try/{CHEST_PAIN}?for=patient"))
    assert f"Please read this first {HAZARD.patient_text}" in said
    assert HAZARD.text not in said


def test_no_hazard_no_box(client: FlaskClient) -> None:
    absent = next(
        key for key, one in shipped_base().vignettes.items() if one.title == "Every danger asked about and absent"
    )
    assert 'id="hazards"' not in read(client, f"/try/{absent}")


def test_an_auditor_reads_which_hazards_were_present_why_and_what_each_withheld(
    caller: Caller, client: FlaskClient
) -> None:
    decision = caller.ask(FACTS, subject="patient-0001")
    withheld = {one["rule"] for one in decision["withheld"] if one["withheld_by"] == {"hazard": HAZARD.key}}
    enter(client, "auditor")
    page = read(client, f"/desk/decisions/{decision['decision_id']}")
    said = words(page)
    assert f'id="hazard-{HAZARD.key}"' in page
    assert f"It forbids {sentence(listed(HAZARD.forbids))}" in said
    assert f"Withheld by it {len(withheld)} rule" in said
    assert f"Withheld because of the hazard {HAZARD.title} : {HAZARD.reason}" in said
    assert "hazards absent" in said or "hazard absent" in said


def test_an_auditor_s_key_reads_the_same(service: Service, caller: Caller) -> None:
    with service.sessions() as session:
        keys.issue(session, "Audit", by=None, at=clinic.LOADED, key=AUDITOR_KEY, purpose=Purpose.AUDIT)
        session.commit()
    decision = caller.ask(FACTS)
    auditor = Caller(caller.client, {"Authorization": f"Bearer {AUDITOR_KEY}"})
    shown = auditor.shown(f"/api/v1/decisions/{decision['decision_id']}")
    assert DecisionInFull().validate(shown) == {}
    present = [one for one in shown["hazards"] if one["state"] == HazardState.PRESENT]
    assert [one["key"] for one in present] == [one["hazard"] for one in decision["hazards"]]
    assert set(present[0]["withheld"]) == {
        one["rule"] for one in decision["withheld"] if one["withheld_by"] == {"hazard": HAZARD.key}
    }
    assert present[0]["because"] == decision["hazards"][0]["because"]


def test_the_api_lists_every_hazard_the_most_urgent_first(caller: Caller) -> None:
    shown = caller.shown("/api/v1/hazards")
    assert schemas.Hazards().validate(shown) == {}
    assert {one["hazard"] for one in shown["hazards"]} == set(shipped_base().hazards)
    urgencies = [one["urgency"] for one in shown["hazards"]]
    assert urgencies == sorted(urgencies, key=["now", "this_visit", "ongoing"].index)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("severity=catastrophic", lambda one: one.severity == "catastrophic"),
        ("urgency=now&topic=emergencies", lambda one: one.urgency == "now" and one.topic == "emergencies"),
        ("forbids=exercise.vigorous", lambda one: bool({"exercise", "exercise.vigorous"} & set(one.forbids))),
        ("topic=no-such-topic", lambda one: False),
    ],
)
def test_hazards_can_be_narrowed(caller: Caller, query: str, wanted: Any) -> None:
    expected = {key for key, one in shipped_base().hazards.items() if wanted(one)}
    assert {one["hazard"] for one in caller.shown(f"/api/v1/hazards?{query}")["hazards"]} == expected


def test_one_hazard_is_shown_with_the_rules_that_it_withholds(caller: Caller) -> None:
    one = caller.shown(f"/api/v1/hazards/{HAZARD.key}")
    assert schemas.HazardShown().validate(one) == {}
    for rule in one["withholds"]:
        by = caller.shown(f"/api/v1/rules/{rule}")["withheld_by"]
        assert {"hazard": HAZARD.key, "reason": HAZARD.reason} in by
    assert one["answered_by"] == list(HAZARD.answered_by)


def test_there_is_no_other_hazard_and_no_other_filter(caller: Caller) -> None:
    assert "no hazard" in problem_in(caller.get("/api/v1/hazards/nobody"), 404)["detail"]
    problem_in(caller.get("/api/v1/hazards?severity=large"), 422)
    problem_in(caller.get("/api/v1/hazards?sort=key"), 422)
