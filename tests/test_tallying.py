"""Sealed decisions are counted by block: each once, by release, day and rule, whatever the batches were."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from cds.models import Decision, DecisionBlock, RuleTally
from cds.record import tallying
from cds.record.sealing import seal
from cds.record.tallying import counted_until, tally, tally_again
from knowledge import lifecycle
from tests.story import NOON, decision, later, people, shipped

pytest_plugins = ["tests.databases"]

STATES = ["rwu", "run", "nnn", "rrw", "uwn"]


@pytest.fixture
def session(rolled_back: Session) -> Session:
    return rolled_back


def counted(session: Session) -> Counter[tuple[date, int, str]]:
    """How often each state was counted, by day and place of the rule; and how many decisions, at place -1."""
    found: Counter[tuple[date, int, str]] = Counter()
    for block in session.scalars(select(DecisionBlock)):
        found[block.day, -1, "decisions"] += block.decisions
        for tallied in session.scalars(select(RuleTally).where(RuleTally.block_id == block.id)):
            for letter, state in zip("rwu", tallying.COUNTED, strict=True):
                found[block.day, tallied.place, letter] += getattr(tallied, state)
    return +found


def expected(rows: list[dict[str, Any]]) -> Counter[tuple[date, int, str]]:
    found: Counter[tuple[date, int, str]] = Counter()
    for row in rows:
        day = row["recorded_at"].astimezone(UTC).date()
        found[day, -1, "decisions"] += 1
        for place, letter in enumerate(row["states"]):
            if letter != "n":
                found[day, place, letter] += 1
    return found


def test_every_sealed_decision_is_counted_once(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "LARGEST", 4)
    monkeypatch.setattr(tallying, "MOST", 5)
    release = shipped(session)
    rows = [decision(n, release, states=STATES[n % 5], recorded_at=later(n)) for n in range(1, 31)]
    for some in (rows[:3], rows[3:4], rows[4:30]):
        session.execute(insert(Decision), some)
        assert tally(session) == 0, "only what is sealed is counted"
        assert seal(session, NOON) == len(some)
        rounds = iter(lambda: tally(session), 0)
        assert sum(rounds) == len(some)
    assert counted(session) == expected(rows)
    blocks = session.scalars(select(DecisionBlock).order_by(DecisionBlock.first)).all()
    assert {block.decisions for block in blocks} <= {1, 2, 3, 4}
    assert counted_until(session) == blocks[-1].last
    for block in blocks:
        held = [one for one in rows if one["recorded_at"].date() == block.day]
        assert block.recommended <= len([one for one in held if "r" in one["states"]])
    tally_again(session)
    assert counted_until(session) == 0
    assert sum(iter(lambda: tally(session), 0)) == 30
    assert counted(session) == expected(rows)


def test_releases_are_counted_apart(session: Session) -> None:
    first = shipped(session)
    who = people(session)
    second = lifecycle.publish(session, first.versions[:1], by=who.ben, at=later(1), reason="Fewer rules.")
    rows = [decision(n, (first, second)[n % 2], states="r" if n % 2 else "ru", recorded_at=NOON) for n in range(1, 5)]
    session.execute(insert(Decision), rows)
    assert seal(session, NOON) == 4
    assert tally(session) == 4
    blocks = session.scalars(select(DecisionBlock).order_by(DecisionBlock.release_id)).all()
    assert [(one.release_id, one.decisions, one.recommended, one.undetermined) for one in blocks] == [
        (first.id, 2, 2, 2),
        (second.id, 2, 2, 0),
    ]
