"""What is to be reviewed, the longest overdue first, and what is being done about it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.releases.due import PERIODS, due
from cds.service import Service
from knowledge import lifecycle
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Role, User, Version
from tests import clinic
from tests.desk import enter
from tests.test_pages import read, words

RULE = "ext-oncologic-emergency-list"
ALL_SHIPPED = date(2027, 6, 30)


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


def of(session: Session, kind: ItemKind, key: str) -> Version:
    query = select(Version).where(Version.kind == kind, Version.key == key).order_by(Version.number.desc())
    return session.scalars(query).first() or pytest.fail(f"There is no {kind} {key}.")


def draft(service: Service, kind: ItemKind, key: str, **changes: Any) -> None:
    """Another version of an item, written by the author of the desk and not yet submitted."""
    with service.sessions() as session:
        author = session.scalars(select(User).where(User.name == "author")).one()
        content = json.loads(of(session, kind, key).content) | changes
        lifecycle.draft(session, kind, key, content, by=author, at=clinic.NOW, reason="Read again.")
        session.commit()


def step(service: Service, key: str, step: str) -> None:
    with service.sessions() as session:
        author = session.scalars(select(User).where(User.name == "author")).one()
        version = of(session, ItemKind.RULE, key)
        if step == "submit":
            lifecycle.submit(session, version, by=author, at=clinic.NOW)
        else:
            lifecycle.retire(session, version, by=author, at=clinic.NOW, reason="No more.")
        session.commit()


def in_force_with(service: Service, **changes: Any) -> None:
    clinic.put_in_force(service, clinic.publish(service, RULE, **changes))


def row(client: FlaskClient, title: str, path: str = "/desk/due/") -> str:
    """What the page says of one item."""
    [found] = [words(one) for one in read(client, path).split("<tr>") if title in one]
    return found


TITLE = "Check the list of oncologic emergencies"


def test_at_first_nothing_is_due_and_the_next_date_is_told(client: FlaskClient) -> None:
    enter(client, "auditor")
    page = words(read(client, "/desk/due/"))
    assert "0 overdue 0 due within 30 days 0 due within 90 days 0 due within 180 days 0 due within 365 days" in page
    assert "Nothing is overdue, and nothing is due within 90 days. The next review is due by 30 June 2027." in page


def test_the_longest_overdue_comes_first_and_counts_before_everything(service: Service, client: FlaskClient) -> None:
    in_force_with(service, review_by="2026-05-20")
    service.now = lambda: datetime(2027, 7, 1, 9, tzinfo=UTC)
    enter(client, "auditor")
    with service.sessions() as session:
        found = due(session, date(2027, 7, 1))
    assert (found[0].version.key, found[0].days, found[0].overdue) == (RULE, -407, True)
    assert {(one.review_by, one.days) for one in found[1:]} == {(ALL_SHIPPED, -1)}
    assert {one.version.kind for one in found} == {ItemKind.RULE, ItemKind.HAZARD, ItemKind.SOURCE}
    page = words(read(client, "/desk/due/"))
    assert f"{len(found)} overdue 0 due within 30 days" in page
    assert page.index(TITLE) < page.index("1 day overdue")
    assert "407 days overdue" in row(client, TITLE)
    assert "Page 1 of " in page


def test_on_its_date_it_is_due_today_and_not_yet_overdue(service: Service, client: FlaskClient) -> None:
    in_force_with(service, review_by=clinic.NOW.date().isoformat())
    enter(client, "auditor")
    assert "Today" in row(client, TITLE)
    assert "0 overdue 1 due within 30 days" in words(read(client, "/desk/due/"))


@pytest.mark.parametrize(("days", "shown"), [("30", False), ("90", True), ("180", True), ("365", True), ("9", True)])
def test_how_far_ahead_is_chosen(service: Service, client: FlaskClient, days: str, shown: bool) -> None:
    """91 days from now is beyond all but the longer periods; 90 is what is taken for a period that is not offered."""
    in_force_with(service, review_by="2026-08-30")
    enter(client, "auditor")
    assert (TITLE in read(client, f"/desk/due/?days={days}")) is shown
    in_ninety = "0 due within 30 days 1 due within 90 days"
    assert in_ninety in words(read(client, f"/desk/due/?days={days}"))


@pytest.mark.parametrize(
    "query", ["days=x", "days=-5", "days=99999999999", "page=0", "page=x", "kind=fact", "kind=%00"]
)
def test_an_address_that_says_nonsense_shows_the_usual(client: FlaskClient, query: str) -> None:
    enter(client, "auditor")
    assert "nothing is due within 90 days" in words(read(client, f"/desk/due/?{query}"))


def test_a_draft_that_renews_it_is_told_with_who_wrote_it(service: Service, client: FlaskClient) -> None:
    in_force_with(service, review_by="2026-06-10")
    enter(client, "author")
    before = row(client, TITLE)
    assert "Nothing under way" in before
    assert "Ada" in before
    draft(service, ItemKind.RULE, RULE, review_by="2028-06-30")
    renewed = row(client, TITLE)
    assert "A draft renews it to 30 June 2028: version 3" in renewed
    assert "author" in renewed
    assert "Edit" in renewed
    assert "1 item , 1 of them being renewed".replace(" ,", ",") in words(read(client, "/desk/due/"))
    step(service, RULE, "submit")
    submitted = row(client, TITLE)
    assert "A version that is submitted renews it to 30 June 2028" in submitted
    assert "Edit" not in submitted


def test_a_draft_that_leaves_the_date_renews_nothing(service: Service, client: FlaskClient) -> None:
    in_force_with(service, review_by="2026-06-10")
    draft(service, ItemKind.RULE, RULE, text="Check it twice.")
    enter(client, "author")
    assert "A draft keeps the date: version 3" in row(client, TITLE)
    assert "being renewed" not in read(client, "/desk/due/")


def test_a_draft_with_no_date_that_can_be_read_renews_nothing(service: Service) -> None:
    draft(service, ItemKind.SOURCE, "kida-2021", review_by="soon")
    with service.sessions() as session:
        [one] = [one for one in due(session, clinic.NOW.date()) if one.version.key == "kida-2021"]
    assert (one.newer is not None, one.renewed_to) == (True, None)
    assert one.cited_by > 200


def test_a_retired_rule_is_still_in_force_and_says_that_it_leaves(service: Service, client: FlaskClient) -> None:
    in_force_with(service, review_by="2026-06-10")
    step(service, RULE, "retire")
    enter(client, "auditor")
    assert "Retired: the next release leaves it out" in row(client, TITLE)


def test_only_who_writes_is_offered_to_edit(service: Service, client: FlaskClient) -> None:
    in_force_with(service, review_by="2026-06-10")
    enter(client, "auditor")
    assert "/edit" not in read(client, "/desk/due/")


def test_rules_and_sources_can_be_looked_at_apart(service: Service, client: FlaskClient) -> None:
    service.now = lambda: datetime(2027, 7, 1, 9, tzinfo=UTC)
    enter(client, "auditor")
    with service.sessions() as session:
        sources = sum(one.version.kind is ItemKind.SOURCE for one in due(session, date(2027, 7, 1)))
    page = words(read(client, "/desk/due/?kind=source"))
    assert f"{sources} overdue" in page
    assert f"{sources} items" in page
    assert "Source · Cited by" in page
    assert "Rule ·" not in page


def test_it_is_taken_out_whole_as_a_table_and_that_is_on_record(service: Service, client: FlaskClient) -> None:
    in_force_with(service, review_by="2026-05-20", title='=HYPERLINK("http://example.org")')
    draft(service, ItemKind.RULE, RULE, review_by="2028-06-30")
    service.now = lambda: datetime(2027, 7, 1, 9, tzinfo=UTC)
    enter(client, "approver")
    data = client.get(f"/desk/due/export.csv?days={PERIODS[0]}").data
    header, *rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    with service.sessions() as session:
        assert len(rows) == len(due(session, date(2027, 7, 1)))
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "export.made")).one()
    first = dict(zip(header, rows[0], strict=True))
    assert first == {
        "review by": "2026-05-20",
        "days": "-407",
        "kind": "rule",
        "key": RULE,
        "title": '\'=HYPERLINK("http://example.org")',
        "topic": "pain",
        "cited by": "",
        "version in force": "2",
        "written by": "author",
        "newer version": "3",
        "its state": "draft",
        "renewed to": "2028-06-30",
        "address": f"http://localhost/desk/rules/{RULE}",
    }
    assert (event.actor, json.loads(event.details)["rows"]) == (Role.APPROVER, len(rows))
