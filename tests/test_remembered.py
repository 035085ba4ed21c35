"""What was found out about a candidate is not found out again, and never told of another."""

from __future__ import annotations

import pytest

from cds.changes.candidate import Candidate, item_of
from cds.changes.remembered import remembered
from knowledge.canonical import canonical
from knowledge.items import ItemKind
from knowledge.schemas import Item, content_of
from tests import clinic


def vignette(**facts: bool | int) -> Item:
    shipped = next(iter(clinic.shipped_base().vignettes.values()))
    return item_of(ItemKind.VIGNETTE, canonical({**content_of(shipped), "facts": facts}).decode())


def holding(*items: Item) -> Candidate:
    candidate = Candidate({}, {})
    for item in items:
        candidate = candidate.with_item(ItemKind.VIGNETTE, item)
    return candidate


@pytest.fixture
def asked() -> list[Candidate]:
    """The candidates that were really looked at."""
    return []


def test_the_same_items_are_looked_at_once_and_others_each_for_themselves(asked: list[Candidate]) -> None:
    looked = remembered(lambda candidate: asked.append(candidate) or len(asked))
    true, one = vignette(pain=True), vignette(pain=1)
    assert true == one
    assert [looked(holding(item)) for item in (true, one, true, one)] == [1, 2, 1, 2]
    assert looked(holding()) == 3
    assert looked(holding(true).with_item(ItemKind.VIGNETTE, one)) == 2


def test_what_failed_is_looked_at_again(asked: list[Candidate]) -> None:
    @remembered
    def breaking(candidate: Candidate) -> None:
        asked.append(candidate)
        raise RuntimeError("broken")

    for _ in range(2):
        with pytest.raises(RuntimeError):
            breaking(holding())
    assert len(asked) == 2


def test_only_the_last_few_are_kept(asked: list[Candidate]) -> None:
    looked = remembered(lambda candidate: asked.append(candidate) or len(asked))
    assert looked(holding(vignette(pain_nrs=0))) == 1
    for score in range(1, 17):
        looked(holding(vignette(pain_nrs=score)))
    assert looked(holding(vignette(pain_nrs=16))) == 17
    assert looked(holding(vignette(pain_nrs=0))) == 18
