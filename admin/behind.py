"""What many versions of a release have in common: imported at once, and approved by nobody one by one. Said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

from knowledge.holdings import Part

_OF_ITS_OWN = {"kind", "key", "number", "title", "digest", "state"}
_SHARED = [field.name for field in fields(Part) if field.name not in {*_OF_ITS_OWN, "releases"}]


@dataclass(frozen=True, slots=True)
class Together:
    """The first of the parts that were imported together, and whether all that are shown were."""

    first: Part
    everything: bool

    def __contains__(self, part: Part) -> bool:
        return _behind(part) == _behind(self.first)


def imported_together(parts: Sequence[Part]) -> Together | None:
    """The most parts behind which the same stands, if they were imported; None when there are no two of them."""
    imported = [part for part in parts if part.approved_at is None and part.submitted_at is None and part.releases]
    most, number = next(iter(Counter(map(_behind, imported)).most_common(1)), (None, 0))
    if number < 2:
        return None
    return Together(next(part for part in imported if _behind(part) == most), number == len(parts))


def _behind(part: Part) -> tuple[object, ...]:
    return (*(getattr(part, name) for name in _SHARED), part.releases[:1])
