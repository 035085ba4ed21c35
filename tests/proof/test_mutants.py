"""Slips in conditions: which there are, which test patients notice, and patients made for those that none notices."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cds.authoring.proof.boundaries import boundary_vignettes
from cds.authoring.proof.killing import killing_vignettes
from cds.authoring.proof.mutants import Slip, mutants
from cds.authoring.proof.survivors import mutation_run
from cds.rehearsing import play
from knowledge.items import HazardState, ItemKind, KnowledgeBase, State, Vignette
from knowledge.language import parse, write
from knowledge.model.actions import Action
from tests.proof.small import AT, base, coded, flag, hazard, prepared, rule, whole
from tests.strategies import Dictionary, dictionaries, moderately

FACTS = {
    fact.key: fact
    for fact in (
        whole("pain"),
        flag("sits"),
        flag("old"),
        coded("phase", "acute", "stable"),
        whole("kps", 0, 100, step=10),
    )
}


def slips(condition: str) -> dict[Slip, set[str]]:
    found: dict[Slip, set[str]] = {}
    for mutant in mutants(parse(condition, FACTS), FACTS):
        found.setdefault(mutant.slip, set()).add(write(mutant.condition))
    return found


def test_a_comparison_slips_to_its_neighbour_and_its_bound_by_one() -> None:
    assert slips("pain > 5") == {
        Slip.COMPARISON: {"pain >= 5"},
        Slip.BOUND: {"pain > 4", "pain > 6"},
        Slip.NEGATION: {"not (pain > 5)"},
    }


def test_a_bound_slips_by_the_step_of_its_fact() -> None:
    assert slips("kps <= 50")[Slip.BOUND] == {"kps <= 40", "kps <= 60"}


def test_both_ends_of_a_range_slip() -> None:
    assert slips("pain between 4 and 6")[Slip.BOUND] == {
        "pain between 3 and 6",
        "pain between 5 and 6",
        "pain between 4 and 5",
        "pain between 4 and 7",
    }


def test_a_code_slips_to_every_other() -> None:
    assert slips("phase is acute")[Slip.CODE] == {"phase is stable"}


def test_and_slips_to_or_and_a_denial_is_lost() -> None:
    found = slips("sits and not old")
    assert found[Slip.AND_OR] == {"sits or not old"}
    assert found[Slip.NEGATION] == {"not sits and not old", "sits and old", "not (sits and not old)"}


def test_a_count_slips_by_one() -> None:
    assert slips("at least 2 of (sits, old, pain > 5)")[Slip.COUNT] == {
        "at least 1 of (sits, old, pain > 5)",
        "at least 3 of (sits, old, pain > 5)",
    }


@moderately
@given(st.data(), dictionaries())
def test_no_slip_is_the_condition_itself(data: st.DataObject, dictionary: Dictionary) -> None:
    condition = data.draw(dictionary.conditions)
    found = [mutant.condition for mutant in mutants(condition, dictionary.facts)]
    assert condition not in found
    assert len(set(found)) == len(found)


def patient(key: str, facts: dict, expect: dict | None = None, hazards: dict | None = None) -> Vignette:
    return Vignette(key, key, "small", key, AT, facts, expect or {}, hazards or {})


def with_patients(of: KnowledgeBase, *patients: Vignette) -> KnowledgeBase:
    return replace(of, vignettes={one.key: one for one in patients})


def test_a_slip_is_noticed_only_by_a_patient_who_expects_something_of_the_rule() -> None:
    of = base(whole("pain"), rule("act", "pain > 5"), rule("other", "pain > 5"))
    both_sides = [
        patient("six", {"pain": 6}, {State.RECOMMENDED: ("act",)}),
        patient("five", {"pain": 5}, {State.NOT_MET: ("act",)}),
    ]
    run = mutation_run(with_patients(of, *both_sides))
    assert sum(run.tried.values()) == 8
    assert {one.name[1] for one in run.survivors} == {"other"}
    assert run.killed == 4


def test_a_slip_that_no_patient_could_notice_is_equivalent() -> None:
    of = base(whole("pain"), rule("act", "pain >= 0"))
    run = mutation_run(with_patients(of, patient("none", {"pain": 3}, {State.RECOMMENDED: ("act",)})))
    assert [write(one.mutant.condition) for one in run.equivalent] == ["pain >= -1"]


def test_made_patients_notice_every_slip_and_are_few() -> None:
    of = base(
        whole("pain"),
        flag("bad", (True, "pain >= 7")),
        flag("sits"),
        coded("phase", "acute", "stable", "terminal"),
        rule("act", "(pain > 5 or bad) and sits and phase in (acute, stable)", Action.EXERCISE),
        rule("call", "at least 2 of (sits, bad, phase is terminal)"),
        hazard("agony", "pain between 8 and 9", Action.EXERCISE, answered_by=("call",)),
    )
    made, missed = killing_vignettes(of, AT)
    assert not missed
    assert len(made) <= 12
    assert len({one.title for one in made}) == len(made)
    after = with_patients(of, *made)
    assert mutation_run(after).survivors == ()
    with prepared(after) as release:
        assert [failure for one in made for failure in play(release, one)] == []


def test_who_is_made_for_a_rule_stands_on_both_sides_of_each_boundary_and_in_each_branch_alone() -> None:
    of = base(whole("pain"), flag("sits"), flag("old"), rule("act", "pain > 5 and (sits or old)"))
    made = {one.title: one for one in boundary_vignettes(of, (ItemKind.RULE, "act"), AT)}
    assert (
        list(made)
        == [
            "Pain 5, exactly at the limit of “Act”",
            "Pain 6, just above the limit of “Act”",
            "Sits, and no other reason for “Act”",
            "Old, and no other reason for “Act”",
        ]
        or len(made) == 3
    )
    assert made["Pain 5, exactly at the limit of “Act”"].expect == {State.NOT_MET: ("act",)}
    assert made["Pain 6, just above the limit of “Act”"].expect == {State.RECOMMENDED: ("act",)}


def test_who_is_made_for_a_hazard_expects_it_present_or_absent() -> None:
    of = base(whole("pain"), hazard("agony", "pain >= 8", Action.EXERCISE, answered_by=()))
    made = boundary_vignettes(of, (ItemKind.HAZARD, "agony"), AT)
    assert [(dict(one.facts), dict(one.hazards)) for one in made] == [
        ({"pain": 7}, {HazardState.ABSENT: ("agony",)}),
        ({"pain": 8}, {HazardState.PRESENT: ("agony",)}),
    ]
