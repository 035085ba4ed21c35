"""Any patient tried at the desk in a real browser: by rows, by text, by keyboard, and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from knowledge import patients
from tests import clinic
from tests.browser.conftest import Visit, Visitor
from tests.browser.test_reading import LOOKS, fits, found_by_axe, stands

RULE = "ext-oncologic-emergency-list"
HER = "external-stable-pain-above-goal"
TRY = f"/desk/try/?rule={RULE}"


def rows(page: Page) -> Locator:
    return page.get_by_role("list", name="What is known of the patient").locator("> li")


def row(page: Page, label: str) -> Locator:
    return rows(page).filter(has_text=label)


def text(page: Page) -> Locator:
    return page.get_by_label("As text")


def answer(page: Page) -> None:
    page.get_by_role("button", name="Answer", exact=True).click()
    page.wait_for_load_state("networkidle")


def heard_only_of_refusals(visitor: Visitor) -> None:
    """A form that cannot be used is a 422, and Chromium says so."""
    visitor.complaints[:] = [one for one in visitor.complaints if "422" not in one]
    visitor.heard_nothing_odd()


def test_a_lead_changes_an_example_patient_and_sees_what_becomes_of_the_rule(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(TRY)
    page.get_by_label("Start from an example patient").select_option(
        "Stable phase, moderate pain above their own goal (recommended)"
    )
    page.get_by_role("button", name="Take what is known").click()
    answer(page)
    tested = page.get_by_role("region", name="Check the list of oncologic emergencies").first
    expect(tested).to_contain_text("Recommended")
    expect(tested).to_contain_text("Uncontrolled pain; oncologic emergency not ruled out")
    expect(tested).to_be_in_viewport()
    page.get_by_role("link", name="Change what is known of the patient").click()
    row(page, "Oncologic emergency ruled out").get_by_label("Oncologic emergency ruled out").select_option("Yes")
    assert "oncologic_emergency_excluded: yes\n" in text(page).input_value()
    answer(page)
    expect(tested).to_contain_text("Not met")
    expect(tested).to_contain_text("Why not")
    assert "oncologic_emergency_excluded" not in page.url
    visitor.heard_nothing_odd()


def test_every_kind_of_fact_has_its_control_and_the_text_follows(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(TRY)
    add = page.get_by_label("Add a fact")
    for label in (
        "Metastatic breast cancer",
        "Pain intensity",
        "Disease phase",
        "Sites of metastasis",
        "Hematocrit",
    ):
        add.fill(label)
        add.press("Enter")
    page.get_by_label("Metastatic breast cancer").select_option("Yes")
    page.get_by_label("Pain intensity").fill("7")
    page.get_by_label("Disease phase", exact=True).select_option(label="stable")
    page.get_by_label("bone", exact=True).check()
    page.get_by_label("liver", exact=True).check()
    page.get_by_label("Hematocrit").fill("36.6")
    row(page, "Pain intensity").locator("summary").click()
    row(page, "Pain intensity").get_by_label("Observed at (UTC)").fill("2026-05-31T08:00")
    row(page, "Pain intensity").get_by_label("By").fill("primary care")
    assert text(page).input_value() == (
        "has_mbc: yes\npain_nrs: 7 at 2026-05-31T08:00:00Z by primary care\ndisease_phase: stable\n"
        "metastatic_sites: bone, liver\nhematocrit: 36.6\n"
    )
    page.get_by_label("None of these").check()
    expect(page.get_by_label("bone", exact=True)).not_to_be_checked()
    row(page, "Disease phase").locator("summary").click()
    row(page, "Disease phase").get_by_label("Not known").check()
    assert "metastatic_sites: none of these\n" in text(page).input_value()
    assert "disease_phase: not known\n" in text(page).input_value()
    page.get_by_label("Pain intensity").fill("11")
    expect(row(page, "Pain intensity")).to_contain_text("It takes a whole number: 0 to 10.")
    page.get_by_label("Pain intensity").fill("7")
    expect(row(page, "Pain intensity")).not_to_contain_text("It takes")
    answer(page)
    expect(page.get_by_role("heading", name="What is known of the patient")).to_be_visible()
    visitor.heard_nothing_odd()


def test_the_rows_follow_the_text_and_what_cannot_be_read_stays_as_it_is(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(TRY)
    text(page).fill("ecog: 2\nhas_mbc: yes\npain_nrs: seven\n\nage_years: 60\n")
    expect(rows(page)).to_have_count(4)
    expect(rows(page).nth(0)).to_contain_text("Change it in the text: there is no fact called “ecog”.")
    expect(rows(page).nth(2)).to_contain_text("Change it in the text: “seven” is no value for it.")
    page.get_by_label("Age").fill("61")
    assert text(page).input_value() == "ecog: 2\nhas_mbc: yes\npain_nrs: seven\n\nage_years: 61\n"
    answer(page)
    expect(page.get_by_role("alert")).to_contain_text("Nothing was answered. 2 things have to be put right first.")
    assert text(page).input_value() == "ecog: 2\nhas_mbc: yes\npain_nrs: seven\n\nage_years: 61\n"
    text(page).fill("ecog_ps: 2\nhas_mbc: yes\npain_nrs: 7\n")
    expect(page.get_by_label("Pain intensity")).to_have_value("7")
    answer(page)
    expect(page.get_by_text("The rule that is tried")).to_be_visible()
    heard_only_of_refusals(visitor)


def test_what_the_server_finds_is_said_at_its_row(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(TRY)
    text(page).fill("has_mbc: yes\npain_nrs: 7 at 2099-01-01T08:00:00Z by patient\n")
    answer(page)
    expect(row(page, "Pain intensity").locator(".trouble")).to_contain_text("The observation lies in the future")
    expect(page.get_by_label("Pain intensity")).to_have_attribute("aria-invalid", "true")
    assert found_by_axe(page, []) == []
    heard_only_of_refusals(visitor)


def test_rows_are_added_and_removed_by_keyboard(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("auditor")
    page = visitor.opens(TRY)
    page.get_by_label("Add a fact").focus()
    page.keyboard.type("no such fact")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No fact is called so.")).to_be_visible()
    page.get_by_label("Add a fact").fill("")
    page.keyboard.type("pain i")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Pain intensity")).to_be_focused()
    page.keyboard.type("7")
    page.get_by_label("Add a fact").focus()
    page.keyboard.type("ecog_ps")
    page.keyboard.press("Enter")
    page.keyboard.type("2")
    assert text(page).input_value() == "pain_nrs: 7\necog_ps: 2\n"
    expect(page.get_by_role("status")).to_have_text("Added: ECOG performance status.")
    page.get_by_role("button", name="Remove Pain intensity").focus()
    page.keyboard.press("Enter")
    assert text(page).input_value() == "ecog_ps: 2\n"
    expect(page.get_by_role("button", name="Remove ECOG")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Add a fact")).to_be_focused()
    assert text(page).input_value() == ""
    visitor.heard_nothing_odd()


def test_a_second_observation_of_a_fact_asks_when(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(TRY)
    text(page).fill("has_mbc: yes\npain_nrs: 7\n")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Add a fact").fill("pain_nrs")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("say of each when it was observed")
    expect(page.get_by_label("Observed at (UTC)")).to_have_count(3)
    page.keyboard.type("3")
    pains = row(page, "Pain intensity")
    pains.nth(0).get_by_label("Observed at (UTC)").fill("2026-05-01T08:00")
    pains.nth(1).get_by_label("Observed at (UTC)").fill("2026-05-31T08:00")
    answer(page)
    expect(page.locator("dl.known").last).to_contain_text("Pain intensity 3")


def test_every_shipped_patient_has_a_row_for_each_of_her_lines(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(TRY)
    base = clinic.shipped_base()
    written = {line for one in base.vignettes.values() for line in patients.write(one.facts, base.facts).splitlines()}
    odd = [
        'comfort_function_goals: "To the “Lindenhof”, at noon: \\"by\\" herself\\n\\\\"',
        "pain_nrs: 7 at 2026-01-31T08:00:00+01:00 by primary care",
        'pain_nrs: not known at 2026-01-31T08:00Z by "nurse, ward 3"',
        "metastatic_sites: none of these",
        "autopsy_wish: yes",
    ]
    lines = [*sorted(written), *odd]
    text(page).fill("".join(f"{line}\n" for line in lines))
    expect(rows(page)).to_have_count(len(lines))
    assert rows(page).locator(".unread").all_inner_texts() == []
    # Every row says its line again, as after a change that changed nothing.
    page.evaluate(
        """() => document.querySelectorAll(".facts .value > *").forEach((one) => {
          if (!one.matches(".range")) one.dispatchEvent(new Event(one.matches("select") ? "change" : "input"));
        })"""
    )
    said = text(page).input_value().splitlines()
    assert [one for one in zip(lines, said, strict=True) if one[0] != one[1] and "not known" not in one[0]] == []


def test_it_is_tried_without_scripts(visit: Visit) -> None:
    visitor = visit(scripts=False)
    visitor.signs_in("approver")
    page = visitor.opens(f"{TRY}&patient={HER}")
    expect(page.get_by_label("Add a fact")).to_have_count(0)
    text(page).fill("pain_nrs: 11\n")
    answer(page)
    expect(page.get_by_text("Line 1: Pain intensity has the range 0 to 10; 11 is outside it.")).to_be_visible()
    expect(text(page)).to_have_value("pain_nrs: 11\n")
    text(page).fill("pain_nrs: 10\nhas_mbc: yes\n")
    page.get_by_label("For whom").select_option("Oncologist")
    answer(page)
    expect(page.get_by_text("The rule that is tried")).to_be_in_viewport()
    expect(page.get_by_label("For whom")).to_have_value("oncologist")


def test_a_checklist_opens_beside_the_form(visit: Visit) -> None:
    visitor = visit()
    visitor.signs_in("author")
    page = visitor.opens(f"{TRY}&patient={HER}")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Checklist for the physician").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("Checklist for the physician")
    assert "pain_nrs: 4" in text(page).input_value()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_page_in_all_its_states(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    visitor.signs_in("auditor")
    page = visitor.opens("/desk/try/")
    stands(page, "Try it")
    page = visitor.opens(f"{TRY}&patient={HER}")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    stands(page, "Try it")
    assert found_by_axe(page, []) == []
    answer(page)
    stands(page, "Try it")
    assert found_by_axe(page, []) == []
    text(page).fill(f"ecog: 2\n{'x' * 300}\nmetastatic_sites: bone\npain_nrs: 11 at 2026-01-01T08:00:00Z by patient\n")
    expect(rows(page)).to_have_count(4)
    answer(page)
    stands(page, "Try it")
    assert found_by_axe(page, []) == []
    heard_only_of_refusals(visitor)


@pytest.mark.parametrize("width", [320, 768, 1600])
def test_it_fits_any_width(visit: Visit, width: int) -> None:
    visitor = visit(width)
    visitor.signs_in("auditor")
    page = visitor.opens(f"{TRY}&patient={HER}")
    assert fits(page)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert fits(page)
