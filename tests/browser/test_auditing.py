"""The auditor’s walk in a browser: from a decision to its rules, their history and what was in force, by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_checklist import recorded
from tests.browser.test_reading import LOOKS, fits, found_by_axe, stands

RULE = "ext-oncologic-emergency-list"


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_of_the_walk_can_be_read_on_any_screen(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    key = recorded(visitor, "patient-of-the-walk")
    visitor.signs_in("auditor")
    for path, heading in {
        f"/desk/decisions/{key}": "Decision for patient-of-the-walk",
        f"/desk/decisions/{key}/as-of": "What release 1, in force today, says to these facts",
        "/desk/in-force": "What was in force",
        "/desk/in-force?on=2025-01-01": "What was in force",
        "/desk/in-force?on=never": "What was in force",
        f"/desk/rules/{RULE}/history": "History of",
    }.items():
        page = visitor.opens(path)
        stands(page, heading)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert fits(page), path
        assert found_by_axe(page, []) == [], path
        visitor.heard_nothing_odd()
    visitor.opens(f"/desk/decisions/{key}/as-of?on=2025-01-01")
    assert found_by_axe(visitor.page, []) == []


def test_the_whole_walk_is_gone_by_keyboard_and_without_scripts(visit: Visit) -> None:
    visitor = visit(scripts=False)
    key = recorded(visitor, "patient-of-the-keyboard")
    visitor.signs_in("auditor")
    page = visitor.opens(f"/desk/decisions/{key}")
    expect(page.get_by_text("give the recorded answer, to the byte")).to_be_visible()

    page.get_by_label("In force on a day, or at a moment").focus()
    page.keyboard.type("2026-03-01")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("in force on 1 March 2026")
    expect(page.get_by_text("which is the very same")).to_be_visible()
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="patient-of-the-keyboard").press("Enter")

    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Not met").press("Enter")
    page.locator("summary", has_text="Not met").press("Enter")
    page.get_by_role("link", name="history of").last.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("History of")
    assert "#version-1" in page.url
    page.get_by_role("link", name="release 1").last.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("What was in force")
    page.get_by_label("Words, a key or a name").fill("oncologic emergencies")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"of \d+ parts"))
    page.get_by_role("link", name="Check the list of oncologic emergencies", exact=True).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check the list of oncologic emergencies")
