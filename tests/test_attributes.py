"""Which kinds of data a rule uses: through its condition, derivations, the rules that withhold it, the population."""

from __future__ import annotations

from typing import Any

import pytest

from knowledge.attributes import Read, Reading, Way
from knowledge.facts import Attribute
from knowledge.files import base_of
from knowledge.items import ItemKind, KnowledgeBase
from knowledge.schemas import Item, item_from
from tests import clinic

AGE, SEX = Attribute.DATE_OF_BIRTH, Attribute.SEX
SOCIAL, ASSESSED = Attribute.SOCIAL_DETERMINANTS, Attribute.HEALTH_STATUS_ASSESSMENTS


def fact(key: str, *attributes: str, **more: Any) -> Item:
    written = {"key": key, "label": key.capitalize(), "type": "boolean", "topic": "t", "phrase": key, "absence": "no"}
    return item_from(ItemKind.FACT, {**written, "attributes": list(attributes), **more})


def unstated(key: str) -> Item:
    return item_from(ItemKind.FACT, {"key": key, "label": key, "type": "boolean", "topic": "t", "phrase": key})


def follows(*conditions: str) -> dict[str, Any]:
    return {"derivations": [{"value": True, "when": one, "source": "s", "locator": "p1"} for one in conditions]}


def rule(key: str, condition: str | None, *withholds: str) -> Item:
    written: dict[str, Any] = {
        "key": key,
        "title": key.capitalize(),
        "text": "Do.",
        "kind": "advice",
        "mode": "do" if condition else "context",
        "topic": "t",
        "actors": ["clinician"],
        "urgency": "ongoing",
        "patient_may_see": False,
        "review_by": "2027-06-30",
        "overrides": [{"rule": one, "reason": "Not both."} for one in withholds],
    }
    return item_from(ItemKind.RULE, written | ({"condition": condition} if condition else {}))


def base(*items: Item) -> KnowledgeBase:
    return base_of(items)


def used(among: KnowledgeBase, key: str = "walk") -> dict[Attribute, bool | None]:
    """What the rule uses, and what is not known; what it does not use is left out."""
    uses = Reading(among).uses(among.rules[key])
    return {kind: use.used for kind, use in uses.items() if use.used is not False}


def test_a_derived_fact_uses_what_it_follows_from_however_far_back() -> None:
    among = base(
        rule("walk", "frail"),
        fact("frail", **follows("slow and not strong")),
        fact("slow", **follows("old")),
        fact("old", "date_of_birth"),
        fact("strong", "health_status_assessments", days_since="since"),
        fact("since", "sex", **follows("frail")),
        fact("lonely", "social_determinants"),
    )
    assert used(among) == {AGE: True, SEX: True, ASSESSED: True}
    assert Reading(among).facts(among.rules["walk"]) == (
        Read("frail", Way.CONDITION),
        Read("slow", Way.DERIVATION, "frail"),
        Read("strong", Way.DERIVATION, "frail"),
        Read("old", Way.DERIVATION, "slow"),
        Read("since", Way.DERIVATION, "strong"),
    )


def test_a_rule_turns_on_what_withholds_it_and_on_what_withholds_that() -> None:
    among = base(
        rule("walk", "well"),
        rule("rest", "ill", "walk"),
        rule("call", "alone", "rest", "walk"),
        fact("well"),
        fact("ill", "health_status_assessments"),
        fact("alone", "social_determinants"),
    )
    assert used(among) == {ASSESSED: True, SOCIAL: True}
    assert used(among, "call") == {SOCIAL: True}
    assert Read("alone", Way.WITHHOLDING, "call") in Reading(among).facts(among.rules["walk"])


def test_the_population_counts_for_every_rule_but_is_not_its_own() -> None:
    among = base(
        rule("walk", "well"),
        rule("know", None),
        fact("well"),
        fact("grown", population="old"),
        fact("old", "date_of_birth"),
    )
    use = Reading(among).uses(among.rules["walk"])[AGE]
    assert (use.used, use.own) == (True, False)
    assert used(among, "know") == {}


def test_a_fact_that_does_not_say_leaves_open_what_no_other_says() -> None:
    among = base(rule("walk", "well and ill"), unstated("well"), fact("ill", "sex"))
    found = used(among)
    assert found.pop(SEX) is True
    assert found == dict.fromkeys(set(Attribute) - {SEX})
    lost = base(rule("walk", "well and ill"), fact("ill"))
    assert used(lost) == dict.fromkeys(Attribute)


@pytest.mark.parametrize("kind", [Attribute.RACE, Attribute.ETHNICITY, Attribute.SEX])
def test_no_shipped_rule_uses(kind: Attribute) -> None:
    among = clinic.shipped_base()
    reading = Reading(among)
    assert [one.key for one in among.rules.values() if reading.uses(one)[kind].used is not False] == []


def test_every_shipped_fact_states_its_kinds() -> None:
    assert [one.key for one in clinic.shipped_base().facts.values() if one.attributes is None] == []
