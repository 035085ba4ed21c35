"""The fact dictionary as the forms of the desk take it: what a browser needs to offer no impossible choice."""

from __future__ import annotations

from typing import Any

from knowledge.facts import Fact
from knowledge.items import KnowledgeBase


def facts_as_json(base: KnowledgeBase) -> list[dict[str, Any]]:
    """Every fact, by label; codes are pairs of a code and its label."""
    return [_fact(fact) for fact in sorted(base.facts.values(), key=lambda fact: (fact.label.casefold(), fact.key))]


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "key": fact.key,
        "label": fact.label,
        "type": fact.type.value,
        "topic": fact.topic,
        "unit": fact.unit,
        "minimum": fact.minimum,
        "maximum": fact.maximum,
        "step": fact.step,
        "codes": [[code.code, code.label] for code in fact.codes],
    }
