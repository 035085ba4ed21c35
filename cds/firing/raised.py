"""What the record tells of alarms: that one was raised, once; that somebody looked into it, who, when and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.firing.watching import Alarm
from knowledge import steps
from knowledge.audit import Happening, record_all
from knowledge.database import take_turn
from knowledge.errors import KnowledgeError
from knowledge.models import AuditEvent, User
from knowledge.pasted import plain_text

T = TypeVar("T")

RAISED = "alarm.raised"
LOOKED_INTO = "alarm.looked_into"
LONGEST_REASON = 1000


class TooLong(KnowledgeError):
    """The reason is longer than one that everybody reads beside an alarm may be."""


@dataclass(frozen=True, slots=True)
class Which:
    """An alarm among all there ever were: another kind, release or day is another alarm."""

    rule: str
    kind: str
    release: int | None
    day: date

    @property
    def named(self) -> str:
        """What a form calls it among the alarms of its rule, such as `stopped/2/2026-05-18`."""
        return f"{self.kind}/{self.release or '-'}/{self.day}"

    @classmethod
    def of(cls, rule: str, alarm: Alarm) -> Which:
        return cls(rule, alarm.kind, alarm.release, alarm.day)


@dataclass(frozen=True, slots=True)
class LookedInto:
    """That somebody looked into an alarm, as told in an event."""

    by: str
    at: datetime
    reason: str
    event: int


Notes = Mapping[Which, Sequence[LookedInto]]
"""Who looked into which alarms, the first one first; an alarm that nobody looked into is not among them."""


def notes_of(session: Session, alarms: Iterable[Which]) -> Notes:
    """Who looked into these alarms."""
    wanted = set(alarms)
    notes: dict[Which, list[LookedInto]] = {}
    for event, which in _told(session, LOOKED_INTO, wanted):
        note = LookedInto(event.actor, event.at, str(event.told.get("reason", "")), event.sequence)
        notes.setdefault(which, []).append(note)
    return notes


def noted(session: Session, alarms: Iterable[tuple[Which, T]]) -> list[tuple[T, Sequence[LookedInto]]]:
    """Things and who looked into the alarm of each: first those that nobody looked into, else as they came."""
    held = list(alarms)
    notes = notes_of(session, (which for which, _ in held))
    return sorted(((one, notes.get(which, ())) for which, one in held), key=lambda found: bool(found[1]))


def look_into(session: Session, rule: str, version: int, alarm: Alarm, *, by: User, at: datetime, reason: str) -> None:
    """Put on record that a person looked into an alarm, and what it was. Does not commit.

    An alarm that the record was not told of yet is raised by it first. Raises NotAllowed, NoReason, TooLong,
    AlreadyDone when the same person said the very same before.
    """
    steps.begin(session, by, steps.APPROVERS)
    said, which = steps.given(plain_text(reason)), Which.of(rule, alarm)
    if len(said) > LONGEST_REASON:
        raise TooLong(f"A reason has at most {LONGEST_REASON:,} characters; this one has {len(said):,}.")
    if any((note.by, note.reason) == (by.name, said) for note in notes_of(session, [which]).get(which, ())):
        raise steps.AlreadyDone("You said the very same of this alarm before; it is on record.")
    raise_alarms(session, [(rule, version, alarm)], at=at)
    details = {**_identity(which), "by": by.id, "reason": said, **_counts(alarm)}
    record_all(session, [Happening(LOOKED_INTO, f"rule/{rule}", by.name, at, details)])


def raise_alarms(session: Session, alarms: Iterable[tuple[str, int, Alarm]], *, at: datetime) -> int:
    """Tell the record of each alarm that it was not told of yet, and say how many those were. Does not commit.

    An alarm comes with its rule and the version of it.
    """
    found = {Which.of(rule, alarm): (version, alarm) for rule, version, alarm in alarms}
    if not found or not _new(session, found):
        return 0
    take_turn(session.connection())
    new = _new(session, found)
    record_all(
        session,
        [
            Happening(RAISED, f"rule/{which.rule}", steps.SYSTEM, at, _raised(which, *found[which]))
            for which in found
            if which in new
        ],
    )
    return len(new)


def _raised(which: Which, version: int, alarm: Alarm) -> dict[str, Any]:
    """What the record is told of an alarm: counts, and which rule and release; nothing of a patient."""
    return {**_identity(which), "version": version, **_counts(alarm)}


def _identity(which: Which) -> dict[str, Any]:
    return {"alarm": which.kind, "rule": which.rule, "release": which.release, "day": which.day.isoformat()}


def _counts(alarm: Alarm) -> dict[str, Any]:
    return {
        "since": [alarm.since.recommended, alarm.since.decisions],
        "before": [alarm.before.recommended, alarm.before.decisions],
    }


def _new(session: Session, found: Iterable[Which]) -> set[Which]:
    """Those that no event tells of."""
    wanted = set(found)
    return wanted - {which for _, which in _told(session, RAISED, wanted)}


def _told(session: Session, action: str, wanted: set[Which]) -> list[tuple[AuditEvent, Which]]:
    """The events that tell of these alarms, the first one first; one that was touched tells of none."""
    subjects = {f"rule/{which.rule}" for which in wanted}
    query = select(AuditEvent).where(AuditEvent.action == action, AuditEvent.subject.in_(subjects))
    identities = [(which, _identity(which).items()) for which in wanted]
    events = session.scalars(query.order_by(AuditEvent.sequence))
    return [(event, which) for event in events for which, identity in identities if identity <= event.told.items()]
