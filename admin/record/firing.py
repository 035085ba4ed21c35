"""How often each rule fires, at the desk: what is out of the ordinary first, then every rule, and the days of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import request
from flask_admin import expose
from werkzeug.wrappers import Response

from admin.exporting import exported
from admin.record.asked_period import whole
from admin.record.badges import BADGES
from admin.record.firing_picture import spark
from admin.record.firing_rule import RulePages
from cds.api import session
from cds.firing import wording
from cds.firing.alarms import Watch, watching_of
from cds.firing.raised import Which
from cds.firing.watching import BASELINE, RECENT, Kind
from cds.service import service_of

PAGE = 50
MOST_ALARMS = 20

ORDERS: dict[str, tuple[str, Callable[[Watch], Any]]] = {
    "alarm": ("Alarms first", lambda one: one.verdict.alarms[0].rank if one.verdict.alarms else (len(Kind), False, 0)),
    "most": ("Most often first", lambda one: (not one.lately.decisions, -one.lately.rate)),
    "least": ("Least often first", lambda one: (not one.lately.decisions, one.lately.rate)),
    "change": ("Largest change first", lambda one: -abs(one.lately.rate - one.earlier.rate)),
    "title": ("By title", lambda one: ()),
}


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


class Firing(RulePages):
    """How often every rule is recommended, and which of them fire otherwise than they used to."""

    def __init__(self) -> None:
        super().__init__(name="Firing rates", category="Record", endpoint="desk_firing", url="/desk/firing")

    @expose("/")
    def index(self) -> str:
        asked, found = _asked(), watching_of(service_of()).current(session(), service_of().now())
        rules = sorted(filter(asked.fits, found.rules), key=lambda one: (one.title.casefold(), one.key))
        rules.sort(key=ORDERS[asked.order][1])
        noted = found.noted(session())
        waiting = {one.watch.key for one, notes in noted if not notes}
        if asked.order == "alarm":
            rules.sort(key=lambda one: one.key not in waiting)
        pages = max(1, -(-len(rules) // PAGE))
        page = min(max(whole("page") or 1, 1), pages)
        first = found.today - timedelta(days=BASELINE - 1)
        return self.render(
            "desk/firing.html",
            found=found,
            waiting=[one for one, notes in noted if not notes],
            looked_into=[(one, notes) for one, notes in noted if notes],
            noted={one.which for one, notes in noted if notes},
            which=Which.of,
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
        asked, found = _asked(), watching_of(service_of()).current(session(), service_of().now())
        notes = {one.which: wording.looked_into(notes) for one, notes in found.noted(session())}
        header = ("rule", "version", "title", "topic", "recommended, last 28 days", "decisions, last 28 days")
        rows = [
            (
                *(one.key, one.version, one.title, one.topic, one.lately.recommended, one.lately.decisions),
                *(one.earlier.recommended, one.earlier.decisions),
                " ".join(wording.in_words(alarm) for alarm in one.verdict.alarms) or one.verdict.too_few,
                " ".join(filter(None, (notes[Which.of(one.key, alarm)] for alarm in one.verdict.alarms))),
            )
            for one in found.rules
            if asked.fits(one)
        ]
        return exported(
            "firing", (*header, "recommended, before", "decisions, before", "what stands out", "looked into"), rows
        )


def _asked() -> Asked:
    order = request.args.get("order", "")
    words = request.args.get("q", "").strip()[:200]
    return Asked(words, request.args.get("topic", ""), order if order in ORDERS else next(iter(ORDERS)))
