"""Decisions as rows: what the API lists of each, and what an export holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from cds.search.criteria import Criteria
from cds.search.finding import Listed, find
from cds.search.orders import orders_of
from cds.search.taking import Row
from cds.service import Service
from knowledge.canonical import instant
from knowledge.items import State

A_PAGE = 500
"""So many decisions are in memory at a time while they are taken out."""

COLUMNS = (
    "decision_id",
    "sequence",
    "release",
    "evaluated_at",
    "recorded_at",
    "subject",
    "removed",
    "app",
    "app_label",
    "origin",
    *State,
    "response_digest",
)


def columns(criteria: Criteria, *, facts: bool) -> tuple[str, ...]:
    """The names of what a row holds: the outcome where a rule is looked for, the facts where they are asked for."""
    outcome = ("outcome",) if criteria.rule else ()
    return (*COLUMNS, *outcome, *(("facts_posted", "facts_known", "facts_derived") if facts else ()))


def pages(service: Service, criteria: Criteria, *, facts: bool) -> Iterator[Sequence[Row]]:
    """All decisions that fit, the newest first; each page is read by itself, so that nobody waits for the taker."""
    before: int | None = None
    while True:
        with service.sessions() as session:
            page = find(session, orders_of(service), criteria, before=before, size=A_PAGE, facts=facts)
        if page.decisions:
            yield [row_of(one) for one in page.decisions]
        if page.older is None:
            return
        before = page.older


def row_of(one: Listed) -> dict[str, Any]:
    """A decision as it is listed; the facts only if they were read."""
    row: dict[str, Any] = {
        "decision_id": one.id,
        "sequence": one.sequence,
        "release": one.release,
        "evaluated_at": instant(one.evaluated_at),
        "recorded_at": instant(one.recorded_at),
        "subject": one.subject,
        "removed": one.removed,
        "app": one.app,
        "app_label": one.label,
        "origin": one.origin,
        **{state.value: one.count(state) for state in State},
        "response_digest": one.response_digest or None,
    }
    if one.became is not None:
        row["outcome"] = one.became.value
    if one.facts_posted is not None and one.facts_known is not None:
        row["facts_posted"], known = _stored(one.facts_posted), _stored(one.facts_known)
        readable = isinstance(known, dict)
        row["facts_known"] = known.get("known") if readable else known
        row["facts_derived"] = known.get("derived") if readable else None
    return row


def _stored(text: str) -> Any:
    """Stored JSON; None once it is removed, and the text itself where it is none."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
