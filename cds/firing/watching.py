"""When a rule fires otherwise than it used to: which alarms its days raise. Counts in, alarms out; docs/firing.md.

Malfunctions of decision support are mostly found by watching how often each rule fires: Wright A, Hickman TT,
McEvoy D, et al. J Am Med Inform Assoc 2016;23:1068-1076. doi:10.1093/jamia/ocw005.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from cds.firing.charting import SIGMAS, TAIL, Counted, Usual, apart, chance, dispersion, total, usual

BASELINE = 28
"""The most days with decisions that a baseline is made of: four whole weeks, each day of the week as often."""

RECENT = 7
"""The newest days with decisions, of which one out of its usual range raises an alarm."""

WATCHED = timedelta(days=90)
"""So long after a release what it changed is an alarm; a rule that stopped is one as long as it does not fire."""


class Kind(StrEnum):
    """What may have befallen a rule, the gravest first: what is not said any more is the hardest to notice."""

    STOPPED = "stopped"
    SILENT = "silent"
    STARTED = "started"
    DOUBLED = "doubled"
    HALVED = "halved"
    OUT_OF_RANGE = "out_of_range"


_SAID_BY = ((Kind.HALVED, Kind.STOPPED, Kind.SILENT), (Kind.DOUBLED, Kind.STARTED))
"""Kinds that are not told of a rule beside those that say more."""

GRAVITY = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Point:
    """One day of a rule under one release, with at least one decision; a day of two releases is two points."""

    day: date
    release: int
    since: date
    """When that release was last put in force by the end of that day."""
    version: int
    """The rule's own version in that release."""
    counted: Counted
    withheld: int = 0
    undetermined: int = 0
    mixed: bool = False
    """Whether the release was put back in force that day: what came before it and what came after are one count."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is out of the ordinary: the counts before and since, and after which release, if after one.

    `day` is the release's day of being put in force, the first silent day, or the newest day out of range (all of
    them are `days`). `changed` says that the release brought another version of the rule itself, `back` that it was put
    back in force, and is held against the days of its own before.
    """

    kind: Kind
    day: date
    since: Counted
    before: Counted
    sigmas: float
    release: int | None = None
    changed: bool = False
    back: bool = False
    days: tuple[date, ...] = ()
    range: tuple[float, float] | None = None

    @property
    def rank(self) -> tuple[int, bool, float]:
        """By this alarms are ordered: by kind, what was not meant before what may be, then by size."""
        return GRAVITY[self.kind], self.changed, -abs(self.sigmas)


@dataclass(frozen=True, slots=True)
class Charted:
    """A point on its chart: the centre line and the range of so many decisions, None where too few days came before."""

    point: Point
    centre: float | None
    range: tuple[float, float] | None
    out: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to say of a rule today. `too_few` is why nothing can be said, where that is so."""

    alarms: tuple[Alarm, ...] = ()
    too_few: str | None = None


def verdict(points: Sequence[Point], today: date) -> Verdict:
    """The alarms of a rule by its days, the gravest first; or that they are too few to tell."""
    if not points:
        return Verdict(too_few="No decision was made yet while this rule was in force.")
    found = _after_releases(points, today)
    if Kind.STOPPED not in found:
        found |= {alarm.kind: alarm for alarm in _silent(points, len(points))}
    if not found:
        found = {alarm.kind: alarm for alarm in _out_of_range(points)}
    for kind, *said_by in _SAID_BY:
        if not found.keys().isdisjoint(said_by):
            found.pop(kind, None)
    alarms = sorted(found.values(), key=lambda one: one.rank)
    return Verdict(tuple(alarms), None if alarms else _too_few(points, today))


def changes(points: Sequence[Point]) -> list[int]:
    """The places of the points at which another release begins, or one that was put back in force."""
    put = [(point.release, point.since) for point in points]
    return [place for place in range(1, len(points)) if put[place] != put[place - 1]]


def unmixed(points: Sequence[Point]) -> list[Point]:
    """The points that are wholly before or wholly since whatever was put in force."""
    return [point for point in points if not point.mixed]


def standing(points: Sequence[Point]) -> list[Point]:
    """The points without those of releases that were taken back, by putting one back that was in force before them."""
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1].release != point.release:
            own = [place for place, one in enumerate(kept) if one.release == point.release]
            kept = kept[: own[-1] + 1] if own else kept
        kept.append(point)
    return kept


def usual_before(points: Sequence[Point], place: int) -> Usual | None:
    """What is usual for the day at a place: by the days before it, of the same version of the rule."""
    version = points[place].version
    first = place
    while first > 0 and place - first < BASELINE and points[first - 1].version == version:
        first -= 1
    return usual([one.counted for one in points[first:place]])


def charted(points: Sequence[Point], since: date) -> list[Charted]:
    """The points from a day on, each by the days before it, also by those before that day."""
    found = []
    for place, point in enumerate(points):
        if point.day < since:
            continue
        before = usual_before(points, place)
        if before is None:
            found.append(Charted(point, None, None, out=False))
        else:
            limits = before.range(point.counted.decisions)
            found.append(Charted(point, before.centre, limits, out=not before.has(point.counted)))
    return found


def _after_releases(points: Sequence[Point], today: date) -> dict[Kind, Alarm]:
    """At most one alarm of each kind: after the release that explains it best, of those that still stand."""
    found: dict[Kind, Alarm] = {}
    stand = standing(unmixed(points))
    for place in changes(stand):
        alarm = _after(stand, place)
        if alarm is None or (alarm.kind is not Kind.STOPPED and today - alarm.day > WATCHED):
            continue
        if alarm.kind is Kind.STOPPED and any(_silent(points, points.index(stand[place]))):
            # It was silent before this release already.
            continue
        held = found.get(alarm.kind)
        match alarm.kind:
            case Kind.STOPPED:
                # Every release since it last fired is followed by silence: the first of them is meant.
                better = held is None
            case Kind.STARTED:
                # Every release before it first fired is followed by firing: the last of them is meant.
                better = True
            case _:
                better = held is None or abs(alarm.sigmas) > abs(held.sigmas)
        if better:
            found[alarm.kind] = alarm
    return found


def _after(points: Sequence[Point], place: int) -> Alarm | None:
    earlier, later = points[max(0, place - BASELINE) : place], points[place:]
    alarm = _differing(earlier, later)
    if alarm is None:
        return None
    kind = _kind(alarm.since, alarm.before)
    if kind is None:
        return None
    first, last = points[place], points[place - 1]
    return Alarm(
        kind,
        first.since,
        alarm.since,
        alarm.before,
        alarm.sigmas,
        first.release,
        changed=first.version != last.version,
        back=first.release == last.release,
    )


def _kind(since: Counted, before: Counted) -> Kind | None:
    if not since.recommended:
        return Kind.STOPPED
    if not before.recommended:
        return Kind.STARTED
    if since.rate >= 2 * before.rate:
        return Kind.DOUBLED
    return Kind.HALVED if 2 * since.rate <= before.rate else None


def _silent(points: Sequence[Point], end: int) -> Iterator[Alarm]:
    """A rule that fired and had not since by the point before `end`, release or none.

    Counted are the decisions since, as on the g chart: Benneyan JC. Number-between g-type statistical quality
    control charts for monitoring adverse events. Health Care Manag Sci 2001;4. doi:10.1023/A:1011846412909.
    """
    first = end
    while first > 0 and not points[first - 1].counted.recommended:
        first -= 1
    if not 0 < first < end:
        return
    alarm = _differing(points[max(0, first - BASELINE) : first], points[first:end])
    if alarm is not None:
        yield alarm


def _differing(earlier: Sequence[Point], later: Sequence[Point]) -> Alarm | None:
    """An alarm, as yet of silence, when the days later differ from those earlier by more than chance."""
    as_usual = usual([one.counted for one in earlier])
    if as_usual is None:
        return None
    before, since = total(one.counted for one in earlier), total(one.counted for one in later)
    if not since.recommended and not before.recommended:
        return None
    # Where it never fired before, how unevenly it fires is seen since.
    sigma_z = as_usual.sigma_z if before.recommended else dispersion([one.counted for one in later])
    sigmas = apart(since, before, sigma_z)
    if abs(sigmas) < SIGMAS or chance(since, before) > TAIL:
        return None
    return Alarm(Kind.SILENT, later[0].day, since, before, sigmas)


def _out_of_range(points: Sequence[Point]) -> Iterator[Alarm]:
    """One alarm for the newest days that are out of their range."""
    out = [place for place in range(max(0, len(points) - RECENT), len(points)) if _is_out(points, place)]
    if not out:
        return
    newest = points[out[-1]]
    as_usual = usual_before(points, out[-1])
    assert as_usual is not None
    yield Alarm(
        Kind.OUT_OF_RANGE,
        newest.day,
        newest.counted,
        as_usual.counted,
        apart(newest.counted, as_usual.counted, as_usual.sigma_z),
        days=tuple(dict.fromkeys(points[place].day for place in out)),
        range=as_usual.range(newest.counted.decisions),
    )


def _is_out(points: Sequence[Point], place: int) -> bool:
    as_usual = usual_before(points, place)
    return as_usual is not None and not as_usual.has(points[place].counted)


def _too_few(points: Sequence[Point], today: date) -> str | None:
    """Why nothing can be said: too little before, or too little since a release even for silence to be telling."""
    stand = standing(points)
    for place in reversed(changes(stand)):
        if today - stand[place].since > WATCHED:
            break
        before = total(one.counted for one in unmixed(stand[:place])[-BASELINE:])
        decisions = total(one.counted for one in unmixed(stand[place:])).decisions
        if before.recommended and chance(Counted(0, decisions), before) > TAIL:
            return (
                f"Since release {stand[place].release} there are too few decisions ({decisions:,}): "
                "even if the rule had stopped, it could not be told yet."
            )
    if usual_before(points, len(points) - 1) is None:
        return "There are too few decisions yet to say what is usual."
    return None
