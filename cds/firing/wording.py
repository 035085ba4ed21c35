"""Alarms in plain words: what befell a rule, since when, in how many of how many decisions, and before."""

from __future__ import annotations

from collections.abc import Sequence

from cds.firing.charting import BY_CHANCE, UNEVEN, Counted
from cds.firing.raised import LookedInto
from cds.firing.watching import Alarm, Kind
from knowledge.labels import day, moment

_KEPT = "\u00a0"
"""A space at which no line ends."""


def in_words(alarm: Alarm) -> str:
    """`Stopped after release 3 was put in force on 2 March 2026: recommended in 0 of 412 decisions since, …`."""
    since, before = of(alarm.since, "decisions since"), of(alarm.before)
    after = f"after release {alarm.release} was put {'back ' if alarm.back else ''}in force on {day(alarm.day)}"
    match alarm.kind:
        case Kind.STOPPED:
            return f"Stopped {after}: recommended in {since}, before in {before}."
        case Kind.STARTED:
            return f"Started {after}: recommended in {since}, before in {before}."
        case Kind.DOUBLED:
            return f"At least doubled {after}: recommended in {since}, before in {before}."
        case Kind.HALVED:
            return f"Fell to half or less {after}: recommended in {since}, before in {before}."
        case Kind.SILENT:
            return f"Silent since {day(alarm.day)}: recommended in {since}, before in {before}."
        case Kind.OUT_OF_RANGE:
            low, high = alarm.range or (0, 1)
            often = f" and on {len(alarm.days) - 1} of the days just before" if len(alarm.days) > 1 else ""
            return (
                f"Out of its usual range on {day(alarm.day)}{often}: recommended in {of(alarm.since, 'decisions')}. "
                f"For so many decisions {percent(low)} to {percent(high)} is usual; before, it was in {before}."
            )


def meant(alarm: Alarm) -> str | None:
    """Whether the release itself may have meant it; None where the alarm is after no release."""
    if alarm.release is None:
        return None
    if alarm.back:
        return "The same release did otherwise when it was in force before: look at the facts sent."
    if alarm.changed:
        return "This release brought another version of the rule itself, so it may be meant: somebody should look."
    return "The rule itself is the same as before: look at what else that release brought, and at the facts sent."


def looked_into(notes: Sequence[LookedInto]) -> str:
    """`Looked into by Ben on 2 June 2026, 09:00 UTC: The laboratory had changed a code.`; of several, each."""
    return " ".join(f"Looked into by {one.by} on {moment(one.at)}: {one.reason}" for one in notes)


def by_chance() -> str:
    """How often a day is out of range though nothing befell the rule."""
    return (
        f"Though nothing is wrong, at most {BY_CHANCE * 1000:.0f} day in 1,000 is out of range where days differ by "
        f"chance alone, and about {UNEVEN * 1000:.0f} in 1,000 where they differ by somewhat more"
    )


def by_chance_of(rules: int) -> str:
    """The same of so many rules on one day."""
    return f"of {rules:,} rules {rules * BY_CHANCE:.1f} to {rules * UNEVEN:.1f} a day"


def of(counted: Counted, what: str = "") -> str:
    """`38 of 1,204 (3.2 %)`, or `38 of 1,204 decisions (3.2 %)`."""
    share = f" ({percent(counted.rate)})" if counted.recommended else ""
    return f"{counted.recommended:,} of {counted.decisions:,}{what and ' ' + what}{share}"


def percent(rate: float) -> str:
    """`3.2 %`, kept on one line; what is nearly nothing or nearly all is not said to be it."""
    rounded = round(100 * rate, 1)
    if rate > 0 and rounded == 0:
        return f"under 0.1{_KEPT}%"
    if rate < 1 and rounded == 100:
        return f"over 99.9{_KEPT}%"
    return f"{rounded:g}{_KEPT}%"
