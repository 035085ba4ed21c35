"""The chain of events: what it is made of, and that everybody appends to the same one."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from cds.proofs import verifying
from cds.record.sealing import check_decisions
from knowledge.audit import record, verify
from knowledge.canonical import NotCanonical, digest
from knowledge.database import sessions
from knowledge.models import AuditEvent
from knowledge.proofs import Counted, Problem
from tests.story import NOON, story

pytest_plugins = ["tests.databases"]


@pytest.fixture
def session(rolled_back: Session) -> Session:
    return rolled_back


def sign_in(session: Session, actor: str = "Ada", **more: str) -> AuditEvent:
    return record(
        session,
        action="person.signed-in",
        subject=f"person/{actor}",
        actor=actor,
        at=NOON,
        details={"way": "web"},
        **more,
    )


def test_the_first_event_has_none_before_it_and_a_pinned_digest(session: Session) -> None:
    """The digest is that of a text anybody can write down."""
    event = sign_in(session)
    text = (
        '{"action":"person.signed-in","actor":"Ada","at":"2026-01-31T12:00:00.000000Z","details":{"way":"web"},'
        '"origin":null,"previous":null,"sequence":1,"subject":"person/Ada"}'
    )
    assert event.digest == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert event.digest == "sha256:940be4240c7b640646c62227e7626b961fa22067ad23fae7fe171248acd67ce9"


def test_each_event_holds_the_digest_of_the_one_before(session: Session) -> None:
    first, second = sign_in(session), sign_in(session, "Ben", origin="192.0.2.1")
    assert (first.sequence, second.sequence) == (1, 2)
    assert second.previous == first.digest
    assert second.digest == digest(
        {
            "sequence": 2,
            "at": "2026-01-31T12:00:00.000000Z",
            "actor": "Ben",
            "action": "person.signed-in",
            "subject": "person/Ben",
            "details": {"way": "web"},
            "origin": "192.0.2.1",
            "previous": first.digest,
        }
    )


def test_where_it_came_from_can_be_said_once_for_a_session(session: Session) -> None:
    session.info["origin"] = "192.0.2.7"
    assert sign_in(session).origin == "192.0.2.7"
    assert sign_in(session, origin="phasewise serve").origin == "phasewise serve"


def test_details_that_are_not_json_are_refused(session: Session) -> None:
    with pytest.raises(NotCanonical):
        record(session, action="a", subject="s", actor="Ada", at=NOON, details={"at": NOON})


def test_any_text_survives(session: Session) -> None:
    strange = 'half a "quote", \\ a NUL \x00, a line\nbreak, ☃ and 😀'
    event = record(session, action="a", subject="s ☃", actor="Ada 😀", at=NOON, details={"text": strange})
    session.expire(event)
    assert json.loads(event.details) == {"text": strange}
    assert verify(session).untouched


def test_what_is_rolled_back_leaves_no_gap(own_database: Engine) -> None:
    make = sessions(own_database)
    with make() as session:
        sign_in(session)
        session.commit()
        sign_in(session, "Ben")
        session.rollback()
        sign_in(session, "Cleo")
        session.commit()
        assert [event.actor for event in session.scalars(select(AuditEvent).order_by(AuditEvent.sequence))] == [
            "Ada",
            "Cleo",
        ]
        assert verify(session).untouched


def test_processes_that_append_at_once_make_one_chain(own_database: Engine, own_database_url: str) -> None:
    program = """
import sys
from datetime import UTC, datetime
from knowledge.audit import record
from knowledge.database import connect, sessions
from knowledge.models import AuditEvent

engine = connect(sys.argv[1], busy_seconds=60)
for number in range(20):
    with sessions(engine).begin() as session:
        session.query(AuditEvent).count()
        for part in ("a", "b"):
            record(session, action="test", subject=f"{sys.argv[2]}/{number}/{part}", actor=sys.argv[2],
                   at=datetime.now(UTC), details={})
engine.dispose()
"""
    runs = [
        subprocess.Popen([sys.executable, "-c", program, own_database_url, name], stderr=subprocess.PIPE, text=True)
        for name in ("one", "two", "three")
    ]
    assert [run.communicate(timeout=120)[1] for run in runs] == ["", "", ""]
    with sessions(own_database)() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all()
        assert [event.sequence for event in events] == list(range(1, 121))
        pairs = zip(events[::2], events[1::2], strict=True)
        assert all(a.subject[:-1] == b.subject[:-1] for a, b in pairs), "a transaction's events stand together"
        assert len({event.actor for event in events[:100]}) > 1
        assert verify(session).checked == {"events": 120}


def test_an_event_is_there_after_its_process_was_killed(own_database: Engine, own_database_url: str) -> None:
    program = """
import os, signal, sys
from datetime import UTC, datetime
from knowledge.audit import record
from knowledge.database import connect, sessions

session = sessions(connect(sys.argv[1]))()
record(session, action="kept", subject="s", actor="a", at=datetime.now(UTC), details={})
session.commit()
record(session, action="lost", subject="s", actor="a", at=datetime.now(UTC), details={})
os.kill(os.getpid(), signal.SIGKILL)
"""
    run = subprocess.run([sys.executable, "-c", program, own_database_url], capture_output=True, timeout=60)
    assert run.returncode == -9, run.stderr
    with sessions(own_database)() as session:
        assert session.scalars(select(AuditEvent.action)).all() == ["kept"]
        sign_in(session)
        assert verify(session).untouched


def test_verifying_counts_what_was_checked(session: Session) -> None:
    story(session)
    verification = verifying.verify(session)
    assert verification.problem is None
    assert verification.checked == {
        "events": 19,
        "versions": 4,
        "releases": 2,
        "release approvals": 1,
        "activations": 2,
        "people": 4,
        "API keys": 1,
        "incidents": 1,
        "decisions": 7,
        "sealed batches": 1,
        "decisions not yet sealed": 2,
        "blocks of counted decisions": 0,
    }
    assert str(verification) == (
        "Checked: 19 events, 4 versions, 2 releases, 1 release approval, 2 activations, 4 people, 1 API key, "
        "1 incident, 7 decisions, 1 sealed batch, 2 decisions not yet sealed, 0 blocks of counted decisions. "
        "Nothing was touched, up to event 19."
    )
    assert verification.head == session.scalar(select(AuditEvent.digest).where(AuditEvent.sequence == 19))


def test_an_empty_record_is_untouched(session: Session) -> None:
    assert verify(session, check_decisions).untouched
    assert str(verify(session)) == "Checked: nothing is on record. Nothing was touched."


def test_verifying_sees_one_moment_while_others_write(own_database: Engine) -> None:
    """Or a step taken meanwhile would look like a row that no event tells of."""
    make = sessions(own_database)
    with make.begin() as session:
        story(session)

    def meanwhile(_: Session) -> Iterator[Counted | Problem]:
        with make.begin() as other:
            sign_in(other)
        yield from ()

    with make() as session:
        verification = verify(session, meanwhile, check_decisions)
        assert verification.untouched
        assert verify(session).checked["events"] == 19
    with make() as session:
        assert verify(session).checked["events"] == 20
