"""Events are found by any criteria at once, held to a plain reading of all of them; clocks that differ included."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from cds.search import events
from cds.search.events import Wanted, actions, page_of_events, told
from knowledge.audit import Happening, record_all
from knowledge.database import sessions
from knowledge.models import AuditEvent
from tests.story import NOON

pytest_plugins = ["tests.databases"]

ACTIONS = ["person.signed_in", "person.sign_in_refused", "decision.read", "release.activated", "Release.odd"]
SUBJECTS = ["rule/rest/1", "rule/rest/12", "rule/Rest/1", "rule/rest_1", "decision/a", "person/Zoë", "person/Zoë B"]
SIZE = 4


@pytest.fixture(scope="module")
def chain(database: Engine) -> Iterator[tuple[Session, list[AuditEvent]]]:
    chance = random.Random(5)
    with sessions(database)() as session:
        happenings = [
            Happening(
                action=chance.choices(ACTIONS, [8, 2, 30, 1, 1])[0],
                subject=chance.choice(SUBJECTS),
                actor=chance.choices(["Ada", "Ben", "system"], [1, 5, 20])[0],
                at=NOON + timedelta(minutes=30 * number + chance.randint(-60, 60)),
                details={},
            )
            for number in range(150)
        ]
        record_all(session, happenings)
        session.flush()
        yield session, list(session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc())))
        session.rollback()


def fits(event: AuditEvent, wanted: Wanted) -> bool:
    return (
        event.action.startswith(wanted.action)
        and event.subject.startswith(wanted.subject)
        and wanted.actor in ("", event.actor)
        and (wanted.since is None or event.at >= wanted.since)
        and (wanted.until is None or event.at < wanted.until)
    )


def some_wanted() -> Iterator[Wanted]:
    chance = random.Random(3)
    while True:
        since, until = sorted(NOON + timedelta(hours=chance.randint(-3, 80)) for _ in range(2))
        yield Wanted(
            action=chance.choice(["", "", "person.", "person.sign", "release.", "nothing", "decision.read", "%"]),
            subject=chance.choice(["", "", "rule/rest", "rule/rest/1", "rule/", "person/Zoë", "R", "rule/rest_"]),
            actor=chance.choice(["", "", "Ada", "Ben", "ada"]),
            since=since if chance.random() < 0.4 else None,
            until=until if chance.random() < 0.4 else None,
        )


@pytest.mark.parametrize("look", [{}, {"STEP": 7, "MOST": 15, "FEW": 10}], ids=["wide", "narrow"])
def test_every_search_finds_what_a_plain_reading_of_all_events_finds(
    chain: tuple[Session, list[AuditEvent]], look: Mapping[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in look.items():
        monkeypatch.setattr(events, name, value)
    session, every = chain
    several = 0
    for wanted in islice(some_wanted(), 150):
        found: list[AuditEvent] = []
        before = None
        while True:
            page = page_of_events(session, wanted, before=before, size=SIZE)
            found += page.events
            before = page.older
            if before is None:
                break
            assert page.unfinished or len(page.events) == SIZE, wanted
        expected = [event for event in every if fits(event, wanted)]
        assert [one.sequence for one in found] == [one.sequence for one in expected], wanted
        several += len(expected) > SIZE
    assert several > 30


def test_each_action_is_named_once(chain: tuple[Session, list[AuditEvent]]) -> None:
    assert actions(chain[0]) == sorted(ACTIONS)


def test_an_event_tells_no_text_that_is_not_on_record_already(chain: tuple[Session, list[AuditEvent]]) -> None:
    session, _ = chain
    typed = Wanted(action="person.", subject="Smith, Jane", actor="Ada", until=NOON)
    assert told(session, typed) == {
        "action": "person.",
        "subject": "given",
        "actor": "Ada",
        "until": "2026-01-31T12:00:00.000000Z",
    }
    assert told(session, Wanted(action="Smith", subject="rule/re", actor="0001")) == {
        "action": "given",
        "subject": "rule/re",
        "actor": "given",
    }
    unstorable = Wanted(subject="a\x00b", actor="\x00")
    assert told(session, unstorable) == {"subject": "given", "actor": "given"}
    assert told(session, Wanted()) == {}
