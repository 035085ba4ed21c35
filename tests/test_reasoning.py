"""The plain reading: the tables, and the laws that it obeys whatever the condition and the patient."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from knowledge.conditions import AtLeast, Condition, Not, all_of, any_of, facts_of
from knowledge.facts import Facts
from knowledge.language import parse
from knowledge.reasoning import Finding, findings, missing, reading
from knowledge.wording import finding_in_words
from tests import specification, trees
from tests.specification import READINGS, Case, Form

DICTIONARY = specification.dictionary()
CASES = specification.cases()
CASE_IDS = [f"{form}-{case.reading}-{' '.join(case.cells.values())}" for form, case in CASES]

conditions = trees.conditions(DICTIONARY)
several = st.lists(conditions, min_size=2, max_size=4)
patients = trees.patients(DICTIONARY)
SHE = st.shared(patients, key="she")


# The tables


@pytest.mark.parametrize(("form", "case"), CASES, ids=CASE_IDS)
def test_a_patient_of_the_tables_is_read_as_they_say(form: Form, case: Case):
    condition = parse(form.written, DICTIONARY)
    assert reading(condition, case.facts) is READINGS[case.reading]


@pytest.mark.parametrize(("form", "case"), CASES, ids=CASE_IDS)
def test_the_findings_that_decided_are_those_of_the_tables(form: Form, case: Case):
    decided = findings(parse(form.written, DICTIONARY), case.facts)
    assert tuple(finding_in_words(finding, DICTIONARY) for finding in decided) == case.because


@pytest.mark.parametrize(("form", "case"), CASES, ids=CASE_IDS)
def test_the_missing_facts_are_those_of_the_tables(form: Form, case: Case):
    assert missing(parse(form.written, DICTIONARY), case.facts) == case.missing


@pytest.mark.parametrize("word", ["and", "or"])
def test_the_tables_of_and_and_or_are_whole(word: str):
    [form] = [form for form in specification.forms() if form.joined_by == word]
    patients = {tuple(case.cells.values()) for case in form.cases}
    assert patients == {(one, other) for one in ("yes", "no", "-") for other in ("yes", "no", "-")}


# What the tables leave open


def test_a_fact_that_is_asked_for_twice_is_named_once():
    condition = parse("pain_nrs > 6 or pain_nrs < 2 or (pain_nrs is 4 and kps >= 60)")
    assert missing(condition, {}) == ("pain_nrs", "kps")
    assert findings(condition, {"pain_nrs": 7}) == (Finding("pain_nrs", 7),)


def test_a_fact_that_can_change_nothing_any_more_is_not_missing():
    condition = parse("(pain_present and kps <= 60) or (fatigue_present and disease_phase is acute)")
    assert missing(condition, {"pain_present": False, "fatigue_present": True}) == ("disease_phase",)


def test_learning_a_fact_can_open_a_new_question():
    """Where not knowing decides, the facts to ask for are those of this moment; another may follow."""
    condition = parse("pain_nrs >= 1 or (pain_nrs is unknown and sedentary) or (pain_nrs is known and kps < 60)")
    assert missing(condition, {}) == ("pain_nrs", "sedentary")
    assert missing(condition, {"pain_nrs": 0, "sedentary": False}) == ("kps",)


def test_a_whole_number_and_the_same_number_with_a_point_are_one():
    condition = parse("spo2_room_air is 92")
    assert reading(condition, {"spo2_room_air": 92.0}) is True
    assert reading(parse("spo2_room_air between 91 and 92"), {"spo2_room_air": 92.0}) is True


# The laws


@given(conditions, patients)
def test_not_turns_the_reading_round_and_twice_gives_it_back(condition: Condition, patient: Facts):
    turned = {True: False, False: True, None: None}
    assert reading(Not(condition), patient) is turned[reading(condition, patient)]
    assert reading(Not(Not(condition)), patient) is reading(condition, patient)


@given(several, patients)
def test_de_morgan(parts: list[Condition], patient: Facts):
    denied = [Not(part) for part in parts]
    assert reading(Not(all_of(*parts)), patient) is reading(any_of(*denied), patient)
    assert reading(Not(any_of(*parts)), patient) is reading(all_of(*denied), patient)


@given(several, patients)
def test_and_is_the_lowest_of_its_parts_and_or_the_highest(parts: list[Condition], patient: Facts):
    rank = {False: 0, None: 1, True: 2}
    ranks = [rank[reading(part, patient)] for part in parts]
    assert rank[reading(all_of(*parts), patient)] == min(ranks)
    assert rank[reading(any_of(*parts), patient)] == max(ranks)


@given(several, st.integers(1, 4), patients)
def test_at_least_so_many_is_between_or_and_and(parts: list[Condition], count: int, patient: Facts):
    count = min(count, len(parts))
    counted = reading(AtLeast(count, tuple(parts)), patient)
    readings = [reading(part, patient) for part in parts]
    assert (counted is True) is (readings.count(True) >= count)
    assert (counted is False) is (len(parts) - readings.count(False) < count)
    if count == 1:
        assert counted is reading(any_of(*parts), patient)
    if count == len(parts):
        assert counted is reading(all_of(*parts), patient)


@given(several, patients, st.randoms())
def test_the_order_of_the_parts_does_not_matter(parts: list[Condition], patient: Facts, random):
    mixed = random.sample(parts, len(parts))
    for join in (all_of, any_of, lambda *parts: AtLeast(2, parts)):
        assert reading(join(*parts), patient) is reading(join(*mixed), patient)


@given(trees.conditions(DICTIONARY, asking_if_known=False), patients, patients)
def test_learning_more_never_takes_back_what_was_decided(condition: Condition, known: Facts, more: Facts):
    before = reading(condition, known)
    assume(before is not None)
    assert reading(condition, {**more, **known}) is before


@given(conditions, patients)
def test_facts_are_missing_exactly_while_the_reading_is_unknown(condition: Condition, patient: Facts):
    assert (reading(condition, patient) is None) is bool(missing(condition, patient))


@given(conditions, patients)
def test_what_is_missing_is_not_known_and_is_asked_by_the_condition(condition: Condition, patient: Facts):
    names = missing(condition, patient)
    assert not set(names) & patient.keys()
    assert set(names) <= set(facts_of(condition))
    assert len(set(names)) == len(names)


@given(trees.conditions(DICTIONARY, asking_if_known=False), SHE, SHE.flatmap(lambda she: whole_patients(she)))
def test_learning_every_missing_fact_decides(condition: Condition, she: Facts, whole: Facts):
    learnt = {name: whole[name] for name in missing(condition, she)}
    assert reading(condition, {**she, **learnt}) is not None


@given(conditions, SHE, SHE.flatmap(lambda she: whole_patients(she)))
def test_asking_on_decides_every_condition_in_the_end(condition: Condition, she: Facts, whole: Facts):
    known = dict(she)
    asked: list[str] = []
    while names := missing(condition, known):
        known |= {name: whole[name] for name in names}
        asked += names
    assert reading(condition, known) is not None
    assert len(set(asked)) == len(asked)


@given(trees.conditions(DICTIONARY, asking_if_known=False), SHE, SHE.flatmap(lambda she: whole_patients(she)))
def test_facts_that_are_not_missing_cannot_decide(condition: Condition, she: Facts, whole: Facts):
    assume(reading(condition, she) is None)
    beside = {name: value for name, value in whole.items() if name not in missing(condition, she)}
    assert reading(condition, {**beside, **she}) is None


@given(conditions, patients)
def test_findings_are_what_is_known_of_the_patient(condition: Condition, patient: Facts):
    for finding in findings(condition, patient):
        assert finding.value == patient.get(finding.fact)
        assert (finding.value is None) is (finding.fact not in patient)


@given(conditions, patients)
def test_an_unknown_condition_has_no_findings(condition: Condition, patient: Facts):
    if reading(condition, patient) is None:
        assert findings(condition, patient) == ()


@given(conditions, patients)
def test_the_findings_suffice(condition: Condition, patient: Facts):
    """Whoever sees only the findings comes to the same reading: what is left out played no part."""
    assume(reading(condition, patient) is not None)
    seen = {finding.fact: finding.value for finding in findings(condition, patient) if finding.value is not None}
    assert reading(condition, seen) is reading(condition, patient)


@given(conditions)
def test_of_a_patient_of_whom_nothing_is_known_every_finding_says_so(condition: Condition):
    assert all(finding.value is None for finding in findings(condition, {}))


def whole_patients(known: Facts) -> st.SearchStrategy[Facts]:
    """Patients of whom everything is known, `known` among it."""
    everything = st.fixed_dictionaries({key: trees.values(fact) for key, fact in DICTIONARY.items()})
    return everything.map(lambda whole: {**whole, **known})
