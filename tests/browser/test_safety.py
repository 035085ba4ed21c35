"""Proof, hazard file and boundary patients in a real browser: there at once, seen and heard, wide and narrow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_reading import fits, found_by_axe

SCREEN = "pre-exercise-screen-age-sedentary-vigorous"
WIDTHS = [(1280, "light"), (400, "dark")]


@pytest.mark.parametrize(("width", "scheme"), WIDTHS)
def test_the_proof_comes_when_the_solver_is_done_and_a_patient_opens_in_try_it(
    visit: Visit, width: int, scheme: str
) -> None:
    visitor = visit(width, scheme)
    visitor.signs_in("approver")
    page = visitor.opens("/desk/proof/")
    expect(page.get_by_role("heading", level=1, name="Proof over all patients")).to_be_visible()
    expect(page.get_by_text("Proven.")).to_be_visible()
    assert found_by_axe(page, []) == []
    assert fits(page)
    page.get_by_role("button", name=re.compile("Try (this )?patient")).first.click()
    expect(page.get_by_role("list", name="The answer in numbers")).to_be_visible()
    visitor.heard_nothing_odd()


@pytest.mark.parametrize(("width", "scheme"), WIDTHS)
def test_the_hazard_file_is_found_from_the_hazards(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.signs_in("auditor")
    page = visitor.opens("/desk/hazards/")
    page.get_by_role("link", name="Hazard file").filter(visible=True).last.click()
    expect(page.get_by_role("heading", level=2, name="Summary")).to_be_visible()
    assert found_by_axe(page, []) == []
    assert fits(page)
    visitor.heard_nothing_odd()


@pytest.mark.parametrize(("width", "scheme"), WIDTHS)
def test_boundary_patients_are_ticked_and_under_review(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.signs_in("author")
    page = visitor.opens(f"/desk/rules/{SCREEN}")
    page.get_by_role("link", name="Suggest boundary patients").click()
    first = page.get_by_role("checkbox").first
    expect(first).to_be_checked()
    assert found_by_axe(page, []) == []
    assert fits(page)
    for box in page.get_by_role("checkbox").all()[1:]:
        box.uncheck()
    page.get_by_role("button", name="Add and submit for review").click()
    expect(page.get_by_text("1 test patient is under review")).to_be_visible()
    visitor.heard_nothing_odd()
