"""What a clinic posts and what then counts: change, disagreement, contradiction, what is not said, what goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.deciding import Answer, Question, decide
from cds.decisions.intake.resolver import ResolvedFacts
from cds.decisions.notices import CODES
from cds.pages.labels import _NOTICED
from cds.releases import PreparedRelease
from cds.requests import UnusableRequest
from cds.writing import instant
from knowledge.facts import Fact, FactType
from knowledge.items import HazardState, State, Urgency
from knowledge.model.intervals import Interval
from knowledge.model.zones import zone_named
from tests.clinic import shipped_base
from tests.proof.small import prepared
from tests.strategies import moderately

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def release() -> Iterator[PreparedRelease]:
    with prepared(shipped_base()) as release:
        yield release


def ago(value: Any, by: str | None = None, **time: float) -> dict[str, Any]:
    """An observation some time ago."""
    return {"value": value, "observed_at": instant(NOW - timedelta(**time)), "source": by}


def taken_back(by: str) -> dict[str, Any]:
    return {"retracts": True, "observed_at": instant(NOW), "source": by}


def resolved(
    release: PreparedRelease, *, at: datetime = NOW, zone: str = "UTC", set_aside: bool = False, **facts: Any
) -> ResolvedFacts:
    return release.resolver.resolve(facts, at, zone=zone_named(zone), set_aside=set_aside)


def answer(release: PreparedRelease, facts: Mapping[str, Any], **more: Any) -> Answer:
    return decide(release, Question("x", NOW, facts, **more), clinically_approved=True)


def advice(of: Answer) -> set[str]:
    return {key for key, state in of.states.items() if state is State.RECOMMENDED}


def present(of: Answer) -> set[str]:
    return {key for key, state in of.hazards.items() if state is HazardState.PRESENT}


def notices_of(of: Answer) -> list[dict[str, Any]]:
    return json.loads(of.response)["notices"]


CHANGE: dict[str, tuple[dict[str, Any], str, Any, list[str]]] = {
    "pain was 3 fifty minutes ago and is 9 now, both by the patient": (
        {"pain_nrs": [ago(3, "patient", minutes=50), ago(9, "patient")]},
        "pain_nrs",
        9,
        [],
    ),
    "pain was 9 and is 3 now by the patient": (
        {"pain_nrs": [ago(9, "patient", minutes=50), ago(3, "patient")]},
        "pain_nrs",
        3,
        [],
    ),
    "saturation was 96 and is 84": (
        {"spo2_room_air": [ago(96, "nurse", hours=1), ago(84, "nurse")]},
        "spo2_room_air",
        84,
        [],
    ),
    "stable yesterday and acute today by the same oncologist": (
        {"disease_phase": [ago("stable", "oncologist", days=1), ago("acute", "Oncologist")]},
        "disease_phase",
        "acute",
        [],
    ),
    "pain is 8 by the patient and 2 by the nurse": (
        {"pain_nrs": [ago(8, "patient", minutes=20), ago(2, "nurse")]},
        "pain_nrs",
        8,
        ["disagreement"],
    ),
    "saturation is 97 by the nurse and 88 by the patient": (
        {"spo2_room_air": [ago(97, "nurse"), ago(88, "patient", minutes=10)]},
        "spo2_room_air",
        88,
        ["disagreement"],
    ),
    "bone by the oncologist and liver by the app": (
        {"metastatic_sites": [ago(["bone"], "oncologist", minutes=5), ago(["liver"])]},
        "metastatic_sites",
        frozenset({"bone", "liver"}),
        ["disagreement"],
    ),
    "pain 8, and five minutes later an empty field": (
        {"pain_nrs": [ago(8, "patient", minutes=5), ago(None, "patient")]},
        "pain_nrs",
        8,
        [],
    ),
    "pain 8, taken back by the patient": (
        {
            "pain_nrs": [
                ago(8, "patient", minutes=5),
                taken_back("patient"),
            ]
        },
        "pain_nrs",
        None,
        ["retracted"],
    ),
    "pain 8 by the patient; the nurse takes back her own": (
        {
            "pain_nrs": [
                ago(8, "patient", minutes=5),
                ago(2, "nurse", minutes=9),
                taken_back("nurse"),
            ]
        },
        "pain_nrs",
        8,
        ["retracted"],
    ),
    "the patient says that the phase is stable": (
        {"disease_phase": ago("stable", "patient")},
        "disease_phase",
        None,
        ["not_asserted_by"],
    ),
}


@pytest.mark.parametrize(("facts", "fact", "value", "codes"), CHANGE.values(), ids=CHANGE)
def test_what_counts_of_several_observations(
    release: PreparedRelease, facts: dict[str, Any], fact: str, value: Any, codes: list[str]
):
    result = resolved(release, **facts)
    assert result.known.get(fact) == value
    assert [notice.code for notice in result.notices if fact in notice.facts] == codes


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str, Any, list[str]]] = {
    "pain controlled five days ago, 9 today": (
        {"uncontrolled_pain": ago(False, days=5), "pain_nrs": 9},
        "uncontrolled_pain",
        True,
        ["superseded"],
    ),
    "no bone metastasis five months ago, bone today": (
        {"bone_metastasis": ago(False, days=150), "metastatic_sites": ["bone"]},
        "bone_metastasis",
        True,
        ["superseded"],
    ),
    "pain controlled and 9, both now": (
        {"uncontrolled_pain": False, "pain_nrs": 9},
        "uncontrolled_pain",
        True,
        ["contradiction"],
    ),
    "uncontrolled now, 9 two days ago": (
        {"uncontrolled_pain": False, "pain_nrs": ago(9, days=2)},
        "uncontrolled_pain",
        False,
        ["superseded"],
    ),
    "pain 2 alone does not mean that pain is controlled": ({"pain_nrs": 2}, "uncontrolled_pain", None, []),
    "but what was posted about it counts": ({"pain_nrs": 2, "uncontrolled_pain": True}, "uncontrolled_pain", True, []),
    "exercise feasible in bed": (
        {"ecog_ps": 4, "exercise_feasible": True},
        "exercise_feasible",
        None,
        ["cannot_both_be"],
    ),
    "a conflict with a caregiver who is not there": (
        {"caregiver_present": False, "patient_caregiver_goal_conflict": True},
        "caregiver_present",
        None,
        ["cannot_both_be"],
    ),
    "an emergency excluded while one is there": (
        {"oncologic_emergency_excluded": True, "spinal_cord_compression": True},
        "oncologic_emergency_excluded",
        None,
        ["cannot_both_be"],
    ),
    "ECOG 0 with KPS 20": ({"ecog_ps": 0, "kps": 20}, "kps", 20, ["follows_differently", "cannot_both_be"]),
    "PaO2 50 with saturation 97": ({"pao2_mmhg": 50, "spo2_room_air": 97}, "pao2_mmhg", 50.0, ["cannot_both_be"]),
}


@pytest.mark.parametrize(("facts", "fact", "value", "codes"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_counts_of_what_does_not_fit_together(
    release: PreparedRelease, facts: dict[str, Any], fact: str, value: Any, codes: list[str]
):
    result = resolved(release, **facts)
    assert result.known.get(fact) == value
    assert [notice.code for notice in result.notices if fact in notice.facts and notice.code != "assumed"] == codes


def test_what_is_not_known_yet_is_asked_for(release: PreparedRelease):
    """Pain 2 alone: whether it is uncontrolled turns on the patient's own goal, and nobody asked yet."""
    body = json.loads(answer(release, {"pain_nrs": 2}).response)
    assert "pain_goal_met" in [one["fact"] for one in body["missing_facts"]]


def test_a_disagreement_about_pain_is_the_first_thing_said(release: PreparedRelease):
    [first, *_] = notices_of(answer(release, {"pain_nrs": [ago(8, "patient", minutes=20), ago(2, "nurse")]}))
    assert (first["code"], first["facts"], first["urgent"]) == ("disagreement", ["pain_nrs"], True)
    assert first["detail"].endswith("Ask again now.")


# What goes on by itself


def test_an_age_of_364_days_ago_is_one_of_two(release: PreparedRelease):
    assert resolved(release, age_years=ago(55, days=364)).known["age_years"] == Interval(55, 56, "55 to 56")
    assert resolved(release, age_years=ago(55, days=365)).known["age_years"] == 56
    assert resolved(release, age_years=55).known["age_years"] == 55


def test_an_old_age_that_fits_the_birth_date_is_no_contradiction(release: PreparedRelease):
    result = resolved(release, age_years=ago(55, days=364), birth_date="1970-02-01")
    assert (result.variants[0]["age_years"], result.notices) == (56, ())
    other = resolved(release, age_years=ago(50, days=364), birth_date="1970-02-01")
    assert {notice.code for notice in other.notices} == {"superseded"}


@pytest.mark.parametrize(
    ("day", "age"), [("2026-02-28", 17), ("2026-03-01", 18), ("2024-02-28", 15), ("2024-02-29", 16)]
)
def test_who_was_born_on_29_february_is_a_year_older_on_1_march(release: PreparedRelease, day: str, age: int):
    at = datetime.fromisoformat(f"{day}T12:00:00Z")
    assert resolved(release, at=at, birth_date="2008-02-29").known["age_years"] == age


def test_of_a_birth_year_the_age_is_one_of_two(release: PreparedRelease):
    result = resolved(release, birth_date="1970")
    assert sorted({variant["age_years"] for variant in result.variants}) in ([55, 56], [55], [56])
    assert result.known["age_years"] == Interval(55, 56, "55 to 56")


@pytest.mark.parametrize(
    ("zone", "at", "days"),
    [
        ("UTC", "2026-06-14T23:30:00Z", 0),
        ("+09:00", "2026-06-14T23:30:00Z", 1),
        ("Asia/Tokyo", "2026-06-14T23:30:00Z", 1),
        ("-08:00", "2026-06-15T02:00:00Z", 0),
    ],
)
def test_days_are_counted_where_the_patient_is(release: PreparedRelease, zone: str, at: str, days: int):
    result = resolved(release, at=datetime.fromisoformat(at), zone=zone, mbc_diagnosis_date="2026-06-14")
    assert result.known["days_since_mbc_diagnosis"] == days


def test_in_tokyo_the_day_of_the_diagnosis_is_today(release: PreparedRelease):
    at = datetime(2026, 6, 14, 23, 30, tzinfo=UTC)
    with pytest.raises(UnusableRequest):
        resolved(release, at=at, mbc_diagnosis_date="2026-06-15")
    assert (
        resolved(release, at=at, zone="+09:00", mbc_diagnosis_date="2026-06-15").known["days_since_mbc_diagnosis"] == 0
    )


def test_an_observation_is_too_old_by_the_day_and_not_by_the_hour(release: PreparedRelease):
    last = release.base.facts["disease_phase"].valid_days
    assert last is not None
    day = NOW.date() - timedelta(days=last)
    for hour in (0, 23):
        posted = {"value": "acute", "observed_at": f"{day}T{hour:02}:00:00Z"}
        assert resolved(release, disease_phase=posted).known["disease_phase"] == "acute"


# Limits and units


def test_what_hangs_on_a_limit_is_undetermined_and_the_rest_is_answered(release: PreparedRelease):
    facts = {"visceral_crisis": True, "spinal_cord_compression": True, "pain_nrs": 9}
    alone = answer(release, facts)
    beside = answer(release, {**facts, "hematocrit": "<40", "mbc_diagnosis_date": "2026-05"})
    urgent = {key for key in advice(alone) if release.base.rules[key].urgency is Urgency.NOW}
    assert urgent
    assert urgent <= advice(beside)
    assert present(alone) <= present(beside)


@pytest.mark.parametrize(
    ("name", "value", "unit", "known"),
    [("pao2_mmhg", 12, "kPa", 90.00744), ("pao2_mmhg", 90, "mm[Hg]", 90.0), ("age_years", 660, "mo", 55)],
)
def test_a_value_is_converted_from_its_unit(release: PreparedRelease, name: str, value: float, unit: str, known: float):
    assert release.resolver.resolve({name: {"value": value, "unit": unit}}, NOW).known[name] == known


@pytest.mark.parametrize(("name", "unit"), [("pao2_mmhg", "cm[H2O]"), ("pao2_mmhg", "mmHg"), ("pain_nrs", "kPa")])
def test_or_refused(release: PreparedRelease, name: str, unit: str):
    with pytest.raises(UnusableRequest) as refused:
        release.resolver.resolve({name: {"value": 9, "unit": unit}}, NOW)
    assert [problem.pointer for problem in refused.value.problems] == [f"/facts/{name}/value"]


# Set aside


def test_what_cannot_be_used_is_refused_unless_it_is_to_be_set_aside(release: PreparedRelease):
    posted = {"pain_nrs": 9, "hematocrit": "low", "nobody": 1}
    with pytest.raises(UnusableRequest):
        answer(release, posted)
    aside = answer(release, posted, set_aside=True)
    assert advice(aside) == advice(answer(release, {"pain_nrs": 9}))
    told = [one for one in notices_of(aside) if one["code"] == "set_aside"]
    assert [one["facts"] for one in told] == [["hematocrit"], ["nobody"]]
    assert "/facts/hematocrit" in told[0]["detail"]


def test_of_a_list_only_the_unusable_observation_is_set_aside(release: PreparedRelease):
    result = resolved(release, set_aside=True, pain_nrs=[ago(8, "patient", minutes=5), ago("much", "nurse")])
    assert result.known["pain_nrs"] == 8
    assert [problem.pointer for problem in result.set_aside] == ["/facts/pain_nrs/1/value"]


def test_posted_facts_that_changed_nothing_are_listed(release: PreparedRelease):
    body = json.loads(answer(release, {"pain_nrs": 9, "autopsy_wish": "no", "her2_status": None}).response)
    assert body["ignored_facts"] == ["autopsy_wish"]


# Whatever a clinic posts


def some_values(fact: Fact) -> list[Any]:
    """Values of a fact far apart, raw as an app posts them."""
    match fact.type:
        case FactType.BOOLEAN:
            return [True, False]
        case FactType.CODE:
            return [code.code for code in fact.codes if code.code != "unknown"]
        case FactType.CODES:
            return [[], [fact.codes[0].code], [code.code for code in fact.codes[1:3]]]
        case FactType.INTEGER | FactType.DECIMAL if fact.minimum is not None and fact.maximum is not None:
            low, high, step = fact.minimum, fact.maximum, fact.step or 1
            return list(dict.fromkeys(int(low + share * (high - low) / 4 // step * step) for share in range(5)))
        case _:
            return []


def at_once(release: PreparedRelease, of: Answer) -> set[str]:
    """What is said to be done now: rules that are recommended or answered by something else first, and hazards."""
    rules = {key for key, state in of.states.items() if state in (State.RECOMMENDED, State.WITHHELD)}
    return {key for key in rules if release.base.rules[key].urgency is Urgency.NOW} | {
        key for key in present(of) if release.base.hazards[key].urgency is Urgency.NOW
    }


def test_the_answer_with_an_older_value_of_another_source_is_never_less_urgent_than_without(release: PreparedRelease):
    """For every fact and every pair of values: the newer by one source, the other within the hour by another."""
    less: list[tuple[str, Any, Any]] = []
    for key, fact in release.base.facts.items():
        by = fact.asserted_by[:2] or ("patient", "nurse")
        minutes = min(30, fact.conflict_hours * 60)
        for older, newer in permutations(some_values(fact), 2):
            alone = answer(release, {key: ago(newer, by[0])})
            both = answer(release, {key: [ago(older, by[1], minutes=minutes), ago(newer, by[0])]})
            if not at_once(release, alone) <= at_once(release, both):
                less.append((key, older, newer))
    assert not less


POSTS = st.fixed_dictionaries(
    {},
    optional={
        key: st.sampled_from(values)
        for key, fact in shipped_base().facts.items()
        if (values := some_values(fact)) and not fact.population
    },
)


@moderately
@given(POSTS, st.data())
def test_an_older_or_empty_observation_never_removes_advice_without_a_word(
    release: PreparedRelease, facts: dict[str, Any], data: st.DataObject
):
    if not facts:
        return
    key = data.draw(st.sampled_from(sorted(facts)))
    fact = release.base.facts[key]
    by = fact.asserted_by[:2] or ("patient", "nurse")
    older = data.draw(st.sampled_from([None, *some_values(fact)]))
    hours = data.draw(st.sampled_from([0, 1, 30, 24 * 60]))
    added = [ago(facts[key], by[0]), ago(older, data.draw(st.sampled_from(by)), hours=hours)]
    before, after = answer(release, facts), answer(release, {**facts, key: added})
    told = [one for one in notices_of(after) if key in one["facts"]]
    if advice(before) - advice(after):
        assert {one["code"] for one in told} & {"disagreement", "contradiction", "cannot_both_be"}


@moderately
@given(POSTS, st.data())
def test_what_is_refused_and_set_aside_leaves_the_answer_of_the_others(
    release: PreparedRelease, facts: dict[str, Any], data: st.DataObject
):
    key = data.draw(st.sampled_from(sorted(release.base.facts.keys() - facts.keys())))
    bad = data.draw(st.sampled_from(["\x00", {"value": "\x00"}, {"values": 1}, [], [1], {"value": None, "source": 7}]))
    if bad == [] and release.base.facts[key].type is FactType.CODES:
        return
    with pytest.raises(UnusableRequest) as refused:
        answer(release, {**facts, key: bad})
    assert all(problem.pointer.startswith(f"/facts/{key}") for problem in refused.value.problems)
    aside, others = answer(release, {**facts, key: bad}, set_aside=True), answer(release, facts)
    assert (aside.states, aside.hazards) == (others.states, others.hazards)
    assert [key] in [one["facts"] for one in notices_of(aside) if one["code"] == "set_aside"]


def test_every_code_of_a_notice_about_facts_is_in_the_docs():
    text = (Path(__file__).parents[1] / "docs" / "intake.md").read_text(encoding="utf-8")
    of_the_answer = {
        "outside_population",
        "population_assumed",
        "not_clinically_approved",
        "hazard_not_excluded",
        "may_be_withheld",
        "review_overdue",
    }
    assert [code for code in CODES if code not in of_the_answer and f"`{code}`" not in text] == []
    assert CODES.keys() == _NOTICED.keys()
