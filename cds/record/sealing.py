"""Decisions made provable: for each batch of their digests a Merkle root that joins the chain of events.

Answering takes no lock for this. A batch begins after the last sealed decision and ends at most at a sequence below
which nothing can appear any more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.record.digests import leaf, problem_with
from cds.record.merkle import Tree
from knowledge.audit import record
from knowledge.database import take_turn
from knowledge.errors import KnowledgeError
from knowledge.models import AuditEvent
from knowledge.proofs import Counted, Problem, in_pages, told_in

log = structlog.get_logger()

SEALED = "decisions.sealed"
LARGEST = 4096
"""The most decisions in a batch: so a batch is soon sealed, and a proof that one is in it soon made."""


class NotSealable(KnowledgeError):
    """A decision without a digest that could go into a batch."""


def seal(session: Session, at: datetime, *, patience_seconds: float = 10) -> int:
    """Seal a batch of the decisions that are not sealed yet, and say how many: LARGEST when there may be more.

    Waits at most `patience_seconds` for those who are just writing a decision; when they take longer, nothing
    is sealed this time, which the log says. Runs in a transaction of its own, under READ COMMITTED. Raises NotSealable.
    """
    settled = _settled(session, patience_seconds)
    take_turn(session.connection())
    after = last_sealed(session)
    if settled is None:
        log.warning("not sealed", because=f"somebody has been writing a decision for over {patience_seconds:g} seconds")
    if settled is None or settled <= after:
        return 0
    unsealed = (
        select(Decision.sequence, Decision.digest)
        .where(Decision.sequence > after, Decision.sequence <= settled)
        .order_by(Decision.sequence)
        .limit(LARGEST)
        .execution_options(yield_per=1000)
    )
    tree, first, last = Tree(), None, after
    with session.execute(unsealed) as rows:
        for last, digest in rows:
            first = first or last
            try:
                tree.add(leaf(digest))
            except ValueError:
                raise NotSealable(
                    f"Decision number {last} was altered before it was sealed: it has no digest. Nothing is sealed "
                    "from there on until a database is restored in which it stands as it was."
                ) from None
    if first is None:
        return 0
    details = {"first": first, "last": last, "count": tree.count, "root": f"sha256:{tree.root().hex()}"}
    subject = f"decisions/{first}-{last}"
    record(session, action=SEALED, subject=subject, actor="system", at=at, details=details)
    return tree.count


def check_decisions(
    session: Session, *, also: Callable[[Any], str | None] | None = None
) -> Iterator[Counted | Problem]:
    """Each decision is as its digest says, each batch holds what was sealed: a check for `audit.verify`.

    `also` is given each row that is good, in their order, and says what else is wrong with it.
    """
    sealed = batches(session)
    batch, tree, unsealed = next(sealed, None), Tree(), 0
    for sequence, row in in_pages(session, select(*Decision.__table__.columns), Decision.sequence):
        while batch and sequence > batch.last:
            yield batch.held_against(tree)
            batch, tree = next(sealed, None), Tree()
        problem = problem_with(sequence, row)
        if problem is None and batch and sequence < batch.first:
            problem = f"Decision {row.id} (number {sequence}) was put in beside the record: it is in no batch."
        if problem is None and also is not None:
            problem = also(row)
        if problem:
            yield Problem(problem)
        else:
            yield Counted("decisions")
            tree.add(leaf(row.digest))
            unsealed += batch is None
    while batch:
        yield batch.held_against(tree)
        batch, tree = next(sealed, None), Tree()
    yield Counted("decisions not yet sealed", unsealed)


@dataclass(frozen=True, slots=True)
class Batch:
    """Decisions sealed together: from which sequence to which, how many, and the root of their tree."""

    event: int
    first: int
    last: int
    count: int
    root: str

    def held_against(self, stored: Tree) -> Counted | Problem:
        named = f"Decisions {self.first} to {self.last}, sealed in audit event {self.event}, were altered"
        if stored.count != self.count:
            return Problem(f"{named}: {self.count} were sealed and {stored.count} are stored.")
        if f"sha256:{stored.root().hex()}" != self.root:
            return Problem(f"{named}: one of them is not as it was sealed, or not at its place.")
        return Counted("sealed batches")


def batches(session: Session) -> Iterator[Batch]:
    """What was sealed, in its order."""
    sealed = select(AuditEvent.details).where(AuditEvent.action == SEALED)
    for event, row in in_pages(session, sealed, AuditEvent.sequence):
        with told_in(event):
            batch = batch_in(event, row.details)
        yield batch


def batch_in(event: int, details: str) -> Batch:
    """The batch of which an event tells in its details."""
    told = json.loads(details)
    return Batch(event, told["first"], told["last"], told["count"], told["root"])


class Proofs:
    """Sealed batches held against what is stored, each once, in their order.

    They are read on from where the last question ended, a page at a time: a server that seals every minute makes half a
    million in a year.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._batches = batches(session)
        self._held_until = 0

    def problem(self, first: int, last: int) -> str | None:
        """What is wrong with the batches that hold the sequences from `first` to `last`; asked for in their order."""
        while self._held_until < last:
            batch = next(self._batches, None)
            if batch is None:
                return f"Decisions after {self._held_until} are not sealed."
            if batch.last >= first and (problem := _problem_in(self._session, batch)):
                return problem
            self._held_until = batch.last
        return None


def _problem_in(session: Session, batch: Batch) -> str | None:
    tree = Tree()
    rows = select(*Decision.__table__.columns).where(Decision.sequence.between(batch.first, batch.last))
    for sequence, row in in_pages(session, rows, Decision.sequence):
        if problem := problem_with(sequence, row):
            return problem
        tree.add(leaf(row.digest))
    held = batch.held_against(tree)
    return held.sentence if isinstance(held, Problem) else None


def last_sealed(session: Session) -> int:
    """The sequence of the last sealed decision; 0 when none is. Raises Unreadable when the event of it was altered."""
    sealed = select(AuditEvent.sequence, AuditEvent.details).where(AuditEvent.action == SEALED)
    for event, details in session.execute(sealed.order_by(AuditEvent.sequence.desc()).limit(1)):
        with told_in(event):
            return batch_in(event, details).last
    return 0


def _settled(session: Session, patience_seconds: float) -> int | None:
    """The newest sequence, once all who might yet commit an earlier one are done; None when they take too long.

    PostgreSQL gives out sequences before the commit. Whoever holds one up to the newest seen here holds a lock
    on the table by then, and is among the writers listed after it. SQLite has one writer at a time.
    """
    newest = session.scalar(select(func.max(Decision.sequence)))
    if session.get_bind().dialect.name == "sqlite":
        return newest
    patience = time.monotonic() + patience_seconds
    writers = _writers(session)
    while writers and time.monotonic() < patience:
        time.sleep(0.01)
        writers &= _writers(session)
    return None if writers else newest


def _writers(session: Session) -> set[str]:
    others = text(
        "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND relation = 'decisions'::regclass AND pid <> pg_backend_pid()"
    )
    return set(session.scalars(others))
