"""The desk's home: what is in force, what waits for me, what is past its review date, what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from flask import redirect, request, url_for
from flask import session as browser
from flask.typing import ResponseReturnValue
from flask_admin import AdminIndexView, expose
from flask_login import current_user, login_user, logout_user
from sqlalchemy import func, select

from admin import access, holding
from admin.access import CLINICAL, DeskView, signed_in, way_on
from admin.awaiting import awaiting
from admin.entering import SignIn, Throttled, admitted, left
from cds.answering import standing
from cds.api import session
from cds.models import Incident
from cds.pages.views import in_force_since
from cds.problems import Refused
from cds.service import service_of
from knowledge.items import KnowledgeBase
from knowledge.models import Role

SOON = timedelta(days=90)
LONGEST_NAME = 200

_REFUSED = "This name and password do not fit an account that may sign in."


@dataclass(frozen=True, slots=True)
class Due:
    """A rule or source of the release in force, and the day by which it is to be reviewed."""

    kind: str
    key: str
    title: str
    review_by: date


class Home(DeskView, AdminIndexView):
    """What a lead should see first, and the way in and out."""

    readers = frozenset(Role)

    def __init__(self) -> None:
        super().__init__(name="Home", endpoint="desk", url="/desk")
        # Flask-Admin would serve its Bootstrap and jQuery to anybody; no page of ours uses them.
        self.static_folder = None

    def is_accessible(self) -> bool:
        return request.endpoint == "desk.sign_in" or super().is_accessible()

    @expose("/")
    def index(self) -> str:
        try:
            in_force = standing(service_of(), session())
        except Refused:
            in_force = None
        today = service_of().now().date()
        due = sorted(_dated(in_force.release.base), key=lambda one: (one.review_by, one.key)) if in_force else []
        return self.render(
            "desk/home.html",
            standing=in_force,
            since=in_force_since(session()),
            awaiting=awaiting(session(), signed_in()),
            clinical=current_user.role in CLINICAL,
            overdue=[one for one in due if one.review_by < today],
            soon=[one for one in due if today <= one.review_by <= today + SOON],
            next_due=next((one.review_by for one in due if one.review_by > today + SOON), None),
            incidents=session().scalar(select(func.count()).select_from(Incident)),
        )

    @expose("/sign-in", methods=("GET", "POST"))
    def sign_in(self) -> ResponseReturnValue:
        held = holding.carried()
        if current_user.is_authenticated:
            return holding.given_back(held) if held else redirect(way_on(), 303)
        form = SignIn()
        if request.method != "POST":
            return self.render("desk/sign_in.html", form=form, problem=None)
        try:
            user = admitted(" ".join((form.name.data or "").split())[:LONGEST_NAME], form.password.data or "")
        except Throttled as throttled:
            shown = self.render("desk/sign_in.html", form=form, problem=throttled.sentence, held=held)
            return shown, 429, {"Retry-After": str(throttled.seconds)}
        if user is None:
            return self.render("desk/sign_in.html", form=form, problem=_REFUSED, held=held), 403
        login_user(access.begin(user, service_of().now()))
        return holding.given_back(held) if held else redirect(way_on(), 303)

    @expose("/sign-out", methods=("POST",))
    def sign_out(self) -> ResponseReturnValue:
        left(current_user.name)
        logout_user()
        browser.clear()
        return redirect(url_for("desk.sign_in"), 303)


def _dated(base: KnowledgeBase) -> Iterator[Due]:
    for rule in base.rules.values():
        yield Due("rule", rule.key, rule.title, rule.review_by)
    for source in base.sources.values():
        if source.review_by is not None:
            yield Due("source", source.key, source.title, source.review_by)
