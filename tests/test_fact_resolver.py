"""From what an app posts to what is known of a patient: nothing coerced, nothing stale, the worse of what disagrees."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cds.decisions.intake.derivation import Derived
from cds.decisions.intake.observations import LONGEST_SOURCE, MOST_OBSERVATIONS
from cds.decisions.intake.resolver import FactResolver, ResolvedFacts
from cds.decisions.notices import Notice
from cds.requests import CLOCK_SKEW, MOST_SUGGESTIONS, RequestProblem, UnusableRequest, moment, unstorable
from knowledge.facts import Code, Derivation, Fact, FactType
from knowledge.model.intervals import Interval

AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
NO_ZONE = 'The time has no zone: end it with "Z" or an offset such as "+01:00".'
NO_MOMENT = 'This is not a moment such as "2026-01-31T09:00:00Z".'
FUTURE = "The observation lies in the future: after 2026-01-31T09:00:00Z, the time of evaluation."
NOTHING_ELSE = "An observation has value, observed_at, source, unit and retracts, and nothing else."
NO_TIME = "In a list every observation says when: observed_at is missing."


def fact(key: str, type: FactType, **more: Any) -> Fact:
    more.setdefault("label", key.replace("_", " ").capitalize())
    return Fact(key, type=type, phrase=key.replace("_", " "), topic="test", **more)


def codes(*names: str) -> tuple[Code, ...]:
    return tuple(Code(name, name) for name in names)


def because(value: Any, when: str) -> Derivation:
    return Derivation(value, when, "kida-2021", "p179")


FACTS = {
    one.key: one
    for one in (
        fact("age_years", FactType.INTEGER, minimum=0, maximum=120),
        fact("spo2", FactType.DECIMAL, minimum=50, maximum=100, valid_days=1, conflict_hours=1),
        fact("pain_nrs", FactType.INTEGER, minimum=0, maximum=10, valid_days=30, conflict_hours=24, worse="high"),
        fact(
            "pain_present",
            FactType.BOOLEAN,
            valid_days=30,
            worse="true",
            derivations=(because(True, "pain_nrs >= 1"), because(False, "pain_nrs is 0")),
        ),
        fact("severe_pain", FactType.BOOLEAN, derivations=(because(True, "pain_present and pain_nrs >= 7"),)),
        fact("goal_met", FactType.BOOLEAN),
        fact(
            "uncontrolled_pain",
            FactType.BOOLEAN,
            worse="true",
            derivations=(because(True, "severe_pain or not goal_met"), because(False, "pain_nrs is 0")),
        ),
        fact("disease_phase", FactType.CODE, codes=codes("acute", "stable", "unknown"), conflict_hours=0),
        fact("sites", FactType.CODES, codes=codes("bone", "liver", "brain")),
        fact("goals", FactType.TEXT),
        fact("diagnosis_date", FactType.DATE),
        fact("days_since_diagnosis", FactType.INTEGER, minimum=0, maximum=36500, days_since="diagnosis_date"),
        fact("recent", FactType.BOOLEAN, derivations=(because(True, "days_since_diagnosis <= 56"),)),
    )
}
INTAKE = FactResolver(FACTS)
NOTHING_KNOWN = INTAKE.resolve({}, AT)


def prepared(at: datetime = AT, **posted: Any) -> ResolvedFacts:
    return INTAKE.resolve(posted, at)


def known(at: datetime = AT, **posted: Any) -> dict[str, Any]:
    """What is known of a patient of whom this was posted, what follows from it left out."""
    result = prepared(at, **posted)
    return {name: value for name, value in result.known.items() if name not in result.derived}


def problems(posted: dict[str, Any], at: datetime = AT) -> list[tuple[str, str]]:
    with pytest.raises(UnusableRequest) as refused:
        INTAKE.resolve(posted, at)
    return [(problem.pointer, problem.detail) for problem in refused.value.problems]


def observed(value: Any, before: timedelta = timedelta(0), source: str | None = None) -> dict[str, Any]:
    """An observation so long before the evaluation."""
    said = {"value": value, "observed_at": (AT - before).isoformat()}
    return said if source is None else {**said, "source": source}


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def days(count: float) -> timedelta:
    return timedelta(days=count)


SECOND = timedelta(seconds=1)


# What is posted


def test_a_patient_of_whom_nothing_is_posted_is_a_patient_of_whom_nothing_is_known():
    assert prepared() == ResolvedFacts({}, ({},), {}, {}, ())


def test_bare_values_are_known():
    posted = {
        "age_years": 60,
        "spo2": 92,
        "goal_met": False,
        "disease_phase": "acute",
        "sites": ["bone"],
        "goals": "To walk.",
    }
    assert known(**posted) == {**posted, "spo2": 92.0, "sites": frozenset({"bone"})}


@pytest.mark.parametrize(
    "posted",
    [
        None,
        {"value": None},
        {"value": None, "observed_at": None, "source": None},
        [{"value": None, "observed_at": "2026-01-31T08:00:00Z"}],
    ],
)
def test_null_says_that_it_is_not_known(posted: Any):
    assert prepared(age_years=posted, disease_phase=posted, sites=posted) == NOTHING_KNOWN


def test_the_code_unknown_is_null():
    assert prepared(disease_phase="unknown") == NOTHING_KNOWN
    assert prepared(disease_phase=[observed("unknown")]) == NOTHING_KNOWN


def test_an_empty_list_of_codes_is_known_to_be_empty():
    assert known(sites=[]) == {"sites": frozenset()}


def test_an_observation_may_say_when_and_by_whom():
    assert known(age_years={"value": 60}) == {"age_years": 60}
    assert known(age_years={"value": 60, "observed_at": None}) == {"age_years": 60}
    assert known(age_years=observed(60, days(400), "patient")) == {"age_years": 60}
    assert known(sites={"value": ["bone", "liver"]}) == {"sites": frozenset({"bone", "liver"})}


def test_of_a_list_of_observations_the_newest_is_known():
    assert known(pain_nrs=[observed(3, days(2)), observed(7, days(0.5)), observed(5, days(9))]) == {"pain_nrs": 7}
    assert known(sites=[observed(["bone"], days(40)), observed(["bone", "liver"], days(2))]) == {
        "sites": frozenset({"bone", "liver"})
    }


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-31T09:00:00Z", AT),
        ("2026-01-31T10:00:00+01:00", AT),
        ("2026-01-31T18:00:00+09:00", AT),
        ("2026-01-31T00:30:00-08:30", AT),
        ("2026-01-31T09:00:00.250Z", AT + timedelta(milliseconds=250)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_utc(text: str, at: datetime):
    found: list[RequestProblem] = []
    read = moment(text, "/evaluated_at", found)
    assert read is not None
    assert (read, read.tzinfo) == (at, UTC)
    assert found == []


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        ("2026-01-31T09:00:00", NO_ZONE),
        ("2026-01-31", NO_MOMENT),
        ("2026-01-31 09:00:00Z", NO_MOMENT),
        ("2026-02-30T09:00:00Z", NO_MOMENT),
        ("2026-01-31T25:00:00Z", NO_MOMENT),
        ("Tomorrow", NO_MOMENT),
        ("", NO_MOMENT),
        ("0001-01-01T00:00:00+14:00", NO_MOMENT),
        ("9999-12-31T23:59:59-14:00", NO_MOMENT),
        ("T\ud800", NO_MOMENT),
        (1769850000, NO_MOMENT),
        (True, NO_MOMENT),
        ([], NO_MOMENT),
    ],
)
def test_what_is_no_moment_is_refused(raw: Any, detail: str):
    found: list[RequestProblem] = []
    assert moment(raw, "/evaluated_at", found) is None
    assert found == [RequestProblem("/evaluated_at", detail)]


# What is refused


def test_all_problems_of_a_request_are_told_at_once_each_with_its_place():
    posted = {
        "age_year": 60,
        "spo2": "92",
        "disease_phase": "acut",
        "pain_nrs": [
            observed(11),
            {"value": 5},
            7,
            {"observed_at": "yesterday", "valu": 5},
            {"value": "5", "observed_at": "2026-01-31T08:00:00", "source": 5, "by": "nurse"},
        ],
        "sites": {"value": ["bone", "lver"], "observed_at": "2026-02-01T09:00:00Z"},
        "age_years": 60,
    }
    assert problems(posted) == [
        ("/facts/age_year", "There is no fact called 'age_year'. Did you mean age_years?"),
        ("/facts/spo2", 'Spo2 is a number, not the text "92".'),
        ("/facts/disease_phase", 'Disease phase is one of acute, stable, unknown, not the text "acut".'),
        ("/facts/pain_nrs/0/value", "Pain nrs has the range 0 to 10; 11 is outside it."),
        ("/facts/pain_nrs/1", NO_TIME),
        ("/facts/pain_nrs/2", "A list holds observations: objects with value and observed_at."),
        ("/facts/pain_nrs/3/valu", NOTHING_ELSE),
        ("/facts/pain_nrs/3", "The observation has no value; null says that it is not known."),
        ("/facts/pain_nrs/3/observed_at", NO_MOMENT),
        ("/facts/pain_nrs/4/by", NOTHING_ELSE),
        ("/facts/pain_nrs/4/observed_at", NO_ZONE),
        ("/facts/pain_nrs/4/source", "The source is a text of at most 100 characters, such as “patient”."),
        ("/facts/pain_nrs/4/value", 'Pain nrs is a whole number, not the text "5".'),
        ("/facts/sites/observed_at", FUTURE),
        ("/facts/sites/value", 'Sites: each code is one of bone, liver, brain, not the text "lver".'),
    ]


@pytest.mark.parametrize(
    ("name", "raw", "told"),
    [
        ("age_years", 7.5, "Age years is a whole number, not 7.5."),
        ("age_years", True, "Age years is a whole number, not true."),
        ("age_years", 121, "Age years has the range 0 to 120; 121 is outside it."),
        ("goal_met", 1, "Goal met is true or false, not 1."),
        ("spo2", 92500, "Spo2 has the range 50 to 100; 92500 is outside it."),
        ("disease_phase", 3, "Disease phase is one of acute, stable, unknown, not 3."),
        ("goals", False, "Goals is a text, not false."),
        ("diagnosis_date", 20260131, "Diagnosis date is a date such as 2026-01-31, not 20260131."),
    ],
)
def test_a_bare_value_that_the_fact_cannot_have_is_refused_at_its_name(name: str, raw: Any, told: str):
    assert problems({name: raw}) == [(f"/facts/{name}", told)]
    assert problems({name: {"value": raw}}) == [(f"/facts/{name}/value", told)]
    assert problems({name: [observed(raw)]}) == [(f"/facts/{name}/0/value", told)]


def test_the_nearest_name_comes_with_a_problem():
    with pytest.raises(UnusableRequest) as refused:
        prepared(age_year=60, weight=70, disease_phase="acut", pain_nrs={"valeu": 7})
    suggestions = {problem.pointer: problem.suggestion for problem in refused.value.problems}
    assert suggestions == {
        "/facts/age_year": "age_years",
        "/facts/weight": None,
        "/facts/disease_phase": "acute",
        "/facts/pain_nrs/valeu": "value",
        "/facts/pain_nrs": None,
    }
    assert str(refused.value).split("; ")[1] == (
        "/facts/weight: There is no fact called 'weight'. GET /api/v1/facts lists them."
    )


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("a/b", "/facts/a~1b"),
        ("a~b", "/facts/a~0b"),
        ("~1", "/facts/~01"),
        ("~/~", "/facts/~0~1~0"),
        ("", "/facts/"),
        ("Größe 😀", "/facts/Größe 😀"),
    ],
)
def test_a_pointer_escapes_what_rfc_6901_asks_for(name: str, pointer: str):
    assert [place for place, _ in problems({name: 1})] == [pointer]
    assert [place for place, _ in problems({"age_years": {"value": 60, name: 1}})] == [
        pointer.replace("/facts/", "/facts/age_years/", 1)
    ]


def test_a_flood_of_unknown_names_gets_a_few_suggestions():
    with pytest.raises(UnusableRequest) as refused:
        INTAKE.resolve({f"age_year{number}": 1 for number in range(5_000)}, AT)
    suggested = [problem for problem in refused.value.problems if problem.suggestion]
    assert len(refused.value.problems) == 5_000
    assert len(suggested) == MOST_SUGGESTIONS


def test_the_pointer_to_a_very_long_name_is_cut():
    assert problems({"x" * 101: 1})[0][0] == f"/facts/{'x' * 99}…"
    assert problems({"x" * 100: 1})[0][0] == f"/facts/{'x' * 100}"


@pytest.mark.parametrize("name", ["x" * 100_000, "\ud800" * 5, "\x00", "\u202e", "{{7*7}}"])
def test_whatever_a_name_is_its_problem_can_be_shown(name: str):
    [(pointer, detail)] = problems({name: 1})
    assert len(pointer) < 1000
    assert len(detail) < 1000
    assert (pointer + detail).encode("utf-8")


@pytest.mark.parametrize("posted", [[], [observed(7)] * (MOST_OBSERVATIONS + 1)])
def test_a_list_holds_one_to_a_hundred_observations(posted: list[Any]):
    assert problems({"pain_nrs": posted}) == [
        ("/facts/pain_nrs", f"A list holds 1 to 100 observations, not {len(posted)}.")
    ]
    assert known(pain_nrs=[observed(7)] * MOST_OBSERVATIONS) == {"pain_nrs": 7}


@pytest.mark.parametrize("source", ["", "x" * LONGEST_SOURCE, "Dr. Größe 😀", None])
def test_a_source_is_a_short_text(source: str | None):
    assert known(age_years={"value": 60, "source": source}) == {"age_years": 60}


@pytest.mark.parametrize("source", ["x" * (LONGEST_SOURCE + 1), "a\x00", "a\ud800", 7, True, ["patient"]])
def test_and_nothing_else(source: Any):
    assert problems({"age_years": {"value": 60, "source": source}}) == [
        ("/facts/age_years/source", "The source is a text of at most 100 characters, such as “patient”.")
    ]


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[31m", "\ud800", "\x7f"])
def test_a_text_that_cannot_be_stored_or_shown_is_refused(text: str):
    assert unstorable(text)
    assert problems({"goals": text}) == [("/facts/goals", "Goals holds a control character or half a character.")]
    assert problems({"goals": {"value": text}})[0][0] == "/facts/goals/value"


def test_a_text_of_several_lines_with_an_emoji_is_known():
    text = "To walk:\r\n\tthe dog 🐕‍🦺"
    assert not unstorable(text)
    assert known(goals=text) == {"goals": text}


# The future


def test_an_observation_may_run_ahead_as_far_as_clocks_do():
    assert known(age_years=observed(60, -CLOCK_SKEW)) == {"age_years": 60}
    assert problems({"age_years": observed(60, -CLOCK_SKEW - SECOND)}) == [("/facts/age_years/observed_at", FUTURE)]
    assert problems({"age_years": [observed(60, -CLOCK_SKEW - SECOND)]}) == [("/facts/age_years/0/observed_at", FUTURE)]


def test_it_is_the_moment_that_counts_and_not_the_hour_on_the_wall():
    tokyo = timezone(hours(9))
    assert known(age_years={"value": 60, "observed_at": AT.astimezone(tokyo).isoformat()}) == {"age_years": 60}
    ahead = (AT + hours(1)).astimezone(timezone(hours(-8)))
    assert problems({"age_years": {"value": 60, "observed_at": ahead.isoformat()}}) == [
        ("/facts/age_years/observed_at", FUTURE)
    ]


def test_a_date_is_not_after_the_day_of_its_observation():
    assert known(diagnosis_date="2026-01-31") == {"diagnosis_date": date(2026, 1, 31)}
    assert problems({"diagnosis_date": "2026-02-01"}) == [
        ("/facts/diagnosis_date", "Diagnosis date lies in the future: 2026-02-01.")
    ]
    assert problems({"diagnosis_date": observed("2026-01-30", days(2))}) == [
        ("/facts/diagnosis_date/value", "Diagnosis date lies in the future: 2026-01-30.")
    ]


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_are_moments_like_others(at: datetime):
    posted = [{"value": 7, "observed_at": at.isoformat()}, {"value": 8, "observed_at": at.isoformat()}]
    assert [notice.code for notice in prepared(at, pain_nrs=posted).notices] == ["disagreement"]
    assert known(at, pain_nrs=7) == {"pain_nrs": 7}


# Too old


def test_an_observation_is_valid_for_exactly_its_days_from_the_first_hour_to_the_last():
    first_hour = datetime(2026, 1, 1, tzinfo=UTC)
    assert known(pain_nrs=observed(7, AT - first_hour)) == {"pain_nrs": 7}
    result = prepared(pain_nrs=observed(7, AT - first_hour + SECOND, "patient"))
    assert result.known == {}
    assert result.notices == (
        Notice(
            "too_old",
            "“pain nrs 7” on 2025-12-31 23:59 UTC by patient is older than 30 days and counts as not known. Ask again.",
            ("pain_nrs",),
        ),
    )


def test_the_newest_observation_says_how_old_the_knowledge_is():
    assert known(pain_nrs=[observed(7, days(31)), observed(7, days(29))]) == {"pain_nrs": 7}
    assert prepared(pain_nrs=[observed(7, days(31)), observed(7, days(40))]).notices[0].code == "too_old"


def test_a_bare_value_and_a_fact_without_an_end_never_grow_old():
    assert known(pain_nrs=7) == {"pain_nrs": 7}
    assert known(age_years=observed(60, days(20_000))) == {"age_years": 60}


def test_an_old_null_is_no_notice():
    assert prepared(pain_nrs=observed(None, days(31))) == NOTHING_KNOWN


# Conflicts


def test_of_two_sources_that_differ_within_the_window_the_worse_counts_and_both_are_shown():
    result = prepared(pain_nrs=[observed(7, hours(25), "nurse"), observed(3, hours(2), "patient")])
    assert result.known["pain_nrs"] == 7
    assert result.notices == (
        Notice(
            "disagreement",
            "Pain nrs: “pain nrs 3” on 2026-01-31 07:00 UTC by patient and “pain nrs 7” on 2026-01-30 08:00 UTC by "
            "nurse disagree; the worse counts, “pain nrs 7”. Ask again now.",
            ("pain_nrs",),
        ),
    )


def test_where_nobody_says_which_is_worse_it_is_not_known():
    result = prepared(spo2=[observed(92, hours(0.5), "nurse"), observed(88, source="patient")])
    assert result.known == {}
    assert [notice.code for notice in result.notices] == ["disagreement"]
    assert "disagree; it counts as not known. Ask again now." in result.notices[0].detail


def test_outside_the_window_the_newest_wins_without_a_word():
    posted = [observed(7, hours(26) + SECOND, "nurse"), observed(3, hours(2), "patient")]
    assert known(pain_nrs=posted) == known(pain_nrs=posted[::-1]) == {"pain_nrs": 3}
    assert prepared(pain_nrs=posted).notices == ()


def test_a_window_of_no_hours_holds_only_the_same_moment():
    phases = [observed("acute", hours(1), "nurse"), observed("stable", hours(1), "oncologist")]
    assert [notice.code for notice in prepared(disease_phase=phases).notices] == ["disagreement"]
    phases[1] = observed("stable", hours(1) - SECOND, "oncologist")
    assert known(disease_phase=phases) == {"disease_phase": "stable"}


def test_observations_that_agree_are_no_conflict():
    assert known(pain_nrs=[observed(7, hours(2)), observed(7, hours(1))]) == {"pain_nrs": 7}
    assert known(spo2=[observed(92, hours(0.5)), observed(92.0)]) == {"spo2": 92.0}
    assert known(sites=[observed(["liver", "bone"], hours(2)), observed(["bone", "liver"])]) == {
        "sites": frozenset({"bone", "liver"})
    }


def test_agreement_with_the_newest_does_not_hide_a_third_that_differs():
    posted = [observed(3, hours(2), "a"), observed(3, hours(1), "b"), observed(7, hours(3), "c")]
    assert known(pain_nrs=posted) == {"pain_nrs": 7}
    assert [notice.code for notice in prepared(pain_nrs=posted).notices] == ["disagreement"]


def test_two_that_disagree_before_the_window_of_the_newest_are_history():
    posted = [observed(3, days(3), "a"), observed(7, days(3), "b"), observed(5, source="c")]
    assert known(pain_nrs=posted) == {"pain_nrs": 5}
    assert prepared(pain_nrs=posted).notices == ()


def test_a_null_in_a_list_says_nothing():
    assert known(pain_nrs=[observed(None, hours(2)), observed(7)]) == {"pain_nrs": 7}
    assert known(pain_nrs=[observed(8, hours(2)), observed(None)]) == {"pain_nrs": 8}
    assert prepared(pain_nrs=[observed(8, hours(2)), observed(None)]).notices == ()


@pytest.mark.parametrize("turned", [False, True])
def test_at_one_moment_a_value_says_more_than_a_null_in_whatever_order(turned: bool):
    posted = [observed(7), observed(None)]
    assert known(pain_nrs=posted[::-1] if turned else posted) == {"pain_nrs": 7}


# What follows


def test_what_follows_is_known_with_its_reason():
    result = prepared(pain_nrs=8)
    assert result.known == {"pain_nrs": 8, "pain_present": True, "severe_pain": True, "uncontrolled_pain": True}
    assert result.derived == {
        "pain_present": Derived("pain_nrs >= 1", ("pain_nrs",), "kida-2021", "p179"),
        "severe_pain": Derived("pain_present and pain_nrs >= 7", ("pain_present", "pain_nrs"), "kida-2021", "p179"),
        "uncontrolled_pain": Derived("severe_pain or not goal_met", ("severe_pain", "goal_met"), "kida-2021", "p179"),
    }


def test_false_follows_as_well_as_true():
    assert prepared(pain_nrs=0).known == {"pain_nrs": 0, "pain_present": False, "uncontrolled_pain": False}


def test_nothing_follows_from_what_is_not_known():
    assert prepared(goal_met=True).known == {"goal_met": True}
    assert prepared(pain_nrs=3).known == {"pain_nrs": 3, "pain_present": True}


def test_one_known_part_of_an_or_suffices():
    assert prepared(goal_met=False).known == {"goal_met": False, "uncontrolled_pain": True}


def test_what_was_posted_at_the_same_moment_is_a_contradiction_and_the_worse_counts():
    result = prepared(pain_nrs=8, pain_present=False)
    assert result.known["pain_present"] is True
    assert result.derived["pain_present"].when == "pain_nrs >= 1"
    assert result.known["severe_pain"] is True
    assert result.notices == (
        Notice(
            "contradiction",
            "Pain present: “no pain present” was posted, but “pain present” follows from the rest; the worse counts, "
            "“pain present”. Check it now.",
            ("pain_present", "pain_nrs"),
        ),
    )


def test_a_posted_null_leaves_room_for_what_follows():
    assert prepared(pain_nrs=8, pain_present=None).known["pain_present"] is True


def test_a_stale_value_leaves_room_for_what_follows():
    result = prepared(pain_nrs=0, pain_present=observed(True, days(31)))
    assert result.known["pain_present"] is False
    assert "pain_present" in result.derived
    assert [notice.code for notice in result.notices] == ["too_old"]


def test_a_disputed_fact_stays_unknown_whatever_follows():
    posted = [observed(True, hours(1), "nurse"), observed(False, source="patient")]
    result = prepared(pain_nrs=8, severe_pain=posted)
    assert "severe_pain" not in result.known
    assert "uncontrolled_pain" not in result.known
    assert [(notice.facts, notice.code) for notice in result.notices] == [(("severe_pain",), "disagreement")]


def test_nothing_follows_from_a_stale_or_disputed_fact():
    assert prepared(pain_nrs=observed(8, days(31))).known == {}
    assert prepared(goal_met=[observed(False, hours(1), "nurse"), observed(True)]).known == {}


def test_of_two_values_that_follow_at_once_the_worse_counts():
    result = prepared(goal_met=False, pain_nrs=0)
    assert result.known["uncontrolled_pain"] is True
    assert result.notices == (
        Notice(
            "follows_differently",
            "Uncontrolled pain: what is known leads to “uncontrolled pain” and “no uncontrolled pain”; the worse "
            "counts, “uncontrolled pain”. Check what it follows from.",
            ("uncontrolled_pain", "goal_met", "pain_nrs"),
        ),
    )


def test_what_follows_does_not_depend_on_the_order_of_the_dictionary():
    turned = FactResolver(dict(reversed(FACTS.items())))
    posted = {"pain_nrs": 8, "diagnosis_date": "2026-01-01"}
    assert turned.resolve(posted, AT).known == INTAKE.resolve(posted, AT).known


def test_nor_on_the_seed_with_which_python_hashes():
    """An auditor's process must give the same answer, with its notices in the same order."""
    script = "from tests.test_fact_resolver import *; print(list(prepared(pain_nrs=8, goal_met=True).known))"

    def answer(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert len({answer(seed) for seed in ("1", "2", "3")}) == 1


def test_the_days_since_a_date_are_whole_days_in_utc():
    assert prepared(diagnosis_date="2026-01-31").known["days_since_diagnosis"] == 0
    assert prepared(diagnosis_date="2025-12-06").known == {
        "diagnosis_date": date(2025, 12, 6),
        "days_since_diagnosis": 56,
        "recent": True,
    }
    assert "recent" not in prepared(diagnosis_date="2025-12-05").known
    assert prepared(diagnosis_date="2026-01-01").derived["days_since_diagnosis"] == Derived(
        "days since diagnosis_date", ("diagnosis_date",), None, None
    )
    before_midnight = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert prepared(before_midnight, diagnosis_date="2026-01-30").known["days_since_diagnosis"] == 1
    in_tokyo = datetime(2026, 2, 1, 1, tzinfo=timezone(hours(9)))
    assert prepared(in_tokyo, diagnosis_date="2026-01-30").known["days_since_diagnosis"] == 1


def test_a_posted_number_of_days_is_held_against_the_date():
    result = prepared(diagnosis_date="2026-01-01", days_since_diagnosis=7)
    assert "days_since_diagnosis" not in result.known
    assert [notice.code for notice in result.notices] == ["contradiction"]
    assert prepared(diagnosis_date="2026-01-01", days_since_diagnosis=30).notices == ()


def test_a_date_so_old_that_its_days_cannot_be_is_refused_as_a_slip():
    told = "0026-01-31 is implausible: Days since diagnosis has the range 0 to 36500; 730485 is outside it."
    assert problems({"diagnosis_date": "0026-01-31"}) == [("/facts/diagnosis_date", told)]


def test_a_clock_that_runs_ahead_over_midnight_makes_no_negative_days():
    at = datetime(2026, 1, 31, 23, 58, tzinfo=UTC)
    posted = {"value": "2026-02-01", "observed_at": "2026-02-01T00:01:00Z"}
    assert prepared(at, diagnosis_date=posted).known["days_since_diagnosis"] == 0


# Whatever is posted


def outcome_of(posted: dict[str, Any], at: datetime) -> tuple[ResolvedFacts | None, tuple[RequestProblem, ...]]:
    """What is prepared, or else the problems; whatever else is raised is a defect."""
    try:
        return INTAKE.resolve(posted, at), ()
    except UnusableRequest as refused:
        return None, refused.problems


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["acute", "bone", "2026-01-31"]),
    lambda parts: (
        st.lists(parts, max_size=4)
        | st.dictionaries(st.sampled_from(["value", "observed_at", "source"]) | st.text(), parts, max_size=4)
    ),
    max_leaves=12,
)
MOMENTS = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | st.sampled_from(
    ["2026-01-31T08:00:00Z", "2026-01-31T09:00:00Z", "2026-01-30T09:00:00+09:00", "2026-01-31T08:00:00", "T", None]
)
VALUES = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        7,
        10,
        11,
        -1,
        92.5,
        10**400,
        "acute",
        "stable",
        "unknown",
        [],
        ["bone"],
        ["bone", "liver"],
        "2026-01-31",
        "0001-01-01",
        "2024-02-29",
        "2021-05",
        "2021",
        "<20",
        ">= 7",
        "<=92.5",
    ]
)
OBSERVATIONS = st.fixed_dictionaries(
    {"value": VALUES, "observed_at": MOMENTS},
    optional={"source": st.sampled_from(["a", "A", "b"]) | st.text(max_size=3), "retracts": st.booleans()},
)
POSTED = JSON | VALUES | OBSERVATIONS | st.lists(OBSERVATIONS, max_size=4)


@given(
    st.dictionaries(st.sampled_from(sorted(FACTS)) | st.text(max_size=5), POSTED, max_size=6),
    st.datetimes(timezones=st.just(UTC)),
)
@example({"diagnosis_date": "0001-01-01"}, AT)
@example({"pain_nrs": {"value": 7, "observed_at": "9999-12-31T23:59:59Z"}}, datetime.max.replace(tzinfo=UTC))
@example({"spo2": 10**400}, AT)
def test_whatever_is_posted_it_is_prepared_or_refused(posted: dict[str, Any], at: datetime):
    result, problems = outcome_of(posted, at)
    if result is None:
        assert problems
        assert all(problem.pointer.startswith("/facts/") and problem.detail for problem in problems)
        return
    assert result.known.keys() <= FACTS.keys()
    assert result.derived.keys() <= result.known.keys()
    for name, value in result.known.items():
        if isinstance(value, Interval):
            assert all(name not in variant or variant[name] in value for variant in result.variants)
            continue
        raw = value.isoformat() if isinstance(value, date) else value
        assert FACTS[name].typed(raw) == value
        assert type(FACTS[name].typed(raw)) is type(value)
    for notice in result.notices:
        assert set(notice.facts) <= FACTS.keys()


@given(st.sampled_from(["pain_nrs", "spo2", "goal_met"]), st.lists(OBSERVATIONS, min_size=1, max_size=5), st.randoms())
def test_the_order_in_which_observations_are_posted_does_not_matter(name: str, posted: list[Any], random: Any):
    result, problems = outcome_of({name: posted}, AT)
    mixed, mixed_problems = outcome_of({name: random.sample(posted, len(posted))}, AT)
    assert sorted(problem.detail for problem in problems) == sorted(problem.detail for problem in mixed_problems)
    if result is not None and mixed is not None:
        assert result.known == mixed.known
        assert [notice.code for notice in result.notices] == [notice.code for notice in mixed.notices]
