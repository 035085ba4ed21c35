"""Every route, walked: an auditor changes nothing, an administrator meets no patient, an app no other app's decision.

The routes are asked of the application, so that a new one is walked too.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from cds import keys
from cds.models import ApiKey, Purpose
from cds.record.incidents import record_incident
from cds.service import Service
from cds.upkeep import keep_up
from knowledge import lifecycle
from knowledge.items import ItemKind
from knowledge.models import Release, User, Version
from tests import clinic
from tests.clinic import LOADED, NOW, Caller
from tests.desk import enter, staffed_copy, token
from tests.paper import all_fields

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SUBJECT = "Mrs Sentinel 4711"
GOAL = "Walk the dog in Sentinel Street"
"""Who and what only the record of her decision, and an incident about her, may speak of."""

AUDIT_KEY, OTHER_KEY = "pw_audit_0123456789", "pw_other_0123456789"
RULES = {
    "pain-any-educational-tools": "draft",
    "pain-acute-nerve-block": "submitted",
    "pain-acute-realistic-goals": "approved",
}
TOLD = {"audit_events", "incidents"}
"""What reading adds to: that it was read, and that an answer made again was another."""

KEYS: Mapping[str, list[Any]] = {
    "rules": list(RULES),
    "hazards": ["severe-dyspnea"],
    "facts": ["pain_nrs"],
    "sources": ["kida-2021"],
    "vignettes": ["worked-case-c04"],
    "try": ["worked-case-c04"],
    "firing": list(RULES)[:1],
    "static": ["phasewise.css"],
}
"""What stands in for a key in each room."""

PRESSED = dict.fromkeys(("keep", "submit", "publish", "revoke", "disable"), "1")
TYPED = {"reason": "It is time.", "comment": "Agreed.", "title": "Another", "name": "Eve", "label": "Eve's app"}
TYPED |= {"role": "administrator", "password": "another horse battery", "password_again": "another horse battery"}


@dataclass(frozen=True)
class Place:
    """A desk in use, and what its addresses are filled with."""

    service: Service
    app: Flask
    decision: str
    numbers: Mapping[str, list[Any]]

    def addresses(self, rule: Rule) -> list[str]:
        """Addresses of the route, of things that there are."""
        filled = [rule.rule]
        for place in re.findall(r"<[^>]+>", rule.rule):
            filled = [one.replace(place, str(value)) for one in filled for value in self._values(rule, place)]
        return filled

    def _values(self, rule: Rule, place: str) -> list[Any]:
        name = place.strip("<>").rpartition(":")[2]
        room = rule.rule.removeprefix("/api/v1").removeprefix("/desk").split("/")[1]
        if room == "decisions":
            return [self.decision]
        if name == "number" and "<string:key>" in rule.rule:
            return [2] if room == "rules" else [1]
        filled = {**self.numbers, **KEYS}
        assert room in filled, f"{rule.rule} varies by {name}: say in KEYS or Place.numbers what there is."
        return filled[room]


@pytest.fixture(scope="module")
def place(shipped_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The place of those whose walk leaves everybody's account as it was."""
    with desk_in_use(shipped_sqlite, tmp_path_factory.mktemp("walked")) as made:
        yield made


@contextmanager
def desk_in_use(shipped_sqlite: str, folder: Path) -> Iterator[Place]:
    """A rule in draft, one under review and one approved; a decision about a patient, and an incident."""
    with clinic.preparing_once(), staffed_copy(shipped_sqlite, folder) as url, clinic.open_app(url) as app:
        service = app.extensions["phasewise"]
        answer = Caller(app.test_client()).ask({"has_mbc": True, "comfort_function_goals": GOAL}, subject=SUBJECT)
        with service.sessions() as session:
            keys.issue(session, "An audit", by=None, at=LOADED, key=AUDIT_KEY, purpose=Purpose.AUDIT)
            keys.issue(session, "Another app", by=None, at=LOADED, key=OTHER_KEY)
            who = {user.name: user for user in session.scalars(select(User))}
            for key, state in RULES.items():
                held = session.scalars(select(Version).where(Version.kind == ItemKind.RULE, Version.key == key)).one()
                content = json.loads(held.content) | {"title": "Another title"}
                draft = lifecycle.draft(
                    session, ItemKind.RULE, key, content, by=who["author"], at=NOW, reason="New evidence."
                )
                if state != "draft":
                    lifecycle.submit(session, draft, by=who["author"], at=NOW)
                if state == "approved":
                    lifecycle.approve(session, draft, by=who["approver"], at=NOW)
            release = session.scalars(select(Release)).one()
            about = {"facts_posted": {"comfort_function_goals": GOAL}, "subject": SUBJECT}
            record_incident(session, "disagreement", about, release_id=release.id, at=NOW)
            session.commit()
            numbers = {
                "people": [user.id for user in who.values()],
                "keys": list(session.scalars(select(ApiKey.id))),
                "releases": [1],
                "changes": [1],
                "events": [1],
                "incidents": [1],
            }
        keep_up(service)
        yield Place(service, app, answer["decision_id"], numbers)


class Watch:
    """Says which tables another connection has changed since it was last asked; not those that reading adds to."""

    def __init__(self, service: Service) -> None:
        self.connection = sqlite3.connect(str(service.database.url.database))
        named = "SELECT name FROM sqlite_master WHERE type = 'table'"
        self.tables = {name for (name,) in self.connection.execute(named)} - TOLD
        self.version, self.rows = self._version(), self._read()

    def changed(self) -> list[str]:
        if (version := self._version()) == self.version:
            return []
        before, self.version, self.rows = self.rows, version, self._read()
        return [table for table in sorted(self.tables) if before[table] != self.rows[table]]

    def _version(self) -> int:
        return self.connection.execute("PRAGMA data_version").fetchone()[0]

    def _read(self) -> dict[str, list[Any]]:
        return {table: self.connection.execute(f"SELECT * FROM {table}").fetchall() for table in self.tables}


@pytest.fixture
def watch(place: Place) -> Iterator[Watch]:
    watching = Watch(place.service)
    yield watching
    watching.connection.close()


def routes(app: Flask, prefix: str) -> list[Rule]:
    return sorted((rule for rule in app.url_map.iter_rules() if rule.rule.startswith(prefix)), key=lambda one: one.rule)


def at_the_desk(place: Place, name: str) -> FlaskClient:
    client = place.app.test_client()
    assert enter(client, name).status_code == 303
    return client


@pytest.fixture(scope="module")
def forms(place: Place) -> dict[str, dict[str, str]]:
    return forms_in(place)


def forms_in(place: Place) -> dict[str, dict[str, str]]:
    """What those who may would send to each address that takes a form: gathered from the pages that they see."""
    leads = [at_the_desk(place, name) for name in ("approver", "administrator")]
    seen: dict[str, dict[str, str]] = {}

    def fields(page: str) -> dict[str, str]:
        if page not in seen:
            responses = (lead.get(page) for lead in leads)
            seen[page] = next((all_fields(one.text) for one in responses if one.status_code == 200), {})
        return seen[page]

    found: dict[str, dict[str, str]] = {}
    for rule in routes(place.app, "/desk/"):
        for address in place.addresses(rule) if "POST" in (rule.methods or ()) else ():
            above = address.rpartition("/")[0]
            found[address] = {**fields(above), **fields(f"{above}/review"), **fields(address), **PRESSED, **TYPED}
    return found


def walk(place: Place, name: str, told: dict[str, dict[str, str]]) -> Iterator[tuple[str, str, TestResponse]]:
    """Each method at each address of the desk and of the open pages, as somebody of the desk."""
    client = at_the_desk(place, name)
    mine = token(client.get("/desk/account").text)
    for rule in routes(place.app, "/"):
        if rule.rule.startswith("/api/"):
            continue
        for address in place.addresses(rule):
            for method in METHODS:
                form = None if method == "GET" else {**told.get(address, {}), "csrf_token": mine}
                yield method, address, client.open(address, method=method, data=form, buffered=True)
                if method == "POST" and client.get("/desk/account").status_code == 303:
                    assert "sign-" in address, f"{method} {address} ended the session of {name}"
                    enter(client, name)
                    mine = token(client.get("/desk/account").text)


def test_an_auditor_changes_nothing_at_the_desk(place: Place, forms: dict[str, dict[str, str]], watch: Watch) -> None:
    for method, address, response in walk(place, "auditor", forms):
        assert response.status_code < 500, (method, address)
        allowed = []
        if method == "POST" and address == "/desk/account":
            allowed = ["users"]
        if method == "POST" and address.startswith("/desk/changes/"):
            # A comparison is working material, which everybody may ask for who reads.
            allowed = ["comparisons"]
        assert watch.changed() in ([], allowed), (method, address, response.status_code)


@pytest.mark.parametrize("key", list(RULES))
def test_the_same_forms_change_something_when_an_approver_sends_them(
    place: Place, forms: dict[str, dict[str, str]], watch: Watch, key: str
) -> None:
    """Otherwise the walk of the auditor would say nothing."""
    client = at_the_desk(place, "approver")
    mine = {"csrf_token": token(client.get("/desk/account").text)}
    address = f"/desk/rules/{key}/2/retire" if RULES[key] == "approved" else f"/desk/rules/{key}/edit"
    if RULES[key] == "submitted":
        address = f"/desk/rules/{key}/2/approve"
    client.post(address, data={**forms[address], **mine})
    assert watch.changed() == ["versions"]


BODIES: list[Any] = [
    {"facts": {"has_mbc": True}, "subject": "x"},
    {"patients": [{"facts": {"has_mbc": True}}]},
    {"release": 1, "reason": "It is time.", "label": "Eve", "role": "administrator"},
]


def asked(place: Place, key: str) -> Iterator[tuple[str, str, TestResponse]]:
    """Each method at each address of the API, as the holder of a key."""
    client, headers = place.app.test_client(), {"Authorization": f"Bearer {key}"}
    for rule in routes(place.app, "/api/"):
        for address in place.addresses(rule):
            for method in METHODS:
                for body in [None] if method in ("GET", "HEAD") else BODIES:
                    yield (
                        method,
                        address,
                        client.open(address, method=method, json=body, headers=headers, buffered=True),
                    )


def test_an_auditors_key_changes_nothing(place: Place, watch: Watch) -> None:
    for method, address, response in asked(place, AUDIT_KEY):
        assert response.status_code < 500, (method, address)
        assert watch.changed() == [], (method, address)


def test_an_apps_key_never_sees_another_apps_decision(place: Place) -> None:
    for method, address, response in asked(place, OTHER_KEY):
        if place.decision in address:
            assert response.status_code in (403, 404, 405), (method, address)
        assert_no_patient(response, method, address)
    mine = place.app.test_client().get(
        f"/api/v1/decisions/{place.decision}", headers={"Authorization": f"Bearer {clinic.API_KEY}"}
    )
    assert SUBJECT in mine.text
    assert GOAL in mine.text


def test_an_administrator_meets_no_patient(shipped_sqlite: str, tmp_path: Path) -> None:
    """In a place of her own: her walk goes through the accounts of the others, and leaves them changed."""
    with desk_in_use(shipped_sqlite, tmp_path) as place:
        assert SUBJECT in at_the_desk(place, "auditor").get(f"/desk/decisions/{place.decision}").text
        for method, address, response in walk(place, "administrator", forms_in(place)):
            assert_no_patient(response, method, address)


def test_nobody_without_a_key_or_a_name_meets_a_patient(place: Place) -> None:
    client = place.app.test_client()
    for rule in routes(place.app, "/"):
        for address in place.addresses(rule):
            assert_no_patient(client.get(address, buffered=True), "GET", address)


def assert_no_patient(response: TestResponse, method: str, address: str) -> None:
    for one in (SUBJECT, GOAL, "Sentinel"):
        assert one not in response.get_data(as_text=True), (method, address)
