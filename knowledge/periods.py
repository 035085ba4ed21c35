"""What was in force from when to when, and which release it was at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from knowledge.models import Activation, Release, ReleaseApproval


@dataclass(frozen=True, slots=True)
class Period:
    """A release in force at a stretch, from its activation until the next one; `until` is None while it still is.

    Where the clock ran backwards it ends at the first moment from which a later one held, or where it began.
    """

    activation: Activation
    until: datetime | None

    @property
    def release(self) -> Release:
        return self.activation.release

    def approvals(self, by: datetime) -> tuple[ReleaseApproval, ...]:
        """Who had approved the release clinically by a moment."""
        return tuple(one for one in self.release.approvals if one.at <= by)


def periods(session: Session) -> list[Period]:
    """Everything that was ever in force, the newest first."""
    release = selectinload(Activation.release)
    people = (
        selectinload(Activation.by),
        release.selectinload(Release.created_by),
        release.selectinload(Release.approvals).selectinload(ReleaseApproval.by),
    )
    activations = session.scalars(select(Activation).order_by(Activation.id.desc()).options(*people)).all()
    found: list[Period] = []
    later: datetime | None = None
    for one in activations:
        found.append(Period(one, later and max(one.since, later)))
        later = min(one.since, later or one.since)
    return found


def held_at(line: Sequence[Period], at: datetime) -> Period | None:
    """What was in force at a moment: the last activation up to and with it. None before the first one."""
    return next((one for one in line if one.activation.since <= at), None)
