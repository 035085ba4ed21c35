"""Review dates and differences in a real browser: seen and heard, wide and narrow, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from cds.service import service_of
from tests import clinic
from tests.browser.conftest import Visit, served
from tests.browser.test_reading import LONG, LOOKS, fits, found_by_axe, stands
from tests.desk import staffed_copy

RULE = "ext-oncologic-emergency-list"
TITLE = "Check the list of oncologic emergencies"
BETWEEN = f"/desk/rules/{RULE}/difference?from=1&to=2"
CHANGES = {
    "review_by": "2025-12-31",
    "urgency": "this_visit",
    "patient_text": "Your doctors look at once for what cannot wait.",
    "condition": "uncontrolled_pain and (pain_nrs >= 9 or not oncologic_emergency_excluded)",
    "notes": ["Look twice."],
}


@pytest.fixture(scope="module")
def home(shipped_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on which one rule in force is long overdue."""
    with staffed_copy(shipped_sqlite, tmp_path_factory.mktemp("due")) as url, clinic.open_app(url) as app:
        service = service_of(app)
        old = clinic.shipped_base().rules[RULE]
        clinic.put_in_force(service, clinic.publish(service, RULE, text=f"{old.text} Do it at once.", **CHANGES))
        with served(app) as address:
            yield address


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_what_is_overdue_is_seen_first(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.signs_in("author")
    page = visitor.opens("/desk/due/")
    stands(page, "Review dates")
    expect(page.get_by_role("list", name="Counts").get_by_role("listitem").first).to_have_text(
        re.compile(r"^\s*1\s+overdue")
    )
    row = page.get_by_role("row").filter(has_text=TITLE)
    expect(row).to_contain_text("152 days overdue")
    assert found_by_axe(page, []) == []
    row.get_by_role("link", name=f"Edit {TITLE}").filter(visible=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(TITLE)
    visitor.heard_nothing_odd()


def test_a_longer_period_is_chosen_and_taken_out_as_a_table(visit: Visit) -> None:
    page = visit(scripts=False).signs_in("auditor")
    page.get_by_role("link", name="Review dates").first.click()
    page.get_by_label("Overdue, or due within").select_option("365 days")
    page.get_by_label("Which").select_option("Rules")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name=TITLE)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Take it as a table").click()
    assert download.value.suggested_filename == "phasewise-review-dates-2026-06-01.csv"


@pytest.mark.parametrize(("width", "scheme"), [*LOOKS, (320, "light"), (1600, "dark")])
def test_a_difference_is_seen_and_heard(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.signs_in("auditor")
    page = visitor.opens(BETWEEN)
    stands(page, "From version 1 to version 2")
    text = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Text Changed", exact=True))
    expect(text.locator("ins")).to_contain_text("[added: Do it at once.]")
    urgency = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Urgency Changed"))
    expect(urgency.locator("del")).to_have_text("[removed: Now]")
    assert urgency.locator("del").evaluate("one => getComputedStyle(one).textDecorationLine") == "line-through"
    before, after = (urgency.locator(".side").nth(place).bounding_box() for place in (0, 1))
    assert before is not None
    assert after is not None
    assert (before["y"] == after["y"]) is (width >= 768)
    assert found_by_axe(page, []) == []
    visitor.heard_nothing_odd()


@pytest.mark.parametrize(("width", "scheme"), [*LOOKS, (320, "light")])
def test_an_answer_marks_the_advice_that_is_overdue(visit: Visit, width: int, scheme: str) -> None:
    page = visit(width, scheme).opens(LONG)
    expect(page.get_by_role("list", name="Notices")).to_contain_text("Overdue for review.")
    advice = page.locator(f"#{RULE}")
    expect(advice).to_contain_text("Review overdue since 31 December 2025")
    assert fits(page)
    assert found_by_axe(page, []) == []
