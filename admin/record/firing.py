"""How often each rule fires, at the desk: what is out of the ordinary first, then every rule, and the days of one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

from flask import abort, redirect, request, url_for
from flask_admin import expose
from sqlalchemy import select
from werkzeug.wrappers import Response

from admin.entry.access import DeskView
from admin.exporting import Cell, exported
from admin.record.firing_picture import picture, spark
from cds.api import session
from cds.firing import wording
from cds.firing.alarms import Watch
from cds.firing.series import PERIODS, Gap, NoSuchPeriod, Period, Series, period, series
from cds.firing.watching import BASELINE, RECENT, Kind
from cds.requests import unstorable
from cds.service import service_of
from knowledge.items import ItemKind
from knowledge.models import Version, VersionState

PAGE = 50
MOST_ALARMS = 20

BADGES = {
    Kind.STOPPED: ("now", "Stopped"),
    Kind.SILENT: ("now", "Silent"),
    Kind.STARTED: ("visit", "Started"),
    Kind.DOUBLED: ("visit", "Doubled"),
    Kind.HALVED: ("visit", "Halved"),
    Kind.OUT_OF_RANGE: ("visit", "Out of range"),
}
"""For each kind of alarm the colour and the word of its badge."""

ORDERS: dict[str, tuple[str, Callable[[Watch], Any]]] = {
    "alarm": ("Alarms first", lambda one: one.verdict.alarms[0].rank if one.verdict.alarms else (len(Kind), False, 0)),
    "most": ("Most often first", lambda one: (not one.lately.decisions, -one.lately.rate)),
    "least": ("Least often first", lambda one: (not one.lately.decisions, one.lately.rate)),
    "change": ("Largest change first", lambda one: -abs(one.lately.rate - one.earlier.rate)),
    "title": ("By title", lambda one: ()),
}


_FIELDS = {"first": "from", "last": "to", "days": "days"}
_DAY = "This is no day; write one such as 2026-01-31."
_READ = {"from": _DAY, "to": _DAY, "days": "This is no number of days; write one such as 90."}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rules, in which order."""

    words: str
    topic: str
    order: str

    def fits(self, one: Watch) -> bool:
        text = f"{one.key} {one.title} {one.topic}".casefold()
        return self.topic in ("", one.topic) and all(word in text for word in self.words.casefold().split())

    @property
    def kept(self) -> dict[str, str | None]:
        return {"q": self.words or None, "topic": self.topic or None, "order": self.order}


class Firing(DeskView):
    """How often every rule is recommended, and which of them fire otherwise than they used to."""

    def __init__(self) -> None:
        super().__init__(name="Firing rates", category="Record", endpoint="desk_firing", url="/desk/firing")

    @expose("/")
    def index(self) -> str:
        asked, found = _asked(), service_of().watching.current(session(), service_of().now())
        rules = sorted(filter(asked.fits, found.rules), key=lambda one: (one.title.casefold(), one.key))
        rules.sort(key=ORDERS[asked.order][1])
        pages = max(1, -(-len(rules) // PAGE))
        page = min(max(_whole("page") or 1, 1), pages)
        first = found.today - timedelta(days=BASELINE - 1)
        return self.render(
            "desk/firing.html",
            found=found,
            asked=asked,
            orders=ORDERS,
            topics=sorted({one.topic for one in found.rules if one.topic}),
            rules=rules[(page - 1) * PAGE : page * PAGE],
            count=len(rules),
            page=page,
            pages=pages,
            spark=lambda one: spark(one.points, first, BASELINE),
            most=MOST_ALARMS,
            recent=RECENT,
            wording=wording,
            badges=BADGES,
        )

    @expose("/export.csv")
    def export(self) -> Response:
        """All rules that were asked for, as a table."""
        asked, found = _asked(), service_of().watching.current(session(), service_of().now())
        header = ("rule", "version", "title", "topic", "recommended, last 28 days", "decisions, last 28 days")
        rows = [
            (
                *(one.key, one.version, one.title, one.topic, one.lately.recommended, one.lately.decisions),
                *(one.earlier.recommended, one.earlier.decisions),
                " ".join(wording.in_words(alarm) for alarm in one.verdict.alarms) or one.verdict.too_few,
            )
            for one in found.rules
            if asked.fits(one)
        ]
        return exported("firing", (*header, "recommended, before", "decisions, before", "what stands out"), rows)

    @expose("/<string:key>")
    def rule(self, key: str) -> str:
        version = _version(key)
        today, around = _today(), {"key": key, "version": version, "title": _title(version), "periods": PERIODS}
        try:
            asked = _period(today)
        except NoSuchPeriod as unusable:
            return self.render(
                "desk/firing_rule.html", **around, today=today, problems=unusable.problems, typed=_typed(), days=None
            )
        shown = series(session(), service_of().orders, key, asked, today)
        return self.render(
            "desk/firing_rule.html",
            **around,
            problems={},
            typed={"from": asked.first.isoformat(), "to": asked.last.isoformat()},
            series=shown,
            asked=asked,
            days=_days(asked, today),
            today=today,
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
            asked = _period(_today())
        except NoSuchPeriod:
            return redirect(url_for(".rule", key=key, **_typed()), 303)
        shown = series(session(), service_of().orders, key, asked, _today())
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


def _asked() -> Asked:
    order = request.args.get("order", "")
    words = request.args.get("q", "").strip()[:200]
    return Asked(words, request.args.get("topic", ""), order if order in ORDERS else next(iter(ORDERS)))


def _typed() -> dict[str, Any]:
    """What was asked for, by the names of its fields; what is empty was not."""
    texts = {name: request.args.get(name, "").strip()[:40] for name in ("from", "to", "days")}
    return {name: text for name, text in texts.items() if text}


def _period(today: date) -> Period:
    """The period that was asked for; raises NoSuchPeriod with its problems by the fields of the form."""
    typed = _typed()
    first, last, days = _day(typed.get("from")), _day(typed.get("to")), _whole("days")
    read = {"from": first, "to": last, "days": days}
    found = {name: _READ[name] for name in typed if read[name] is None}
    if found:
        raise NoSuchPeriod(found)
    try:
        return period(days=days, first=first, last=last, today=today)
    except NoSuchPeriod as wrong:
        raise NoSuchPeriod({_FIELDS[name]: detail for name, detail in wrong.problems.items()}) from None


def _days(asked: Period, today: date) -> int | None:
    """Which of the usual periods was asked for; None for one from a day to another."""
    return asked.days if asked.last == today and asked.days in PERIODS else None


def _today() -> date:
    return service_of().now().astimezone(UTC).date()


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _whole(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else None
