"""How every answer writes JSON, moments, values and citations."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from knowledge.conditions import Condition
from knowledge.facts import Value
from knowledge.items import KnowledgeBase
from knowledge.language import write
from knowledge.wording import in_words

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def compact(value: Any) -> bytes:
    """JSON in UTF-8 without a space, letters as they are."""
    return _ENCODER.encode(value).encode()


def plain(value: Value | None) -> Any:
    """A value as JSON has it: a date as text, a list of codes in order."""
    match value:
        case frozenset():
            return sorted(value)
        case date():
            return value.isoformat()
        case _:
            return value


def instant(at: datetime) -> str:
    """A moment in UTC, ending in Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def citation(base: KnowledgeBase, source: str, locator: str, strength: str | None) -> dict[str, Any]:
    """A citation: the whole reference, its DOI, the place and the wording."""
    shown = base.sources[source]
    parts = {
        "source": source,
        "reference": shown.reference,
        "doi": shown.doi,
        "url": shown.url,
        "locator": locator,
        "strength": strength,
    }
    return {name: part for name, part in parts.items() if part is not None}


def condition_text(condition: Condition, base: KnowledgeBase) -> dict[str, str]:
    """A condition as text and in words."""
    return {"text": write(condition), "in_words": in_words(condition, base.facts)}
