"""How often one rule fires, at the desk: its days, what is out of the ordinary, and that somebody looked into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from admin.entry.access import APPROVERS, DeskView, only, signed_in
from admin.entry.refusing import told_if_not_allowed
from admin.exporting import Cell, exported
from admin.record.asked_period import asked_period, today_in_utc, typed, usual_days
from admin.record.badges import BADGES
from admin.record.firing_picture import picture
from cds.api import session
from cds.firing import wording
from cds.firing.raised import LONGEST_REASON, Which, look_into
from cds.firing.series import PERIODS, Gap, NoSuchPeriod, Period, Series, series
from cds.requests import unstorable
from cds.search.orders import orders_of
from cds.service import service_of
from knowledge.errors import KnowledgeError
from knowledge.items import ItemKind
from knowledge.models import Version, VersionState


@dataclass(frozen=True, slots=True)
class Unsaid:
    """What somebody typed of an alarm, and why it was not put on record."""

    alarm: str
    reason: str
    problem: str


class RulePages(DeskView):
    """The days of a rule, and what is said of its alarms."""

    @expose("/<string:key>")
    def rule(self, key: str) -> str:
        return self._shown(key)

    @expose("/<string:key>/looked-into", methods=("POST",))
    @only(APPROVERS)
    def looked_into(self, key: str) -> ResponseReturnValue:
        """Put on record that an alarm was looked into, if it stands."""
        _version(key)
        today, named = today_in_utc(), request.form.get("alarm", "")
        found = series(session(), orders_of(service_of()), key, Period(today, today), today)
        alarm = next((one for one in found.verdict.alarms if Which.of(key, one).named == named), None)
        if alarm is None:
            flash("This alarm does not stand any more, so nothing was put on record.")
            return redirect(url_for(".rule", key=key), 303)
        reason, at = request.form.get("reason", ""), service_of().now()
        try:
            look_into(session(), key, found.version or 0, alarm, by=signed_in(), at=at, reason=reason)
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            return self._shown(key, Unsaid(named, reason, str(error))), 422
        session().commit()
        flash("It is on record that this was looked into, and stands beside the alarm for everyone.")
        return redirect(url_for(".rule", key=key), 303)

    def _shown(self, key: str, unsaid: Unsaid | None = None) -> str:
        version, today = _version(key), today_in_utc()
        around = {"key": key, "version": version, "title": _title(version), "periods": PERIODS, "today": today}
        try:
            asked = asked_period(today)
        except NoSuchPeriod as unusable:
            return self.render("desk/firing_rule.html", **around, problems=unusable.problems, typed=typed(), days=None)
        shown = series(session(), orders_of(service_of()), key, asked, today)
        return self.render(
            "desk/firing_rule.html",
            **around,
            problems={},
            typed={"from": asked.first.isoformat(), "to": asked.last.isoformat()},
            series=shown,
            noted=shown.noted(session()),
            which=lambda alarm: Which.of(key, alarm).named,
            looks_into=current_user.role in APPROVERS,
            unsaid=unsaid,
            longest=LONGEST_REASON,
            asked=asked,
            days=usual_days(asked, today),
            picture=picture(shown),
            rows=list(shown.with_gaps())[::-1],
            is_gap=lambda one: isinstance(one, Gap),
            after=_after(shown),
            wording=wording,
            badges=BADGES,
        )

    @expose("/<string:key>/export.csv")
    def export_rule(self, key: str) -> Response:
        """The days of one rule as a table, those without a decision too."""
        _version(key)
        try:
            asked = asked_period(today_in_utc())
        except NoSuchPeriod:
            return redirect(url_for(".rule", key=key, **typed()), 303)
        shown = series(session(), orders_of(service_of()), key, asked, today_in_utc())
        header = ("day", "release", "version", "decisions", "recommended", "withheld", "undetermined", "rate")
        limits = ("usual rate", "usual from", "usual to", "out of its usual range")
        told = {"from": asked.first.isoformat(), "to": asked.last.isoformat()}
        return exported(f"firing-of-{key}", (*header, *limits), _rows(shown), told=told)


def _rows(shown: Series) -> Iterator[tuple[Cell, ...]]:
    for one in shown.with_gaps():
        if isinstance(one, Gap):
            for more in range((one.last - one.first).days + 1):
                yield one.first + timedelta(days=more), None, None, 0, *(None,) * 8
        else:
            point, counted = one.point, one.point.counted
            yield (
                *(point.day, point.release, point.version, counted.decisions, counted.recommended),
                *(point.withheld, point.undetermined, counted.rate, one.centre),
                *(one.range or (None, None)),
                one.out if one.range else None,
            )


def _after(shown: Series) -> dict[tuple[int | None, date], str]:
    """The badge of each alarm that stands after a release, by that release and the day it was put in force."""
    return {(alarm.release, alarm.day): BADGES[alarm.kind][1] for alarm in shown.verdict.alarms if alarm.release}


def _version(key: str) -> Version:
    """The newest version of a rule that was ever released, or a page that says that there is none."""
    released = (VersionState.RELEASED, VersionState.RETIRED)
    query = select(Version).where(Version.kind == ItemKind.RULE, Version.key == key, Version.state.in_(released))
    version = None if unstorable(key) else session().scalars(query.order_by(Version.number.desc())).first()
    return version or abort(404, "No rule of this key was ever released. Look for it among the firing rates.")


def _title(version: Version) -> str:
    return str(json.loads(version.content).get("title") or version.key)
