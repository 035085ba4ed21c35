"""The desk in a real browser: the way in, to a rule, and out; the ways that fail too."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_reading import found_by_axe, reached_by_tab


def test_a_lead_signs_in_finds_a_rule_reads_it_and_leaves(visit: Visit) -> None:
    visitor = visit()
    page = visitor.opens("/desk/rules/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to the desk")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("author")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Rules")
    page.get_by_label("Find in any part").fill("emergencies")
    page.get_by_label("Topic").select_option("Pain")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Check the list of oncologic emergencies").click()
    expect(page.get_by_text("Uncontrolled pain and (oncologic emergency not ruled out")).to_be_visible()
    page.get_by_role("link", name="Uncontrolled pain, emergency not excluded").first.click()
    expect(page.get_by_role("heading", name="While it is present, it forbids")).to_be_visible()
    visitor.heard_nothing_odd()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to the desk")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to the desk")


def test_the_pages_of_a_list_are_turned(visit: Visit) -> None:
    page = visit().signs_in("auditor")
    page.get_by_role("link", name="Rules", exact=True).click()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text(re.compile(r"^Page 2 of \d+$"))).to_be_visible()
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_text(re.compile(r"^Page 1 of \d+$"))).to_be_visible()


def test_a_wrong_password_says_so_and_keeps_the_name(visit: Visit) -> None:
    visitor = visit(400)
    page = visitor.signs_in("administrator", "a wrong password")
    expect(page.get_by_role("alert")).to_contain_text("do not fit an account that may sign in")
    expect(page.get_by_label("Name")).to_have_value("administrator")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Password")).to_be_focused()
    assert found_by_axe(page, []) == []


def test_a_session_that_was_lost_leads_back_to_the_page_asked_for(visit: Visit) -> None:
    visitor = visit()
    page = visitor.signs_in("approver")
    expect(page.get_by_role("heading", level=1)).to_have_text("The desk today")
    page.context.clear_cookies()
    page.get_by_role("link", name="Releases", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to the desk")
    page.get_by_label("Name").fill("approver")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Releases")


def test_the_desk_is_reached_by_keyboard(visit: Visit) -> None:
    page = visit().signs_in("auditor")
    expect(page.get_by_role("heading", level=1)).to_have_text("The desk today")
    ways = reached_by_tab(page, page.locator(".skip, header a, header button").count())
    assert ways[:4] == ["Skip to content", "Phasewise Desk", "Home", "Rules"]
    assert ways[-2:] == ["Your account: auditor", "Sign out"]
