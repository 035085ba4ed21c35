"""What must hold for every patient: proven where it does, with a patient where it does not."""

from __future__ import annotations

from cds.authoring.proof.formulas import Search, TimedOut
from cds.authoring.proof.report import prove_claims
from cds.authoring.proof.results import Claim, ClaimCode, Verdict
from knowledge.items import ItemKind, KnowledgeBase, Mode, Urgency
from knowledge.model.actions import Action
from tests.proof.small import AT, base, flag, hazard, rule, whole


def claim(of: KnowledgeBase, code: ClaimCode) -> Claim:
    [found] = [one for one in prove_claims(of, AT) if one.code is code]
    return found


def test_what_a_hazard_forbids_is_proven_to_be_withheld() -> None:
    of = base(
        flag("cord"),
        rule("run", "always", Action.EXERCISE_VIGOROUS),
        rule("call", "cord", Action.EMERGENCY_ACT, urgency=Urgency.NOW),
        hazard("compression", "cord", Action.EXERCISE, answered_by=("call",)),
    )
    assert {one.verdict for one in prove_claims(of, AT)} == {Verdict.PROVEN}


def test_a_hazard_that_nothing_answers_for_some_patient_is_shown_by_that_patient() -> None:
    of = base(
        flag("cord"),
        flag("treated"),
        rule("call", "cord and not treated", Action.EMERGENCY_ACT, urgency=Urgency.NOW),
        hazard("compression", "cord", Action.EXERCISE, answered_by=("call",)),
    )
    found = claim(of, ClaimCode.HAZARD_IS_ANSWERED)
    assert found.verdict is Verdict.VIOLATED
    assert found.patient is not None
    assert found.patient.facts == {"cord": True}


def test_an_answer_that_another_rule_withholds_is_none() -> None:
    of = base(
        flag("cord"),
        flag("dying"),
        rule("call", "cord", Action.EMERGENCY_ACT, urgency=Urgency.NOW),
        rule("comfort", "dying", Action.COMFORT, overrides=(Action.EMERGENCY_ACT,), urgency=Urgency.NOW),
        hazard("compression", "cord", Action.EXERCISE, answered_by=("call",)),
    )
    found = claim(of, ClaimCode.HAZARD_IS_ANSWERED)
    assert found.patient is not None
    assert found.patient.facts == {"cord": True, "dying": True}


def test_an_answer_that_is_less_urgent_than_the_hazard_is_none() -> None:
    of = base(flag("cord"), rule("call", "cord"), hazard("compression", "cord", Action.EXERCISE, answered_by=("call",)))
    assert claim(of, ClaimCode.HAZARD_IS_ANSWERED).verdict is Verdict.VIOLATED


def test_an_urgent_rule_that_one_of_the_checklist_withholds_is_shown() -> None:
    of = base(
        whole("pain"),
        flag("listed"),
        rule("call", "pain >= 7", urgency=Urgency.NOW),
        rule("list", "listed", overrides=("call",)),
    )
    found = claim(of, ClaimCode.URGENT_IS_SHOWN)
    assert found.verdict is Verdict.VIOLATED
    assert found.patient is not None
    assert found.patient.facts == {"pain": 7, "listed": True}


def test_an_urgent_rule_may_be_withheld_by_another_urgent_one() -> None:
    of = base(
        whole("pain"),
        flag("listed"),
        rule("call", "pain >= 7", urgency=Urgency.NOW),
        rule("act", "listed", overrides=("call",), urgency=Urgency.NOW),
    )
    assert claim(of, ClaimCode.URGENT_IS_SHOWN).verdict is Verdict.PROVEN


def test_what_is_advised_and_advised_against_at_once_is_shown_until_one_overrides_the_other() -> None:
    facts = (whole("pain"), flag("weak"))
    for_it = rule("run", "pain < 4", Action.EXERCISE_VIGOROUS)
    against = rule("rest", "weak", Action.EXERCISE, mode=Mode.AVOID)
    found = claim(base(*facts, for_it, against), ClaimCode.NO_OPPOSITES)
    assert found.verdict is Verdict.VIOLATED
    assert found.patient is not None
    assert found.patient.facts == {"pain": 3, "weak": True}
    settled = rule("rest", "weak", Action.EXERCISE, mode=Mode.AVOID, overrides=("run",))
    assert claim(base(*facts, for_it, settled), ClaimCode.NO_OPPOSITES).verdict is Verdict.PROVEN


def test_who_is_outside_the_population_is_no_counterexample() -> None:
    of = base(
        flag("mbc", population="mbc"),
        rule("call", "mbc", urgency=Urgency.NOW),
        hazard("compression", "not mbc", Action.EXERCISE, answered_by=("call",)),
    )
    assert claim(of, ClaimCode.HAZARD_IS_ANSWERED).verdict is Verdict.PROVEN


def test_what_was_posted_later_than_what_it_contradicts_is_a_counterexample_too() -> None:
    of = base(
        whole("pain"),
        flag("bad_pain", (True, "pain >= 7"), (False, "pain < 7")),
        rule("call", "bad_pain", urgency=Urgency.NOW),
        hazard("agony", "pain >= 7", Action.EXERCISE, answered_by=("call",)),
    )
    found = claim(of, ClaimCode.HAZARD_IS_ANSWERED)
    assert found.verdict is Verdict.VIOLATED
    assert found.patient is not None
    assert found.patient.facts.keys() == {"pain", "bad_pain"}


def test_a_question_without_an_end_is_not_proven(monkeypatch) -> None:
    def never(*_: object) -> None:
        raise TimedOut

    of = base(flag("cord"), hazard("compression", "cord", Action.EXERCISE, answered_by=()))
    monkeypatch.setattr(Search, "check", never)
    found = claim(of, ClaimCode.HAZARD_IS_ANSWERED)
    assert found.verdict is Verdict.NOT_PROVEN
    assert found.sentence.startswith("Not proven: Whenever “Compression” is present")


def test_when_the_time_is_over_the_rest_is_not_proven() -> None:
    of = base(flag("cord"), hazard("compression", "cord", Action.EXERCISE, answered_by=()))
    assert {one.verdict for one in prove_claims(of, AT, seconds=0)} == {Verdict.NOT_PROVEN}


def test_of_a_draft_only_what_it_touches_is_asked() -> None:
    of = base(
        flag("cord"),
        flag("clot"),
        hazard("compression", "cord", Action.EXERCISE, answered_by=()),
        hazard("embolism", "clot", Action.EXERCISE, answered_by=()),
    )
    asked = prove_claims(of, AT, {(ItemKind.HAZARD, "embolism")})
    assert {one.items for one in asked} == {((ItemKind.HAZARD, "embolism"),)}
