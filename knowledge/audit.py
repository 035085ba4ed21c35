"""The record of what happened: one chain in which each event holds the digest of the one before it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.canonical import canonical, digest_of_bytes, instant
from knowledge.database import take_turn
from knowledge.models import AuditEvent
from knowledge.proofs import Counted, LastTold, Problem, Unreadable, in_pages, rows_as_told, unreadable

Check = Callable[[Session], Iterator[Counted | Problem]]
"""A further proof: says what it counted, and a problem for each bad record, the first of them first."""


_PLURAL = re.compile(r"(?<=batch)es\b|(?<!batche)s\b")

Seen = Callable[[Mapping[str, int]], None]
"""Is told how much of what was checked so far."""


UNNAMED = "What comes next in the record was altered: something in it cannot be read."
"""For what no check named: it is told how far they came."""


def unseen(_: Mapping[str, int]) -> None:
    """Nobody looks on."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What is to be told: who did what to which subject when, in any JSON details, and from where if it is known."""

    action: str
    subject: str
    actor: str
    at: datetime
    details: Mapping[str, Any]
    origin: str | None = None


def record(
    session: Session,
    *,
    action: str,
    subject: str,
    actor: str,
    at: datetime,
    details: Mapping[str, Any],
    origin: str | None = None,
) -> AuditEvent:
    """Append an event to the chain, in the transaction of what it tells.

    `origin` says from where; without it, what the session holds under `info["origin"]`. What it holds under
    `info["account"]`, the account of whoever runs a command, joins the details. From here to the end of the
    transaction, other writers of events wait. Raises NotCanonical when the details are not JSON.
    """
    return record_all(session, [Happening(action, subject, actor, at, details, origin)])[0]


def record_all(session: Session, happenings: Iterable[Happening]) -> list[AuditEvent]:
    """Append events one after another, as `record` does."""
    session.flush()
    take_turn(session.connection())
    account = {"account": session.info["account"]} if "account" in session.info else {}
    last = session.execute(
        select(AuditEvent.sequence, AuditEvent.digest).order_by(AuditEvent.sequence.desc()).limit(1)
    ).first()
    first, previous = (last.sequence + 1, last.digest) if last else (1, None)
    events = []
    for sequence, told in enumerate(happenings, first):
        event = AuditEvent(
            sequence=sequence,
            at=told.at,
            actor=told.actor,
            action=told.action,
            subject=told.subject,
            details=canonical({**told.details, **account}).decode(),
            origin=told.origin if told.origin is not None else session.info.get("origin"),
            previous=previous,
        )
        previous = event.digest = event_digest(event)
        events.append(event)
    session.add_all(events)
    session.flush()
    return events


def event_digest(event: AuditEvent) -> str:
    """SHA-256 over the canonical JSON of all of the event but its digest.

    The stored details are canonical already: put in as they are, a change of even a space in them shows.
    """
    parts = {
        "action": canonical(event.action),
        "actor": canonical(event.actor),
        "at": canonical(instant(event.at)),
        "details": event.details.encode(),
        "origin": canonical(event.origin),
        "previous": canonical(event.previous),
        "sequence": canonical(event.sequence),
        "subject": canonical(event.subject),
    }
    members = [b'"%b":%b' % (name.encode(), part) for name, part in parts.items()]
    return digest_of_bytes(b"{%b}" % b",".join(members))


def counted(count: int, what: str) -> str:
    """`1 decision not yet sealed`, `2 sealed batches`; what was checked is named in the plural."""
    if count != 1:
        return f"{count:,} {what}"
    return f"1 {'person' if what == 'people' else _PLURAL.sub('', what, count=1)}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked and how much of it; the sentence that names the first bad record, or None.

    `head` is the digest of the last event: whoever noted it earlier can tell a chain that was written anew.
    """

    checked: Mapping[str, int]
    problem: str | None
    head: str | None

    @property
    def untouched(self) -> bool:
        return self.problem is None

    def __str__(self) -> str:
        counts = ", ".join(counted(count, what) for what, count in self.checked.items())
        checked = f"Checked: {counts or 'nothing is on record'}."
        until = f", up to event {self.checked['events']}" if "events" in self.checked else ""
        return f"{checked} {self.problem or f'Nothing was touched{until}.'}"


def verify(session: Session, *checks: Check, of_chain: Iterable[Check] = (), seen: Seen = unseen) -> Verification:
    """Walk the chain, hold every version, release, approval and activation against it, then run `checks`.

    What is `of_chain` is checked as soon as the chain is found sound: no row is held against one that is not the
    old one. `seen` is given what was checked so far, again and again. Stops at the first bad record. Give it a
    fresh session: on PostgreSQL it then sees one moment of the database while others go on writing.
    """
    if session.get_bind().dialect.name == "postgresql" and not session.in_transaction():
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    chain = _Chain()
    checked: Counter[str] = Counter()
    try:
        for check in (chain.walk, *of_chain, chain.hold_rows_against_it, *checks):
            for found in check(session):
                if isinstance(found, Problem):
                    return Verification(checked, found.sentence, chain.head)
                checked[found.what] += found.count
                seen(checked)
    except Unreadable as told:
        return Verification(checked, str(told), chain.head)
    except Exception as failure:
        if not unreadable(failure):
            raise
        return Verification(checked, UNNAMED, chain.head)
    return Verification(checked, None, chain.head)


class _Chain:
    """One walk over the events, and what they last told of each row."""

    def __init__(self) -> None:
        self.head: str | None = None
        self.told: dict[str, LastTold] = {}

    def walk(self, session: Session) -> Iterator[Counted | Problem]:
        expected = 1
        for sequence, row in in_pages(session, select(AuditEvent), AuditEvent.sequence):
            if sequence != expected:
                yield Problem(f"Audit event {expected} is missing: the next one in the record is {sequence}.")
            try:
                problem = self._problem(row[0])
            except Exception as failure:
                if not unreadable(failure):
                    raise
                problem = f"Audit event {sequence} was altered: it cannot be read."
            yield Problem(problem) if problem else Counted("events")
            expected = sequence + 1

    def hold_rows_against_it(self, session: Session) -> Iterator[Counted | Problem]:
        return rows_as_told(session, self.told)

    def _problem(self, event: AuditEvent) -> str | None:
        named = f"Audit event {event.sequence} ({event.action}, {event.subject})"
        if event.digest != event_digest(event):
            return f"{named} was altered: its digest is not that of its text."
        if event.previous != self.head:
            return f"{named} was altered: it does not follow from the event before it."
        self.head = event.digest
        self._remember(event)
        return None

    def _remember(self, event: AuditEvent) -> None:
        if event.action.startswith(("version.", "release.")):
            for noun, told in json.loads(event.details).items():
                if noun in ("version", "release", "approval", "activation"):
                    self.told[event.subject] = LastTold(event.sequence, told)
