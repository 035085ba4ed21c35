"""The solver's reading of a condition is the reference evaluator's, on every patient."""

from __future__ import annotations

from datetime import date

from hypothesis import assume, given
from hypothesis import strategies as st

from cds.authoring.proof.encoder import Encoder
from cds.authoring.proof.formulas import Search
from cds.authoring.proof.variables import variables
from knowledge.facts import LARGEST_NUMBER, Value
from knowledge.reasoning import findings, reading
from tests.strategies import Dictionary, dictionaries, moderately


def storable(patient: dict[str, Value]) -> bool:
    """Whether every number is one that intake takes."""
    numbers = [one for one in patient.values() if isinstance(one, int | float) and not isinstance(one, bool | date)]
    return all(abs(number) < LARGEST_NUMBER for number in numbers)


@moderately
@given(st.data(), dictionaries())
def test_a_condition_comes_to_the_same_in_the_solver_as_in_the_reference_evaluator(
    data: st.DataObject, dictionary: Dictionary
) -> None:
    conditions = data.draw(st.lists(dictionary.conditions, min_size=1, max_size=4))
    patient = data.draw(dictionary.patients)
    assume(storable(patient))
    encoder = Encoder(variables(conditions, dictionary.facts))
    model = Search(encoder.always, seconds=10).find(encoder.described(patient))
    assert model is not None
    for condition in conditions:
        met, not_met = encoder.outcome(condition)
        result = reading(condition, patient)
        assert (model[met], model[not_met]) == (result is True, result is False)


@moderately
@given(st.data(), dictionaries())
def test_a_patient_that_the_solver_finds_is_read_so_by_the_reference_evaluator(
    data: st.DataObject, dictionary: Dictionary
) -> None:
    condition = data.draw(dictionary.conditions)
    encoder = Encoder(variables([condition], dictionary.facts))
    search = Search(encoder.always, seconds=10)
    met, not_met = encoder.outcome(condition)
    for wanted, where in ((True, met), (False, not_met), (None, encoder.outcome(condition).undetermined)):
        model = search.find(where)
        if model is not None:
            assert reading(condition, encoder.patient(model)) is wanted


@moderately
@given(st.data(), dictionaries())
def test_that_a_fact_which_is_not_known_decided_is_what_the_findings_say(
    data: st.DataObject, dictionary: Dictionary
) -> None:
    condition = data.draw(dictionary.conditions)
    patient = data.draw(dictionary.patients)
    assume(storable(patient))
    result = reading(condition, patient)
    assume(result is not None)
    encoder = Encoder(variables([condition], dictionary.facts))
    model = Search(encoder.always, seconds=10).find(encoder.described(patient))
    assert model is not None
    decided = any(finding.value is None for finding in findings(condition, patient))
    assert model[encoder.unknown_decides(condition, bool(result))] is decided
