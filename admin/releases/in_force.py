"""What was in force on a day or at a moment: which release, by whom and why, and who stands behind each part of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from admin.behind import imported_together
from admin.entry.access import DeskView
from admin.exporting import exported
from admin.shelf.items import number_in
from admin.shelf.shelves import SHELVES
from cds.api import session
from cds.service import service_of
from knowledge.canonical import instant
from knowledge.errors import WrongValue
from knowledge.holdings import Part, parts_of
from knowledge.items import ItemKind
from knowledge.labels import day, moment
from knowledge.periods import held_at, periods
from knowledge.received import past_moment_or_day

PAGE = 100
LONGEST_SEARCH = 200

_HEADER = (
    *("release", "as of"),
    *("kind", "key", "version", "title", "written by", "written at", "reason"),
    *("submitted by", "submitted at", "approved by", "approved at", "comment on approval"),
    *("brought in by release", "digest"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which moment, in words, and which parts. `problem` says why the moment is now and not what was asked for."""

    on: str
    at: datetime
    said: str
    words: str
    kind: ItemKind | None
    problem: str | None = None

    def fits(self, part: Part) -> bool:
        """Whether all the words stand in what is told of a part, and it is of the kind."""
        if self.kind not in (None, part.kind):
            return False
        text = " ".join(filter(None, (part.title, part.key, part.reason, part.comment, *part.people))).casefold()
        return all(word in text for word in self.words.casefold().split())


class InForce(DeskView):
    """One moment of the record, and the line of all that was in force."""

    def __init__(self) -> None:
        self._default_view = "index"
        super().__init__(name="In force", category="Record", endpoint="desk_in_force", url="/desk/in-force")

    @expose("")
    def index(self) -> str:
        asked = _asked()
        line = periods(session())
        held = held_at(line, asked.at)
        parts = parts_of(session(), held.release.id) if held else []
        found = [part for part in parts if asked.fits(part)]
        pages = max(1, -(-len(found) // PAGE))
        page = min(max(number_in(request.args.get("page"), 1), 1), pages)
        shown = found[(page - 1) * PAGE : page * PAGE]
        return self.render(
            "desk/in_force.html",
            asked=asked,
            line=line,
            held=held,
            approvals=held.approvals(asked.at) if held else (),
            shelves=SHELVES,
            all=len(parts),
            found=len(found),
            parts=shown,
            together=imported_together(shown),
            first=(page - 1) * PAGE + 1,
            page=page,
            pages=pages,
        )

    @expose("/export.csv")
    def export(self) -> ResponseReturnValue:
        """The parts that were found, as a table."""
        asked = _asked()
        if asked.problem:
            return self.index(), 422
        held = held_at(periods(session()), asked.at)
        parts = parts_of(session(), held.release.id) if held else []
        number = held.release.number if held else None
        rows = [(number, asked.at, *_row(part)) for part in parts if asked.fits(part)]
        which = f"release-{number}" if held else "nothing"
        return exported("in-force", _HEADER, rows, named=f"{which}-at-{asked.on or instant(asked.at)}")


def _row(part: Part) -> tuple[str | int | datetime | None, ...]:
    return (
        *(part.kind.value, part.key, part.number, part.title, part.created_by, part.created_at, part.reason),
        *(part.submitted_by, part.submitted_at, part.approved_by, part.approved_at, part.comment),
        *(min(part.releases), part.digest),
    )


def _asked() -> Asked:
    """What the address asks for; now, where it names no moment that can be read."""
    now = service_of().now()
    words = request.args.get("q", "")[:LONGEST_SEARCH]
    kind = next((one for one in ItemKind if one.value == request.args.get("kind")), None)
    on = " ".join(request.args.get("on", "").split())[:LONGEST_SEARCH]
    if not on:
        return Asked("", now, "now", words, kind)
    try:
        at = past_moment_or_day(on, now)
    except WrongValue as problem:
        return Asked(on, now, "now", words, kind, problem.detail)
    if at == now:
        return Asked(on, now, "now", words, kind)
    said = f"on {day(at)}, at the end of the day in UTC" if at.microsecond and "T" not in on else f"at {moment(at)}"
    return Asked(on, at, said, words, kind)
