"""Where Alembic meets the database: on the connection and in the transaction of database.upgrade()."""

from __future__ import annotations

from alembic import context

from knowledge.database import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("Run the migrations with `phasewise db upgrade`: they need a database to talk to.")
context.configure(connection=connection, target_metadata=Base.metadata)
context.run_migrations()
