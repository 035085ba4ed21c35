"""For whom a change turns something, of all patients there can be: the active release beside a candidate."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cds.changes.candidate import Candidate
from cds.changes.remembered import same_items
from cds.changes.trial import in_the_way
from knowledge.errors import KnowledgeError

if TYPE_CHECKING:
    from cds.authoring.proof.regions import RegionOfChange


class NoRegion(KnowledgeError):
    """The region of a change could not be found; the text says why."""


_kept: deque[tuple[Candidate, Candidate, RegionOfChange]] = deque(maxlen=8)


def change_region(before: Candidate, after: Candidate) -> RegionOfChange:
    """Who gains and who loses each rule, as regions. Raises NoRegion. Takes some seconds the first time."""
    for was, becomes, found in tuple(_kept):
        if same_items(was, before) and same_items(becomes, after):
            return found
    found = _found(before, after)
    _kept.appendleft((before, after, found))
    return found


def _found(before: Candidate, after: Candidate) -> RegionOfChange:
    from cds.authoring.proof.formulas import TimedOut
    from cds.authoring.proof.regions import region_of_change

    if in_the_way(after) or in_the_way(before):
        raise NoRegion("For whom it turns cannot be said before what is named above is mended.")
    try:
        return region_of_change(before.base, after.base, datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    except TimedOut:
        raise NoRegion(
            "The solver came to no end in its time: this change turns too much at once to be told."
        ) from None
