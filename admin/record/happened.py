"""What an event says: in words what was done, why, to what it leads, and its details line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import url_for

from knowledge.items import ItemKind
from knowledge.models import AuditEvent
from knowledge.steps import SYSTEM

PROGRAM = "the program"
"""How pages name the actor of what nobody did."""

_BY = {"by", "created_by", "submitted_by", "approved_by"}
"""Under what names details hold the ids of people."""

GROUPS: Mapping[str, str] = {
    "person.sign": "Sign-ins",
    "version.": "Versions of rules, facts, sources and patients",
    "release.": "Releases",
    "decision": "Decisions",
    "export.": "Exports",
    "incident.": "Incidents",
    "person.": "People and their passwords",
    "api_key.": "API keys",
    "request.": "Refusals",
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

_DONE: Mapping[str, str] = {
    "person.signed_in": "Signed in",
    "person.signed_out": "Signed out",
    "person.sign_in_refused": "A sign-in was refused",
    "person.added": "An account was made",
    "person.role_changed": "A role was changed",
    "person.password_set": "A new password was set for somebody",
    "person.password_changed": "Changed their own password",
    "person.password_renewed": "A password was hashed anew, with better parameters",
    "person.password_change_refused": "A change of password was refused",
    "person.disabled": "An account was disabled",
    "person.enabled": "An account was enabled again",
    "api_key.issued": "An API key was issued",
    "api_key.revoked": "An API key was revoked",
    "version.imported": "A version was imported",
    "version.drafted": "A draft was begun",
    "version.revised": "A draft was changed",
    "version.submitted": "A draft was submitted for review",
    "version.approved": "A version was approved",
    "version.returned": "A version was given back",
    "version.retired": "A version was retired",
    "version.released": "A version became part of a release",
    "release.imported": "A release was imported",
    "release.published": "A release was published",
    "release.approved": "A release was approved clinically",
    "release.activated": "A release was put in force",
    "decision.read": "A decision was read",
    "decision.replayed": "A decision was made again",
    "decision.asked_again": "A decision’s facts were asked of another release",
    "decision.proven": "The proof of a decision was taken",
    "decisions.sealed": "Decisions were sealed",
    "decisions.searched": "Decisions were looked for",
    "events.read": "Events were read by the API",
    "in-force.read": "What was in force was read by the API",
    "export.made": "A list was taken out",
    "export.begun": "A list began to be taken out",
    "export.finished": "A list was taken out to its end",
    "export.broken_off": "The taking of a list broke off",
    "incident.recorded": "An incident was recorded",
    "incident.listed": "Incidents were listed by the API",
    "incident.read": "An incident was read",
    "comparison.started": "A comparison was started",
    "comparison.cancelled": "A comparison was called off",
    "request.refused": "A request was refused",
    "content.exported": "The knowledge base was written to files",
    "content.imported": "Content files were taken in",
    "sheet.read": "A sheet was read by the API",
    "firing.read": "How often rules fire was read by the API",
    "alarm.raised": "An alarm was raised over how often a rule fires",
    "record.verified": "The whole record was verified",
    "database.upgraded": "The database was brought to a newer migration",
    "database.granted": "A database role was let do what the service does",
    "facts.removed": "Subjects and facts of old decisions were removed",
    "chain.anchored": "The head of the chain was anchored",
}
_SHELVES = {kind.value: f"desk_{kind.value}s.item" for kind in ItemKind}


def done(event: AuditEvent) -> str:
    """What was done, in words where the action has some, else its own."""
    if event.subject.startswith("export/sheet/"):
        return "A sheet was taken"
    own = event.action.replace(".", " ").replace("_", " ")
    return _DONE.get(event.action, own[:1].upper() + own[1:])


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
