"""Days of decisions made up for tests of firing rates: in so many of so many each rule is recommended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.record.sealing import LARGEST, seal
from cds.record.tallying import MOST, tally
from cds.search.orders import Orders
from knowledge.models import Release
from tests.story import decision

_ORDERS = Orders()


def keys_of(session: Session, release: Release) -> list[str]:
    """The rules of a release that can fire, in the order of a decision's states."""
    return list(_ORDERS.of_all(session)[release.id].rules)


def answer(session: Session, release: Release, day: date, decisions: int, fired: Mapping[str, int]) -> None:
    """So many decisions on a day; each rule that is named is recommended in the first so many of them."""
    keys = keys_of(session, release)
    assert fired.keys() <= set(keys)
    first = (session.scalar(select(func.max(Decision.sequence))) or 0) + 1
    at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    rows = [
        decision(
            first + number,
            release,
            states="".join("r" if number < fired.get(key, 0) else "n" for key in keys),
            recorded_at=at + timedelta(seconds=number),
            evaluated_at=at,
        )
        for number in range(decisions)
    ]
    session.execute(insert(Decision), rows)


def counted(session: Session, at: datetime) -> None:
    """Seal and count all that was answered."""
    for _ in count():
        if seal(session, at) < LARGEST:
            break
    for _ in count():
        if tally(session) < MOST:
            break
