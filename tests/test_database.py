"""Connecting, taking turns, and what survives a killed process."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, make_url, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from knowledge.database import UtcDateTime, connect, sessions, take_turn

pytest_plugins = ["tests.databases"]

METADATA = MetaData()
MOMENTS = Table("moments", METADATA, Column("id", Integer, primary_key=True), Column("at", UtcDateTime))
COUNTS = Table("counts", METADATA, Column("id", Integer, primary_key=True), Column("value", Integer))


@pytest.fixture
def engine(own_database_url: str):
    engine = connect(own_database_url, busy_seconds=30, owner=True)
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'deep' / 'down' / 'phasewise.sqlite'}"


def in_processes(program: str, arguments: Sequence[str], count: int) -> list[str]:
    """The standard error of each of the processes that ran the program at the same time."""
    runs = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", program, *arguments], stderr=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    return [run.communicate(timeout=120)[1] for run in runs]


def test_a_moment_comes_back_aware_and_in_utc(engine: Engine) -> None:
    moment = datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with engine.begin() as connection:
        connection.execute(insert(MOMENTS), [{"at": moment}, {"at": None}])
        back, empty = connection.scalars(select(MOMENTS.c.at).order_by(MOMENTS.c.id))
    assert back == moment
    assert (back.tzinfo, back.microsecond) == (UTC, 123456)
    assert empty is None


@pytest.mark.parametrize("own_database_url", ["postgresql"], indirect=True)
def test_who_waited_sees_what_others_committed_however_the_server_is_set(own_database_url: str) -> None:
    owner = connect(own_database_url)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = make_url(own_database_url).database
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    owner.dispose()
    engine = connect(own_database_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"
    engine.dispose()


def test_a_moment_without_a_zone_is_refused(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(StatementError, match="has no zone"):
        connection.execute(insert(MOMENTS), [{"at": datetime(2026, 1, 31, 9)}])  # noqa: DTZ001


def test_an_sqlite_file_is_made_with_its_folder_and_set_to_be_durable(file: str) -> None:
    engine = connect(file, busy_seconds=2, owner=True)
    with engine.connect() as connection:
        said = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    engine.dispose()
    assert said == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 2000}


def test_a_database_in_memory_works_too() -> None:
    engine = connect("sqlite://")
    with engine.begin() as connection:
        METADATA.create_all(connection)
        connection.execute(insert(COUNTS), [{"value": 1}])
        assert connection.scalar(select(COUNTS.c.value)) == 1
    engine.dispose()


def test_a_file_that_cannot_be_written_can_be_read_and_says_so(file: str) -> None:
    engine = connect(file, owner=True)
    METADATA.create_all(engine)
    engine.dispose()
    reader = connect(file.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true", owner=True)
    with reader.connect() as connection:
        assert connection.execute(select(COUNTS)).all() == []
        with pytest.raises(OperationalError, match="readonly"):
            connection.execute(insert(COUNTS), [{"value": 1}])
    reader.dispose()


def test_many_processes_may_open_a_new_file_at_once(file: str) -> None:
    program = (
        "import sys; from knowledge.database import connect\n"
        "engine = connect(sys.argv[1], busy_seconds=30)\n"
        "with engine.connect() as connection: connection.exec_driver_sql('SELECT 1')\n"
        "engine.dispose()"
    )
    assert in_processes(program, [file], 5) == [""] * 5


def test_a_reader_sees_one_snapshot_while_others_write(file: str) -> None:
    engine = connect(file, owner=True)
    METADATA.create_all(engine)
    count = text("SELECT count(*) FROM counts")
    with engine.connect() as reader, engine.connect() as writer:
        assert reader.scalar(count) == 0
        writer.execute(insert(COUNTS), [{"value": 1}])
        writer.commit()
        assert reader.scalar(count) == 0
        reader.rollback()
        assert reader.scalar(count) == 1
    engine.dispose()


def test_who_read_and_then_writes_sees_from_there_on_what_others_wrote(engine: Engine) -> None:
    with engine.connect() as slow, engine.connect() as quick:
        assert slow.execute(select(COUNTS.c.value)).all() == []
        quick.execute(insert(COUNTS), [{"value": 1}])
        quick.commit()
        slow.execute(insert(COUNTS), [{"value": 2}])
        assert slow.scalars(select(COUNTS.c.value).order_by(COUNTS.c.id)).all() == [1, 2]
        slow.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO counts (value) VALUES (1)",
        "  -- why\n /* what */ update counts SET value = 2",
        "WITH one AS (SELECT 1 AS value) INSERT INTO counts (value) SELECT value FROM one",
        "REPLACE INTO counts (id, value) VALUES (1, 1)",
        "CREATE TABLE more (id INTEGER)",
        "SAVEPOINT here",
    ],
)
def test_what_writes_on_sqlite_stands_in_the_writers_place_at_once(file: str, statement: str) -> None:
    engine = connect(file, busy_seconds=0, owner=True)
    METADATA.create_all(engine)
    with engine.connect() as first, engine.connect() as second:
        first.execute(text("WITH one AS (SELECT 1) SELECT * FROM one"))
        second.execute(text(statement))
        with pytest.raises(OperationalError, match="database is locked"):
            first.execute(insert(COUNTS), [{"value": 1}])
        second.rollback()
        first.rollback()
        first.execute(insert(COUNTS), [{"value": 1}])
    engine.dispose()


def test_a_lock_is_waited_for_as_long_as_was_said_and_then_reported(file: str) -> None:
    engine = connect(file, busy_seconds=0.1, owner=True)
    METADATA.create_all(engine)
    with engine.connect() as holder, engine.connect() as waiting:
        take_turn(holder)
        with pytest.raises(OperationalError, match="database is locked"):
            waiting.execute(insert(COUNTS), [{"value": 1}])
        holder.rollback()
        waiting.rollback()
        waiting.execute(insert(COUNTS), [{"value": 1}])
    engine.dispose()


def test_outside_of_transactions_nothing_is_begun(file: str) -> None:
    engine = connect(file, owner=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE TABLE kept (id INTEGER)"))
        connection.execute(text("VACUUM"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM kept")).all() == []
        connection.execute(text("INSERT INTO kept VALUES (1)"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM kept")).all() == []
    engine.dispose()


def test_threads_that_read_a_count_in_turn_and_write_it_back_lose_none(engine: Engine) -> None:
    make = sessions(engine)
    with make.begin() as session:
        session.execute(insert(COUNTS), [{"id": 1, "value": 0}])

    def add_ten(_: int) -> None:
        for _ in range(10):
            with make.begin() as session:
                read(session)
                take_turn(session.connection())
                session.execute(text("UPDATE counts SET value = :value"), {"value": read(session) + 1})

    def read(session: Session) -> int:
        return session.execute(select(COUNTS.c.value)).scalar_one()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add_ten, range(4)))
    with make() as session:
        assert read(session) == 40


def test_what_was_committed_is_there_after_the_process_was_killed(engine: Engine, own_database_url: str) -> None:
    program = (
        "import os, signal, sys; from sqlalchemy import text; from knowledge.database import connect\n"
        "engine = connect(sys.argv[1], owner=True)\n"
        "with engine.connect() as connection:\n"
        "    connection.execute(text('INSERT INTO counts (value) VALUES (1)')); connection.commit()\n"
        "    connection.execute(text('INSERT INTO counts (value) VALUES (2)'))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, own_database_url], capture_output=True, timeout=60)
    assert run.returncode == -9, run.stderr
    with engine.connect() as connection:
        assert connection.scalars(select(COUNTS.c.value)).all() == [1]


def test_the_file_holds_what_was_committed_and_not_only_our_connection(file: str) -> None:
    engine = connect(file, owner=True)
    METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(COUNTS), [{"value": 7}])
    other = sqlite3.connect(file.removeprefix("sqlite:///"))
    assert other.execute("SELECT value FROM counts").fetchall() == [(7,)]
    other.close()
    engine.dispose()
