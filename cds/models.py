"""The tables of the answering service: keys of apps, decisions, incidents."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from knowledge.database import Base
from knowledge.models import Release, User, worded


class ApiKey(Base):
    """The key of an app. Only its SHA-256 is kept, and its first eight characters to know it by."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    revoked_at: Mapped[datetime | None]

    created_by: Mapped[User | None] = relationship()


class Decision(Base):
    """One answer: what was asked, what was known, what became of every rule. Written once, never changed.

    `sequence` is the table's own key, so that paging and sealing follow it and SQLite keeps no second index
    for it; `id` is the key that everybody else uses, `session.get(Decision, id)` included. `salt` is random,
    and keeps `digest` from giving a fact away once the facts are removed; cds/sealing.py says how it is made.
    """

    __tablename__ = "decisions"

    sequence: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), Identity(always=True), primary_key=True
    )
    id: Mapped[str] = mapped_column(unique=True)
    release_id: Mapped[int] = mapped_column(ForeignKey(Release.id))
    evaluated_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    subject: Mapped[str | None]
    api_key_id: Mapped[int | None] = mapped_column(ForeignKey(ApiKey.id))
    origin: Mapped[str]
    facts_posted: Mapped[str]
    facts_known: Mapped[str]
    states: Mapped[str]
    request: Mapped[str | None]
    actors: Mapped[str | None]
    response_digest: Mapped[str]
    salt: Mapped[str]
    digest: Mapped[str]

    __mapper_args__: ClassVar[Any] = {"primary_key": [id]}
    __table_args__ = (
        Index(
            None,
            "subject",
            sqlite_where=text("subject IS NOT NULL"),
            postgresql_where=text("subject IS NOT NULL"),
        ),
    )


class Incident(Base):
    """Something that must not happen, with everything needed to make it happen again."""

    __tablename__ = "incidents"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    release_id: Mapped[int | None] = mapped_column(ForeignKey(Release.id))
    detail: Mapped[str]


class Work(StrEnum):
    """Where the work on a comparison stands."""

    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ComparisonRun(Base):
    """A comparison with the release in force, at work in some process or done. Working material: no record of it.

    `what` and `result` are JSON; `done` and `total` count decisions; `heartbeat` is when the work was last heard of.
    """

    __tablename__ = "comparisons"

    id: Mapped[int] = mapped_column(primary_key=True)
    by_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    started_at: Mapped[datetime]
    what: Mapped[str]
    total: Mapped[int | None]
    done: Mapped[int]
    state: Mapped[Work] = mapped_column(worded(Work))
    cancel_requested: Mapped[bool]
    heartbeat: Mapped[datetime]
    failure: Mapped[str | None]
    result: Mapped[str | None]

    by: Mapped[User] = relationship()
