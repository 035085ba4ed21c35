"""What an event says: in words what was done, why, to what it leads, and its details line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import url_for

from cds.search.actions import DONE
from knowledge.items import ItemKind
from knowledge.models import AuditEvent
from knowledge.steps import SYSTEM

PROGRAM = "the program"
"""How pages name the actor of what nobody did."""

_BY = {"by", "created_by", "submitted_by", "approved_by"}
"""Under what names details hold the ids of people."""

GROUPS: Mapping[str, str] = {
    "person.sign": "Sign-ins, and those refused",
    "version.": "Versions of rules, hazards, facts, sources and test patients",
    "proof.": "Findings of the solver",
    "release.": "Releases",
    "decision": "Decisions",
    "export.": "Exports",
    "incident.": "Incidents",
    "person.": "People and their passwords",
    "api_key.": "API keys",
    "request.": "Refused requests",
    "comparison.": "Comparisons",
    "content.": "Content as files",
    "facts.": "Facts removed",
    "chain.": "Anchors of the chain",
    "record.": "Verifications of the record",
    "database.": "Migrations and grants",
    "alarm.": "Alarms",
    "events.": "Readings of the events by the API",
    "sheet.": "Readings by the API of sheets",
    "firing.": "Readings by the API of how often rules fire",
    "in-force.": "Readings by the API of what was in force",
}
"""By the beginning of their actions, what events can be narrowed to."""

_SHELVES = {kind.value: f"desk_{kind.value}s.item" for kind in ItemKind}


def done(event: AuditEvent) -> str:
    """What was done, in words where the action has some, else its own."""
    if event.subject.startswith("export/sheet/"):
        return "A sheet was taken"
    own = event.action.replace(".", " ").replace("_", " ")
    return DONE.get(event.action, own[:1].upper() + own[1:])


def who(event: AuditEvent) -> str:
    """By whom it was done; for the command line, with the account of the operating system that ran it."""
    name = PROGRAM if event.actor == SYSTEM else event.actor
    account = event.told.get("account")
    return f"{name}, from the account {account}" if account else name


def why(details: Mapping[str, Any]) -> str | None:
    """The reason or the comment that was given."""
    for told in (details, *(part for part in details.values() if isinstance(part, dict))):
        for name in ("comment", "reason"):
            if isinstance(told.get(name), str) and told[name]:
                return told[name]
    return None


def leads_to(event: AuditEvent) -> str | None:
    """The page of what an event is about, where there is one."""
    kind, _, rest = event.subject.partition("/")
    match rest.split("/"):
        case [key, number] if kind in _SHELVES and number.isdecimal():
            return url_for(_SHELVES[kind], key=key, version=int(number))
        case [number, *_] if kind == "release" and number.isdecimal():
            return url_for("desk_releases.release", number=int(number))
        case [key] if kind == "rule":
            return url_for("desk_firing.rule", key=key)
        case [key] if kind == "decision":
            return url_for("desk_decisions.decision", key=key)
        case [number] if kind == "incident" and number.isdecimal():
            return url_for("desk_incidents.incident", number=int(number))
        case _:
            return None


def line_by_line(details: Any, people: Mapping[int, str], before: str = "") -> Iterator[tuple[str, str]]:
    """The details as names and texts; what stands within something bears the name of that before its own.

    `people` names those whom details tell by their ids.
    """
    match details:
        case dict():
            for name, value in details.items():
                said = str(name).replace("_", " ")
                if name in _BY and isinstance(value, int):
                    value = people.get(value, value)
                yield from line_by_line(value, people, f"{before}, {said}" if before else said)
        case list() if any(isinstance(one, dict | list) for one in details):
            for place, value in enumerate(details, 1):
                yield from line_by_line(value, people, f"{before} {place}")
        case list():
            yield before, ", ".join(map(_text, details)) or "none"
        case value:
            yield before, _text(value)


def _text(value: Any) -> str:
    match value:
        case None:
            return "not said"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
