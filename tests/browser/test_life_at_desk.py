"""A rule's whole life in a real browser: written, tried, submitted, reviewed, released, and put back; and refused."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from knowledge import people
from knowledge.database import connect, sessions
from knowledge.models import Role
from tests import clinic
from tests.browser.conftest import PASSWORD, Visit, Visitor, served
from tests.browser.test_reading import LOOKS, fits, found_by_axe
from tests.desk import staffed_copy

RULE = "pain-any-educational-tools"
EDIT = f"/desk/rules/{RULE}/edit"
PEOPLE = (("author-2", Role.AUTHOR),)


@pytest.fixture
def home(shipped_sqlite: str, tmp_path: Path) -> Iterator[str]:
    """A server of its own for each test: what is in force changes here."""
    with staffed_copy(shipped_sqlite, tmp_path) as url:
        engine = connect(url)
        with sessions(engine)() as session:
            for name, role in PEOPLE:
                people.add(session, name, role, PASSWORD, by=None, at=clinic.LOADED)
            session.commit()
        engine.dispose()
        with clinic.open_app(url) as app, served(app) as address:
            yield address


def titles_from_the_api(home: str) -> list[str]:
    """What an app is told at this moment about a patient in pain."""
    asked = urllib.request.Request(
        f"{home}/api/v1/recommendations",
        json.dumps({"facts": {"has_mbc": True, "pain_present": True}}).encode(),
        {"Authorization": f"Bearer {clinic.API_KEY}"},
    )
    with urllib.request.urlopen(asked) as answer:
        return [one["title"] for one in json.load(answer)["recommendations"]]


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)


def checked(page: Page) -> None:
    """Wait until what was typed has been looked at."""
    expect(page.locator("#meanwhile.working")).to_have_count(0)
    page.wait_for_load_state("networkidle")


def types(page: Page, label: str, text: str) -> None:
    """Type into a field, and wait for what the desk says of it."""
    with page.expect_response(re.compile("/desk/rules/check")):
        page.get_by_label(label, exact=True).fill(text)
    checked(page)


def keeps(page: Page) -> None:
    page.locator(".keep").get_by_role("button", name="Keep as a draft").click()
    page.wait_for_load_state("networkidle")


def submitted(visitor: Visitor, title: str = "Offer teaching material on pain") -> Page:
    page = visitor.opens(EDIT)
    types(page, "Title", title)
    page.get_by_label("Why this change is made").fill("Clearer.")
    keeps(page)
    page.get_by_role("link", name="Submit for review").click()
    page.get_by_role("button", name="Submit for review").click()
    return page


def test_a_lead_changes_a_rule_another_approves_and_publishes_it_and_the_api_answers_by_it(
    visit: Visit, home: str
) -> None:
    author, approver = visit(), visit()
    author.signs_in("author")
    page = author.opens(f"/desk/rules/{RULE}")
    page.get_by_role("link", name="Edit", exact=True).click()
    heading(page, "Edit")
    page.wait_for_load_state("networkidle")
    types(page, "Title", "Offer teaching material on pain")
    expect(page.locator("#kept")).to_have_text("Not kept yet.")
    page.get_by_label("Why this change is made").fill("Says what is to be done.")
    keeps(page)
    expect(page.get_by_role("status").first).to_contain_text("Kept as a draft: version 2. It can be submitted.")
    page.get_by_role("link", name="Submit for review").click()
    expect(page.get_by_role("heading", name="Everything that is asked is there")).to_be_visible()
    page.get_by_role("button", name="Submit for review").click()
    expect(page.get_by_role("status").first).to_contain_text("1 version is under review")

    desk = approver.signs_in("approver")
    desk.get_by_role("link", name="Offer teaching material on pain").click()
    heading(desk, "Review: Offer teaching material on pain")
    expect(desk.locator("ins").first).to_be_visible()
    desk.get_by_label("Comment").fill("Agreed.")
    desk.get_by_role("button", name="Approve").click()
    expect(desk.get_by_role("status").first).to_contain_text("is approved")
    desk.get_by_role("link", name="Home").click()
    desk.get_by_role("link", name="1 approved version: the next release").click()
    expect(desk.get_by_role("heading", name="Everything that is asked is there")).to_be_visible()
    desk.get_by_label("Why it is published").fill("A clearer title.")
    desk.get_by_role("button", name="Publish release 2").click()
    expect(desk.get_by_role("status").first).to_contain_text("It answers nobody until it is put in force.")
    assert "Offer teaching material on pain" not in titles_from_the_api(home)
    desk.get_by_role("link", name="Put it in force").click()
    desk.get_by_label("Why").fill("Reviewed.")
    desk.get_by_role("button", name="Put it in force").click()
    expect(desk.get_by_role("status").first).to_contain_text("Release 2 is in force")
    assert "Offer teaching material on pain" in titles_from_the_api(home)

    desk = approver.opens("/desk/releases/1")
    desk.get_by_role("link", name="Put it back in force").click()
    desk.get_by_label("Why").fill("It was too early.")
    desk.get_by_role("button", name="Put it back in force").click()
    expect(desk.get_by_role("status").first).to_contain_text("Release 1 is in force")
    assert "Offer teaching material on pain" not in titles_from_the_api(home)
    author.heard_nothing_odd()
    approver.heard_nothing_odd()


def test_while_she_types_she_sees_who_would_be_advised_otherwise_and_cannot_submit_it(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(EDIT)
    expect(page.locator("#meanwhile")).to_contain_text("pass")
    types(page, "As text", "pain_nrs > 8")
    expect(page.locator("#meanwhile")).to_contain_text("Fails")
    expect(page.locator("#meanwhile")).to_contain_text("expected recommended")
    page.get_by_label("Why this change is made").fill("Only in severe pain.")
    keeps(page)
    expect(page.get_by_role("status").first).to_contain_text("from being submitted")
    page.get_by_role("link", name="Submit for review").click()
    expect(page.get_by_role("heading", name="It cannot be submitted yet")).to_be_visible()
    expect(page.get_by_text("Change the rule, or what this patient expects").first).to_be_visible()
    expect(page.get_by_role("button", name="Submit for review")).to_have_count(0)
    page.get_by_role("link", name="Edit", exact=True).click()
    types(page, "As text", "pain_present")
    types(page, "Title", "Offer teaching material on pain")
    keeps(page)
    page.get_by_role("link", name="Submit for review").click()
    expect(page.get_by_role("heading", name="Everything that is asked is there")).to_be_visible()


def test_an_error_in_the_condition_stands_at_its_place_and_the_text_stays(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(EDIT)
    types(page, "As text", "pain_presnt and")
    expect(page.get_by_text("Line 1, column").first).to_be_visible()
    keeps(page)
    expect(page.get_by_label("As text")).to_have_value("pain_presnt and")


def test_it_says_which_other_rules_have_the_same_condition(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(EDIT)
    expect(page.get_by_role("heading", name="this very condition")).to_be_visible()


def test_the_second_of_two_who_write_is_told_while_typing_and_again_when_keeping(visit: Visit) -> None:
    first, second = visit(), visit()
    first.signs_in("author")
    second.signs_in("author-2")
    mine, theirs = first.opens(EDIT), second.opens(EDIT)
    expect(theirs.get_by_text("Somebody else is here.")).to_be_visible()
    types(theirs, "Title", "Theirs")
    keeps(theirs)
    types(mine, "Title", "Mine")
    expect(mine.locator("#meanwhile")).to_contain_text("Somebody kept another draft meanwhile")
    keeps(mine)
    expect(mine.get_by_role("alert").first).to_contain_text("Nothing is lost")
    expect(mine.get_by_label("Title", exact=True)).to_have_value("Mine")
    assert found_by_axe(mine, []) == []
    keeps(mine)
    expect(mine.get_by_role("status").first).to_contain_text("Kept as a draft")


def test_a_session_that_ended_in_the_middle_of_an_edit_loses_nothing(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(EDIT)
    types(page, "Title", "Offer teaching material on pain")
    page.context.clear_cookies()
    page.get_by_label("What it says").fill("Written after the session had ended.")
    expect(page.locator("#kept")).to_contain_text("no longer signed in")
    keeps(page)
    heading(page, "Sign in")
    page.get_by_label("Name").fill("author")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Back to the editor").click()
    expect(page.get_by_label("What it says")).to_have_value("Written after the session had ended.")
    expect(page.get_by_label("Title", exact=True)).to_have_value("Offer teaching material on pain")
    keeps(page)
    expect(page.get_by_role("status").first).to_contain_text("Kept as a draft")


def test_the_back_button_after_keeping_writes_nothing_over(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(EDIT)
    types(page, "Title", "First")
    keeps(page)
    types(page, "Title", "Second")
    keeps(page)
    page.go_back()
    page.go_back()
    page.wait_for_load_state("networkidle")
    types(page, "Title", "From an old page")
    keeps(page)
    expect(page.get_by_label("Title", exact=True)).to_have_value("From an old page")
    # Either the page was asked for anew, and goes on from the second; or it is the old one, and she is told.
    told = page.get_by_role("alert").filter(has_text="Nothing is lost")
    kept = page.get_by_role("status").filter(has_text="Kept as a draft")
    expect(told.or_(kept).first).to_be_visible()


def test_a_rule_is_written_without_scripts(visit: Visit) -> None:
    visitor = visit(scripts=False)
    visitor.signs_in("author")
    page = visitor.opens(EDIT)
    page.get_by_label("Title", exact=True).fill("Offer teaching material on pain")
    page.get_by_role("button", name="Add a citation").click()
    expect(page.get_by_role("group", name="Citation 2")).to_be_visible()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Offer teaching material on pain")
    page.get_by_role("button", name="Remove citation 2").click()
    expect(page.get_by_role("group", name="Citation 2")).to_have_count(0)
    page.get_by_label("As text").fill("pain_present")
    page.get_by_label("Why this change is made").fill("Clearer.")
    keeps(page)
    expect(page.get_by_role("status").first).to_contain_text("Kept as a draft: version 2. It can be submitted.")


def test_rows_are_added_and_removed_in_place(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(EDIT)
    page.get_by_label("Title", exact=True).fill("Not lost")
    notes = page.get_by_role("group", name=re.compile("^Note "))
    count = notes.count()
    page.get_by_role("button", name="Add a note").click()
    expect(notes).to_have_count(count + 1)
    expect(notes.last.get_by_role("textbox")).to_be_focused()
    notes.last.get_by_role("textbox").fill("For the nurse.")
    notes.last.get_by_role("button", name="Remove").click()
    expect(notes).to_have_count(count)
    expect(page.get_by_label("Title", exact=True)).to_have_value("Not lost")
    visitor.heard_nothing_odd()


def test_it_is_given_back_with_a_comment_and_waits_for_its_author(visit: Visit) -> None:
    author, approver = visit(), visit()
    author.signs_in("author")
    submitted(author)
    approver.signs_in("approver")
    desk = approver.opens(f"/desk/rules/{RULE}/2/review")
    desk.get_by_role("button", name="Give it back").click()
    expect(desk.get_by_role("status").first).to_contain_text("Say why in a few words")
    desk.get_by_label("Comment").fill("Say to whom.")
    desk.get_by_role("button", name="Give it back").click()
    expect(desk.get_by_role("status").first).to_contain_text("is given back")
    page = author.opens("/desk/")
    page.get_by_role("link", name="Offer teaching material on pain").click()
    expect(page.get_by_text("Given back by approver: Say to whom.")).to_be_visible()


def test_nobody_is_offered_to_approve_her_own(visit: Visit) -> None:
    approver = visit()
    approver.signs_in("approver")
    submitted(approver)
    page = approver.opens(f"/desk/rules/{RULE}/2/review")
    expect(page.get_by_text("You wrote this: somebody else approves it.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    expect(page.get_by_role("button", name="Take it back")).to_be_visible()


def test_an_auditor_reads_and_is_offered_nothing_to_change(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("auditor")
    page = visitor.opens(f"/desk/rules/{RULE}")
    expect(page.get_by_role("link", name="Try it").first).to_be_visible()
    for name in ("Edit", "Retire", "Submit"):
        expect(page.get_by_role("link", name=re.compile(f"^{name}"))).to_have_count(0)
    page = visitor.opens(EDIT)
    heading(page, "This is not for you")


def test_a_fact_that_other_rules_read_says_what_would_break(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens("/desk/facts/pain_nrs/edit")
    with page.expect_response(re.compile("/desk/facts/check")):
        page.get_by_label("Largest value").fill("3")
    expect(page.get_by_role("heading", name=re.compile("It would break"))).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_of_the_life_can_be_read_by_everybody(visit: Visit, width: int, scheme: str) -> None:
    author = visit(width, scheme)
    author.signs_in("author")
    submitted(author)
    for path in (
        EDIT.replace(RULE, "acp-acute-limit-cpr"),
        "/desk/rules/new",
        "/desk/facts/",
        "/desk/facts/metastatic_sites",
        "/desk/facts/metastatic_sites/edit",
        "/desk/sources/",
        "/desk/sources/kida-2021",
        "/desk/sources/kida-2021/edit",
        "/desk/vignettes/",
        "/desk/vignettes/worked-case-c03",
        "/desk/vignettes/worked-case-c03/edit",
        f"/desk/rules/{RULE}",
        f"/desk/rules/{RULE}/difference",
        f"/desk/rules/{RULE}/1/retire",
    ):
        page = author.opens(path)
        assert found_by_axe(page, []) == [], path
        assert fits(page), path
    approver = visit(width, scheme)
    approver.signs_in("approver")
    for path in ("/desk/", f"/desk/rules/{RULE}/2/review", "/desk/releases/propose", "/desk/releases/1"):
        page = approver.opens(path)
        assert found_by_axe(page, []) == [], path
        assert fits(page), path
    author.heard_nothing_odd()
    approver.heard_nothing_odd()
