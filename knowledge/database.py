"""The database, SQLite or PostgreSQL: connecting, taking turns, and the migrations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    Text,
    TypeDecorator,
    create_engine,
    make_url,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from knowledge import authorizing, roles, sqlite
from knowledge.errors import KnowledgeError

TURN = int.from_bytes(b"PHASE", "big")
"""The number of the PostgreSQL advisory lock that those who change the record take turns by."""


class UnknownDatabase(KnowledgeError):
    """Neither SQLite nor PostgreSQL."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC, in and out; one without a zone is refused (SQLite would forget the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone; give an aware moment.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What all tables share: named constraints, aware moments, text of any length."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[Any] = {datetime: UtcDateTime(), str: Text()}


def connect(url: str | URL, *, busy_seconds: float = 5, owner: bool = False) -> Engine:
    """An engine for the database at `url`; the folder of an SQLite file is made when it is missing.

    On an SQLite file its connections do only what the service does (`knowledge.allowed`), unless they are the
    `owner`'s; on PostgreSQL that is a matter of the role in `url`.
    A statement waits at most `busy_seconds` for what others have locked, then fails with OperationalError. No
    error tells the values of a statement: they speak of patients. Raises UnknownDatabase.
    """
    url = make_url(url)
    if url.get_backend_name() == "postgresql":
        # In UTC, whatever the server is set to: west of it, the first hours of the year 1 are none to Python.
        options = f"-c lock_timeout={round(busy_seconds * 1000)} -c timezone=UTC {url.query.get('options', '')}"
        # Whatever the server is set to: who waits for a turn must see after it what others have committed meanwhile.
        return create_engine(
            url,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"options": options},
        )
    if url.get_backend_name() != "sqlite":
        raise UnknownDatabase(f"Phasewise keeps its record in SQLite or PostgreSQL, not in {url.get_backend_name()}.")
    if _in_a_file(url) and not str(url.database).startswith("file:"):
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": busy_seconds, "isolation_level": None})
    sqlite.tune(engine, busy_seconds)
    if _in_a_file(url) and not owner:
        authorizing.guard(engine)
    return engine


def _in_a_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")


def sessions(engine: Engine) -> sessionmaker[Session]:
    """Makes sessions; what was read stays readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def session_on(connection: Connection) -> Session:
    """A session that is in charge of the connection's transaction; the connection stays open when it is closed."""
    return Session(connection, expire_on_commit=False, join_transaction_mode="control_fully")


def take_turn(connection: Connection) -> None:
    """From here to the end of the transaction nobody else who takes a turn goes on: they wait.

    What is read after it is what the last one left.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(text("SELECT 1"), execution_options={sqlite.WRITES: True})
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})


def upgrade(where: Engine | str | URL, *, told: Callable[[Connection, str, str], None] | None = None) -> None:
    """Bring the database to the newest migration: all of it or, when something fails, nothing.

    `told` hears, in the same transaction, from which migration to which a database went that was not new. The roles
    that the service has been given on PostgreSQL may use what is new in it. An SQLite file is opened anew, as its
    owner.
    """
    url = where.url if isinstance(where, Engine) else make_url(where)
    engine = where if isinstance(where, Engine) and not _in_a_file(url) else connect(url, owner=True)
    try:
        with engine.begin() as connection:
            take_turn(connection)
            before = MigrationContext.configure(connection).get_current_revision()
            command.upgrade(migrations(connection), "head")
            roles.grant_again(connection)
            after = MigrationContext.configure(connection).get_current_revision()
            if told and before and after and before != after:
                told(connection, before, after)
    finally:
        if engine is not where:
            engine.dispose()


def at_head(engine: Engine) -> bool:
    """Whether the database stands at the newest migration."""
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    return set(current) == set(ScriptDirectory.from_config(migrations()).get_heads())


def migrations(connection: Connection | None = None) -> Config:
    """Alembic's configuration, found beside this module wherever the package is installed."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
