"""Who may do what at the desk: every route, with every method, by everybody; and no form without its token."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cds.models import ApiKey
from cds.record.refusals import REFUSED
from cds.service import Service
from knowledge.models import Activation, AuditEvent, Release, ReleaseApproval, Role, User, Version
from tests.desk import PASSWORD, enter, staffed_copy, token

READ = frozenset({Role.AUTHOR, Role.APPROVER, Role.AUDITOR})
"""Whoever reads what is clinical."""

WRITE = frozenset({Role.AUTHOR, Role.APPROVER})
APPROVE = frozenset({Role.APPROVER})
ADMINISTER = frozenset({Role.ADMINISTRATOR})
ALL = frozenset(Role)

Who = frozenset[Role]


def _of_a_shelf(shelf: str) -> dict[str, dict[str, Who]]:
    """The routes that items of every kind have."""
    at = f"/desk/{shelf}"
    version = f"{at}/<string:key>/<int:number>"
    return {
        f"{at}/": {"GET": READ},
        f"{at}/export.csv": {"GET": READ},
        f"{at}/new": {"GET": WRITE, "POST": WRITE},
        f"{at}/check": {"POST": WRITE},
        f"{at}/<string:key>": {"GET": READ},
        f"{at}/<string:key>/edit": {"GET": WRITE, "POST": WRITE},
        f"{at}/<string:key>/difference": {"GET": READ},
        f"{at}/<string:key>/history": {"GET": READ},
        f"{version}/submit": {"GET": WRITE, "POST": WRITE},
        f"{version}/review": {"GET": READ},
        f"{version}/approve": {"POST": APPROVE},
        f"{version}/return": {"POST": WRITE},
        f"{version}/retire": {"GET": WRITE, "POST": WRITE},
    }


WHO: Mapping[str, Mapping[str, Who]] = {
    "/desk/": {"GET": ALL},
    "/desk/sign-out": {"POST": ALL},
    "/desk/account": {"GET": ALL, "POST": ALL},
    "/desk/people/": {"GET": ADMINISTER},
    "/desk/people/new": {"GET": ADMINISTER, "POST": ADMINISTER},
    "/desk/people/<int:number>": {"GET": ADMINISTER, "POST": ADMINISTER},
    "/desk/keys/": {"GET": ADMINISTER},
    "/desk/keys/new": {"GET": ADMINISTER, "POST": ADMINISTER},
    "/desk/keys/<int:number>": {"GET": ADMINISTER, "POST": ADMINISTER},
    "/desk/changes/": {"GET": READ, "POST": READ},
    "/desk/changes/examples": {"GET": READ},
    "/desk/changes/<int:number>": {"GET": READ},
    "/desk/changes/<int:number>/state": {"GET": READ},
    "/desk/changes/<int:number>/cancel": {"POST": READ},
    "/desk/changes/region": {"GET": READ},
    "/desk/proof/": {"GET": READ},
    "/desk/proof/accept": {"POST": APPROVE},
    "/desk/hazard-file/": {"GET": READ},
    "/desk/hazard-file/hazard-file.pdf": {"GET": READ},
    "/desk/conditions/": {"GET": READ, "POST": READ},
    "/desk/conditions/read": {"POST": READ},
    "/desk/decisions/": {"GET": READ},
    "/desk/decisions/export.csv": {"GET": READ},
    "/desk/decisions/export.jsonl": {"GET": READ},
    "/desk/decisions/<string:key>": {"GET": READ},
    "/desk/decisions/<string:key>/as-of": {"GET": READ},
    "/desk/decisions/<string:key>/checklist": {"GET": READ},
    "/desk/decisions/<string:key>/proof.json": {"GET": READ},
    "/desk/firing/": {"GET": READ},
    "/desk/firing/export.csv": {"GET": READ},
    "/desk/firing/<string:key>": {"GET": READ},
    "/desk/firing/<string:key>/export.csv": {"GET": READ},
    "/desk/firing/<string:key>/looked-into": {"POST": APPROVE},
    "/desk/events/": {"GET": READ},
    "/desk/events/export.csv": {"GET": READ},
    "/desk/events/export.jsonl": {"GET": READ},
    "/desk/events/<int:sequence>": {"GET": READ},
    "/desk/incidents/": {"GET": READ},
    "/desk/incidents/<int:number>": {"GET": READ},
    "/desk/due/": {"GET": READ},
    "/desk/due/export.csv": {"GET": READ},
    "/desk/in-force": {"GET": READ},
    "/desk/in-force/export.csv": {"GET": READ},
    "/desk/releases/": {"GET": READ},
    "/desk/releases/<int:number>": {"GET": READ},
    "/desk/releases/propose": {"GET": READ, "POST": READ},
    "/desk/releases/<int:number>/approve": {"POST": APPROVE},
    "/desk/releases/<int:number>/activate": {"GET": APPROVE, "POST": APPROVE},
    "/desk/releases/<int:number>/sheet": {"GET": READ},
    "/desk/releases/<int:number>/sheet.pdf": {"GET": READ},
    "/desk/rules/<string:key>/<int:number>/sheet": {"GET": READ},
    "/desk/rules/<string:key>/<int:number>/sheet.pdf": {"GET": READ},
    "/desk/rules/<string:key>/<int:number>/boundaries": {"GET": WRITE, "POST": WRITE},
    "/desk/hazards/<string:key>/<int:number>/boundaries": {"GET": WRITE, "POST": WRITE},
    "/desk/try/": {"GET": READ, "POST": READ},
    **_of_a_shelf("rules"),
    **_of_a_shelf("hazards"),
    **_of_a_shelf("facts"),
    **_of_a_shelf("sources"),
    **_of_a_shelf("vignettes"),
}
"""For each route, who may use it with each of its methods. HEAD is as GET; any other method is nobody's."""

OPEN = {"/desk/sign-in"}
"""The one way in."""

FILLED: Mapping[str, str] = {"key": "ext-oncologic-emergency-list", "number": "1", "sequence": "1"}
"""What stands in for each part of an address that varies."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SAFE = ("GET", "HEAD")
_TABLE = (
    'Say in WHO (tests/test_roles.py) who may use each, as in "/desk/x": {"GET": READ, "POST": WRITE}; or take it out:'
)


@pytest.fixture
def shipped_url(shipped_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with staffed_copy(shipped_sqlite, tmp_path) as url:
        yield url


def routes(app: Flask) -> dict[str, set[str]]:
    """The routes of the desk, and the methods of each."""
    found: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/desk") and rule.rule not in OPEN:
            found.setdefault(rule.rule, set()).update((rule.methods or set()) - {"OPTIONS", "HEAD"})
    return found


def address(rule: str) -> str:
    """An address of the route."""

    def filled(part: re.Match[str]) -> str:
        assert part[1] in FILLED, f"{rule} varies by {part[1]}: add to FILLED in {__file__} what stands for it."
        return FILLED[part[1]]

    return re.sub(r"<(?:[^<>:]+:)?(\w+)>", filled, rule)


def rows(service: Service) -> dict[str, int]:
    """How many of everything there are; each step at the desk adds at least an event, but for refusals."""
    tables = (AuditEvent, User, ApiKey, Version, Release, ReleaseApproval, Activation)
    with service.sessions() as session:
        return {table.__tablename__: _count(session, table) for table in tables}


def _count(session: Session, table: type) -> int:
    which = (AuditEvent.action != REFUSED,) if table is AuditEvent else ()
    return session.scalar(select(func.count()).select_from(table).where(*which)) or 0


def a_token(client: FlaskClient) -> str:
    return token(client.get("/desk/account").text)


def send(client: FlaskClient, method: str, rule: str, **form: str) -> TestResponse:
    return client.open(address(rule), method=method, data=None if method in SAFE else form)


def test_every_route_and_method_is_in_the_table_and_nothing_else_is(app: Flask) -> None:
    found = {rule: sorted(methods) for rule, methods in routes(app).items()}
    listed = {rule: sorted(who) for rule, who in WHO.items()}
    wrong = [
        f"{rule} takes {found.get(rule)}, listed are {listed.get(rule)}"
        for rule in sorted({*found, *listed})
        if found.get(rule) != listed.get(rule)
    ]
    assert not wrong, "\n".join([_TABLE, *wrong])


@pytest.mark.parametrize("role", list(Role))
def test_everybody_may_do_what_the_table_says_and_nothing_else(
    app: Flask, client: FlaskClient, service: Service, role: Role
) -> None:
    enter(client, role.value)
    for rule, methods in WHO.items():
        for method in METHODS:
            who = methods.get("GET" if method == "HEAD" else method)
            mine, before = a_token(client), rows(service)
            response = send(client, method, rule, csrf_token=mine)
            status, told = response.status_code, (role, method, rule, response.status_code)
            if who is None:
                # "/desk/rules/check" is also the address of an item of that name, which there is none.
                assert status in (403, 404, 405), told
            elif role not in who:
                assert status == 403, told
                assert method == "HEAD" or "This is for a" in response.text, told
            else:
                assert status not in (401, 403, 405), told
                assert status < 500, told
            if who is None or role not in who:
                assert rows(service) == before, told
            if client.get("/desk/account").status_code == 303:
                assert rule == "/desk/sign-out", told
                enter(client, role.value)


@pytest.mark.parametrize("role", sorted(READ - APPROVE))
def test_others_look_at_the_next_release_and_only_an_approver_publishes_it(
    client: FlaskClient, service: Service, role: Role
) -> None:
    enter(client, role.value)
    before = rows(service)
    form = {"csrf_token": a_token(client), "publish": "1", "reason": "It is time."}
    assert client.post("/desk/releases/propose", data=form).status_code == 403
    assert rows(service) == before


@pytest.mark.parametrize("method", [*METHODS, "OPTIONS"])
def test_nobody_gets_anywhere_without_signing_in(
    app: Flask, client: FlaskClient, service: Service, method: str
) -> None:
    before = rows(service)
    for path in [*map(address, routes(app)), "/desk", "/desk/nothing", "/desk/static/x.js"]:
        response = client.open(path, method=method)
        assert response.status_code == 303, (method, path)
        assert response.headers["Location"].startswith("/desk/sign-in"), (method, path)
        assert "Phasewise" not in response.text
    assert rows(service) == before


@pytest.mark.parametrize("role", list(Role))
def test_a_form_without_a_token_of_this_session_is_refused_and_does_nothing(
    app: Flask, client: FlaskClient, service: Service, role: Role
) -> None:
    other = app.test_client()
    enter(other, role.value)
    of_another_session = a_token(other)
    enter(client, role.value)
    before = rows(service)
    for rule, methods in [*routes(app).items(), ("/desk/sign-in", {"POST"})]:
        for method in methods - set(SAFE):
            for wrong in ({}, {"csrf_token": ""}, {"csrf_token": "made up"}, {"csrf_token": of_another_session}):
                fields = {
                    "name": role.value,
                    "password": PASSWORD,
                    "reason": "It is time.",
                    "title": "Another",
                    **wrong,
                }
                assert send(client, method, rule, **fields).status_code == 400, (method, rule, wrong)
    assert rows(service) == before
    assert client.get("/desk/account").status_code == 200


@pytest.mark.parametrize("role", list(Role))
def test_flask_admin_brings_no_way_to_change_anything(client: FlaskClient, role: Role) -> None:
    enter(client, role.value)
    form = {"csrf_token": a_token(client), "title": "Another"}
    for path in ("edit/?id=1", "delete/", "action/", "ajax/update/", "ajax/lookup/", "export/csv/"):
        for view in ("rules", "releases", "people", "keys"):
            for method in ("GET", "POST"):
                assert client.open(f"/desk/{view}/{path}", method=method, data=form).status_code in (404, 405)
