"""The history of an item at the desk: one line of all its versions, with who, when, why and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_admin import expose

from admin.shelf.items import Shelved
from cds.api import session
from cds.changes.candidate import standing
from knowledge.differences import Difference
from knowledge.histories import Past, Remark, differing, remarks_of
from knowledge.holdings import title_in
from knowledge.periods import Period, periods


@dataclass(frozen=True, slots=True)
class Told:
    """A version, what was said in its review, when it was in force, and in what it differs from the one before."""

    past: Past
    remarks: tuple[Remark, ...]
    in_force: tuple[Period, ...]
    differences: tuple[Difference, ...]
    before: int | None


class Histories(Shelved):
    """How each item came to be what it is."""

    @expose("/<string:key>/history")
    def history(self, key: str) -> str:
        line = self.past(key)
        newest = line[0].version
        return self.render(
            "desk/history.html",
            key=key,
            title=title_in(newest.content, key),
            line=_told(line, differing(line, standing(session()).base.facts), periods(session())),
        )


def _told(
    line: Sequence[Past], differences: Sequence[tuple[Difference, ...]], in_force: Sequence[Period]
) -> list[Told]:
    by_release: Mapping[int, list[Period]] = {}
    for period in in_force:
        by_release.setdefault(period.release.number, []).append(period)
    before = [*(past.version.number for past in line[1:]), None]
    return [
        Told(
            past,
            remarks_of(past),
            tuple(period for number in reversed(past.releases) for period in by_release.get(number, ())),
            found,
            number,
        )
        for past, found, number in zip(line, differences, before, strict=True)
    ]
