"""A single decision proven: a document that whoever holds it checks with SHA-256 and JSON alone.

docs/proofs.md says what stands in it, and docs/check_proof.py checks it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.proofs import anchors
from cds.proofs.anchors import Anchor
from cds.proofs.blocks import ANCHORED, Subtrees
from cds.record.digests import decision_digest, digested, leaf, personal
from cds.record.merkle import path_by, path_to, root_by
from cds.record.sealing import SEALED, Batch, batch_in
from cds.requests import unstorable
from knowledge import audit
from knowledge.audit import event_digest
from knowledge.canonical import instant
from knowledge.errors import KnowledgeError
from knowledge.models import AuditEvent

FORMAT = "phasewise-proof/1"
PROVEN = "decision.proven"

_TOUCHED = "The record was touched: “phasewise audit verify” says where."


class NoDecision(KnowledgeError):
    """There is no decision of this name."""


class NotProvable(KnowledgeError):
    """There is no proof of this decision, or none yet."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The event that sealed a decision, its batch, and the anchor that covers the event, if there is one."""

    event: AuditEvent
    batch: Batch
    anchor: Anchor | None
    signature: str | None


def sealed_in(session: Session, sequence: int, signature: str | None = None) -> Sealed | None:
    """By what the decision of a sequence is provable; None when it is not sealed yet.

    `signature` is the anchor to lead up to, in place of the earliest that covers the event. Raises NotProvable
    when it covers less, and BadAnchor.
    """
    try:
        event = _sealing_event(session, sequence)
        batch = batch_in(event.sequence, event.details) if event else None
    except (ValueError, TypeError, KeyError):
        raise NotProvable(f"An event that seals decisions cannot be read. {_TOUCHED}") from None
    if event is None or batch is None or batch.first > sequence:
        return None
    if signature is None:
        signature, anchor = _anchor_over(session, event.sequence)
    else:
        anchor = anchors.unchecked(signature)
        if anchor.events < event.sequence:
            raise NotProvable(f"The anchor ends at event {anchor.events}; the decision was sealed in {event.sequence}.")
    return Sealed(event, batch, anchor, signature)


def in_its_batch(session: Session, row: Mapping[str, Any], sealed: Sealed) -> bool:
    """Whether a decision is as its digest says, and at its place in the batch that was sealed."""
    if row["digest"] != decision_digest(row):
        return False
    try:
        index, path = _place(session, row["sequence"], sealed.batch)
        return sealed.batch.root == _root(path, row["digest"], index, sealed.batch.count)
    except ValueError:
        # NotInTree is one; the other is a digest of a neighbour that is none.
        return False


def row_of(session: Session, decision_id: str) -> dict[str, Any]:
    """The columns of a decision. Raises NoDecision."""
    stored = select(*Decision.__table__.columns).where(Decision.id == decision_id)
    row = None if unstorable(decision_id) else session.execute(stored).one_or_none()
    if row is None:
        raise NoDecision(f"There is no decision {decision_id!r}. Its id is in the answer, as decision_id.")
    return row._asdict()


def proof_of(
    session: Session, row: Mapping[str, Any], *, with_facts: bool = False, signature: str | None = None
) -> dict[str, Any]:
    """The proof of a decision from its columns. Raises NotProvable, also when what is stored does not hold.

    No fact and no subject is in it, only salted digests of them, unless they are asked for.
    """
    named = f"Decision {row['id']}"
    if with_facts and row["removed_in"] is not None:
        raise NotProvable(f"{named}: its facts were removed by event {row['removed_in']}; it is provable without them.")
    sealed = sealed_in(session, row["sequence"], signature)
    if sealed is None:
        raise NotProvable(
            f"{named} is not sealed yet. A running server seals every minute; “phasewise audit seal” does it at once."
        )
    try:
        index, path = _place(session, row["sequence"], sealed.batch)
        proof = {
            "format": FORMAT,
            "decision": digested(row),
            **({"disclosed": {"personal": personal(row), "states": row["states"]}} if with_facts else {}),
            "batch": {"index": index, "path": _hexed(path)},
            "event": _event(sealed.event),
        }
        holds = row["digest"] == decision_digest(row) and sealed.event.digest == event_digest(sealed.event)
        holds &= sealed.batch.root == _root(path, row["digest"], index, sealed.batch.count)
        if sealed.anchor:
            path = path_by(sealed.event.sequence - 1, sealed.anchor.events, Subtrees(session).root)
            proof["anchor"] = {"jws": sealed.signature, "path": _hexed(path)}
            root = _root(path, sealed.event.digest, sealed.event.sequence - 1, sealed.anchor.events)
            holds &= sealed.anchor.root == root
    except ValueError:
        # NotInTree is one; the other is a digest that is none.
        holds, proof = False, {}
    if not holds:
        raise NotProvable(f"{named} does not fit what was sealed, so there is no proof of it. {_TOUCHED}")
    return proof


def record(session: Session, decision_id: str, *, with_facts: bool, actor: str, at: datetime, **more: str) -> None:
    """Tell that a proof was given out, and whether with the facts."""
    subject = f"decision/{decision_id}"
    details = {"with_facts": with_facts, **more}
    audit.record(session, action=PROVEN, subject=subject, actor=actor, at=at, details=details)


def _sealing_event(session: Session, sequence: int) -> AuditEvent | None:
    """The first batch that ends at a decision or after it, found by halving the chain: batches are in its order."""
    found, low, high = None, 0, session.scalar(select(func.max(AuditEvent.sequence))) or 0
    sealing = select(AuditEvent).where(AuditEvent.action == SEALED).order_by(AuditEvent.sequence).limit(1)
    while low < high:
        middle = (low + high) // 2
        event = session.scalar(sealing.where(AuditEvent.sequence > middle, AuditEvent.sequence <= high))
        if event is None:
            high = middle
        elif batch_in(event.sequence, event.details).last < sequence:
            low = event.sequence
        else:
            found, high = event, middle
    return found


def _anchor_over(session: Session, sequence: int) -> tuple[str | None, Anchor | None]:
    """The earliest anchor that covers an event: what it proves was so the earlier."""
    taken = select(AuditEvent.details).where(AuditEvent.action == ANCHORED, AuditEvent.sequence > sequence)
    for details in session.scalars(taken.order_by(AuditEvent.sequence)):
        told = json.loads(details)
        if told["events"] >= sequence:
            try:
                return told["jws"], anchors.unchecked(told["jws"])
            except anchors.BadAnchor:
                raise NotProvable(f"The anchor over event {sequence} cannot be read. {_TOUCHED}") from None
    return None, None


def _place(session: Session, sequence: int, batch: Batch) -> tuple[int, list[bytes]]:
    """The place of a decision in its batch, and the path from there to the root."""
    before = select(func.count()).select_from(Decision)
    before = before.where(Decision.sequence >= batch.first, Decision.sequence < sequence)
    index = session.scalar(before) or 0
    held = select(Decision.digest).where(Decision.sequence >= batch.first, Decision.sequence <= batch.last)
    with session.scalars(held.order_by(Decision.sequence).execution_options(yield_per=1000)) as digests:
        return index, path_to(index, batch.count, map(leaf, digests))


def _event(event: AuditEvent) -> dict[str, Any]:
    """An event with the very texts that its digest was made of."""
    return {
        "action": event.action,
        "actor": event.actor,
        "at": instant(event.at),
        "details": json.loads(event.details),
        "digest": event.digest,
        "origin": event.origin,
        "previous": event.previous,
        "sequence": event.sequence,
        "subject": event.subject,
    }


def _root(path: list[bytes], digest: str, index: int, count: int) -> str:
    return f"sha256:{root_by(path, leaf(digest), index, count).hex()}"


def _hexed(path: list[bytes]) -> list[str]:
    return [node.hex() for node in path]
