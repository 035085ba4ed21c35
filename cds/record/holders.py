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
from knowledge.proofs import Counted, LastTold, Problem, in_pages, unreadable
from knowledge.steps import SYSTEM

_Told = dict[str, LastTold]


@dataclass(frozen=True, slots=True)
class _Stored:
    """A row as the events would tell it; `names` are what they may call it."""

    label: str
    names: tuple[str, ...]
    row: dict[str, Any]


def check_people(session: Session) -> Iterator[Counted | Problem]:
    """Everybody's role and password, and whether disabled, are as told: a check for `audit.verify`."""
    told: _Told = {}
    for event, details in _events(session, *people.TOLD):
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
        _remember(
            told, event.subject, event, was | {part: details[part] for part in ("id", "password") if part in details}
        )
    yield from _held(session, User, "people", told, _person)


def check_keys(session: Session) -> Iterator[Counted | Problem]:
    """Every API key is as told when it was issued, and revoked if told so: a check for `audit.verify`."""
    told: _Told = {}
    for event, details in _events(session, keys.ISSUED, keys.REVOKED):
        # Events of old say the label of a key and not its id.
        names = _names(event.subject, details.get("id"), details["label"])
        name = next((name for name in names if name in told), names[0])
        if event.action == keys.REVOKED:
            was = {"revoked_at": instant(event.at)}
        else:
            was = {"created_at": instant(event.at), "created_by": event.actor, "revoked_at": None}
            was |= {part: details[part] for part in ("label", "purpose", "key") if part in details}
        _remember(told, name, event, was)
    yield from _held(session, ApiKey, "API keys", told, _key)


def check_incidents(session: Session) -> Iterator[Counted | Problem]:
    """Every incident is as told when it was recorded: a check for `audit.verify`."""
    told: _Told = {}
    for event, details in _events(session, RECORDED):
        was = {"at": instant(event.at), "kind": details["kind"], "digest": details.get("digest")}
        _remember(told, event.subject, event, was)
    yield from _held(session, Incident, "incidents", told, _incident)


def _events(session: Session, *actions: str) -> Iterator[tuple[AuditEvent, dict[str, Any]]]:
    happened = select(AuditEvent).where(AuditEvent.action.in_(actions))
    for _, row in in_pages(session, happened, AuditEvent.sequence):
        yield row[0], json.loads(row[0].details)


def _remember(told: _Told, name: str, event: AuditEvent, was: dict[str, Any]) -> None:
    before = told[name].row if name in told else {}
    told[name] = LastTold(event.sequence, before | was)


def _held(
    session: Session, table: type[Any], what: str, told: _Told, stored: Callable[[Any], _Stored]
) -> Iterator[Counted | Problem]:
    left = dict(told)
    for number, row in in_pages(session, select(table), table.id):
        try:
            problem = _problem(stored(row[0]), left)
        except Exception as failure:
            if not unreadable(failure):
                raise
            problem = f"Row {number} of the {what} was altered: it cannot be read."
        yield Problem(problem) if problem else Counted(what)
    for name, last in left.items():
        yield Problem(f"Audit event {last.event} tells of {name}, which is no longer stored so.")


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
        "created_by": key.created_by.name if key.created_by else SYSTEM,
        "revoked_at": instant(key.revoked_at) if key.revoked_at else None,
    }
    return _Stored(f"API key {key.id} ({key.label})", _names(keys.subject_of(key), key.id, key.label), row)


def _names(subject: str, number: int | None, label: str) -> tuple[str, ...]:
    """What the events may call a key: by its id, or as events of old do."""
    old = f"{subject} ({label})"
    return (old,) if number is None else (f"{subject} (id {number})", old)


def _incident(incident: Incident) -> _Stored:
    """An incident of old has no digest; one whose facts were not removed has them, and no digest in their place."""
    digest = incident.digest and incident_digest(incident)
    if incident.removed_in is None and incident.personal is not None:
        digest = "that of other facts"
    row = {"at": instant(incident.at), "kind": incident.kind, "digest": digest}
    return _Stored(f"Incident {incident.id}", (f"incident/{incident.id}",), row)
