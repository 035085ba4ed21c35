"""The desk's home: what is in force, what waits for me, what is past its review date, what went wrong."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask import session as browser
from flask.typing import ResponseReturnValue
from flask_admin import AdminIndexView, expose
from flask_login import current_user, login_user, logout_user
from sqlalchemy import func, select

from admin.awaiting import awaiting
from admin.entry import access, holding
from admin.entry.access import APPROVERS, CLINICAL, DeskView, signed_in, way_on
from admin.entry.entering import SignIn, Throttled, admitted, left
from admin.record.badges import BADGES
from admin.releases.due import due
from cds.answering import standing
from cds.api import session
from cds.firing import wording
from cds.firing.alarms import watching_of
from cds.models import Incident
from cds.pages.views import in_force_since
from cds.problems import Refused
from cds.proofs.anchors import last_anchored
from cds.proofs.verifying import last_verified
from cds.record.incidents import Kind
from cds.service import service_of
from knowledge.models import Role

SOON = 90
"""The days within which a review counts as near."""

MOST_INCIDENTS = 3
MOST_ALARMS = 3
LONGEST_NAME = 200

_REFUSED = "This name and password do not fit an account that may sign in."


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
        clinical = current_user.role in CLINICAL
        watched = watching_of(service_of()).current(session(), service_of().now()) if clinical else None
        noted = watched.noted(session()) if watched else []
        waiting = [one for one, notes in noted if not notes]
        dated = due(session(), service_of().now().date()) if clinical else []
        incidents = select(Incident).order_by(Incident.id.desc())
        return self.render(
            "desk/home.html",
            standing=in_force,
            since=in_force_since(session()),
            awaiting=awaiting(session(), signed_in()),
            clinical=clinical,
            auditing=current_user.role is Role.AUDITOR,
            overdue=[one for one in dated if one.overdue],
            soon=sum(0 <= one.days <= SOON for one in dated),
            next_due=next((one.review_by for one in dated if one.days > SOON), None),
            incidents=session().scalar(select(func.count()).select_from(Incident)),
            refused=session().scalar(select(func.count()).where(Incident.kind == Kind.DISAGREEMENT)),
            watched=watched,
            waiting=waiting,
            alarms_are_mine=current_user.role in APPROVERS and bool(waiting),
            looked_into=len(noted) - len(waiting),
            most_alarms=MOST_ALARMS,
            badges=BADGES,
            wording=wording,
            latest=session().scalars(incidents.limit(MOST_INCIDENTS)).all(),
            verified=last_verified(session()),
            anchored=last_anchored(session()),
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
