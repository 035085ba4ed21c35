"""Hazards in a real browser: found, written with what they withhold in view, and first on every page that answers."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_life_at_desk import checked
from tests.browser.test_reading import LOOKS, fits, found_by_axe, stands
from tests.clinic import shipped_base

KEY = "spinal-cord-compression"
HAZARD = shipped_base().hazards[KEY]
DANGER = "/try/danger-chest-pain"
PAGES = {
    "/desk/hazards/": "Hazards",
    f"/desk/hazards/{KEY}": HAZARD.title,
    f"/desk/hazards/{KEY}/edit": "Edit",
    f"/desk/hazards/{KEY}/history": HAZARD.title,
    "/desk/hazards/new": "A new hazard",
    "/desk/facts/disease_phase": "Disease phase",
}


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("path", list(PAGES))
def test_every_page_fits_and_can_be_read_by_everybody(visit: Visit, path: str, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.signs_in("author")
    page = visitor.opens(path)
    stands(page, PAGES[path])
    assert fits(page)
    assert found_by_axe(page, []) == []
    visitor.heard_nothing_odd()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("path", [DANGER, f"{DANGER}/checklist", f"{DANGER}/checklist?for=patient"])
def test_what_is_present_stands_above_everything_else(visit: Visit, path: str, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    page = visitor.opens(path)
    box = page.locator("#hazards").bounding_box()
    first = page.locator(".notices, #known, .part, .now-box").first.bounding_box()
    assert box
    assert first
    assert box["y"] < first["y"]
    assert box["y"] < 900
    assert fits(page)
    assert found_by_axe(page, []) == []
    visitor.heard_nothing_odd()


def test_while_it_is_written_the_page_says_which_rules_it_withholds(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(f"/desk/hazards/{KEY}/edit")
    before = page.locator("#withholds").inner_text()
    page.get_by_text("Support and teach", exact=True).click()
    page.get_by_role("checkbox", name="Educate").check()
    checked(page)
    expect(page.locator("#withholds")).not_to_have_text(before)
    expect(page.locator("#played")).to_contain_text("pass")
    page.get_by_role("checkbox", name="Educate").uncheck()
    expect(page.locator("#withholds")).to_have_text(before)
    visitor.heard_nothing_odd()


def test_families_are_opened_and_ticked_with_the_keyboard(visit: Visit) -> None:
    visitor = visit(400)
    visitor.signs_in("author")
    page = visitor.opens("/desk/hazards/new")
    family = page.locator("details", has=page.get_by_text("Eating and drinking", exact=True))
    box = page.get_by_role("checkbox", name="Fluids")
    expect(box).to_be_hidden()
    family.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(box).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(box).to_be_checked()
