"""People: added, changed, disabled and enabled by an administrator, each step told; and one's own password."""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher, Type
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cds.service import Service
from knowledge import audit, naming, passwords, people
from knowledge.database import sessions
from knowledge.models import AuditEvent, Role, User
from knowledge.naming import BadName
from knowledge.passwords import WeakPassword
from knowledge.people import LastAdministrator, NameTaken, WrongPassword
from knowledge.steps import AlreadyDone, NoReason, NotAllowed
from tests import clinic
from tests.clinic import LOADED, NOW
from tests.desk import PASSWORD, enter, token
from tests.test_pages import read, words

pytest_plugins = ["tests.databases"]

ANOTHER = "a mare eats oats at noon"
WHY = "The ward has a new lead."


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


WITH_A_PASSWORD = {people.ADDED, people.PASSWORD_SET, people.PASSWORD_CHANGED, people.PASSWORD_RENEWED}


def somebody(session: Session, name: str = "Ada", role: Role = Role.AUTHOR, password: str = PASSWORD) -> User:
    return people.add(session, name, role, password, by=None, at=LOADED)


def last_events(session: Session, many: int) -> list[AuditEvent]:
    events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc()).limit(many)).all()
    assert not any(re.search("argon2|battery|oats", event.details) for event in events)
    return list(events)


def last_event(session: Session) -> AuditEvent:
    return last_events(session, 1)[0]


def told(session: Session) -> tuple[str, str, str, dict[str, Any]]:
    """The last event; the digest by which it knows a password is left out."""
    return told_by(last_event(session))


def told_by(event: AuditEvent) -> tuple[str, str, str, dict[str, Any]]:
    details = json.loads(event.details)
    assert ("password" in details) == (event.action in WITH_A_PASSWORD)
    details.pop("password", None)
    return event.action, event.actor, event.subject, details


# What can happen to an account


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ada", "Ada"),
        ("  Ada \t Lovelace\n", "Ada Lovelace"),
        ("Ada\u00a0Lovelace", "Ada Lovelace"),
        (unicodedata.normalize("NFD", "Zoë Müller"), "Zoë Müller"),
        ("田中", "田中"),
        ("O'Brien-Smith, 2nd", "O'Brien-Smith, 2nd"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_name_is_kept_in_one_form(rolled_back: Session, typed: str, kept: str) -> None:
    assert somebody(rolled_back, typed).name == kept


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "…", "Ada\x00", "Ada\x1b[2J", "Ada\u202eLovelace", "A\u200bda", "\ud800Ada", "x" * 81, "x" * 100_000],
)
def test_what_cannot_be_seen_or_read_is_no_name(rolled_back: Session, typed: str) -> None:
    with pytest.raises(BadName):
        somebody(rolled_back, typed)


@pytest.mark.parametrize("other", ["ada", "ADA", " Ada ", "\uff21da"])
def test_a_name_is_given_once_in_whatever_letters(rolled_back: Session, other: str) -> None:
    ada = somebody(rolled_back)
    with pytest.raises(NameTaken, match="already"):
        somebody(rolled_back, other)
    assert people.named(rolled_back, other) is ada


def test_two_old_names_that_differ_only_in_capitals_stay_apart(rolled_back: Session) -> None:
    clinic.person(rolled_back, "Ada", Role.AUTHOR)
    clinic.person(rolled_back, "ADA", Role.AUDITOR)
    for name in ("Ada", "ADA"):
        found = people.named(rolled_back, name)
        assert found is not None
        assert found.name == name
    assert people.named(rolled_back, "ada") is None


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("eleven char", "at least 12"),
        ("", "at least 12"),
        ("a" * 201, "at most 200"),
        ("aaaaaaaaaaaaaaaa", "different"),
        ("abababababab", "different"),
        ("Ada Lovelace", "not the name"),
        ("ada lovelace", "not the name"),
    ],
)
def test_a_password_that_is_soon_found_is_refused(rolled_back: Session, password: str, said: str) -> None:
    with pytest.raises(WeakPassword, match=said):
        somebody(rolled_back, "Ada Lovelace", password=password)


def test_a_password_is_the_same_from_every_keyboard(rolled_back: Session) -> None:
    ada = somebody(rolled_back, password=unicodedata.normalize("NFD", "crème brûlée, déjà vu"))
    assert people.password_is(ada, unicodedata.normalize("NFC", "crème brûlée, déjà vu"))
    assert not people.password_is(ada, "creme brulee, deja vu")
    assert not people.password_is(ada, "\ud800")


def test_a_password_that_is_made_up_is_good_and_new_each_time() -> None:
    made = {passwords.made_up() for _ in range(100)}
    assert len(made) == 100
    for one in made:
        assert passwords.good(one, "Ada") == one
        assert re.fullmatch(r"([a-hj-km-np-z2-9]{5}-){3}[a-hj-km-np-z2-9]{5}", one)


def test_each_step_is_told_with_who_why_and_from_where(rolled_back: Session) -> None:
    rolled_back.info["origin"] = "192.0.2.7"
    admin = somebody(rolled_back, "Root", Role.ADMINISTRATOR)
    ada = people.add(rolled_back, "Ada", Role.AUTHOR, PASSWORD, by=admin, at=NOW, reason=WHY)
    assert told(rolled_back) == ("person.added", "Root", "person/Ada", {"id": ada.id, "role": "author", "reason": WHY})
    people.change_role(rolled_back, ada, Role.APPROVER, by=admin, at=NOW, reason=f" {WHY} ")
    changed = {"from": "author", "to": "approver", "reason": WHY}
    assert told(rolled_back) == ("person.role_changed", "Root", "person/Ada", changed)
    people.set_password(rolled_back, ada, ANOTHER, by=admin, at=NOW, reason=WHY)
    assert told(rolled_back) == ("person.password_set", "Root", "person/Ada", {"reason": WHY})
    people.disable(rolled_back, ada, by=admin, at=NOW, reason=WHY)
    assert told(rolled_back) == ("person.disabled", "Root", "person/Ada", {"reason": WHY})
    people.enable(rolled_back, ada, by=admin, at=NOW, reason=WHY)
    assert told(rolled_back) == ("person.enabled", "Root", "person/Ada", {"reason": WHY})
    people.change_password(rolled_back, ada, ANOTHER, PASSWORD, at=NOW)
    assert told(rolled_back) == ("person.password_changed", "Ada", "person/Ada", {})
    assert last_event(rolled_back).origin == "192.0.2.7"
    assert [event.action for event in people.history(rolled_back, ada)][::-1] == [
        "person.added",
        "person.role_changed",
        "person.password_set",
        "person.disabled",
        "person.enabled",
        "person.password_changed",
    ]
    assert audit.verify(rolled_back).problem is None


Step = Callable[[Session, User, User | None], None]

STEPS: Mapping[str, Step] = {
    "add": lambda session, user, by: _add(session, by),
    "role": lambda session, user, by: people.change_role(session, user, Role.AUDITOR, by=by, at=NOW, reason=WHY),
    "password": lambda session, user, by: people.set_password(session, user, ANOTHER, by=by, at=NOW, reason=WHY),
    "disable": lambda session, user, by: people.disable(session, user, by=by, at=NOW, reason=WHY),
    "enable": lambda session, user, by: people.enable(session, user, by=by, at=NOW, reason=WHY),
}


def _add(session: Session, by: User | None) -> None:
    people.add(session, "Somebody else", Role.AUTHOR, PASSWORD, by=by, at=NOW, reason=WHY)


@pytest.mark.parametrize("step", list(STEPS))
@pytest.mark.parametrize("role", [Role.AUTHOR, Role.APPROVER, Role.AUDITOR, None])
def test_only_an_administrator_who_is_not_disabled_takes_a_step(
    rolled_back: Session, step: str, role: Role | None
) -> None:
    by = somebody(rolled_back, "Ben", role or Role.ADMINISTRATOR)
    by.disabled_at = None if role else NOW
    ada = somebody(rolled_back)
    with pytest.raises(NotAllowed, match="no administrator"):
        STEPS[step](rolled_back, ada, by)


@pytest.mark.parametrize("step", ["role", "password", "disable"])
def test_nobody_does_it_to_themselves(rolled_back: Session, step: str) -> None:
    somebody(rolled_back, "Another", Role.ADMINISTRATOR)
    admin = somebody(rolled_back, "Root", Role.ADMINISTRATOR)
    with pytest.raises(NotAllowed):
        STEPS[step](rolled_back, admin, admin)


@pytest.mark.parametrize("step", ["role", "disable"])
def test_the_last_administrator_who_can_sign_in_stays(rolled_back: Session, step: str) -> None:
    root = somebody(rolled_back, "Root", Role.ADMINISTRATOR)
    disabled = somebody(rolled_back, "Gone", Role.ADMINISTRATOR)
    disabled.disabled_at = NOW
    clinic.person(rolled_back, "Without a password", Role.ADMINISTRATOR)
    with pytest.raises(LastAdministrator, match="make another one first"):
        STEPS[step](rolled_back, root, None)
    somebody(rolled_back, "Second", Role.ADMINISTRATOR)
    STEPS[step](rolled_back, root, None)


@pytest.mark.parametrize("why", ["", "  \n", "x" * 1001, "a\x00b"])
def test_a_step_needs_a_reason_that_can_be_kept(rolled_back: Session, why: str) -> None:
    admin, ada = somebody(rolled_back, "Root", Role.ADMINISTRATOR), somebody(rolled_back)
    with pytest.raises(NoReason):
        people.disable(rolled_back, ada, by=admin, at=NOW, reason=why)
    assert ada.disabled_at is None


def test_what_is_done_already_is_said(rolled_back: Session) -> None:
    admin, ada = somebody(rolled_back, "Root", Role.ADMINISTRATOR), somebody(rolled_back)
    with pytest.raises(AlreadyDone):
        people.enable(rolled_back, ada, by=admin, at=NOW, reason=WHY)
    with pytest.raises(AlreadyDone):
        people.change_role(rolled_back, ada, Role.AUTHOR, by=admin, at=NOW, reason=WHY)
    people.disable(rolled_back, ada, by=admin, at=NOW, reason=WHY)
    with pytest.raises(AlreadyDone):
        people.disable(rolled_back, ada, by=admin, at=NOW, reason=WHY)


def test_ones_own_password_needs_the_old_one_and_another_new_one(rolled_back: Session) -> None:
    ada = somebody(rolled_back)
    with pytest.raises(WrongPassword):
        people.change_password(rolled_back, ada, "not this one", ANOTHER, at=NOW)
    with pytest.raises(WeakPassword, match="is the old one"):
        people.change_password(rolled_back, ada, PASSWORD, PASSWORD, at=NOW)
    assert people.password_is(ada, PASSWORD)
    people.change_password(rolled_back, ada, PASSWORD, ANOTHER, at=NOW)
    assert people.password_is(ada, ANOTHER)
    assert not people.password_is(ada, PASSWORD)


def test_a_hash_of_older_parameters_is_made_anew_at_the_next_sign_in(rolled_back: Session) -> None:
    ada = somebody(rolled_back)
    ada.password_hash = old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    assert people.refusal(rolled_back, ada, "not this one", at=NOW) == "wrong password"
    assert ada.password_hash == old
    assert people.refusal(rolled_back, ada, PASSWORD, at=NOW) is None
    assert not passwords.outdated(ada.password_hash)
    assert people.password_is(ada, PASSWORD)
    renewed = ada.password_hash
    assert told(rolled_back) == ("person.password_renewed", "Ada", "person/Ada", {})
    assert people.refusal(rolled_back, ada, PASSWORD, at=NOW) is None
    assert ada.password_hash == renewed


def test_each_change_breaks_the_seal_that_sessions_are_held_against(rolled_back: Session) -> None:
    admin, ada = somebody(rolled_back, "Root", Role.ADMINISTRATOR), somebody(rolled_back)
    seals = [people.seal(rolled_back, ada)]
    people.change_role(rolled_back, ada, Role.AUDITOR, by=admin, at=NOW, reason=WHY)
    seals.append(people.seal(rolled_back, ada))
    people.set_password(rolled_back, ada, ANOTHER, by=admin, at=NOW, reason=WHY)
    seals.append(people.seal(rolled_back, ada))
    people.disable(rolled_back, ada, by=admin, at=NOW, reason=WHY)
    people.enable(rolled_back, ada, by=admin, at=NOW, reason=WHY)
    seals.append(people.seal(rolled_back, ada))
    assert len(set(seals)) == len(seals)
    assert people.seal(rolled_back, ada) == seals[-1]


# At the same moment


def at_once(engine: Engine, *steps: Callable[[Session], object]) -> list[Exception | None]:
    """Steps in sessions of their own that begin together; what each ended with."""
    ended: list[Exception | None] = [None] * len(steps)
    ready = threading.Barrier(len(steps))

    def take(number: int) -> None:
        with sessions(engine)() as session:
            session.scalars(select(User)).all()
            ready.wait()
            try:
                steps[number](session)
                session.commit()
            except Exception as problem:
                ended[number] = problem

    threads = [threading.Thread(target=take, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def found(session: Session, name: str) -> User:
    user = people.named(session, name)
    assert user is not None
    return user


@pytest.mark.parametrize("step", ["role", "disable"])
def test_two_administrators_who_remove_each_other_at_once_leave_one(own_database: Engine, step: str) -> None:
    with sessions(own_database)() as session:
        for name in ("Ada", "Ben"):
            somebody(session, name, Role.ADMINISTRATOR)
        session.commit()
    ended = at_once(
        own_database,
        lambda session: STEPS[step](session, found(session, "Ada"), found(session, "Ben")),
        lambda session: STEPS[step](session, found(session, "Ben"), found(session, "Ada")),
    )
    assert [type(one) for one in ended if one is not None] == [NotAllowed], ended
    with sessions(own_database)() as session:
        left = [
            user for user in session.scalars(select(User)) if user.role is Role.ADMINISTRATOR and not user.disabled_at
        ]
        assert len(left) == 1


def test_one_name_added_twice_at_once_is_there_once(own_database: Engine) -> None:
    ended = at_once(own_database, *[lambda session, name=name: somebody(session, name) for name in ("Ada", "ADA")])
    assert [type(one) for one in ended if one is not None] == [NameTaken], ended
    with sessions(own_database)() as session:
        assert len(session.scalars(select(User)).all()) == 1
        assert audit.verify(session).problem is None


# At the desk


@pytest.fixture
def administrator(client: FlaskClient) -> FlaskClient:
    assert enter(client, "administrator").status_code == 303
    return client


def number_of(service: Service, name: str) -> int:
    with service.sessions() as session:
        return found(session, name).id


def page_of(service: Service, name: str) -> str:
    return f"/desk/people/{number_of(service, name)}"


def form_on(page: str, step: str = "") -> dict[str, str]:
    """The hidden fields that a page's form sends."""
    stands = re.search(r'name="stands" value="([^"]+)"', page)
    return {"csrf_token": token(page), "step": step, "stands": stands[1] if stands else ""}


def take(client: FlaskClient, path: str, step: str, reason: str = WHY, **fields: str) -> TestResponse:
    return client.post(path, data={**form_on(client.get(path).text, step), "reason": reason, **fields})


def add(client: FlaskClient, name: str, **fields: str) -> TestResponse:
    form = form_on(client.get("/desk/people/new").text)
    return client.post("/desk/people/new", data={**form, "name": name, "role": "author", "reason": WHY, **fields})


def shown_once(page: str) -> str:
    shown = re.search(r'<textarea id="once"[^>]*>([^<]+)</textarea>', page)
    assert shown
    return shown[1]


def test_a_person_is_added_with_a_password_that_is_shown_once_and_opens_the_desk(
    administrator: FlaskClient, app: Flask, service: Service
) -> None:
    added = add(administrator, "Ada Lovelace")
    assert added.status_code == 200
    password = shown_once(added.text)
    assert enter(app.test_client(), "ada lovelace", password).status_code == 303
    for path in ("/desk/people/", page_of(service, "Ada Lovelace")):
        page = read(administrator, path)
        assert "Ada Lovelace" in page
        assert password not in page
    with service.sessions() as session:
        kept = [event.details for event in session.scalars(select(AuditEvent))]
        assert not any(password in details or "argon2" in details for details in kept)


def test_a_first_password_can_be_typed_and_is_not_shown(administrator: FlaskClient, app: Flask) -> None:
    added = add(administrator, "Ada", password=ANOTHER, again=ANOTHER)
    assert ANOTHER not in added.text
    assert 'id="once"' not in added.text
    assert enter(app.test_client(), "Ada", ANOTHER).status_code == 303


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "AUTHOR"}, "There is an account called AUTHOR already"),
        ({"name": "  "}, "Give the account a name."),
        ({"name": "x" * 100_000}, "there is room for 80"),
        ({"name": "A\u202eda"}, "cannot be seen"),
        ({"role": ""}, "Choose what she may do."),
        ({"role": "surgeon"}, "Choose what she may do."),
        ({"password": "short", "again": "short"}, "at least 12 characters"),
        ({"password": ANOTHER}, "The two passwords differ"),
        ({"reason": " "}, "Say why in a few words"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(
    administrator: FlaskClient, service: Service, fields: dict[str, str], said: str
) -> None:
    form = {"name": "Ada <b>", "password": "", "again": "", **fields}
    refused = add(administrator, **form)
    assert refused.status_code == 422
    name = next(iter(fields))
    beside = re.search(rf'id="new-{name}-problem">([^<]*)<', refused.text)
    assert beside
    assert said in beside[1]
    assert refused.text.count('aria-invalid="true"') == 1
    if form["name"] == "Ada <b>":
        assert 'value="Ada &lt;b&gt;"' in refused.text
    assert form.get("reason", WHY) == "" or form.get("reason", WHY) in refused.text
    assert ANOTHER not in refused.text
    with service.sessions() as session:
        assert len(session.scalars(select(User)).all()) == len(Role)


def test_a_form_to_add_somebody_that_is_sent_twice_adds_one_and_shows_the_way(
    administrator: FlaskClient, service: Service
) -> None:
    form = {**form_on(administrator.get("/desk/people/new").text), "name": "Ada", "role": "author", "reason": WHY}
    assert administrator.post("/desk/people/new", data=form).status_code == 200
    again = administrator.post("/desk/people/new", data=form)
    assert again.status_code == 422
    assert "If you sent this form twice" in again.text
    assert page_of(service, "Ada") in again.text


def test_the_list_says_who_is_there_since_when_and_who_came_last(
    administrator: FlaskClient, app: Flask, service: Service
) -> None:
    service.now = lambda: NOW + timedelta(minutes=5)
    enter(app.test_client(), "author")
    take(administrator, page_of(service, "auditor"), "disable")
    page = words(read(administrator, "/desk/people/"))
    assert "author Since 1 January 2026 · last sign-in 1 June 2026 Author 1 January 2026 1 June 2026, 09:05 UTC" in page
    assert "approver Since 1 January 2026 · never signed in Approver 1 January 2026 Never" in page
    assert "auditor Disabled Since 1 January 2026 · never signed in Auditor 1 January 2026 disabled 1 June 2026" in page


def test_a_new_role_holds_at_once_and_ends_her_session(
    administrator: FlaskClient, app: Flask, service: Service
) -> None:
    author = app.test_client()
    enter(author, "author")
    assert take(administrator, page_of(service, "author"), "role", role="auditor").status_code == 303
    assert author.get("/desk/").status_code == 303
    enter(author, "author")
    assert author.get("/desk/rules/new").status_code == 403
    page = words(read(administrator, page_of(service, "author")))
    assert (
        f"Role changed from author to auditor {WHY} By administrator, 1 June 2026, 09:00 UTC , from 127.0.0.1" in page
    )


def test_a_new_password_ends_the_old_one(administrator: FlaskClient, app: Flask, service: Service) -> None:
    password = shown_once(take(administrator, page_of(service, "author"), "password").text)
    assert enter(app.test_client(), "author").status_code == 403
    assert enter(app.test_client(), "author", password).status_code == 303
    typed = take(administrator, page_of(service, "author"), "password", password=ANOTHER, again=ANOTHER)
    assert ANOTHER not in typed.text
    assert enter(app.test_client(), "author", ANOTHER).status_code == 303


def test_whoever_is_disabled_is_out_and_comes_back_with_the_same_password_but_not_the_same_session(
    administrator: FlaskClient, app: Flask, service: Service
) -> None:
    author = app.test_client()
    enter(author, "author")
    take(administrator, page_of(service, "author"), "disable")
    assert enter(app.test_client(), "author").status_code == 403
    take(administrator, page_of(service, "author"), "enable")
    assert author.get("/desk/").status_code == 303
    assert enter(author, "author").status_code == 303
    assert author.get("/desk/").status_code == 200


@pytest.mark.parametrize(
    ("step", "fields"), [("role", {"role": "auditor"}), ("password", {}), ("disable", {}), ("enable", {})]
)
def test_a_form_that_is_sent_twice_does_its_step_once(
    administrator: FlaskClient, service: Service, step: str, fields: dict[str, str]
) -> None:
    path = page_of(service, "author")
    if step == "enable":
        take(administrator, path, "disable")
    form = {**form_on(administrator.get(path).text, step), "reason": WHY, **fields}
    first = administrator.post(path, data=form)
    assert first.status_code in (200, 303)
    before = clinic.counts(service)
    second = administrator.post(path, data=form, follow_redirects=True)
    assert re.search("already|is not disabled|was changed after this page was opened", second.text)
    assert clinic.counts(service) == before


def test_a_stale_form_changes_nothing_and_says_so(administrator: FlaskClient, service: Service) -> None:
    path = page_of(service, "author")
    stale = form_on(administrator.get(path).text, "role")
    take(administrator, path, "role", role="approver")
    refused = administrator.post(path, data={**stale, "role": "auditor", "reason": WHY})
    assert refused.status_code == 422
    assert "was changed after this page was opened" in refused.text
    with service.sessions() as session:
        assert found(session, "author").role is Role.APPROVER


@pytest.mark.parametrize("step", ["role", "password", "disable"])
def test_an_administrator_cannot_do_it_to_herself(administrator: FlaskClient, service: Service, step: str) -> None:
    path = page_of(service, "administrator")
    page = read(administrator, path)
    assert "This is you." in page
    assert 'name="step"' not in page
    form = {**form_on(page, step), "role": "author", "reason": WHY}
    before = clinic.counts(service)
    for stands in ("", "made up"):
        assert administrator.post(path, data={**form, "stands": stands}).status_code == 422
    assert clinic.counts(service) == before


@pytest.mark.parametrize("number", ["0", "99", "2147483648", "99999999999999999999", "abc", "-1", "%00"])
def test_an_account_that_is_not_there_gets_a_page(administrator: FlaskClient, number: str) -> None:
    assert "There is no" in read(administrator, f"/desk/people/{number}", 404)


def test_a_step_that_does_not_exist_is_refused(administrator: FlaskClient, service: Service) -> None:
    assert take(administrator, page_of(service, "author"), "promote").status_code == 400


# One's own account


def change(client: FlaskClient, old: str, new: str, again: str | None = None) -> TestResponse:
    form = {"csrf_token": token(client.get("/desk/account").text), "old": old, "new": new}
    return client.post("/desk/account", data={**form, "again": new if again is None else again})


@pytest.mark.parametrize("role", list(Role))
def test_everybody_sees_her_own_name_and_role(client: FlaskClient, role: Role) -> None:
    enter(client, role.value)
    page = words(read(client, "/desk/account"))
    assert f"Name {role} Role {role.value.capitalize()}" in page


def test_whoever_changes_her_password_stays_here_and_is_signed_out_elsewhere(app: Flask, service: Service) -> None:
    here, elsewhere = app.test_client(), app.test_client()
    for client in (here, elsewhere):
        enter(client, "author")
    assert change(here, PASSWORD, ANOTHER).status_code == 303
    assert "Your password is changed." in read(here, "/desk/account")
    assert elsewhere.get("/desk/").status_code == 303
    assert enter(app.test_client(), "author").status_code == 403
    assert enter(app.test_client(), "author", ANOTHER).status_code == 303
    with service.sessions() as session:
        assert audit.verify(session).problem is None


@pytest.mark.parametrize(
    ("old", "new", "again", "field", "said"),
    [
        ("not this one", ANOTHER, ANOTHER, "old", "not your present password"),
        (PASSWORD, "short", "short", "new", "at least 12 characters"),
        (PASSWORD, PASSWORD, PASSWORD, "new", "is the old one"),
        (PASSWORD, ANOTHER, "another one", "again", "the same one twice"),
    ],
)
def test_a_password_that_cannot_be_changed_says_why_beside_its_field(
    client: FlaskClient, app: Flask, old: str, new: str, again: str, field: str, said: str
) -> None:
    enter(client, "author")
    refused = change(client, old, new, again)
    assert refused.status_code == 422
    beside = re.search(rf'id="account-{field}-problem">([^<]*)<', refused.text)
    assert beside
    assert said in beside[1]
    for secret in (PASSWORD, ANOTHER):
        assert secret not in refused.text
    assert enter(app.test_client(), "author").status_code == 303


def test_whoever_guesses_the_old_password_at_an_open_desk_is_stopped_and_told_of(
    client: FlaskClient, service: Service
) -> None:
    enter(client, "author")
    assert [change(client, "a wrong one", ANOTHER).status_code for _ in range(5)] == [422] * 5
    stopped = change(client, PASSWORD, ANOTHER)
    assert stopped.status_code == 429
    assert 0 < int(stopped.headers["Retry-After"]) <= 300
    assert "Too many attempts." in stopped.text
    refused = ("person.password_change_refused", "author", "person/author", {"because": "wrong password"})
    stopped = {"because": "too many wrong passwords", "route": "POST /desk/account"}
    with service.sessions() as session:
        assert [told_by(one) for one in last_events(session, 2)] == [
            ("request.refused", "author", "person/author", stopped),
            refused,
        ]


def test_a_weak_new_password_is_no_guess_at_the_old_one(client: FlaskClient) -> None:
    enter(client, "author")
    assert [change(client, PASSWORD, "short").status_code for _ in range(7)] == [422] * 7


# At the sign-in


@pytest.mark.parametrize("name", ["Author", "  author ", "AUTHOR"])
def test_capitals_and_blanks_do_not_keep_her_out(client: FlaskClient, name: str) -> None:
    assert enter(client, name).status_code == 303
    assert "author" in read(client, "/desk/account")


def test_other_letters_of_one_name_are_counted_together(client: FlaskClient) -> None:
    names = ["author", "Author", "AUTHOR", " author", "aUTHOR", "\uff41uthor"]
    assert naming.folded(names[-1]) == "author"
    assert [enter(client, name, "wrong").status_code for name in names] == [403] * 5 + [429]


def test_a_password_changed_while_she_signs_in_is_the_one_that_counts(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = passwords.fits

    def slowly(kept: str | None, password: str) -> bool:
        result = fits(kept, password)
        monkeypatch.setattr(passwords, "fits", fits)
        with service.sessions() as session:
            people.set_password(session, found(session, "author"), ANOTHER, by=None, at=NOW, reason=WHY)
            session.commit()
        return result

    form = {"csrf_token": token(client.get("/desk/sign-in").text), "name": "author", "password": PASSWORD}
    monkeypatch.setattr(passwords, "fits", slowly)
    assert client.post("/desk/sign-in", data=form).status_code == 403
    assert enter(client, "author", ANOTHER).status_code == 303


def test_a_hash_of_older_parameters_is_made_anew_when_she_signs_in(client: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        found(session, "author").password_hash = PasswordHasher(time_cost=1, memory_cost=8 * 1024).hash(PASSWORD)
        session.commit()
    assert enter(client, "author").status_code == 303
    with service.sessions() as session:
        assert not passwords.outdated(found(session, "author").password_hash)
    assert client.get("/desk/").status_code == 200


def test_passwords_are_hashed_with_argon2id_and_19_mebibytes_or_more(own_hasher: PasswordHasher) -> None:
    """OWASP Password Storage Cheat Sheet: Argon2id with a minimum of 19 MiB of memory and two iterations."""
    assert own_hasher.type is Type.ID
    assert own_hasher.memory_cost >= 19 * 1024
    assert own_hasher.time_cost >= 2
