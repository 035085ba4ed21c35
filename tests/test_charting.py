"""How far a rate may move by chance: against numbers reckoned by hand or by brute force, and against made-up days."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.firing.charting import TAIL, Counted, Usual, apart, chance, dispersion, total, usual

counts = st.integers(1, 60).flatmap(lambda n: st.builds(Counted, st.integers(0, n), st.just(n)))
some_days = st.lists(counts, max_size=40)


def by_hand(since: Counted, before: Counted) -> Fraction:
    """Fisher's test, one-sided, by whole numbers: all ways that are as far to that side."""
    both = since + before
    up = since.recommended * before.decisions >= before.recommended * since.decisions
    ways = [
        comb(both.recommended, found) * comb(both.decisions - both.recommended, since.decisions - found)
        for found in range(since.decisions + 1)
        if (found >= since.recommended if up else found <= since.recommended)
    ]
    return Fraction(sum(ways), comb(both.decisions, since.decisions))


@given(counts, counts)
def test_chance_is_that_of_fishers_exact_test(since: Counted, before: Counted) -> None:
    assert chance(since, before) == pytest.approx(float(by_hand(since, before)), abs=1e-9)


def test_chance_holds_for_a_million_decisions() -> None:
    assert chance(Counted(0, 1000), Counted(6600, 1_000_000)) == pytest.approx(0.00133, rel=0.02)


def test_the_worked_example_of_the_note() -> None:
    """docs/firing.md: ten days that differ more than chance makes them."""
    days = [Counted(one, 100) for one in (4, 12, 3, 11, 5, 13, 4, 10, 6, 12)]
    assert total(days) == Counted(80, 1000)
    assert dispersion(days) == pytest.approx(64 / 9 / 100 / 0.0271293 / 1.128, rel=1e-4)
    found = usual(days)
    assert found is not None
    low, high = found.limits(100)
    assert (round(low, 4), round(high, 4)) == (0, 0.2691)
    assert found.has(Counted(26, 100))
    assert not found.has(Counted(27, 100))


def test_days_that_differ_less_than_chance_allows_do_not_narrow_the_limits() -> None:
    assert dispersion([Counted(10, 100)] * 20) == 1


@pytest.mark.parametrize(
    "days", [[], [Counted(3, 10)], [Counted(0, 10)] * 20, [Counted(10, 10)] * 20, [Counted(1, 1)] * 2]
)
def test_where_no_moving_range_can_be_had_sigma_is_that_of_chance(days: list[Counted]) -> None:
    assert dispersion(days) == 1


def test_too_few_days_or_decisions_say_nothing() -> None:
    assert usual([Counted(5, 100)] * 9) is None
    assert usual([Counted(1, 9)] * 11) is None
    assert usual([Counted(1, 10)] * 10) is not None


def test_one_odd_day_in_the_baseline_does_not_hide_the_next() -> None:
    calm = [Counted(3 + one % 3, 100) for one in range(27)]
    with_it = usual([*calm[:13], Counted(60, 100), *calm[13:]])
    assert with_it == usual(calm)
    assert with_it is not None
    assert not with_it.has(Counted(20, 100))


def test_a_rule_that_never_fired_is_not_out_of_range_by_the_first_time() -> None:
    never = Usual(Counted(0, 280), 1.0)
    assert never.limits(10) == (0, 0)
    assert never.has(Counted(1, 10))
    assert not never.has(Counted(2, 10))
    assert never.range(10) == (0, 0.1)


@given(some_days, counts)
def test_a_day_is_in_its_range_just_when_the_test_says_so(days: list[Counted], day: Counted) -> None:
    found = usual(days)
    if found is None:
        return
    low, high = found.range(day.decisions)
    assert 0 <= low <= found.centre <= high <= 1
    assert found.has(day) is (low - 1e-9 <= day.rate <= high + 1e-9)


@given(counts, counts)
def test_what_is_more_on_one_side_is_less_on_the_other(one: Counted, other: Counted) -> None:
    assert apart(one, other) == pytest.approx(-apart(other, one))


def drawn(random: Random, rate: float, uneven: float | None, often: int) -> list[Counted]:
    """Days of 20 to 150 decisions: binomial, or with a rate that differs from day to day (beta-binomial)."""
    days = []
    for _ in range(often):
        decisions = random.randint(20, 150)
        today = rate if uneven is None else random.betavariate(rate * uneven, (1 - rate) * uneven)
        days.append(Counted(sum(random.random() < today for _ in range(decisions)), decisions))
    return days


def share_out(days: list[Counted], *, plain: bool = False) -> float:
    """How many of a thousand days are out of the range that the 28 days before them make."""
    out = watched = 0
    for place in range(28, len(days)):
        found = usual(days[place - 28 : place])
        assert found is not None
        watched += 1
        if plain:
            low, high = Usual(found.counted, 1.0).limits(days[place].decisions)
            out += not low <= days[place].rate <= high
        else:
            out += not found.has(days[place])
    return 1000 * out / watched


@pytest.mark.parametrize("rate", [0.004, 0.05, 0.4, 0.97])
def test_stable_days_raise_no_more_false_alarms_than_three_sigmas_do(rate: float) -> None:
    assert share_out(drawn(Random(7), rate, None, 1500)) <= 1000 * 2 * TAIL + 2 * (1000 * 2 * TAIL / 1.472) ** 0.5


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_days_that_differ_beyond_chance_raise_few_where_a_plain_chart_raises_many(rate: float) -> None:
    days = drawn(Random(7), rate, 100, 1500)
    assert share_out(days) < share_out(days, plain=True) / 2
