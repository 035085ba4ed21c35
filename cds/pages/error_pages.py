"""Pages that say what went wrong and the way on. They need no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Response, render_template
from werkzeug.exceptions import HTTPException

from cds.problems import Problem
from cds.requests import RequestProblem

_SAID = {
    400: ("This could not be read", "The form or the address holds something that cannot be used."),
    403: ("This is not for you", "Your role at the desk does not reach as far as this."),
    404: ("There is no page here", "The address leads nowhere; perhaps it was mistyped, or what it named is gone."),
    405: ("This address takes no such request", "Open it as a page, or send the form again from its own page."),
    413: ("That is too much at once", "Send less text."),
    429: ("Too many attempts", "Wait a few minutes, then try again."),
}
_OTHERWISE = ("Something went wrong", "It was logged. Try again; if it stays, tell whoever runs this place.")


def error_page(
    status: int,
    title: str,
    text: str,
    *,
    found: Iterable[RequestProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page for a status, in the look of every other page."""
    html = render_template("pages/error.html", status=status, title=title, text=text, found=tuple(found))
    return Response(html, status, headers=dict(headers or {}), content_type="text/html; charset=utf-8")


def problem_page(problem: Problem) -> Response:
    """The page that says what a problem document says."""
    return error_page(problem.status, problem.title, problem.detail, found=problem.errors, headers=problem.headers)


def http_error_page(error: HTTPException) -> Response | HTTPException:
    """The page for an error of HTTP; a redirect, and an error that brings its own response, stay what they are."""
    if error.response is not None or error.code is None or error.code < 400:
        return error
    title, text = _SAID.get(error.code, _OTHERWISE)
    given = error.description if error.description != type(error).description else None
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return error_page(error.code, title, given or text, headers=kept)
