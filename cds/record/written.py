"""Values on SQLite, which keeps anything in any column: each is of its kind, and written in the one way of it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Boolean, Column, ColumnElement, Date, Integer, Text, and_, func, literal_column, select, text
from sqlalchemy import type_coerce as taken_as
from sqlalchemy.orm import Session

from cds.models import DecisionBlock, RuleTally
from knowledge.allowed import ALLOWED
from knowledge.database import Base, UtcDateTime
from knowledge.proofs import Counted, Problem

_MOMENT = "dddd-dd-dd dd:dd:dd.dddddd".replace("d", "[0-9]")
_DAY = "dddd-dd-dd".replace("d", "[0-9]")
_COUNTED = {DecisionBlock.__tablename__, RuleTally.__tablename__}
"""What is not part of the record, and held against it."""


def check_written(session: Session) -> Iterator[Counted | Problem]:
    """Every value of the record can be read as what it is, and is found where one looks: a check for `audit.verify`.

    The same moment in another writing has the same digest, and is not found by its time; 2 is as true as 1.
    """
    if session.get_bind().dialect.name != "sqlite":
        return
    row = literal_column("rowid", Integer)
    for table in Base.metadata.sorted_tables:
        if ALLOWED[table.name].working and table.name not in _COUNTED:
            continue
        wanted = [(column.name, *_written(column)) for column in table.columns]
        good = and_(*(so for _, _, so in wanted))
        for number in session.scalars(select(row).select_from(table).where(~good).order_by(row).limit(1)):
            this = select(*(so for _, _, so in wanted)).select_from(table).where(row == number)
            found = session.execute(this).one()
            name, what, _ = next(one for one, so in zip(wanted, found, strict=True) if not so)
            yield Problem(f"Row {number} of {table.name} was altered: its {name} is not written as {what} are.")


def check_file(session: Session) -> Iterator[Counted | Problem]:
    """Every index leads to all its rows, so that nothing is hidden from whoever looks for it: on SQLite.

    A check for `audit.verify`, which itself reads the tables in the order of their keys, and no index.
    """
    if session.get_bind().dialect.name != "sqlite":
        return
    found = session.scalars(text("PRAGMA integrity_check(1)")).one()
    if found != "ok":
        yield Problem(
            f"The file of the record was altered, or damaged: {found}. Go on with a restored database, as what is "
            "looked for in this one may not be found."
        )


def _written(column: Column[object]) -> tuple[str, ColumnElement[bool]]:
    """What a column holds, and the condition that it does so; never NULL."""
    stored = taken_as(column, Text)
    kind = func.typeof(column)
    match column.type:
        case UtcDateTime():
            what, so = "moments", (kind == "text") & stored.op("GLOB", is_comparison=True)(_MOMENT)
        case Date():
            what, so = "days", (kind == "text") & stored.op("GLOB", is_comparison=True)(_DAY)
        case Boolean():
            what, so = "yes and no", (kind == "integer") & taken_as(column, Integer).in_((0, 1))
        case Integer():
            what, so = "whole numbers", kind == "integer"
        case _:
            what, so = "texts", kind == "text"
    return what, so | (kind == "null") if column.nullable else so
