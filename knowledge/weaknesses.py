"""Whether whoever is signed in at the database could alter the record, each way in a sentence with the way out.

On PostgreSQL: by being above the record (a superuser, its owner, a maker of roles), or by more privileges than
`knowledge.allowed` lists. Roles that a role may become count as itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from knowledge import structure
from knowledge.allowed import ALLOWED, READ, may_change

IN_A_FILE = (
    "The record is an SQLite file: whoever can write to the file can alter it. Keep anchors of it elsewhere, or keep "
    "the record in PostgreSQL with a role of its own for the service (docs/roles.md)."
)

_OWN = "Let the service sign in as a role that owns nothing: phasewise db grant ROLE, and docs/roles.md."

_LOOKING = """
    WITH reachable AS (SELECT * FROM pg_roles WHERE pg_has_role(:role, oid, 'MEMBER')),
         things AS (SELECT * FROM pg_class WHERE relnamespace = current_schema()::regnamespace),
         tables AS (SELECT * FROM things WHERE relkind IN ('r', 'p', 'v'))
"""
_ABOVE = text(
    f"""{_LOOKING}
    SELECT bool_or(rolsuper) AS super,
           bool_or(rolcreaterole) AS makes_roles,
           bool_or(rolreplication) AS replicates,
           bool_or(rolname IN ('pg_execute_server_program', 'pg_write_server_files')) AS writes_files,
           bool_or(oid IN (SELECT relowner FROM things)
                   OR oid IN (SELECT proowner FROM pg_proc WHERE pronamespace = current_schema()::regnamespace)
                   OR oid IN (SELECT nspowner FROM pg_namespace WHERE nspname = current_schema())
                   OR oid IN (SELECT datdba FROM pg_database WHERE datname = current_database())) AS owns
    FROM reachable
    """
)
_BY_TABLE = text(
    f"""{_LOOKING}
    SELECT DISTINCT t.relname, privilege
    FROM reachable r, tables t, unnest(ARRAY['INSERT', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
    WHERE has_table_privilege(r.oid, t.oid, privilege) ORDER BY 1, 2
    """
)
_BY_COLUMN = text(
    f"""{_LOOKING}
    SELECT DISTINCT t.relname, a.attname, privilege
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped,
         reachable r, unnest(ARRAY['INSERT', 'UPDATE']) AS privilege
    WHERE has_column_privilege(r.oid, t.oid, a.attnum, privilege) ORDER BY 1, 2
    """
)
_MAKES = text(f"{_LOOKING} SELECT bool_or(has_schema_privilege(oid, current_schema(), 'CREATE')) FROM reachable")
_RENUMBERS = text(
    f"""{_LOOKING}
    SELECT DISTINCT t.relname FROM reachable r, things t
    WHERE t.relkind = 'S' AND has_sequence_privilege(r.oid, t.oid, 'UPDATE') ORDER BY 1
    """
)


def weaknesses(connection: Connection) -> list[str]:
    """How whoever is signed in could alter the record, in sentences; none when there is no way that is known.

    That its guards are not as they were made comes first: then somebody has altered the database, if not the record.
    """
    altered = structure.altered(connection)
    return [*([altered] if altered else []), *powers(connection)]


def powers(connection: Connection) -> list[str]:
    """The same of its rights alone, whatever became of the guards."""
    if connection.dialect.name != "postgresql":
        return [IN_A_FILE]
    role = connection.scalar(text("SELECT current_user"))
    return masters(connection, role) or list(_granted(connection, role))


def masters(connection: Connection, role: str) -> list[str]:
    """How a role of PostgreSQL is above the record, so that no grant or trigger could hold it."""
    above = connection.execute(_ABOVE, {"role": role}).one()
    if above.super:
        return [f"The role {role} is a superuser, or may become one: nothing keeps it from altering the record. {_OWN}"]
    found = {
        f"The role {role} owns tables of the record, their schema or the database, or may become the role that does: "
        f"it could switch off what guards the record. {_OWN}": above.owns,
        f"The role {role} may make roles, and so a way to become the owner of the record. In psql: "
        f"ALTER ROLE {role} NOCREATEROLE;": above.makes_roles,
        f"The role {role} may replicate the whole server. In psql: ALTER ROLE {role} NOREPLICATION;": above.replicates,
        f"The role {role} may write the server's own files. In psql: REVOKE pg_execute_server_program, "
        f"pg_write_server_files FROM {role};": above.writes_files,
    }
    return [sentence for sentence, holds in found.items() if holds]


def _granted(connection: Connection, role: str | None) -> Iterator[str]:
    """What a role may do beyond `knowledge.allowed`."""
    again = f"As the owner: phasewise db grant {role}."
    who = {"role": role}
    extra: dict[str, list[str]] = {}
    for table, privilege in connection.execute(_BY_TABLE, who):
        if not _expected(table, privilege):
            extra.setdefault(table, []).append(privilege)
    for table, column, privilege in connection.execute(_BY_COLUMN, who):
        allowed = ALLOWED.get(table, READ)
        given = allowed.working or (allowed.insert and column not in allowed.never_given)
        if not (may_change(table, column) if privilege == "UPDATE" else given):
            extra.setdefault(table, []).append(f"{privilege} ({column})")
    for table, privileges in extra.items():
        yield f"The role {role} may do more to {table} than the service does: {', '.join(privileges)}. {again}"
    if connection.scalar(_MAKES, who):
        yield (
            f"The role {role} may make tables and functions in the schema of the record. {again} If that is not "
            "enough, the owner of the schema takes it away: REVOKE CREATE ON SCHEMA public FROM PUBLIC."
        )
    for sequence in connection.scalars(_RENUMBERS, who):
        yield f"The role {role} may set the numbers that {sequence} gives out. {again}"


def _expected(table: str, privilege: str) -> bool:
    allowed = ALLOWED.get(table, READ)
    return (allowed.working and privilege == "DELETE") or (
        privilege == "INSERT" and (allowed.working or (allowed.insert and not allowed.never_given))
    )
