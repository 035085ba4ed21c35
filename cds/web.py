"""The API and the pages on the web: the OpenAPI document, problems or error pages, headers, health, counters."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, cast

import structlog
from apispec import APISpec
from flask import Blueprint, Flask, Response, g, request
from flask.json.provider import DefaultJSONProvider
from flask_smorest import Api
from jinja2 import UndefinedError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError, TimeoutError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from cds import problems, schemas
from cds.answering import standing
from cds.api import PREFIX, api
from cds.auditing import audit_api
from cds.firing.watched import count_alarms
from cds.pages.error_pages import http_error_page, problem_page
from cds.pages.views import pages
from cds.problems import Problem, Refused
from cds.requests import RequestProblem, escaped
from cds.service import EXTENSION, Service, service_of
from knowledge import structure
from knowledge.database import at_head
from knowledge.errors import nearest
from knowledge.proofs import UNREADABLE, unreadable
from knowledge.weaknesses import powers

log = structlog.get_logger()

health = Blueprint("health", __name__)

_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    (
        "Content-Security-Policy",
        "default-src 'self'; img-src 'self' data:; object-src 'none'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
)
_API_HEADERS = (*_HEADERS, ("Cache-Control", "no-store"))


class _Json(DefaultJSONProvider):
    sort_keys = False
    ensure_ascii = False


class _DocumentedApi(Api):
    """flask-smorest's document without its error handlers, which would take the desk's pages too, and their shape."""

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        for name, said in (
            ("DEFAULT_ERROR", "Any other problem, such as 401 without a valid API key."),
            # Python 3.13 gave 422 another name, by which flask-smorest refers to it.
            (HTTPStatus(422).name, "The request cannot be used."),
        ):
            document = {"description": said, "content": {problems.MEDIA_TYPE: {"schema": schemas.Problem}}}
            cast(APISpec, self.spec).components.response(name, document, lazy=True)


def attach(app: Flask, service: Service) -> None:
    """Put the API, the pages, the health endpoints and the error handling on an app."""
    app.extensions[EXTENSION] = service
    app.config.update(
        API_TITLE="Phasewise",
        API_VERSION=version("phasewise"),
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        MAX_CONTENT_LENGTH=service.settings.largest_body,
    )
    security = {
        "components": {"securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}}},
        "security": [{"apiKey": []}],
    }
    # What is read first stands first, and letters stay letters.
    app.json = _Json(app)
    documented = _DocumentedApi(app, spec_kwargs={"info": {"description": _ABOUT}, **security})
    documented.register_blueprint(api)
    documented.register_blueprint(audit_api)
    app.register_blueprint(pages)
    app.register_blueprint(health)
    app.before_request(_start)
    app.after_request(_finish)
    app.teardown_request(_close)
    app.register_error_handler(Refused, lambda error: _said(error.problem))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(TimeoutError, _database_error)
    app.register_error_handler(Exception, _unexpected)


_ABOUT = (
    "Facts about one patient in; complete, cited, explained recommendations out. A fact that is not posted, or is "
    "null, is not known: not known is never no. Values are never coerced: “7” is not 7, and 1 is not true."
)


_WEAK = "The service, as it signs in at the database, could alter its own record: `phasewise db check` says how."


@health.route("/healthz")
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@health.route("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """The database stands at the newest migration, and a release is in force and ready."""
    service = service_of()
    try:
        migrated = at_head(service.database)
        with service.sessions() as session:
            release = standing(service, session).release.number if migrated else None
            altered = structure.altered(session.connection()) if migrated else None
            weak = powers(session.connection()) if migrated else []
    except Refused as error:
        return {"status": "not ready", "reason": error.problem.title}, 503
    except Exception as error:
        if not (unreadable(error) or isinstance(error, DBAPIError)):
            raise
        reason = UNREADABLE if unreadable(error) else "The database cannot be used"
        return {"status": "not ready", "reason": reason}, 503
    if not migrated:
        return {"status": "not ready", "reason": "The database wants `phasewise db upgrade`"}, 503
    warnings = [*([altered] if altered else []), *([_WEAK] if weak else [])]
    return {"status": "ready", "release": release, "warnings": warnings}, 200


@health.route("/metrics")
def metrics() -> Response:
    """Counters for Prometheus."""
    count_alarms(service_of())
    return Response(generate_latest(service_of().counters.registry), content_type=CONTENT_TYPE_LATEST)


def wants_problems() -> bool:
    """Whether the present request speaks to the API, and so gets problem documents in place of pages."""
    return request.path.startswith("/api/")


def _start() -> None:
    g.started = time.perf_counter()


def _finish(response: Response) -> Response:
    added = _API_HEADERS if wants_problems() else _HEADERS
    response.headers.extend([(name, value) for name, value in added if name not in response.headers])
    counters = service_of().counters
    endpoint = request.endpoint or "none"
    counters.requests.labels(endpoint, response.status_code).inc()
    if "started" in g:
        counters.seconds.labels(endpoint).observe(time.perf_counter() - g.started)
    return response


def _close(error: BaseException | None) -> None:
    for name in ("session", "connection"):
        opened = g.pop(name, None)
        if opened is not None:
            opened.close()


def _said(problem: Problem) -> Response:
    return problem.response() if wants_problems() else problem_page(problem)


def _http_error(error: HTTPException) -> Response | HTTPException:
    return _as_problem(error).response() if wants_problems() else http_error_page(error)


def _as_problem(error: HTTPException) -> Problem:
    if isinstance(error, RequestEntityTooLarge):
        return problems.too_large(request.max_content_length or 0)
    if error.code == 404:
        return problems.not_found(f"There is nothing at {request.path}. {PREFIX}/openapi.json lists what there is.")
    if isinstance(error, MethodNotAllowed):
        detail = f"{request.path} takes {', '.join(sorted(error.valid_methods or ()))}, not {request.method}."
        return Problem(405, "method-not-allowed", "This method is not possible here", detail, headers=_kept(error))
    messages = getattr(error, "data", {}).get("messages", {})
    if error.code == 422 and messages:
        return problems.unusable(_query_problems(messages.get("query", {}), getattr(error, "data", {})))
    return Problem(error.code or 500, "http", error.name, error.description or error.name, headers=_kept(error))


def _query_problems(messages: dict[str, list[str]], data: dict[str, Any]) -> list[RequestProblem]:
    known: Mapping[str, Any] = getattr(data.get("schema"), "fields", {})
    return [
        RequestProblem(
            f"/{escaped(name)}",
            " ".join(texts),
            nearest(request.args.get(name, ""), getattr(known.get(name), "enum", ())),
        )
        for name, texts in messages.items()
    ]


def _kept(error: HTTPException) -> dict[str, str]:
    return {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}


def _database_error(error: Exception) -> Response:
    if unreadable(error):
        return _unexpected(error)
    log.error("database", error=type(error).__name__, cause=str(getattr(error, "orig", "")))
    return _said(problems.database_unavailable())


def _unexpected(error: Exception) -> Response:
    """What a stored value does that is not what it should be can come out anywhere: here it is told from the rest."""
    of_record = unreadable(error) or isinstance(error, UndefinedError)
    log.exception("unreadable" if of_record else "unexpected", endpoint=request.endpoint)
    return _said(problems.unreadable() if of_record else problems.unexpected())
