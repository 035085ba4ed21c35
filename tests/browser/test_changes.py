"""What would change, in a real browser: asked, watched, cancelled, read; and the ways that fail."""

from __future__ import annotations

import json
import re
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from cds.changes import working
from tests.browser.conftest import Visit
from tests.browser.test_reading import LOOKS, fits, found_by_axe, stands
from tests.clinic import API_KEY, BATCH

NO_PHASE = {"has_mbc": True, "age_years": 60}
DRAFT = "Weigh outlook and readiness before end-of-life topics"
"""A rule that is shipped as a draft."""

MANY = 90


@pytest.fixture(scope="module")
def recorded(home: str) -> str:
    """The server, once an app has asked it about many patients."""
    patients = [{"facts": NO_PHASE | {"pain_nrs": number % 11}} for number in range(MANY)]
    body = json.dumps({"patients": patients}).encode()
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    with urlopen(Request(home + BATCH, body, headers)) as response:
        assert response.status == 200
    return home


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that can be watched."""
    monkeypatch.setattr(working, "_BREATH", 0.04)
    monkeypatch.setattr(working, "EVERY", 1)


def compared(page: Page) -> None:
    page.get_by_role("checkbox", name=DRAFT).check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Comparison")


def test_a_lead_sees_which_patients_would_be_answered_differently_and_why(
    visit: Visit, recorded: str, slow: None
) -> None:
    visitor = visit()
    page = visitor.signs_in("author")
    page.get_by_role("link", name="What would change", exact=True).first.click()
    compared(page)
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("max", re.compile(r"^\d+$"))
    expect(page.locator("#how-far")).to_have_text(re.compile(r"^[1-9]\d* of \d+ decisions$"))
    value = bar.evaluate("bar => bar.value")
    page.wait_for_function("(before) => document.querySelector('progress')?.value > before", arg=value)
    expect(page.get_by_role("heading", name="Recorded decisions")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ of \d+ decisions would be answered differently\."))).to_be_visible()
    expect(page.get_by_text("now lack facts").first).to_be_visible()
    page.locator("table").first.get_by_role("link", name=DRAFT).click()
    changed = page.locator(":target")
    expect(changed).to_be_in_viewport()
    expect(changed.get_by_text("Undetermined, for want of: Disease phase.").first).to_be_visible()
    changed.get_by_text("Which decisions", exact=True).first.click()
    expect(changed.get_by_role("link", name=re.compile("^Answered ")).first).to_be_visible()
    visitor.heard_nothing_odd()


def test_the_work_is_cancelled_and_what_was_found_stands(visit: Visit, recorded: str, slow: None) -> None:
    visitor = visit()
    page = visitor.signs_in("approver")
    visitor.opens("/desk/changes/")
    compared(page)
    expect(page.locator("#how-far")).to_have_text(re.compile(r"^[1-9]\d* of \d+ decisions$"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("what was found in them stands below")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Cancelled")
    expect(page.get_by_role("heading", name="Recorded decisions")).to_be_visible()
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").click()
    page.get_by_role("link", name=re.compile("^Comparison")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Cancelled")


def test_without_scripts_the_page_is_reloaded_by_hand(visit: Visit, recorded: str) -> None:
    visitor = visit(scripts=False)
    page = visitor.signs_in("auditor")
    page.goto(f"{recorded}/desk/changes/")
    compared(page)
    for _ in range(2_000):
        reload = page.get_by_role("link", name="Reload")
        if not reload.count():
            break
        reload.click()
    expect(page.get_by_role("heading", name="Recorded decisions")).to_be_visible()


def test_days_in_the_wrong_order_are_refused_and_the_choice_stays(visit: Visit, recorded: str) -> None:
    visitor = visit(400)
    page = visitor.signs_in("author")
    visitor.opens("/desk/changes/")
    page.get_by_label("From", exact=True).fill("2026-05-20")
    page.get_by_label("To", exact=True).fill("2026-05-10")
    page.get_by_role("checkbox", name=DRAFT).check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("ends on 10 May 2026, before it begins on 20 May 2026")
    expect(page.get_by_label("From", exact=True)).to_have_value("2026-05-20")
    expect(page.get_by_role("checkbox", name=DRAFT)).to_be_checked()
    assert found_by_axe(page, []) == []


def test_a_session_that_ends_while_it_works_leads_back_to_it(visit: Visit, recorded: str, slow: None) -> None:
    visitor = visit()
    page = visitor.signs_in("author")
    visitor.page.goto(f"{recorded}/desk/changes/")
    compared(page)
    here = page.url
    page.context.clear_cookies()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to the desk")
    page.get_by_label("Name").fill("author")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(here)
    expect(page.get_by_role("heading", name="Recorded decisions")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_of_it_fits_and_is_for_everybody(
    visit: Visit, recorded: str, width: int, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = visit(width, scheme)
    page = visitor.signs_in("approver")
    visitor.opens("/desk/changes/")
    stands(page, "What would change")
    assert found_by_axe(page, []) == []
    with monkeypatch.context() as slowly:
        slowly.setattr(working, "_BREATH", 0.2)
        compared(page)
        expect(page.get_by_role("progressbar")).to_be_visible()
        assert found_by_axe(page, []) == []
        assert fits(page)
    expect(page.get_by_role("heading", name="Recorded decisions")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    stands(page, "Comparison")
    assert found_by_axe(page, []) == []
    visitor.opens("/desk/changes/")
    page.get_by_role("checkbox", name=DRAFT).check()
    page.get_by_role("button", name="Example patients only").click()
    stands(page, "What would change for the example patients")
    assert found_by_axe(page, []) == []
    visitor.heard_nothing_odd()
