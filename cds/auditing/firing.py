"""How often each rule fires: what is out of the ordinary, every rule of late, and the days of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from cds import problems
from cds.api import session
from cds.auditing.blueprint import audit_api, told
from cds.firing import wording
from cds.firing.alarms import Watch, watching_of
from cds.firing.charting import Counted
from cds.firing.raised import LookedInto
from cds.firing.series import LONGEST, Gap, NoSuchPeriod, Period, Series, period, series
from cds.firing.watching import Alarm, Charted, Kind
from cds.problems import Refused
from cds.requests import RequestProblem, unstorable
from cds.schemas import Shape
from cds.search.orders import orders_of
from cds.service import service_of
from knowledge.canonical import instant

_FIRST = "Those that nobody looked into first, and of these the gravest."
_RATE = {"description": "From 0 to 1; null where there was no decision."}


class DaysQuery(Schema):
    days = fields.Integer(validate=validate.Range(1, LONGEST.days), metadata={"description": "So many days to today."})
    since = fields.Date(metadata={"description": "The first day, in UTC, in place of `days`."})
    until = fields.Date(metadata={"description": "The last day, in UTC."})


class CountedShown(Shape):
    recommended = fields.Integer(required=True)
    decisions = fields.Integer(required=True)
    rate = fields.Float(required=True, allow_none=True, metadata=_RATE)


class LookedIntoShown(Shape):
    by = fields.String(required=True)
    at = fields.String(required=True)
    reason = fields.String(required=True)
    event = fields.Integer(required=True, metadata={"description": "The event that tells of it."})


class AlarmShown(Shape):
    rule = fields.String(required=True)
    alarm = fields.Enum(Kind, by_value=True, required=True)
    text = fields.String(required=True)
    day = fields.Date(
        required=True, metadata={"description": "When the release was put in force; or the first silent, or odd, day."}
    )
    release = fields.Integer(required=True, allow_none=True)
    rule_changed = fields.Boolean(required=True, metadata={"description": "The release changed the rule itself."})
    since = fields.Nested(CountedShown, required=True)
    before = fields.Nested(CountedShown, required=True)
    looked_into = fields.List(
        fields.Nested(LookedIntoShown), required=True, metadata={"description": "The first one first; empty: nobody."}
    )


class RuleFiring(Shape):
    rule = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    topic = fields.String(required=True)
    last_28_days = fields.Nested(CountedShown, required=True)
    before = fields.Nested(
        CountedShown, required=True, metadata={"description": "On the 28 days with decisions before those."}
    )
    too_few = fields.String(
        required=True, allow_none=True, metadata={"description": "Why nothing can be said of it yet."}
    )


class Firing(Shape):
    as_of = fields.String(
        required=True, allow_none=True, metadata={"description": "When the last decision was recorded that is counted."}
    )
    alarms = fields.List(fields.Nested(AlarmShown), required=True, metadata={"description": _FIRST})
    rules = fields.List(fields.Nested(RuleFiring), required=True)


class DayShown(CountedShown):
    day = fields.Date(required=True)
    release = fields.Integer(required=True, allow_none=True)
    version = fields.Integer(required=True, allow_none=True)
    withheld = fields.Integer(required=True)
    undetermined = fields.Integer(required=True)
    usual = fields.Float(required=True, allow_none=True)
    usual_from = fields.Float(required=True, allow_none=True)
    usual_to = fields.Float(required=True, allow_none=True)
    out_of_range = fields.Boolean(
        required=True, allow_none=True, metadata={"description": "Null where too few days came before to tell."}
    )


class ReleasePutInForce(Shape):
    release = fields.Integer(required=True)
    at = fields.String(required=True)


class FiringOfRule(Shape):
    rule = fields.String(required=True)
    as_of = fields.String(required=True, allow_none=True)
    alarms = fields.List(fields.Nested(AlarmShown), required=True)
    too_few = fields.String(required=True, allow_none=True)
    releases = fields.List(fields.Nested(ReleasePutInForce), required=True)
    days = fields.List(fields.Nested(DayShown), required=True, metadata={"description": "A day of two releases twice."})


@audit_api.route("/firing")
@audit_api.doc(operationId="list_firing")
@audit_api.response(200, Firing)
def list_firing() -> dict[str, Any]:
    """How often every rule in force is recommended, and which fire otherwise than they used to

    Reading is itself an event.
    """
    service = service_of()
    found = watching_of(service).current(session(), service.now())
    told("firing.read", "firing", {"rules": len(found.rules), "alarms": len(found.alarms)})
    return {
        "as_of": instant(found.as_of) if found.as_of else None,
        "alarms": [_alarm(one.watch.key, one.alarm, notes) for one, notes in found.noted(session())],
        "rules": [_rule(one) for one in found.rules],
    }


@audit_api.route("/firing/<string:rule>")
@audit_api.arguments(DaysQuery, location="query")
@audit_api.doc(operationId="get_firing")
@audit_api.response(200, FiringOfRule)
def get_firing(query: dict[str, Any], rule: str) -> dict[str, Any]:
    """The days of one rule, each with what was usual before it, and the releases between

    By default the last 90 days, or the 90 up to `until`. Reading is itself an event.
    """
    service = service_of()
    if unstorable(rule) or rule not in orders_of(service).rules(session()):
        raise Refused(problems.not_found(f"No release holds a rule {rule} that can fire. /api/v1/firing lists them."))
    today = service.now().astimezone(UTC).date()
    asked = _period(query, today)
    found = series(session(), orders_of(service), rule, asked, today)
    alarms = [_alarm(rule, alarm, notes) for alarm, notes in found.noted(session())]
    told("firing.read", f"rule/{rule}", {"from": asked.first.isoformat(), "to": asked.last.isoformat()})
    return {
        "rule": rule,
        "as_of": instant(found.as_of) if found.as_of else None,
        "alarms": alarms,
        "too_few": found.verdict.too_few,
        "releases": [{"release": one.release, "at": instant(one.at)} for one in found.releases],
        "days": list(_days(found)),
    }


def _period(query: dict[str, Any], today: date) -> Period:
    try:
        return period(days=query.get("days"), first=query.get("since"), last=query.get("until"), today=today)
    except NoSuchPeriod as wrong:
        at = {"days": "/days", "first": "/since", "last": "/until"}
        found = [RequestProblem(at[name], detail) for name, detail in wrong.problems.items()]
        raise Refused(problems.unusable(found)) from None


def _rule(one: Watch) -> dict[str, Any]:
    return {
        "rule": one.key,
        "version": one.version,
        "title": one.title,
        "topic": one.topic,
        "last_28_days": _counted(one.lately),
        "before": _counted(one.earlier),
        "too_few": one.verdict.too_few,
    }


def _alarm(rule: str, alarm: Alarm, notes: Sequence[LookedInto]) -> dict[str, Any]:
    return {
        "rule": rule,
        "alarm": alarm.kind,
        "text": wording.in_words(alarm),
        "day": alarm.day,
        "release": alarm.release,
        "rule_changed": alarm.changed,
        "since": _counted(alarm.since),
        "before": _counted(alarm.before),
        "looked_into": [
            {"by": one.by, "at": instant(one.at), "reason": one.reason, "event": one.event} for one in notes
        ],
    }


def _counted(counted: Counted) -> dict[str, Any]:
    rate = counted.rate if counted.decisions else None
    return {"recommended": counted.recommended, "decisions": counted.decisions, "rate": rate}


def _days(found: Series) -> Iterator[dict[str, Any]]:
    for one in found.with_gaps():
        if isinstance(one, Gap):
            for more in range((one.last - one.first).days + 1):
                yield _no_decision(one.first + timedelta(days=more))
        else:
            yield _day(one)


def _day(one: Charted) -> dict[str, Any]:
    point, limits = one.point, one.range
    return {
        "day": point.day,
        "release": point.release,
        "version": point.version,
        **_counted(point.counted),
        "withheld": point.withheld,
        "undetermined": point.undetermined,
        "usual": one.centre,
        "usual_from": limits[0] if limits else None,
        "usual_to": limits[1] if limits else None,
        "out_of_range": one.out if limits else None,
    }


def _no_decision(day: date) -> dict[str, Any]:
    unknown = ("release", "version", "usual", "usual_from", "usual_to", "out_of_range")
    return {"day": day, **_counted(Counted()), "withheld": 0, "undetermined": 0, **dict.fromkeys(unknown)}
