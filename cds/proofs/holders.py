"""People, API keys and incidents held against what the events told of them: none altered, gone, or slipped in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds import keys
from cds.models import ApiKey, Incident
from cds.record.incidents import RECORDED, incident_digest
from knowledge import people
from knowledge.canonical import instant
from knowledge.models import AuditEvent, User
from knowledge.proofs import Counted, LastTold, Problem, each_row, gone, in_pages, told_in
from knowledge.steps import SYSTEM

_Told = dict[str, LastTold]
_Of = tuple[tuple[str, ...], dict[str, Any]]
"""What a row may be called, and the parts of it of which an event tells."""

_Read = Callable[[AuditEvent, dict[str, Any]], _Of]


@dataclass(frozen=True, slots=True)
class _Stored:
    """A row as the events would tell it; `names` are what they may call it."""

    label: str
    names: tuple[str, ...]
    row: dict[str, Any]


def check_people(session: Session) -> Iterator[Counted | Problem]:
    """Everybody's role and password, and whether disabled, are as told: a check for `audit.verify`."""
    told = _told(session, _of_person, *people.TOLD)
    yield from _held(session, User, "people", told, _person)


def check_keys(session: Session) -> Iterator[Counted | Problem]:
    """Every API key is as told when it was issued, and revoked if told so: a check for `audit.verify`."""
    told = _told(session, _of_key, keys.ISSUED, keys.REVOKED)
    yield from _held(session, ApiKey, "API keys", told, _key)


def check_incidents(session: Session) -> Iterator[Counted | Problem]:
    """Every incident is as told when it was recorded: a check for `audit.verify`."""
    told = _told(session, _of_incident, RECORDED)
    yield from _held(session, Incident, "incidents", told, _incident)


def _told(session: Session, read: _Read, *actions: str) -> _Told:
    """What the events of these actions last told of each row, the parts of which earlier ones told with it."""
    told: _Told = {}
    happened = select(AuditEvent).where(AuditEvent.action.in_(actions))
    for number, row in in_pages(session, happened, AuditEvent.sequence):
        with told_in(number):
            names, was = read(row[0], json.loads(row[0].details))
            name = next((name for name in names if name in told), names[0])
            told[name] = LastTold(number, (told[name].row if name in told else {}) | was)
    return told


def _of_person(event: AuditEvent, details: dict[str, Any]) -> _Of:
    match event.action:
        case people.ADDED:
            was = {"role": details["role"], "created_at": instant(event.at), "disabled_at": None}
        case people.ROLE_CHANGED:
            was = {"role": details["to"]}
        case people.DISABLED:
            was = {"disabled_at": instant(event.at)}
        case people.ENABLED:
            was = {"disabled_at": None}
        case _:
            was = {}
    return (event.subject,), was | {part: details[part] for part in ("id", "password") if part in details}


def _of_key(event: AuditEvent, details: dict[str, Any]) -> _Of:
    """Events of old say the label of a key and not its id."""
    names = _names(event.subject, details.get("id"), details["label"])
    if event.action == keys.REVOKED:
        return names, {"revoked_at": instant(event.at)}
    was = {"created_at": instant(event.at), "created_by": event.actor, "revoked_at": None}
    return names, was | {part: details[part] for part in ("label", "purpose", "key") if part in details}


def _of_incident(event: AuditEvent, details: dict[str, Any]) -> _Of:
    was = {"at": instant(event.at), "kind": details["kind"], "digest": details.get("digest")}
    return (event.subject,), was


def _held(
    session: Session, table: type[Any], what: str, told: _Told, stored: Callable[[Any], _Stored]
) -> Iterator[Counted | Problem]:
    left = dict(told)
    yield from each_row(session, table, what, lambda row: _problem(stored(row), left))
    yield from gone(left)


def _problem(stored: _Stored, left: _Told) -> str | None:
    name = next((name for name in stored.names if name in left), None)
    if name is None:
        return f"{stored.label} was put in beside the record: no event tells of it."
    last = left.pop(name)
    altered = sorted(part for part in last.row if stored.row.get(part) != last.row[part])
    if altered:
        return f"{stored.label} was altered: {', '.join(altered)} not as audit event {last.event} told."
    return None


def _person(user: User) -> _Stored:
    row = {
        "id": user.id,
        "role": user.role,
        "password": people.password_told(user),
        "created_at": instant(user.created_at),
        "disabled_at": instant(user.disabled_at) if user.disabled_at else None,
    }
    return _Stored(f"The account of {user.name}", (people.subject_of(user),), row)


def _key(key: ApiKey) -> _Stored:
    row = {
        "label": key.label,
        "purpose": key.purpose,
        "key": keys.key_told(key),
        "created_at": instant(key.created_at),
        "created_by": SYSTEM if key.created_by_id is None else key.created_by and key.created_by.name,
        "revoked_at": instant(key.revoked_at) if key.revoked_at else None,
    }
    return _Stored(f"API key {key.id} ({key.label})", _names(keys.subject_of(key), key.id, key.label), row)


def _names(subject: str, number: int | None, label: str) -> tuple[str, ...]:
    """What the events may call a key: by its id, or as events of old do."""
    old = f"{subject} ({label})"
    return (old,) if number is None else (f"{subject} (id {number})", old)


def _incident(incident: Incident) -> _Stored:
    """An incident of old has no digest; one whose facts were not removed has them, and no digest in their place."""
    digest = incident.digest
    emptied = incident.removed_in is not None or incident.personal is None
    if digest is not None and not (emptied and digest == incident_digest(incident)):
        digest = "that of another incident"
    row = {"at": instant(incident.at), "kind": incident.kind, "digest": digest}
    return _Stored(f"Incident {incident.id}", (f"incident/{incident.id}",), row)
