"""Decisions are sealed without standing in the way of those who answer, and none slips through."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.event import listen
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from cds.models import Decision
from cds.record.digests import decision_digest, personal_digest
from cds.record.merkle import Tree
from cds.record.sealing import NotSealable, Proofs, check_decisions, seal
from knowledge.audit import verify
from knowledge.canonical import canonical, digest, digest_of_bytes, instant
from knowledge.database import sessions
from knowledge.models import AuditEvent, Release
from knowledge.proofs import Unreadable
from tests.story import NOON, by_force, decision, later, shipped

pytest_plugins = ["tests.databases"]


@pytest.fixture
def session(rolled_back: Session) -> Session:
    return rolled_back


def test_many_small_batches_are_read_by_the_page(session: Session) -> None:
    """A server that seals every minute makes half a million in a year."""
    release = shipped(session)
    for number in range(1, 13):
        session.execute(insert(Decision), decision(number, release))
        assert seal(session, NOON) == 1
    first = session.scalar(select(func.min(Decision.sequence))) or 0
    asked: list[str] = []
    listen(session.connection(), "before_cursor_execute", lambda *args: asked.append(args[2]))
    proofs = Proofs(session)
    for number in range(first, first + 12):
        assert proofs.problem(number, number) is None
    assert len([statement for statement in asked if "audit_events" in statement]) == 1


def head(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 defines it, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + head(leaves[:k]) + head(leaves[k:])).digest()


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_the_tree_is_that_of_the_rfc(leaves: list[bytes]) -> None:
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    assert (tree.root(), tree.count) == (head(leaves), len(leaves))


def test_the_tree_gives_the_roots_of_the_reference() -> None:
    """The roots over the first leaves that Certificate Transparency's own tests use."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    tree = Tree()
    for leaf in leaves:
        tree.add(bytes.fromhex(leaf))
    assert tree.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_the_digest_of_a_decision_is_canonical_json_that_anybody_can_write() -> None:
    row = decision(1, Release(id=7), subject='Zoë "☃" \\ \x7f', actors='["oncologist"]', api_key_id=3)
    personal = {
        name: row[name] for name in ("subject", "facts_posted", "facts_known", "request", "response_digest", "salt")
    }
    assert personal_digest(row) == digest(personal)
    assert decision_digest(row) == digest(
        {
            "id": row["id"],
            "release_id": 7,
            "evaluated_at": instant(later(1)),
            "recorded_at": instant(later(1)),
            "api_key_id": 3,
            "origin": "api",
            "actors": '["oncologist"]',
            "states": digest_of_bytes(b"RN"),
            "personal": digest(personal),
        }
    )


def test_the_digest_of_a_decision_is_pinned() -> None:
    assert (
        decision(1, Release(id=7))["digest"]
        == "sha256:ce765dfd34a451a2f4c459c84ebf8316ccb3e2a2dac3fccba3aeb9a7c53d98b7"
    )


@given(
    st.dictionaries(
        st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1), st.text() | st.none() | st.integers(0, 2**53 - 1)
    )
)
def test_the_quick_json_of_texts_is_canonical(members: dict[str, str | int | None]) -> None:
    quick = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert quick.encode() == canonical(members)


def test_a_batch_holds_all_decisions_since_the_last(session: Session) -> None:
    release = shipped(session)
    rows = [decision(number, release) for number in range(1, 8)]
    session.execute(insert(Decision), rows[:5])
    assert seal(session, NOON) == 5
    assert seal(session, NOON) == 0
    session.execute(insert(Decision), rows[5:])
    assert seal(session, NOON) == 2
    numbers = session.scalars(select(Decision.sequence).order_by(Decision.sequence)).all()
    leaves = [bytes.fromhex(row["digest"].removeprefix("sha256:")) for row in rows]
    sealed = select(AuditEvent).where(AuditEvent.action == "decisions.sealed").order_by(AuditEvent.sequence)
    first, second = session.scalars(sealed)
    assert first.subject == f"decisions/{numbers[0]}-{numbers[4]}"
    assert json.loads(first.details) == {
        "first": numbers[0],
        "last": numbers[4],
        "count": 5,
        "root": f"sha256:{head(leaves[:5]).hex()}",
    }
    assert json.loads(second.details) == {
        "first": numbers[5],
        "last": numbers[6],
        "count": 2,
        "root": f"sha256:{head(leaves[5:]).hex()}",
    }
    assert verify(session, check_decisions).checked["sealed batches"] == 2


def test_nothing_is_sealed_of_nothing(session: Session) -> None:
    assert seal(session, NOON) == 0
    assert session.scalars(select(AuditEvent)).all() == []


def test_a_decision_that_is_still_being_written_holds_back_the_later_ones(own_database: Engine) -> None:
    """On PostgreSQL, where sequences are given out before the commit."""
    if own_database.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time.")
    make = sessions(own_database)
    with make.begin() as session:
        release = shipped(session)
    with make() as slow:
        slow.execute(insert(Decision), decision(1, release))
        with make.begin() as quick:
            quick.execute(insert(Decision), decision(2, release))
        with make.begin() as session, capture_logs() as said:
            assert seal(session, NOON, patience_seconds=0.1) == 0
        assert [one["event"] for one in said] == ["not sealed"]
        committing = threading.Timer(0.2, slow.commit)
        committing.start()
        with make.begin() as session:
            assert seal(session, NOON) == 2
        committing.join()
    with make() as session:
        assert verify(session, check_decisions).untouched


def test_sealing_does_not_make_those_who_answer_wait(own_database: Engine) -> None:
    if own_database.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time.")
    make = sessions(own_database)
    with make.begin() as session:
        release = shipped(session)
        session.execute(insert(Decision), decision(1, release))
    with make() as sealing:
        assert seal(sealing, NOON) == 1
        with make.begin() as answering:
            answering.execute(insert(Decision), decision(2, release))
        sealing.commit()


def test_none_slips_through_while_processes_answer_and_seal(own_database: Engine, own_database_url: str) -> None:
    with sessions(own_database).begin() as session:
        shipped(session)
    program = """
import sys
from sqlalchemy import insert
from cds.models import Decision
from cds.record.sealing import seal
from knowledge.database import connect, sessions
from knowledge.models import Release
from tests.story import NOON, decision

make = sessions(connect(sys.argv[1], busy_seconds=60))
start = int(sys.argv[2])
for number in range(start, start + 60):
    with make.begin() as session:
        session.execute(insert(Decision), decision(number, Release(id=1)))
    if number % 10 == 0:
        with make.begin() as session:
            seal(session, NOON)
"""
    runs = [
        subprocess.Popen([sys.executable, "-c", program, own_database_url, start], stderr=subprocess.PIPE, text=True)
        for start in ("1000", "2000", "3000")
    ]
    assert [run.communicate(timeout=180)[1] for run in runs] == ["", "", ""]
    with sessions(own_database)() as session:
        seal(session, NOON)
        verification = verify(session, check_decisions)
        assert verification.problem is None
        assert verification.checked["decisions"] == 180
        assert verification.checked["decisions not yet sealed"] == 0
        assert verification.checked["sealed batches"] > 3
        assert session.scalar(select(func.count()).select_from(Decision)) == 180


def test_nothing_is_sealed_after_a_seal_that_was_touched(session: Session) -> None:
    release = shipped(session)
    for number in (1, 2):
        session.execute(insert(Decision), [decision(number, release)])
        seal(session, NOON)
    by_force(
        session, "UPDATE audit_events SET details = 'none' WHERE sequence = (SELECT max(sequence) FROM audit_events)"
    )
    with pytest.raises(Unreadable, match=r"Audit event \d+ was altered"):
        seal(session, NOON)


def test_a_decision_without_a_digest_is_named_and_nothing_from_there_on_is_sealed(session: Session) -> None:
    release = shipped(session)
    session.execute(insert(Decision), [decision(number, release) for number in range(1, 4)])
    numbers = session.scalars(select(Decision.sequence).order_by(Decision.sequence)).all()
    by_force(session, f"UPDATE decisions SET digest = 'sha256:none' WHERE sequence = {numbers[1]}")
    with pytest.raises(NotSealable, match=f"Decision number {numbers[1]} was altered before it was sealed"):
        seal(session, NOON)
