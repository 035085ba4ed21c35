"""The review is here whole, every item with its kind, mode, actors and pages, and every criterion beside it.

`items.txt` is the list of what must be there; it changes only when a person decides so.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from knowledge.items import ItemKind, Rule, Urgency
from tests.vignettes.shipped import base, drafts

LISTED = [
    re.split(r"\s{2,}", line)
    for line in Path(__file__).with_name("items.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
OF_THE_REVIEW = {key: rest for key, *rest in LISTED if not key.startswith("ext-")}
FROM_ELSEWHERE = {key: rest for key, *rest in LISTED if key.startswith("ext-")}
STATEMENTS = {key for key, (_, mode, *_) in OF_THE_REVIEW.items() if mode in ("context", "org")}


@pytest.fixture(scope="module")
def shipped() -> dict[str, Rule]:
    return dict(base(drafts=True).rules)


def test_the_list_counts_as_the_review_was_counted() -> None:
    assert len(OF_THE_REVIEW) == 247
    assert len(FROM_ELSEWHERE) == 84
    assert len(STATEMENTS) == 13
    assert Counter(kind for kind, *_ in OF_THE_REVIEW.values()) == {
        "checklist_item": 115,
        "advice": 47,
        "assessment": 36,
        "referral_trigger": 23,
        "priority": 14,
        "classification": 9,
        "screening_criterion": 3,
    }
    assert Counter(mode for _, mode, *_ in OF_THE_REVIEW.values()) == {
        "do": 162,
        "offer": 56,
        "context": 10,
        "option": 10,
        "classify": 6,
        "org": 3,
    }


def test_every_item_ships_under_its_id_and_nothing_else_does(shipped: dict[str, Rule]) -> None:
    assert set(shipped) == set(OF_THE_REVIEW) | set(FROM_ELSEWHERE)


def test_kind_mode_and_actors_are_those_of_the_list(shipped: dict[str, Rule]) -> None:
    found = {key: [rule.kind, rule.mode, ",".join(rule.actors)] for key, rule in shipped.items()}
    assert found == {key: rest[:3] for key, *rest in LISTED}


def test_every_item_of_the_review_cites_its_pages(shipped: dict[str, Rule]) -> None:
    for key, (*_, pages) in OF_THE_REVIEW.items():
        (citation,) = shipped[key].citations
        assert citation.source == "kida-2021", key
        assert ",".join(re.findall(r"\bp(\d+(?:-\d+)?)\b", citation.locator)) == pages, key
        assert citation.strength, key


def test_thirteen_items_of_the_review_are_statements_and_never_fire(shipped: dict[str, Rule]) -> None:
    assert {key for key in OF_THE_REVIEW if shipped[key].is_statement} == STATEMENTS


def test_criteria_from_elsewhere_cite_a_source_of_their_own_unless_they_are_drafts(shipped: dict[str, Rule]) -> None:
    assert drafts(ItemKind.RULE) == {key for key, rest in FROM_ELSEWHERE.items() if rest[-1] == "draft"}
    for key in set(FROM_ELSEWHERE) - drafts(ItemKind.RULE):
        assert shipped[key].citations, key
        assert "kida-2021" not in {citation.source for citation in shipped[key].citations}, key
        assert any("erified" in note for note in shipped[key].notes), key


def test_every_source_says_how_it_was_verified_and_is_reviewed_again() -> None:
    for source in base().sources.values():
        assert source.verification, source.key
        assert source.review_by, source.key


def test_what_comes_before_anything_else_is_an_emergency_or_dying() -> None:
    assert {rule.key for rule in base().rules.values() if rule.urgency is Urgency.NOW} == {
        "dyspnea-any-treat-airway-obstruction",
        "dyspnea-any-treat-pneumonia",
        "dyspnea-any-treat-pulmonary-embolism",
        "ext-airway-obstruction-act",
        "ext-bowel-obstruction-act",
        "ext-cord-compression-act",
        "ext-delirium-act",
        "ext-hypercalcemia-act",
        "ext-intracranial-emergency-act",
        "ext-neutropenic-sepsis-act",
        "ext-oncologic-emergency-list",
        "ext-pneumonia-act",
        "ext-pulmonary-embolism-act",
        "ext-severe-dyspnea-act",
        "ext-severe-hypoxemia-act",
        "ext-severe-pain-act",
        "ext-suicide-risk-assess",
        "ext-svc-syndrome-act",
        "ext-terminal-comfort",
        "ext-terminal-symptoms",
        "ext-unstable-bone-act",
        "ext-visceral-crisis",
        "pain-acute-rule-out-emergency",
    }


def test_the_page_about_the_content_counts_it_right() -> None:
    page = (Path(__file__).parents[2] / "docs" / "content.md").read_text(encoding="utf-8")
    content = base()
    counted = (
        f"{len(content.rules)} rules, {len(content.hazards)} hazards, {len(content.sources)} sources, "
        f"{len(content.facts)} facts"
    )
    assert f"{counted} and {len(content.vignettes)} test patients" in page
