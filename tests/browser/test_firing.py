"""Firing rates in a real browser: alarms first, a picture that can be read at any width, and the same in numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from cds.service import service_of
from tests import clinic
from tests.browser.conftest import Visit, served
from tests.browser.test_reading import LOOKS, found_by_axe, stands
from tests.desk import staffed_copy
from tests.test_firing import CHANGED, JUMPS, STOPS, TITLE, fill


@pytest.fixture(scope="module")
def home(shipped_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with six weeks of decisions, after which one rule has stopped and others fire otherwise."""
    with staffed_copy(shipped_sqlite, tmp_path_factory.mktemp("firing")) as url, clinic.open_app(url) as app:
        fill(service_of(app))
        with served(app) as address:
            yield address


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_lead_comes_from_the_home_to_what_stopped_and_to_its_days(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    page = visitor.signs_in("auditor")
    stands(page, "The desk today")
    expect(page.get_by_role("region", name="Rules that fire otherwise")).to_contain_text(
        "3 alarms not looked into yet."
    )
    assert found_by_axe(page, []) == []
    page.get_by_role("link", name="How often each rule fires").click()
    stands(page, "Firing rates")
    expect(page.get_by_role("region", name="Out of the ordinary").get_by_role("listitem").first).to_contain_text(TITLE)
    assert found_by_axe(page, []) == []
    page.get_by_role("link", name=TITLE, exact=True).first.click()
    stands(page, TITLE)
    expect(page.get_by_role("img", name="Rate of recommendation")).to_be_visible()
    expect(page.get_by_text("Stopped after release 2").first).to_be_visible()
    assert found_by_axe(page, []) == []
    visitor.opens(f"/desk/firing/{STOPS}?from=2026-05-31&to=2026-05-01")
    expect(page.get_by_label("From")).to_have_accessible_description(re.compile("The first day comes after the last"))
    stands(page, TITLE)
    assert found_by_axe(page, []) == []
    visitor.opens(f"/desk/firing/{STOPS}?days=abc")
    stands(page, TITLE)
    assert found_by_axe(page, []) == []
    visitor.heard_nothing_odd()


@pytest.mark.parametrize(("width", "scheme"), [*LOOKS, (320, "light")])
def test_the_picture_fits_and_its_letters_do_not_shrink(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.signs_in("auditor")
    for path in (f"{JUMPS}?days=28", f"{STOPS}?days=365"):
        page = visitor.opens(f"/desk/firing/{path}")
        picture = page.get_by_role("img", name="Rate of recommendation")
        text = picture.locator("text", has_text="Release 2")
        assert text.evaluate("one => getComputedStyle(one).fontSize") == "13px"
        outer, inner = picture.bounding_box(), text.bounding_box()
        assert outer is not None
        assert inner is not None
        assert outer["x"] - 1 <= inner["x"]
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1
        stands(page, "")
        assert found_by_axe(page, []) == []
    visitor.heard_nothing_odd()


def test_without_scripts_a_period_is_chosen_and_taken_out(visit: Visit) -> None:
    visitor = visit(scripts=False)
    visitor.signs_in("author")
    page = visitor.opens(f"/desk/firing/{JUMPS}")
    page.get_by_label("From").fill("2026-05-16")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row").filter(has_text="17 May 2026")).to_contain_text("No decision")
    with page.expect_download() as download:
        page.get_by_role("link", name="Take it as a table").click()
    assert download.value.suggested_filename == f"phasewise-firing-of-{JUMPS}-2026-06-01.csv"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_without_scripts_a_lead_says_what_was_found(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme, scripts=False)
    key, found = {1280: (STOPS, "A code had changed."), 320: (CHANGED, "It was meant.")}[width]
    visitor.signs_in("approver")
    page = visitor.opens(f"/desk/firing/{key}")
    page.get_by_text("Say that it was looked into").click()
    page.get_by_label("What was found").fill(found)
    page.get_by_role("button", name="Put on record").click()
    expect(page.get_by_text(f"Looked into by approver: {found}")).to_be_visible()
    expect(page.get_by_label("What was found")).to_be_hidden()
    visitor.opens("/desk/firing/")
    expect(page.get_by_role("heading", name="Looked into", level=3)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
