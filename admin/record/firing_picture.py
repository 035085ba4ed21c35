"""The days of a rule as a picture: places in hundredths of its width and height, for the template to draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from cds.firing.rates import PutInForce
from cds.firing.series import Period, Series
from cds.firing.watching import Charted, Point
from cds.firing.wording import of, percent
from knowledge.labels import day

_TOPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""The highest rates that a picture may end with."""

_ROWS = 3
_LABEL = 22.0
"""The width that the name of a release takes on a narrow screen, in hundredths of the picture."""


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    out: bool
    said: str


@dataclass(frozen=True, slots=True)
class Line:
    """A release put in force. `row` is where its name stands, None where there is no room for it."""

    x: float
    number: int
    row: int | None
    ends: bool
    """Whether its name stands before the line, because there is no room after it."""
    said: str


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    said: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Each polyline is the points of an SVG line in a box of 100 by 100, without a break in it."""

    dots: Sequence[Dot]
    rates: Sequence[str]
    centres: Sequence[str]
    limits: Sequence[str]
    releases: Sequence[Line]
    heights: Sequence[Tick]
    days: Sequence[Tick]


def picture(series: Series) -> Picture | None:
    """The picture of a period; None where there is nothing to draw."""
    if not series.days:
        return None
    top = _top(series.days)
    across, up = _Across(series.period), _Up(top)
    runs = list(_runs(series.days))
    return Picture(
        [
            Dot(across(one.point.day), up(one.point.counted.rate), one.out, _said(one.point, one.out))
            for one in series.days
        ],
        [_polyline((across(one.point.day), up(one.point.counted.rate)) for one in run) for run in runs if len(run) > 1],
        [_polyline(_steps(across, [(one.point.day, up(one.centre or 0)) for one in run])) for run in _told(runs)],
        [
            _polyline(_steps(across, [(one.point.day, up((one.range or (0, 0))[side])) for one in run]))
            for run in _told(runs)
            for side in (0, 1)
        ],
        list(_lines(series.releases, series.period, across)),
        [Tick(up(height), percent(height)) for height in (0, top / 2, top)],
        [Tick(across(when), f"{when.day} {when:%b %Y}") for when in _ticked(series.period)],
    )


def spark(points: Sequence[Point], first: date, days: int) -> list[str]:
    """A rule's rates as small lines in a box of 100 by 20, each without a break in it."""
    if not points:
        return []
    top = max(point.counted.rate for point in points) or 1.0
    runs: list[list[tuple[float, float]]] = []
    before: date | None = None
    for point in points:
        if before is None or (point.day - before).days > 1:
            runs.append([])
        x = 100 * (point.day - first).days / max(1, days - 1)
        runs[-1].append((x, 19 - 18 * point.counted.rate / top))
        before = point.day
    return [_polyline(run if len(run) > 1 else _dash(*run[0])) for run in runs]


def _dash(x: float, y: float) -> list[tuple[float, float]]:
    """A single day as a line that can be seen."""
    return [(x - 0.7, y), (x + 0.7, y)]


class _Across:
    def __init__(self, period: Period) -> None:
        self.period = period

    def __call__(self, when: date) -> float:
        return round(100 * ((when - self.period.first).days + 0.5) / self.period.days, 2)

    @property
    def half(self) -> float:
        """Half a day."""
        return 50 / self.period.days


class _Up:
    def __init__(self, top: float) -> None:
        self.top = top

    def __call__(self, rate: float) -> float:
        return round(100 * (1 - min(rate / self.top, 1)), 2)


def _top(days: Sequence[Charted]) -> float:
    """High enough for every rate, and for the limits unless they are so far off that the rates would be flat."""
    rate = max(one.point.counted.rate for one in days)
    limit = max((one.range[1] for one in days if one.range), default=0)
    wanted = max(rate, min(limit, max(3 * rate, 0.01)))
    return next(top for top in _TOPS if top >= min(wanted, 1.0))


def _runs(days: Sequence[Charted]) -> Iterator[list[Charted]]:
    """Days that follow one another without a day between on which nothing was decided."""
    run: list[Charted] = []
    for one in days:
        if run and (one.point.day - run[-1].point.day).days > 1:
            yield run
            run = []
        run.append(one)
    yield run


def _told(runs: Sequence[list[Charted]]) -> Iterator[list[Charted]]:
    """The parts of runs for which it is known what is usual."""
    for run in runs:
        part: list[Charted] = []
        for one in run:
            if one.range is not None:
                part.append(one)
            elif part:
                yield part
                part = []
        if part:
            yield part


def _steps(across: _Across, places: Sequence[tuple[date, float]]) -> Iterator[tuple[float, float]]:
    """A line that stays level for the whole of each day."""
    for when, y in places:
        yield max(0.0, across(when) - across.half), y
        yield min(100.0, across(when) + across.half), y


def _lines(releases: Sequence[PutInForce], period: Period, across: _Across) -> Iterator[Line]:
    """A line for each release that was put in force within the period; names are set in rows so as not to meet."""
    taken = [-_LABEL] * _ROWS
    for one in releases:
        when = one.at.date()
        if when < period.first:
            continue
        x = max(0.0, across(when) - across.half)
        ends = x > 100 - _LABEL
        begin = x - _LABEL if ends else x
        row = next((place for place, end in enumerate(taken) if end <= begin), None)
        if row is not None:
            taken[row] = begin + _LABEL
        yield Line(round(x, 2), one.release, row, ends, f"Release {one.release} put in force on {day(when)}")


def _ticked(period: Period) -> list[date]:
    if period.days < 3:
        return [period.first]
    return [period.first, period.first + timedelta(days=(period.days - 1) // 2), period.last]


def _polyline(places: Iterator[tuple[float, float]] | Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)


def _said(point: Point, out: bool) -> str:
    return f"{day(point.day)}: {of(point.counted)}{', out of its usual range' if out else ''}"
