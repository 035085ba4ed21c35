"""Sheets at the desk: of any version, old, in force or a draft; on screen, and as a PDF whose taking is on record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cds.service import Service
from knowledge import lifecycle
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Role
from tests import clinic
from tests.clinic import NOW
from tests.desk import enter
from tests.test_pages import read, words
from tests.test_sheets import OVER_55, text_of

SHEET = f"/desk/rules/{OVER_55}/{{}}/sheet"


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


@pytest.fixture
def auditor(client: FlaskClient) -> FlaskClient:
    enter(client, "auditor")
    return client


def exports(service: Service) -> list[tuple[str, str, Any]]:
    with service.sessions() as session:
        query = select(AuditEvent).where(AuditEvent.action == "export.made").order_by(AuditEvent.sequence)
        return [(one.actor, one.subject, json.loads(one.details)["what"]) for one in session.scalars(query)]


def shown(client: FlaskClient, path: str) -> str:
    return words(read(client, path))


def test_a_sheet_says_at_its_head_what_is_missing_and_the_item_leads_to_it(auditor: FlaskClient) -> None:
    page = shown(auditor, SHEET.format(1))
    assert "Not complete. 2 of 13 source attributes are not stated: developer, funding source" in page
    assert page.index("Not complete.") < page.index("Bibliographic citation")
    assert "Read among Among the items of release 1." in page
    assert f'href="{SHEET.format(1)}"' in read(auditor, f"/desk/rules/{OVER_55}")
    assert 'href="/desk/releases/1/sheet"' in read(auditor, "/desk/releases/1")
    release = read(auditor, "/desk/releases/1/sheet")
    assert f'href="{SHEET.format(1)}"' in release
    assert "Also missing: clinical approval." in words(release)


def test_the_site_states_who_made_it_and_who_paid(shipped_url: str, prepared_once: None) -> None:
    with clinic.open_app(shipped_url, developer="The clinic’s own", funding="A grant") as app:
        client = app.test_client()
        enter(client, "author")
        page = shown(client, SHEET.format(1))
    assert "Developer The clinic’s own From: the site’s setting PHASEWISE_DEVELOPER" in page
    assert "Missing" not in page[page.index("Source attributes") : page.index("Basis for independent review")]


def test_whoever_takes_a_sheet_as_pdf_is_on_record(auditor: FlaskClient, service: Service) -> None:
    taken = auditor.get(f"{SHEET.format(1)}.pdf")
    assert (taken.status_code, taken.content_type) == (200, "application/pdf")
    assert taken.headers["Content-Disposition"] == (
        f'attachment; filename="phasewise-sheet-rule-{OVER_55}-1-2026-06-01.pdf"'
    )
    assert "2 of 13 source attributes are not stated" in " ".join(text_of(taken.data)[0].split())
    assert auditor.get("/desk/releases/1/sheet.pdf").data.startswith(b"%PDF-")
    name = f"sheet/rule/{OVER_55}/1"
    assert exports(service) == [
        ("auditor", f"export/{name}", name),
        ("auditor", "export/sheet/release/1", "sheet/release/1"),
    ]


def test_each_version_is_read_among_the_items_of_its_own_release(auditor: FlaskClient, service: Service) -> None:
    assert clinic.publish(service, OVER_55, condition="pain_nrs > 8", title="In pain") == 2
    clinic.put_in_force(service, 2)
    old, new = shown(auditor, SHEET.format(1)), shown(auditor, SHEET.format(2))
    assert "Not in force. It is in release 1." in old
    assert "age over 55 years, presently sedentary" in old
    assert "Among the items of release 1." in old
    assert "In force, in release 2." in new
    assert "It is recommended when pain intensity over 8" in new
    assert "Among the items of release 2." in new
    assert "Approved by Ben" in new
    assert "It is a revision: version 2" in new


def test_a_draft_has_a_sheet_once_it_can_be_read(auditor: FlaskClient, service: Service) -> None:
    def keep(**content: Any) -> None:
        with service.sessions() as session:
            ada = clinic.person(session, "Ada", Role.AUTHOR)
            lifecycle.draft(session, ItemKind.RULE, content["key"], content, by=ada, at=NOW)
            session.commit()

    keep(key="half-done", title="Half done")
    assert "A draft has a sheet once every field of it can be read." in words(
        read(auditor, "/desk/rules/half-done/1/sheet", 409)
    )
    assert auditor.get("/desk/rules/half-done/1/sheet.pdf").status_code == 409
    keep(
        key="whole",
        title="Whole",
        text="Do.",
        kind="advice",
        mode="do",
        topic="pain",
        actors=["clinician"],
        urgency="now",
        condition="pain_nrs > 8",
        patient_may_see=False,
        review_by="2027-06-30",
    )
    page = shown(auditor, "/desk/rules/whole/1/sheet")
    assert "A draft: it may still change, and answers nobody." in page
    assert "Among what is in force, with this version" in page
    assert "4 of 13 source attributes are not stated: bibliographic citation, developer" in page


@pytest.mark.parametrize(
    "path",
    [
        f"/desk/rules/{OVER_55}/9/sheet",
        f"/desk/rules/{OVER_55}/99999999999999999999/sheet.pdf",
        "/desk/rules/nothing/1/sheet",
        "/desk/facts/age_years/1/sheet",
        "/desk/releases/9/sheet",
        "/desk/releases/99999999999999999999/sheet.pdf",
    ],
)
def test_what_is_not_there_has_no_sheet(auditor: FlaskClient, service: Service, path: str) -> None:
    read(auditor, path, 404)
    assert exports(service) == []
