"""What a fact takes, what it refuses, and how it is said."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import WrongValue, nearest, short
from knowledge.facts import LONGEST_TEXT, Fact, FactType, plain
from tests import specification

DICTIONARY = specification.dictionary()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
    max_leaves=5,
)


def refusal_of(fact: str | Fact, raw: object) -> WrongValue:
    with pytest.raises(WrongValue) as refused:
        (DICTIONARY[fact] if isinstance(fact, str) else fact).typed(raw)
    return refused.value


@pytest.mark.parametrize("key", DICTIONARY)
def test_null_says_of_every_fact_that_it_is_not_known(key: str):
    assert DICTIONARY[key].typed(None) is None


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("pain_present", True, True),
        ("pain_present", False, False),
        ("age_years", 0, 0),
        ("age_years", 120, 120),
        ("kps", 70, 70),
        ("spo2_room_air", 92.5, 92.5),
        ("spo2_room_air", 92, 92.0),
        ("spo2_room_air", 50, 50.0),
        ("spo2_room_air", 100, 100.0),
        ("mbc_diagnosis_date", "2024-02-29", date(2024, 2, 29)),
        ("disease_phase", "acute", "acute"),
        ("her2_status", "unknown", None),
        ("metastatic_sites", [], frozenset()),
        ("metastatic_sites", ["bone"], frozenset({"bone"})),
        ("metastatic_sites", ["liver", "bone", "liver"], frozenset({"bone", "liver"})),
        ("comfort_function_goals", "To walk the dog.\nEvery day.", "To walk the dog.\nEvery day."),
    ],
)
def test_a_value_that_the_fact_can_have_is_taken(key: str, raw: object, value: object):
    typed = DICTIONARY[key].typed(raw)
    assert typed == value
    assert type(typed) is type(value)


NOTHING_IS_COERCED: list[tuple[str, Any, str]] = [
    ("age_years", "7", 'Age is a whole number, not the text "7".'),
    ("age_years", True, "Age is a whole number, not true."),
    ("age_years", math.nan, "Age is a whole number, not NaN."),
    ("age_years", [7], "Age is a whole number, not a list."),
    ("age_years", {"years": 7}, "Age is a whole number, not an object."),
    ("pain_present", 1, "Pain is true or false, not 1."),
    ("pain_present", 0, "Pain is true or false, not 0."),
    ("pain_present", "true", 'Pain is true or false, not the text "true".'),
    ("pain_present", [], "Pain is true or false, not a list."),
    ("spo2_room_air", "92.5", 'Oxygen saturation on room air is a number, not the text "92.5".'),
    ("spo2_room_air", False, "Oxygen saturation on room air is a number, not false."),
    ("spo2_room_air", math.nan, "Oxygen saturation on room air is a number below 2^53, not NaN."),
    ("mbc_diagnosis_date", 20260131, "Date of metastatic diagnosis is a date such as 2026-01-31, not 20260131."),
    ("mbc_diagnosis_date", "", 'Date of metastatic diagnosis is a date such as 2026-01-31, not the text "".'),
    ("disease_phase", True, "Disease phase is one of acute, stable, not true."),
    ("disease_phase", ["acute"], "Disease phase is one of acute, stable, not a list."),
    ("disease_phase", {"code": "acute"}, "Disease phase is one of acute, stable, not an object."),
    (
        "metastatic_sites",
        "bone",
        'Sites of metastasis is a list of codes out of bone, liver, brain, not the text "bone".',
    ),
    (
        "metastatic_sites",
        {"bone": True},
        "Sites of metastasis is a list of codes out of bone, liver, brain, not an object.",
    ),
    ("metastatic_sites", [None], "Sites of metastasis: each code is one of bone, liver, brain, not null."),
    ("metastatic_sites", [["bone"]], "Sites of metastasis: each code is one of bone, liver, brain, not a list."),
    ("comfort_function_goals", 7, "Patient's goals is a text, not 7."),
    ("comfort_function_goals", "", 'Patient\'s goals is a text, not the text "".'),
    ("comfort_function_goals", " \n", 'Patient\'s goals is a text, not the text " \\n".'),
]


@pytest.mark.parametrize(("key", "raw", "told"), NOTHING_IS_COERCED)
def test_nothing_is_turned_into_what_it_is_not(key: str, raw: object, told: str):
    assert refusal_of(key, raw).detail == told


@pytest.mark.parametrize(
    ("key", "raw", "told"),
    [
        ("age_years", -1, "Age has the range 0 to 120 years; -1 is outside it."),
        ("age_years", 121, "Age has the range 0 to 120 years; 121 is outside it."),
        ("age_years", 10**400, "Age has the range 0 to 120 years; a very large number is outside it."),
        ("spo2_room_air", 49.999, "Oxygen saturation on room air has the range 50 to 100%; 49.999 is outside it."),
        ("spo2_room_air", 100.001, "Oxygen saturation on room air has the range 50 to 100%; 100.001 is outside it."),
        ("spo2_room_air", 92500, "Oxygen saturation on room air has the range 50 to 100%; 92500 is outside it."),
        (
            "spo2_room_air",
            math.inf,
            "Oxygen saturation on room air has the range 50 to 100%; a very large number is outside it.",
        ),
        (
            "spo2_room_air",
            -math.inf,
            "Oxygen saturation on room air has the range 50 to 100%; a very large number is outside it.",
        ),
        (
            "spo2_room_air",
            10**400,
            "Oxygen saturation on room air has the range 50 to 100%; a very large number is outside it.",
        ),
        ("kps", 75, "Karnofsky performance status goes in steps of 10; 75 is not one of them."),
        ("kps", 110, "Karnofsky performance status has the range 0 to 100; 110 is outside it."),
    ],
)
def test_a_value_outside_the_range_or_between_the_steps_is_refused(key: str, raw: object, told: str):
    assert refusal_of(key, raw).detail == told


@pytest.mark.parametrize(
    ("minimum", "maximum", "told"),
    [
        (1.5, None, "Dose has the range 1.5 mg or more; 0 is outside it."),
        (None, -0.25, "Dose has the range -0.25 mg or less; 0 is outside it."),
        (1_000_000, 10_000_000, "Dose has the range 1000000 to 10000000 mg; 0 is outside it."),
    ],
)
def test_a_range_is_told_in_whole_digits_however_it_is_open(minimum: float, maximum: float, told: str):
    dose = Fact("dose", "Dose", FactType.DECIMAL, "dose", "test", unit="mg", minimum=minimum, maximum=maximum)
    assert refusal_of(dose, 0).detail == told


@pytest.mark.parametrize("type", [FactType.INTEGER, FactType.DECIMAL])
@pytest.mark.parametrize("raw", [2**53, -(2**53), 10**400, -(10**400)])
def test_even_a_fact_without_a_range_takes_no_number_that_cannot_be_kept_exactly(type: FactType, raw: int):
    count = Fact("count", "Count", type, "count", "test")
    assert refusal_of(count, raw).detail.startswith("Count is a number below 2^53, not ")
    kept = count.typed(raw // abs(raw) * (2**53 - 1))
    assert kept is not None
    assert abs(kept) == 2**53 - 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "raw",
    [
        *("2026-02-30", "2025-02-29", "2026-1-5", "20260131", "2026-W05-6", "31.01.2026", "2026-01-31T00:00:00Z"),
        *(" 2026-01-31", "2026-01-31\n", "2026-01", "٢٠٢٦-٠١-٣١", "0000-01-01", "tomorrow", "\ud800" * 10),
    ],
)
def test_a_date_is_a_day_of_the_calendar_written_in_the_one_way(raw: str):
    assert refusal_of("mbc_diagnosis_date", raw).detail.startswith("Date of metastatic diagnosis is a date such as ")


@pytest.mark.parametrize(
    ("key", "raw", "suggestion"),
    [
        ("disease_phase", "acut", "acute"),
        ("disease_phase", "Acute", "acute"),
        ("disease_phase", "sta", "stable"),
        ("disease_phase", "moon", None),
        ("disease_phase", "unknown", None),
        ("metastatic_sites", ["bone", "livr"], "liver"),
    ],
)
def test_a_code_that_is_not_on_the_list_is_refused_with_the_nearest(key: str, raw: object, suggestion: str | None):
    assert refusal_of(key, raw).suggestion == suggestion


def test_a_text_has_at_most_2000_characters():
    goals = DICTIONARY["comfort_function_goals"]
    assert goals.typed("a" * LONGEST_TEXT) == "a" * 2000
    detail = "Patient's goals takes at most 2000 characters; this text has 2001."
    assert refusal_of(goals, "a" * 2001).detail == detail


def test_a_refusal_does_not_repeat_a_long_text():
    assert refusal_of("age_years", "7" * 10_000).detail == f'Age is a whole number, not the text "{"7" * 79}…".'
    assert len(refusal_of("disease_phase", "x" * 10_000).detail) < 150


@given(st.sampled_from(sorted(DICTIONARY)), ANYTHING)
def test_whatever_is_sent_is_taken_unchanged_or_refused_in_a_sentence(key: str, raw: Any):
    fact = DICTIONARY[key]
    told = ""
    value = None
    try:
        value = fact.typed(raw)
    except WrongValue as refused:
        told = refused.detail
    if told:
        assert told.startswith(fact.label)
        assert told.endswith(".")
        return
    match fact.type:
        case FactType.BOOLEAN | FactType.TEXT | FactType.INTEGER:
            assert value is raw
        case FactType.DECIMAL:
            assert raw is None or (value == raw and fact.minimum <= value <= fact.maximum)  # type: ignore[operator]
        case FactType.DATE:
            assert raw is None or str(value) == raw
        case FactType.CODE:
            assert value == (None if raw == "unknown" else raw)
        case FactType.CODES:
            assert raw is None or value == frozenset(raw)


# How it is said


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("sedentary", True, "presently sedentary"),
        ("sedentary", False, "not presently sedentary"),
        ("sedentary", None, "presently sedentary: not known"),
        ("age_years", 56, "age 56 years"),
        ("age_years", 1, "age 1 years"),
        ("pain_nrs", 0, "pain intensity 0"),
        ("spo2_room_air", 92.0, "oxygen saturation on room air 92%"),
        ("spo2_room_air", 92.125, "oxygen saturation on room air 92.125%"),
        ("mbc_diagnosis_date", date(2026, 1, 31), "date of metastatic diagnosis 2026-01-31"),
        ("progression_pattern", "de_novo_poor", "progression pattern is de novo poor condition"),
        ("metastatic_sites", frozenset({"liver", "bone"}), "sites of metastasis: bone, liver"),
        ("metastatic_sites", frozenset(), "sites of metastasis: none"),
        ("comfort_function_goals", "to walk the dog", "the patient's own goal: recorded"),
        ("comfort_function_goals", None, "the patient's own goal: not known"),
    ],
)
def test_a_value_in_words(key: str, value: Any, said: str):
    assert DICTIONARY[key].said(value) == said


def test_a_false_value_without_words_of_its_own_is_no_such_thing():
    assert replace(DICTIONARY["pain_present"], absence=None).said(False) == "no pain"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (7, "7"),
        (7.0, "7"),
        (-2.5, "-2.5"),
        (1234567.5, "1234567.5"),
        (1e-7, "0.0000001"),
        (1e16, "10000000000000000"),
        (100, "100"),
    ],
)
def test_a_number_is_written_with_every_digit(number: float, text: str):
    assert plain(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_is_the_number(number: float):
    assert float(plain(number)) == number


# The nearest name


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("ecog", "ecog_ps"),
        ("ecog_p", "ecog_ps"),
        ("age", "age_years"),
        ("pain_nsr", "pain_nrs"),
        ("ag", None),
        ("weight", None),
        ("", None),
    ],
)
def test_the_nearest_name(word: str, near: str | None):
    assert nearest(word, ["age_years", "pain_nrs", "pain_present", "ecog_ps"]) == near


def test_words_are_cut_to_fit_a_sentence():
    assert short("a" * 60) == "a" * 60
    assert short("a" * 61) == "a" * 59 + "…"
