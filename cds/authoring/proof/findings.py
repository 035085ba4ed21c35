"""The findings: what a person should look at, though nobody is endangered by it."""

from __future__ import annotations

from collections.abc import Iterator, Set

from cds.authoring.proof.cells import cell_findings
from cds.authoring.proof.fact_findings import fact_findings
from cds.authoring.proof.part_findings import part_findings
from cds.authoring.proof.prover import Prover
from cds.authoring.proof.results import Finding
from cds.authoring.proof.rule_findings import override_findings, reach_findings, twin_findings
from knowledge.references import Name


def findings(prover: Prover, touched: Set[Name] | None = None) -> list[Finding]:
    """Every finding over a knowledge base, or those alone that are about the touched items. Raises TimedOut."""
    return list(_findings(prover, touched))


def _findings(prover: Prover, touched: Set[Name] | None) -> Iterator[Finding]:
    yield from reach_findings(prover, touched)
    yield from twin_findings(prover, touched)
    yield from override_findings(prover, touched)
    yield from part_findings(prover, touched)
    if touched is None:
        yield from fact_findings(prover)
        yield from cell_findings(prover)
