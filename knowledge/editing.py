"""Who has an item open for editing just now: working knowledge, not part of the record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from knowledge.database import Base
from knowledge.items import ItemKind
from knowledge.models import User, worded

PRESENT = timedelta(minutes=5)
"""For so long after the last sign of life a person counts as editing."""

_OFTEN = timedelta(seconds=30)


class Editing(Base):
    """That a person had an item open for editing at a moment."""

    __tablename__ = "editing"

    kind: Mapped[ItemKind] = mapped_column(worded(ItemKind), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), primary_key=True)
    seen_at: Mapped[datetime]

    user: Mapped[User] = relationship()


def seen(session: Session, kind: ItemKind, key: str, *, by: User, at: datetime) -> None:
    """Note that a person is editing an item; at most every half minute, so that typing writes little."""
    row = session.get(Editing, (kind, key, by.id))
    if row is not None and at - row.seen_at < _OFTEN:
        return
    session.merge(Editing(kind=kind, key=key, user_id=by.id, seen_at=at))
    session.flush()


def left(session: Session, kind: ItemKind, key: str, *, by: User) -> None:
    """Note that a person is no longer editing an item."""
    session.execute(delete(Editing).where(Editing.kind == kind, Editing.key == key, Editing.user_id == by.id))


def others(session: Session, kind: ItemKind, key: str, *, than: User, at: datetime) -> Sequence[Editing]:
    """Who else is editing an item, the last seen first."""
    query = select(Editing).where(
        Editing.kind == kind, Editing.key == key, Editing.user_id != than.id, Editing.seen_at >= at - PRESENT
    )
    return session.scalars(query.order_by(Editing.seen_at.desc())).all()
