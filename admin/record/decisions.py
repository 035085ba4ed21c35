"""Recorded decisions at the desk, found by their id or subject."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from admin.record.reading import Reading, named
from admin.record.recorded import page_of
from cds.api import session

LONGEST_SEARCH = 200


class Decisions(Reading):
    """Every decision that was recorded, newest first; reading one is itself put on record."""

    def __init__(self) -> None:
        super().__init__(name="Decisions", category="Record", endpoint="desk_decisions", url="/desk/decisions")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted = request.args.get("q", "").strip()[:LONGEST_SEARCH]
        if wanted and named(session(), wanted) is not None:
            return redirect(url_for(".decision", key=wanted), 303)
        page = page_of(session(), wanted, before=_sequence("before"), after=_sequence("after"))
        return self.render("desk/decisions.html", page=page, decisions=page.decisions, wanted=wanted)


def _sequence(name: str) -> int | None:
    """Where a page of the list begins or ends; None when the address says nothing usable."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
