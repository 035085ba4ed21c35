"""People and keys in a real browser: added and let in, disabled and out; a key shown once; a text that outlives its
session."""

from __future__ import annotations

import json
import re
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, Visit, Visitor
from tests.browser.test_reading import LOOKS, found_by_axe, stands

RULE = "/desk/rules/ext-oncologic-emergency-list/edit"
TEXT = "Pain is uncontrolled.\n\nAsk “what changed?” & look for ≥ 3 signs <of> cord compression."
ANOTHER = "a mare eats oats at noon"


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def adds(visitor: Visitor, name: str, role: str = "author") -> str:
    """The administrator adds a person; the password that is shown once."""
    page = visitor.signs_in("administrator")
    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_role("link", name="Add a person").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Role").select_option(role)
    page.get_by_label("Why").fill("She joins the ward.")
    page.get_by_role("button", name="Add this person").click()
    heading(page, f"{name} was added")
    return page.get_by_label(f"Password of {name}").input_value()


def asks(home: str, key: str) -> int:
    """What an app is told that asks with a key."""
    request = Request(f"{home}/api/v1/recommendations", json.dumps({"facts": {}}).encode())
    request.add_header("Authorization", f"Bearer {key}")
    try:
        with urlopen(request) as response:
            return response.status
    except HTTPError as refused:
        refused.close()
        return refused.code


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_is_added_signs_in_changes_her_password_and_is_out_once_disabled(visit: Visit, scripts: bool) -> None:
    name = f"Lead {'with' if scripts else 'without'} scripts"
    administrator, lead = visit(scripts=scripts), visit(400, "dark", scripts=scripts)
    password = adds(administrator, name)

    page = lead.signs_in(name.upper(), password)
    heading(page, "The desk today")
    page.get_by_role("link", name="Your account").click()
    page.get_by_label("Present password").fill(password)
    page.get_by_label("New password", exact=True).fill(ANOTHER)
    page.get_by_label("New password again").fill(ANOTHER)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("status").first).to_contain_text("Your password is changed.")
    page.get_by_role("link", name="Rules", exact=True).click()
    heading(page, "Rules")

    desk = administrator.page
    desk.get_by_role("link", name=name).click()
    disabling = desk.get_by_role("form", name="Disable")
    disabling.get_by_label("Why").fill("She has left.")
    disabling.get_by_role("button").click()
    expect(desk.get_by_role("status").first).to_contain_text("is disabled and signed out everywhere")

    page.get_by_role("link", name="Home").click()
    heading(page, "Sign in to the desk")
    expect(page.get_by_role("status")).to_contain_text("Your session has ended.")
    lead.signs_in(name, ANOTHER)
    expect(page.get_by_role("alert")).to_contain_text("do not fit an account that may sign in")

    enabling = desk.get_by_role("form", name="Enable again")
    enabling.get_by_label("Why").fill("She is back.")
    enabling.get_by_role("button").click()
    expect(desk.get_by_role("form", name="Disable")).to_be_visible()
    lead.signs_in(name, ANOTHER)
    heading(page, "The desk today")
    if scripts:
        administrator.heard_nothing_odd()


def test_a_password_is_gone_from_the_page_after_going_back_and_on(visit: Visit) -> None:
    visitor = visit()
    password = adds(visitor, "Seen once")
    page = visitor.page
    page.get_by_role("link", name="Back to people").click()
    heading(page, "People")
    page.go_back()
    assert password not in page.content()
    visitor.opens("/desk/people/")
    page.get_by_role("link", name="Seen once").click()
    assert password not in page.content()


def test_a_name_that_is_taken_is_said_beside_it_and_what_was_typed_stays(visit: Visit) -> None:
    page = visit().signs_in("administrator")
    page.goto(page.url.replace("/desk/", "/desk/people/new"))
    page.get_by_label("Name").fill("AUDITOR")
    page.get_by_label("Role").select_option("approver")
    page.get_by_label("First password").fill(ANOTHER)
    page.get_by_label("The same password again").fill(ANOTHER)
    page.get_by_label("Why").fill("She joins the ward.")
    page.get_by_role("button", name="Add this person").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed.")
    expect(page.get_by_label("Name")).to_have_accessible_description(re.compile("already: take another name"))
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("AUDITOR")
    expect(page.get_by_label("Role")).to_have_value("approver")
    expect(page.get_by_label("First password")).to_have_value("")
    assert found_by_axe(page, []) == []


def test_a_key_is_issued_shown_once_used_and_revoked(visit: Visit) -> None:
    visitor = visit()
    page = visitor.signs_in("administrator")
    page.get_by_role("link", name="API keys").click()
    page.get_by_role("link", name="Issue a key").click()
    page.get_by_label("App").fill("Ward app")
    page.get_by_label("Why").fill("A pilot on ward 3.")
    page.get_by_role("button", name="Issue the key").click()
    heading(page, "A key was issued")
    key = page.get_by_label("API key of Ward app").input_value()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    assert found_by_axe(page, []) == []
    assert asks(visitor.home, key) == 200

    page.get_by_role("link", name="Back to the keys").click()
    assert key not in page.content()
    page.get_by_role("link", name="Ward app").click()
    assert key not in page.content()
    page.get_by_label("Why").fill("The phone was lost.")
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_role("status").first).to_contain_text("is revoked")
    expect(page.get_by_text("The phone was lost.")).to_be_visible()
    expect(page.get_by_role("button", name="Revoke the key")).to_have_count(0)
    assert asks(visitor.home, key) == 401
    visitor.heard_nothing_odd()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_pages_of_an_administrator(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    page = visitor.signs_in("administrator")
    for path, title in {
        "/desk/": "The desk",
        "/desk/people/": "People",
        "/desk/people/new": "Add a person",
        "/desk/people/1": "author",
        "/desk/keys/": "API keys",
        "/desk/keys/new": "Issue a key",
        "/desk/keys/1": "The app of the tests",
        "/desk/account": "Your account",
    }.items():
        visitor.opens(path)
        stands(page, title)
        assert found_by_axe(page, []) == [], path
        visitor.heard_nothing_odd()


def test_an_administrator_is_told_that_clinical_pages_are_for_others(visit: Visit) -> None:
    page = visit().signs_in("administrator")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Rules")).to_have_count(0)
    page.goto(page.url.replace("/desk/", "/desk/rules/"))
    expect(page.get_by_text("You are signed in as administrator: ask one of them.")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("scripts", [True, False])
def test_a_text_outlives_the_session_it_was_written_in(visit: Visit, width: int, scheme: str, scripts: bool) -> None:
    visitor = visit(width, scheme, scripts=scripts)
    page = visitor.signs_in("author")
    heading(page, "The desk today")
    visitor.opens(RULE)
    page.get_by_label("What it says").fill(TEXT)
    page.context.clear_cookies()
    page.get_by_role("button", name="Keep as a draft").last.click()

    heading(page, "Sign in to the desk")
    expect(page.get_by_role("status")).to_contain_text("What you had written is kept on this page")
    if scripts:
        assert found_by_axe(page, []) == []
    page.get_by_label("Name").fill("author")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Not signed in.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    heading(page, "Signed in again")
    stands(page, "Signed in again")
    page.get_by_text("What you had written", exact=True).click()
    expect(page.get_by_text("cord compression")).to_be_visible()
    if scripts:
        assert found_by_axe(page, []) == []
    page.get_by_role("button", name="Back to the editor").click()
    expect(page.get_by_label("What it says")).to_have_value(TEXT)
    visitor.opens(RULE)
    expect(page.get_by_label("What it says")).not_to_have_value(TEXT)


def test_a_text_outlives_signing_in_again_in_another_tab(visit: Visit) -> None:
    visitor = visit()
    page = visitor.signs_in("author")
    heading(page, "The desk today")
    visitor.opens(RULE)
    page.get_by_label("What it says").fill(TEXT)
    page.context.clear_cookies()
    other = page.context.new_page()
    other.goto(f"{visitor.home}/desk/sign-in")
    other.get_by_label("Name").fill("author")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    heading(other, "The desk today")
    page.bring_to_front()
    page.get_by_role("button", name="Keep as a draft").last.click()
    heading(page, "Not saved yet")
    page.get_by_role("button", name="Back to the editor").click()
    expect(page.get_by_label("What it says")).to_have_value(TEXT)
