"""The role that the service has on PostgreSQL: what it is granted, and whether it could alter the record.

The owner migrates, grants and removes facts. The service's role owns nothing and may do what `knowledge.allowed`
lists, so that it can neither switch a trigger off nor empty a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, text

from knowledge.allowed import ALLOWED, Allowed
from knowledge.errors import KnowledgeError
from knowledge.weaknesses import masters

_TABLES = text(
    "SELECT relname, quote_ident(relname) AS quoted, pg_has_role(relowner, 'USAGE') AS mine FROM pg_class "
    "WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') ORDER BY relname"
)
_COLUMNS = text(
    "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped"
)
_NUMBERED = text(
    "SELECT s.oid::regclass::text AS sequence, d.deptype = 'i' AS always FROM pg_class s "
    "JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') "
    "WHERE s.relkind = 'S' AND d.refobjid = CAST(:table AS regclass)"
)
_GRANTED = text(
    "SELECT DISTINCT r.rolname FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee "
    "WHERE c.oid = to_regclass('audit_events') AND a.grantee <> c.relowner AND a.privilege_type = 'INSERT' "
    "AND NOT has_table_privilege(a.grantee, c.oid, 'UPDATE, DELETE, TRUNCATE') ORDER BY rolname"
)
"""Who writes events and does nothing else to them: that is how the service's roles are known again."""


class NoRoles(KnowledgeError):
    """SQLite has none."""


class UnknownRole(KnowledgeError):
    """There is no such role."""


class NotTheOwner(KnowledgeError):
    """Only the owner of the tables grants."""


class OwnsTheRecord(KnowledgeError):
    """No grant could keep this role from altering the record."""


def grant(connection: Connection, role: str) -> None:
    """Let a role do what the service does and take everything else from it, however often this is asked.

    Raises NoRoles, UnknownRole, NotTheOwner and OwnsTheRecord.
    """
    if connection.dialect.name != "postgresql":
        raise NoRoles("An SQLite file has no roles: docs/roles.md says what guards it, and what does not.")
    if not connection.scalar(text("SELECT count(*) FROM pg_roles WHERE rolname = :role"), {"role": role}):
        raise UnknownRole(f"There is no role {role}. Make it in psql: CREATE ROLE {_quoted(connection, role)} LOGIN;")
    tables = connection.execute(_TABLES).all()
    if not tables:
        raise NotTheOwner("There are no tables yet: run phasewise db upgrade first.")
    if not all(table.mine for table in tables if table.relname in ALLOWED):
        raise NotTheOwner(
            "Only the owner of the tables can grant: set PHASEWISE_OWNER_DATABASE_URL to the owner's address."
        )
    if above := masters(connection, role):
        raise OwnsTheRecord(f"{above[0]} No grant can keep it from altering the record.")
    for statement in _statements(connection, _quoted(connection, role)):
        connection.exec_driver_sql(statement)


def grant_again(connection: Connection) -> None:
    """After a migration: the roles that were granted before get what is new. Only the owner does so."""
    if connection.dialect.name != "postgresql":
        return
    tables = connection.execute(_TABLES).all()
    if all(table.mine for table in tables if table.relname in ALLOWED):
        for role in connection.scalars(_GRANTED).all():
            grant(connection, role)


def _statements(connection: Connection, role: str) -> Iterator[str]:
    schema, database = connection.execute(
        text("SELECT quote_ident(current_schema()), quote_ident(current_database())")
    ).one()
    # What an owner of the tables alone may not take away is left as it is, with a warning: `weaknesses` names it.
    yield f"REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC, {role}"
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}"
    yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    for table in connection.execute(_TABLES).all():
        if table.relname not in ALLOWED:
            continue
        yield f"REVOKE ALL ON TABLE {table.quoted} FROM PUBLIC, {role}"
        columns = connection.scalars(_COLUMNS, {"table": table.quoted}).all()
        allowed = ALLOWED[table.relname]
        yield f"GRANT {', '.join(_privileges(allowed, columns))} ON TABLE {table.quoted} TO {role}"
        for numbered in connection.execute(_NUMBERED, {"table": table.quoted}):
            yield f"REVOKE ALL ON SEQUENCE {numbered.sequence} FROM PUBLIC, {role}"
            # A trigger looks at the number that was given out last; PostgreSQL itself gives out the next.
            needed = "SELECT" if numbered.always else "USAGE"
            if allowed.insert:
                yield f"GRANT {needed} ON SEQUENCE {numbered.sequence} TO {role}"


def _privileges(allowed: Allowed, columns: Sequence[str]) -> Iterator[str]:
    yield "SELECT"
    if allowed.working:
        yield from ("INSERT", "UPDATE", "DELETE")
        return
    if allowed.never_given:
        yield f"INSERT ({', '.join(column for column in columns if column not in allowed.never_given)})"
    elif allowed.insert:
        yield "INSERT"
    if allowed.changes:
        yield f"UPDATE ({', '.join(allowed.changes)})"


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)
