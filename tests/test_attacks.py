"""Every way at the record that SQL knows, tried one by one: as the service, as the owner, on both databases.

`test_guards.py` tries what the triggers refuse column by column; here is what goes around a trigger.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, MetaData, bindparam, delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cds.models import Decision, Incident
from knowledge.authorizing import REFUSED
from knowledge.database import connect, migrations, sessions, take_turn, upgrade
from knowledge.models import Activation, AuditEvent, Release, ReleaseApproval, ReleaseVersion
from knowledge.weaknesses import weaknesses
from tests.databases import BOTH, as_service, empty_database, grant_service
from tests.story import story

pytest_plugins = ["tests.databases"]

RECORD = (Release, ReleaseVersion, ReleaseApproval, Activation, Decision, Incident, AuditEvent)
NAMES = [table.__tablename__ for table in RECORD]

BY_BOTH = [
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE true",
    "UPDATE {table} SET {last} = {last}",
    "DROP TABLE {table}",
    "ALTER TABLE {table} RENAME TO elsewhere",
    "ALTER TABLE {table} ADD COLUMN further text",
    "ALTER TABLE {table} DROP COLUMN {last}",
    "CREATE TABLE elsewhere (id integer)",
    "CREATE VIEW elsewhere AS SELECT * FROM {table}",
    "CREATE INDEX elsewhere ON {table} ({last})",
]
BY_SQLITE = [
    "DROP TRIGGER {table}_kept",
    "DROP TRIGGER {table}_not_replaced",
    "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    "REPLACE INTO {table} SELECT * FROM {table}",
    "UPDATE OR REPLACE {table} SET {last} = {last}",
    "INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT DO UPDATE SET {last} = excluded.{last}",
    "CREATE TEMP TABLE {table} (id integer)",
    "CREATE TEMP TRIGGER quiet BEFORE INSERT ON {table} BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER quiet BEFORE INSERT ON {table} BEGIN SELECT RAISE(IGNORE); END",
    "CREATE VIRTUAL TABLE elsewhere USING fts5(x)",
    "DELETE FROM sqlite_master WHERE type = 'trigger'",
    "UPDATE sqlite_master SET sql = NULL WHERE name = '{table}_kept'",
    "PRAGMA writable_schema = ON",
    "PRAGMA writable_schema(1)",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA synchronous = OFF",
    "PRAGMA trusted_schema = ON",
    "PRAGMA user_version = 7",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "ATTACH '{file}' AS again",
    "ATTACH ':memory:' AS again",
    "VACUUM",
    "VACUUM INTO '{file}.copy'",
    "REINDEX",
    "ANALYZE",
]
BY_POSTGRESQL = [
    "TRUNCATE {table} CASCADE",
    "TRUNCATE decision_blocks, rule_tallies, {table} CASCADE",
    "TRUNCATE users CASCADE",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} DISABLE TRIGGER {table}_kept",
    "ALTER TABLE {table} ENABLE TRIGGER {table}_kept",
    "DROP TRIGGER {table}_kept ON {table}",
    "CREATE TRIGGER quiet BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()",
    "CREATE RULE quiet AS ON INSERT TO {table} DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "ALTER FUNCTION refuse() RENAME TO allow",
    "DROP FUNCTION refuse() CASCADE",
    "CREATE TEMPORARY TABLE {table} (id integer)",
    "SET session_replication_role = replica",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "REASSIGN OWNED BY postgres TO CURRENT_USER",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "ALTER SCHEMA public RENAME TO elsewhere",
    "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    "COPY {table} TO PROGRAM 'true'",
    "COPY {table} FROM '/etc/hostname'",
    "SELECT setval('decisions_sequence_seq', 1)",
    "SELECT nextval('decisions_sequence_seq')",
    "SELECT lo_import('/etc/hostname')",
    "UPDATE alembic_version SET version_num = '0001'",
    "DELETE FROM alembic_version",
    "UPDATE pg_trigger SET tgenabled = 'D'",
    "INSERT INTO decisions OVERRIDING SYSTEM VALUE SELECT * FROM decisions ON CONFLICT DO NOTHING",
    "MERGE INTO {table} t USING {table} s ON true WHEN MATCHED THEN DELETE",
    "WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone",
    "DO $$ BEGIN DELETE FROM {table}; END $$",
]
"""Without dropping or switching off a trigger an owner gets nowhere either: `test_guards.py` is that owner."""


@pytest.fixture(scope="module", params=BOTH)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The service's own way into a database that holds everything once."""
    with empty_database(request.param, tmp_path_factory.mktemp("attacked")) as url:
        upgrade(url)
        if request.param == "postgresql":
            grant_service(url)
        engine = connect(as_service(url))
        with sessions(engine)() as session:
            story(session)
            session.commit()
        yield engine
        engine.dispose()


def everything(engine: Engine) -> dict[str, list[Any]]:
    """All rows, and on SQLite all triggers too."""
    tables = MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        found = {name: connection.execute(select(table)).all() for name, table in tables.tables.items()}
        if engine.dialect.name == "sqlite":
            found["sqlite_master"] = list(connection.execute(text("SELECT * FROM sqlite_master")))
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def refused(engine: Engine, statement: str) -> bool:
    """Whether the database refuses a statement against every table of the record."""
    for table in RECORD:
        last = list(table.__table__.columns)[-1].name
        filled = statement.replace("{table}", table.__tablename__).replace("{last}", last)
        filled = filled.replace("{file}", str(engine.url.database))
        with engine.connect() as connection:
            try:
                connection.exec_driver_sql(filled)
                connection.commit()
            except DBAPIError as refusal:
                said = str(refusal.orig)
                assert "syntax error" not in said or "MERGE" in filled, said
                continue
        return False
    return True


def test_every_attack_by_the_service_is_refused_and_changes_nothing(engine: Engine) -> None:
    before = everything(engine)
    sqlite = engine.dialect.name == "sqlite"
    taken = [one for one in [*BY_BOTH, *(BY_SQLITE if sqlite else BY_POSTGRESQL)] if not refused(engine, one)]
    assert taken == []
    assert everything(engine) == before


def test_the_service_grants_itself_nothing(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no grants.")
    with engine.connect() as connection:
        # PostgreSQL takes it with a warning that nothing was granted.
        connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO CURRENT_USER")
        connection.commit()
        assert weaknesses(connection) == []


@pytest.mark.parametrize("table", RECORD, ids=NAMES)
def test_nor_does_the_orm_get_through(engine: Engine, table: Any) -> None:
    before = everything(engine)
    columns = list(table.__table__.columns)
    keys = [column.name for column in columns if column.primary_key]
    own = [table.__table__.c[key] == bindparam(f"own_{key}") for key in keys]
    with sessions(engine)() as session:
        rows = [{f"own_{key}": getattr(row, key) for key in keys} for row in session.scalars(select(table))]

    def removed(session: Session) -> None:
        session.delete(session.scalars(select(table)).first())
        session.flush()

    def changed(session: Session) -> None:
        row = session.scalars(select(table)).first()
        setattr(row, columns[-1].name, 7)
        session.flush()

    ways = [
        removed,
        changed,
        lambda session: session.execute(delete(table)),
        lambda session: session.execute(update(table).values({columns[-1].name: None})),
        lambda session: session.connection().execute(delete(table.__table__).where(*own), rows),
        lambda session: session.connection().execute(
            update(table.__table__).where(*own).values({columns[-1].name: None}), rows
        ),
    ]
    for way in ways:
        with sessions(engine)() as session, pytest.raises(DBAPIError):
            way(session)
    assert everything(engine) == before


def test_what_the_service_does_it_still_may(engine: Engine) -> None:
    """A person added and disabled, a key revoked, working material written and removed: then all is taken back."""
    with engine.connect() as connection:
        for statement in [
            "INSERT INTO users (name, role, password_hash, created_at) VALUES ('Eve', 'author', '', '2026-01-01')",
            "UPDATE users SET role = 'auditor', disabled_at = created_at WHERE name = 'Eve'",
            "UPDATE api_keys SET revoked_at = created_at",
            "INSERT INTO editing SELECT 'rule', 'x', id, created_at FROM users",
            "UPDATE editing SET seen_at = seen_at",
            "DELETE FROM editing",
        ]:
            assert connection.exec_driver_sql(statement).rowcount > 0
        connection.rollback()


def test_a_refusal_on_sqlite_says_where_the_owner_is(engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        pytest.skip("PostgreSQL has its own words.")
    with engine.connect() as connection, pytest.raises(DBAPIError) as refusal:
        connection.exec_driver_sql("DELETE FROM decisions")
    assert str(refusal.value.orig) == REFUSED


STEPS = ["0001", "0002", "0003", "0004", "head"]


def test_after_every_migration_what_is_on_record_stays(own_database_url: str) -> None:
    """From the first migration on, with rows in the tables, in one step after another."""
    engine = connect(own_database_url, owner=True)
    for step in STEPS:
        with engine.begin() as connection:
            take_turn(connection)
            command.upgrade(migrations(connection), step)
            if step == "0001":
                _one_of_each(connection)
        for name in NAMES:
            last = "digest" if name in ("releases", "decisions", "audit_events") else None
            statements = [f"DELETE FROM {name}"]
            statements += [f"UPDATE {name} SET {last} = 'x'"] if last else []
            statements += (
                [f"REPLACE INTO {name} SELECT * FROM {name}"]
                if engine.dialect.name == "sqlite"
                else [f"TRUNCATE {name} CASCADE"]
            )
            for statement in statements:
                with engine.connect() as connection, pytest.raises(DBAPIError):
                    connection.exec_driver_sql(statement)
    engine.dispose()


def _one_of_each(connection: Any) -> None:
    """A row in each table of the record, as the first migration made them."""
    at = "'2026-01-31 12:00:00+00:00'" if connection.dialect.name == "postgresql" else "'2026-01-31 12:00:00'"
    for statement in [
        f"INSERT INTO users VALUES (1, 'Ada', 'author', '', {at}, NULL)",
        "INSERT INTO versions (id, kind, key, number, content, digest, state, reason, created_at) "
        f"VALUES (1, 'rule', 'x', 1, '', '', 'released', '', {at})",
        f"INSERT INTO releases VALUES (1, 1, '', {at}, 1, '', 'desk')",
        "INSERT INTO release_versions VALUES (1, 1)",
        f"INSERT INTO release_approvals VALUES (1, 1, 1, {at}, '')",
        f"INSERT INTO activations VALUES (1, 1, {at}, 1, '')",
        "INSERT INTO decisions (id, release_id, evaluated_at, recorded_at, origin, facts_posted, facts_known, states, "
        f"response_digest, salt, digest) VALUES ('x', 1, {at}, {at}, 'api', '', '', '', '', '', '')",
        f"INSERT INTO incidents VALUES (1, {at}, 'x', 1, '')",
        f"INSERT INTO audit_events VALUES (1, {at}, 'x', 'x', 'x', '', NULL, NULL, 'sha256:00')",
    ]:
        connection.exec_driver_sql(statement)
