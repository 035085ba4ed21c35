"""Of which days a page or a table is asked, as typed in the address."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

from flask import request

from cds.firing.series import PERIODS, NoSuchPeriod, Period, period
from cds.service import service_of

_FIELDS = {"first": "from", "last": "to", "days": "days"}
_DAY = "This is no day; write one such as 2026-01-31."
_READ = {"from": _DAY, "to": _DAY, "days": "This is no number of days; write one such as 90."}


def typed() -> dict[str, Any]:
    """What was asked for, by the names of its fields; what is empty was not."""
    texts = {name: request.args.get(name, "").strip()[:40] for name in ("from", "to", "days")}
    return {name: text for name, text in texts.items() if text}


def asked_period(today: date) -> Period:
    """The period that was asked for; raises NoSuchPeriod with its problems by the fields of the form."""
    texts = typed()
    first, last, days = _day(texts.get("from")), _day(texts.get("to")), whole("days")
    read = {"from": first, "to": last, "days": days}
    found = {name: _READ[name] for name in texts if read[name] is None}
    if found:
        raise NoSuchPeriod(found)
    try:
        return period(days=days, first=first, last=last, today=today)
    except NoSuchPeriod as wrong:
        raise NoSuchPeriod({_FIELDS[name]: detail for name, detail in wrong.problems.items()}) from None


def usual_days(asked: Period, today: date) -> int | None:
    """Which of the usual periods was asked for; None for one from a day to another."""
    return asked.days if asked.last == today and asked.days in PERIODS else None


def today_in_utc() -> date:
    return service_of().now().astimezone(UTC).date()


def whole(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
