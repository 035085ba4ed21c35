"""A patient's facts as text: what is written is read again; what is typed is read, or refused with a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from knowledge import patients
from knowledge.errors import PatientError, PatientProblem
from knowledge.facts import Fact, FactType
from knowledge.patients import read, write
from tests import clinic
from tests.strategies import moderately

FACTS = clinic.shipped_base().facts
VIGNETTES = list(clinic.shipped_base().vignettes.values())

HER = """
age_years: 60
diabetes_mellitus: yes
starting_exercise_program: No

disease_phase: acute at 2026-01-30T10:00:00Z by oncologist
disease_phase: stable at 2026-01-02T10:00:00Z by primary care
metastatic_sites: bone, liver
hematocrit: 36.6
mbc_diagnosis_date: 2024-03-31
pain_nrs: 7 by patient at 2026-01-31T08:00:00+01:00
ecog_ps: not known
autopsy_wish: yes
comfort_function_goals: "Walk to the “Lindenhof”, at noon, by herself: \\"again\\"."
"""
POSTED: dict[str, Any] = {
    "age_years": 60,
    "diabetes_mellitus": True,
    "starting_exercise_program": False,
    "disease_phase": [
        {"value": "acute", "observed_at": "2026-01-30T10:00:00Z", "source": "oncologist"},
        {"value": "stable", "observed_at": "2026-01-02T10:00:00Z", "source": "primary care"},
    ],
    "metastatic_sites": ["bone", "liver"],
    "hematocrit": 36.6,
    "mbc_diagnosis_date": "2024-03-31",
    "pain_nrs": {"value": 7, "observed_at": "2026-01-31T08:00:00+01:00", "source": "patient"},
    "ecog_ps": None,
    "autopsy_wish": "yes",
    "comfort_function_goals": 'Walk to the “Lindenhof”, at noon, by herself: "again".',
}


def problems(text: str) -> list[PatientProblem]:
    with pytest.raises(PatientError) as refused:
        read(text, FACTS)
    return list(refused.value.problems)


def problem(text: str) -> PatientProblem:
    [one] = problems(text)
    return one


def canonical(posted: dict[str, Any]) -> dict[str, Any]:
    """The same facts said as shortly as they can be: 56.0 as 56, a lone observation without its list."""
    return {name: _canonical(raw) for name, raw in posted.items()}


def _canonical(raw: Any) -> Any:
    match raw:
        case [dict() as one]:
            return _canonical(one)
        case {"value": value, **more}:
            kept = {name: part for name, part in more.items() if part is not None}
            return {"value": _canonical(value), **kept} if kept else _canonical(value)
        case list():
            return [_canonical(one) for one in raw]
        case float() if raw.is_integer():
            return int(raw)
        case _:
            return raw


def test_a_patient_is_read_line_by_line() -> None:
    assert read(HER, FACTS) == POSTED


def test_she_is_written_so_that_she_reads_the_same() -> None:
    text = write(POSTED, FACTS)
    assert read(text, FACTS) == POSTED
    assert "pain_nrs: 7 at 2026-01-31T08:00:00+01:00 by patient\n" in text
    assert "disease_phase: stable at 2026-01-02T10:00:00Z by primary care\n" in text
    assert "autopsy_wish: yes\n" in text


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda one: one.key)
def test_every_shipped_patient_comes_back(vignette: Any) -> None:
    assert read(write(vignette.facts), FACTS) == vignette.facts
    assert read(write(vignette.facts, FACTS), FACTS) == vignette.facts


def test_nobody_is_a_patient_of_whom_nothing_is_known() -> None:
    assert read(" \r\n\n", FACTS) == {}
    assert write({}) == ""


def test_no_sites_at_all_is_not_the_same_as_not_known() -> None:
    assert read("metastatic_sites: none of these", FACTS) == {"metastatic_sites": []}
    assert read("metastatic_sites: not known", FACTS) == {"metastatic_sites": None}
    assert write({"metastatic_sites": []}) == "metastatic_sites: none of these\n"


def test_a_yes_that_is_a_text_stays_one() -> None:
    assert write({"diabetes_mellitus": "yes"}, FACTS) == 'diabetes_mellitus: "yes"\n'
    assert "true or false" in problem('diabetes_mellitus: "yes"').detail


def test_a_number_that_is_a_text_stays_one() -> None:
    assert write({"pain_nrs": "7"}) == 'pain_nrs: "7"\n'
    assert problem('pain_nrs: "7"').detail.endswith('is a whole number, not the text "7".')


@pytest.mark.parametrize(
    ("line", "detail", "suggestion"),
    [
        ("ecog: 2", "There is no fact called “ecog”. Did you mean ecog_ps?", "ecog_ps"),
        ("Diabetes mellitus: yes", "There is no fact called “Diabetes mellitus”.", "diabetes_mellitus"),
        ("age_years 60", "A line is a fact, a colon and a value", "age_years"),
        ("age_years:", "write the value after the colon, or take the line out", None),
        ("age_years: at 2026-01-31T08:00:00Z", "write the value after the colon", None),
        ("age_years: 60 years", 'is a whole number, not the text "60 years".', "60"),
        ("age_years: 60.5", "is a whole number, not 60.5.", None),
        ("age_years: " + "9" * 5000, "is a whole number, not the text", None),
        ("pain_nrs: 11", "has the range 0 to 10; 11 is outside it.", None),
        ("disease_phase: Acute", "is one of acute", "acute"),
        ("hematocrit: 36,6", "is a number, not the text", "36.6"),
        ("kps: 75", "goes in steps of 10; 75 is not one of them.", None),
        ("diabetes_mellitus: true", "is yes or no, not “true”.", "yes"),
        ("diabetes_mellitus: 1", "is yes or no, not “1”.", None),
        ("disease_phase: actue", "is one of acute, stable, deteriorating, terminal, not", "acute"),
        ("metastatic_sites: bone liver", "each code is one of bone, liver", "bone, liver"),
        ("metastatic_sites: bone,", "one is missing", None),
        ("mbc_diagnosis_date: 31.03.2024", "is a date such as 2026-01-31", None),
        ("mbc_diagnosis_date: 2024-02-30", "is a date such as 2026-01-31", None),
        ("pain_nrs: 7 at noon", "This is not a moment such as", None),
        ("pain_nrs: 7 at", "This is not a moment such as", None),
        ("pain_nrs: 7 at 2026-01-31T08:00:00", "The time has no zone", None),
        ("pain_nrs: 7 at 9999-12-31T23:59:59-12:00", "This is not a moment", None),
        ("pain_nrs: 7 by", "Say after “by” who observed it", None),
        ("pain_nrs: 7 by patient by nurse", "“by” stands twice", None),
        ("comfort_function_goals: walk again", "put it in double quotes", '"walk again"'),
        ('comfort_function_goals: "walk again', "does not end", None),
        ('comfort_function_goals: "\\x"', "cannot be read", None),
        ('comfort_function_goals: "\\ud800"', "control character or half a character", None),
        ('comfort_function_goals: "\x00"', "control character", None),
        ('comfort_function_goals: " "', "is a text, not the text", None),
        ('pain_nrs: 7 by "\\u0000"', "control character", None),
        ('disease_phase: {"value": "acute"}', "is one of acute", None),
    ],
)
def test_what_is_wrong_is_said_at_its_line(line: str, detail: str, suggestion: str | None) -> None:
    found = problem(f"has_mbc: yes\n{line}\n")
    assert found.line == 2
    assert detail in found.detail
    assert found.detail.endswith((".", "?"))
    assert found.suggestion == suggestion


def test_everything_wrong_is_said_at_once_with_the_nearest_name() -> None:
    found = problems("ecog: 1\npain_nrs: 6\npain_nrs: 99\ndisease_phase: actue\n")
    assert [(one.line, one.suggestion) for one in found] == [(1, "ecog_ps"), (3, None), (4, "acute")]


def test_two_observations_of_one_fact_say_when() -> None:
    found = problem("pain_nrs: 6\nhas_mbc: yes\npain_nrs: 7 at 2026-01-31T08:00:00Z\n")
    assert found.line == 3
    assert "pain_nrs stands on the lines 1, 3: let each say when" in found.detail


def test_the_lines_of_a_fact_are_known() -> None:
    assert patients.lines("\nage_years: 60\r\n\r\npain_nrs: 7\rpain_nrs: 8") == {"age_years": [2], "pain_nrs": [4, 5]}


def test_a_hundred_kilobytes_are_refused_with_a_sentence() -> None:
    found = problem("pain_nrs: 7\n" * 9000)
    assert found.line == 1
    assert found.detail == (
        "The facts of one patient take at most 50,000 characters; this text has 108,000. Nothing of it was read."
    )


def test_a_flood_of_mistakes_ends_with_a_sentence() -> None:
    found = problems("x: 1\n" * 5000)
    assert len(found) == patients.MOST_PROBLEMS + 1
    assert "From here on nothing was read" in found[-1].detail


MOMENTS = some.sampled_from(["2026-01-31T08:00:00Z", "2026-01-31T08:00Z", "2026-01-31T08:00:00.123456+05:30"])
TEXTS = some.text(some.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)
SOURCES = some.sampled_from(["patient", "primary care", "at", "by night", "", '"', "nurse, ward 3", "  two"]) | TEXTS


def values(fact: Fact) -> some.SearchStrategy[Any]:
    match fact.type:
        case FactType.BOOLEAN:
            return some.booleans()
        case FactType.INTEGER:
            step = fact.step or 1
            low, high = int(fact.minimum or 0), int(fact.maximum or 2**53 - 1)
            return some.integers(-(-low // step), high // step).map(lambda number: number * step)
        case FactType.DECIMAL:
            return some.floats(fact.minimum, fact.maximum) | some.integers(
                int(fact.minimum or 0), int(fact.maximum or 100)
            )
        case FactType.DATE:
            return some.dates().map(str)
        case FactType.CODE:
            return some.sampled_from([code.code for code in fact.codes])
        case FactType.CODES:
            return some.lists(some.sampled_from([code.code for code in fact.codes]), max_size=4)
        case FactType.TEXT:
            return TEXTS | some.sampled_from(["not known", "yes", "told", "at", "2026-01-31", "line\nline\ttab", "\\"])


def observed(values: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    more = {"observed_at": MOMENTS | some.none(), "source": SOURCES | some.none()}
    one = some.fixed_dictionaries({"value": values}, optional=more)
    dated = some.fixed_dictionaries(
        {"value": values | some.none(), "observed_at": MOMENTS}, optional={"source": SOURCES}
    )
    return values | some.none() | one | some.lists(dated, min_size=1, max_size=3)


PATIENTS = some.lists(some.sampled_from(list(FACTS.values())), max_size=8, unique_by=lambda fact: fact.key).flatmap(
    lambda facts: some.fixed_dictionaries({fact.key: observed(values(fact)) for fact in facts})
)


@moderately
@given(PATIENTS)
@example({"comfort_function_goals": {"value": "at", "source": "by"}, "autopsy_wish": "no", "bsi_gsi": 1e-7})
def test_whatever_is_known_of_a_patient_is_written_and_read_again(posted: dict[str, Any]) -> None:
    assert read(write(posted), FACTS) == canonical(posted)
    assert read(write(posted, FACTS), FACTS) == canonical(posted)


def outcome(text: str) -> tuple[dict[str, Any] | None, tuple[PatientProblem, ...]]:
    try:
        return read(text, FACTS), ()
    except PatientError as refused:
        return None, refused.problems


WORDS = some.sampled_from([*FACTS]) | some.sampled_from(["yes", "no", "at", "by", ",", '"', ":", "7", "-1", "\n", "\\"])


@moderately
@given(some.text(max_size=200) | some.lists(WORDS | some.text(max_size=3), max_size=25).map(" ".join))
def test_any_text_is_read_or_refused_with_sentences(text: str) -> None:
    posted, refused = outcome(text)
    assert (posted is None) == bool(refused)
    for one in refused:
        assert 1 <= one.line <= text.count("\n") + text.count("\r") + 1
        assert one.detail.endswith((".", "?"))
        one.detail.encode()
    if posted is not None:
        assert read(write(posted), FACTS) == canonical(posted)


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@moderately
@given(some.dictionaries(some.sampled_from([*FACTS]) | some.text(max_size=5), JSON, max_size=4))
def test_whatever_is_stored_can_be_shown_a_line_for_each_observation(posted: dict[str, Any]) -> None:
    text = write(posted)
    written = sum(
        len(raw) if isinstance(raw, list) and raw and isinstance(raw[0], dict) else 1 for raw in posted.values()
    )
    assert text.count("\n") == written
    text.encode()
