"""Facts that a site no longer keeps are removed for good, and the record still proves itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, insert, make_url, select, text, update
from sqlalchemy.orm import Session

from cds.models import ComparisonRun, Decision, Incident, Work
from cds.record import retention
from cds.record.digests import decision_digest, personal_digest
from cds.record.emptied import EMPTIED_DECISION, check_removals
from cds.record.incidents import record_incident
from cds.record.sealing import check_decisions, seal
from cds.service import Service
from knowledge.audit import verify
from knowledge.canonical import digest, instant
from knowledge.database import sessions
from knowledge.models import AuditEvent, Release
from tests.clinic import NOW, Caller, Command, command_on
from tests.story import by_force, decision, people, shipped, told_of

pytest_plugins = ["tests.databases"]

TODAY = datetime.now(UTC)
LONG_AGO = TODAY - timedelta(days=800)
LATELY = TODAY - timedelta(days=10)
TWO_YEARS = ("audit", "remove-facts", "--older-than", "730")
REASON = ("--reason", "Kept for two years.")
OLD, YOUNG = 7, 3


def answered(number: int, release: Release, at: datetime) -> dict[str, Any]:
    facts = f'{{"pain_nrs":{number},"marker":"known-of-{number:04}"}}'
    stored = {"facts_posted": facts, "facts_known": facts, "subject": f"patient-{number:04}"}
    at += timedelta(hours=number)
    return decision(number, release, recorded_at=at, evaluated_at=at, **stored)


@pytest.fixture
def record(own_database: Engine) -> Engine:
    """Seven decisions of long ago and three of lately, in two seals; two incidents and two comparisons."""
    with sessions(own_database).begin() as session:
        who, release = people(session), shipped(session)
        for user in (who.ada, who.ben, who.cleo, who.dora):
            told_of(session, user)
        session.execute(insert(Decision), [answered(number, release, LONG_AGO) for number in range(1, OLD)])
        seal(session, LONG_AGO)
        session.execute(insert(Decision), [answered(OLD, release, LONG_AGO)])
        session.execute(insert(Decision), [answered(OLD + number, release, LATELY) for number in range(1, YOUNG + 1)])
        seal(session, LATELY)
        for at in (LONG_AGO, LATELY):
            facts = {"facts_posted": {"pain_nrs": 9, "of": f"{at:%Y}"}}
            record_incident(session, "disagreement", facts, release_id=release.id, at=at)
            what = {"first": f"{at:%Y-%m-%d}", "last": f"{TODAY:%Y-%m-%d}", "proposal": True}
            text = json.dumps({**what, "release": release.id, "versions": []})
            session.add(
                ComparisonRun(
                    by_id=who.ada.id, started_at=LATELY, what=text, done=10, state=Work.FINISHED,
                    cancel_requested=False, heartbeat=LATELY, result='{"findings": ["worst pain 9 of 10"]}',
                )
            )  # fmt: skip
    return own_database


@pytest.fixture
def run(record: Engine, own_database_url: str) -> Command:
    return command_on(own_database_url)


@pytest.fixture
def session(record: Engine) -> Iterator[Session]:
    with sessions(record)() as session:
        yield session


def problem_in(session: Session) -> str | None:
    return verify(session, check_decisions, check_removals).problem


def everything(engine: Engine) -> dict[str, list[Any]]:
    """All rows of all tables."""
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        rows = {name: connection.execute(select(table)).all() for name, table in tables.tables.items()}
    return {name: sorted(found, key=repr) for name, found in rows.items()}


def removals(session: Session) -> list[AuditEvent]:
    query = select(AuditEvent).where(AuditEvent.action == "facts.removed").order_by(AuditEvent.sequence)
    return list(session.scalars(query))


def test_what_is_older_loses_its_facts_and_the_record_still_proves_itself(run: Command, record: Engine) -> None:
    before = {row.sequence: row for row in everything(record)["decisions"]}
    result = run(*TWO_YEARS, *REASON)
    assert result.exit_code == 0, result.output
    assert "Removed, and told in the record: 7 decisions, 1 incident, 1 comparison." in result.output
    for row in everything(record)["decisions"]:
        was = before[row.sequence]
        if row.sequence > OLD:
            assert row == was
            continue
        stayed = {*row._fields} - {*EMPTIED_DECISION, "personal", "removed_in"}
        assert {name: getattr(row, name) for name in stayed} == {name: getattr(was, name) for name in stayed}
        assert {name: getattr(row, name) for name in EMPTIED_DECISION} == EMPTIED_DECISION
        assert row.personal == personal_digest(was._mapping)
    with sessions(record)() as session:
        assert problem_in(session) is None
        decisions, incidents, comparisons = removals(session)
        assert (decisions.subject, decisions.origin) == ("decisions/1-7", "command")
        told = json.loads(decisions.details)
        assert told.pop("account")
        cut = datetime.fromisoformat(told.pop("recorded_before"))
        assert timedelta(0) < cut - (TODAY - timedelta(days=730)) < timedelta(hours=1)
        assert told == {
            "what": "decisions", "first": 1, "last": 7, "count": 7, "days": 730, "reason": "Kept for two years."
        }  # fmt: skip
        assert (incidents.subject, comparisons.subject) == ("incidents/1-1", "comparisons/1-1")
        old, young = session.scalars(select(Incident).order_by(Incident.id))
        assert (old.detail, old.salt, old.removed_in) == ("", None, incidents.sequence)
        assert "pain_nrs" in young.detail
        assert session.scalars(select(ComparisonRun.id)).all() == [2]
    assert run("audit", "verify").exit_code == 0
    after = everything(record)
    again = run(*TWO_YEARS, *REASON)
    assert "nothing, because nothing is that old" in again.output
    assert everything(record) == after


def test_a_dry_run_says_what_would_go_and_changes_nothing(run: Command, record: Engine) -> None:
    with sessions(record).begin() as session:
        release = session.get_one(Release, 1)
        session.execute(insert(Decision), [answered(number, release, LONG_AGO) for number in (21, 22)])
    before = everything(record)
    result = run(*TWO_YEARS, "--dry-run")
    assert result.exit_code == 0
    for said in (
        "7 decisions, the oldest of",
        "1 incident,",
        "1 comparison,",
        "not sealed yet, and to be sealed first: 2 decisions",
    ):
        assert said in result.output
    assert "nothing was changed" in result.output
    assert everything(record) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--older-than", "0", *REASON), "older than 1 to 36,500 days, not 0"),
        (("--older-than", "-3", *REASON), "older than 1 to 36,500 days, not -3"),
        (("--older-than", "99999999999", *REASON), "not 99,999,999,999"),
        (("--older-than", "730"), "Say why in a few words"),
        (("--older-than", "730", "--reason", "  "), "Say why in a few words"),
        (("--older-than", "soon", *REASON), "not a valid integer"),
        (REASON, "Missing option '--older-than'"),
    ],
)
def test_what_cannot_be_meant_is_refused(run: Command, record: Engine, words: tuple[str, ...], said: str) -> None:
    before = everything(record)
    result = run("audit", "remove-facts", *words)
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert everything(record) == before


def rewritten(session: Session, number: int) -> str:
    """A decision rewritten by somebody who knows how its digest is made."""
    row = session.execute(select(*Decision.__table__.columns).where(Decision.sequence == number)).one()
    forged = {**row._mapping, "facts_posted": '{"pain_nrs":0}'}
    return (
        f"UPDATE decisions SET facts_posted = '{{\"pain_nrs\":0}}', digest = '{decision_digest(forged)}' "
        f"WHERE sequence = {number}"
    )


def test_a_decision_that_was_altered_is_named_and_nothing_is_removed(run: Command, record: Engine) -> None:
    with sessions(record).begin() as session:
        by_force(session, "UPDATE decisions SET facts_posted = '{}' WHERE sequence = 5")
    before = everything(record)
    result = run(*TWO_YEARS, *REASON)
    assert result.exit_code == 2
    assert "Decision 00000000-0000-4000-8000-000000000005 (number 5) was altered" in result.stderr
    assert "Nothing more is removed" in result.stderr
    assert everything(record)["decisions"] == before["decisions"]


def test_one_that_was_rewritten_with_its_digest_is_named_by_its_seal(run: Command, record: Engine) -> None:
    with sessions(record).begin() as session:
        by_force(session, rewritten(session, 5))
    before = everything(record)
    result = run(*TWO_YEARS, *REASON)
    assert (result.exit_code, "Decisions 1 to 6, sealed in audit event" in result.stderr) == (2, True)
    assert everything(record)["decisions"] == before["decisions"]


def test_an_incident_that_was_altered_stops_it_too(run: Command, record: Engine) -> None:
    with sessions(record).begin() as session:
        by_force(session, "UPDATE incidents SET detail = '{}' WHERE id = 1")
    result = run(*TWO_YEARS, *REASON)
    assert (result.exit_code, "Incident 1 was altered" in result.stderr) == (2, True)
    with sessions(record)() as session:
        assert session.get_one(Incident, 1).removed_in is None
        assert problem_in(session) is None, "what was removed before it is on record"


def test_only_what_is_sealed_is_removed(session: Session) -> None:
    release = session.get_one(Release, 1)
    session.execute(insert(Decision), [answered(number, release, LONG_AGO) for number in (21, 22)])
    removal = retention.asked(730, "Kept for two years.", at=TODAY)
    found = {old.what: old.count for old in retention.found(session, removal.before)}
    assert found == {"decisions": 7, "incidents": 1, "comparisons": 1, "decisions not yet sealed": 2}
    assert [batch.count for batch in retention.removed(session, removal) if batch.what == "decisions"] == [7]


KILLED = """
import os, signal, sys
from cds.record import retention
from knowledge.database import connect, sessions
from tests.test_retention import TODAY

retention.PAGE = 3
with sessions(connect(sys.argv[1], owner=True))() as session:
    for number, batch in enumerate(retention.removed(session, retention.asked(730, "Kept for two years.", at=TODAY))):
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        session.commit()
"""


def test_killed_in_the_middle_it_leaves_a_record_that_verifies_and_is_gone_on_from(
    run: Command, record: Engine, own_database_url: str
) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, own_database_url], cwd=Path(__file__).parent.parent)
    assert killed.returncode == -signal.SIGKILL
    with sessions(record)() as session:
        emptied = select(Decision.sequence).where(Decision.removed_in.is_not(None)).order_by(Decision.sequence)
        assert session.scalars(emptied).all() == [1, 2, 3]
        assert problem_in(session) is None
    result = run(*TWO_YEARS, *REASON)
    assert "4 decisions" in result.output
    with sessions(record)() as session:
        assert problem_in(session) is None
        assert [event.subject for event in removals(session)][:2] == ["decisions/1-3", "decisions/4-7"]


def test_two_removals_at_once_do_not_tell_of_a_decision_twice(record: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    removal = retention.asked(730, "Kept for two years.", at=TODAY)
    others: list[retention.Removed] = []
    problem = retention.Proofs.problem

    def meanwhile(proofs: retention.Proofs, first: int, last: int) -> str | None:
        if not others:
            others.append(retention.Removed("", 0, 0, 0))
            with sessions(record)() as other:
                for batch in retention.removed(other, removal):
                    others.append(batch)
                    other.commit()
        return problem(proofs, first, last)

    monkeypatch.setattr(retention.Proofs, "problem", meanwhile)
    with sessions(record)() as session:
        mine = [batch for batch in retention.removed(session, removal) if not session.commit()]
        assert mine == []
        assert [batch.count for batch in others] == [0, 7, 1, 1]
        assert problem_in(session) is None


def test_nothing_that_is_stored_lets_anybody_confirm_a_guess(run: Command, record: Engine) -> None:
    with sessions(record).begin() as session:
        release = session.get_one(Release, 1)
        alike = {"subject": "patient-0001", "recorded_at": LONG_AGO, "evaluated_at": LONG_AGO}
        twins = [decision(number, release, **alike, facts_posted="{}", facts_known="{}") for number in (31, 32)]
        session.execute(insert(Decision), twins)
    run(*TWO_YEARS, *REASON)
    stored = everything(record)
    first, second = (row for row in stored["decisions"] if row.id in {twin["id"] for twin in twins})
    assert first.personal != second.personal
    assert first.digest != second.digest
    for twin in twins:
        assert twin["salt"] not in repr(stored), "the salt is gone"
        assert twin["response_digest"] != first.response_digest
    guess = {name: twins[0][name] for name in EMPTIED_DECISION}
    known = {str(value) for row in stored["decisions"] for value in row}
    assert digest(guess) == first.personal, "who has the salt can still prove what the facts were"
    for salt in known:
        assert digest({**guess, "salt": salt}) != first.personal


def test_of_what_was_removed_no_byte_is_left_in_the_file(run: Command, record: Engine, own_database_url: str) -> None:
    if record.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's files are not ours to read.")
    with sessions(record).begin() as session:
        release = session.get_one(Release, 1)
        numbers = sorted(range(100, 900), key=lambda number: digest(number))
        session.execute(insert(Decision), [answered(number, release, LONG_AGO) for number in numbers])

    def left() -> list[bytes]:
        path = str(make_url(own_database_url).database)
        text = b"".join(file.read_bytes() for file in sorted(Path(path).parent.glob(f"{Path(path).name}*")))
        told = [f"{word}-{number:04}".encode() for number in numbers for word in ("patient", "known-of")]
        return [one for one in told if one in text]

    assert len(left()) == 2 * len(numbers)
    record.dispose()
    result = run(*TWO_YEARS, *REASON, "--compact")
    assert "807 decisions" in result.output
    assert left() == []


SAMPLED = ("patient-0001", "known-of-0001", "worst pain")


@pytest.mark.parametrize("own_database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("more", [(), ("--compact",)], ids=["freed", "compact"])
def test_of_what_was_removed_no_sample_is_left_for_planning_queries(
    run: Command, record: Engine, more: tuple[str, ...]
) -> None:
    samples = text("SELECT concat(most_common_vals, histogram_bounds) FROM pg_stats WHERE schemaname = 'public'")

    def left() -> set[str]:
        with record.connect() as connection:
            said = " ".join(connection.scalars(samples))
        return {word for word in SAMPLED if word in said}

    with sessions(record).begin() as session:
        # All of them go, and of an empty table PostgreSQL takes no samples.
        session.execute(update(ComparisonRun).values(what=session.get_one(ComparisonRun, 1).what))
    with record.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE decisions, incidents, comparisons")
    assert left() == {*SAMPLED}
    assert run(*TWO_YEARS, *REASON, *more).exit_code == 0
    assert left() == set()


AFTERWARDS = {
    "UPDATE decisions SET facts_posted = '{}' WHERE sequence = 2": (
        "Decision number 2 was altered: its facts had been removed."
    ),
    "UPDATE decisions SET subject = 'somebody' WHERE sequence = 7": (
        "Decision number 7 was altered: its facts had been removed."
    ),
    "UPDATE incidents SET detail = '{}' WHERE id = 1": "Incident number 1 was altered: its facts had been removed.",
    "UPDATE decisions SET removed_in = NULL WHERE sequence = 2": (
        "Decision 00000000-0000-4000-8000-000000000002 (number 2) was altered: it is as if its facts were removed."
    ),
    "UPDATE decisions SET removed_in = 3 WHERE sequence = 2": (
        "tells that the facts of 7 decisions were removed, from 1 to 7; the decisions emptied by it are others."
    ),
}


@pytest.mark.parametrize("statement", AFTERWARDS)
def test_what_is_written_over_removed_facts_is_found(run: Command, session: Session, statement: str) -> None:
    run(*TWO_YEARS, *REASON)
    assert problem_in(session) is None
    session.rollback()
    by_force(session, statement)
    assert AFTERWARDS[statement] in str(problem_in(session))
    session.rollback()


def test_a_decision_emptied_beside_the_record_is_found(session: Session) -> None:
    row = session.execute(select(*Decision.__table__.columns).where(Decision.sequence == 8)).one()
    by_force(
        session,
        "UPDATE decisions SET subject = NULL, request = NULL, facts_posted = '', facts_known = '', salt = '', "
        f"response_digest = '', removed_in = 4, personal = '{personal_digest(row._asdict())}' WHERE sequence = 8",
    )
    assert problem_in(session) == "1 decisions from 8 to 8 were emptied, and audit event 4 tells of none."
    session.rollback()


def test_an_app_is_told_that_the_facts_of_its_decision_were_removed(service: Service, caller: Caller) -> None:
    answer = caller.ask({"has_mbc": True, "pain_nrs": 7}, subject="patient-0001")
    path = f"/api/v1/decisions/{answer['decision_id']}"
    before = caller.shown(path)
    assert before["facts_removed"] is None
    with service.owner() as owner, sessions(owner)() as session:
        seal(session, NOW)
        session.commit()
        later = NOW + timedelta(days=3)
        for _ in retention.removed(session, retention.asked(2, "Kept for two days.", at=later)):
            session.commit()
    gone = {"subject": None, "facts_posted": None, "facts_known": None, "response_digest": None}
    removed = {"at": instant(later), "reason": "Kept for two days."}
    after = caller.shown(path)
    assert after == {**before, **gone, "facts_removed": {**removed, "at": after["facts_removed"]["at"]}}
    assert datetime.fromisoformat(after["facts_removed"]["at"]) == later
    assert after["facts_removed"]["reason"] == removed["reason"]
