"""API keys: issued by an administrator and shown once, listed, revoked; each step told, the key never."""

from __future__ import annotations

import json
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cds import keys
from cds.models import ApiKey
from cds.service import Service
from knowledge import audit, people
from knowledge.models import AuditEvent, Role, User
from knowledge.naming import BadName
from knowledge.steps import AlreadyDone, NoReason, NotAllowed
from tests import clinic
from tests.clinic import API_KEY, ASK, LOADED, NOW
from tests.desk import PASSWORD, enter, token
from tests.test_pages import read, words

pytest_plugins = ["tests.databases"]

WHY = "A pilot on ward 3."


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


@pytest.fixture
def root(rolled_back: Session) -> User:
    return people.add(rolled_back, "Root", Role.ADMINISTRATOR, PASSWORD, by=None, at=LOADED)


def issued(session: Session, label: str = "Ward app", by: User | None = None) -> ApiKey:
    text = keys.issue(session, label, by=by, at=NOW, reason=WHY)
    return session.get_one(ApiKey, keys.holder(session, text))


def told(session: Session) -> tuple[str, str, dict[str, object]]:
    event = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc()).limit(1)).one()
    return event.action, event.actor, json.loads(event.details)


def test_issuing_and_revoking_are_told_with_who_and_why_and_without_the_key(rolled_back: Session, root: User) -> None:
    text = keys.issue(rolled_back, " Ward\u00a0 app ", by=root, at=NOW, reason=WHY)
    made = rolled_back.get_one(ApiKey, keys.holder(rolled_back, text))
    details = {"label": "Ward app", "id": made.id, "reason": WHY, "purpose": "app"}
    assert told(rolled_back) == ("api_key.issued", "Root", {**details, "key": keys.key_told(made)})
    keys.revoke(rolled_back, made, by=root, at=NOW, reason="The phone was lost.")
    assert told(rolled_back) == ("api_key.revoked", "Root", {**details, "reason": "The phone was lost."})
    assert keys.holder(rolled_back, text) is None
    assert [event.action for event, _ in keys.history(rolled_back, made)] == ["api_key.revoked", "api_key.issued"]
    for event in rolled_back.scalars(select(AuditEvent)):
        assert text not in f"{event.subject} {event.details}"
        assert made.key_hash not in event.details


def test_of_two_keys_that_begin_alike_each_has_its_own_history(rolled_back: Session) -> None:
    for number in ("1", "2"):
        keys.issue(rolled_back, f"App {number}", by=None, at=NOW, key=f"pw_alike_{number}")
    first, second = rolled_back.scalars(select(ApiKey).order_by(ApiKey.id))
    assert first.prefix == second.prefix
    assert [told["label"] for _, told in keys.history(rolled_back, first)] == ["App 1"]
    assert [told["label"] for _, told in keys.history(rolled_back, second)] == ["App 2"]


@pytest.mark.parametrize("label", ["", "  ", "–", "x" * 101, "a\x00b", "Ward\u202eapp"])
def test_a_label_can_be_read(rolled_back: Session, label: str) -> None:
    with pytest.raises(BadName):
        issued(rolled_back, label)


def test_a_label_names_one_key_in_use(rolled_back: Session) -> None:
    first = issued(rolled_back)
    with pytest.raises(keys.LabelTaken, match=first.prefix):
        issued(rolled_back, "WARD APP")
    keys.revoke(rolled_back, first, by=None, at=NOW)
    assert issued(rolled_back, "WARD APP").label == "WARD APP"


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.APPROVER, Role.AUDITOR, None])
def test_only_an_administrator_who_is_not_disabled_issues_and_revokes(rolled_back: Session, role: Role | None) -> None:
    ben = people.add(rolled_back, "Ben", role or Role.ADMINISTRATOR, PASSWORD, by=None, at=LOADED)
    ben.disabled_at = None if role else NOW
    key = issued(rolled_back)
    with pytest.raises(NotAllowed):
        issued(rolled_back, "Another", by=ben)
    with pytest.raises(NotAllowed):
        keys.revoke(rolled_back, key, by=ben, at=NOW, reason=WHY)
    assert key.revoked_at is None


def test_an_administrator_says_why_and_revokes_once(rolled_back: Session, root: User) -> None:
    with pytest.raises(NoReason):
        keys.issue(rolled_back, "Ward app", by=root, at=NOW)
    key = issued(rolled_back)
    with pytest.raises(NoReason):
        keys.revoke(rolled_back, key, by=root, at=NOW)
    assert key.revoked_at is None
    keys.revoke(rolled_back, key, by=root, at=NOW, reason=WHY)
    with pytest.raises(AlreadyDone):
        keys.revoke(rolled_back, key, by=root, at=NOW, reason=WHY)


# At the desk


@pytest.fixture
def administrator(client: FlaskClient) -> FlaskClient:
    assert enter(client, "administrator").status_code == 303
    return client


def issue(client: FlaskClient, label: str = "Ward app", reason: str = WHY) -> TestResponse:
    form = {"csrf_token": token(client.get("/desk/keys/new").text), "label": label, "reason": reason, "purpose": "app"}
    return client.post("/desk/keys/new", data=form)


def shown_once(page: str) -> str:
    shown = re.search(r'<textarea id="once"[^>]*>([^<]+)</textarea>', page)
    assert shown
    return shown[1]


def page_of(service: Service, label: str) -> str:
    with service.sessions() as session:
        return f"/desk/keys/{session.scalars(select(ApiKey).where(ApiKey.label == label)).one().id}"


def revoke(client: FlaskClient, path: str, reason: str = WHY) -> TestResponse:
    mine = token(client.get("/desk/account").text)
    return client.post(path, data={"csrf_token": mine, "reason": reason})


def asks(client: FlaskClient, key: str) -> int:
    return client.post(ASK, json={"facts": {}}, headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_key_works_from_when_it_is_issued_to_when_it_is_revoked_and_is_shown_once(
    administrator: FlaskClient, service: Service
) -> None:
    made = issue(administrator)
    assert made.headers["Cache-Control"] == "no-store"
    key = shown_once(made.text)
    assert asks(administrator, key) == 200
    path = page_of(service, "Ward app")
    for page in ("/desk/keys/", path, "/desk/keys/new"):
        assert key not in read(administrator, page)
    assert revoke(administrator, path, "The phone was lost.").status_code == 303
    assert asks(administrator, key) == 401
    assert asks(administrator, API_KEY) == 200
    page = words(read(administrator, path))
    assert "Revoked The phone was lost. By administrator, 1 June 2026, 09:00 UTC , from 127.0.0.1" in page
    with service.sessions() as session:
        assert audit.verify(session).problem is None


def test_the_list_says_for_what_each_key_is_by_whom_since_when_and_whether_it_holds(
    administrator: FlaskClient, service: Service
) -> None:
    prefix = shown_once(issue(administrator).text)[:8]
    issue(administrator, "Old app")
    revoke(administrator, page_of(service, "Old app"))
    page = words(read(administrator, "/desk/keys/"))
    assert f"Ward app Issued by administrator, 1 June 2026 {prefix}… 1 June 2026 by administrator In use" in page
    assert "The app of the tests Issued by the program, 1 January 2026 pw_tests…" in page
    assert page.index("In use") < page.index("Old app") < page.index("Revoked 1 June 2026")


@pytest.mark.parametrize(
    ("label", "reason", "field", "said"),
    [
        ("the APP of the tests", WHY, "label", "has this label and is in use"),
        (" ", WHY, "label", "Say which app the key is for."),
        ("x" * 100_000, WHY, "label", "there is room for 100"),
        ("<b>App", " ", "reason", "Say why in a few words"),
        ("<b>App", "y" * 100_000, "reason", "there is room for 1000"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(
    administrator: FlaskClient, service: Service, label: str, reason: str, field: str, said: str
) -> None:
    before = clinic.counts(service)
    refused = issue(administrator, label, reason)
    assert refused.status_code == 422
    beside = re.search(rf'id="new-{field}-problem">([^<]*)<', refused.text)
    assert beside
    assert said in beside[1]
    assert f'value="{label.replace("<", "&lt;").replace(">", "&gt;")}"' in refused.text
    assert clinic.counts(service) == before


def test_a_form_that_is_sent_twice_issues_one_key(administrator: FlaskClient, service: Service) -> None:
    csrf = token(administrator.get("/desk/keys/new").text)
    form = {"csrf_token": csrf, "label": "Ward app", "reason": WHY, "purpose": "app"}
    assert administrator.post("/desk/keys/new", data=form).status_code == 200
    again = administrator.post("/desk/keys/new", data=form)
    assert again.status_code == 422
    assert "has this label and is in use: take another label, or revoke that key first" in again.text
    assert page_of(service, "Ward app")


def test_a_key_is_revoked_once_and_with_a_reason(administrator: FlaskClient, service: Service) -> None:
    issue(administrator)
    path = page_of(service, "Ward app")
    assert revoke(administrator, path, " ").status_code == 422
    assert revoke(administrator, path).status_code == 303
    before = clinic.counts(service)
    again = revoke(administrator, path)
    assert again.status_code == 303
    assert "is revoked already. Nothing was changed." in read(administrator, path)
    assert clinic.counts(service) == before


@pytest.mark.parametrize("number", ["0", "99", "2147483648", "99999999999999999999", "abc", "-1"])
def test_a_key_that_is_not_there_gets_a_page(administrator: FlaskClient, number: str) -> None:
    assert "There is no" in read(administrator, f"/desk/keys/{number}", 404)
