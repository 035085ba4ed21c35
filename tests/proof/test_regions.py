"""For whom a change turns something: in plain words, and nobody left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cds.authoring.proof.cubes import cover, if_known
from cds.authoring.proof.encoder import Encoder
from cds.authoring.proof.formulas import conjunction, negation
from cds.authoring.proof.regions import RegionOfChange, Turn, region_of_change
from cds.authoring.proof.variables import CannotBeHeld, variables
from knowledge.conditions import facts_of
from knowledge.items import KnowledgeBase
from knowledge.model.actions import Action
from knowledge.reasoning import reading
from tests.proof.small import AT, base, coded, flag, hazard, rule, whole
from tests.proof.test_encoding import storable
from tests.strategies import Dictionary, dictionaries, moderately


def said(change: RegionOfChange) -> list[tuple[str, Turn, str]]:
    return [(item.name[1], region.turn, region.in_words) for item in change.items for region in item.regions]


def changed(before: KnowledgeBase, *items: object) -> RegionOfChange:
    kinds = {one.key: one for one in items}  # type: ignore[attr-defined]
    rest = (*before.facts.values(), *before.rules.values(), *before.hazards.values())
    return region_of_change(before, base(*(kinds.pop(one.key, one) for one in rest), *kinds.values()), AT)  # type: ignore[arg-type]


EXERCISE = base(
    whole("age", 0, 120),
    flag("sits"),
    coded("plan", "none", "light", "vigorous"),
    rule("screen", "age > 55 and sits and plan is vigorous"),
)


def test_a_lower_limit_lets_more_patients_in_and_says_which() -> None:
    change = changed(EXERCISE, rule("screen", "age > 45 and sits and plan is vigorous"))
    assert said(change) == [("screen", Turn.GAINS, "age from 46 to 55, sits, and plan is vigorous")]
    assert change.proven
    [item] = change.items
    assert item.complete
    patient = item.regions[0].patient
    assert patient is not None
    assert patient.facts == {"age": 46, "sits": True, "plan": "vigorous"}


def test_what_may_also_be_not_known_is_said_so() -> None:
    change = changed(EXERCISE, rule("screen", "age > 55 and sits and (plan is vigorous or plan is unknown)"))
    assert said(change) == [("screen", Turn.GAINS, "age at least 56, sits, and plan is not known")]


def test_gains_and_losses_are_told_apart() -> None:
    change = changed(EXERCISE, rule("screen", "age > 55 and sits and plan in (light, vigorous) and age < 90"))
    assert set(said(change)) == {
        ("screen", Turn.GAINS, "age from 56 to 89, sits, and plan is light"),
        ("screen", Turn.LOSES, "age at least 90, sits, and plan is vigorous"),
    }
    assert change.proven


def test_a_change_of_words_changes_nobody() -> None:
    change = changed(EXERCISE, replace(EXERCISE.rules["screen"], text="Other words."))
    assert (change.items, change.withholding, change.proven) == ((), (), True)


def test_a_new_hazard_is_a_region_of_its_own_and_says_what_it_withholds() -> None:
    before = base(flag("cord"), rule("run", "always", Action.EXERCISE))
    change = changed(before, hazard("compression", "cord", Action.EXERCISE, answered_by=()))
    assert said(change) == [("compression", Turn.GAINS, "cord")]
    [one] = change.withholding
    assert (one.withholder[1], one.rule, one.begins, one.in_words) == ("compression", "run", True, "cord")
    assert change.proven


def test_an_override_that_is_given_up_is_told() -> None:
    before = base(flag("cord"), flag("sits"), rule("run", "sits"), rule("rest", "cord", overrides=("run",)))
    change = changed(before, rule("rest", "cord"))
    [one] = change.withholding
    assert (one.withholder[1], one.rule, one.begins) == ("rest", "run", False)
    assert change.proven


def test_a_changed_derivation_is_told_by_what_it_rests_on() -> None:
    before = base(whole("pain"), flag("bad", (True, "pain >= 7")), rule("call", "bad"))
    change = changed(before, flag("bad", (True, "pain >= 5")))
    assert said(change) == [("call", Turn.GAINS, "pain from 5 to 6")]
    assert change.proven


def test_a_rule_that_is_withheld_all_the_same_says_so() -> None:
    before = base(
        flag("cord"),
        flag("sits"),
        rule("run", "sits and cord", Action.EXERCISE),
        hazard("compression", "cord", Action.EXERCISE, answered_by=()),
    )
    change = changed(before, rule("run", "cord", Action.EXERCISE))
    assert all(region.withheld for item in change.items for region in item.regions)


def test_a_fact_that_changes_its_type_is_refused_with_a_sentence() -> None:
    with pytest.raises(CannotBeHeld, match="sits changes its type"):
        changed(EXERCISE, coded("sits", "yes", "no"), rule("screen", "age > 55"))


@moderately
@given(st.data(), dictionaries())
def test_regions_hold_just_the_patients_for_whom_something_turns(data: st.DataObject, dictionary: Dictionary) -> None:
    before, after = data.draw(dictionary.conditions), data.draw(dictionary.conditions)
    patient = data.draw(dictionary.patients)
    assume(storable(patient))
    encoder = Encoder(variables([before, after], dictionary.facts))
    gains = conjunction((encoder.outcome(after).met, negation(encoder.outcome(before).met)))
    read = dict.fromkeys([*facts_of(before), *facts_of(after)])
    found = cover(gains, read, encoder, [*encoder.always, *if_known(encoder)], seconds=10)
    assume(found.complete)
    turned = reading(after, patient) is True and reading(before, patient) is not True
    assert any(reading(cube.condition, patient) is True for cube in found.cubes) is turned
    for cube in found.cubes:
        assert cube.in_words(dictionary.facts)
