"""What is looked for among the decisions, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from cds.record.criteria import Criteria, Outcome
from knowledge.labels import day, moment


def in_words(criteria: Criteria, apps: Mapping[str, str]) -> str:
    """The criteria as the end of a sentence about decisions: `in which walk-daily was recommended, by release 2`.

    Empty when any decision is looked for. `apps` gives names to the apps.
    """
    parts = []
    if criteria.named or criteria.subject:
        parts.append(f"with the id or the subject “{criteria.named or criteria.subject}”")
    if what := _became(criteria):
        parts.append(what)
    if criteria.release is not None:
        parts.append(f"by release {criteria.release}")
    if criteria.since is not None:
        parts.append(f"recorded from {_said(criteria.since)} on")
    if criteria.until is not None:
        parts.append(f"recorded {_end(criteria.until)}")
    if criteria.app is not None:
        parts.append(f"asked by {apps.get(str(criteria.app), f'the app {criteria.app}')}")
    return ", ".join(parts)


def _became(criteria: Criteria) -> str:
    rule = f"the rule {criteria.rule}{f' (version {criteria.version})' if criteria.version else ''}"
    match criteria.outcome:
        case None:
            return f"in which {rule} was asked about" if criteria.rule else ""
        case Outcome.NOTHING:
            return "in which nothing was recommended"
        case outcome:
            what = outcome.replace("_", " ")
            return f"in which {rule} was {what}" if criteria.rule else f"in which at least one rule was {what}"


def _said(at: datetime) -> str:
    return f"{day(at)} (UTC)" if at.timetz().replace(tzinfo=None) == time() else moment(at)


def _end(until: datetime) -> str:
    if until.timetz().replace(tzinfo=None) == time():
        return f"until the end of {day(until - timedelta(days=1))} (UTC)"
    return f"before {moment(until)}"
