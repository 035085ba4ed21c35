"""What was counted of the decisions held against the decisions themselves, while they are walked in their order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from cds.models import DecisionBlock, RuleTally
from cds.record.tallying import COUNTED, LETTERS, counted_until, tallied
from knowledge.proofs import Counted, Problem

_TALLIES = select(RuleTally.place, *(getattr(RuleTally, state) for state in COUNTED)).where(
    RuleTally.release_id == bindparam("release"),
    RuleTally.block_id == bindparam("block"),
    # By each place, so that the index is used, which begins with the release and the place.
    RuleTally.place.in_(bindparam("places", expanding=True)),
)
_Group = tuple[int, date]


class Recount:
    """Blocks filled anew from the decisions, each held against the stored one as soon as it is full."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._until = counted_until(session)
        self._waiting: dict[_Group, Iterator[DecisionBlock]] = {}
        self._open: dict[_Group, tuple[DecisionBlock, list[tuple[int, str]]]] = {}
        self._blocks = self._tallies = 0

    def see(self, row: Any) -> str | None:
        """Count a decision; a sentence when it, or the block that it completes, is not as was counted."""
        if row.sequence > self._until:
            return None
        group = (row.release_id, row.recorded_at.astimezone(UTC).date())
        problem = None
        if group in self._open and row.sequence > self._open[group][0].last:
            problem = self._held(*self._open.pop(group))
        if group not in self._open:
            block = next(self._of(group), None)
            if block is None or not block.first <= row.sequence <= block.last:
                return f"Decision {row.id} (number {row.sequence}) is in no block of those that were counted."
            self._open[group] = (block, [])
        block, decisions = self._open[group]
        decisions.append((row.sequence, row.states))
        if len(decisions) == block.decisions:
            problem = problem or self._held(*self._open.pop(group))
        return problem

    def rest(self) -> Iterator[Counted | Problem]:
        """What is left when every decision was seen."""
        for block, decisions in self._open.values():
            if problem := self._held(block, decisions):
                yield Problem(problem)
        for table, seen, what in (
            (DecisionBlock, self._blocks, "blocks of counted decisions"),
            (RuleTally, self._tallies, "tallies of rules"),
        ):
            stored = self._session.scalar(select(func.count()).select_from(table)) or 0
            if stored != seen:
                yield Problem(f"There are {stored} {what}, and the decisions come to {seen}.")
        yield Counted("blocks of counted decisions", self._blocks)

    def _of(self, group: _Group) -> Iterator[DecisionBlock]:
        if group not in self._waiting:
            release_id, day = group
            blocks = select(DecisionBlock).where(DecisionBlock.release_id == release_id, DecisionBlock.day == day)
            read = blocks.order_by(DecisionBlock.first).execution_options(populate_existing=True)
            self._waiting[group] = iter(self._session.scalars(read).all())
        return self._waiting[group]

    def _held(self, block: DecisionBlock, decisions: list[tuple[int, str]]) -> str | None:
        """A sentence when a block says otherwise than its decisions."""
        self._blocks += 1
        named = f"Block {block.id} of the counted decisions (numbers {block.first} to {block.last}) was altered"
        if len(decisions) != block.decisions:
            return f"{named}: it counts {block.decisions} decisions, and {len(decisions)} are stored."
        first, last = decisions[0][0], decisions[-1][0]
        if (block.first, block.last) != (first, last):
            return f"{named}: the first of its decisions is {first}, the last {last}."
        states = [letters for _, letters in decisions]
        for state, letter in zip(COUNTED, LETTERS, strict=True):
            if getattr(block, state) != sum(letter in one for one in states):
                return f"{named}: {state} is not what its decisions come to."
        found = tallied(states)
        self._tallies += len(found)
        places = range(len(states[0]))
        asked = {"release": block.release_id, "block": block.id, "places": list(places)}
        stored = {place: tuple(counts) for place, *counts in self._session.execute(_TALLIES, asked)}
        if stored != found:
            place = min(place for place in places if stored.get(place) != found.get(place))
            return f"{named}: rule {place + 1} of the release is not counted as it is in its decisions."
        return None
