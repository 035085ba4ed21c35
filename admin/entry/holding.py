"""What was being written when a session ended: it travels with the sign-in form, and is given back after it.

Nothing of it is stored, and nothing that is held is ever carried out: it only fills an editor's form again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from flask import current_app, request
from flask import session as browser
from flask.typing import ResponseReturnValue
from flask_login import current_user

from admin.entry.entering import SignIn
from knowledge.steps import WRITERS

_EDITORS = re.compile(r"/desk/(rules|facts|sources|vignettes)/(new|[^/\\?#]+/edit)")
_OURS = ("csrf_token", "show")
_OWN_SITE = (None, "same-origin", "none")
_MULTIPART = "multipart/form-data"
_FORMS = ("application/x-www-form-urlencoded", _MULTIPART)


@dataclass(frozen=True, slots=True)
class Held:
    """The fields of an editor's form, where they were sent, and how."""

    path: str
    query: str
    form: str
    fields: tuple[tuple[str, str], ...]

    @property
    def address(self) -> str:
        """Where the form goes, below the place that the whole app has."""
        return f"{request.script_root}{quote(self.path)}{'?' if self.query else ''}{self.query}"

    def as_text(self) -> str:
        return json.dumps([self.path, self.query, self.form, self.fields], ensure_ascii=False)


def posted() -> Held | None:
    """What this request would have written, when it comes from one of the desk's own editors."""
    if request.method != "POST" or request.mimetype not in _FORMS:
        return None
    if not _EDITORS.fullmatch(request.path) or not _from_here():
        return None
    fields = tuple((name, value) for name, value in request.form.items(multi=True) if name not in _OURS)
    query = request.query_string.decode("ascii", "replace")
    return Held(request.path, query, request.mimetype, fields) if fields else None


def carried() -> Held | None:
    """What a sign-in form carries; None when it carries nothing that an editor could have sent."""
    if request.method != "POST":
        return None
    match _read(request.form.get("held", "")):
        case [str(path), str(query), str(form), [*fields]] if _EDITORS.fullmatch(path) and form in _FORMS:
            pairs = [(one[0], one[1]) for one in fields if _is_pair(one) and one[0] not in _OURS]
            return Held(path, quote(query, safe="=&%+;,.:~*'()!/?-_"), form, tuple(pairs)) if pairs else None
        case _:
            return None


def make_room() -> None:
    """An editor's form was let in as it was: let it in with a name and a password too."""
    request.max_form_memory_size = request.max_content_length


def asked_to_sign_in(held: Held, status: int = 401) -> ResponseReturnValue:
    """The sign-in page, at the address of the editor, with what was written in it."""
    return _desk("desk/sign_in.html", form=SignIn(formdata=None), problem=None, held=held), status


def given_back(held: Held, status: int = 200) -> ResponseReturnValue:
    """The page from which what was written goes back into the editor, not yet saved."""
    return _desk("desk/held.html", held=held, writes=current_user.role in WRITERS, older=status != 200), status


def with_a_new_token() -> ResponseReturnValue | None:
    """For a form of a session before this one, whose token is no longer good: what was written, and nothing done."""
    held = posted() or (carried() if request.endpoint == "desk.sign_in" and _from_here() else None)
    if held is None:
        return None
    return given_back(held, 400) if current_user.is_authenticated else asked_to_sign_in(held, 400)


def _from_here() -> bool:
    """Whether the request comes from a page of this desk, as far as the browser tells.

    Browsers call the origin of our pages "null", because they send no referrer. One that tells nothing else is
    believed when it sent our cookie: that one does not go with a form of another site.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in _OWN_SITE or request.headers.get("Sec-Fetch-Dest", "document") != "document":
        return False
    if origin not in (None, "null") and urlsplit(origin).netloc != request.host:
        return False
    return site is not None or origin != "null" or bool(browser)


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_pair(one: object) -> bool:
    return isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one)


def _desk(template: str, **shown: object) -> str:
    [desk] = current_app.extensions["admin"]
    return desk.index_view.render(template, **shown)
