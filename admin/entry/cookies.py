"""The cookie that holds a session at the desk: its key, its path, its flags and its end."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import structlog
from flask import Flask, Request, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from sqlalchemy import make_url

from cds.service import Service, Settings

log = structlog.get_logger()

DESK = "/desk"
LONGEST_SESSION = timedelta(hours=8)
LONGEST_PAUSE = timedelta(minutes=60)
"""A session ends this long after its last request."""


def at_desk(path: str) -> bool:
    """Whether a path is the desk's."""
    return path == DESK or path.startswith(f"{DESK}/")


def attach(app: Flask, service: Service) -> None:
    """Give the desk its sessions; the rest of the app has none."""
    app.config.update(
        SESSION_COOKIE_NAME="phasewise_desk",
        SESSION_COOKIE_PATH=DESK,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=LONGEST_SESSION,
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.secret_key = service.settings.secret_key
    app.session_interface = _DeskSessions(service.settings)


class _DeskSessions(SecureCookieSessionInterface):
    """Signed cookies below /desk; the key is looked for when the first one is needed, so that importing writes none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open_session(self, app: Flask, request: Request) -> Any:
        return super().open_session(app, request) if at_desk(request.path) else None

    def get_signing_serializer(self, app: Flask) -> Any:
        if not app.secret_key:
            app.secret_key = _kept_key(self._settings)
        return super().get_signing_serializer(app)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure or super().get_cookie_secure(app)

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        return at_desk(request.path) and super().should_set_cookie(app, session)


def _kept_key(settings: Settings) -> str:
    """The key in a file beside an SQLite database, made when it is missing; else one for this process alone."""
    database = make_url(settings.database_url)
    if database.get_backend_name() == "sqlite" and database.database not in (None, "", ":memory:"):
        try:
            return _read_or_made(Path(str(database.database)).parent / "secret-key")
        except OSError as problem:
            log.warning("secret key not kept", problem=str(problem), remedy="set PHASEWISE_SECRET_KEY")
    else:
        log.warning("secret key not set: sessions end with this process", remedy="set PHASEWISE_SECRET_KEY")
    return _OF_THIS_PROCESS


def _read_or_made(path: Path) -> str:
    """The file's key. Of several processes that make it at once, the first one's stays."""
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent, prefix=".secret-key-") as made:
            made.write(secrets.token_urlsafe(32))
            made.flush()
            with suppress(FileExistsError):
                os.link(made.name, path)
    return path.read_text(encoding="ascii").strip() or _OF_THIS_PROCESS


_OF_THIS_PROCESS = secrets.token_urlsafe(32)
