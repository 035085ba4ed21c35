"""Triggers that keep the record as it was written, on SQLite and on PostgreSQL.

Alembic's batch_alter_table drops triggers without a word: a migration that uses it calls these again.
Every refusal is an IntegrityError whose text is the sentence given here.
"""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op


def on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def make_refusing() -> None:
    """The function by which PostgreSQL's triggers refuse; SQLite needs none."""
    if not on_sqlite():
        _run(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation'; END $$"
        )


def append_only(table: str, keys: Iterable[tuple[str, ...]], sentence: str) -> None:
    """Rows are neither changed nor removed, nor replaced by another with one of the unique `keys`."""
    _refuse(f"{table}_unchanged", f"BEFORE UPDATE ON {table}", None, sentence)
    kept(table, keys, sentence)


def kept(table: str, keys: Iterable[tuple[str, ...]], sentence: str) -> None:
    """Rows of the table are neither removed nor replaced; what may change in them is guarded elsewhere."""
    _refuse(f"{table}_kept", f"BEFORE DELETE ON {table}", None, sentence)
    if on_sqlite():
        # INSERT OR REPLACE removes the row in its way without firing the trigger above.
        same = " OR ".join(" AND ".join(f"{column} IS NEW.{column}" for column in key) for key in keys)
        taken = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"
        _refuse(f"{table}_not_replaced", f"BEFORE INSERT ON {table}", taken, sentence)
    else:
        _run(
            f"CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION refuse({_quoted(sentence)})"
        )
        _always(table, f"{table}_not_emptied")


def changes_only_when(table: str, name: str, condition: str, sentence: str) -> None:
    """A row is updated only when the condition over OLD and NEW holds; it must never be NULL."""
    _refuse(name, f"BEFORE UPDATE ON {table}", f"NOT ({condition})", sentence)


def inserted_only_when(table: str, name: str, condition: str, sentence: str) -> None:
    """A row is inserted only when the condition over NEW, which may look into tables, holds."""
    _only_when(table, name, "INSERT", condition, sentence)


def updated_only_when(table: str, name: str, condition: str, sentence: str) -> None:
    """A row is updated only when the condition over OLD and NEW, which may look into tables, holds; never NULL."""
    _only_when(table, name, "UPDATE", condition, sentence)


def lifted(table: str, name: str) -> None:
    """Take a trigger away, for another one in its place."""
    _run(f"DROP TRIGGER {name}" if on_sqlite() else f"DROP TRIGGER {name} ON {table}")


def _only_when(table: str, name: str, what: str, condition: str, sentence: str) -> None:
    if on_sqlite():
        _refuse(name, f"BEFORE {what} ON {table}", f"NOT ({condition})", sentence)
        return
    _run(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT ({condition}) THEN "
        f"RAISE EXCEPTION USING MESSAGE = {_quoted(sentence)}, ERRCODE = 'integrity_constraint_violation'; "
        "END IF; RETURN NEW; END $$"
    )
    looks_only_at_the_record(name)
    _run(f"CREATE TRIGGER {name} BEFORE {what} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    _always(table, name)


def looks_only_at_the_record(name: str) -> None:
    """On PostgreSQL, a function that looks into tables is not shown a temporary one of the same name."""
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar()
    _run(f"ALTER FUNCTION {name}() SET search_path = {schema}, pg_temp")


def numbered_by_the_database(table: str, column: str, condition: str, sentence: str) -> None:
    """A row gets the next number and no other, and the condition over NEW holds.

    PostgreSQL gives numbers out before the commit, so that a later one may be there first: NEW has the number that
    this session was just given. SQLite has one writer, and leaves no gap.
    """
    name = f"{table}_numbered"
    if on_sqlite():
        last = (
            f"NOT EXISTS (SELECT 1 FROM {table} WHERE {column} > NEW.{column}) AND "
            f"(NEW.{column} = 1 OR EXISTS (SELECT 1 FROM {table} WHERE {column} = NEW.{column} - 1))"
        )
        _refuse(name, f"AFTER INSERT ON {table}", f"NOT ({condition} AND {last})", sentence)
        return
    sequence = op.get_bind().exec_driver_sql(f"SELECT pg_get_serial_sequence('{table}', '{column}')").scalar()
    given = f"NEW.{column} = currval({_quoted(str(sequence))})"
    _run(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} AND {given} THEN "
        "RETURN NEW; END IF; RAISE object_not_in_prerequisite_state; "
        "EXCEPTION WHEN object_not_in_prerequisite_state THEN "
        f"RAISE EXCEPTION USING MESSAGE = {_quoted(sentence)}, ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    _run(f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    _always(table, name)


def same(columns: Iterable[str]) -> str:
    """The condition that an update leaves the columns as they are, NULL included."""
    equals = "IS" if on_sqlite() else "IS NOT DISTINCT FROM"
    return " AND ".join(f"NEW.{column} {equals} OLD.{column}" for column in columns)


def _refuse(name: str, when: str, condition: str | None, sentence: str) -> None:
    only = f"WHEN ({condition}) " if condition else ""
    if on_sqlite():
        _run(f"CREATE TRIGGER {name} {when} {only}BEGIN SELECT RAISE(ABORT, {_quoted(sentence)}); END")
    else:
        _run(f"CREATE TRIGGER {name} {when} FOR EACH ROW {only}EXECUTE FUNCTION refuse({_quoted(sentence)})")
        _always(when.rsplit(" ", 1)[1], name)


def _always(table: str, trigger: str) -> None:
    """Not even a session in replica mode goes around it."""
    _run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def _quoted(sentence: str) -> str:
    return "'" + sentence.replace("'", "''") + "'"


def _run(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement)
