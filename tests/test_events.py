"""Everything is an event: what stands in docs/events.md and in the code is the same; what is refused is told once."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from admin.record import happened
from cds import keys
from cds.changes import running
from cds.firing.charting import Counted
from cds.firing.raised import look_into
from cds.firing.watching import Alarm, Kind
from cds.models import ApiKey, ComparisonRun, Purpose
from cds.record import refusals, retention
from cds.record.incidents import record_incident
from cds.record.refusals import MOST, Refusals
from cds.record.sealing import seal
from cds.search.actions import DONE
from cds.service import Service
from knowledge import lifecycle, people
from knowledge.database import connect, migrations, sessions
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Release, Role, User
from tests import clinic
from tests.clinic import API_KEY, ASK, LOADED, NOW, Caller, Command, problem_in
from tests.desk import PASSWORD, enter, staffed_copy, token
from tests.test_retention import everything

pytest_plugins = ["tests.databases"]

PLACE = Path(__file__).parent.parent
_ACTION = re.compile(r"[a-z_-]+\.[a-z_]+")
_TELLING = {"record_of_owner", "Happening", "record", "tell", "told", "_tell", "_record", "_release"}
_NO_ACTIONS = {"export.csv", "sheet.typ", "person.sign"}


def documented() -> set[str]:
    return set(re.findall(r"^\| `([a-z_.-]+)` \|", (PLACE / "docs" / "events.md").read_text(encoding="utf-8"), re.M))


def in_the_code() -> set[str]:
    """Every text that is given to what tells of an event, and every other that looks like one of those."""
    given: set[str] = set()
    named: dict[str, str] = {}
    nouns = {action.split(".")[0] for action in documented()}
    for file in (file for room in ("knowledge", "cds", "admin") for file in (PLACE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call() if _name(node.func) in _TELLING:
                    parts = [*node.args, *(keyword.value for keyword in node.keywords)]
                    given |= {_text(part) or _name(part) for part in parts}
                case ast.Assign(targets=[ast.Name(name)], value=ast.Constant(str(text))) if _ACTION.fullmatch(text):
                    named[name] = text
                case ast.Constant(str(text)) if text.split(".")[0] in nouns:
                    given.add(text)
                case _:
                    pass
    found = {named.get(one, one) for one in given}
    return {one for one in found if _ACTION.fullmatch(one)} - _NO_ACTIONS


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_every_event_is_in_the_list_and_every_one_in_the_list_can_happen() -> None:
    assert in_the_code() == documented()
    assert documented() <= {*DONE}, "at the desk it is said in words"
    for action in documented():
        assert action.startswith(tuple(happened.GROUPS)), f"the events can be narrowed to {action}"


@pytest.fixture
def shipped_url(shipped_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with staffed_copy(shipped_sqlite, tmp_path) as url:
        yield url


def told(service: Service, action: str = "request.refused") -> list[tuple[str, str, dict[str, Any]]]:
    """Whose, by whom and the details of every event of an action."""
    with service.sessions() as session:
        query = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.sequence)
        return [(one.subject, one.actor, json.loads(one.details)) for one in session.scalars(query)]


def test_a_page_for_another_role_is_refused_and_told_once_in_a_while(client: FlaskClient, service: Service) -> None:
    enter(client, "auditor")
    for _ in range(3):
        assert client.get("/desk/people/").status_code == 403
    assert client.get("/desk/keys/").status_code == 403
    details = {"because": "not for this person", "role": "auditor"}
    first = ("person/auditor", "auditor", {**details, "route": "GET /desk/people/"})
    second = ("person/auditor", "auditor", {**details, "route": "GET /desk/keys/", "left_out": 2})
    assert told(service) == [first, second]
    service.now = lambda: NOW + timedelta(minutes=6)
    client.get("/desk/people/")
    assert told(service)[2:] == [first]


def test_a_form_without_its_token_is_told(client: FlaskClient, service: Service) -> None:
    assert client.post("/desk/sign-in", data={"name": "author", "password": PASSWORD}).status_code == 400
    enter(client, "author")
    assert client.post("/desk/conditions/", data={"text": "always"}).status_code == 400
    because = "a form without a valid token"
    assert told(service) == [
        ("desk", "unknown", {"because": because, "route": "POST /desk/sign-in"}),
        ("person/author", "author", {"because": because, "route": "POST /desk/conditions/", "role": "author"}),
    ]


def test_nobody_can_try_passwords_without_being_told_of(client: FlaskClient, service: Service) -> None:
    for name in ("author", "hunter2, my password"):
        assert [enter(client, name, "wrong").status_code for _ in range(7)] == [403] * 5 + [429] * 2
    because = {"because": "too many wrong passwords", "route": "POST /desk/sign-in"}
    assert told(service) == [
        ("person/author", "unknown", because),
        ("desk", "unknown", {**because, "left_out": 1}),
    ]
    with service.sessions() as session:
        assert not [one for one in session.scalars(select(AuditEvent)) if "hunter2" in repr(vars(one))]


def test_to_approve_what_one_wrote_oneself_is_refused_and_told(client: FlaskClient, service: Service) -> None:
    key = "exercise-any-offer-if-feasible"
    with service.sessions() as session:
        held = lifecycle.in_force(session)
        assert held
        [old] = [one for one in held.versions if (one.kind, one.key) == (ItemKind.RULE, key)]
        approver = somebody(session, "approver")
        content = json.loads(old.content) | {"text": "Offer it."}
        draft = lifecycle.draft(session, ItemKind.RULE, key, content, by=approver, at=NOW, reason="New.")
        lifecycle.submit(session, draft, by=approver, at=NOW)
        session.commit()
    enter(client, "approver")
    form = {"csrf_token": token(client.get(f"/desk/rules/{key}/2/review").text), "comment": "Fine."}
    client.post(f"/desk/rules/{key}/2/approve", data=form)
    [(subject, actor, details)] = told(service)
    assert (subject, actor, details["role"]) == ("person/approver", "approver", "approver")
    assert details["because"] == f"approver wrote rule {key}, version 2: somebody else approves it."


def test_keys_that_are_refused_are_told_and_never_by_what_nobody_knows(
    client: FlaskClient, service: Service, caller: Caller
) -> None:
    answer = caller.ask({"has_mbc": True})
    assert told(service) == [], "whoever is let in is not told of"
    with service.sessions() as session:
        keys.issue(session, "An audit", by=None, at=LOADED, key="pw_audit_1", purpose=Purpose.AUDIT)
        keys.issue(session, "Another app", by=None, at=LOADED, key="pw_other_1")
        keys.issue(session, "An old app", by=None, at=LOADED, key="pw_older_1")
        keys.revoke(session, session.scalars(select(ApiKey).where(ApiKey.prefix == "pw_older")).one(), by=None, at=NOW)
        session.commit()

    def sent(key: str, path: str = ASK, **more: Any) -> int:
        return client.open(path, headers={"Authorization": f"Bearer {key}"}, **more).status_code

    for key in ("pw_slip_of_the_pen", "pw_another_slip"):
        assert sent(key, method="POST", json={"facts": {}}) == 401
    assert sent("pw_older_1", method="POST", json={"facts": {}}) == 401
    assert sent("pw_audit_1", method="POST", json={"facts": {}}) == 403
    assert sent(API_KEY, "/api/v1/events") == 403
    assert sent("pw_other_1", f"/api/v1/decisions/{answer['decision_id']}") == 404
    assert sent("pw_other_1", "/api/v1/decisions/none") == 404
    asked = f"POST {ASK}"
    old, app = "key pw_older (An old app)", "key pw_tests (The app of the tests)"
    assert told(service) == [
        ("api", "unknown", {"because": "an unknown key", "route": asked}),
        ("api-key/pw_older", old, {"because": "a revoked key", "route": asked, "left_out": 1}),
        ("api-key/pw_audit", "key pw_audit (An audit)", {"because": "the key of an auditor", "route": asked}),
        ("api-key/pw_tests", app, {"because": "the key of an app", "route": "GET /api/v1/events"}),
        (
            f"decision/{answer['decision_id']}",
            "key pw_other (Another app)",
            {"because": "the decision of another", "route": "GET /api/v1/decisions/<string:decision_id>"},
        ),
    ]
    with service.sessions() as session:
        assert not [one for one in session.scalars(select(AuditEvent)) if "slip" in repr(vars(one))]


def test_nobody_can_flood_the_record() -> None:
    lately = Refusals()
    assert [lately.next(number, NOW) for number in range(MOST + 10)] == [0] * MOST + [None] * 10
    assert lately.next(0, NOW + refusals.EVERY) == 10


def test_what_is_refused_is_refused_even_when_it_cannot_be_told(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr("cds.record.refusals.audit.record", locked)
    problem_in(client.get("/api/v1/events", headers={"Authorization": "Bearer pw_nobodys"}), 401)
    assert told(service) == []


def test_the_command_tells_of_exports_and_imports(runner: Command, service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert runner("content", "export", folder).exit_code == 0
    assert runner("content", "import", folder).exit_code == 0
    [(subject, actor, details)] = told(service, "content.exported")
    assert (subject, actor) == ("content", "system")
    assert details.pop("account")
    assert details == {"release": 1, "folder": str(folder)}
    assert told(service, "content.imported") == [], "nothing differed"
    file = next(file for file in sorted(folder.rglob("*.toml")) if 'title = "' in file.read_text(encoding="utf-8"))
    changed = file.read_text(encoding="utf-8").replace('title = "', 'title = "Now: ', 1)
    file.write_text(changed, encoding="utf-8")
    assert runner("content", "import", folder, "--reason", "Reworded.").exit_code == 0
    [(_, _, details)] = told(service, "content.imported")
    assert details.pop("account")
    assert details == {"release": None, "drafts": 1, "folder": str(folder), "reason": "Reworded."}


def test_whoever_runs_a_command_is_told(runner: Command, service: Service) -> None:
    runner("key", "add", "An app")
    with service.sessions() as session:
        [made] = session.scalars(
            select(AuditEvent)
            .where(AuditEvent.action == "api_key.issued")
            .order_by(AuditEvent.sequence.desc())
            .limit(1)
        )
    assert made.origin == "command"
    assert json.loads(made.details)["account"]


def test_a_migration_is_an_event_when_something_was_there_to_migrate(own_database_url: str) -> None:
    run = clinic.command_on(own_database_url)
    engine = connect(own_database_url, owner=True)
    with engine.begin() as connection:
        command.upgrade(migrations(connection), "0003")
    assert (run("db", "upgrade").exit_code, run("db", "upgrade").exit_code) == (0, 0)
    with sessions(engine)() as session:
        [told] = session.scalars(select(AuditEvent)).all()
        assert (told.action, told.subject, told.origin) == ("database.upgraded", "database", "command")
        assert json.loads(told.details)["from"] == "0003"
        assert json.loads(told.details)["account"]
    engine.dispose()


def somebody(session: Session, name: str = "author") -> User:
    found = people.named(session, name)
    assert found
    return found


def _started(session: Session) -> ComparisonRun:
    what = running.asked(session, [], proposal=True, first=NOW.date(), last=NOW.date())
    return running.begin(session, what, by=somebody(session), at=NOW)[0]


def _removed(session: Session) -> None:
    for _ in retention.removed(session, retention.asked(2, "Kept for two days.", at=NOW + timedelta(days=9))):
        session.commit()


ALARM = Alarm(Kind.STOPPED, NOW.date(), Counted(0, 400), Counted(40, 1200), -4, release=1)

STEPS: dict[str, Callable[[Session], object]] = {
    "person.added": lambda session: people.add(session, "Zoë", Role.AUDITOR, PASSWORD + "!", by=None, at=NOW),
    "person.role_changed": lambda session: people.change_role(
        session, somebody(session), Role.APPROVER, by=None, at=NOW, reason="She has learnt."
    ),
    "api_key.issued": lambda session: keys.issue(session, "An app", by=None, at=NOW),
    "version.drafted": lambda session: lifecycle.draft(
        session, ItemKind.RULE, "new-rule", {"key": "new-rule"}, by=somebody(session), at=NOW, reason="New."
    ),
    "release.approved": lambda session: lifecycle.approve_release(
        session, session.get_one(Release, 1), by=somebody(session, "approver"), at=NOW, reason="Read in full."
    ),
    "incident.recorded": lambda session: record_incident(session, "disagreement", {}, release_id=1, at=NOW),
    "alarm.looked_into": lambda session: look_into(
        session, "a-rule", 1, ALARM, by=somebody(session, "approver"), at=NOW, reason="It was meant."
    ),
    "comparison.started": _started,
    "comparison.cancelled": lambda session: running.cancel(session, _started(session), by=somebody(session), at=NOW),
    "decisions.sealed": lambda session: seal(session, NOW),
    "facts.removed": _removed,
}


@pytest.fixture
def answered(service: Service, caller: Caller) -> Service:
    """A decision that is sealed, and one that is not."""
    caller.ask({"has_mbc": True, "pain_nrs": 7}, subject="patient-1")
    with service.sessions() as session:
        seal(session, NOW)
        session.commit()
    caller.ask({"has_mbc": True, "pain_nrs": 7})
    return service


def test_there_are_both_the_event_and_what_it_tells_or_neither(answered: Service) -> None:
    for action, step in STEPS.items():
        before = everything(answered.database)
        with answered.owner() as owner, sessions(owner)() as session:
            event.listen(session, "before_commit", partial(_power_cut, action=action))
            with pytest.raises(PowerCut):
                _to_the_end(session, step)
        assert everything(answered.database) == before, action


class PowerCut(Exception):
    """The transaction was never committed."""


def _to_the_end(session: Session, step: Callable[[Session], object]) -> None:
    step(session)
    session.commit()


def _power_cut(session: Session, action: str) -> None:
    session.flush()
    assert session.scalars(select(AuditEvent).where(AuditEvent.action == action)).all()
    raise PowerCut
