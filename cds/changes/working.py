"""The work on a comparison, in a thread of its own: decision after decision, telling how far it is."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, CursorResult, Select, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cds.changes.beside import DECISIONS, NotComparable, beside, over_examples
from cds.changes.candidate import candidate
from cds.changes.comparing import Patient, Unanswered
from cds.changes.running import What, what_from
from cds.changes.tallying import Comparison
from cds.models import ComparisonRun, Decision, Work
from cds.record.recording import options_in
from cds.service import Service
from knowledge.errors import KnowledgeError
from knowledge.labels import moment
from knowledge.model.zones import UTC_NAME
from knowledge.models import Version
from knowledge.proofs import in_pages
from knowledge.releasing import in_force

log = structlog.get_logger()

EVERY = 200
"""After so many decisions, or a second, the progress is written down and a wish to cancel is heard."""

_BREATH = 0.0005
"""Seconds between two decisions in which whoever waits for an answer has the interpreter."""

_TRIES = 5
_WENT_WRONG = "Something went wrong on our side; it was logged. Start the comparison again."


class _Cancelled(Exception):
    """Somebody no longer wants the result."""


class _Gone(Exception):
    """The work is no longer this thread's: its row was removed, or ended by somebody else."""


def launch(service: Service, number: int) -> threading.Thread:
    """Begin the work on a comparison that is stored."""
    thread = threading.Thread(target=work, args=(service, number), name=f"comparison-{number}", daemon=True)
    thread.start()
    return thread


def work(service: Service, number: int) -> None:
    """The whole work on a comparison; it ends as finished, cancelled or failed, and raises nothing."""
    progress = _Progress(service, number)
    try:
        with service.sessions() as session:
            _compare(session, progress)
        progress.end(Work.FINISHED)
    except _Cancelled:
        progress.end(Work.CANCELLED)
    except _Gone:
        log.warning("comparison gone", comparison=number)
    except KnowledgeError as refusal:
        progress.end(Work.FAILED, str(refusal))
    except Exception:
        log.exception("comparison failed", comparison=number)
        progress.end(Work.FAILED, _WENT_WRONG)


class _Progress:
    """How far the work on a comparison is, written down now and then in transactions of its own."""

    def __init__(self, service: Service, number: int) -> None:
        self.number = number
        self.total: int | None = None
        self.examples: Comparison | None = None
        self.decisions = Comparison(DECISIONS)
        self._service = service
        self._told = time.monotonic()

    def step(self) -> None:
        """One decision more is done. Raises _Cancelled, _Gone."""
        if self.decisions.patients % EVERY == 0 or time.monotonic() - self._told > 1:
            self.tell()

    def tell(self) -> None:
        """Write down how far it is. Raises _Cancelled, _Gone."""
        self._told = time.monotonic()
        try:
            with self._service.sessions() as session:
                self._write(session)
                cancelled = session.scalar(
                    select(ComparisonRun.cancel_requested).where(ComparisonRun.id == self.number)
                )
                session.commit()
        except DBAPIError as problem:
            # Others keep the database busy: the next time will do.
            log.warning("comparison not told", comparison=self.number, cause=type(problem).__name__)
            return
        if cancelled:
            raise _Cancelled

    def end(self, state: Work, failure: str | None = None) -> None:
        """Write down how it ended and what was found; a database that stays busy leaves it interrupted."""
        result = None
        if self.examples is not None:
            found = {"examples": self.examples.as_json(), "decisions": self.decisions.as_json()}
            result = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        for tried in range(1, _TRIES + 1):
            try:
                with self._service.sessions() as session:
                    self._write(session, state=state, failure=failure, result=result)
                    session.commit()
                return
            except _Gone:
                return
            except DBAPIError as problem:
                log.error("comparison not ended", comparison=self.number, tried=tried, cause=type(problem).__name__)
                time.sleep(tried)

    def _write(self, session: Session, **values: Any) -> None:
        row = update(ComparisonRun).where(ComparisonRun.id == self.number, ComparisonRun.state == Work.RUNNING)
        told = row.values(heartbeat=self._service.now(), done=self.decisions.patients, total=self.total, **values)
        if not cast(CursorResult[Any], session.execute(told)).rowcount:
            raise _Gone


def _compare(session: Session, progress: _Progress) -> None:
    what = what_from(session.scalars(select(ComparisonRun.what).where(ComparisonRun.id == progress.number)).one())
    proposed = candidate(session, _versions(session, what))
    release = in_force(session)
    if release is None or release.id != what.release_id:
        raise NotComparable("Another release was put in force meanwhile: start the comparison again.")
    with beside(session, proposed) as pair:
        progress.examples = over_examples(pair)
        first, last, progress.total = _bounds(session, what)
        session.rollback()
        progress.tell()
        for key, title, patient in _recorded(session, what, first, last):
            # What was read is in memory: no snapshot of the database is held while it is worked on.
            session.rollback()
            outcome = patient if isinstance(patient, Unanswered) else pair.compare(patient)
            progress.decisions.add(key, title, outcome)
            progress.step()
            time.sleep(_BREATH)


def _versions(session: Session, what: What) -> list[Version]:
    wanted = dict(what.versions)
    found = session.scalars(select(Version).where(Version.id.in_(wanted)).order_by(Version.id)).all()
    for version in found:
        if version.digest != wanted[version.id]:
            raise NotComparable(f"{version.label} was written anew meanwhile: start the comparison again.")
    return list(found)


def _bounds(session: Session, what: What) -> tuple[int, int, int]:
    """The first and last sequence of the decisions in the period, and how many there are."""
    sequence = Decision.sequence
    first, last, count = session.execute(
        select(func.min(sequence), func.max(sequence), func.count()).where(*_recorded_in(what))
    ).one()
    return first or 0, last or 0, count


def _recorded(session: Session, what: What, first: int, last: int) -> Iterator[tuple[str, str, Patient | Unanswered]]:
    """The key, the title and the patient of each decision, or why there is none to ask about."""
    columns = (
        Decision.id,
        Decision.recorded_at,
        Decision.evaluated_at,
        Decision.facts_posted,
        Decision.request,
        Decision.removed_in,
    )
    rows = cast(Select[Any], select(*columns).where(Decision.sequence.between(first, last), *_recorded_in(what)))
    for sequence, row in in_pages(session, rows, Decision.sequence):
        try:
            title = f"Answered {moment(row.recorded_at)}"
            if row.removed_in is not None:
                yield row.id, title, _REMOVED
                continue
            yield row.id, title, _patient(row, title)
        except (AttributeError, TypeError, ValueError):
            yield getattr(row, "id", str(sequence)), f"Decision number {sequence}", _UNREADABLE


def _patient(row: Any, title: str) -> Patient:
    options = options_in(row.request)
    return Patient(
        row.id,
        title,
        row.evaluated_at,
        json.loads(row.facts_posted),
        options.get("zone", UTC_NAME),
        options.get("unusable_facts") == "set_aside",
    )


def _recorded_in(what: What) -> tuple[ColumnElement[bool], ...]:
    begins = datetime.combine(what.first, clock.min, UTC)
    ends = datetime.combine(what.last, clock.min, UTC) + timedelta(days=1)
    return Decision.recorded_at >= begins, Decision.recorded_at < ends


_NOT_READ = ("The record of this decision cannot be read: run `phasewise audit verify`.",)
_UNREADABLE = Unanswered(_NOT_READ, _NOT_READ)
_GONE = ("The facts of this decision were removed, because they were older than this site keeps them.",)
_REMOVED = Unanswered(_GONE, _GONE)
