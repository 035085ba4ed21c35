"""The proof of a whole knowledge base, and of what a draft touches in the time of a glance."""

from __future__ import annotations

import time
from collections.abc import Set
from datetime import datetime

from cds.authoring.proof.claims import claims
from cds.authoring.proof.findings import findings
from cds.authoring.proof.formulas import TimedOut, in_turn
from cds.authoring.proof.prover import Prover
from cds.authoring.proof.results import Claim, Finding, Proof
from knowledge.items import KnowledgeBase
from knowledge.references import Name


@in_turn
def prove(base: KnowledgeBase, at: datetime) -> Proof:
    """Every claim and finding over a knowledge base in which nothing is unreadable.

    Raises CannotBeHeld.
    """
    began = time.monotonic()
    with Prover(base, at) as prover:
        return Proof(tuple(claims(prover)), tuple(findings(prover)), time.monotonic() - began)


@in_turn
def prove_claims(
    base: KnowledgeBase, at: datetime, touched: Set[Name] | None = None, *, seconds: float | None = None
) -> tuple[Claim, ...]:
    """The claims alone: all, or those about the touched items; what takes longer than `seconds` is not proven.

    Raises CannotBeHeld.
    """
    with Prover(base, at, seconds=seconds) as prover:
        return tuple(claims(prover, touched))


@in_turn
def findings_about(base: KnowledgeBase, at: datetime, name: Name, *, seconds: float) -> tuple[Finding, ...]:
    """The findings about one rule or hazard; none when there is no time for all of them. Raises CannotBeHeld."""
    try:
        with Prover(base, at, seconds=seconds) as prover:
            return tuple(findings(prover, {name}))
    except TimedOut:
        return ()
