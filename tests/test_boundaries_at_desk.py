"""Boundary patients at the desk: suggested by the solver, ticked by an author, reviewed by somebody else."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cds.service import Service
from knowledge import lifecycle
from knowledge.items import ItemKind
from knowledge.models import User, Version, VersionState
from tests import clinic
from tests.desk import enter, token
from tests.test_pages import read, words

AT = "/desk/rules/{}/1/boundaries"


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


def suggested(page: str) -> list[str]:
    return re.findall(r'name="keep" value="([^"]+)"', page)


def add(client: FlaskClient, at: str, ticked: Sequence[str], button: str) -> Any:
    page = read(client, at + "?wait=1")
    form = {"csrf_token": token(page), "keep": list(ticked), button: "1"}
    return client.post(at, data=form)


def made(service: Service, rule: str) -> list[tuple[VersionState, dict[str, Any], str]]:
    query = select(Version).where(Version.key.like(f"{rule}-boundary-%")).order_by(Version.id)
    with service.sessions() as session:
        return [(one.state, json.loads(one.content), one.reason) for one in session.scalars(query)]


def changed_rule(service: Service, was: str, becomes: str, key: str) -> None:
    """A draft in which one comparison of a rule is another."""
    with service.sessions() as session:
        author = session.scalars(select(User).where(User.name == "author")).one()
        content = json.loads(session.scalars(select(Version).where(Version.key == key)).one().content)
        assert was in content["condition"]
        content["condition"] = content["condition"].replace(was, becomes)
        lifecycle.draft(session, ItemKind.RULE, key, content, by=author, at=clinic.NOW, reason="Newer evidence.")
        session.commit()


SCREEN = "pre-exercise-screen-age-sedentary-vigorous"


def test_the_page_comes_at_once_and_loads_what_the_solver_suggests(client: FlaskClient) -> None:
    enter(client, "author")
    assert AT.format(SCREEN) in read(client, f"/desk/rules/{SCREEN}")
    page = read(client, AT.format(SCREEN))
    assert "data-region" in page
    assert not suggested(page)
    part = client.get(AT.format(SCREEN) + "?part=1").text
    assert "<html" not in part
    assert suggested(part)
    assert "Age 56 years, just above the limit" in words(part)


def test_each_suggestion_opens_in_try_it(client: FlaskClient) -> None:
    enter(client, "author")
    page = read(client, AT.format(SCREEN) + "?wait=1")
    facts = re.search(r'name="facts" value="([^"]*)"', page)
    at = re.search(r'name="at" value="([^"]*)"', page)
    assert facts
    assert at
    tried = client.post("/desk/try/", data={"csrf_token": token(page), "facts": html.unescape(facts[1]), "at": at[1]})
    assert tried.status_code == 200
    assert "The answer in numbers" in tried.text


def test_what_is_ticked_is_under_review_by_one_press_and_not_suggested_again(
    client: FlaskClient, service: Service
) -> None:
    enter(client, "author")
    offered = suggested(read(client, AT.format(SCREEN) + "?wait=1"))
    assert add(client, AT.format(SCREEN), offered[:2], "submit").status_code == 303
    found = made(service, SCREEN)
    assert [state for state, _, _ in found] == [VersionState.SUBMITTED] * 2
    assert all("Made by the solver at a boundary of" in reason for _, _, reason in found)
    again = suggested(read(client, AT.format(SCREEN) + "?wait=1"))
    assert len(again) == len(offered) - 2
    assert set(again) < set(offered)


def test_for_a_changed_limit_they_are_made_of_the_draft_and_kept_with_it(client: FlaskClient, service: Service) -> None:
    changed_rule(service, "age_years > 55", "age_years > 45", SCREEN)
    enter(client, "author")
    at = f"/desk/rules/{SCREEN}/2/boundaries"
    page = read(client, at + "?wait=1")
    assert "Age 46 years, just above the limit" in words(page)
    assert "Add and submit" not in page
    assert add(client, at, suggested(page)[:1], "submit").status_code == 303
    [(state, content, _)] = made(service, SCREEN)
    assert state is VersionState.DRAFT
    assert content["facts"]["age_years"] in (45, 46)
    assert "boundary-1" in read(client, f"/desk/rules/{SCREEN}/2/submit")


def test_nothing_is_added_of_what_is_not_suggested_or_not_ticked(client: FlaskClient, service: Service) -> None:
    enter(client, "author")
    assert add(client, AT.format(SCREEN), [], "add").status_code == 422
    assert add(client, AT.format(SCREEN), ["sha256:0"], "add").status_code == 409
    assert made(service, SCREEN) == []


def test_a_statement_has_no_boundaries_and_what_is_not_there_is_not_found(
    client: FlaskClient, service: Service
) -> None:
    enter(client, "author")
    with service.sessions() as session:
        rows = session.scalars(select(Version).where(Version.kind == ItemKind.RULE))
        statement = next(one.key for one in rows if "condition" not in json.loads(one.content))
    assert "None is missing" in read(client, AT.format(statement) + "?wait=1")
    assert client.get(AT.format("no-such-rule")).status_code == 404


def test_a_hazard_has_them_too(client: FlaskClient) -> None:
    enter(client, "author")
    page = client.get("/desk/hazards/spinal-cord-compression/1/boundaries?wait=1")
    assert page.status_code == 200
