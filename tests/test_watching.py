"""Which alarms the days of a rule raise: what stopped, fell silent, started, doubled, halved, or was out of range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest

from cds.firing.charting import Counted
from cds.firing.watching import Alarm, Kind, Point, Verdict, changes, charted, verdict
from cds.firing.wording import in_words, meant, percent

FIRST = date(2026, 1, 5)
LAST = date(2026, 3, 31)

Spell = tuple[int, int, Sequence[tuple[int, int]]]
"""A release, the rule's version in it, and for each day in how many of how many decisions it was recommended."""


def days(*spells: Spell, first: date = FIRST) -> list[Point]:
    """The days of a rule, one after another without a gap."""
    points: list[Point] = []
    for release, version, counts in spells:
        since = first + timedelta(days=len(points))
        for recommended, decisions in counts:
            day = first + timedelta(days=len(points))
            points.append(Point(day, release, since, version, Counted(recommended, decisions)))
    return points


def told(points: Sequence[Point], today: date | None = None) -> Verdict:
    return verdict(points, today or points[-1].day)


def kinds(points: Sequence[Point], today: date | None = None) -> list[Kind]:
    return [alarm.kind for alarm in told(points, today).alarms]


def only(points: Sequence[Point]) -> Alarm:
    [alarm] = told(points).alarms
    return alarm


USUAL = [(2, 43), (1, 43), (1, 43), (2, 43), (1, 43), (1, 43), (1, 43)] * 4
"""28 days: 36 of 1,204."""


def test_a_rule_that_stops_after_a_release_is_named_with_it() -> None:
    points = days((2, 1, USUAL), (3, 1, [(0, 103)] * 4))
    alarm = only(points)
    assert (alarm.kind, alarm.release, alarm.day, alarm.changed) == (Kind.STOPPED, 3, FIRST + timedelta(28), False)
    assert in_words(alarm) == (
        "Stopped after release 3 was put in force on 2 February 2026: recommended in 0 of 412 decisions since, "
        "before in 36 of 1,204 (3\u00a0%)."
    )
    assert "The rule itself is the same as before" in (meant(alarm) or "")


def test_a_change_of_the_rule_itself_may_be_meant() -> None:
    alarm = only(days((2, 1, USUAL), (3, 2, [(0, 103)] * 4)))
    assert alarm.changed
    assert "may be meant" in (meant(alarm) or "")


def test_until_silence_would_be_telling_nothing_is_said() -> None:
    verdict = told(days((2, 1, USUAL), (3, 1, [(0, 100)])))
    assert verdict.alarms == ()
    assert verdict.too_few is not None
    assert verdict.too_few.startswith("Since release 3 there are too few decisions (100)")


def test_it_stands_as_long_as_the_rule_does_not_fire_and_no_longer() -> None:
    silent = days((2, 1, USUAL), (3, 1, [(0, 50)] * 200))
    assert kinds(silent) == [Kind.STOPPED]
    assert Kind.STOPPED not in kinds(days((2, 1, USUAL), (3, 1, [(0, 50)] * 200 + [(1, 50)])))


def test_the_first_release_after_which_it_is_silent_is_the_one_that_is_meant() -> None:
    assert only(days((2, 1, USUAL), (3, 1, [(0, 100)] * 4), (4, 1, [(0, 100)] * 4))).release == 3


def test_what_was_silent_before_the_release_already_did_not_stop_after_it() -> None:
    alarm = only(days((2, 1, [*USUAL, *[(0, 100)] * 5]), (3, 1, [(0, 100)] * 5)))
    assert (alarm.kind, alarm.release, alarm.day) == (Kind.SILENT, None, FIRST + timedelta(28))
    assert meant(alarm) is None
    assert in_words(alarm).startswith("Silent since 2 February 2026: recommended in 0 of 1,000 decisions since")


def test_a_rule_falls_silent_without_any_release() -> None:
    assert only(days((1, 1, [*USUAL, *[(0, 100)] * 4]))).kind is Kind.SILENT


def test_a_rule_that_starts_after_a_release_is_named_with_the_last_one_before_it_fired() -> None:
    never = [(0, 43)] * 28
    alarm = only(days((1, 1, never), (2, 1, [(0, 43)] * 10), (3, 1, [(4, 43), (3, 43), (5, 43)])))
    assert (alarm.kind, alarm.release, alarm.since) == (Kind.STARTED, 3, Counted(12, 129))
    assert kinds(days((1, 1, never), (2, 1, [(1, 43)]))) == []


def test_a_rate_that_doubles_or_halves_after_a_release_by_more_than_chance() -> None:
    steady = [(10, 100), (12, 100), (8, 100), (11, 100), (9, 100), (10, 100), (10, 100)] * 4
    assert only(days((1, 1, steady), (2, 1, [(20, 100), (21, 100)]))).kind is Kind.DOUBLED
    assert only(days((1, 1, steady), (2, 1, [(5, 100), (4, 100), (5, 100), (3, 100)]))).kind is Kind.HALVED
    assert kinds(days((1, 1, steady), (2, 1, [(3, 10)]))) == []
    assert kinds(days((1, 1, steady), (2, 1, [(15, 100)] * 6))) == [], "half as often again is not twice as often"


def test_where_days_differ_widely_anyway_it_takes_more_to_call_it_doubled() -> None:
    uneven = [(1, 100), (22, 100), (3, 100), (19, 100), (2, 100), (16, 100), (7, 100)] * 4
    assert kinds(days((1, 1, uneven), (2, 1, [(20, 100), (21, 100)]))) == []


def test_after_ninety_days_what_a_release_changed_is_as_usual() -> None:
    points = days((1, 1, [(10, 100)] * 28), (2, 1, [(30, 100)] * 120))
    assert kinds(points[: 28 + 91]) == [Kind.DOUBLED]
    assert kinds(points) == []


def test_a_day_out_of_its_usual_range_is_told_for_a_week() -> None:
    calm = [(5, 100), (7, 100), (4, 100), (6, 100)] * 7
    points = days((1, 1, [*calm, (30, 100), *[(5, 100)] * 7]))
    alarm = only(points[:29])
    assert (alarm.kind, alarm.day, alarm.days) == (Kind.OUT_OF_RANGE, points[28].day, (points[28].day,))
    assert alarm.range == (0, 0.14)
    assert (
        "For so many decisions 0\u00a0% to 14\u00a0% is usual; before, it was in 154 of 2,800 (5.5\u00a0%)."
        in in_words(alarm)
    )
    assert kinds(points[:35]) == [Kind.OUT_OF_RANGE]
    assert kinds(points) == []


def test_a_new_version_of_the_rule_begins_a_baseline_of_its_own() -> None:
    calm, other = [(5, 100)] * 28, [(8, 100)] * 12
    chart = charted(days((1, 1, calm), (2, 2, other)), FIRST)
    assert [one.range is None for one in chart] == [True] * 10 + [False] * 18 + [True] * 10 + [False] * 2
    same = charted(days((1, 1, calm), (2, 1, other)), FIRST)
    assert [one.range is None for one in same] == [True] * 10 + [False] * 30


@pytest.mark.parametrize(
    "points",
    [[], days((1, 1, [(0, 1)])), days((1, 1, [(1, 1)] * 5)), days((1, 1, [(1, 1)] * 3), (2, 2, [(0, 1)] * 3))],
)
def test_few_days_are_too_few_to_tell_and_not_as_usual(points: list[Point]) -> None:
    verdict = told(points, LAST)
    assert verdict.alarms == ()
    assert verdict.too_few


@pytest.mark.parametrize("count", [(0, 50), (50, 50)])
def test_never_and_always_are_as_usual(count: tuple[int, int]) -> None:
    assert told(days((1, 1, [count] * 40), (2, 1, [count] * 20))) == Verdict()


def test_a_release_put_back_is_a_change_of_its_own() -> None:
    points = days((1, 1, USUAL), (2, 1, [(0, 200)] * 3), (1, 1, USUAL))
    assert changes(points) == [28, 31]
    assert Kind.STOPPED not in kinds(points)


def test_since_a_release_was_put_back_means_this_time_and_its_mixed_day_is_on_neither_side() -> None:
    points = days((1, 1, USUAL), (2, 1, [(1, 43)]), (1, 1, [(0, 103)] * 4))
    back = points[28].day
    mixed = Point(back, 1, back, 1, Counted(2, 43), mixed=True)
    again = [replace(point, since=back) for point in points[29:]]
    alarm = only([*points[:29], mixed, *again])
    assert (alarm.kind, alarm.release, alarm.day) == (Kind.STOPPED, 1, back)
    assert (alarm.since, alarm.before) == (Counted(0, 412), Counted(36, 1204))
    too_few = told([*points[:29], mixed]).too_few or ""
    assert too_few.startswith("Since release 1 there are too few decisions (0)")


HIGH, LOW, NONE = [(20, 100), (19, 100), (21, 100)] * 10, [(5, 100), (6, 100), (4, 100)] * 10, [(0, 100)] * 10


@pytest.mark.parametrize(("usual", "between"), [(HIGH, NONE), (HIGH, LOW), (LOW, HIGH)])
def test_nothing_is_said_of_a_release_that_was_taken_back_where_all_is_as_before_it(
    usual: Sequence[tuple[int, int]], between: Sequence[tuple[int, int]]
) -> None:
    assert kinds(days((1, 1, usual), (2, 1, between))) != []
    put_back = days((1, 1, usual), (2, 1, between), (1, 1, usual[:7]))
    assert set(kinds(put_back)) <= {Kind.OUT_OF_RANGE}, "of the days just before it may be out"


def test_a_release_put_back_is_held_against_its_own_days() -> None:
    alarm = only(days((1, 1, HIGH), (2, 1, LOW[:5]), (1, 1, [(60, 100)] * 3)))
    assert (alarm.kind, alarm.release, alarm.since, alarm.before) == (
        Kind.DOUBLED,
        1,
        Counted(180, 300),
        Counted(561, 2800),
    )
    assert "after release 1 was put back in force on 9 February 2026" in in_words(alarm)
    assert "The same release did otherwise" in (meant(alarm) or "")
    silent = only(days((1, 1, HIGH), (2, 1, NONE), (1, 1, NONE)))
    assert (silent.kind, silent.since) == (Kind.SILENT, Counted(0, 2000)), "it did not stop when it was put back"
    assert kinds(days((1, 1, NONE * 3), (2, 1, LOW), (1, 1, NONE))) == [Kind.SILENT], (
        "silence is told whatever was before"
    )


def test_a_release_put_back_without_a_decision_between_begins_anew() -> None:
    alarm = only(days((1, 1, USUAL), (1, 1, [(0, 103)] * 4)))
    assert (alarm.kind, alarm.release, alarm.since) == (Kind.STOPPED, 1, Counted(0, 412))


def made_up(random: Random, often: int, rate: float) -> list[tuple[int, int]]:
    counts = []
    for _ in range(often):
        decisions = random.randint(20, 80)
        counts.append((sum(random.random() < rate for _ in range(decisions)), decisions))
    return counts


def test_a_release_that_changes_nothing_raises_few_alarms() -> None:
    """300 rules of all rates, each with a release in the middle of 56 days; out of range is another matter."""
    random = Random(5)
    raised = 0
    for place in range(300):
        rate = (0.002, 0.01, 0.05, 0.2, 0.6, 0.98)[place % 6]
        points = days((1, 1, made_up(random, 28, rate)), (2, 1, made_up(random, 28, rate)))
        raised += any(kind is not Kind.OUT_OF_RANGE for kind in kinds(points))
    assert raised <= 3


@pytest.mark.parametrize(
    ("before", "since", "kind"),
    [(0.05, 0, Kind.STOPPED), (0, 0.05, Kind.STARTED), (0.05, 0.15, Kind.DOUBLED), (0.2, 0.06, Kind.HALVED)],
)
def test_what_really_changes_is_found_within_ten_days(before: float, since: float, kind: Kind) -> None:
    """Of about 50 decisions each: 500, as docs/firing.md says."""
    for seed in range(20):
        random = Random(seed)
        points = days((1, 1, made_up(random, 28, before)), (2, 1, made_up(random, 10, since)))
        assert kinds(points)[0] is kind, seed


@pytest.mark.parametrize(
    ("rate", "said"),
    [(0, "0 %"), (1, "100 %"), (0.0001, "under 0.1 %"), (0.9999, "over 99.9 %"), (0.0316, "3.2 %"), (0.5, "50 %")],
)
def test_a_rate_is_never_rounded_to_nothing_or_all(rate: float, said: str) -> None:
    assert percent(rate).replace("\u00a0", " ") == said
