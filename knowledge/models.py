"""The tables of what is known: people, versions of items, releases, what was in force, and the events.

A row that an event speaks of can say itself as the event tells it (`told`): so the two can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from knowledge.canonical import digest, instant
from knowledge.database import Base
from knowledge.items import ItemKind


class Role(StrEnum):
    """What a person may do: write, also approve and publish, only read, or look after people and keys."""

    AUTHOR = "author"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class VersionState(StrEnum):
    """Where a version stands. That a released one is superseded follows from the releases."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    RETURNED = "returned"
    RELEASED = "released"
    RETIRED = "retired"


def worded(words: type[StrEnum]) -> Enum:
    """A column that holds the words of a closed list as text."""
    return Enum(words, native_enum=False, length=20, values_callable=lambda all_words: [w.value for w in all_words])


class User(Base):
    """A person who signs in at the desk. People are disabled, never removed: the record names them."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(worded(Role))
    password_hash: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Version(Base):
    """One version of a fact, source, rule or vignette; its content never changes once it leaves draft.

    `content` is canonical JSON and `digest` the digest of that very text; `reason` says why it was written.
    """

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("kind", "key", "number"),)
    noun: ClassVar[str] = "version"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[ItemKind] = mapped_column(worded(ItemKind))
    key: Mapped[str]
    number: Mapped[int]
    content: Mapped[str]
    digest: Mapped[str]
    state: Mapped[VersionState] = mapped_column(worded(VersionState))
    reason: Mapped[str]
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    submitted_at: Mapped[datetime | None]
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    approved_at: Mapped[datetime | None]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))

    created_by: Mapped[User | None] = relationship(foreign_keys=[created_by_id])
    submitted_by: Mapped[User | None] = relationship(foreign_keys=[submitted_by_id])
    approved_by: Mapped[User | None] = relationship(foreign_keys=[approved_by_id])

    @property
    def label(self) -> str:
        return f"{self.kind} {self.key}, version {self.number}"

    @property
    def subject(self) -> str:
        return f"{self.kind}/{self.key}/{self.number}"

    def told(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "key": self.key,
            "number": self.number,
            "digest": self.digest,
            "state": self.state,
            "reason": self.reason,
            "created_at": instant(self.created_at),
            "created_by": self.created_by_id,
            "submitted_at": instant(self.submitted_at) if self.submitted_at else None,
            "submitted_by": self.submitted_by_id,
            "approved_at": instant(self.approved_at) if self.approved_at else None,
            "approved_by": self.approved_by_id,
        }


class ReleaseVersion(Base):
    """That a version is part of a release."""

    __tablename__ = "release_versions"

    release_id: Mapped[int] = mapped_column(ForeignKey("releases.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey(Version.id), primary_key=True, index=True)


class Release(Base):
    """An immutable, numbered set of versions. `origin` is "imported" for what was shipped, else "desk"."""

    __tablename__ = "releases"
    noun: ClassVar[str] = "release"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    digest: Mapped[str]
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    reason: Mapped[str]
    origin: Mapped[str]

    created_by: Mapped[User | None] = relationship()
    versions: Mapped[list[Version]] = relationship(
        secondary=lambda: ReleaseVersion.__table__, order_by=(Version.kind, Version.key)
    )
    approvals: Mapped[list[ReleaseApproval]] = relationship(
        back_populates="release", order_by=lambda: ReleaseApproval.id
    )

    @property
    def clinically_approved(self) -> bool:
        """Whether a person has approved the release for use with patients."""
        return bool(self.approvals)

    @property
    def label(self) -> str:
        return f"Release {self.number}"

    @property
    def subject(self) -> str:
        return f"release/{self.number}"

    def told(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "number": self.number,
            "digest": self.digest,
            "created_at": instant(self.created_at),
            "created_by": self.created_by_id,
            "reason": self.reason,
            "origin": self.origin,
        }


class ReleaseApproval(Base):
    """That a person approved a release clinically."""

    __tablename__ = "release_approvals"
    __table_args__ = (UniqueConstraint("release_id", "by_id"),)
    noun: ClassVar[str] = "approval"

    id: Mapped[int] = mapped_column(primary_key=True)
    release_id: Mapped[int] = mapped_column(ForeignKey(Release.id))
    by_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    at: Mapped[datetime]
    reason: Mapped[str]

    release: Mapped[Release] = relationship(back_populates="approvals")
    by: Mapped[User] = relationship()

    @property
    def label(self) -> str:
        return f"Approval {self.id} of release {self.release.number}"

    @property
    def subject(self) -> str:
        return f"release/{self.release.number}/approval/{self.id}"

    def told(self) -> dict[str, Any]:
        return {"by": self.by_id, "at": instant(self.at), "reason": self.reason}


class Activation(Base):
    """That a release was put in force; the newest row is the one that holds."""

    __tablename__ = "activations"
    noun: ClassVar[str] = "activation"

    id: Mapped[int] = mapped_column(primary_key=True)
    release_id: Mapped[int] = mapped_column(ForeignKey(Release.id))
    since: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    reason: Mapped[str]

    release: Mapped[Release] = relationship()
    by: Mapped[User | None] = relationship()

    @property
    def label(self) -> str:
        return f"Activation {self.id} of release {self.release.number}"

    @property
    def subject(self) -> str:
        return f"release/{self.release.number}/activation/{self.id}"

    def told(self) -> dict[str, Any]:
        return {"by": self.by_id, "since": instant(self.since), "reason": self.reason}


class AuditEvent(Base):
    """What happened, told by whom it was done; each event holds the digest of the one before it.

    `details` is canonical JSON; `origin` says from where (an address, a command), where that is known.
    """

    __tablename__ = "audit_events"

    sequence: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[str]
    origin: Mapped[str | None]
    previous: Mapped[str | None]
    digest: Mapped[str]

    __table_args__ = (
        Index(None, "action", "sequence"),
        Index(None, "actor", "sequence"),
        Index(None, "at", "sequence"),
        # PostgreSQL finds what begins in a certain way only where texts stand in the order of their bytes.
        Index(None, "subject", "sequence", postgresql_ops={"subject": "text_pattern_ops"}),
    )

    @property
    def told(self) -> dict[str, Any]:
        """The details; where they are no JSON object, as only those of a touched event are, the text as `unreadable`.

        So one that was touched hides no other from whoever looks through them.
        """
        try:
            details = json.loads(self.details)
        except (ValueError, RecursionError):
            details = None
        return details if isinstance(details, dict) else {"unreadable": self.details}


Told = Version | Release | ReleaseApproval | Activation
"""The rows that events speak of."""


def release_digest(versions: Iterable[tuple[str, str, int, str]]) -> str:
    """The digest of a release from the kind, key, number and digest of each of its versions, in any order."""
    return digest(
        [
            {"kind": str(kind), "key": key, "version": number, "digest": version_digest}
            for kind, key, number, version_digest in sorted(versions)
        ]
    )
