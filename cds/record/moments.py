"""Moments on SQLite, which keeps them as texts: each is written in the one way by which they are compared."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Text, select, type_coerce
from sqlalchemy.orm import Session

from knowledge.allowed import ALLOWED
from knowledge.database import Base, UtcDateTime
from knowledge.proofs import Counted, Problem

_WRITTEN = "dddd-dd-dd dd:dd:dd.dddddd".replace("d", "[0-9]")


def check_moments(session: Session) -> Iterator[Counted | Problem]:
    """No moment of the record is written otherwise: a check for `audit.verify`.

    The same moment in another writing has the same digest, and is not found where one looks by the time.
    """
    if session.get_bind().dialect.name != "sqlite":
        return
    for table in Base.metadata.sorted_tables:
        if ALLOWED[table.name].working:
            continue
        key = next(iter(table.primary_key))
        for column in table.columns:
            if isinstance(column.type, UtcDateTime):
                otherwise = type_coerce(column, Text).op("NOT GLOB", is_comparison=True)(_WRITTEN)
                for row in session.scalars(select(key).where(otherwise).order_by(key).limit(1)):
                    yield Problem(
                        f"Row {row} of {table.name} was altered: its {column.name} is not written as moments are."
                    )
