"""The proof of a whole knowledge base, and of what a draft touches in the time of a glance."""

from __future__ import annotations

import time
from collections.abc import Set
from datetime import datetime

from cds.authoring.proof.claims import claims
from cds.authoring.proof.findings import findings
from cds.authoring.proof.prover import Prover
from cds.authoring.proof.results import Claim, Proof
from knowledge.items import KnowledgeBase
from knowledge.references import Name


def prove(base: KnowledgeBase, at: datetime) -> Proof:
    """Every claim and finding over a knowledge base in which nothing is unreadable.

    Raises CannotBeHeld.
    """
    began = time.monotonic()
    with Prover(base, at) as prover:
        return Proof(tuple(claims(prover)), tuple(findings(prover)), time.monotonic() - began)


def prove_claims(
    base: KnowledgeBase, at: datetime, touched: Set[Name] | None = None, *, seconds: float | None = None
) -> tuple[Claim, ...]:
    """The claims alone: all, or those about the touched items; what takes longer than `seconds` is not proven.

    Raises CannotBeHeld.
    """
    with Prover(base, at, seconds=seconds) as prover:
        return tuple(claims(prover, touched))
