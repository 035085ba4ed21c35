"""What the solver says of drafts: nothing goes into review or a release that advises somebody into a known danger."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from cds.authoring.proof import variables
from cds.authoring.proof.report import prove_claims
from cds.changes.candidate import Candidate
from cds.changes.gate import Tick, before_publishing
from cds.changes.proven import broken_claims, findings_about, sentence_of
from knowledge.conditions import Compare, Operator, any_of
from knowledge.files import SHIPPED, base_of, read
from knowledge.items import ItemKind, KnowledgeBase, Urgency
from knowledge.model.actions import Action
from tests.proof.small import AT, base, flag, hazard, rule, whole

ASKED = "No patient is advised into a known danger: proven over all patients"
CORD = (
    flag("cord"),
    flag("treated"),
    rule("call", "cord", Action.EMERGENCY_ACT, urgency=Urgency.NOW),
    hazard("compression", "cord", Action.EXERCISE, answered_by=("call",)),
)
SAFE = base(*CORD)
UNSAFE = base(*CORD[:2], rule("call", "cord and not treated", Action.EMERGENCY_ACT, urgency=Urgency.NOW), CORD[3])


def candidate(of: KnowledgeBase) -> Candidate:
    kinds = (
        (ItemKind.FACT, of.facts),
        (ItemKind.SOURCE, of.sources),
        (ItemKind.RULE, of.rules),
        (ItemKind.HAZARD, of.hazards),
    )
    items = {(kind, key): item for kind, found in kinds for key, item in found.items()}
    return Candidate(items, dict.fromkeys(items, 1), frozenset(items))


def proven(of: KnowledgeBase) -> Tick:
    [tick] = [one for one in before_publishing(candidate(of), (), None) if one.asked == ASKED]
    return tick


def test_what_is_safe_for_every_patient_passes() -> None:
    assert proven(SAFE).passed


def test_a_release_that_leaves_a_danger_unanswered_is_refused_with_a_patient() -> None:
    [obstacle] = proven(UNSAFE).obstacles
    assert obstacle.sentence == (
        "“Compression” is present, and none of the rules that answer it is recommended. Such a patient: cord: yes."
    )
    assert obstacle.about == (ItemKind.HAZARD, "compression")


def test_a_draft_is_blamed_only_for_what_it_breaks() -> None:
    safe, unsafe = candidate(SAFE), candidate(UNSAFE)
    assert [claim.code for claim in broken_claims(safe, unsafe)] == ["hazard_is_answered"]
    assert broken_claims(unsafe, unsafe) == ()
    assert broken_claims(unsafe, safe) == ()


def test_a_condition_that_the_solver_cannot_hold_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "MOST_BREAKPOINTS", 2)
    many = any_of(*(Compare("age", Operator.IS, number) for number in range(5)))
    of = base(whole("age", 0, 120), replace(rule("a", "always"), condition=many))
    [obstacle] = proven(of).obstacles
    assert obstacle.sentence == (
        "Conditions compare age with 5 different values, and the solver holds 2: compare it with fewer."
    )


def test_findings_about_one_rule_are_sentences() -> None:
    of = base(flag("cord"), rule("never", "cord and not cord"))
    assert [one.sentence for one in findings_about(candidate(of), (ItemKind.RULE, "never"))] == [
        "“Never” applies to no patient: cord and no cord."
    ]


def test_a_broken_claim_of_the_shipped_content_is_told_within_two_seconds() -> None:
    entries = [entry.item for entry in read(SHIPPED) if not entry.draft]
    now = base_of(entries)
    first = next(iter(now.hazards.values()))
    before = candidate(now)
    broken = before.with_item(ItemKind.HAZARD, replace(first, answered_by=()))
    broken_claims(before, before)
    begun = time.monotonic()
    [claim] = broken_claims(before, broken)
    findings_about(broken, (ItemKind.HAZARD, first.key))
    assert time.monotonic() - begun < 2
    assert "Such a patient: " in sentence_of(claim, broken)


def test_answering_requests_never_loads_the_solver() -> None:
    code = "import sys, wsgi, admin.desk, cds.api, cds.commands; sys.exit('z3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_several_threads_prove_one_after_the_other() -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: prove_claims(UNSAFE, AT), range(24)))
    assert all(claims == found[0] for claims in found)
