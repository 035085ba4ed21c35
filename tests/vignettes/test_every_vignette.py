"""Every shipped vignette plays as it says, and no rule ships without its vignettes."""

from __future__ import annotations

import pytest

from cds.rehearsing import play
from cds.releases import PreparedRelease
from knowledge.checking import problems_in, unproven
from knowledge.items import ItemKind, Vignette
from tests.vignettes.shipped import base, drafts

IN_RELEASE = [pytest.param(vignette, id=key) for key, vignette in base().vignettes.items()]
OF_DRAFTS = [pytest.param(base(drafts=True).vignettes[key], id=key) for key in sorted(drafts(ItemKind.VIGNETTE))]


@pytest.mark.parametrize("vignette", IN_RELEASE)
def test_the_vignette_plays_as_it_says(release: PreparedRelease, vignette: Vignette) -> None:
    assert [str(failure) for failure in play(release, vignette)] == []


@pytest.mark.parametrize("vignette", OF_DRAFTS)
def test_the_vignette_of_a_draft_plays_as_it_says(release_with_drafts: PreparedRelease, vignette: Vignette) -> None:
    assert [str(failure) for failure in play(release_with_drafts, vignette)] == []


def test_every_rule_is_shown_recommended_and_not_met_and_where_it_can_be_undetermined() -> None:
    assert [str(problem) for problem in unproven(base())] == []
    assert [str(problem) for problem in unproven(base(drafts=True))] == []


def test_nothing_keeps_the_shipped_content_from_being_published() -> None:
    assert [str(problem) for problem in problems_in(base())] == []


def test_the_drafts_lack_nothing_but_a_source() -> None:
    """The one thing wrong with the content once its drafts are in it is that they cite nothing."""
    wrong = {(problem.key, problem.field) for problem in problems_in(base(drafts=True))}
    assert wrong == {(key, "citations") for key in drafts(ItemKind.RULE)}
