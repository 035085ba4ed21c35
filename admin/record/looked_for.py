"""What is looked for among the decisions, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from cds.search.criteria import COMMAND, Criteria, Outcome
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
    if criteria.since is not None or criteria.until is not None:
        parts.append(f"recorded {_between(criteria.since, criteria.until)}")
    if criteria.app is not None:
        app = "the command line" if criteria.app == COMMAND else apps.get(str(criteria.app), f"the app {criteria.app}")
        parts.append(f"asked by {app}")
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


def _between(since: datetime | None, until: datetime | None) -> str:
    days = all(at is None or at.timetz().replace(tzinfo=None) == time() for at in (since, until))
    start = "" if since is None else f"from {day(since) if days else moment(since)} on"
    end = ""
    if until is not None:
        end = f"until the end of {day(until - timedelta(days=1))}" if days else f"before {moment(until)}"
    return f"{' and '.join(filter(None, (start, end)))}{' (UTC)' if days else ''}"
