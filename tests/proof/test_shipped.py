"""The proof of the shipped content as a whole, in its time."""

from __future__ import annotations

from cds.authoring.proof.report import prove
from cds.authoring.proof.results import FindingCode
from tests.vignettes.shipped import NOW, base


def test_the_whole_proof_of_the_shipped_content_takes_less_than_20_seconds() -> None:
    proof = prove(base(), NOW)
    assert proof.seconds < 20
    assert [claim.sentence for claim in proof.failed] == []


def test_nothing_of_the_shipped_content_is_dead_or_unread() -> None:
    codes = {FindingCode.DEAD, FindingCode.ALWAYS_WITHHELD, FindingCode.UNREAD_FACT, FindingCode.FLIPS_UNASKED}
    assert [one.sentence for one in prove(base(), NOW).findings if one.code in codes] == []
