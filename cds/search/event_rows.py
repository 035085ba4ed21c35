"""Events as rows: with the very texts that their digests were made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cds.search.events import Wanted, page_of_events
from cds.search.taking import Row
from cds.service import Service
from knowledge.canonical import instant
from knowledge.models import AuditEvent

COLUMNS = ("sequence", "at", "actor", "action", "subject", "details", "origin", "previous", "digest")
A_PAGE = 1000
"""So many events are in memory at a time while they are taken out."""


def pages(service: Service, wanted: Wanted) -> Iterator[Sequence[Row]]:
    """All events that fit, the newest first; each page is read by itself, so that nobody waits for the taker."""
    before: int | None = None
    while True:
        with service.sessions() as session:
            page = page_of_events(session, wanted, before=before, size=A_PAGE)
            rows = [row_of(event) for event in page.events]
        if rows:
            yield rows
        if page.older is None:
            return
        before = page.older


def row_of(event: AuditEvent) -> dict[str, Any]:
    """An event as JSON has it."""
    return {
        "sequence": event.sequence,
        "at": instant(event.at),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "details": event.told,
        "origin": event.origin,
        "previous": event.previous,
        "digest": event.digest,
    }
