"""The tables of the record and the guards on them, held against what the newest migration makes of them.

Whoever owns the database could drop a guard, switch it off, put another of the same name in its place, or add one that
swallows what is written. So the whole text of each is compared: on SQLite as the file holds it, on PostgreSQL as its
catalogues keep what was written, which no version of it says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from knowledge.allowed import ALLOWED

AS_MADE = Path(__file__).parent / "structures"
"""For each kind of database what stands in it after the newest migration: the text of each part by its name."""

MIGRATION = "the newest migration"
_MOST_NAMED = 3
_BESIDE = ("CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ", "CREATE VIEW ", "CREATE VIRTUAL TABLE ")
"""What may be in a file beside the record, since it does nothing to the record; SQLite itself writes it so."""

_IN_SQLITE = "SELECT name, sql, false FROM sqlite_master WHERE sql IS NOT NULL"
_IN_POSTGRESQL = r"""
    WITH here AS (SELECT oid, quote_ident(nspname) AS name FROM pg_namespace WHERE nspname = current_schema()),
         tables AS (SELECT c.* FROM pg_class c JOIN here ON here.oid = relnamespace WHERE relname = ANY(:tables)),
         guards AS (SELECT g.*, relname FROM pg_trigger g JOIN tables ON tables.oid = tgrelid WHERE NOT tgisinternal),
         functions AS (SELECT * FROM pg_proc WHERE oid IN (SELECT tgfoid FROM guards))
    SELECT relname, concat_ws(', ',
               CASE relkind WHEN 'r' THEN 'a table' ELSE 'of kind ' || relkind::text END,
               CASE WHEN relpersistence <> 'p' THEN 'not lasting' END,
               CASE WHEN relrowsecurity THEN 'not all shown to all' END,
               CASE WHEN to_regclass(quote_ident(relname)) <> oid THEN 'hidden by another' END,
               (SELECT 'rewritten by ' || min(rulename) FROM pg_rewrite WHERE ev_class = tables.oid),
               (SELECT DISTINCT 'inherited' FROM pg_inherits WHERE tables.oid IN (inhrelid, inhparent)),
               (SELECT DISTINCT 'without foreign keys' FROM pg_trigger
                WHERE tgrelid = tables.oid AND tgisinternal AND tgenabled <> 'O')), false
    FROM tables
    UNION ALL
    SELECT relname || '.' || attname, concat_ws(', ', format_type(atttypid, atttypmod),
               CASE WHEN attnotnull THEN 'not null' END,
               'identity ' || nullif(attidentity::text, ''), 'generated ' || nullif(attgenerated::text, ''),
               CASE WHEN attcollation <> typcollation THEN 'collated by ' || attcollation::regcollation::text END,
               'else ' || pg_get_expr(adbin, adrelid)), false
    FROM tables JOIN pg_attribute ON attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
         JOIN pg_type ON pg_type.oid = atttypid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    UNION ALL
    SELECT conname, relname || ': ' || pg_get_constraintdef(pg_constraint.oid), false
    FROM pg_constraint JOIN tables ON tables.oid = conrelid WHERE contype IN ('c', 'f', 'p', 'u', 'x')
    UNION ALL
    SELECT tgname, concat_ws(' ', 'on', relname, 'of type', tgtype, 'for columns ' || nullif(tgattr::text, ''),
               CASE WHEN tgdeferrable THEN 'deferrable' END,
               CASE WHEN tgqual IS NOT NULL THEN 'only ' || pg_get_triggerdef(guards.oid) END,
               'calls', CASE WHEN pronamespace <> here.oid THEN 'elsewhere' END, proname,
               encode(tgargs, 'escape')), tgenabled <> 'A'
    FROM guards JOIN functions ON functions.oid = tgfoid, here
    UNION ALL
    SELECT proname || '()', replace(replace(concat_ws(' ', lanname, CASE WHEN prosecdef THEN 'as its owner' END,
               array_to_string(proconfig, ' '), prosrc),
               'search_path=' || here.name || ',', 'search_path={schema},'), '''' || here.name || '.', '''{schema}.'),
           false
    FROM functions JOIN pg_language ON pg_language.oid = prolang, here
    UNION ALL
    (SELECT 'the search path', 'begins with ' || name, false
     FROM unnest(current_schemas(true)) WITH ORDINALITY AS path(name, place)
     WHERE name NOT LIKE 'pg\_temp%' ORDER BY place LIMIT 1)
"""
_IN = {"sqlite": text(_IN_SQLITE), "postgresql": text(_IN_POSTGRESQL)}
_STANDS_AT = text("SELECT count(*) = 1 AND min(version_num) = :newest FROM alembic_version")

Part = tuple[str, str, bool]
"""The name of a part, its text, and whether it is a guard that is switched off."""


def altered(connection: Connection) -> str | None:
    """A sentence that names the guards and tables that are not as the migrations made them; None when all are."""
    expected = _expected(connection.dialect.name)
    if not connection.scalar(_STANDS_AT, {"newest": expected[MIGRATION]}):
        return (
            f"The database does not stand at migration {expected[MIGRATION]}, the newest of this program: what guards "
            "the record cannot be checked. Bring the database there: phasewise db upgrade."
        )
    found = _differences(expected, parts(connection))
    if not found:
        return None
    further = f", and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return (
        f"What guards the record was altered: {', '.join(found[:_MOST_NAMED])}{further}. Somebody who owns the "
        "database did it: check the record against an anchor, and go on with a restored database."
    )


def guards(dialect: str) -> frozenset[str]:
    """The names of all triggers of the newest migration."""
    begins = "CREATE TRIGGER " if dialect == "sqlite" else "on "
    return frozenset(name for name, made in _expected(dialect).items() if made.startswith(begins))


def parts(connection: Connection) -> list[Part]:
    """What stands in the database of the record, and all that acts on it."""
    dialect = connection.dialect.name
    tables = {} if dialect == "sqlite" else {"tables": list(ALLOWED)}
    return [(name, made, bool(off)) for name, made, off in connection.execute(_IN[dialect], tables)]


def _differences(expected: Mapping[str, str], stored: Iterable[Part]) -> list[str]:
    found = []
    left = expected.keys() - {MIGRATION}
    for name, made, off in stored:
        left -= {name}
        if name not in expected:
            if not made.startswith(_BESIDE):
                found.append(f"{name} was put in")
        elif off:
            found.append(f"{name} is switched off")
        elif " ".join(made.split()) != " ".join(expected[name].split()):
            found.append(f"{name} is another than it was")
    return sorted([*(f"{name} is gone" for name in left), *found])


@cache
def _expected(dialect: str) -> dict[str, Any]:
    return json.loads((AS_MADE / f"{dialect}.json").read_text("utf-8"))
