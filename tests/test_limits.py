"""Values of which only the limits are known, and numbers that go on by themselves: every value within is tried."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cds.decisions.intake.counting import grown, years_between
from cds.decisions.intake.resolver import FactResolver, ResolvedFacts
from cds.requests import UnusableRequest
from knowledge.facts import Code, Derivation, Fact, FactType
from knowledge.language import parse
from knowledge.model.intervals import Interval, greatest, intersection, interval, least
from knowledge.model.units import convert
from knowledge.model.zones import offset_in, zone_named
from knowledge.reasoning import reading
from tests.strategies import moderately

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)


def fact(key: str, type: FactType, **more: Any) -> Fact:
    return Fact(key, key, type, key, "test", **more)


AGE = fact("age", FactType.INTEGER, minimum=0, maximum=120, years_since="born", worse="high", conflict_hours=24)
DAYS = fact("days", FactType.INTEGER, minimum=0, maximum=36500, days_since="found", worse="low", conflict_hours=72)
FACTS = {
    one.key: one
    for one in (
        AGE,
        DAYS,
        fact("born", FactType.DATE),
        fact("found", FactType.DATE),
        fact("kps", FactType.INTEGER, minimum=0, maximum=100, step=10, worse="low"),
        fact("pao2", FactType.DECIMAL, minimum=20, maximum=150, ucum="mm[Hg]", worse="low"),
        fact("goal_met", FactType.BOOLEAN),
        fact(
            "uncontrolled",
            FactType.BOOLEAN,
            worse="true",
            derivations=(Derivation(True, "goal_met is unknown and kps < 50", "book", "p1"),),
        ),
        fact(
            "sites",
            FactType.CODES,
            codes=(Code("bone", "bone"), Code("liver", "liver"), Code("lung", "lung")),
            worse="more",
            derivations=(Derivation(("bone",), "goal_met", "book", "p1"), Derivation(("lung",), "kps < 50", "b", "p")),  # type: ignore[arg-type]
        ),
    )
}
CONDITIONS = ("kps <= 40", "kps < 50", "age >= 55", "days <= 56", "pao2 <= 55", "found >= 2026-01-01")
RESOLVER = FactResolver(FACTS, [parse(text, FACTS) for text in CONDITIONS])


def resolved(zone: str = "UTC", at: datetime = AT, set_aside: bool = False, **posted: Any) -> ResolvedFacts:
    return RESOLVER.resolve(posted, at, zone=zone_named(zone), set_aside=set_aside)


def ago(value: Any, days: float, by: str | None = None) -> dict[str, Any]:
    return {"value": value, "observed_at": (AT - timedelta(days=days)).isoformat(), "source": by}


def comes_to(condition: str, **posted: Any) -> bool | None:
    """What a condition comes to for every patient that it could be."""
    found = {reading(parse(condition, FACTS), one) for one in resolved(**posted).variants}
    return found.pop() if len(found) == 1 else None


# What lies within limits agrees with them


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [("<=60", 55, 55.0), (55, "<60", 55.0), ("<60", ">40", Interval(40.0, 60.0, ">40 to <60", True, True))],
)
def test_a_value_and_limits_that_hold_it_agree(one: Any, other: Any, known: Any):
    result = resolved(pao2=[ago(one, 0, "nurse"), ago(other, 0, "lab")])
    assert (result.known["pao2"], result.notices) == (known, ())


def test_a_day_and_its_month_agree():
    posted = [ago("2026-05", 0, "patient"), ago("2026-05-12", 0, "oncologist")]
    assert resolved(found=posted).known["found"] == date(2026, 5, 12)


def test_of_limits_that_exclude_each_other_the_worse_count():
    result = resolved(pao2=[ago("<50", 0, "nurse"), ago(80, 0, "lab")])
    assert result.known["pao2"] == Interval(20.0, 50.0, "<50", False, True)
    assert [notice.code for notice in result.notices] == ["disagreement"]


def test_limits_of_a_number_in_steps_are_values_that_it_can_have():
    assert comes_to("kps <= 40", kps="<50") is True
    assert comes_to("kps < 50", kps="<=50") is None
    assert comes_to("kps < 50", kps=">40") is False


def test_of_a_month_that_has_begun_the_days_to_come_are_none_of_its_days():
    assert resolved(found="2026-06").known["found"] == Interval(date(2026, 6, 1), date(2026, 6, 15), "2026-06")
    assert resolved(found=ago("2026", 100)).known["found"] == Interval(date(2026, 1, 1), date(2026, 3, 7), "2026")
    with pytest.raises(UnusableRequest, match="lies in the future: 2026-07"):
        resolved(found="2026-07")


def test_what_is_counted_from_limits_has_limits_too():
    result = resolved(found="2026-05")
    assert result.known["days"] == Interval(15, 45, "15 to 45")
    assert comes_to("days <= 56", found="2026-05") is True
    assert comes_to("days <= 56", found="2026-04") is None


NUMBERS = st.integers(0, 6)


@st.composite
def limits(draw: st.DrawFn) -> Interval:
    low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
    opened = draw(st.booleans()), draw(st.booleans())
    assume(low < high or opened == (False, False))
    return Interval(low, high, "any", *opened)


PLACES = [place / 4 for place in range(25)]


@given(st.lists(limits() | NUMBERS, min_size=1, max_size=3))
def test_limits_are_compared_as_all_their_values_are(values: list[Any]):
    """Quarters tell all places from one another."""
    within = [[place for place in PLACES if _holds(value, place)] for value in values]
    assume(all(within))
    both = [place for place in PLACES if all(place in one for one in within)]
    found = intersection(values)
    assert [place for place in PLACES if found is not None and _holds(found, place)] == both
    for compared, which in ((greatest, max), (least, min)):
        reached = set(within[0])
        for one in within[1:]:
            reached = {which(place, other) for place in reached for other in one}
        assert {place for place in PLACES if _holds(compared(values), place)} == reached


def _holds(value: Any, place: float) -> bool:
    return place in value if isinstance(value, Interval) else value == place


# What goes on by itself


@moderately
@given(
    st.dates(date(1940, 1, 1), date(2000, 12, 31)),
    st.dates(date(2019, 1, 1), date(2026, 6, 15)),
    st.integers(0, 2600),
)
def test_an_age_has_become_what_the_birth_date_says(born: date, noted: date, later: int):
    today = noted + timedelta(days=later)
    found = grown(AGE, years_between(born, noted), noted, today)
    age = years_between(born, today)
    assert age in found if isinstance(found, Interval) else age == found


@moderately
@given(st.dates(date(2019, 1, 1), date(2026, 6, 15)), st.integers(1, 1500))
def test_and_no_age_is_among_those_that_it_can_have_become_which_no_birth_date_gives(noted: date, later: int):
    today = noted + timedelta(days=later)
    found = grown(AGE, 55, noted, today)
    births = (noted - timedelta(days=days) for days in range(55 * 365, 57 * 366))
    ages = {years_between(born, today) for born in births if years_between(born, noted) == 55}
    assert ages == ({found.low, found.high} if isinstance(found, Interval) else {found})


def test_a_number_of_days_has_grown_by_the_days_since_it_was_noted():
    assert resolved(days=ago(50, 10)).known["days"] == 60
    assert resolved(days=50).known["days"] == 50
    assert resolved(found="2026-04-16", days=ago(50, 10)).notices == ()


def test_days_noted_on_two_days_that_come_to_the_same_agree():
    result = resolved(days=[ago(50, 2, "patient"), ago(52, 0, "nurse")])
    assert (result.known["days"], result.notices) == (52, ())


def test_no_age_grows_beyond_what_it_can_be():
    assert resolved(age=ago(119, 1500)).known["age"] == 120


# What is assumed, and what all say together


def test_what_is_only_assumed_does_not_count_against_what_was_posted_and_is_told():
    result = resolved(kps=40, uncontrolled=False)
    assert result.known["uncontrolled"] is False
    assert [notice.code for notice in result.notices] == ["contradiction"]
    assert result.notices[0].detail.endswith("as long as this is not known: goal_met. Ask for it.")
    assert resolved(kps=40).known["uncontrolled"] is True


def test_of_lists_that_follow_and_are_posted_all_codes_count():
    assert resolved(goal_met=True, sites=["liver"]).known["sites"] == frozenset({"bone", "liver"})
    assert resolved(goal_met=True, kps=40).known["sites"] == frozenset({"bone", "lung"})


# Edges


@pytest.mark.parametrize("zone", ["+14:00", "-11:00", "Asia/Tokyo"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_ends_of_the_calendar_have_a_day_in_every_zone(zone: str, at: str):
    moment = datetime.fromisoformat(at)
    posted = {"value": 60, "observed_at": at}
    assert resolved(zone, moment, kps=posted).known["kps"] == 60


@pytest.mark.parametrize("value", [10**30, 1e300, 10**400, float("inf"), -1e25])
def test_a_number_beyond_all_numbers_is_refused_in_any_unit(value: float):
    with pytest.raises(UnusableRequest) as refused:
        resolved(pao2={"value": value, "unit": "kPa"})
    assert [problem.pointer for problem in refused.value.problems] == ["/facts/pao2/value"]


def test_a_refusal_names_the_units_that_are_taken():
    with pytest.raises(UnusableRequest, match=r"pao2 is taken in mm\[Hg\] or kPa, not in psi\."):
        resolved(pao2={"value": 1, "unit": "psi"})
    assert convert(7.3, "kPa", "mm[Hg]") == 54.754526


def test_of_a_list_only_the_implausible_date_is_set_aside():
    posted = [ago("0026-01-31", 2, "patient"), ago("2026-05-12", 1, "nurse")]
    result = resolved(set_aside=True, found=posted)
    assert result.known["found"] == date(2026, 5, 12)
    assert [problem.pointer for problem in result.set_aside] == ["/facts/found/0/value"]


@pytest.mark.parametrize(
    ("moment", "offset"),
    [
        ("2026-06-15T12:00:00+09:00", "+09:00"),
        ("2026-06-15T12:00:00+00:00", "+00:00"),
        ("2026-06-15T12:00:00Z", None),
        ("2026-06-15T12:00:00-00:00", None),
    ],
)
def test_neither_z_nor_minus_zero_states_an_offset(moment: str, offset: str | None):
    assert offset_in(moment) == offset


def test_limits_beyond_the_range_are_refused():
    with pytest.raises(UnusableRequest, match="has no value < 0"):
        resolved(kps="<0")
    assert interval(FACTS["kps"], "about 50") is None
