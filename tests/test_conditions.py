"""The condition tree: what cannot be built, and what one finds in what was."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    all_of,
    any_of,
    facts_of,
    leaves,
)
from tests import specification, trees

DICTIONARY = specification.dictionary()
A, B, C = (Compare(name, Operator.IS, True) for name in "abc")
DAY = date(2026, 1, 31)
ORDERS = [Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST]


def test_false_is_written_as_not_true_so_that_each_meaning_has_one_tree():
    with pytest.raises(ValueError, match=r"Write Not\(Compare\(fact, IS, True\)\)"):
        Compare("sedentary", Operator.IS, False)
    assert Compare("pain_nrs", Operator.IS, 0).value == 0


@pytest.mark.parametrize("operator", ORDERS)
@pytest.mark.parametrize("value", [True, "acute"])
def test_a_flag_and_a_code_have_no_order(operator: Operator, value: bool | str):
    with pytest.raises(ValueError, match=f"{operator} needs a number or a date, not {value!r}"):
        Compare("fact", operator, value)


@pytest.mark.parametrize("operator", ORDERS)
@pytest.mark.parametrize("value", [0, -2.5, DAY])
def test_a_number_and_a_date_have_one(operator: Operator, value: float | date):
    assert Compare("fact", operator, value).value == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_cannot_be_written_cannot_be_compared_with(value: float):
    with pytest.raises(ValueError, match="cannot be written"):
        Compare("fact", Operator.MORE, value)
    with pytest.raises(ValueError, match="cannot be written"):
        Between("fact", 0, value)
    with pytest.raises(ValueError, match="cannot be written"):
        Between("fact", value, 0)


def test_the_ends_of_a_range_are_of_one_sort_and_in_order():
    with pytest.raises(ValueError, match="Both ends are numbers, or both are dates"):
        Between("fact", 5, DAY)
    with pytest.raises(ValueError, match="Both ends are numbers, or both are dates"):
        Between("fact", DAY, 5)
    with pytest.raises(ValueError, match="6 is above 4: nothing lies between them"):
        Between("fact", 6, 4)
    with pytest.raises(ValueError, match="2026-01-31 is above 2026-01-30"):
        Between("fact", DAY, date(2026, 1, 30))
    assert Between("fact", 4, 4) == Between("fact", 4, 4.0)
    assert Between("fact", DAY, DAY).low == DAY


@pytest.mark.parametrize("codes", [(), ("a", "a"), ("a", "b", "a")])
def test_a_list_of_codes_has_each_once(codes: tuple[str, ...]):
    with pytest.raises(ValueError, match="At least one code, and each of them once"):
        Among("fact", codes)


@pytest.mark.parametrize("parts", [(), (A,), (A, AllOf((B, C))), (AllOf((A, B)), C)])
def test_an_and_has_two_parts_and_no_and_among_them(parts: tuple[Condition, ...]):
    with pytest.raises(ValueError, match="AllOf holds two or more parts, none of them an AllOf"):
        AllOf(parts)
    assert AllOf((A, AnyOf((B, C)))).parts == (A, AnyOf((B, C)))


@pytest.mark.parametrize("parts", [(), (A,), (A, AnyOf((B, C))), (AnyOf((A, B)), C)])
def test_an_or_has_two_parts_and_no_or_among_them(parts: tuple[Condition, ...]):
    with pytest.raises(ValueError, match="AnyOf holds two or more parts, none of them an AnyOf"):
        AnyOf(parts)
    assert AnyOf((A, AllOf((B, C)))).parts == (A, AllOf((B, C)))


@pytest.mark.parametrize(("count", "parts"), [(0, (A, B)), (3, (A, B)), (-1, (A, B)), (1, (A,)), (0, ())])
def test_a_number_that_cannot_be_counted_is_refused(count: int, parts: tuple[Condition, ...]):
    with pytest.raises(ValueError, match=f"{count} of {len(parts)} cannot be counted"):
        AtLeast(count, parts)
    assert AtLeast(1, (A, B)) != AtLeast(2, (A, B))


@pytest.mark.parametrize(
    ("node", "field"),
    [
        (A, "value"),
        (Between("a", 1, 2), "low"),
        (Among("a", ("x",)), "codes"),
        (Includes("a", "x"), "code"),
        (Known("a"), "fact"),
        (Not(A), "part"),
        (AllOf((A, B)), "parts"),
        (AnyOf((A, B)), "parts"),
        (AtLeast(1, (A, B)), "count"),
    ],
)
def test_nothing_that_was_built_can_be_changed(node: Condition, field: str):
    with pytest.raises(FrozenInstanceError):
        setattr(node, field, None)


def test_inner_parts_are_lifted_out_and_one_part_stays_itself():
    assert all_of(A) is A
    assert any_of(A) is A
    assert all_of(A, all_of(B, C)) == AllOf((A, B, C))
    assert any_of(any_of(A, B), C) == AnyOf((A, B, C))
    assert all_of(A, any_of(B, C)) == AllOf((A, AnyOf((B, C))))
    assert all_of(all_of(A, B)) == AllOf((A, B))


def test_the_comparisons_of_a_condition_come_from_left_to_right():
    low, site, known = Between("d", 1, 2), Includes("e", "x"), Known("f")
    inner = any_of(low, AtLeast(1, (site, all_of(known, B))))
    condition = all_of(A, Not(inner), Always(), Among("a", ("x",)))
    assert list(leaves(condition)) == [A, low, site, known, B, Among("a", ("x",))]
    assert facts_of(condition) == ("a", "d", "e", "f", "b")


def test_a_condition_for_everybody_reads_no_fact():
    assert list(leaves(Always())) == []
    assert facts_of(Not(Always())) == ()


@given(st.lists(trees.conditions(DICTIONARY), min_size=1, max_size=4))
def test_joining_keeps_every_comparison_in_its_order(parts: list[Condition]):
    read = [leaf for part in parts for leaf in leaves(part)]
    assert list(leaves(all_of(*parts))) == read
    assert list(leaves(any_of(*parts))) == read
