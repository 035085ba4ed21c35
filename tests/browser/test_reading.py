"""Every page in a real browser: it fits, it is silent, it talks to nobody else, and everybody can read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.clinic import API_KEY

LONG = "/try/external-stable-pain-above-goal"
"""A patient with more than 110 recommendations."""

OPEN = {
    "/": "What should be done for this patient",
    "/try": "Try a patient",
    "/try?q=nobody+at+all": "Try a patient",
    LONG: "Stable phase, moderate pain above their own goal",
    f"{LONG}?for=caregiver": "Stable phase, moderate pain above their own goal",
    "/try/early-breast-cancer": "Early breast cancer",
    "/api/v1/docs": "The API",
    "/desk/sign-in": "Sign in to the desk",
}
CLOSED = {
    "/desk/": "The desk today",
    "/desk/rules/": "Rules",
    "/desk/rules/?q=nothing+at+all": "Rules",
    "/desk/rules/ext-oncologic-emergency-list": "Check the list of oncologic emergencies",
    "/desk/decisions/?rule=nobody&since=x": "Decisions",
    "/desk/events/": "Events",
    "/desk/events/?since=x": "Events",
    "/desk/events/1": "imported",
    "/desk/incidents/": "Incidents",
    "/desk/releases/": "Releases",
    "/desk/releases/1": "Release 1",
    "/desk/rules/ext-oncologic-emergency-list/1/sheet": "Check the list of oncologic emergencies",
    "/desk/releases/1/sheet": "Release 1",
}
LOOKS = [(1280, "light"), (400, "dark")]
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
_RUN = """([standard, without]) => axe.run(
  {exclude: without}, {runOnly: {type: "tag", values: standard}, resultTypes: ["violations"]})"""


def found_by_axe(page: Page, without: list[str]) -> list[str]:
    """What axe has against a page, in a line for each element."""
    page.wait_for_load_state()
    page.evaluate(AXE)
    result: dict[str, Any] = page.evaluate(_RUN, [STANDARD, without])
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def fits(page: Page) -> bool:
    """Whether nothing hangs over the side, once the styles of a page that was just followed to are there."""
    page.wait_for_load_state()
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def stands(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    assert page.title().endswith("· Phasewise")
    assert len(page.title()) > len("· Phasewise")
    assert fits(page)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_open_pages(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    for path, heading in OPEN.items():
        page = visitor.opens(path)
        stands(page, heading)
        # Swagger UI's own markup is not ours to change; what stands around it is.
        assert found_by_axe(page, ["#swagger-ui"]) == [], path
        visitor.heard_nothing_odd()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_pages_of_the_desk(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.signs_in("auditor")
    for path, heading in CLOSED.items():
        page = visitor.opens(path)
        stands(page, heading)
        assert found_by_axe(page, []) == [], path
        visitor.heard_nothing_odd()


def test_with_everything_unfolded_it_still_fits(visit: Visit) -> None:
    visitor = visit(400)
    visitor.signs_in("auditor")
    for path in (LONG, "/desk/releases/1"):
        page = visitor.opens(path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert fits(page)
        assert found_by_axe(page, []) == []


@pytest.mark.parametrize("width", [320, 768, 1600])
def test_the_fullest_page_fits_any_width(visit: Visit, width: int) -> None:
    assert fits(visit(width).opens(LONG))


def test_a_page_that_is_not_there(visit: Visit) -> None:
    visitor = visit()
    stands(visitor.opens("/nowhere"), "There is no page here")
    assert [one for one in visitor.complaints if "404" not in one] == []
    assert found_by_axe(visitor.page, []) == []


def reached_by_tab(page: Page, steps: int) -> list[str]:
    """The names of what the tab key comes to, each seen to be in focus."""
    names = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "[document.activeElement.textContent.trim(), getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert outline != "none", name
        names.append(name)
    return names


def test_the_ways_on_are_reached_by_keyboard(visit: Visit) -> None:
    page = visit().opens("/")
    names = reached_by_tab(page, 12)
    assert names[:5] == ["Skip to content", "Phasewise", "Try a patient", "The API", "The desk"]
    assert {"Try a patient", "Open the API’s page", "Go to the desk"} <= set(names[5:])


def test_the_first_tab_skips_to_the_content(visit: Visit) -> None:
    page = visit().opens(LONG)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_patient_is_found_and_read_without_scripts(visit: Visit) -> None:
    page = visit(scripts=False).opens("/")
    page.get_by_role("link", name="Try a patient").first.click()
    page.get_by_label("Find a patient").fill("moderate pain above")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Stable phase, moderate pain above their own goal").click()
    expect(page.get_by_role("heading", name="Now", exact=False).first).to_be_visible()
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Withheld").click()
    expect(page.get_by_role("heading", name="Withheld, and why")).to_be_in_viewport()
    page.get_by_label("Show what is for").select_option("Patient")
    page.get_by_role("button", name="Show").click()
    assert "?for=patient" in page.url


def test_the_answer_prints_whole_and_without_the_ways_around_it(visit: Visit) -> None:
    page = visit().opens(LONG)
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="References", exact=True)).to_be_visible()
    expect(page.get_by_role("navigation", name="On this page")).to_be_hidden()
    expect(page.get_by_role("button", name="Show")).to_be_hidden()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_api_can_be_tried_out_in_the_browser(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    page = visitor.opens("/api/v1/docs")
    page.get_by_role("button", name="Authorize").click()
    dialog = page.locator(".modal-ux")
    dialog.locator("input").fill(API_KEY)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").last.click()
    page.locator("#operations-v1-recommend .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answered = page.locator("#operations-v1-recommend .live-responses-table .response-col_status").last
    expect(answered).to_contain_text("200")
    expect(page.locator("#operations-v1-recommend .live-responses-table")).to_contain_text("pain_nrs")
    assert fits(page)
    visitor.heard_nothing_odd()
