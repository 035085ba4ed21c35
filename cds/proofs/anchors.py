"""The head of the chain as it stands at a moment, signed, to be kept where whoever owns the database cannot reach it.

A chain that was written anew throughout is sound in itself; that it is not the old one shows by its anchors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.proofs.blocks import ANCHORED, Subtrees
from cds.proofs.site_keys import CURVE
from cds.record.digests import leaf
from cds.record.merkle import Tree
from cds.record.sealing import SEALED
from knowledge import audit
from knowledge.canonical import canonical, digest_of_bytes, instant
from knowledge.errors import KnowledgeError
from knowledge.models import AuditEvent
from knowledge.proofs import Counted, Problem
from knowledge.steps import SYSTEM

FORMAT = "phasewise-anchor/1"
_TYPE = "phasewise-anchor"


class BadAnchor(KnowledgeError):
    """A file that is no anchor, or none that the key signed."""


class NothingToAnchor(KnowledgeError):
    """There is no chain yet, or it is broken."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is signed. `events` is the sequence of the last event and `head` its digest; `root` that of the Merkle
    tree over the digests of all events; `first`, the digest of the first, names the record among others."""

    at: str
    decisions: int
    events: int
    first: str
    format: str
    head: str
    root: str

    @property
    def moment(self) -> datetime:
        """When it was taken."""
        return datetime.fromisoformat(self.at)


def taken(session: Session, *, at: datetime) -> Anchor:
    """The head of the chain as it is stored, once the chain was checked. Raises NothingToAnchor.

    Takes no turn, so that nobody waits; give it a fresh session.
    """
    verification = audit.verify(session)
    if verification.problem:
        raise NothingToAnchor(f"{verification.problem} A record that was touched is not anchored.")
    tree, first, head = Tree(), None, ""
    for _, head in digests(session):
        first = first or head
        tree.add(leaf(head))
    if first is None:
        raise NothingToAnchor("Nothing is on record yet, so there is nothing to anchor.")
    sealed = session.scalars(select(AuditEvent.details).where(AuditEvent.action == SEALED))
    decisions = sum(json.loads(details)["count"] for details in sealed)
    return Anchor(instant(at), decisions, tree.count, first, FORMAT, head, f"sha256:{tree.root().hex()}")


def signed(anchor: Anchor, key: OKPKey) -> str:
    """A compact JWS (RFC 7515) over the canonical JSON of the anchor; its algorithm goes by the name of RFC 9864."""
    header = {"alg": CURVE, "kid": key.thumbprint(), "typ": _TYPE}
    return jws.serialize_compact(header, canonical(asdict(anchor)), key, algorithms=[CURVE])


def record(session: Session, anchor: Anchor, signature: str, *, at: datetime, actor: str = SYSTEM) -> None:
    """Tell that an anchor was taken. The event holds it, and what lets proofs lead up to it without reading all."""
    details: dict[str, Any] = {"digest": digest_of_bytes(signature.encode()), "events": anchor.events, "jws": signature}
    if finished := Subtrees(session).finished(anchor.events):
        details["blocks"] = finished
    subject = f"events/1-{anchor.events}"
    audit.record(session, action=ANCHORED, subject=subject, actor=actor, at=at, details=details)


def last_anchored(session: Session) -> datetime | None:
    """When the last anchor was taken; None when none ever was."""
    taken = select(AuditEvent.at).where(AuditEvent.action == ANCHORED).order_by(AuditEvent.sequence.desc())
    return session.scalars(taken.limit(1)).one_or_none()


def read(signature: str, keys: Sequence[OKPKey], *, named: str = "The anchor") -> Anchor:
    """The anchor that one of the keys signed. Raises BadAnchor, in a sentence about what is `named`."""
    kid = _header(signature, named).get("kid")
    key = next((one for one in keys if one.thumbprint() == kid), None)
    if key is None:
        raise BadAnchor(f"{named} was signed with another key than those given (its key is called {kid}).")
    try:
        payload = jws.deserialize_compact(signature, key, algorithms=[CURVE]).payload
    except BadSignatureError:
        raise BadAnchor(f"{named} was altered: its signature does not fit.") from None
    except (JoseError, ValueError):
        raise BadAnchor(f"{named} cannot be checked: it is not signed as anchors are.") from None
    return content(payload, named)


def content(payload: bytes, named: str) -> Anchor:
    """The anchor in what was signed. Raises BadAnchor."""
    try:
        found = json.loads(payload)
        if found["format"] == FORMAT and found.keys() == {field.name for field in fields(Anchor)}:
            anchor = Anchor(**found)
            if anchor.events > 0 and anchor.moment.tzinfo:
                return anchor
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise BadAnchor(f"{named} is signed, but is no anchor of this kind ({FORMAT}).")


def unchecked(signature: str, named: str = "The anchor") -> Anchor:
    """What an anchor says, whoever signed it. Raises BadAnchor."""
    _header(signature, named)
    return content(jws.extract_compact(signature.encode()).payload, named)


def check_anchors(anchors: Sequence[Anchor]) -> Callable[[Session], Iterator[Counted | Problem]]:
    """A check for `audit.verify`: the chain still holds exactly the events that were anchored."""

    def check(session: Session) -> Iterator[Counted | Problem]:
        waiting = sorted(anchors, key=lambda anchor: (anchor.events, anchor.at))
        tree, first, held = Tree(), None, None
        for sequence, digest in digests(session) if waiting else ():
            first = first or digest
            tree.add(leaf(digest))
            while waiting and waiting[0].events == sequence:
                anchor = waiting.pop(0)
                if problem := _differs(anchor, first, digest, tree, held):
                    yield Problem(problem)
                yield Counted("anchors")
                held = anchor
            if not waiting:
                return
        for anchor in waiting:
            yield Problem(
                f"The chain was cut off: it ends with event {tree.count}, "
                f"and {anchor.events} events were anchored on {_day(anchor)}."
            )

    return check


def digests(session: Session) -> Iterator[tuple[int, str]]:
    """The sequence and digest of each event, in order."""
    query = select(AuditEvent.sequence, AuditEvent.digest).order_by(AuditEvent.sequence)
    with session.execute(query.execution_options(yield_per=1000)) as rows:
        yield from rows


def _differs(anchor: Anchor, first: str, digest: str, tree: Tree, held: Anchor | None) -> str | None:
    if anchor.first != first:
        return (
            f"The anchor of {_day(anchor)} is of another record, or this one was rewritten from its first event on: "
            "event 1 is not the one that was anchored."
        )
    if anchor.head == digest and anchor.root == f"sha256:{tree.root().hex()}":
        return None
    what = f"event {anchor.events} is not the one that was"
    if anchor.head == digest:
        what = f"the events before {anchor.events} are not those that were"
    so_far = f" Up to event {held.events} it is as anchored on {_day(held)}." if held else ""
    return f"The chain was rewritten: {what} anchored on {_day(anchor)}.{so_far}"


def _header(signature: str, named: str) -> dict[str, Any]:
    try:
        return jws.extract_compact(signature.encode()).headers()
    except (JoseError, ValueError, KeyError, TypeError, AttributeError):
        raise BadAnchor(f"{named} is no anchor: give a file that “phasewise audit anchor” wrote.") from None


def _day(anchor: Anchor) -> str:
    return anchor.at.partition("T")[0]
