"""What holds of each decision that fits the criteria, in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, and_, false, func, or_

from cds.models import Decision
from cds.search.criteria import COMMAND, Criteria, Outcome
from cds.search.looking import Places, at
from knowledge.items import State


def fits(criteria: Criteria, releases: Places | None) -> Iterator[ColumnElement[bool]]:
    """What holds of each decision that is found, whatever the blocks say."""
    if criteria.named:
        yield or_(Decision.id == criteria.named, Decision.subject == criteria.named)
    if criteria.subject:
        yield Decision.subject == criteria.subject
    if criteria.since is not None:
        yield Decision.recorded_at >= criteria.since
    if criteria.until is not None:
        yield Decision.recorded_at < criteria.until
    if criteria.app is not None:
        yield of_app(criteria)
    if releases is not None and not (criteria.rule and criteria.outcome):
        yield _of_releases([*releases])
    if criteria.outcome is not None:
        yield _became(criteria.outcome, releases if criteria.rule else None)


def of_app(criteria: Criteria) -> ColumnElement[bool]:
    if criteria.app == COMMAND:
        return and_(Decision.api_key_id.is_(None), Decision.origin == COMMAND)
    return Decision.api_key_id == criteria.app


def _of_releases(releases: Sequence[int]) -> ColumnElement[bool]:
    return Decision.release_id == releases[0] if len(releases) == 1 else Decision.release_id.in_(releases)


def _became(outcome: Outcome, releases: Places | None) -> ColumnElement[bool]:
    if outcome is Outcome.NOTHING:
        return func.replace(Decision.states, State.RECOMMENDED[0], "") == Decision.states
    letter = outcome[0]
    if releases is None:
        return func.replace(Decision.states, letter, "") != Decision.states
    stands = [
        and_(_of_releases(held), func.substr(Decision.states, place + 1, 1) == letter)
        for place, held in at(releases).items()
    ]
    return or_(false(), *stands)
