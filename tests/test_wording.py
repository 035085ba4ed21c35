"""Conditions in plain English."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given

from knowledge.conditions import AtLeast, Condition, Not, all_of, any_of, facts_of
from knowledge.facts import Facts
from knowledge.language import parse, write
from knowledge.reasoning import findings, reading
from knowledge.wording import finding_in_words, in_words
from tests import specification, trees
from tests.specification import Form

DICTIONARY = specification.dictionary()
MARKED = {
    key: replace(fact, phrase=f"‹{key}›", absence=f"no ‹{key}›" if fact.absence else None)
    for key, fact in DICTIONARY.items()
}
"""The dictionary with phrases that cannot be taken for anything else."""


@pytest.mark.parametrize("form", specification.forms(), ids=str)
def test_a_condition_of_the_tables_reads_as_they_say(form: Form):
    assert in_words(parse(form.written, DICTIONARY), DICTIONARY) == form.words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not (age_years > 55)", "age not over 55 years"),
        ("age_years is not 55", "age not 55 years"),
        ("not (pain_nrs between 4 and 6)", "pain intensity not from 4 to 6"),
        ("spo2_room_air between 88.5 and 90", "oxygen saturation on room air from 88.5 to 90%"),
        ("progression_pattern not in (rapid)", "progression pattern is not rapid"),
        ("progression_pattern in (rapid)", "progression pattern is rapid"),
        ("mbc_diagnosis_date is not 2026-01-31", "date of metastatic diagnosis not on 2026-01-31"),
        ("sedentary is unknown", "whether presently sedentary is not known"),
        ("not not sedentary", "it is not so that (not presently sedentary)"),
        ("not always", "it is not so that (every patient)"),
        ("kps >= 70 or kps is unknown", "Karnofsky performance status at least 70, or this is not known"),
        ("kps >= 70 or pain_nrs is unknown", "Karnofsky performance status at least 70 or pain intensity is not known"),
        (
            "pain_nrs < 2 or pain_nrs > 6 or pain_nrs is unknown",
            "pain intensity under 2 or pain intensity over 6, or this is not known",
        ),
        ("pain_present and not fatigue_present", "pain and no fatigue"),
        ("not pain_present and not fatigue_present", "no pain and no fatigue"),
        ("not pain_present or fatigue_present", "no pain; or fatigue"),
        ("not pain_present and fatigue_present and dyspnea_present", "no pain; fatigue; and dyspnea"),
        ("pain_present and (fatigue_present or dyspnea_present)", "pain and (fatigue or dyspnea)"),
        ("not (pain_present or fatigue_present)", "none of (pain, fatigue)"),
        (
            "at least 2 of (pain_present, fatigue_present or dyspnea_present)",
            "at least 2 of: pain; (fatigue or dyspnea)",
        ),
    ],
)
def test_a_condition_in_words(text: str, words: str):
    assert in_words(parse(text, DICTIONARY), DICTIONARY) == words


@given(trees.conditions(DICTIONARY))
def test_the_words_name_every_fact_that_the_condition_asks_for(condition: Condition):
    words = in_words(condition, MARKED)
    assert [name for name in facts_of(condition) if f"‹{name}›" not in words] == []


@given(trees.conditions(DICTIONARY), trees.patients(DICTIONARY))
def test_every_finding_has_words_that_name_its_fact(condition: Condition, patient: Facts):
    for finding in findings(condition, patient):
        assert f"‹{finding.fact}›" in finding_in_words(finding, MARKED)


def test_conditions_that_sound_the_same_mean_the_same():
    """Every condition of two levels over a few findings: no two of one wording differ for any patient."""
    findings_ = [
        "pain_present",
        "not pain_present",
        "pain_present is unknown",
        "fatigue_present",
        "not dyspnea_present",
    ]
    leaves = [parse(text, DICTIONARY) for text in findings_]
    pairs = list(product(leaves, leaves))
    joined = [join(*pair) for pair in pairs for join in (all_of, any_of, at_least_one, at_least_two)]
    denied = [Not(part) for part in (*leaves, *joined)]
    several = [join(leaf, part) for leaf in leaves for part in (*joined, *denied) for join in (all_of, any_of)]
    several += [join(part, leaf) for leaf in leaves for part in (*joined, *denied) for join in (all_of, any_of)]
    patients = [
        {
            name: value
            for name, value in zip(("pain_present", "fatigue_present", "dyspnea_present"), values, strict=True)
            if value is not None
        }
        for values in product((True, False, None), repeat=3)
    ]
    said: dict[str, tuple[str, list[bool | None]]] = {}
    for condition in (*leaves, *joined, *denied, *several):
        readings = [reading(condition, patient) for patient in patients]
        text, same = said.setdefault(in_words(condition, DICTIONARY), (write(condition), readings))
        assert readings == same, f"{write(condition)} sounds like {text}"


def at_least_one(*parts: Condition) -> Condition:
    return AtLeast(1, parts)


def at_least_two(*parts: Condition) -> Condition:
    return AtLeast(2, parts)
