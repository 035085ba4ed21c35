"""Holding stored rows against what the events told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound
from sqlalchemy.orm import InstrumentedAttribute, Session

from knowledge.canonical import digest_of_bytes
from knowledge.errors import KnowledgeError
from knowledge.models import (
    Activation,
    Release,
    ReleaseApproval,
    ReleaseVersion,
    Told,
    Version,
    release_digest,
)

PAGE = 500

UNREADABLE = (
    "Something on record cannot be read as what it should be. “phasewise audit verify” names the record that was "
    "altered; if it finds none, the fault is in the program."
)
"""What is said wherever `unreadable` holds and nothing more is known."""

_SIGNS = (
    AttributeError,
    KnowledgeError,
    LookupError,
    MultipleResultsFound,
    NoResultFound,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Counted:
    """So many more of what was checked, and found good."""

    what: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """A bad record, named in a sentence."""

    sentence: str


@dataclass(frozen=True, slots=True)
class LastTold:
    """What the last event about a row told of it."""

    event: int
    row: dict[str, Any]


class Unreadable(KnowledgeError):
    """What an event tells is not what it should be; the text names the event."""


@contextmanager
def told_in(event: int) -> Iterator[None]:
    """What is done within stands on the details of an event. Raises Unreadable when they cannot be used."""
    try:
        yield
    except Exception as failure:
        if not unreadable(failure):
            raise
        raise Unreadable(f"Audit event {event} was altered: what it tells cannot be read.") from None


def in_pages(session: Session, rows: Select[Any], key: InstrumentedAttribute[Any]) -> Iterator[tuple[Any, Any]]:
    """The key and the row of all rows in the order of the key, a page at a time, fresh from the database.

    For a row whose stored values cannot be read as what they should be, the row is None.
    """
    rows = rows.add_columns(key.label("key_of_row")).order_by(key).execution_options(populate_existing=True)
    page = rows.limit(PAGE)
    while True:
        last = None
        for last, row in _page(session, page, rows, key):
            yield last, row
        if last is None:
            return
        page = rows.where(key > last).limit(PAGE)


def _page(
    session: Session, page: Select[Any], rows: Select[Any], key: InstrumentedAttribute[Any]
) -> Iterator[tuple[Any, Any]]:
    try:
        read = session.execute(page).all()
    except Exception as problem:
        if not unreadable(problem):
            raise
        for one in session.scalars(page.with_only_columns(key)).all():
            yield one, _alone(session, rows.where(key == one))
    else:
        yield from ((row.key_of_row, row) for row in read)


def _alone(session: Session, row: Select[Any]) -> Any:
    try:
        return session.execute(row).one()
    except Exception as problem:
        if not unreadable(problem):
            raise
        return None


def unreadable(problem: Exception) -> bool:
    """Whether this is what a stored value does that is not what it should be, such as a date that is none."""
    if isinstance(problem, DBAPIError):
        return "decode" in str(problem.orig)
    return isinstance(problem, _SIGNS)


def each_row(
    session: Session, table: type[Any], what: str, problem_of: Callable[[Any], str | None]
) -> Iterator[Counted | Problem]:
    """What is wrong with each row of a table, by its id; one that cannot be read is wrong by that alone."""
    for key, row in in_pages(session, select(table), table.id):
        try:
            problem = problem_of(row[0])
        except Exception as failure:
            if not unreadable(failure):
                raise
            problem = f"Row {key} of the {what} was altered: it cannot be read."
        yield Problem(problem) if problem else Counted(what)


def gone(left: Mapping[str, LastTold]) -> Iterator[Problem]:
    """That events tell of what no row was found for."""
    for subject, last in left.items():
        yield Problem(f"Audit event {last.event} tells of {subject}, which is no longer stored so.")


def rows_as_told(session: Session, told: dict[str, LastTold]) -> Iterator[Counted | Problem]:
    """Every version, release, approval and activation is as its last event told; none is gone or added."""
    left = dict(told)
    for table, what in (
        (Version, "versions"),
        (Release, "releases"),
        (ReleaseApproval, "release approvals"),
        (Activation, "activations"),
    ):
        yield from each_row(session, table, what, lambda row: _problem(session, row, left))
    yield from gone(left)
    held = select(ReleaseVersion.release_id, ReleaseVersion.version_id)
    there = held.join(Release, Release.id == ReleaseVersion.release_id)
    there = there.join(Version, Version.id == ReleaseVersion.version_id)
    for release, version in session.execute(held.except_(there).order_by("release_id", "version_id").limit(1)):
        yield Problem(
            f"Part {version} of release {release} (ids) was put in beside the record: one of them is not there."
        )


def _problem(session: Session, row: Told, left: dict[str, LastTold]) -> str | None:
    last = left.pop(row.subject, None)
    if last is None:
        return f"{row.label} was put in beside the record: no event tells of it."
    stored = row.told()
    if "id" not in last.row:
        # Events of old do not tell the id of a release, by which decisions name it.
        stored.pop("id", None)
    altered = sorted(name for name in stored.keys() | last.row.keys() if stored.get(name) != last.row.get(name))
    if altered:
        return f"{row.label} was altered: {', '.join(altered)} not as audit event {last.event} told."
    match row:
        case Version() if digest_of_bytes(row.content.encode()) != row.digest:
            return f"{row.label} was altered: its content is not what its digest was made of."
        case Release() if _digest_of_parts(session, row) != row.digest:
            return f"{row.label} was altered: its versions are not those that it was published with."
        case _:
            return None


def _digest_of_parts(session: Session, release: Release) -> str:
    parts = (
        select(Version.kind, Version.key, Version.number, Version.digest)
        .join(ReleaseVersion, ReleaseVersion.version_id == Version.id)
        .where(ReleaseVersion.release_id == release.id)
    )
    return release_digest((part.kind, part.key, part.number, part.digest) for part in session.execute(parts))
