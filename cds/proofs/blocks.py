"""Subtrees of the tree over all events: by the roots of blocks that anchors put on record, a proof reads few events.

An anchor tells the roots that were finished since the one before. A block that none told is read, event by event.
Nothing is believed because it is told here: the whole path must come to the root that was signed.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.record.digests import leaf
from cds.record.merkle import NotInTree, Tree
from knowledge.models import AuditEvent

ANCHORED = "chain.anchored"

HEIGHT = 10
BLOCK = 1 << HEIGHT
"""So many events are in a block."""


class Subtrees:
    """Roots of subtrees, each of whole blocks from its start on or within one, as trees of RFC 6962 have them.

    Raises NotInTree when an event that tells of blocks cannot be read.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told = _told(session)

    def root(self, start: int, end: int) -> bytes:
        """The root over the events from start + 1 to end. Raises NotInTree when there are not as many."""
        tree = Tree()
        for block in range(-(-start // BLOCK), end // BLOCK):
            tree.graft(self._block(block), HEIGHT)
        self._add(tree, start + tree.count, end)
        return tree.root()

    def finished(self, events: int) -> dict[str, Any] | None:
        """The roots of the blocks within so many events that no anchor told yet, from a first one on."""
        first = len(self._told)
        roots = [self._block(block).hex() for block in range(first, events // BLOCK)]
        return {"first": first, "roots": roots} if roots else None

    def _block(self, block: int) -> bytes:
        if block not in self._told:
            tree = Tree()
            self._add(tree, block * BLOCK, (block + 1) * BLOCK)
            self._told[block] = tree.root()
        return self._told[block]

    def _add(self, tree: Tree, start: int, end: int) -> None:
        among = select(AuditEvent.digest).where(AuditEvent.sequence > start, AuditEvent.sequence <= end)
        before = tree.count
        for digest in self._session.scalars(among.order_by(AuditEvent.sequence)):
            tree.add(leaf(digest))
        if tree.count - before != end - start:
            raise NotInTree(f"There are {tree.count - before} events from {start + 1} to {end}.")


def _told(session: Session) -> dict[int, bytes]:
    taken = select(AuditEvent.details).where(AuditEvent.action == ANCHORED).order_by(AuditEvent.sequence)
    told: dict[int, bytes] = {}
    try:
        for details in session.scalars(taken):
            if blocks := json.loads(details).get("blocks"):
                told.update(enumerate(map(bytes.fromhex, blocks["roots"]), blocks["first"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise NotInTree("What an anchor told of finished blocks cannot be read.") from None
    return told
