"""Conditions as JSON and back, and what was pasted without what nobody sees."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.conditions import Condition
from knowledge.facts import Fact
from knowledge.language import parse, write
from knowledge.pasted import plain_text
from knowledge.trees import NoTree, as_json, from_json
from tests.clinic import shipped_base
from tests.specification import dictionary
from tests.strategies import Dictionary, dictionaries, moderately
from tests.trees import conditions

FACTS: dict[str, Fact] = dictionary()


@moderately
@given(st.data(), dictionaries())
def test_any_tree_comes_back_from_json_as_it_was(data: st.DataObject, drawn: Dictionary) -> None:
    condition = data.draw(drawn.conditions)
    through = json.loads(json.dumps(as_json(condition)))
    assert from_json(through) == condition
    assert as_json(from_json(through)) == through


@moderately
@given(conditions(FACTS))
def test_a_tree_from_json_is_written_as_before(condition: Condition) -> None:
    assert write(from_json(as_json(condition))) == write(condition)


def test_a_condition_as_json_is_what_other_readers_were_promised() -> None:
    text = (
        "at least 1 of (age_years > 55, not (sedentary), disease_phase in (acute, stable), always)"
        " and mbc_diagnosis_date >= 2026-01-31 and pain_nrs between 4 and 6"
        " and (metastatic_sites includes bone or spo2_room_air is unknown)"
    )
    assert as_json(parse(text, FACTS)) == {
        "node": "all",
        "parts": [
            {
                "node": "at_least",
                "count": 1,
                "parts": [
                    {"node": "compare", "fact": "age_years", "operator": ">", "value": 55},
                    {
                        "node": "not",
                        "part": {"node": "compare", "fact": "sedentary", "operator": "is", "value": True},
                    },
                    {"node": "among", "fact": "disease_phase", "codes": ["acute", "stable"]},
                    {"node": "always"},
                ],
            },
            {"node": "compare", "fact": "mbc_diagnosis_date", "operator": ">=", "value": {"date": "2026-01-31"}},
            {"node": "between", "fact": "pain_nrs", "low": 4, "high": 6},
            {
                "node": "any",
                "parts": [
                    {"node": "includes", "fact": "metastatic_sites", "code": "bone"},
                    {"node": "not", "part": {"node": "known", "fact": "spo2_room_air"}},
                ],
            },
        ],
    }


def test_every_shipped_condition_comes_back() -> None:
    shipped = [rule.condition for rule in shipped_base().rules.values() if rule.condition]
    assert shipped
    assert [from_json(as_json(condition)) for condition in shipped] == shipped


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"node": "sometimes"},
        {"node": ["always"]},
        {"node": "known"},
        {"node": "known", "fact": 7},
        {"node": "not", "part": "pain"},
        {"node": "all", "parts": [{"node": "always"}]},
        {"node": "any", "parts": 2},
        {"node": "at_least", "count": "2", "parts": [{"node": "always"}, {"node": "always"}]},
        {"node": "compare", "fact": "a", "operator": "=", "value": 1},
        {"node": "compare", "fact": "a", "operator": ">", "value": "x"},
        {"node": "compare", "fact": "a", "operator": "is", "value": {"date": "yesterday"}},
        {"node": "compare", "fact": "a", "operator": "is", "value": [1]},
        {"node": "between", "fact": "a", "low": True, "high": 2},
        {"node": "among", "fact": "a", "codes": ["x", "x"]},
    ],
)
def test_what_is_no_tree_is_refused(tree: dict[str, object]) -> None:
    with pytest.raises(NoTree, match="not the tree of a condition"):
        from_json(tree)


@pytest.mark.parametrize(
    ("pasted", "plain"),
    [
        ("Screen first.\vThen exercise.\r\nAgain.\rAnd again.", "Screen first.\nThen exercise.\nAgain.\nAnd again."),
        ("age_years\u00a0>\u202f55\u2003and\u3000pain", "age_years > 55 and pain"),
        ("\ufeffage\u200b_years\u2060 >\u00ad 55\u200e", "age_years > 55"),
        ("a\tb\x00c\x07d\x1fe\x7ff\x9bg", "a bcdefg"),
        ("one\u2028two\u2029three\x85four\ffive", "one\ntwo\nthree\nfour\nfive"),
        ("re\x1eassess", "re-assess"),
        ("half of a pair: \ud83d, a whole one: 😀", "half of a pair: , a whole one: 😀"),
        ("\u202edesrever\u202c", "desrever"),
    ],
)
def test_what_word_pastes_becomes_plain(pasted: str, plain: str) -> None:
    assert plain_text(pasted) == plain


@pytest.mark.parametrize(
    "kept",
    [
        "“Is it so?” ‘Yes’ – she said — „ja“ «oui»…",
        "SpO₂ ≥ 90 %, ≤ 88, ≠ 5, −3, 5 × 10⁹/L, 37 °C, µg, α, é, e\u0301, ß, 日本語, עברית, हिन्दी",
        "  two spaces  \n\n and empty lines stay \n",
        "",
    ],
)
def test_what_can_be_seen_stays(kept: str) -> None:
    assert plain_text(kept) == kept


@moderately
@given(st.text(st.characters() | st.sampled_from("\r\n\v\t\u00a0\u200b\ufeff\ud800")))
def test_plain_text_holds_nothing_unseen_loses_nothing_seen_and_stays_plain(pasted: str) -> None:
    plain = plain_text(pasted)
    assert plain_text(plain) == plain
    assert all(one == "\n" or unicodedata.category(one) not in ("Cc", "Cs", "Zl", "Zp") for one in plain)
    assert {one for one in plain if one.isspace()} <= {" ", "\n"}
    plain.encode("utf-8")
    assert _letters_and_signs(plain) == _letters_and_signs(pasted)


def _letters_and_signs(text: str) -> list[str]:
    return [character for character in text if unicodedata.category(character)[0] in "LNS"]
