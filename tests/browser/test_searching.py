"""Decisions looked for in a real browser, without scripts too; what was found can be taken out."""

from __future__ import annotations

import csv

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_reading import LOOKS, fits, found_by_axe
from tests.clinic import API_KEY, ASK

DIABETIC = {"has_mbc": True, "age_years": 60, "diabetes_mellitus": True}
RULE = "pre-exercise-screen-diabetes"


def asked(page: Page, home: str, subject: str) -> None:
    data = {"facts": DIABETIC, "subject": subject}
    response = page.request.post(home + ASK, data=data, headers={"Authorization": f"Bearer {API_KEY}"})
    assert response.ok


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_an_auditor_finds_in_which_decisions_a_rule_was_recommended(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme, scripts=False)
    asked(visitor.page, visitor.home, f"searched-{width}")
    page = visitor.signs_in("auditor")
    page.goto(f"{visitor.home}/desk/rules/{RULE}")
    page.get_by_role("link", name="Decisions in which it was recommended").click()
    expect(page.get_by_role("status")).to_contain_text(f"in which the rule {RULE} was recommended")
    expect(page.get_by_role("link", name=f"searched-{width}")).to_be_visible()
    expect(page.get_by_label("Rule, by its key")).to_have_value(RULE)
    page.get_by_label("Until (UTC)").fill("2000-01-01")
    page.get_by_role("button", name="Find").first.click()
    expect(page.get_by_role("status")).to_contain_text("There is no decision in which")
    page.get_by_label("Until (UTC)").fill("2000-13-01")
    page.get_by_role("button", name="Find").first.click()
    expect(page.get_by_label("Until (UTC)")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("There is no such day.")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_what_was_found_fits_is_accessible_and_leaves_as_a_table(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    asked(visitor.page, visitor.home, f"taken-{width}")
    visitor.signs_in("auditor")
    page = visitor.opens(f"/desk/decisions/?rule={RULE}&q=taken-{width}")
    page.locator("summary", has_text="Take these decisions out").click()
    assert fits(page)
    assert found_by_axe(page, []) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="As a table (CSV)").click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        assert [row["subject"] for row in csv.DictReader(file)] == [f"taken-{width}"]
    page = visitor.opens("/desk/events/?action=export.")
    page.get_by_role("link", name="A list began to be taken out").first.click()
    expect(page.get_by_text("Criteria, subject")).to_be_visible()
    page.locator("summary", has_text="Digests").click()
    assert fits(page)
    assert found_by_axe(page, []) == []
    visitor.heard_nothing_odd()
