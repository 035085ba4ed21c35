"""How far a rate may move by chance: Laney's p′ chart and Fisher's exact test, over counts alone. docs/firing.md.

Laney DB. Improved control charts for attributes. Quality Engineering 2002;14:531-537. doi:10.1081/QEN-120003555.
Fisher's test holds where counts are too small for a chart, and knows that the baseline itself is but counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, floor, lgamma, sqrt

SIGMAS = 3
TAIL = 0.00135
"""The probability beyond three sigmas on one side: what counts as more than chance, whichever way it is reckoned."""

BY_CHANCE = 0.001
"""The share of days out of range where days differ by chance alone, at most, as measured (docs/firing.md)."""

UNEVEN = 0.01
"""The same where they differ by somewhat more, as those of clinics do."""

LEAST_DAYS = 10
LEAST_DECISIONS = 100
"""With less before it nothing is said of a rate: it is too few to tell."""

_MOVING_RANGE = 1.128
"""The mean range of two values in standard deviations (d2)."""

_EDGE = 1e-12


@dataclass(frozen=True, slots=True)
class Counted:
    """In how many of how many decisions a rule was recommended."""

    recommended: int = 0
    decisions: int = 0

    @property
    def rate(self) -> float:
        """From 0 to 1; 0 where there was no decision, so ask for `decisions` first."""
        return self.recommended / self.decisions if self.decisions else 0.0

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.recommended + other.recommended, self.decisions + other.decisions)


def total(days: Iterable[Counted]) -> Counted:
    counts = [(day.recommended, day.decisions) for day in days]
    return Counted(sum(one for one, _ in counts), sum(one for _, one in counts))


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual by the days of a baseline: their counts, and Laney's sigma of z, never below 1."""

    counted: Counted
    sigma_z: float

    @property
    def centre(self) -> float:
        return self.counted.rate

    def limits(self, decisions: int) -> tuple[float, float]:
        """Laney's limits for a day of so many decisions, within 0 and 1."""
        width = SIGMAS * self.sigma_z * _deviation(self.centre, decisions)
        return max(0.0, self.centre - width), min(1.0, self.centre + width)

    def range(self, decisions: int) -> tuple[float, float]:
        """The rates of a day that are in its range: Laney's limits, wider where the exact test wants it."""
        low, high = self.limits(decisions)
        lowest = ceil(low * decisions - _EDGE)
        while lowest > 0 and chance(Counted(lowest - 1, decisions), self.counted) > TAIL:
            lowest -= 1
        highest = floor(high * decisions + _EDGE)
        while highest < decisions and chance(Counted(highest + 1, decisions), self.counted) > TAIL:
            highest += 1
        return min(low, lowest / decisions), max(high, highest / decisions)

    def has(self, day: Counted) -> bool:
        """Whether a day is in its range."""
        width = SIGMAS * self.sigma_z * _deviation(self.centre, day.decisions)
        return abs(day.rate - self.centre) <= width + _EDGE or chance(day, self.counted) > TAIL


def usual(days: Sequence[Counted]) -> Usual | None:
    """What is usual by these days, in their order; None when they are too few to tell.

    Days beyond twice the limits that they make themselves are left out, once: one odd day would hide the next.
    """
    counted = total(days)
    if len(days) < LEAST_DAYS or counted.decisions < LEAST_DECISIONS:
        return None
    found = Usual(counted, dispersion(days))
    odd = Usual(counted, 2 * found.sigma_z)
    kept = [day for day in days if odd.has(day)]
    if len(kept) == len(days) or len(kept) < LEAST_DAYS:
        return found
    return Usual(total(kept), dispersion(kept))


def dispersion(days: Sequence[Counted]) -> float:
    """Laney's sigma of z: by how much days differ more than chance makes them, from the mean moving range.

    Never below 1: days that differ less than chance allows are no reason to be stricter. It is 1 too where no
    range can be had: of a single day, or where the rule never fires or always.
    """
    rate = total(days).rate
    scores = [(day.rate - rate) / _deviation(rate, day.decisions) for day in days] if 0 < rate < 1 else []
    if len(scores) < 2:
        return 1.0
    moving = sum(abs(later - earlier) for earlier, later in pairwise(scores)) / (len(scores) - 1)
    return max(1.0, moving / _MOVING_RANGE)


def apart(since: Counted, before: Counted, sigma_z: float = 1.0) -> float:
    """How many sigmas the rate since lies above the one before (below: negative), by the rate of both together."""
    deviation = sigma_z * sqrt(
        _deviation((since + before).rate, since.decisions) ** 2
        + _deviation((since + before).rate, before.decisions) ** 2
    )
    return (since.rate - before.rate) / deviation if deviation else 0.0


def chance(since: Counted, before: Counted) -> float:
    """How probable it is that chance alone moves the rate so far or farther to that side.

    Fisher's exact test, one-sided: of all ways to share out the same decisions with the same recommendations.
    """
    both = since + before
    if since.recommended * before.decisions >= before.recommended * since.decisions:
        # What is recommended and what is not are alike: one of the two is always at most its share.
        return chance_of_few(both.decisions, both.decisions - both.recommended, since.decisions, _others(since))
    return chance_of_few(both.decisions, both.recommended, since.decisions, since.recommended)


def chance_of_few(all_of_them: int, marked: int, drawn: int, found: int) -> float:
    """The probability that at most `found` of the `drawn` are marked (hypergeometric)."""
    least = max(0, drawn + marked - all_of_them)
    if found < least:
        return 0.0
    term = exp(_ways(marked, found) + _ways(all_of_them - marked, drawn - found) - _ways(all_of_them, drawn))
    whole = term
    for one in range(found, least, -1):
        term *= one * (all_of_them - marked - drawn + one) / ((marked - one + 1) * (drawn - one + 1))
        whole += term
        if term < whole * _EDGE:
            break
    return min(1.0, whole)


def _others(counted: Counted) -> int:
    return counted.decisions - counted.recommended


def _ways(of: int, some: int) -> float:
    """The logarithm of the number of ways to take some of them."""
    return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)


def _deviation(rate: float, decisions: int) -> float:
    """The standard deviation of the rate of so many decisions (binomial)."""
    return sqrt(rate * (1 - rate) / decisions) if decisions else 0.0
