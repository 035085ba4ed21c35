"""The checklists in a real browser and on A4: short, nothing cut, each sheet named, and readable by everybody."""

from __future__ import annotations

import json
import re
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, Visitor
from tests.browser.test_reading import fits, found_by_axe, stands
from tests.clinic import API_KEY, ASK

FULLEST = "/try/external-stable-pain-above-goal"
"""134 recommendations."""

READERS = {"physician": "Checklist for the physician", "patient": "Checklist for patient and caregiver"}
LOOKS = [(1280, "light"), (400, "dark"), (1280, "dark"), (400, "light")]
A4 = (210 / 25.4 * 72, 297 / 25.4 * 72)


def printed(page: Page) -> bytes:
    """The page as Chromium prints it, its style sheet naming the paper."""
    return page.pdf(prefer_css_page_size=True)


def sheets(pdf: bytes) -> list[tuple[float, float]]:
    """The size of each sheet in points."""
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == pdf.count(b"/MediaBox")
    boxes = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    return [(float(width), float(height)) for width, height in boxes]


def recorded(visitor: Visitor, subject: str) -> str:
    """The id of a new decision, made by an app."""
    body = json.dumps({"subject": subject, "facts": {"has_mbc": True, "disease_phase": "stable", "pain_nrs": 8}})
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    with urlopen(Request(visitor.home + ASK, body.encode(), headers)) as response:
        return json.loads(response.read())["decision_id"]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("reader", list(READERS))
def test_both_read_on_any_screen(visit: Visit, reader: str, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    page = visitor.opens(f"{FULLEST}/checklist?for={reader}")
    stands(page, READERS[reader])
    assert found_by_axe(page, []) == []
    visitor.heard_nothing_odd()


@pytest.mark.parametrize("width", [320, 768, 1600])
def test_the_fullest_checklist_fits_any_width(visit: Visit, width: int) -> None:
    assert fits(visit(width).opens(f"{FULLEST}/checklist"))


@pytest.mark.parametrize(("reader", "most"), [("physician", 5), ("patient", 3)])
def test_the_fullest_one_prints_on_a_few_sheets_of_a4(visit: Visit, reader: str, most: int) -> None:
    page = visit().opens(f"{FULLEST}/checklist?for={reader}")
    sizes = sheets(printed(page))
    assert 1 < len(sizes) <= most
    assert all(size == pytest.approx(A4, abs=1) for size in sizes)


def test_a_short_one_prints_on_one_sheet(visit: Visit) -> None:
    page = visit().opens("/try/early-breast-cancer/checklist")
    assert len(sheets(printed(page))) == 1


def test_on_paper_nothing_is_left_of_the_ways_around_it(visit: Visit) -> None:
    page = visit().opens(f"{FULLEST}/checklist")
    link = page.get_by_role("link", name="The checklist for patient and caregiver")
    expect(link).to_be_visible()
    expect(page.locator(".running")).to_be_hidden()
    page.emulate_media(media="print")
    expect(link).to_be_hidden()
    expect(page.get_by_role("banner").first).to_be_hidden()
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.locator(".running")).to_contain_text(
        "physician · Stable phase, moderate pain above their own goal · 31 January 2026"
    )
    expect(page.get_by_role("heading", name="References")).to_be_visible()


def test_every_line_to_tick_has_a_box_and_is_kept_whole(visit: Visit) -> None:
    page = visit().opens(f"{FULLEST}/checklist")
    page.emulate_media(media="print")
    lines = page.evaluate(
        """[...document.querySelectorAll(".ticks > li")].map((line) => {
          const box = getComputedStyle(line, "::before");
          return [getComputedStyle(line).breakInside, parseFloat(box.width), parseFloat(box.borderTopWidth)];
        })"""
    )
    assert len(lines) >= 134
    assert all(inside == "avoid" and width > 5 and border > 0 for inside, width, border in lines)


def test_the_patient_s_is_printed_large(visit: Visit) -> None:
    page = visit().opens(f"{FULLEST}/checklist?for=patient")
    page.emulate_media(media="print")
    sizes = page.evaluate(
        "[...document.querySelectorAll('.ticks > li')].map((line) => parseFloat(getComputedStyle(line).fontSize))"
    )
    assert min(sizes) >= 16, "12 points are 16 pixels"


def test_a_newcomer_finds_the_checklist_of_a_patient_and_the_other_one_from_it(visit: Visit) -> None:
    visitor = visit(scripts=False)
    page = visitor.opens(FULLEST)
    page.get_by_role("link", name="for the physician").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(READERS["physician"])
    page.get_by_role("link", name="The checklist for patient and caregiver").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(READERS["patient"])
    page.get_by_role("link", name="Stable phase, moderate pain").click()
    expect(page).to_have_url(visitor.home + FULLEST)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_a_lead_finds_a_decision_reads_it_and_prints_its_checklists(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    key = recorded(visitor, f"patient at {width}")
    visitor.signs_in("approver")
    page = visitor.opens("/desk/decisions/")
    stands(page, "Decisions")
    assert found_by_axe(page, []) == []
    page.get_by_label("Find by id or by subject").fill(f"patient at {width}")
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("link", name=f"patient at {width}").first.click()
    stands(page, f"Decision for patient at {width}")
    expect(page.get_by_text("give the recorded answer, to the byte")).to_be_visible()
    expect(page.get_by_text(key)).to_be_visible()
    assert found_by_axe(page, []) == []
    page.get_by_role("link", name="for the physician").click()
    stands(page, READERS["physician"])
    assert found_by_axe(page, []) == []
    assert len(sheets(printed(page))) <= 5
    page.get_by_role("link", name="The checklist for patient and caregiver").click()
    stands(page, READERS["patient"])
    assert len(sheets(printed(page))) <= 3
    page.get_by_role("link", name="The decision").click()
    stands(page, f"Decision for patient at {width}")
    visitor.heard_nothing_odd()


def test_a_search_without_result_says_so(visit: Visit) -> None:
    visitor = visit(400)
    visitor.signs_in("auditor")
    page = visitor.opens("/desk/decisions/?q=nobody+at+all")
    expect(page.get_by_role("status")).to_contain_text(
        "There is no decision with the id or the subject “nobody at all”"
    )
    assert found_by_axe(page, []) == []
    assert fits(page)
