"""Requests that were refused, on record: of the same refusal the first in some minutes, so that none can flood it."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from cds.service import Service
from knowledge import audit

log = structlog.get_logger()

REFUSED = "request.refused"
EVERY = timedelta(minutes=5)
MOST = 60
"""How many refusals one process puts on record within EVERY; those beyond are counted in the next one."""


class Refusals:
    """Which refusals this process put on record lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lately: dict[Hashable, datetime] = {}
        self._left_out = 0

    def next(self, refusal: Hashable, at: datetime) -> int | None:
        """How many were left out since the last one when this is to be put on record; else None."""
        with self._lock:
            self._lately = {one: then for one, then in self._lately.items() if at - then < EVERY}
            if refusal in self._lately or len(self._lately) >= MOST:
                self._left_out += 1
                return None
            self._lately[refusal] = at
            left_out, self._left_out = self._left_out, 0
            return left_out


def record_refusal(
    service: Service, *, because: str, subject: str, actor: str, origin: str | None, route: str, **details: str
) -> None:
    """Put a refusal on record, in a transaction of its own; nothing of what was asked for has been written.

    A database that cannot be used just now makes it a line in the log: what is refused is refused all the same.
    """
    at = service.now()
    left_out = service.memory(Refusals).next((because, subject, actor, origin, route), at)
    if left_out is None:
        return
    told = {"because": because, "route": route, **details, **({"left_out": left_out} if left_out else {})}
    try:
        with service.sessions() as session:
            audit.record(session, action=REFUSED, subject=subject, actor=actor, at=at, details=told, origin=origin)
            session.commit()
    except SQLAlchemyError as error:
        log.warning("refusal not recorded", because=because, subject=subject, cause=type(error).__name__)
