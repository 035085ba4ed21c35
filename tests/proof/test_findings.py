"""What a person should look at, each with a patient who shows it."""

from __future__ import annotations

from cds.authoring.proof.report import prove
from cds.authoring.proof.results import Finding, FindingCode, accepted
from knowledge.items import KnowledgeBase
from knowledge.model.actions import Action
from tests.proof.small import AT, base, coded, flag, hazard, rule, whole


def found(of: KnowledgeBase, code: FindingCode) -> list[Finding]:
    return [one for one in prove(of, AT).findings if one.code is code]


def keys(findings: list[Finding]) -> list[tuple[str, ...]]:
    return [tuple(key for _, key in one.items) for one in findings]


def test_a_rule_that_no_patient_meets_is_dead() -> None:
    of = base(whole("pain"), rule("never", "pain > 5 and pain < 5"), rule("high", "pain > 5"))
    assert keys(found(of, FindingCode.DEAD)) == [("never",)]


def test_a_rule_beyond_the_range_of_a_fact_is_dead() -> None:
    assert keys(found(base(whole("pain"), rule("never", "pain > 10")), FindingCode.DEAD)) == [("never",)]


def test_a_rule_that_what_follows_from_the_rest_excludes_is_dead() -> None:
    of = base(
        whole("pain"),
        flag("bad_pain", (True, "pain >= 7"), (False, "pain < 7")),
        rule("never", "pain >= 8 and not bad_pain"),
    )
    assert keys(found(of, FindingCode.DEAD)) == [("never",)]


def test_a_rule_that_is_met_whatever_is_known_is_met_by_all() -> None:
    of = base(whole("pain"), rule("each", "pain > 5 or pain <= 5 or pain is unknown"), rule("high", "pain > 5"))
    assert keys(found(of, FindingCode.MET_BY_ALL)) == [("each",)]


def test_a_rule_that_a_hazard_always_forbids_is_never_recommended() -> None:
    of = base(
        flag("cord"),
        rule("run", "cord", Action.EXERCISE),
        hazard("compression", "cord", Action.EXERCISE, answered_by=()),
    )
    [one] = found(of, FindingCode.ALWAYS_WITHHELD)
    assert one.patients[0].facts == {"cord": True}


def test_rules_that_do_the_same_are_equivalent_or_one_is_narrower() -> None:
    of = base(
        whole("pain"),
        rule("a", "pain > 5", Action.ANALGESIA),
        rule("b", "pain >= 6", Action.ANALGESIA),
        rule("c", "pain >= 8", Action.ANALGESIA),
        rule("d", "pain >= 8", Action.EXERCISE),
    )
    assert keys(found(of, FindingCode.EQUIVALENT)) == [("a", "b")]
    assert keys(found(of, FindingCode.NARROWER)) == [("c", "a"), ("c", "b")]


def test_overrides_that_never_or_always_withhold() -> None:
    of = base(
        whole("pain"),
        rule("low", "pain < 3", overrides=("high",)),
        rule("high", "pain > 5"),
        rule("middle", "pain > 4", overrides=("top",)),
        rule("top", "pain > 8"),
    )
    assert keys(found(of, FindingCode.DEAD_OVERRIDE)) == [("low", "high")]
    assert keys(found(of, FindingCode.OVERRIDES_ALWAYS)) == [("middle", "top")]


def test_a_part_that_changes_nothing_is_redundant_and_one_that_asks_is_not() -> None:
    of = base(whole("pain"), whole("age"), rule("a", "pain > 5 and pain > 3"), rule("b", "pain > 5 and age >= 0"))
    [one] = found(of, FindingCode.REDUNDANT_PART)
    assert one.sentence == "In “A” the part “pain over 3” changes nothing for any patient."
    assert one.patients[0].facts == {"pain": 6}


def test_facts_and_codes_that_nothing_reads_or_tells_apart() -> None:
    of = base(flag("idle"), coded("phase", "acute", "stable", "terminal"), rule("a", "phase is acute"))
    assert keys(found(of, FindingCode.UNREAD_FACT)) == [("idle",)]
    [one] = found(of, FindingCode.CODES_NOT_TOLD_APART)
    assert one.sentence == "Nothing tells these values of phase (phase) apart: stable, terminal."


def test_a_fact_that_can_change_nothing_is_asked_in_vain() -> None:
    of = base(
        whole("pain"),
        whole("age"),
        flag("old", (True, "age > 5")),
        flag("idle", (True, "old")),
        rule("a", "pain > 5"),
    )
    assert keys(found(of, FindingCode.ASKED_IN_VAIN)) == [("old",), ("age",)]


def test_cells_without_a_word() -> None:
    of = base(
        coded("disease_phase", "acute", "stable"),
        flag("pain_present"),
        rule("a", "pain_present and disease_phase is acute"),
    )
    sentences = [one.sentence for one in found(of, FindingCode.EMPTY_CELL)]
    assert sentences == [
        "Nothing is ever said to a patient about pain_present in the phase acute.",
        "Nothing is ever said to a patient about pain_present in the phase stable.",
        "Nothing is ever said to a clinician about pain_present in the phase stable.",
    ]


def test_a_finding_that_was_accepted_stays_so_until_what_it_is_about_changes() -> None:
    first = found(base(whole("pain"), rule("never", "pain > 10")), FindingCode.DEAD)
    identities = {one.identity for one in first}
    again = found(base(whole("pain"), rule("never", "pain > 10"), rule("b", "always")), FindingCode.DEAD)
    changed = found(base(whole("pain"), rule("never", "pain > 10 and pain > 3")), FindingCode.DEAD)
    assert accepted(again, identities) == (again, [])
    assert accepted(changed, identities) == ([], changed)
