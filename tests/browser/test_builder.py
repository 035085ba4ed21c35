"""The builder of conditions in a real browser: each of builder and text follows the other, and nothing is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from playwright.sync_api import Locator, Page, Route, expect

from admin.trying.conditions import facts_for_builder
from knowledge.conditions import Condition
from knowledge.facts import Fact, FactType
from knowledge.items import KnowledgeBase
from knowledge.language import parse, write
from knowledge.trees import as_json
from tests.browser.conftest import Visit, Visitor
from tests.browser.test_reading import LOOKS, fits, found_by_axe
from tests.clinic import shipped_base
from tests.specification import dictionary
from tests.trees import conditions

CONDITIONS = "/desk/conditions/"
READ = "**/desk/conditions/read"
WANTED = "age_years > 55 and (pain_present or not has_living_will)"
EVERY_TYPE = (
    "age_years between 50 and 60 and (her2_status in (positive, low) or disease_phase is not acute)"
    " and metastatic_sites includes brain and mbc_diagnosis_date >= 2026-01-31 and spo2_room_air < 88.5"
    " and comfort_function_goals is unknown and at least 2 of (pain_present, fatigue_present, not (kps >= 50))"
)
LEAST_HEIGHT = """Math.min(...[...document.querySelectorAll(".built button, .built select, .built input")]
  .filter((one) => !["radio", "checkbox"].includes(one.type)).map((one) => one.getBoundingClientRect().height)
  .filter(Boolean))"""
IN_BROWSER = """async ([trees, facts]) => {
  const {CHOICES, isGroup, lacking, rootOf, treeOf, written} = await import("/static/builder/conditions.js");
  const known = new Map(facts.map((fact) => [fact.key, fact]));
  const rows = (node) => (isGroup(node) ? node.parts.flatMap(rows) : node.always ? [] : [node]);
  const lacks = (node) => lacking(node, known) ?? (node.parts ?? []).map(lacks).find(Boolean) ?? null;
  return trees.map((tree) => {
    const root = rootOf(tree);
    const offered = rows(root).every((row) => CHOICES[known.get(row.fact).type].some(([word]) => word === row.choice));
    return {text: written(treeOf(root)), offered, lacks: lacks(root)};
  });
}"""


def at_builder(visitor: Visitor, name: str = "author") -> Page:
    """Signed in, before an empty condition."""
    expect(visitor.signs_in(name).get_by_role("button", name="Sign out")).to_be_visible()
    return visitor.opens(CONDITIONS)


def text_of(page: Page) -> Locator:
    return page.get_by_label("As text")


def words_of(page: Page) -> Locator:
    return page.locator(".says")


def types(page: Page, text: str) -> None:
    """Put a text in place of the old one, as by pasting."""
    text_of(page).fill(text)


def facts_shown(page: Page) -> list[str]:
    return [field.input_value() for field in page.get_by_label("Fact", exact=True).all()]


def chooses(page: Page, label: str, row: int = -1) -> Locator:
    """Type a fact's name into a row, by default the last one, and leave the field; that row."""
    field = page.get_by_label("Fact", exact=True).nth(row)
    field.fill(label)
    field.press("Tab")
    return page.locator(".row").nth(row)


def test_a_lead_builds_a_condition_by_keyboard_and_never_sees_syntax(visit: Visit) -> None:
    visitor = visit()
    page = at_builder(visitor)
    page.get_by_role("radio", name="Some patients").focus()
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    press, write_in = page.keyboard.press, page.keyboard.type

    def on_to(name: str | re.Pattern[str]) -> None:
        """Tab until something of this name is in focus."""
        for _ in range(30):
            press("Tab")
            named = page.evaluate(
                "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()"
            )
            if re.fullmatch(name, named):
                return
        raise AssertionError(f"{name} is not reached")

    on_to("Fact")
    write_in("Age")
    press("Enter")
    on_to("What is asked of it")
    write_in("more")
    on_to("Value")
    write_in("55")
    on_to("Add a group")
    press("Enter")
    expect(page.get_by_label("Fact", exact=True).nth(1)).to_be_focused()
    write_in("Pain")
    press("Tab")
    on_to("Add a condition")
    press("Enter")
    write_in("Living will")
    press("Tab")
    expect(text_of(page)).to_have_value("age_years > 55 and (pain_present or has_living_will)")
    expect(page.get_by_label("What is asked of it").last).to_be_focused()
    press("ArrowDown")
    expect(text_of(page)).to_have_value(WANTED)
    expect(words_of(page)).to_have_text("Age over 55 years and (pain or no living will exists).")
    visitor.heard_nothing_odd()


def test_the_builder_follows_the_text_and_leaves_the_cursor_where_it_is(visit: Visit) -> None:
    visitor = visit()
    page = at_builder(visitor)
    text_of(page).press_sequentially(WANTED)
    expect(words_of(page)).to_have_text("Age over 55 years and (pain or no living will exists).")
    assert facts_shown(page) == ["Age", "Pain", "Living will"]
    expect(text_of(page)).to_be_focused()
    expect(text_of(page)).to_have_value(WANTED)
    page.keyboard.type("  and  sedentary")
    expect(words_of(page)).to_have_text(
        "Age over 55 years, (pain or no living will exists), and presently sedentary.", use_inner_text=True
    )
    expect(text_of(page)).to_have_value(f"{WANTED}  and  sedentary")
    visitor.heard_nothing_odd()


@pytest.mark.parametrize(
    ("label", "asked", "offered", "filled", "written"),
    [
        ("Living will", "is no", 4, {}, "not has_living_will"),
        ("Age", "at most", 10, {"Value": "70"}, "age_years <= 70"),
        ("Age", "not between", 10, {"From": "50", "To": "60"}, "not (age_years between 50 and 60)"),
        ("Hematocrit", "exactly", 10, {"Value": "56.5"}, "hematocrit is 56.5"),
        ("Date of metastatic diagnosis", "before", 10, {"Value": "2026-01-31"}, "mbc_diagnosis_date < 2026-01-31"),
        ("Patient goals: comfort and function", "is not known", 2, {}, "comfort_function_goals is unknown"),
    ],
)
def test_each_type_of_fact_offers_what_can_be_asked_of_it(
    visit: Visit, label: str, asked: str, offered: int, filled: dict[str, str], written: str
) -> None:
    page = at_builder(visit())
    row = chooses(page, label)
    choice = row.get_by_label("What is asked of it")
    expect(choice.locator("option")).to_have_count(offered)
    choice.select_option(asked)
    for name, value in filled.items():
        row.get_by_label(name, exact=True).fill(value)
    expect(text_of(page)).to_have_value(written)
    expect(words_of(page)).not_to_be_empty()


def test_codes_are_chosen_by_their_labels(visit: Visit) -> None:
    page = at_builder(visit())
    row = chooses(page, "HER2 status")
    assert row.get_by_label("Value").locator("option").all_inner_texts()[1:] == ["Positive", "Low", "Negative"]
    row.get_by_label("Value").select_option("Low")
    expect(text_of(page)).to_have_value("her2_status is low")
    row.get_by_label("What is asked of it").select_option("is none of")
    row.get_by_label("Positive").check()
    expect(text_of(page)).to_have_value("her2_status not in (positive, low)")
    row = chooses(page, "Sites of metastasis", 0)
    row.get_by_label("What is asked of it").select_option("does not include")
    row.get_by_label("Value").select_option("Brain")
    expect(text_of(page)).to_have_value("not (metastatic_sites includes brain)")


@pytest.mark.parametrize(
    ("label", "value", "said"),
    [
        ("Age", "", "Type a number, 0 to 120."),
        ("Age", "121", "Out of range: 0 to 120."),
        ("Age", "55.5", "Type a whole number."),
        ("Karnofsky performance status", "55", "It goes in steps of 10."),
    ],
)
def test_a_value_that_cannot_be_is_said_in_its_row_and_the_text_stays(
    visit: Visit, label: str, value: str, said: str
) -> None:
    page = at_builder(visit())
    types(page, "pain_present")
    expect(words_of(page)).to_have_text("Pain.")
    page.get_by_role("button", name="Add a condition").click()
    row = chooses(page, label)
    field = row.get_by_label("Value")
    field.fill(value)
    expect(row.locator(".note")).to_have_text(said)
    expect(text_of(page)).to_have_value("pain_present")
    expect(page.get_by_text("The text follows when every row is complete.")).to_be_visible()
    described = (field.get_attribute("aria-describedby") or "").split()
    assert row.locator(".note").get_attribute("id") in described
    field.fill("50")
    expect(text_of(page)).to_have_value(re.compile("^pain_present and [a-z_]+ >= 50$"))
    expect(page.get_by_text("The text follows when every row is complete.")).to_be_hidden()


def test_a_form_with_an_incomplete_row_is_not_sent_and_the_row_is_in_focus(visit: Visit) -> None:
    page = at_builder(visit())
    types(page, "pain_present and sedentary")
    expect(words_of(page)).to_have_text("Pain and presently sedentary.")
    page.get_by_role("button", name="Add a group").click()
    chooses(page, "nobody knows").locator("input").blur()
    expect(page.get_by_text("There is no fact called “nobody knows”.")).to_be_visible()
    page.evaluate("document.querySelector('form.sheet').requestSubmit()")
    expect(page.get_by_label("Fact", exact=True).last).to_be_focused()
    expect(page.get_by_label("Fact", exact=True).last).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("Not sent: a row of the builder is not complete.")).to_be_visible()
    page.get_by_role("button", name="Remove: the group").click()
    with page.expect_navigation():
        page.evaluate("document.querySelector('form.sheet').requestSubmit()")
    expect(text_of(page)).to_have_value("pain_present and sedentary")
    expect(words_of(page)).to_have_text("Pain and presently sedentary.")


def test_rows_are_moved_grouped_removed_and_put_back(visit: Visit) -> None:
    visitor = visit()
    page = at_builder(visitor)
    types(page, "pain_present and sedentary and fatigue_present")
    expect(page.locator(".row")).to_have_count(3)

    def does(name: str, text: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()
        expect(text_of(page)).to_have_value(text)

    does("Move up: “Fatigue”", "pain_present and fatigue_present and sedentary")
    expect(page.get_by_role("button", name="Move up: “Fatigue”")).to_be_focused()
    does("Put into a group: “Pain”", "pain_present and fatigue_present and sedentary")
    expect(page.get_by_label("How the group is joined")).to_be_focused()
    does("Move up: “Fatigue”", "(pain_present or fatigue_present) and sedentary")
    page.get_by_label("How the group is joined").select_option("none of these applies")
    expect(text_of(page)).to_have_value("not (pain_present or fatigue_present) and sedentary")
    page.get_by_label("How the group is joined").select_option("at least … of these apply")
    page.get_by_label("How many").fill("2")
    expect(text_of(page)).to_have_value("at least 2 of (pain_present, fatigue_present) and sedentary")
    page.get_by_label("How many").fill("3")
    expect(page.get_by_text("How many? A number from 1 to 2.")).to_be_visible()
    page.get_by_label("How many").fill("1")
    does("Move down: “Fatigue”", "at least 1 of (pain_present, fatigue_present) and sedentary")
    expect(page.get_by_text("there must be two conditions or more")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    does("Dissolve, keep its conditions: the group", "pain_present and fatigue_present and sedentary")
    does("Remove: “Fatigue”", "pain_present and sedentary")
    does("Undo", "pain_present and fatigue_present and sedentary")
    page.get_by_role("button", name="Move down: “Presently sedentary”").click()
    expect(page.get_by_role("status")).to_have_text("It is the last already.")
    for name in ("Pain", "Fatigue", "Presently sedentary"):
        page.get_by_role("button", name=f"Remove: “{name}”").click()
    assert facts_shown(page) == [""]
    visitor.heard_nothing_odd()


def test_every_patient_and_back(visit: Visit) -> None:
    page = at_builder(visit())
    types(page, WANTED)
    expect(page.locator(".row")).to_have_count(3)
    page.get_by_role("radio", name="Every patient").check()
    expect(text_of(page)).to_have_value("always")
    expect(words_of(page)).to_have_text("For every patient.")
    expect(page.locator(".row")).to_have_count(0)
    page.get_by_role("radio", name="Some patients").check()
    expect(text_of(page)).to_have_value(WANTED)
    page.get_by_role("button", name="Add a condition").last.click()
    expect(words_of(page)).to_have_text("Age over 55 years and (pain or no living will exists).")
    types(page, "always")
    expect(page.get_by_role("radio", name="Every patient")).to_be_checked()


def test_a_statement_has_no_condition_where_the_page_allows_it(visit: Visit) -> None:
    visitor = visit()

    def allowed(route: Route) -> None:
        page = route.fetch()
        route.fulfill(response=page, body=page.text().replace("data-condition ", "data-condition data-may-be-empty "))

    visitor.page.route(f"**{CONDITIONS}", allowed)
    page = at_builder(visitor)
    statement = page.get_by_role("radio", name="Never by itself (a statement)")
    expect(statement).to_be_checked()
    expect(words_of(page)).to_have_text("Never by itself: this is a statement.")
    types(page, "pain_present")
    expect(page.get_by_role("radio", name="Some patients")).to_be_checked()
    statement.check()
    expect(text_of(page)).to_have_value("")
    page.get_by_role("radio", name="Some patients").check()
    expect(text_of(page)).to_have_value("pain_present")


def test_a_text_that_cannot_be_read_keeps_the_builder_and_is_mended_at_its_place(visit: Visit) -> None:
    visitor = visit()
    page = at_builder(visitor)
    assert page.get_by_role("radio", name="Every patient").count() == 1
    types(page, "pain_present")
    expect(words_of(page)).to_have_text("Pain.")
    types(page, "pain_present and\n age_years ≥ “55”")
    expect(page.get_by_text("Line 2, column 12: Write >= instead of ≥.")).to_be_visible()
    expect(page.locator(".problem mark")).to_have_text("≥")
    expect(page.get_by_text("The text cannot be read yet.").first).to_be_visible()
    expect(page.locator(".usable")).to_have_js_property("inert", True)
    expect(text_of(page)).to_have_attribute("aria-invalid", "true")
    assert page.locator(".row input").input_value() == "Pain"
    assert found_by_axe(page, []) == []
    page.get_by_role("button", name="Write >=").click()
    expect(page.get_by_text("Names and codes are written without quotation marks.")).to_be_visible()
    page.get_by_role("button", name="Write 55").click()
    expect(text_of(page)).to_have_value("pain_present and\n age_years >= 55")
    expect(words_of(page)).to_have_text("Pain and age at least 55 years.")
    expect(page.locator(".usable")).to_have_js_property("inert", False)
    expect(text_of(page)).not_to_have_attribute("aria-invalid", "true")
    types(page, "pain_present and pain_present ((")
    page.get_by_role("button", name="Go back to that").click()
    expect(text_of(page)).to_have_value("pain_present and\n age_years >= 55")
    visitor.heard_nothing_odd()


def test_blanks_out_of_word_do_no_harm(visit: Visit) -> None:
    page = at_builder(visit())
    types(page, "\ufeffage_years\u00a0>\u200b 55\u00a0and pain_prezent")
    page.get_by_role("button", name="Write pain_present").click()
    expect(text_of(page)).to_have_value("age_years > 55 and pain_present")


def test_what_is_too_long_is_said(visit: Visit) -> None:
    page = at_builder(visit())
    types(page, "pain_present and " * 500 + "sedentary")
    expect(page.get_by_text("A condition has at most 8000 characters")).to_be_visible()


def test_an_answer_that_comes_late_is_dropped(visit: Visit) -> None:
    page = at_builder(visit())
    held: list[Route] = []
    page.route(
        READ, lambda route: held.append(route) if "fatigue" in (route.request.post_data or "") else route.continue_()
    )
    types(page, "fatigue_present")
    page.wait_for_timeout(600)
    assert held
    types(page, "pain_present")
    expect(words_of(page)).to_have_text("Pain.")
    for route in held:
        route.fulfill(json={"read": "fatigue_present", "text": "fatigue_present", "in_words": "fatigue", "facts": [],
                            "tree": {"node": "known", "fact": "fatigue_present"}, "problems": []})  # fmt: skip
    page.wait_for_timeout(300)
    expect(words_of(page)).to_have_text("Pain.")
    assert facts_shown(page) == ["Pain"]


def test_a_text_that_was_never_read_is_not_written_over(visit: Visit) -> None:
    page = at_builder(visit())
    types(page, WANTED)
    expect(page.locator(".row")).to_have_count(3)
    page.route(READ, lambda route: route.abort())
    with page.expect_navigation():
        page.evaluate("document.querySelector('form.sheet').requestSubmit()")
    expect(page.get_by_role("status")).to_contain_text("The desk cannot be reached")
    expect(text_of(page)).to_have_value(WANTED)
    expect(page.locator(".tree")).to_be_hidden()
    page.unroute(READ)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".row")).to_have_count(3)


def test_the_deepest_nesting_stays_usable(visit: Visit) -> None:
    page = at_builder(visit(400))
    types(page, "not (" * 38 + "pain_present" + ")" * 38)
    expect(page.locator(".row")).to_have_count(1)
    assert fits(page)
    page.get_by_label("Fact", exact=True).scroll_into_view_if_needed()
    box = page.get_by_label("Fact", exact=True).bounding_box()
    assert box
    assert box["width"] >= 100
    page.get_by_role("button", name="Dissolve, keep its conditions: the group").last.click()
    expect(text_of(page)).to_have_value("not (" * 36 + "not pain_present" + ")" * 36)


@pytest.mark.parametrize("what", ["offline", "signed out", "broken", "older than the session"])
def test_when_the_desk_does_not_answer_everything_stays_and_it_is_said(visit: Visit, what: str) -> None:
    page = at_builder(visit())
    types(page, "pain_present")
    expect(words_of(page)).to_have_text("Pain.")
    said = {
        "offline": "The desk cannot be reached",
        "signed out": "Your session has ended.",
        "broken": "The text was not read (the desk answered 500).",
        "older than the session": "This page is older than your session",
    }
    match what:
        case "offline":
            page.route(READ, lambda route: route.abort())
        case "signed out":
            page.context.clear_cookies()
        case "broken":
            page.route(READ, lambda route: route.fulfill(status=500, body="<p>Oh", content_type="text/html"))
        case _:
            page.evaluate("document.querySelector('form.sheet input[name=csrf_token]').value = 'old'")
    types(page, "pain_present and sedentary and not ")
    expect(page.get_by_role("status")).to_contain_text(said[what])
    expect(page.get_by_role("status")).to_contain_text("kept here")
    expect(text_of(page)).to_have_value("pain_present and sedentary and not ")
    assert facts_shown(page) == ["Pain"]
    expect(page.locator(".usable")).to_have_js_property("inert", True)
    if what == "offline":
        page.unroute(READ)
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("The condition ends too early")).to_be_visible()
        expect(page.get_by_role("button", name="Try again")).to_be_hidden()


def test_without_scripts_the_text_alone_is_read(visit: Visit) -> None:
    page = at_builder(visit(400, scripts=False))
    expect(page.locator(".built")).to_be_hidden()
    types(page, "age_years > 55 and\npain_prezent")
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_text("Line 2, column 1:")).to_be_visible()
    expect(text_of(page)).to_have_value("age_years > 55 and\npain_prezent")
    types(page, WANTED)
    page.get_by_role("button", name="Read it").click()
    expect(words_of(page)).to_have_text("Age over 55 years and (pain or no living will exists).")
    assert fits(page)


@pytest.mark.parametrize(("width", "scheme"), [*LOOKS, (320, "light"), (800, "dark")])
def test_everybody_can_use_it(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    page = at_builder(visitor)
    for text in ("", EVERY_TYPE):
        types(page, text)
        expect(page.locator(".row")).to_have_count(10 if text else 1)
        assert found_by_axe(page, []) == []
        assert fits(page)
    page.get_by_role("button", name="Add a group").last.click()
    page.evaluate("document.querySelector('form.sheet').requestSubmit()")
    page.locator("summary").click()
    assert found_by_axe(page, []) == []
    assert fits(page)
    assert page.evaluate(LEAST_HEIGHT) >= 24
    visitor.heard_nothing_odd()


def through_the_builder(page: Page, trees: list[Condition], facts: dict[str, Fact]) -> list[dict[str, Any]]:
    """The text that the builder writes of each tree, whether it offers what the tree asks, and what it lacks."""
    base = KnowledgeBase(facts, {}, {}, {})
    return page.evaluate(IN_BROWSER, [[as_json(tree) for tree in trees], facts_for_builder(base)])


def test_whatever_can_be_written_the_builder_can_show_and_write_again(visit: Visit) -> None:
    facts = dictionary()
    trees: list[Condition] = []

    @settings(max_examples=400, database=None)
    @given(conditions(facts))
    def collect(condition: Condition) -> None:
        trees.append(condition)

    collect()
    page = visit().opens("/")
    shown = through_the_builder(page, trees, facts)
    assert {fact.type for fact in facts.values()} == set(FactType)
    for tree, one in zip(trees, shown, strict=True):
        assert one == {"text": write(tree), "offered": True, "lacks": None}
        assert parse(one["text"], facts) == tree


def test_numbers_are_written_with_every_digit(visit: Visit) -> None:
    page = visit().opens("/")
    numbers = [0.1, 90.0, -0.5, 1e-7, 123456789012345, 1.5e-10, 0.00000012345, 1e21, 1.25e22, -3]
    written = page.evaluate(
        "async (numbers) => numbers.map((await import('/static/builder/conditions.js')).plain)",
        numbers,
    )
    assert [float(one) for one in written] == numbers
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", one) for one in written)
    assert written[:4] == ["0.1", "90", "-0.5", "0.0000001"]


def test_every_shipped_condition_goes_through_the_builder_and_comes_back(visit: Visit) -> None:
    base = shipped_base()
    shipped = sorted({write(rule.condition) for rule in base.rules.values() if rule.condition} - {"always"})
    assert len(shipped) > 70
    visitor = visit()
    page = at_builder(visitor)
    page.evaluate("document.addEventListener('condition-read', (event) => { window.lastRead = event.detail.read; })")
    for text in shipped:
        types(page, f" {text}")
        text_of(page).blur()
        page.wait_for_function("(text) => window.lastRead === text", arg=f" {text}")
        kind = page.get_by_label("How the conditions are joined")
        kind.dispatch_event("change")
        expect(text_of(page)).to_have_value(text)
        assert parse(text_of(page).input_value(), base.facts) == parse(text)
    visitor.heard_nothing_odd()
