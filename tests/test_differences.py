"""A reviewer sees every difference between two versions, in words, and nothing that is not one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields

from knowledge import schemas
from knowledge.canonical import canonical
from knowledge.differences import Change, Difference, differences
from knowledge.fields import fields_of
from knowledge.items import ItemKind
from knowledge.schemas import Content, content_of
from knowledge.segments import MOST_PAIRS, Mark, Segment, segments
from tests import clinic

RULE: Content = {
    "key": "walk-daily",
    "title": "Walk daily",
    "text": "Advise a walk of half an hour every day.",
    "patient_text": "Walk for half an hour every day.",
    "kind": "advice",
    "mode": "do",
    "topic": "exercise",
    "actors": ["oncologist", "patient"],
    "urgency": "this_visit",
    "condition": "pain_nrs < 4",
    "patient_may_see": True,
    "review_by": "2027-06-30",
    "citations": [
        {"source": "kida-2021", "locator": "p180", "strength": "should"},
        {"source": "hui-2021", "locator": "p7", "strength": "may"},
    ],
    "overrides": [{"rule": "rest", "reason": "Not both."}],
    "notes": ["Where it is safe.", "For as long as she likes it."],
}
VIGNETTE: Content = {
    "key": "in-pain",
    "title": "In pain",
    "topic": "pain",
    "story": "She is in pain.",
    "evaluated_at": "2026-01-31T09:00:00Z",
    "facts": {"pain_nrs": 7, "has_mbc": True},
    "expect": {"recommended": ["ask-for-pain"], "not_met": ["walk-daily"]},
}


def changed(kind: ItemKind, content: Content, **changes: Any) -> tuple[Difference, ...]:
    """What a change shows; None takes the field away."""
    after = {name: value for name, value in {**content, **changes}.items() if value is not None}
    return differences(kind, content, after, clinic.shipped_base().facts)


def of_rule(**changes: Any) -> tuple[Difference, ...]:
    return changed(ItemKind.RULE, RULE, **changes)


def of_vignette(**changes: Any) -> tuple[Difference, ...]:
    return changed(ItemKind.VIGNETTE, VIGNETTE, **changes)


def told(found: tuple[Difference, ...]) -> list[tuple[str, str | None, str | None]]:
    return [(one.name, one.before, one.after) for one in found]


def marked(pieces: tuple[Segment, ...]) -> str:
    """`Walk [-half-][+a full+] hour`."""
    brackets = {Mark.SAME: "{}", Mark.REMOVED: "[-{}-]", Mark.ADDED: "[+{}+]"}
    return "".join(brackets[piece.mark].format(piece.text) for piece in pieces)


def test_a_changed_text_is_marked_word_by_word() -> None:
    [text] = of_rule(patient_text="Walk for a full hour every day, if you can.")
    assert (text.name, text.change) == ("Text for the patient", Change.CHANGED)
    assert marked(text.segments) == "Walk for [-half an-][+a full+] hour every day[+, if you can+]."


def test_words_of_closed_lists_days_and_flags_are_said() -> None:
    found = of_rule(urgency="now", review_by="2028-01-31", patient_may_see=False, actors=["oncologist", "care_team"])
    assert told(found) == [
        ("For whom", "Oncologist; Patient", "Oncologist; Care team"),
        ("Urgency", "At this visit", "Now"),
        ("A patient may see it", "Yes", "No"),
        ("Review by", "30 June 2027", "31 January 2028"),
    ]


def test_a_condition_is_told_in_words_and_as_text() -> None:
    words, text = of_rule(condition="pain_nrs >= 4")
    assert told((words, text)) == [
        ("When", "Pain intensity under 4.", "Pain intensity at least 4."),
        ("When, as text", "pain_nrs < 4", "pain_nrs >= 4"),
    ]
    assert marked(text.segments) == "pain_nrs [-<-][+>=+] 4"
    assert (words.as_written, text.as_written) == (False, True)


@pytest.mark.parametrize("condition", ["no_such_fact >= 4", "disease_phase is no_such_code", "pain_nrs >="])
def test_a_condition_that_cannot_be_said_is_told_as_text_alone(condition: str) -> None:
    assert told(of_rule(condition=condition)) == [("When, as text", "pain_nrs < 4", condition)]


def test_a_rule_that_becomes_a_statement_loses_its_condition() -> None:
    found = of_rule(condition=None)
    assert [(one.name, one.change, one.after) for one in found] == [
        ("When", Change.REMOVED, None),
        ("When, as text", Change.REMOVED, None),
    ]


def test_a_citation_is_added_taken_away_reworded_or_moved() -> None:
    kida, hui = RULE["citations"]
    third = {"source": "nccn-2022", "locator": "p1", "strength": "must"}
    assert told(of_rule(citations=[kida, third])) == [
        ("Citation 2", "hui-2021, p7; wording: may", None),
        ("Citation 2", None, "nccn-2022, p1; wording: must"),
    ]
    assert told(of_rule(citations=[kida, {**hui, "strength": "should"}])) == [
        ("Citation 2", "hui-2021, p7; wording: may", "hui-2021, p7; wording: should")
    ]
    assert told(of_rule(citations=[kida, {**hui, "locator": "p8"}])) == [
        ("Citation 2", "hui-2021, p7; wording: may", "hui-2021, p8; wording: may")
    ]
    [moved] = of_rule(citations=[hui, kida])
    assert moved.change is Change.MOVED
    assert told((moved,)) == [("Citation 1", "2. hui-2021, p7; wording: may", "1. hui-2021, p7; wording: may")]
    assert told(of_rule(citations=[third, kida, hui])) == [("Citation 1", None, "nccn-2022, p1; wording: must")]


def test_what_keeps_its_number_has_not_moved() -> None:
    before = {**RULE, "notes": ["First.", "Second.", "Third."]}
    found = changed(ItemKind.RULE, before, notes=["Third.", "Second.", "First."])
    assert told(found) == [("Note 1", "3. Third.", "1. Third."), ("Note 3", "1. First.", "3. First.")]


def test_a_note_that_is_reworded_is_one_difference_and_another_note_is_another() -> None:
    [reworded] = of_rule(notes=["Where it is quite safe.", RULE["notes"][1]])
    assert (reworded.name, marked(reworded.segments)) == ("Note 1", "Where it is [+quite +]safe.")
    assert told(of_rule(notes=["Ask first.", *RULE["notes"]])) == [("Note 1", None, "Ask first.")]
    assert told(of_rule(notes=None)) == [("Note 1", "Where it is safe.", None), ("Note 2", RULE["notes"][1], None)]


def test_an_override_is_known_by_the_rule_that_it_withholds() -> None:
    assert told(of_rule(overrides=[{"rule": "rest", "reason": "Never both."}])) == [
        ("Withheld rule 1", "rest: Not both.", "rest: Never both.")
    ]


def test_what_is_known_and_expected_of_a_patient_is_told_fact_by_fact_and_rule_by_rule() -> None:
    facts = {"pain_nrs": 3, "has_mbc": True, "age_years": 60, "no_such_fact": [1]}
    expect = {"withheld": ["ask-for-pain"], "undetermined": ["rest"]}
    assert told(of_vignette(facts=facts, expect=expect)) == [
        ("Known: Age", None, "age 60 years"),
        ("Known: no_such_fact", None, "[1]"),
        ("Known: Pain intensity", "pain intensity 7", "pain intensity 3"),
        ("Expected: ask-for-pain", "Recommended", "Withheld"),
        ("Expected: rest", None, "Undetermined"),
        ("Expected: walk-daily", "Not met", None),
    ]


def test_an_observation_says_when_and_by_whom() -> None:
    seen = {"value": 7, "observed_at": "2026-01-31T08:00:00Z", "source": "patient"}
    assert told(of_vignette(facts={"pain_nrs": [seen, {**seen, "value": 6}], "has_mbc": True})) == [
        (
            "Known: Pain intensity",
            "pain intensity 7",
            "pain intensity 7, observed 31 January 2026, 08:00 UTC by patient; "
            "pain intensity 6, observed 31 January 2026, 08:00 UTC by patient",
        )
    ]


def test_what_would_be_said_in_the_same_words_is_told_as_it_is_stored() -> None:
    assert told(of_vignette(evaluated_at="2026-01-31T09:00:30Z")) == [
        ("Evaluated", '"2026-01-31T09:00:00Z"', '"2026-01-31T09:00:30Z"')
    ]
    assert told(of_vignette(facts={"pain_nrs": {"value": 7}, "has_mbc": True})) == [
        ("Known: Pain intensity", "7", '{"value": 7}')
    ]


def test_that_a_fact_speaks_of_none_of_the_nine_kinds_is_no_longer_not_stated() -> None:
    fact = content_of(clinic.shipped_base().facts["age_years"])
    unstated = {name: value for name, value in fact.items() if name != "attributes"}
    (stated,) = changed(ItemKind.FACT, unstated, attributes=[])
    assert (stated.change, stated.after) == (Change.ADDED, "None of the nine")
    (some,) = changed(ItemKind.FACT, {**unstated, "attributes": []}, attributes=["date_of_birth", "sex"])
    assert (some.before, some.after) == ("None of the nine", "Date of birth; Sex")


def test_a_new_item_is_new_in_every_field() -> None:
    found = differences(ItemKind.RULE, None, RULE, clinic.shipped_base().facts)
    assert {one.field for one in found} == set(RULE)
    assert {one.change for one in found} == {Change.ADDED}
    assert all(one.before is None and [piece.mark for piece in one.segments] == [Mark.ADDED] for one in found)


def test_a_draft_that_holds_anything_is_told_as_it_is_written() -> None:
    nonsense: Content = {
        "title": ["a"], "actors": 3, "citations": "none", "overrides": [1], "patient_may_see": "yes",
        "review_by": "soon", "condition": 5, "urgency": {"a": 1}, "notes": [[]], "further": "field",
    }  # fmt: skip
    found = of_rule(**nonsense)
    assert {one.field for one in found} == set(nonsense)
    assert [(one.name, one.after) for one in found if one.field == "further"] == [("further", "field")]
    assert {one.name for one in of_vignette(facts=3, expect=[1], evaluated_at="today")} == {
        "Evaluated",
        "Known",
        "Expected",
    }


SCHEMAS = [
    (ItemKind.FACT, schemas.FactSchema()),
    (ItemKind.SOURCE, schemas.SourceSchema()),
    (ItemKind.RULE, schemas.RuleSchema()),
    (ItemKind.VIGNETTE, schemas.VignetteSchema()),
]


@pytest.mark.parametrize(("kind", "schema"), SCHEMAS)
def test_every_field_of_every_kind_has_a_name_in_words(kind: ItemKind, schema: Schema) -> None:
    named = fields_of(kind)
    assert set(named) == set(schema.fields)
    names = [field.name for field in named.values()]
    assert len(set(names)) == len(names)
    assert not any("_" in name for name in names)


@pytest.mark.parametrize(("kind", "schema"), SCHEMAS)
def test_every_field_of_what_a_list_holds_is_seen_to_differ(kind: ItemKind, schema: Schema) -> None:
    for name, field in schema.fields.items():
        if not isinstance(field, fields.List) or not isinstance(field.inner, fields.Nested):
            continue
        thing = dict.fromkeys(field.inner.schema.fields, "always")
        for part in thing:
            other = {**thing, part: "not pain_nrs >= 4"}
            found = differences(kind, {name: [thing]}, {name: [other]}, {})
            assert found, (name, part)
            assert all(one.before != one.after for one in found), (name, part)


@cache
def shipped(kind: ItemKind) -> list[Content]:
    base = clinic.shipped_base()
    items: Mapping[ItemKind, Mapping[str, Any]] = {
        ItemKind.FACT: base.facts,
        ItemKind.SOURCE: base.sources,
        ItemKind.RULE: base.rules,
        ItemKind.HAZARD: base.hazards,
        ItemKind.VIGNETTE: base.vignettes,
    }
    return [content_of(item) for item in items[kind].values()]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "pain_nrs", "2026-01-31", "a b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "rule", "a"]), inner),
    max_leaves=5,
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[ItemKind, Content, Content]:
    """Two items as shipped, or one of them with some fields of the other, in another order, or filled at random."""
    kind = draw(st.sampled_from(ItemKind))
    some = st.sampled_from(shipped(kind))
    before, after = draw(some), dict(draw(some))
    for name in draw(st.lists(st.sampled_from(sorted(before)), unique=True)):
        after[name] = before[name]
    for name in draw(st.lists(st.sampled_from(sorted(before)), unique=True, max_size=3)):
        same = before[name]
        after[name] = draw(st.permutations(same) if isinstance(same, list) else JSON)
    return kind, before, after


@given(pairs())
def test_there_is_a_difference_exactly_where_something_differs(pair: tuple[ItemKind, Content, Content]) -> None:
    kind, before, after = pair
    facts = clinic.shipped_base().facts
    assert differences(kind, before, json.loads(canonical(before)), facts) == ()
    found = differences(kind, before, after, facts)

    def said(content: Content, name: str) -> Any:
        value = content.get(name)
        says_nothing = value in (None, "", {}) or (value == [] and name != "attributes")
        return None if says_nothing else value

    differ = {
        name for name in before.keys() | after.keys() if canonical(said(before, name)) != canonical(said(after, name))
    }
    assert {one.field for one in found} == differ
    for one in found:
        assert one.before != one.after
        assert "".join(piece.text for piece in one.segments if piece.mark is not Mark.ADDED) == (one.before or "")
        assert "".join(piece.text for piece in one.segments if piece.mark is not Mark.REMOVED) == (one.after or "")


@given(st.text(" ab.\n", max_size=30) | st.text(), st.text(" ab.\n", max_size=30) | st.text())
def test_the_segments_make_up_both_texts_to_the_letter(before: str, after: str) -> None:
    found = segments(before, after)
    assert "".join(piece.text for piece in found if piece.mark is not Mark.ADDED) == before
    assert "".join(piece.text for piece in found if piece.mark is not Mark.REMOVED) == after
    assert all(piece.text for piece in found)
    assert all(one.mark is not other.mark for one, other in pairwise(found))
    if before == after:
        assert {piece.mark for piece in found} <= {Mark.SAME}


def test_two_changed_words_are_one_change_with_the_blank_between_them() -> None:
    assert marked(segments("She walks daily now", "She rests often now")) == "She [-walks daily-][+rests often+] now"


def test_a_word_a_thousand_times_is_shown_as_replaced_instead_of_compared_for_minutes() -> None:
    long = "walk " * MOST_PAIRS
    assert [piece.mark for piece in segments(f"A {long}", f"B {long}more")] == [Mark.REMOVED, Mark.ADDED]
    assert [piece.mark for piece in segments(long, f"{long}more")] == [Mark.SAME, Mark.ADDED]
