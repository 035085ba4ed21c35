"""The shipped content proven over all patients, and its test patients held against slips in every condition."""

from __future__ import annotations

from cds.authoring.proof.report import prove_claims
from cds.authoring.proof.results import Verdict
from cds.authoring.proof.survivors import mutation_run
from knowledge.language import write
from tests.vignettes.shipped import NOW, base


def test_every_claim_is_proven_over_all_patients() -> None:
    claims = prove_claims(base(), NOW)
    assert len(claims) > 60
    assert [claim.sentence for claim in claims if claim.verdict is not Verdict.PROVEN] == []


def test_no_slip_in_a_condition_goes_unnoticed() -> None:
    run = mutation_run(base())
    assert sum(run.tried.values()) > 1500
    assert [(*one.name, write(one.mutant.condition)) for one in run.survivors] == []
