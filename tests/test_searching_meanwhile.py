"""What others commit while the record is searched is counted once, and is no error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.record.sealing import seal
from cds.record.tallying import tally
from cds.search import counting, finding
from cds.search.counting import Count, how_many
from cds.search.criteria import Criteria
from cds.search.finding import find
from cds.search.orders import Orders
from knowledge import lifecycle
from knowledge.database import sessions
from knowledge.models import Release, User
from tests.story import NOON, decision, people, shipped

pytest_plugins = ["tests.databases"]


@pytest.fixture
def record(own_database: Engine) -> Engine:
    """Ten decisions by release 1, sealed and not yet counted."""
    with sessions(own_database).begin() as session:
        people(session)
        release = shipped(session)
        session.execute(insert(Decision), [decision(number, release) for number in range(1, 11)])
        seal(session, NOON)
    return own_database


@pytest.fixture
def before_the_end_is_known(record: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has somebody else do something in the middle of a search."""

    def meanwhile(module: Any, do: Callable[[Session], object]) -> None:
        whole = module.whole

        def then(session: Session, **ends: Any) -> Any:
            with sessions(record).begin() as another:
                do(another)
            return whole(session, **ends)

        monkeypatch.setattr(module, "whole", then)

    return meanwhile


def test_what_is_put_in_blocks_meanwhile_is_counted_once(
    record: Engine, before_the_end_is_known: Callable[..., None]
) -> None:
    before_the_end_is_known(counting, tally)
    with sessions(record)() as session:
        assert how_many(session, Orders(), Criteria()) == Count(10)


def test_what_a_new_release_answers_meanwhile_is_listed_on_postgresql(
    record: Engine, before_the_end_is_known: Callable[..., None]
) -> None:
    def answer_by_another(session: Session) -> None:
        [first], cleo = session.query(Release).all(), session.query(User).filter_by(name="Cleo").one()
        second = lifecycle.publish(session, first.versions[:1], by=cleo, at=NOON, reason="Shorter.")
        session.execute(insert(Decision), [decision(11, second)])

    before_the_end_is_known(finding, answer_by_another)
    with sessions(record)() as session:
        found = find(session, Orders(), Criteria()).decisions
    # A search on SQLite sees the moment of its first look.
    newest = (2, 11) if record.dialect.name == "postgresql" else (1, 10)
    assert (found[0].release, len(found)) == newest
