"""The desk: nobody gets in without signing in, and what its pages say to whoever reads what is clinical."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from cds.service import Service, Settings
from knowledge import audit, lifecycle, people
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Role, User, Version
from tests import clinic
from tests.desk import PASSWORD, enter, token
from tests.test_pages import read, words
from wsgi import create_app

RULE = "ext-oncologic-emergency-list"
PAGES = [
    "/desk/",
    "/desk/rules/",
    f"/desk/rules/{RULE}",
    f"/desk/rules/{RULE}?version=1",
    "/desk/releases/",
    "/desk/releases/1",
]


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


def events(service: Service) -> list[AuditEvent]:
    """What the record holds of people coming and going."""
    with service.sessions() as session:
        query = select(AuditEvent).where(AuditEvent.action.like("person.sign%")).order_by(AuditEvent.sequence)
        return list(session.scalars(query))


@pytest.fixture
def auditor(client: FlaskClient) -> FlaskClient:
    assert enter(client, "auditor").status_code == 303
    return client


def desk_routes(app: Flask) -> list[tuple[str, str]]:
    """Every method and address of the desk but that of signing in."""
    filled = {"key": RULE, "number": "1", "sequence": "1"}
    return [
        (method, re.sub(r"<(?:\w+:)?(\w+)>", lambda part: filled[part[1]], rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/desk") and rule.endpoint != "desk.sign_in"
        for method in sorted((rule.methods or set()) - {"OPTIONS"})
    ]


def test_every_route_without_sign_in_leads_to_it(app: Flask, client: FlaskClient) -> None:
    routes = desk_routes(app)
    assert {path for _, path in routes} >= {page.partition("?")[0] for page in PAGES}
    for method, path in [
        *routes,
        ("GET", "/desk"),
        ("GET", "/desk/nothing"),
        ("DELETE", "/desk/rules/"),
        ("PUT", "/desk/"),
    ]:
        response = client.open(path, method=method)
        assert response.status_code == 303, (method, path)
        assert response.headers["Location"].startswith("/desk/sign-in")
        assert "Phasewise" not in response.text


def test_after_signing_in_the_page_asked_for_opens(client: FlaskClient) -> None:
    asked = client.get("/desk/rules/?q=pain&topic=pain").headers["Location"]
    entered = enter(client, "author", to=asked)
    assert entered.headers["Location"] == "/desk/rules/?q=pain&topic=pain"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://example.org/", "//example.org/desk/", "/\\example.org", "/desk/\\..\\x", "javascript:x", "/try", ""],
)
def test_it_leads_nowhere_else(client: FlaskClient, elsewhere: str) -> None:
    client.get("/desk/sign-in")
    response = enter(client, "author", to=f"/desk/sign-in?next={elsewhere}")
    assert response.headers["Location"] == "/desk/"


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.APPROVER, Role.AUDITOR])
def test_whoever_reads_what_is_clinical_reads_every_page(client: FlaskClient, role: Role) -> None:
    assert enter(client, role.value).status_code == 303
    for page in PAGES:
        assert role.value in read(client, page)


def test_nothing_of_flask_admin_s_own_files_is_served(auditor: FlaskClient) -> None:
    assert auditor.get("/desk/static/vendor/jquery.min.js").status_code == 404


def test_a_wrong_password_is_refused_in_the_same_words_as_a_wrong_name(client: FlaskClient, service: Service) -> None:
    wrong_password = enter(client, "author", "not the password")
    wrong_name = enter(client, "hunter2 hunter2", "not the password")
    assert wrong_password.status_code == wrong_name.status_code == 403
    told = "This name and password do not fit an account that may sign in."
    assert told in wrong_password.text
    assert told in wrong_name.text
    assert client.get("/desk/").status_code == 303
    refused = events(service)
    assert [(one.action, one.subject, json.loads(one.details)) for one in refused] == [
        ("person.sign_in_refused", "person/author", {"because": "wrong password"}),
        ("person.sign_in_refused", "desk", {"because": "no such person"}),
    ]
    assert refused[0].origin == "127.0.0.1"


@pytest.mark.parametrize("name", ["", "\x00", "🦠", "a" * 100_000, "' OR 1=1 --", "author\x00"])
def test_odd_names_are_refused(client: FlaskClient, name: str) -> None:
    assert enter(client, name).status_code == 403


def test_coming_and_going_is_on_record_and_the_chain_holds(client: FlaskClient, service: Service) -> None:
    enter(client, "approver")
    left = client.post("/desk/sign-out", data={"csrf_token": token(client.get("/desk/").text)})
    assert left.headers["Location"] == "/desk/sign-in"
    assert client.get("/desk/").status_code == 303
    assert [(one.action, one.actor, one.subject) for one in events(service)] == [
        ("person.signed_in", "approver", "person/approver"),
        ("person.signed_out", "approver", "person/approver"),
    ]
    with service.sessions() as session:
        assert audit.verify(session).problem is None


def test_after_five_attempts_under_one_name_she_waits(client: FlaskClient, service: Service) -> None:
    assert [enter(client, "author", "wrong").status_code for _ in range(5)] == [403] * 5
    refused = enter(client, "author")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert "Too many attempts." in refused.text
    assert len(events(service)) == 5
    assert enter(client, "approver").status_code == 303


def test_a_right_password_ends_the_count(client: FlaskClient) -> None:
    for _ in range(2):
        for _ in range(4):
            assert enter(client, "author", "wrong").status_code == 403
        assert enter(client, "author").status_code == 303
        client.post("/desk/sign-out", data={"csrf_token": token(client.get("/desk/").text)})


@pytest.mark.parametrize("path", ["/desk/sign-in", "/desk/sign-out"])
@pytest.mark.parametrize("sent", [{}, {"csrf_token": ""}, {"csrf_token": "made up"}])
def test_a_form_without_its_token_is_refused(
    client: FlaskClient, service: Service, path: str, sent: dict[str, str]
) -> None:
    if path == "/desk/sign-out":
        enter(client, "author")
    before = len(events(service))
    response = client.post(path, data={"name": "author", "password": PASSWORD, **sent})
    assert response.status_code == 400
    assert "Reload that page and send it again" in response.text
    assert len(events(service)) == before


def test_the_cookie_is_for_the_desk_alone_and_not_for_scripts(client: FlaskClient) -> None:
    cookie = enter(client, "author").headers["Set-Cookie"]
    assert cookie.startswith("phasewise_desk=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/desk"):
        assert part in cookie
    assert "Secure" not in cookie
    over_tls = client.get("/desk/sign-in", base_url="https://localhost/", headers={"Cookie": ""})
    assert all("Secure" in one for one in over_tls.headers.getlist("Set-Cookie"))


def test_pages_of_the_desk_are_not_kept_by_browsers(auditor: FlaskClient) -> None:
    assert auditor.get("/desk/").headers["Cache-Control"] == "no-store"


def test_whoever_is_disabled_is_out_at_once_and_stays_out(auditor: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        user = people.named(session, "auditor")
        assert user is not None
        user.disabled_at = clinic.NOW
        session.commit()
    assert auditor.get("/desk/").status_code == 303
    assert enter(auditor, "auditor").status_code == 403
    assert json.loads(events(service)[-1].details) == {"because": "disabled"}


def test_a_session_of_another_place_counts_for_nothing(auditor: FlaskClient, app: Flask) -> None:
    app.secret_key = "another key"
    assert auditor.get("/desk/").status_code == 303


def test_the_desk_s_home_begins_with_what_is_in_force(auditor: FlaskClient) -> None:
    page = words(read(auditor, "/desk/"))
    assert page.index("Release 1 Not yet clinically approved") < page.index("Look into the record")
    assert "No answer had to be refused, and no decision that was made again came out otherwise." in page
    assert "Nothing in force is past its review date." in page


def test_it_lists_what_is_past_its_review_date(auditor: FlaskClient, service: Service) -> None:
    service.now = lambda: clinic.NOW + timedelta(days=500)
    enter(auditor, "auditor")
    page = words(read(auditor, "/desk/"))
    base = clinic.shipped_base()
    due = len(base.rules) + len(base.hazards) + len(base.sources)
    assert f"{due} items are past the review date." in page
    assert "Overdue" in words(read(auditor, f"/desk/rules/{RULE}"))


def test_it_lists_what_is_being_written(auditor: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        author = people.named(session, "author")
        assert author is not None
        newest = session.scalars(select(Version).where(Version.key == RULE)).one()
        content = {**json.loads(newest.content), "title": "Check the list at once"}
        lifecycle.draft(session, ItemKind.RULE, RULE, content, by=author, at=clinic.NOW, reason="Shorter.")
        session.commit()
    assert "Check the list at once Draft Rule, version 2 · author, 1 June 2026, 09:00 UTC" in words(
        read(auditor, "/desk/")
    )
    listed = words(read(auditor, "/desk/rules/?state=draft"))
    assert "Check the list at once" in listed
    assert "version 1 in force" in listed
    page = words(read(auditor, f"/desk/rules/{RULE}"))
    assert "Not in force. In force is version 1" in page
    assert "Written by author, 1 June 2026, 09:00 UTC" in page
    assert "An older version. The newest is version 2" in words(read(auditor, f"/desk/rules/{RULE}?version=1"))


def test_a_draft_that_cannot_be_read_says_what_is_wrong(auditor: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        author = people.named(session, "author")
        assert author is not None
        odd = {"key": "odd", "title": "<b>Odd</b>", "condition": "no_such_fact >"}
        lifecycle.draft(session, ItemKind.RULE, "odd", odd, by=author, at=clinic.NOW, reason="Half done.")
        session.commit()
    page = read(auditor, "/desk/rules/odd")
    assert "wrong or missing" in page
    assert "<b>Odd</b>" not in page
    assert "&lt;b&gt;Odd&lt;/b&gt;" in page
    read(auditor, "/desk/rules/?q=odd")
    read(auditor, "/desk/")


def test_every_rule_has_a_page_that_reads_like_a_document(auditor: FlaskClient, service: Service) -> None:
    base = clinic.shipped_base()
    # What a page says does not hang on the database: on the second one a sample is enough.
    every = 1 if service.database.dialect.name == "sqlite" else 20
    for key, rule in list(base.rules.items())[::every]:
        page = words(read(auditor, f"/desk/rules/{key}"))
        assert " ".join(rule.text.split()) in page
        assert "A fact that the condition names is not in the dictionary" not in page
        assert "Unknown source" not in page
        for cited in rule.citations:
            assert " ".join(base.sources[cited.source].reference.split()) in page
            assert " ".join(cited.locator.split()) in page


def test_a_rule_says_what_it_withholds_and_what_withholds_it(auditor: FlaskClient) -> None:
    page = words(read(auditor, "/desk/rules/nutrition-acute-eat-freely"))
    assert "While it is recommended, it withholds" in page
    assert "Keep nutrition as good as possible with dyspnea" in page
    assert "disease_phase is acute" in page
    other = words(read(auditor, "/desk/rules/dyspnea-any-maximise-nutrition"))
    assert "one of these rules is recommended" in other
    assert "Let the patient eat freely (acute phase)" in other


def shown(page: str) -> set[str]:
    """The keys of the rules that a list shows."""
    return set(re.findall(r'href="/desk/rules/([a-z0-9._-]+)"', page))


def every(client: FlaskClient, query: str) -> set[str]:
    """The keys of the rules on all pages of a list."""
    found: set[str] = set()
    for page in range(1, 20):
        keys = shown(read(client, f"/desk/rules/?{query}&page={page}"))
        if keys <= found:
            break
        found |= keys
    return found


@pytest.mark.parametrize("name", ["topic", "kind", "mode"])
def test_rules_are_filtered(auditor: FlaskClient, name: str) -> None:
    rules = clinic.shipped_base().rules
    for word in sorted({str(getattr(rule, name)) for rule in rules.values()}):
        hers = {key for key, rule in rules.items() if getattr(rule, name) == word}
        assert every(auditor, f"{name}={word}&state=in_force") == hers


def test_rules_are_filtered_by_actor_and_found_by_text(auditor: FlaskClient) -> None:
    rules = clinic.shipped_base().rules
    of_caregivers = {key for key, rule in rules.items() if "caregiver" in rule.actors}
    assert every(auditor, "actor=caregiver&state=in_force") == of_caregivers
    assert RULE in every(auditor, "q=HYPERCALCEMIA")
    assert every(auditor, "q=hypercalcemia+nosuchword") == set()
    assert every(auditor, "state=in_force") == set(rules)


@pytest.mark.parametrize(
    "path",
    [
        *(f"/desk/rules/?page={odd}" for odd in ("-5", "abc", "99999999999999999999", "0", "1e3", "%00", "٣")),
        *(
            f"/desk/rules/?{name}={odd}"
            for name in ("topic", "state", "q")
            for odd in ("%00", "abc", "%27", "%F0%9F%A6%A0")
        ),
        "/desk/rules/?id=abc",
        "/desk/?id=abc&page=-5",
        "/desk/releases/?page=-5&sort=x",
        f"/desk/rules/{RULE}?version=abc",
        f"/desk/rules/{RULE}?version=%00",
    ],
)
def test_odd_query_strings_are_read_as_nothing(auditor: FlaskClient, path: str) -> None:
    read(auditor, path)


@pytest.mark.parametrize(
    "path",
    [
        "/desk/rules/nothing",
        "/desk/rules/%00",
        "/desk/rules/%F0%9F%A6%A0",
        f"/desk/rules/{RULE}?version=2",
        f"/desk/rules/{RULE}?version=0",
        "/desk/releases/2",
        "/desk/releases/abc",
        "/desk/releases/-1",
        "/desk/releases/99999999999999999999",
    ],
)
def test_what_is_not_there_gets_a_page(auditor: FlaskClient, path: str) -> None:
    assert "There is no" in read(auditor, path, 404)


def test_a_release_is_shown_with_all_that_it_holds(auditor: FlaskClient) -> None:
    page = words(read(auditor, "/desk/releases/1"))
    base = clinic.shipped_base()
    assert "In force Not yet clinically approved" in page
    for held in (
        f"Rules and statements ({len(base.rules)})",
        f"Sources ({len(base.sources)})",
        f"Facts ({len(base.facts)})",
    ):
        assert held in page


def test_reading_changes_nothing(auditor: FlaskClient, service: Service) -> None:
    def rows() -> int:
        with service.sessions() as session:
            return sum(
                session.scalar(select(func.count()).select_from(table)) or 0 for table in (AuditEvent, Version, User)
            )

    before = rows()
    for page in PAGES:
        read(auditor, page)
    assert rows() == before


def test_the_key_of_sessions_is_made_when_first_needed_and_kept(
    tmp_path: Path, shipped_sqlite: str, prepared_once: None
) -> None:
    with clinic.copied(shipped_sqlite, tmp_path) as url:
        kept = tmp_path / "secret-key"
        with clinic.open_app(url) as app:
            app.test_client().get("/")
            assert not kept.exists()
            app.test_client().get("/desk/sign-in")
            assert kept.stat().st_mode & 0o777 == 0o600
            first = app.secret_key
        with clinic.open_app(url) as app:
            app.test_client().get("/desk/sign-in")
            assert app.secret_key == first == kept.read_text()
        with clinic.open_app(url, secret_key="from outside") as app:
            assert app.secret_key == "from outside"


def test_where_no_key_can_be_kept_sessions_still_work(
    tmp_path: Path, shipped_sqlite: str, prepared_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("admin.entry.cookies.NamedTemporaryFile", read_only)
    with clinic.copied(shipped_sqlite, tmp_path) as url, clinic.open_app(url) as app:
        assert app.test_client().get("/desk/sign-in").status_code == 200
        assert app.secret_key


def test_making_the_app_writes_nothing(tmp_path: Path) -> None:
    create_app(Settings(database_url=f"sqlite:///{tmp_path / 'none.sqlite3'}"))
    assert list(tmp_path.iterdir()) == []
