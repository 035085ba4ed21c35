"""Text to tree and back: the tables, what is stored for good, and whatever else people may type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import language
from knowledge.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    AtLeast,
    Between,
    Compare,
    Condition,
    Includes,
    Known,
    Not,
    Operator,
)
from knowledge.errors import ConditionError, ConditionProblem
from knowledge.facts import Fact
from knowledge.language import DEEPEST_NESTING, KEYWORDS, LONGEST_CONDITION, parse, write
from tests import specification, trees
from tests.specification import Form, Refusal
from tests.specification.document import PLACE, document

DICTIONARY = specification.dictionary()


def problems_of(text: str, facts: Mapping[str, Fact] | None = DICTIONARY) -> tuple[ConditionProblem, ...]:
    with pytest.raises(ConditionError) as refused:
        parse(text, facts)
    return refused.value.problems


def outcome_of(text: str, facts: Mapping[str, Fact] | None = DICTIONARY):
    """The tree of a text, or else its problems; whatever else is raised is a defect."""
    try:
        return parse(text, facts), ()
    except ConditionError as refused:
        return None, refused.problems


# The tables


@pytest.mark.parametrize("form", specification.forms(), ids=str)
def test_what_is_typed_is_stored_in_its_one_form(form: Form):
    assert write(parse(form.written, DICTIONARY)) == form.stored


@pytest.mark.parametrize("refusal", specification.refusals(), ids=str)
def test_what_is_no_condition_is_refused_with_its_place_and_a_way_out(refusal: Refusal):
    [problem] = problems_of(refusal.written)
    assert (problem.line, problem.column) == (refusal.line, refusal.column)
    assert (problem.detail, problem.suggestion) == (refusal.told, refusal.suggestion)


@pytest.mark.parametrize("refusal", specification.refusals(), ids=str)
def test_the_way_out_stands(refusal: Refusal):
    assert parse(refusal.instead, DICTIONARY)


def test_the_page_about_the_language_is_what_the_tables_give():
    assert PLACE.read_text(encoding="utf-8") == document(), "Write it anew: python -m tests.specification"


# What is stored for good

STORED: list[tuple[str, Condition]] = [
    ("always", Always()),
    ("sedentary", Compare("sedentary", Operator.IS, True)),
    ("not sedentary", Not(Compare("sedentary", Operator.IS, True))),
    ("age_years is 55", Compare("age_years", Operator.IS, 55)),
    ("age_years is not 55", Not(Compare("age_years", Operator.IS, 55))),
    ("age_years < 55", Compare("age_years", Operator.LESS, 55)),
    ("age_years <= 55", Compare("age_years", Operator.AT_MOST, 55)),
    ("age_years > 55", Compare("age_years", Operator.MORE, 55)),
    ("age_years >= 55", Compare("age_years", Operator.AT_LEAST, 55)),
    ("not (age_years > 55)", Not(Compare("age_years", Operator.MORE, 55))),
    ("bmi_change < -2.5", Compare("bmi_change", Operator.LESS, -2.5)),
    ("bmi_change > 0.0000001", Compare("bmi_change", Operator.MORE, 1e-07)),
    ("mbc_diagnosis_date is 2026-01-31", Compare("mbc_diagnosis_date", Operator.IS, date(2026, 1, 31))),
    ("mbc_diagnosis_date < 2026-01-31", Compare("mbc_diagnosis_date", Operator.LESS, date(2026, 1, 31))),
    ("pain_nrs between 4 and 6", Between("pain_nrs", 4, 6)),
    ("spo2_room_air between 88.5 and 90", Between("spo2_room_air", 88.5, 90)),
    (
        "mbc_diagnosis_date between 2025-12-31 and 2026-01-31",
        Between("mbc_diagnosis_date", date(2025, 12, 31), date(2026, 1, 31)),
    ),
    ("not (pain_nrs between 4 and 6)", Not(Between("pain_nrs", 4, 6))),
    ("disease_phase is acute", Compare("disease_phase", Operator.IS, "acute")),
    ("disease_phase is not acute", Not(Compare("disease_phase", Operator.IS, "acute"))),
    ("progression_pattern in (gradual, rapid)", Among("progression_pattern", ("gradual", "rapid"))),
    ("progression_pattern in (rapid)", Among("progression_pattern", ("rapid",))),
    ("progression_pattern not in (gradual, rapid)", Not(Among("progression_pattern", ("gradual", "rapid")))),
    ("metastatic_sites includes bone", Includes("metastatic_sites", "bone")),
    ("not (metastatic_sites includes bone)", Not(Includes("metastatic_sites", "bone"))),
    ("ecog_ps is known", Known("ecog_ps")),
    ("ecog_ps is unknown", Not(Known("ecog_ps"))),
    ("not (ecog_ps is unknown)", Not(Not(Known("ecog_ps")))),
    ("not (always)", Not(Always())),
    (
        "a and b and c",
        AllOf((Compare("a", Operator.IS, True), Compare("b", Operator.IS, True), Compare("c", Operator.IS, True))),
    ),
    ("a or not b", AnyOf((Compare("a", Operator.IS, True), Not(Compare("b", Operator.IS, True))))),
    (
        "a and (b or c is unknown)",
        AllOf((Compare("a", Operator.IS, True), AnyOf((Compare("b", Operator.IS, True), Not(Known("c")))))),
    ),
    (
        "a or (b and c is known)",
        AnyOf((Compare("a", Operator.IS, True), AllOf((Compare("b", Operator.IS, True), Known("c"))))),
    ),
    (
        "not (a and b)",
        Not(AllOf((Compare("a", Operator.IS, True), Compare("b", Operator.IS, True)))),
    ),
    (
        "at least 2 of (a, b >= 4 and c, d or e)",
        AtLeast(
            2,
            (
                Compare("a", Operator.IS, True),
                AllOf((Compare("b", Operator.AT_LEAST, 4), Compare("c", Operator.IS, True))),
                AnyOf((Compare("d", Operator.IS, True), Compare("e", Operator.IS, True))),
            ),
        ),
    ),
]
"""These texts are in databases. Add to them; never change one."""


@pytest.mark.parametrize(("text", "tree"), STORED, ids=[text for text, _ in STORED])
def test_a_stored_condition_keeps_its_tree(text: str, tree: Condition):
    assert repr(parse(text)) == repr(tree)


@pytest.mark.parametrize(("text", "tree"), STORED, ids=[text for text, _ in STORED])
def test_a_tree_keeps_its_stored_text(text: str, tree: Condition):
    assert write(tree) == text


def test_every_node_and_every_operator_is_among_the_pinned_texts():
    shown = " ".join(repr(tree) for _, tree in STORED)
    nodes = [node.__name__ for group in get_args(Condition) for node in (get_args(group) or (group,))]
    assert [node for node in nodes if f"{node}(" not in shown] == []
    assert [operator for operator in Operator if repr(operator) not in shown] == []


def test_the_nodes_have_these_fields_and_no_others():
    nodes = [node for group in get_args(Condition) for node in (get_args(group) or (group,))]
    assert {node.__name__: [field.name for field in fields(node)] for node in nodes} == {
        "Always": [],
        "Compare": ["fact", "operator", "value"],
        "Between": ["fact", "low", "high"],
        "Among": ["fact", "codes"],
        "Includes": ["fact", "code"],
        "Known": ["fact"],
        "Not": ["part"],
        "AllOf": ["parts"],
        "AnyOf": ["parts"],
        "AtLeast": ["count", "parts"],
    }


# Other ways to type the same


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("a<5", "a < 5"),
        ("a\r\n\tand\r\nb", "a and b"),
        ("(((a)))", "a"),
        ("a and (b and (c and d))", "a and b and c and d"),
        ("(a or b) or c", "a or b or c"),
        ("not not a", "not (not a)"),
        ("not (a)", "not a"),
        ("not a is acute", "a is not acute"),
        ("not a in (x)", "a not in (x)"),
        ("not a is known", "a is unknown"),
        ("a is not true", "not a"),
        ("a > 007", "a > 7"),
        ("a > 5.10", "a > 5.1"),
        ("a > 5.0", "a > 5"),
        ("a > -0.0", "a > 0"),
        ("a > -0", "a > 0"),
        ("at least 02 of (a, b)", "at least 2 of (a, b)"),
        ("at least 1 of ((a or b), (c))", "at least 1 of (a or b, c)"),
    ],
)
def test_typing_it_otherwise_changes_nothing(typed: str, stored: str):
    assert write(parse(typed)) == stored
    assert write(parse(stored)) == stored


@pytest.mark.parametrize(
    "name", ["always_on", "not_well", "is_known", "order", "android", "at_home", "of2", "unknowns"]
)
def test_a_name_may_begin_with_a_word_of_the_language(name: str):
    assert parse(f"{name} or {name} is {name}") == AnyOf(
        (Compare(name, Operator.IS, True), Compare(name, Operator.IS, name))
    )


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_a_word_of_the_language_is_never_the_name_of_a_fact(word: str):
    assert len(problems_of(f"{word} is known", None)) == 1


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_a_word_of_the_language_is_never_a_code_in_a_list(word: str):
    [problem] = problems_of(f"disease_phase in ({word})")
    assert problem.column == 19


def test_the_words_of_the_language_are_those_of_its_grammar():
    words = [terminal.pattern.value for terminal in language._LARK.terminals]
    assert {word for word in words if word.isalpha()} == KEYWORDS


@pytest.mark.parametrize("text", ["age_years > 55 andsedentary", "age_years is known orsedentary"])
def test_words_that_run_together_are_not_taken_apart(text: str):
    assert len(problems_of(text)) == 1


# What is told


def test_all_facts_and_values_that_cannot_stand_are_told_at_once_in_the_order_of_the_text():
    text = "disease_fase is acute\nand age_years > 300\nand at least 5 of (sedentary, kps < 65)"
    assert [(problem.line, problem.column, problem.suggestion) for problem in problems_of(text)] == [
        (1, 1, "disease_phase"),
        (2, 17, None),
        (3, 14, None),
        (3, 37, None),
    ]


def test_the_error_as_a_whole_names_every_place():
    with pytest.raises(ConditionError) as refused:
        parse("ag_years > 5 or\npain_nrs > 11", DICTIONARY)
    assert str(refused.value) == (
        "Line 1, column 1: There is no fact called ag_years. Did you mean age_years? "
        "Line 2, column 12: Pain intensity has the range 0 to 10; 11 is outside it."
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a > acute", "> needs a number or a date, not acute."),
        ("a <= true", "<= needs a number or a date, not true."),
        ("a between true and 5", "`between` needs two numbers or two dates."),
        ("a between 5 and 2026-01-31", "`between` needs two numbers or two dates."),
        (
            "a between 2026-01-31 and 2025-12-31",
            "Nothing lies between 2026-01-31 and 2025-12-31: the smaller one comes first.",
        ),
        ("a > 2026-13-01", "2026-13-01 is not a day of the calendar."),
        ("a in (x, y, x)", "x stands in the list already; once is enough."),
        ("at least 0 of (a, b)", "The list has 2 parts, so `at least` takes a number from 1 to 2, not 0."),
        ("at least 1.5 of (a, b)", "The list has 2 parts, so `at least` takes a number from 1 to 2, not 1.5."),
        ("at least -1 of (a, b)", "The list has 2 parts, so `at least` takes a number from 1 to 2, not -1."),
        ("pain_nrs > −1", "Write `-` instead of −."),
        ("pain_nrs > –1", "Write `-` instead of –."),
        ("pain_nrs > —1", "Write `-` instead of —."),
        ("a & b", "Write `and` instead of &."),
        ("a || b", "Write `or` instead of ||."),
        ("a is ‘acute’", "Names and codes are written without quotation marks."),
        ("a > ٣", "`٣` has no meaning in a condition: take it out."),
        ("a\u200b", "An invisible character (U+200B) stands here: type a space instead."),
        ("a\x00", "An invisible character (U+0000) stands here: type a space instead."),
        ("a and 😀", "`😀` has no meaning in a condition: take it out."),
    ],
)
def test_the_form_is_checked_without_a_dictionary_too(text: str, told: str):
    [problem] = problems_of(text, None)
    assert problem.detail == told


@pytest.mark.parametrize("written", ["=>", "=<", "==", "=", "!=", "!", "≥", "≤", "≠", "&&", "&", "||", "|"])
def test_every_sign_of_other_languages_is_translated(written: str):
    [problem] = problems_of(f"a {written} b", None)
    assert problem.suggestion
    assert problem.detail == f"Write `{problem.suggestion}` instead of {written}."


def test_a_very_long_word_is_not_read_back_in_full():
    for text in ("x" * 5000, "a " + "x" * 5000, "a > 5 5" + "5" * 4000, f"at least {'9' * 5000} of (a, b)", "A" * 5000):
        assert max(len(problem.detail) for problem in problems_of(text)) < 200


# Limits


def test_a_condition_of_the_greatest_length_stands_and_one_more_character_does_not():
    text = "a or " * ((LONGEST_CONDITION - 1) // 5) + "b" * (1 + (LONGEST_CONDITION - 1) % 5)
    assert len(text) == LONGEST_CONDITION
    assert write(parse(text)) == text
    [problem] = problems_of(text + "b", None)
    assert problem.detail == "A condition has at most 8000 characters; this one has 8001. Split the rule."


def test_a_condition_that_would_be_stored_longer_than_that_is_refused_at_once():
    text = "or ".join(["a<5 "] * 1100)
    assert len(text) < LONGEST_CONDITION
    [problem] = problems_of(text, None)
    assert problem.detail == "A condition has at most 8000 characters; this one has 9896. Split the rule."


def nested(depth: int, innermost: str = "a") -> str:
    """`b and (b or (b and …))`: each pair of brackets is a level."""
    text = innermost
    for level in range(depth - 1):
        text = f"b {('and', 'or')[level % 2]} ({text})" if level else f"b and {text}"
    return text


def test_a_condition_of_the_greatest_depth_stands_and_one_level_more_does_not():
    assert write(parse(nested(DEEPEST_NESTING))) == nested(DEEPEST_NESTING)
    [problem] = problems_of(nested(DEEPEST_NESTING + 1), None)
    assert problem.detail == "The parts are nested more than 40 deep. Split the rule."


@pytest.mark.parametrize("innermost", ["a is false", "a not in (x)", "a is unknown", "a in (x)"])
def test_whatever_stands_innermost_the_stored_text_is_read_again(innermost: str):
    for depth in (DEEPEST_NESTING - 1, DEEPEST_NESTING, DEEPEST_NESTING + 1):
        try:
            stored = write(parse(nested(depth, innermost)))
        except ConditionError:
            assert depth >= DEEPEST_NESTING
        else:
            assert write(parse(stored)) == stored


@pytest.mark.parametrize(
    "text", ["(" * 7000 + "a", "not " * 1999 + "a", "at least 1 of (a, " * 400, "(" * 3999 + "a" + ")" * 3999]
)
def test_no_depth_of_brackets_breaks_the_parser(text: str):
    try:
        parse(text)
    except ConditionError:
        return
    assert text.startswith("((((")


# Whatever people type


@given(st.text())
def test_no_text_breaks_the_parser(text: str):
    tree, problems = outcome_of(text)
    assert (tree is None) is bool(problems)
    assert all(problem.line >= 1 and problem.column >= 1 and problem.detail for problem in problems)


PIECES = [
    *KEYWORDS,
    *DICTIONARY,
    *("acute", "gradual", "bone", "light", "nonsense", "A", "0", "7", "-3", "55.5", "1" * 16, "9" * 5000),
    *("2026-01-31", "2026-02-30"),
    *("<", "<=", ">", ">=", "(", ")", ",", "=", "!", "'", "\n", "\u00a0", "-", "é", "%", "."),
]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.booleans())
def test_whatever_order_the_words_are_in_a_text_is_refused_or_stored_for_good(pieces: list[str], checked: bool):
    facts = DICTIONARY if checked else None
    text = " ".join(pieces)
    tree, problems = outcome_of(text, facts)
    lines = text.split("\n")
    assert all(problem.column <= len(lines[problem.line - 1]) + 1 for problem in problems)
    if tree is not None:
        stored = write(tree)
        assert parse(stored, facts) == tree
        assert write(parse(stored, facts)) == stored


@given(trees.conditions(DICTIONARY))
def test_what_is_written_is_read_as_the_same_tree(tree: Condition):
    text = write(tree)
    assert parse(text, DICTIONARY) == tree
    assert write(parse(text, DICTIONARY)) == text


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True).filter(lambda name: name not in KEYWORDS)
NUMBERS = st.integers(-(10**14), 10**14) | st.decimals("-999999", "999999", places=4).map(float)


@given(NAMES, st.sampled_from(Operator), NUMBERS)
def test_every_name_and_every_number_comes_back(name: str, operator: Operator, number: float):
    tree = Compare(name, operator, number)
    assert parse(write(tree)) == tree
    assert write(parse(write(tree))) == write(tree)
