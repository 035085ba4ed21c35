"""Units by their UCUM codes, and the conversions that a posted value may need.

The Unified Code for Units of Measure (ucum.org), case-sensitive codes. Factors are exact but for the pressure: 1 kPa
is 7.50062 mm Hg (NIST SP 811, appendix B.8, by way of 133.322 Pa to 1 mm Hg).
"""

from __future__ import annotations

from decimal import Decimal

from knowledge.facts import LARGEST_NUMBER

_MMHG_PER_KPA = Decimal("7.50062")
_SAME = {"{score}": "1", "{count}": "1", "{visits}": "1", "{points}": "1"}
_FACTORS: dict[tuple[str, str], Decimal] = {
    ("kPa", "mm[Hg]"): _MMHG_PER_KPA,
    ("mm[Hg]", "kPa"): 1 / _MMHG_PER_KPA,
    ("1", "%"): Decimal(100),
    ("L/L", "%"): Decimal(100),
    ("%", "1"): Decimal("0.01"),
    ("wk", "d"): Decimal(7),
    ("d", "wk"): 1 / Decimal(7),
    ("mo", "a"): 1 / Decimal(12),
    ("a", "mo"): Decimal(12),
    ("h", "min"): Decimal(60),
    ("min", "h"): 1 / Decimal(60),
    ("[lb_av]", "kg"): Decimal("0.45359237"),
    ("kg", "[lb_av]"): 1 / Decimal("0.45359237"),
    ("g/dL", "g/L"): Decimal(10),
    ("/uL", "10*9/L"): Decimal("0.001"),
    ("10*3/uL", "10*9/L"): Decimal(1),
    ("g/m2", "kg/m2"): Decimal("0.001"),
}

UNITS = frozenset({unit for pair in _FACTORS for unit in pair} | {"kg/m2", "[MET]", "1"})
"""The units that a fact can have."""


def convertible(own: str) -> list[str]:
    """The units in which a value of a fact may be posted, its own first."""
    return [own, *sorted(given for given, wanted in _FACTORS if wanted == own)]


def convert(value: int | float, given: str, own: str) -> int | float | None:
    """A value in the fact's own unit, rounded to nine digits; None when there is no such conversion.

    A number beyond any that is measured stays as it is: it is outside the range of every fact.
    """
    if _SAME.get(given, given) == _SAME.get(own, own):
        return value
    factor = _FACTORS.get((given, own))
    if factor is None:
        return None
    if not abs(value) < LARGEST_NUMBER:
        return value
    converted = float(round(Decimal(repr(value)) * factor, 9))
    return int(converted) if converted.is_integer() else converted
