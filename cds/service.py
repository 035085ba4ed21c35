"""What the answering service runs on: its settings, its database, its clock, the release in force, its counters."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from flask import Flask, current_app
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import Engine

from cds.serving import Serving
from knowledge.database import connect, sessions
from knowledge.errors import KnowledgeError, WrongValue
from knowledge.model.zones import UTC_NAME, zone_named

EXTENSION = "phasewise"
T = TypeVar("T")


def _default_database() -> str:
    return f"sqlite:///{Path.cwd() / 'instance' / 'phasewise.sqlite3'}"


class BadSetting(KnowledgeError):
    """A setting of the environment that cannot be used."""


def _zone(name: str) -> str:
    try:
        zone_named(name)
    except WrongValue as problem:
        raise BadSetting(f"PHASEWISE_TIME_ZONE: {problem.detail}") from None
    return name


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set from outside; sizes are in bytes, times in seconds.

    `owner_database_url` is for what the service itself must not do: migrations, grants, the removal of facts.
    """

    database_url: str = field(default_factory=_default_database)
    owner_database_url: str | None = None
    secret_key: str | None = None
    largest_body: int = 1024 * 1024
    largest_batch: int = 16 * 1024 * 1024
    busy_seconds: float = 5.0
    seal_every: float = 60.0
    developer: str | None = None
    funding: str | None = None
    time_zone: str = UTC_NAME

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """PHASEWISE_DATABASE_URL names the database, PHASEWISE_SECRET_KEY signs the desk's sessions.

        PHASEWISE_DEVELOPER and PHASEWISE_FUNDING say on every sheet who made this and who funded the implementation.
        PHASEWISE_TIME_ZONE is the zone in which days are counted where a request does not state one; a name that is
        none raises BadSetting. PHASEWISE_OWNER_DATABASE_URL names the same database as its owner signs in.
        """
        return cls(
            database_url=environment.get("PHASEWISE_DATABASE_URL") or _default_database(),
            owner_database_url=environment.get("PHASEWISE_OWNER_DATABASE_URL") or None,
            secret_key=environment.get("PHASEWISE_SECRET_KEY") or None,
            developer=environment.get("PHASEWISE_DEVELOPER", "").strip() or None,
            funding=environment.get("PHASEWISE_FUNDING", "").strip() or None,
            time_zone=_zone(environment.get("PHASEWISE_TIME_ZONE", "").strip() or UTC_NAME),
        )


class Counters:
    """What /metrics tells; a registry of its own, so that several services can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "phasewise_requests", "Requests by endpoint and status", ["endpoint", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "phasewise_request_seconds", "Time to answer a request", ["endpoint"], registry=self.registry
        )
        self.decisions = Counter("phasewise_decisions", "Answers recorded", registry=self.registry)
        self.incidents = Counter("phasewise_incidents", "Answers refused as not to be trusted", registry=self.registry)
        self.alarms = Gauge(
            "phasewise_firing_alarms", "Alarms over how often rules fire, NaN: not known", registry=self.registry
        )
        self.waiting = Gauge(
            "phasewise_firing_alarms_waiting", "Those that nobody looked into, NaN: not known", registry=self.registry
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid.uuid4())


class Service:
    """One running service; `now` and `new_id` come in from outside so that tests can say what they are."""

    def __init__(
        self, settings: Settings, *, now: Callable[[], datetime] = _now, new_id: Callable[[], str] = _new_id
    ) -> None:
        self.settings = settings
        self.zone = settings.time_zone
        self.now = now
        self.new_id = new_id
        self.database = connect(settings.database_url, busy_seconds=settings.busy_seconds)
        self.sessions = sessions(self.database)
        self.serving = Serving()
        self.counters = Counters()
        self._memories: dict[type, Any] = {}
        self._remembering = threading.RLock()

    def memory(self, kind: type[T], begin: Callable[[], T] | None = None) -> T:
        """What a part of the program remembers in this process, one of a kind; begun when it is first asked for."""
        with self._remembering:
            if kind not in self._memories:
                self._memories[kind] = (begin or kind)()
            return self._memories[kind]

    @contextmanager
    def owner(self) -> Iterator[Engine]:
        """The database as its owner, who may migrate, grant and remove facts; in the service's own way without one.

        What needs the owner may then be refused by PostgreSQL, with its own error.
        """
        url = self.settings.owner_database_url or self.settings.database_url
        engine = connect(url, busy_seconds=self.settings.busy_seconds, owner=True)
        try:
            yield engine
        finally:
            engine.dispose()


def service_of(app: Flask | None = None) -> Service:
    """The service of an app, or of the one that handles the present request."""
    return cast(Service, (app or current_app).extensions[EXTENSION])
