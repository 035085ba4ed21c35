"""Sessions end, and what was being written outlives them: it is given back after signing in, and never carried out."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cds.record.refusals import REFUSED
from cds.service import Service
from knowledge.models import AuditEvent, Role, Version
from tests import clinic
from tests.desk import PASSWORD, enter, token
from tests.test_pages import words

RULE = "ext-oncologic-emergency-list"
EDIT = f"/desk/rules/{RULE}/edit"
PROSE = "Line one.\r\n\r\n  “Two” & <script>alert(1)</script> 'three' \"four\"\r\n≥ 3 é 🦠\tend"
FOUR = ["rules", "facts", "sources", "vignettes"]


@pytest.fixture
def shipped_url(staffed_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with clinic.copied(staffed_sqlite, tmp_path) as url:
        yield url


@pytest.fixture
def author(client: FlaskClient) -> FlaskClient:
    assert enter(client, "author").status_code == 303
    return client


def later(service: Service, **passed: float) -> None:
    now = service.now() + timedelta(**passed)
    service.now = lambda: now


def hidden(page: str) -> list[tuple[str, str]]:
    """The hidden fields of a page's own form, as a browser would send them: the last form is the page's."""
    form = re.findall(r"<form.*?</form>", page, re.DOTALL)[-1]
    inputs = [dict(re.findall(r'(\w+)="([^"]*)"', one)) for one in re.findall(r"<input ([^>]*)>", form)]
    found = [(one["name"], one["value"]) for one in inputs if one.get("type") == "hidden"]
    return [(html.unescape(name), re.sub("\r?\n", "\r\n", html.unescape(value))) for name, value in found]


def action(page: str) -> str:
    found = re.findall(r'<form[^>]*action="([^"]+)"', page)
    return html.unescape(found[-1])


def edited(client: FlaskClient, path: str = EDIT, **more: Any) -> list[tuple[str, str]]:
    """The fields of an editor's form as it was opened, with another text in it."""
    page = client.get(path).text
    return [("csrf_token", token(page)), ("title", "Check the list"), ("text", PROSE), ("note", "a"), ("note", "b")]


def pairs(fields: list[tuple[str, str]]) -> dict[str, Any]:
    """Fields as the test client wants them."""
    several: dict[str, list[str]] = {}
    for name, value in fields:
        several.setdefault(name, []).append(value)
    return several


def signs_in(client: FlaskClient, page: str, name: str = "author", password: str = PASSWORD) -> TestResponse:
    """Fill in and send the sign-in form of a page."""
    fields = pairs([*hidden(page), ("name", name), ("password", password)])
    return client.post(action(page), data=fields, content_type="multipart/form-data")


def kept(service: Service) -> tuple[int, int]:
    """How many versions there are, and how many events but those of coming and going and of what was refused."""
    with service.sessions() as session:
        other = (AuditEvent.action.not_like("person.%"), AuditEvent.action != REFUSED)
        events = select(func.count()).select_from(AuditEvent).where(*other)
        return session.scalar(select(func.count()).select_from(Version)) or 0, session.scalar(events) or 0


# How they end


def test_a_session_ends_after_eight_hours_though_it_is_used(author: FlaskClient, service: Service) -> None:
    for _ in range(15):
        later(service, minutes=31)
        assert author.get("/desk/").status_code == 200
    later(service, minutes=14)
    assert author.get("/desk/").status_code == 200
    later(service, minutes=2)
    assert author.get("/desk/rules/").headers["Location"].startswith("/desk/sign-in")


def test_a_session_ends_after_an_hour_without_a_request(author: FlaskClient, service: Service) -> None:
    later(service, minutes=59)
    assert author.get("/desk/").status_code == 200
    later(service, minutes=59)
    assert author.get("/desk/").status_code == 200
    later(service, minutes=61)
    assert author.get("/desk/").status_code == 303
    later(service, minutes=-61)
    assert author.get("/desk/").status_code == 303


def test_it_is_said_once_that_a_session_has_ended(author: FlaskClient, service: Service) -> None:
    said = "Your session has ended. Sign in to go on."
    assert said not in author.get("/desk/").text
    later(service, minutes=61)
    asked = author.get("/desk/rules/", follow_redirects=True).text
    assert said in asked
    assert said not in author.get("/desk/sign-in").text


def test_a_cookie_does_not_go_with_every_answer(author: FlaskClient, service: Service) -> None:
    author.get("/desk/releases/1")
    assert "Set-Cookie" not in author.get("/desk/releases/1").headers
    later(service, seconds=61)
    assert "Set-Cookie" in author.get("/desk/releases/1").headers
    assert "Set-Cookie" not in author.get("/desk/releases/1").headers


def test_signing_in_leaves_nothing_of_the_session_before(app: Flask, client: FlaskClient) -> None:
    enter(client, "auditor")
    before = token(client.get("/desk/account").text)
    form = {"csrf_token": before}
    client.post("/desk/sign-out", data=form)
    enter(client, "author")
    assert client.post("/desk/sign-out", data=form).status_code == 400


# What was being written


def test_what_was_written_when_the_session_ended_comes_back_into_the_editor(
    author: FlaskClient, service: Service
) -> None:
    form, before = pairs(edited(author)), kept(service)
    later(service, minutes=61)
    asked = author.post(EDIT, data=form)
    assert asked.status_code == 401
    assert "What you had written is kept on this page" in asked.text
    assert "<script>alert" not in asked.text
    wrong = signs_in(author, asked.text, password="not this one")
    assert wrong.status_code == 403
    assert "Not signed in." in wrong.text
    back = signs_in(author, wrong.text)
    assert back.status_code == 200
    assert "What you had written is here, not yet saved." in words(back.text)
    assert action(back.text) == EDIT
    sent = pairs(hidden(back.text))
    assert {name: values for name, values in sent.items() if name not in ("csrf_token", "show")} == {
        "title": ["Check the list"],
        "text": [PROSE],
        "note": ["a", "b"],
    }
    assert sent["show"] == ["1"]
    editor = author.post(EDIT, data=sent)
    assert editor.status_code == 200
    assert html.escape(PROSE.split("\r\n")[0], quote=False) in editor.text
    assert "&lt;script&gt;alert(1)" in editor.text
    assert kept(service) == before


@pytest.mark.parametrize("kind", FOUR)
@pytest.mark.parametrize("address", ["new", "some-key/edit", "new?from=a%20b&x=%22"])
def test_each_editor_s_form_is_held(client: FlaskClient, kind: str, address: str) -> None:
    path = f"/desk/{kind}/{address}"
    asked = client.post(path, data={"title": "Mine"})
    assert asked.status_code == 401
    assert action(signs_in(client, asked.text).text) == path


@pytest.mark.parametrize(
    "path",
    [
        f"/desk/rules/{RULE}",
        f"/desk/rules/{RULE}/1/submit",
        f"/desk/rules/{RULE}/1/approve",
        f"/desk/rules/{RULE}/1/return",
        f"/desk/rules/{RULE}/1/retire",
        "/desk/rules/check",
        "/desk/releases/new",
        "/desk/releases/1/edit",
        "/desk/people/new",
        "/desk/people/1",
        "/desk/people/1/edit",
        "/desk/keys/new",
        "/desk/account",
        "/desk/sign-out",
        "/desk/rules/a/b/edit",
    ],
)
def test_no_other_form_is_held(client: FlaskClient, path: str) -> None:
    lost = client.post(path, data={"title": "Mine", "reason": "Mine"})
    assert lost.status_code == 303
    assert lost.headers["Location"] == "/desk/sign-in"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "http://localhost.elsewhere.example"},
        {"Origin": "http://localhost:81"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_what_another_site_or_a_script_sends_is_not_held(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post(EDIT, data={"title": "Theirs"}, headers=headers).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_what_a_page_of_the_desk_sends_is_held(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post(EDIT, data={"title": "Mine"}, headers=headers).status_code == 401


def test_a_browser_that_says_little_is_believed_when_it_sends_our_cookie(author: FlaskClient, service: Service) -> None:
    form = pairs(edited(author))
    later(service, minutes=61)
    assert author.post(EDIT, data=form, headers={"Origin": "null"}).status_code == 401


def test_files_are_not_held(client: FlaskClient) -> None:
    form = {"title": "Mine", "file": (BytesIO(b"the file's own words"), "a.txt")}
    asked = client.post(EDIT, data=form, content_type="multipart/form-data")
    assert asked.status_code == 401
    assert "the file's own words" not in html.unescape(asked.text)
    assert 'enctype="multipart/form-data"' in signs_in(client, asked.text).text


def test_a_long_text_is_held_whole(client: FlaskClient) -> None:
    long = "é≥ \r\n" * 25_000
    asked = client.post(EDIT, data={"text": long})
    assert asked.status_code == 401
    assert dict(hidden(signs_in(client, asked.text).text))["text"] == long


def test_as_much_as_an_editor_takes_is_held_whole_and_more_is_refused(client: FlaskClient, service: Service) -> None:
    long = "x" * 499_900
    asked = client.post(EDIT, data={"text": long})
    back = signs_in(client, signs_in(client, asked.text, password="not this one").text)
    assert dict(hidden(back.text))["text"] == long
    assert client.post(EDIT, data=pairs(hidden(back.text)), content_type="multipart/form-data").status_code == 200
    larger = "x" * service.settings.largest_body
    assert client.post(EDIT, data={"text": larger}).status_code == 413


def test_too_many_attempts_do_not_lose_it(client: FlaskClient) -> None:
    page = client.post(EDIT, data={"text": PROSE})
    for _ in range(6):
        page = signs_in(client, page.text, password="not this one")
    assert page.status_code == 429
    assert json.loads(dict(hidden(page.text))["held"])[3] == [["text", PROSE]]


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_whoever_may_not_write_gets_it_to_read_and_no_way_to_send_it(client: FlaskClient, role: Role) -> None:
    asked = client.post(EDIT, data={"text": PROSE})
    back = signs_in(client, asked.text, name=role.value)
    assert f"You are signed in as {role}." in words(back.text)
    assert "Line one." in back.text
    assert EDIT not in back.text
    assert client.post(EDIT, data={"csrf_token": token(back.text), "show": "1"}).status_code == 403


def test_signing_in_from_the_page_twice_loses_nothing(client: FlaskClient) -> None:
    """The page that follows is loaded again, which sends the form of the session before once more."""
    asked = client.post(EDIT, data={"text": PROSE})
    signs_in(client, asked.text)
    again = signs_in(client, asked.text)
    assert again.status_code == 400
    assert dict(hidden(again.text))["text"] == PROSE
    assert client.post(EDIT, data=pairs(hidden(again.text))).status_code == 200


def test_a_page_from_before_she_signed_in_anew_elsewhere_loses_nothing(author: FlaskClient, service: Service) -> None:
    form, before = pairs(edited(author)), kept(service)
    later(service, minutes=61)
    enter(author, "author")
    refused = author.post(EDIT, data=form)
    assert refused.status_code == 400
    assert "The page you sent was from before you signed in." in words(refused.text)
    sent = pairs(hidden(refused.text))
    assert sent["text"] == [PROSE]
    assert author.post(EDIT, data=sent).status_code == 200
    assert kept(service) == before


def test_a_sign_in_form_that_is_too_old_keeps_what_it_carries(client: FlaskClient) -> None:
    asked = client.post(EDIT, data={"text": PROSE})
    client.delete_cookie("phasewise_desk", path="/desk")
    old = signs_in(client, asked.text)
    assert old.status_code == 400
    assert dict(hidden(signs_in(client, old.text).text))["text"] == PROSE


def test_what_is_carried_from_another_site_is_not_given_back(author: FlaskClient) -> None:
    held = json.dumps([EDIT, "", "multipart/form-data", [["text", "Theirs"]]])
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        refused = author.post("/desk/sign-in", data={"held": held}, headers=headers)
        assert refused.status_code == 400
        assert "Theirs" not in refused.text


@pytest.mark.parametrize(
    "held",
    [
        "",
        "null",
        "[",
        "[" * 100_000,
        "NaN",
        "{}",
        '"/desk/rules/x/edit"',
        json.dumps([EDIT, "", "multipart/form-data", []]),
        json.dumps([EDIT, "", "multipart/form-data", "text"]),
        json.dumps([EDIT, "", "multipart/form-data", [["text"], ["a", 1], "ab", {"a": "b"}]]),
        json.dumps([EDIT, "", "multipart/form-data", [["csrf_token", "x"], ["show", "0"]]]),
        json.dumps([EDIT, "", "text/plain", [["text", "x"]]]),
        json.dumps([1, "", "multipart/form-data", [["text", "x"]]]),
        *(
            json.dumps([path, "", "multipart/form-data", [["reason", "Theirs"]]])
            for path in (
                f"/desk/rules/{RULE}/1/approve",
                "/desk/people/1",
                "/desk/people/new",
                "https://elsewhere.example/desk/rules/x/edit",
                "//elsewhere.example/desk/rules/x/edit",
                "javascript:alert(1)//desk/rules/x/edit",
                "/desk/rules/\\elsewhere.example/edit",
                "/desk/rules/x/../1/approve?/edit",
                "/desk/rules/x/edit\n",
            )
        ),
    ],
)
def test_a_made_up_form_leads_nowhere_but_into_the_desk(client: FlaskClient, held: str) -> None:
    form = {"csrf_token": token(client.get("/desk/sign-in").text), "name": "approver", "password": PASSWORD}
    response = client.post("/desk/sign-in", data={**form, "held": held})
    assert response.status_code == 303
    assert response.headers["Location"] == "/desk/"


def test_names_and_queries_that_were_made_up_are_only_text(client: FlaskClient) -> None:
    fields = [['"><script>alert(1)</script>', '"><img src=x>']]
    held = json.dumps([EDIT, '"><script>&a=b#c', "multipart/form-data", fields])
    form = {"csrf_token": token(client.get("/desk/sign-in").text), "name": "author", "password": PASSWORD}
    page = client.post("/desk/sign-in", data={**form, "held": held}).text
    assert "<script>" not in page
    assert "<img src=x" not in page
    assert action(page) == f"{EDIT}?%22%3E%3Cscript%3E&a=b%23c"
    assert client.post(EDIT, data={"csrf_token": "made up", "text": "x"}).status_code == 400
