"""Where the routes of the auditors' API stand: who is let in, and what the record keeps of their reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g, request
from flask_smorest import Blueprint

from cds import problems
from cds.api import PREFIX, admit, refusal_told, session
from cds.filters import refuse_what_it_does_not_know
from cds.models import ApiKey, Purpose
from cds.problems import Refused
from cds.service import service_of
from knowledge import audit

audit_api = Blueprint(
    "audit", __name__, url_prefix=PREFIX, description="The record, for the holder of a key that was issued to read it."
)


@audit_api.before_request
def authenticate() -> None:
    """Every endpoint wants the key of an auditor; what is recorded meanwhile is recorded as from her address."""
    admit()
    if g.admitted.purpose is not Purpose.AUDIT:
        refusal_told("the key of an app")
        detail = "This key is an app’s. To read the record, ask an administrator for a key that is for auditing."
        raise Refused(problems.not_for_this_key(detail))
    refuse_what_it_does_not_know()
    session().info["origin"] = request.remote_addr


def reader() -> str:
    """What events call the holder of the key, such as `key pw_12345 (Audit 2026)`."""
    return session().get_one(ApiKey, g.admitted.id).named


def told(action: str, subject: str, details: Mapping[str, Any]) -> None:
    """Put on record what was read, and commit. The details name no patient."""
    at = service_of().now()
    audit.record(session(), action=action, subject=subject, actor=reader(), at=at, details=details)
    session().commit()
