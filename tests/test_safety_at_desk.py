"""Proof, hazard file and region of a change at the desk: what is proven, who accepted it, and for whom it turns."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cds.authoring.finding_log import acceptances
from cds.authoring.release_proof import proof_of
from cds.service import Service
from knowledge import lifecycle
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, User, Version
from tests import clinic
from tests.desk import enter, token
from tests.test_pages import read, words
from tests.test_sheets import text_of

RULE = "pre-exercise-screen-age-sedentary-vigorous"


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


def first_finding(page: str) -> str:
    found = re.search(r'name="finding" value="([^"]+)"', page)
    assert found
    return found[1]


def decide(client: FlaskClient, finding: str, reason: str, **more: str) -> Any:
    form = {"csrf_token": token(read(client, "/desk/proof/?wait=1")), "finding": finding, "reason": reason, **more}
    return client.post("/desk/proof/accept", data=form)


def told(service: Service) -> list[tuple[str, str]]:
    query = select(AuditEvent).where(AuditEvent.action.like("proof.%")).order_by(AuditEvent.sequence)
    with service.sessions() as session:
        return [(one.action, one.actor) for one in session.scalars(query)]


def test_every_claim_over_the_shipped_release_is_proven_and_each_finding_has_a_patient_to_try(
    client: FlaskClient,
) -> None:
    enter(client, "auditor")
    page = read(client, "/desk/proof/?wait=1")
    assert "Proven." in words(page)
    assert "Accept it" not in words(page), "an auditor changes nothing"
    facts = re.search(r'name="facts" value="([^"]*)"', page)
    at = re.search(r'name="at" value="([^"]*)"', page)
    assert facts
    assert at
    form = {"csrf_token": token(page), "facts": html.unescape(facts[1]), "at": at[1]}
    tried = client.post("/desk/try/", data=form)
    assert tried.status_code == 200
    assert "The answer in numbers" in tried.text


@pytest.mark.parametrize("address", ["/desk/proof/", "/desk/hazard-file/"])
def test_a_page_of_the_solver_is_there_at_once_and_goes_on_to_what_it_found(client: FlaskClient, address: str) -> None:
    enter(client, "auditor")
    proof_of.forget()
    page = read(client, address)
    assert "The solver looks at all patients" in words(page)
    onwards = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert onwards
    found = read(client, html.unescape(onwards[1]))
    assert "The solver looks at" not in words(found)
    assert words(read(client, address))[:2000] == words(found)[:2000], "what is known already comes without waiting"


def test_an_approver_accepts_a_finding_with_a_reason_and_takes_it_back(client: FlaskClient, service: Service) -> None:
    enter(client, "approver")
    finding = first_finding(read(client, "/desk/proof/?wait=1"))
    assert decide(client, finding, "  ").status_code == 422
    assert decide(client, finding, "The broader rule is meant for everyone.").status_code == 303
    page = words(read(client, "/desk/proof/?wait=1"))
    assert "Accepted by approver" in page
    assert "The broader rule is meant for everyone." in page
    with service.sessions() as session:
        assert acceptances(session)[finding].by == "approver"
    assert decide(client, finding, "Once more.").status_code == 422, "accepted already"
    assert decide(client, finding, "It is not.", reopen="1").status_code == 303
    with service.sessions() as session:
        assert finding not in acceptances(session)
    assert told(service) == [("proof.finding_accepted", "approver"), ("proof.finding_reopened", "approver")]


def test_an_author_accepts_nothing_and_a_finding_that_is_none_is_said_to_be_gone(client: FlaskClient) -> None:
    enter(client, "author")
    assert decide(client, "sha256:0", "Fine.").status_code == 403
    client.post("/desk/sign-out", data={"csrf_token": token(read(client, "/desk/"))})
    enter(client, "approver")
    assert decide(client, "sha256:0", "Fine.").status_code == 404


def test_the_hazard_file_says_first_what_is_missing_and_then_every_hazard(client: FlaskClient) -> None:
    enter(client, "auditor")
    page = words(read(client, "/desk/hazard-file/?wait=1"))
    assert page.index("Not complete.") < page.index("Summary") < page.index("Hazardous situation")
    assert "No person has approved this version." in page
    for word in ("Spinal cord compression", "Residual risk", "Verification: proof", "Verification: test patients"):
        assert word in page
    assert client.get("/desk/hazard-file/?release=99").status_code == 404


def test_whoever_takes_the_hazard_file_as_a_pdf_is_on_record(client: FlaskClient, service: Service) -> None:
    enter(client, "auditor")
    taken = client.get("/desk/hazard-file/hazard-file.pdf")
    assert (taken.status_code, taken.content_type) == (200, "application/pdf")
    said = " ".join(text_of(taken.data))
    assert "Hazard file of release 1" in said
    assert "Spinal cord compression" in said
    with service.sessions() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "export.made")).one()
    assert (event.actor, event.subject) == ("auditor", "export/hazard-file/release/1")


def test_a_change_of_a_limit_says_exactly_for_whom_it_turns(client: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        author = session.scalars(select(User).where(User.name == "author")).one()
        version = session.scalars(select(Version).where(Version.key == RULE)).one()
        content = json.loads(version.content)
        content["condition"] = content["condition"].replace("age_years > 55", "age_years > 45")
        draft = lifecycle.draft(
            session, ItemKind.RULE, RULE, content, by=author, at=clinic.NOW, reason="Newer evidence."
        )
        number = draft.id
        session.commit()
    enter(client, "approver")
    address = f"/desk/changes/region?version={number}"
    page = words(read(client, address))
    assert "Now recommended Age from 46 to 55 years and presently sedentary" in page
    assert "Complete: the solver found no other patient for whom anything turns." in page
    part = client.get(f"{address}&part=1").text
    assert "<html" not in part
    assert words(part).strip() in page
    assert "Nothing is chosen" in words(read(client, "/desk/changes/region"))
