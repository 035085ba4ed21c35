"""Every rule in force watched: what stands out today, kept until more is counted, and told to the record once."""

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
from cds.firing.rates import PutInForce, rates
from cds.firing.watching import BASELINE, Alarm, Point, Verdict, verdict
from cds.record.tallying import counted_until
from cds.search.orders import Orders
from knowledge.audit import Happening, record_all
from knowledge.database import take_turn
from knowledge.items import ItemKind
from knowledge.models import Activation, AuditEvent, ReleaseVersion, Version
from knowledge.releasing import in_force

RAISED = "alarm.raised"
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


@dataclass(frozen=True, slots=True)
class Watched:
    """All rules in force on one day, as counted up to the decision of `as_of`; None when nothing is counted."""

    as_of: datetime | None
    today: date
    activations: tuple[PutInForce, ...]
    rules: tuple[Watch, ...]
    alarms: tuple[RuleAlarm, ...]
    """The gravest first."""


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


@dataclass(frozen=True, slots=True)
class _Seen:
    standing: tuple[int | None, date]
    counted: int
    at: datetime
    watched: Watched


def watched(session: Session, orders: Orders, today: date) -> Watched:
    """Look at every rule in force."""
    found = rates(session, orders, since=today - LOOKED_AT, until=today)
    since = today - timedelta(days=BASELINE - 1)
    rules = tuple(
        _watch(version, content, found.points.get(version.key, []), since, today)
        for version, content in _rules_in_force(session)
    )
    alarms = [RuleAlarm(one, alarm) for one in rules for alarm in one.verdict.alarms]
    ordered = sorted(alarms, key=lambda one: (*one.alarm.rank, one.watch.key))
    return Watched(found.as_of, today, found.activations, rules, tuple(ordered))


def raise_alarms(session: Session, found: Watched, *, at: datetime) -> int:
    """Tell the record of each alarm that it was not told of yet, and say how many those were. Does not commit."""
    told = [(_told(one), one) for one in found.alarms]
    if not told or not _new(session, told):
        return 0
    take_turn(session.connection())
    new = _new(session, told)
    record_all(
        session,
        [Happening(RAISED, f"rule/{one.watch.key}", "system", at, details) for details, one in new],
    )
    return len(new)


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


def _told(told: RuleAlarm) -> dict[str, Any]:
    """What the record is told of an alarm: counts, and which rule and release; nothing of a patient."""
    alarm = told.alarm
    return {
        "alarm": alarm.kind,
        "rule": told.watch.key,
        "version": told.watch.version,
        "release": alarm.release,
        "day": alarm.day.isoformat(),
        "since": [alarm.since.recommended, alarm.since.decisions],
        "before": [alarm.before.recommended, alarm.before.decisions],
    }


def _new(session: Session, told: list[tuple[dict[str, Any], RuleAlarm]]) -> list[tuple[dict[str, Any], RuleAlarm]]:
    """Those that no event tells of: each rule, kind, release and day once."""
    subjects = {f"rule/{details['rule']}" for details, _ in told}
    query = select(AuditEvent.details).where(AuditEvent.action == RAISED, AuditEvent.subject.in_(subjects))
    known = {_identity(json.loads(details)) for details in session.scalars(query)}
    return [(details, one) for details, one in told if _identity(details) not in known]


def _identity(details: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(details.get(name) for name in ("rule", "alarm", "release", "day"))
