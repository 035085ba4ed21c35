"""The tables of the answering service: keys of apps, decisions, incidents."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Date, ForeignKey, Identity, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from knowledge.database import Base
from knowledge.models import Release, User, worded

_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")


class Purpose(StrEnum):
    """What a key lets its holder do: post facts and read its own decisions, or read the record as an auditor does."""

    APP = "app"
    AUDIT = "audit"


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
    purpose: Mapped[Purpose] = mapped_column(worded(Purpose), default=Purpose.APP, server_default=Purpose.APP)

    created_by: Mapped[User | None] = relationship()

    @property
    def named(self) -> str:
        """What events call its holder, such as `key pw_12345 (Audit 2026)`."""
        return f"key {self.prefix} ({self.label})"


class Decision(Base):
    """One answer: what was asked, what was known, what became of every rule. Written once, never changed.

    `sequence` is the table's own key, so that paging and sealing follow it and SQLite keeps no second index
    for it; `id` is the key that everybody else uses, `session.get(Decision, id)` included. `salt` is random,
    and keeps `digest` from giving a fact away once the facts are removed; cds/record/digests.py says how it is made.

    Once the facts are removed, what could speak of the patient is empty, `personal` is the digest of what it was,
    and `removed_in` is the sequence of the event that tells of the removal. `software` and `clinically_approved`
    say which version of the program answered and how the release stood; rows of old do not say so.
    """

    __tablename__ = "decisions"

    sequence: Mapped[int] = mapped_column(_SEQUENCE, Identity(always=True), primary_key=True)
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
    software: Mapped[str | None]
    clinically_approved: Mapped[bool | None]
    personal: Mapped[str | None]
    removed_in: Mapped[int | None] = mapped_column(_SEQUENCE)

    __mapper_args__: ClassVar[Any] = {"primary_key": [id]}
    __table_args__ = (
        Index(
            None,
            "subject",
            sqlite_where=text("subject IS NOT NULL"),
            postgresql_where=text("subject IS NOT NULL"),
        ),
        Index(None, "release_id", "sequence"),
        Index(None, "api_key_id", "sequence"),
    )


class DecisionBlock(Base):
    """Up to some hundred sealed decisions of one release and one day (of recording, in UTC), counted.

    Made from the decisions, so that it could be made again: what the record is searched and watched by. `first` and
    `last` are sequences, between which decisions of other blocks may lie; the others count the decisions in which
    at least one rule is so.
    """

    __tablename__ = "decision_blocks"

    id: Mapped[int] = mapped_column(primary_key=True)
    release_id: Mapped[int] = mapped_column(ForeignKey(Release.id))
    day: Mapped[date] = mapped_column(Date)
    first: Mapped[int] = mapped_column(_SEQUENCE)
    last: Mapped[int] = mapped_column(_SEQUENCE)
    decisions: Mapped[int]
    recommended: Mapped[int]
    withheld: Mapped[int]
    undetermined: Mapped[int]

    __table_args__ = (Index(None, "release_id", "day"), Index(None, "last"), Index(None, "day"))


class RuleTally(Base):
    """In how many decisions of a block a rule is recommended, withheld, undetermined; in the others it is not met.

    `place` is the rule's place in the release's order; there is no row where all three are 0.
    """

    __tablename__ = "rule_tallies"

    release_id: Mapped[int] = mapped_column(ForeignKey(Release.id), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_id: Mapped[int] = mapped_column(ForeignKey(DecisionBlock.id), primary_key=True)
    recommended: Mapped[int]
    withheld: Mapped[int]
    undetermined: Mapped[int]


class Incident(Base):
    """Something that must not happen, with everything needed to make it happen again.

    `detail` may speak of a patient: its salted digest is `personal` once it is removed, as in a decision, and is
    part of `digest`, which the event of the incident tells. Incidents of old have no digest.
    """

    __tablename__ = "incidents"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    release_id: Mapped[int | None] = mapped_column(ForeignKey(Release.id))
    detail: Mapped[str]
    salt: Mapped[str | None]
    digest: Mapped[str | None]
    personal: Mapped[str | None]
    removed_in: Mapped[int | None] = mapped_column(_SEQUENCE)


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
