"""What was removed from the tables, taken out of the database's files as well, as far as a database can do that."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

_TABLES = ("decisions", "incidents", "comparisons", "pg_catalog.pg_statistic")


def overwrite(connection: Connection) -> None:
    """From now on, what this connection removes from an SQLite file is overwritten with zeros."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def clean_up(database: Engine, *, compact: bool) -> bool:
    """Free what was removed; `compact` writes anew what is left, and answers wait meanwhile.

    Gives whether it was all done: on SQLite, somebody who is just reading keeps the write-ahead log from being emptied.
    """
    with database.connect() as connection:
        if database.dialect.name == "sqlite":
            # These begin no transaction; an option for that would change the connection for good.
            if compact:
                connection.exec_driver_sql("VACUUM")
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            return not busy
        outside = connection.execution_options(isolation_level="AUTOCOMMIT")
        # ANALYZE takes anew the samples of values by which queries are planned; those of an empty table it lets stand.
        outside.exec_driver_sql("ALTER TABLE comparisons ALTER result TYPE text")
        for table in _TABLES:
            outside.exec_driver_sql(f"VACUUM ({'FULL, ' if compact else ''}ANALYZE) {table}")
        return True
