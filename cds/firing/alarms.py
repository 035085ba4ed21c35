"""Every rule in force watched: what stands out today, kept until more is counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cds.firing.charting import Counted, total
from cds.firing.raised import LookedInto, Which, noted
from cds.firing.rates import PutInForce, rates
from cds.firing.watching import BASELINE, Alarm, Point, Verdict, verdict
from cds.record.tallying import counted_until
from cds.search.orders import Orders, orders_of
from cds.service import Service
from knowledge.items import ItemKind
from knowledge.models import Activation, ReleaseVersion, Version
from knowledge.releasing import in_force

LOOKED_AT = timedelta(days=365)
"""How far back the watch looks."""

HELD_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Watch:
    """A rule that is in force, and what its days say. `points` are those of the last 28 days of the calendar."""

    key: str
    title: str
    topic: str
    version: int
    points: Sequence[Point]
    lately: Counted
    """In the last 28 days of the calendar."""
    earlier: Counted
    """In the 28 days with decisions before those."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class RuleAlarm:
    """An alarm and its rule."""

    watch: Watch
    alarm: Alarm

    @property
    def which(self) -> Which:
        return Which.of(self.watch.key, self.alarm)


@dataclass(frozen=True, slots=True)
class Watched:
    """All rules in force on one day, as counted up to the decision of `as_of`; None when nothing is counted.

    `counted` is the sequence of that decision.
    """

    as_of: datetime | None
    counted: int
    today: date
    activations: tuple[PutInForce, ...]
    rules: tuple[Watch, ...]
    alarms: tuple[RuleAlarm, ...]
    """The gravest first."""

    def noted(self, session: Session) -> list[tuple[RuleAlarm, Sequence[LookedInto]]]:
        """The alarms and who looked into each: first those that nobody looked into, the gravest first."""
        return noted(session, ((one.which, one) for one in self.alarms))


class Watching:
    """Watches, and remembers the result: it is found anew when more is counted, but not more often than HELD_FOR.

    When a release is put in force, or a day ends, it is found anew at once.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._lock = threading.Lock()
        self._seen: _Seen | None = None

    def current(self, session: Session, at: datetime) -> Watched:
        with self._lock:
            standing = (session.scalar(select(func.max(Activation.id))), at.astimezone(UTC).date())
            counted, seen = counted_until(session), self._seen
            if (
                seen is None
                or seen.standing != standing
                or (seen.counted != counted and not seen.at <= at < seen.at + HELD_FOR)
            ):
                self._seen = seen = _Seen(standing, counted, at, watched(session, self._orders, standing[1]))
            return seen.watched


def watching_of(service: Service) -> Watching:
    """That of this process."""
    return service.memory(Watching, lambda: Watching(orders_of(service)))


@dataclass(frozen=True, slots=True)
class _Seen:
    standing: tuple[int | None, date]
    counted: int
    at: datetime
    watched: Watched


def watched(session: Session, orders: Orders, today: date) -> Watched:
    """Look at every rule in force."""
    counted = counted_until(session)
    found = rates(session, orders, since=today - LOOKED_AT, until=today)
    since = today - timedelta(days=BASELINE - 1)
    rules = tuple(
        _watch(version, content, found.points.get(version.key, []), since, today)
        for version, content in _rules_in_force(session)
    )
    alarms = [RuleAlarm(one, alarm) for one in rules for alarm in one.verdict.alarms]
    ordered = sorted(alarms, key=lambda one: (*one.alarm.rank, one.watch.key))
    return Watched(found.as_of, counted, today, found.activations, rules, tuple(ordered))


def _watch(version: Version, content: Mapping[str, Any], points: list[Point], since: date, today: date) -> Watch:
    first = next((place for place, one in enumerate(points) if one.day >= since), len(points))
    return Watch(
        version.key,
        str(content.get("title") or version.key),
        str(content.get("topic", "")),
        version.number,
        points[first:],
        total(one.counted for one in points[first:]),
        total(one.counted for one in points[max(0, first - BASELINE) : first]),
        verdict(points, today),
    )


def _rules_in_force(session: Session) -> list[tuple[Version, Mapping[str, Any]]]:
    """The rules in force that can fire, in the order of their keys."""
    release = in_force(session)
    if release is None:
        return []
    held = select(ReleaseVersion.version_id).where(ReleaseVersion.release_id == release.id)
    query = select(Version).where(Version.kind == ItemKind.RULE, Version.id.in_(held)).order_by(Version.key)
    read = [(version, json.loads(version.content)) for version in session.scalars(query)]
    return [(version, content) for version, content in read if content.get("condition") is not None]
