"""Who may enter the desk: the guard before every page, and what a session stands for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

from flask import Flask, abort, flash, g, redirect, request, url_for
from flask import session as browser
from flask.typing import ResponseReturnValue
from flask_admin import BaseView
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from admin.entry import cookies, entering, holding, refusing
from admin.entry.cookies import DESK, LONGEST_PAUSE, LONGEST_SESSION, at_desk
from cds.api import session
from cds.service import Service, service_of
from knowledge import people
from knowledge.models import Role, User

_OPEN = frozenset({"desk.sign_in"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_EXPIRED = (
    "The form was not sent from this desk, or the page it was on had expired. Reload that page and send it again."
)
_ENDED = "Your session has ended. Sign in to go on."
_NOTICED = timedelta(minutes=1)
"""So long after the last one a request is noted again: a cookie with every answer would be too many."""

CLINICAL = frozenset({Role.AUTHOR, Role.APPROVER, Role.AUDITOR})
"""Who reads what is clinical; an administrator looks after people and keys alone."""

WRITERS = frozenset({Role.AUTHOR, Role.APPROVER})
APPROVERS = frozenset({Role.APPROVER})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})

_Page = TypeVar("_Page", bound=Callable[..., Any])


class Person(UserMixin):
    """Who is signed in, as stored at this very request."""

    def __init__(self, user: User) -> None:
        self.id = user.id
        self.name = user.name
        self.role = user.role


class DeskView(BaseView):
    """Pages of the desk, for those who may read them: whoever reads what is clinical, unless a view says otherwise."""

    readers: frozenset[Role] = CLINICAL

    def is_accessible(self) -> bool:
        return current_user.is_authenticated and current_user.role in self.readers

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        refuse(self.readers)

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Flask-Admin would call a page again that met a TypeError, and tell of another one."""
        return fn(self, *args, **kwargs)


def only(roles: frozenset[Role]) -> Callable[[_Page], _Page]:
    """For a page or a step that fewer roles may take than read the view. Below `expose`."""

    def narrowed(page: _Page) -> _Page:
        @wraps(page)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if current_user.role not in roles:
                refuse(roles)
            return page(*args, **kwargs)

        return cast(_Page, guarded)

    return narrowed


def refuse(roles: frozenset[Role]) -> NoReturn:
    """End the request: this is for other roles."""
    who = " or ".join(sorted(roles))
    article = "an" if who[0] in "aeiou" else "a"
    abort(403, f"This is for {article} {who}. You are signed in as {current_user.role}: ask one of them.")


def signed_in() -> User:
    """The account of the person whose request this is, in the request's session."""
    return session().get_one(User, int(current_user.id))


def attach(app: Flask, service: Service) -> None:
    """Close everything below /desk to whoever is not signed in."""
    cookies.attach(app, service)
    entering.attach(app)
    # The guard checks tokens. A Referer cannot be asked for: every page says that none is to be sent.
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    tokens = CSRFProtect(app)
    LoginManager(app).user_loader(_signed_in)

    @app.before_request
    def guard() -> ResponseReturnValue | None:
        if not at_desk(request.path):
            return None
        session().info["origin"] = request.remote_addr
        if request.endpoint not in _OPEN and not current_user.is_authenticated:
            held = holding.posted()
            if "_user_id" in browser:
                browser.clear()
                if held is None:
                    flash(_ENDED)
            return holding.asked_to_sign_in(held) if held else redirect(url_for("desk.sign_in", next=_asked_for()), 303)
        if request.method not in _SAFE:
            if request.endpoint in _OPEN:
                holding.make_room()
            try:
                tokens.protect()
            except CSRFError:
                refusing.told("a form without a valid token")
                return holding.with_a_new_token() or abort(400, _EXPIRED)
        if current_user.is_authenticated:
            _note()
        return None

    @app.after_request
    def unkept(response: Response) -> Response:
        if at_desk(request.path):
            if response.status_code == 403 and request.endpoint not in _OPEN:
                refusing.told("not for this person")
            response.headers["Cache-Control"] = "no-store"
        return response


def begin(user: User, at: datetime) -> Person:
    """Start the session of a person; whatever the browser held before is gone."""
    browser.clear()
    browser.permanent = True
    browser["since"] = browser["seen"] = at.timestamp()
    # A token that was made for this request before was the old session's.
    g.pop("csrf_token", None)
    reseal(user)
    return Person(user)


def reseal(user: User) -> None:
    """Let this one session of a person go on although her password was changed."""
    browser["seal"] = people.seal(session(), user)


def way_on() -> str:
    """The page of the desk that was asked for before signing in, or its home."""
    wanted = request.args.get("next", "")
    # A browser takes a backslash for a slash.
    return (
        wanted if wanted.startswith(f"{request.script_root}{DESK}/") and "\\" not in wanted else url_for("desk.index")
    )


def _asked_for() -> str | None:
    if request.method not in _SAFE or request.path in (DESK, f"{DESK}/"):
        return None
    return f"{request.script_root}{request.full_path.rstrip('?')}"


def _signed_in(user_id: str) -> Person | None:
    """The person of a session that has not ended: by time, or because of what became of her account meanwhile."""
    since, seen = browser.get("since"), browser.get("seen")
    if not isinstance(since, int | float) or not isinstance(seen, int | float) or not user_id.isdecimal():
        return None
    now = service_of().now()
    if now - _moment(since) > LONGEST_SESSION or now - _moment(seen) > LONGEST_PAUSE:
        return None
    user = session().get(User, int(user_id))
    if user is None or user.disabled_at is not None or browser.get("seal") != people.seal(session(), user):
        return None
    return Person(user)


def _note() -> None:
    """Remember that the session is in use."""
    now = service_of().now()
    if now - _moment(browser["seen"]) > _NOTICED:
        browser["seen"] = now.timestamp()


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
