"""What the desk refuses is put on record: a page or a step that is not for this person, a form without its token."""

from __future__ import annotations

from flask import request
from flask_login import current_user

from cds.api import route_asked
from cds.record.refusals import record_refusal
from cds.service import service_of
from knowledge.errors import KnowledgeError
from knowledge.models import User
from knowledge.people import subject_of
from knowledge.steps import NotAllowed


def told(because: str) -> None:
    """Put on record that the present request is refused, and because of what."""
    if current_user.is_authenticated:
        who, role = current_user.name, {"role": str(current_user.role)}
        _told(because, f"person/{who}", who, **role)
    else:
        _told(because, "desk", "unknown")


def told_if_not_allowed(error: KnowledgeError) -> None:
    """Put on record a step that this person may not take, such as approving her own draft; other errors are none."""
    if isinstance(error, NotAllowed):
        told(str(error))


def told_of_attempts(user: User | None) -> None:
    """Put on record that somebody tries passwords too often, of this person or of a name that nobody has.

    Such a name is not kept: it may have been a password.
    """
    actor = current_user.name if current_user.is_authenticated else "unknown"
    _told("too many wrong passwords", subject_of(user) if user else "desk", actor)


def _told(because: str, subject: str, actor: str, **details: str) -> None:
    record_refusal(
        service_of(),
        because=because,
        subject=subject,
        actor=actor,
        origin=request.remote_addr,
        route=route_asked(),
        **details,
    )
