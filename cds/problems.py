"""Problem documents (RFC 9457): what is wrong with a request, where, and the way out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response

from cds.requests import RequestProblem
from knowledge.proofs import UNREADABLE

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document; `kind` is the last part of its type."""

    status: int
    kind: str
    title: str
    detail: str
    errors: tuple[RequestProblem, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "type": f"urn:phasewise:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [_error(error) for error in self.errors]
        return document

    def response(self) -> Response:
        body = json.dumps(self.as_json(), ensure_ascii=True) + "\n"
        return Response(body, self.status, headers=dict(self.headers), content_type=MEDIA_TYPE)


class Refused(Exception):
    """Ends a request with a problem document."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def unusable(errors: Iterable[RequestProblem]) -> Problem:
    errors = tuple(errors)
    several = f"{len(errors)} things are" if len(errors) > 1 else "One thing is"
    return Problem(
        422, "unusable-request", "The request cannot be used", f"{several} wrong with it; nothing was recorded.", errors
    )


def not_json(detail: str, pointer: str = "") -> Problem:
    return Problem(400, "not-json", "The body is not JSON", detail, (RequestProblem(pointer, detail),))


def too_large(limit: int) -> Problem:
    detail = f"A body has at most {limit // 1024} KiB; send fewer facts, or fewer patients in a batch."
    return Problem(413, "too-large", "The body is too large", detail)


def no_key(detail: str) -> Problem:
    return Problem(401, "no-api-key", "An API key is needed", detail, headers={"WWW-Authenticate": "Bearer"})


def not_for_this_key(detail: str) -> Problem:
    return Problem(403, "not-for-this-key", "This API key is for something else", detail)


def not_found(detail: str) -> Problem:
    return Problem(404, "not-found", "There is nothing here", detail)


def not_provable(detail: str) -> Problem:
    return Problem(409, "not-provable", "There is no proof of this decision", detail)


def no_release() -> Problem:
    detail = "No release of the knowledge base is in force, so there is no answer. Put one in force first."
    return Problem(503, "no-release", "No release is in force", detail)


def database_unavailable() -> Problem:
    detail = "The database cannot be used just now, so nothing was recorded and nothing is answered. Send it again."
    return Problem(503, "database-unavailable", "The database cannot be used", detail, headers={"Retry-After": "1"})


def incident(incident_id: str) -> Problem:
    detail = (
        "Two independent evaluations of the rules did not give the same result, so there is no answer. "
        f"Nothing is recommended. The incident is recorded as {incident_id}."
    )
    return Problem(500, "incident", "The answer could not be trusted", detail)


def unexpected() -> Problem:
    detail = "Something went wrong on our side; it was logged. Nothing is recommended. Send the request again."
    return Problem(500, "unexpected", "Something went wrong", detail)


def unreadable() -> Problem:
    detail = f"{UNREADABLE} It was logged, and nothing is recommended."
    return Problem(500, "unreadable-record", "A record cannot be read", detail)


def _error(error: RequestProblem) -> dict[str, str]:
    parts = {"pointer": error.pointer, "detail": error.detail, "suggestion": error.suggestion}
    return {name: part for name, part in parts.items() if part is not None}
