"""The migrations make the tables that the models speak of, from anywhere, once, and never go back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

import cds.models  # noqa: F401 - its tables belong to the metadata
from knowledge.database import Base, at_head, connect, migrations, upgrade

pytest_plugins = ["tests.databases"]

ROOT = Path(__file__).parent.parent


def test_the_migrated_tables_are_those_of_the_models(own_database_url: str) -> None:
    engine = connect(own_database_url, owner=True)
    upgrade(engine)
    with engine.connect() as connection:
        # SQLite has no identity columns, and none of our columns has a default of the database's own.
        defaults = engine.dialect.name == "postgresql"
        options = {"compare_type": True, "compare_server_default": defaults}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
    engine.dispose()


def test_constraints_have_the_names_of_the_models(own_database_url: str) -> None:
    engine = connect(own_database_url, owner=True)
    upgrade(engine)
    for table in Base.metadata.sorted_tables:
        stored = inspect(engine)
        names = {stored.get_pk_constraint(table.name)["name"]}
        names |= {key["name"] for key in stored.get_foreign_keys(table.name)}
        names |= {key["name"] for key in stored.get_unique_constraints(table.name)}
        assert names == {constraint.name for constraint in table.constraints}
    engine.dispose()


def test_an_empty_database_is_not_at_the_head_and_an_upgraded_one_is_however_often(own_database_url: str) -> None:
    engine = connect(own_database_url, owner=True)
    assert not at_head(engine)
    upgrade(own_database_url)
    upgrade(engine)
    assert at_head(engine)
    engine.dispose()


def test_the_migrations_run_from_any_folder_in_two_processes_at_once(own_database_url: str, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from knowledge.database import upgrade; upgrade(sys.argv[1])"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, own_database_url],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    assert [run.communicate(timeout=60)[0] for run in runs] == ["", ""]
    engine = connect(own_database_url, owner=True)
    assert at_head(engine)
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(own_database_url: str) -> None:
    engine = connect(own_database_url, owner=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE incidents (id INTEGER)")
    with pytest.raises(Exception, match="already exists"):
        upgrade(engine)
    assert inspect(engine).get_table_names() == ["incidents"]
    assert not at_head(engine)
    engine.dispose()


def test_there_is_no_way_back_and_a_sentence_says_what_to_do(own_database_url: str) -> None:
    engine = connect(own_database_url, owner=True)
    upgrade(engine)
    with engine.begin() as connection, pytest.raises(NotImplementedError) as refusal:
        command.downgrade(migrations(connection), "base")
    assert str(refusal.value) == "The record only goes forward: restore the backup made before the upgrade."
    assert at_head(engine)
    engine.dispose()


def test_alembic_without_our_connection_is_told_the_command() -> None:
    with pytest.raises(RuntimeError, match="phasewise db upgrade"):
        command.upgrade(migrations(), "head")
