"""Sealed decisions counted by block: in how many of each block a rule is recommended, withheld, undetermined.

A block holds at most LARGEST decisions of one release and one day. Blocks say where in a long record to look, and
how often a rule fires; they are made from the decisions and can be made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from cds.models import Decision, DecisionBlock, RuleTally
from cds.record.sealing import last_sealed
from knowledge.database import take_turn
from knowledge.items import State

LARGEST = 512
MOST = 4096
"""How many decisions are counted in one turn."""

COUNTED = (State.RECOMMENDED, State.WITHHELD, State.UNDETERMINED)
"""The states that are counted; the rest of a block is not met."""

LETTERS = tuple(state[0] for state in COUNTED)
_ADD = text(
    "INSERT INTO rule_tallies (release_id, place, block_id, recommended, withheld, undetermined) "
    "VALUES (:release_id, :place, :block_id, :recommended, :withheld, :undetermined) "
    "ON CONFLICT (release_id, place, block_id) DO UPDATE SET recommended = rule_tallies.recommended + "
    "excluded.recommended, withheld = rule_tallies.withheld + excluded.withheld, "
    "undetermined = rule_tallies.undetermined + excluded.undetermined"
)


def tally(session: Session) -> int:
    """Count the sealed decisions that are not counted yet, at most MOST of them, and say how many."""
    take_turn(session.connection())
    columns = (Decision.sequence, Decision.release_id, Decision.recorded_at, Decision.states)
    after = counted_until(session)
    waiting = select(*columns).where(Decision.sequence > after, Decision.sequence <= last_sealed(session))
    rows = session.execute(waiting.order_by(Decision.sequence).limit(MOST)).all()
    apart: dict[tuple[int, date], list[tuple[int, str]]] = {}
    for sequence, release_id, recorded_at, states in rows:
        apart.setdefault((release_id, recorded_at.astimezone(UTC).date()), []).append((sequence, states))
    for (release_id, day), decisions in apart.items():
        _count(session, release_id, day, decisions)
    session.flush()
    return len(rows)


def tally_again(session: Session) -> None:
    """Forget all blocks, to have every decision counted anew."""
    take_turn(session.connection())
    session.execute(delete(RuleTally))
    session.execute(delete(DecisionBlock))


def counted_until(session: Session) -> int:
    """The sequence up to which decisions are counted; what came later is in no block yet."""
    return session.scalar(select(func.max(DecisionBlock.last))) or 0


def _count(session: Session, release_id: int, day: date, decisions: Sequence[tuple[int, str]]) -> None:
    """Fill the open block of a release and day, then new ones."""
    while decisions:
        block = _open_block(session, release_id, day) or _new_block(session, release_id, day, decisions[0][0])
        room = LARGEST - block.decisions
        _add(session, block, decisions[:room])
        decisions = decisions[room:]


def _open_block(session: Session, release_id: int, day: date) -> DecisionBlock | None:
    """The block of a release and day that has room left."""
    of_day = (DecisionBlock.release_id == release_id, DecisionBlock.day == day)
    with_room = select(DecisionBlock).where(*of_day, DecisionBlock.decisions < LARGEST)
    return session.scalars(with_room.execution_options(populate_existing=True)).first()


def _new_block(session: Session, release_id: int, day: date, first: int) -> DecisionBlock:
    nothing = dict.fromkeys(COUNTED, 0)
    block = DecisionBlock(release_id=release_id, day=day, first=first, last=first, decisions=0, **nothing)
    session.add(block)
    session.flush()
    return block


def _add(session: Session, block: DecisionBlock, decisions: Sequence[tuple[int, str]]) -> None:
    states = [letters for _, letters in decisions]
    block.last = decisions[-1][0]
    block.decisions += len(decisions)
    for state, letter in zip(COUNTED, LETTERS, strict=True):
        setattr(block, state, getattr(block, state) + sum(letter in letters for letters in states))
    session.flush()
    rows = [
        {
            "release_id": block.release_id,
            "place": place,
            "block_id": block.id,
            **dict(zip(COUNTED, counts, strict=True)),
        }
        for place, counts in tallied(states).items()
    ]
    if rows:
        session.execute(_ADD, rows)


def tallied(states: Sequence[str]) -> dict[int, tuple[int, ...]]:
    """How often each rule, by its place, is in each counted state; the rules of which none is are left out."""
    rules, letters = len(states[0]), "".join(states)
    if len(letters) != rules * len(states):
        raise ValueError("Not all of these decisions are of one release.")
    columns = ((place, letters[place::rules]) for place in range(rules))
    counted = ((place, tuple(map(column.count, LETTERS))) for place, column in columns)
    return {place: counts for place, counts in counted if any(counts)}
