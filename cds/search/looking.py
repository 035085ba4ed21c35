"""Where in a long record to look: the stretches of sequences in which, by the counted blocks, something can be.

A stretch may hold more than what is looked for, and never leaves any of it out: blocks narrow the search, the
decisions themselves decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, or_, select
from sqlalchemy.orm import Session, join, outerjoin

from cds.models import Decision, DecisionBlock, RuleTally
from cds.record.tallying import counted_until
from cds.search.criteria import Criteria, Outcome

STEP = 16_384
"""The most sequences that are looked at in one statement."""

NEAR = 64
"""Stretches that lie no farther apart are one."""

_BLOCKS = 256

Places = Mapping[int, int | None]
"""The releases in question, and the place of the rule in each."""


class Stretch(NamedTuple):
    """The sequences from `low` to `high`, both included."""

    low: int
    high: int


def stretches(
    session: Session, criteria: Criteria, releases: Places | None, within: Stretch, *, backwards: bool
) -> Iterator[Stretch]:
    """Where to look within a stretch, in the order of looking; none is longer than STEP."""
    for stretch in _in_order(session, criteria, releases, within, backwards):
        yield from _in_steps(stretch, backwards)


def whole(session: Session, *, before: int | None, after: int | None) -> Stretch:
    """All sequences there are, or those before one, or after one."""
    last = session.scalar(select(func.max(Decision.sequence))) or 0
    return Stretch((after or 0) + 1, last if before is None else min(last, before - 1))


def at(places: Places) -> dict[int, list[int]]:
    """The releases in which a rule stands at each place."""
    found: dict[int, list[int]] = {}
    for release, place in places.items():
        if place is not None:
            found.setdefault(place, []).append(release)
    return found


def _in_order(
    session: Session, criteria: Criteria, releases: Places | None, within: Stretch, backwards: bool
) -> Iterator[Stretch]:
    blocks = blocks_of(criteria, releases)
    if blocks is None:
        yield within
        return
    counted = counted_until(session)
    # What is counted while we look is still looked at as not counted: so it is looked at once.
    old, new = Stretch(within.low, min(within.high, counted)), Stretch(max(within.low, counted + 1), within.high)
    if backwards:
        yield new
        yield from _downwards(session, blocks, old)
    else:
        yield from _upwards(session, blocks, old)
        yield new


def _downwards(session: Session, blocks: Select[int, int], within: Stretch) -> Iterator[Stretch]:
    """Stretches of blocks, the newest first. `first` never changes, so no block is lost that grows meanwhile."""
    low, high = within
    while low <= high:
        reach = (DecisionBlock.first <= high, DecisionBlock.last >= low)
        found = session.execute(blocks.where(*reach).order_by(DecisionBlock.last.desc()).limit(_BLOCKS)).all()
        if not found:
            return
        clipped = [Stretch(max(low, first), min(high, last)) for first, last in found]
        yield from _joined(sorted(clipped, key=lambda one: -one.high))
        if len(found) < _BLOCKS:
            return
        high = min(first for first, _ in clipped) - 1


def _upwards(session: Session, blocks: Select[int, int], within: Stretch) -> Iterator[Stretch]:
    low, high = within
    while low <= high:
        reach = (DecisionBlock.last >= low, DecisionBlock.first <= high)
        found = session.execute(blocks.where(*reach).order_by(DecisionBlock.first).limit(_BLOCKS)).all()
        if not found:
            return
        clipped = [Stretch(max(low, first), min(high, last)) for first, last in found]
        yield from reversed([*_joined(sorted(clipped, key=lambda one: -one.high))])
        if len(found) < _BLOCKS:
            return
        low = max(last for _, last in clipped) + 1


def _joined(found: Sequence[Stretch]) -> Iterator[Stretch]:
    """Stretches that overlap or lie near as one; they come, and are given, with the highest first."""
    joined = found[0]
    for one in found[1:]:
        if one.high >= joined.low - NEAR:
            joined = Stretch(min(joined.low, one.low), joined.high)
        else:
            yield joined
            joined = one
    yield joined


def _in_steps(stretch: Stretch, backwards: bool) -> Iterator[Stretch]:
    low, high = stretch
    while low <= high:
        if backwards:
            yield Stretch(max(low, high - STEP + 1), high)
            high -= STEP
        else:
            yield Stretch(low, min(high, low + STEP - 1))
            low += STEP


def blocks_of(criteria: Criteria, releases: Places | None) -> Select[int, int] | None:
    """First and last sequence of the blocks in which something can be; None when blocks tell nothing of it."""
    if criteria.outcome is None and releases is None and criteria.since is None and criteria.until is None:
        return None
    number, counted = _counted(criteria, releases)
    return (
        select(DecisionBlock.first, DecisionBlock.last).select_from(counted).where(*_of(criteria, releases), number > 0)
    )


def counts_of(criteria: Criteria, releases: Places | None) -> Select[int]:
    """How many decisions the blocks count, of whole days and of any app."""
    number, counted = _counted(criteria, releases)
    return select(func.coalesce(func.sum(number), 0)).select_from(counted).where(*_of(criteria, releases))


def _of(criteria: Criteria, releases: Places | None) -> Iterator[ColumnElement[bool]]:
    yield from _days(criteria)
    if releases is not None:
        yield DecisionBlock.release_id.in_(releases)


def _counted(criteria: Criteria, releases: Places | None) -> tuple[SQLColumnExpression[int], Any]:
    """How many decisions of a block have the outcome, and the blocks, beside those of the rule if one is named."""
    tallied = DecisionBlock.__table__
    match criteria.outcome:
        case None:
            return DecisionBlock.decisions, tallied
        case Outcome.NOTHING:
            return DecisionBlock.decisions - DecisionBlock.recommended, tallied
        case outcome if releases is None or not criteria.rule:
            return getattr(DecisionBlock, outcome), tallied
        case Outcome.NOT_MET:
            others = RuleTally.recommended + RuleTally.withheld + RuleTally.undetermined
            joined = outerjoin(DecisionBlock, RuleTally, _of_rule(releases))
            return DecisionBlock.decisions - func.coalesce(others, 0), joined
        case outcome:
            return getattr(RuleTally, outcome), join(DecisionBlock, RuleTally, _of_rule(releases))


def _days(criteria: Criteria) -> Iterator[ColumnElement[bool]]:
    if criteria.since is not None:
        yield DecisionBlock.day >= criteria.since.astimezone(UTC).date()
    if criteria.until is not None:
        yield DecisionBlock.day <= (criteria.until.astimezone(UTC) - timedelta(microseconds=1)).date()


def _of_rule(releases: Places) -> ColumnElement[bool]:
    stands = (and_(RuleTally.release_id.in_(held), RuleTally.place == place) for place, held in at(releases).items())
    return and_(RuleTally.block_id == DecisionBlock.id, RuleTally.release_id == DecisionBlock.release_id, or_(*stands))
