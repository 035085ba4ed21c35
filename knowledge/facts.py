"""What a fact about a patient is: its type, unit, range and codes, how long it stays valid, what it is derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from math import isnan
from typing import Any, assert_never

from knowledge.errors import WrongValue, nearest, printable, short


class FactType(StrEnum):
    """The type of a fact's value; nothing is ever turned from one into another."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    CODE = "code"
    CODES = "codes"
    TEXT = "text"


class Attribute(StrEnum):
    """The nine kinds of data of which the source attributes say whether a rule uses them.

    45 CFR 170.315(b)(11)(iv)(A)(5) to (13), in its order (HTI-1, 89 FR 1192).
    """

    RACE = "race"
    ETHNICITY = "ethnicity"
    LANGUAGE = "language"
    SEXUAL_ORIENTATION = "sexual_orientation"
    GENDER_IDENTITY = "gender_identity"
    SEX = "sex"
    DATE_OF_BIRTH = "date_of_birth"
    SOCIAL_DETERMINANTS = "social_determinants"
    HEALTH_STATUS_ASSESSMENTS = "health_status_assessments"


Value = bool | int | float | date | str | frozenset[str]
Facts = Mapping[str, Any]
"""What is known of one patient: a Value for each name, or an Interval within which it lies.

A name that is absent is not known.
"""

NOT_KNOWN_CODE = "unknown"
"""A code list may hold it, so that an app can say "not known" as a code; it is read as null."""

LONGEST_TEXT = 2000
LARGEST_NUMBER = 2**53
"""From here on two whole numbers can be the same number in binary, so no fact reaches it."""


@dataclass(frozen=True, slots=True)
class Code:
    """One value of a closed list, and how it is said."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """When `when` is met and the fact was not posted, the fact has `value`, because `source` says so.

    `when` is the text of a condition, `value` a raw JSON value of the fact's own type.
    """

    value: bool | int | float | str
    when: str
    source: str
    locator: str


@dataclass(frozen=True, slots=True)
class Invariant:
    """A condition, as text, that no patient can meet: `sentence` says why, on whose authority.

    When it is met all the same, the answer says so, and the fact that `gives_way` counts as not known.
    """

    condition: str
    sentence: str
    source: str
    locator: str
    gives_way: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry of the fact dictionary.

    `phrase` and `absence` say a true and a false value in words ("diabetes mellitus",
    "no diabetes mellitus"); for other types `phrase` is what the value is said of ("pain intensity").
    `minimum` and `maximum` belong to the range. An observation older than `valid_days` counts as not known;
    values of different sources within `conflict_hours` of the newest that differ disagree.
    `population` is the text of a condition that a patient must not contradict for any rule to apply.
    `days_since` names a date fact: the value is then the whole days from that date to the evaluation; `years_since`
    another, from which it is the completed years.
    `worse` says which of two values that disagree counts: for numbers "high" or "low", for yes/no facts "true" or
    "false", for lists of codes "more", for one code all codes from best to worst.
    `asserted_by` are the sources that may say it, everybody if empty; `ucum` is the unit as a UCUM code.
    `invariants` are what cannot be; `used_later` says what the fact is collected for while nothing reads it.
    `attributes` are the kinds of data that the fact itself speaks of: none of the nine if empty, not stated if None.
    """

    key: str
    label: str
    type: FactType
    phrase: str
    topic: str
    absence: str | None = None
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: int | None = None
    codes: tuple[Code, ...] = ()
    valid_days: int | None = None
    conflict_hours: int = 24
    standard_code: str | None = None
    code_status: str | None = None
    attributes: tuple[Attribute, ...] | None = None
    derivations: tuple[Derivation, ...] = ()
    days_since: str | None = None
    years_since: str | None = None
    population: str | None = None
    worse: str | tuple[str, ...] | None = None
    asserted_by: tuple[str, ...] = ()
    ucum: str | None = None
    invariants: tuple[Invariant, ...] = ()
    used_later: str | None = None
    notes: tuple[str, ...] = ()
    _labels: Mapping[str, str] = field(init=False, repr=False, compare=False, hash=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_labels", {code.code: code.label for code in self.codes})

    @property
    def derived(self) -> bool:
        return bool(self.derivations) or self.counted_since is not None

    @property
    def counted_since(self) -> str | None:
        """The date fact from which days or years are counted."""
        return self.days_since or self.years_since

    @property
    def conflict_window(self) -> timedelta:
        return timedelta(hours=self.conflict_hours)

    def label_of(self, code: str) -> str:
        return self._labels[code]

    def typed(self, raw: object) -> Value | None:
        """The value that a raw JSON value stands for, or None when it says "not known".

        Raises WrongValue, with a sentence that says what the fact takes.
        """
        if raw is None:
            return None
        match self.type:
            case FactType.BOOLEAN:
                if isinstance(raw, bool):
                    return raw
                raise self._wrong(raw, "true or false")
            case FactType.INTEGER:
                if isinstance(raw, int) and not isinstance(raw, bool):
                    return self._in_range(raw)
                if isinstance(raw, float) and raw.is_integer():
                    # 60.0 is an integer to JSON Schema (2020-12, 4.2.3).
                    return self._in_range(int(raw))
                raise self._wrong(raw, "a whole number")
            case FactType.DECIMAL:
                if isinstance(raw, int | float) and not isinstance(raw, bool):
                    self._in_range(raw)
                    return float(raw)
                raise self._wrong(raw, "a number")
            case FactType.DATE:
                return self._date(raw)
            case FactType.CODE:
                code = self._code(raw)
                return None if code == NOT_KNOWN_CODE else code
            case FactType.CODES:
                if not isinstance(raw, list | tuple | set | frozenset):
                    raise self._wrong(raw, f"a list of codes out of {self._choices()}")
                return frozenset(self._code(item) for item in raw)
            case FactType.TEXT:
                return self._text(raw)
            case _:
                assert_never(self.type)

    def said(self, value: Value | None) -> str:
        """The value in words: `diabetes mellitus`, `pain intensity 7`, `disease phase is acute`."""
        if value is None:
            return f"{self.phrase}: not known"
        match value:
            case True:
                return self.phrase
            case False:
                return self.absence or f"no {self.phrase}"
            case frozenset():
                said = ", ".join(self.label_of(code.code) for code in self.codes if code.code in value)
                return f"{self.phrase}: {said or 'none'}"
            case str() if self.type is FactType.CODE:
                return f"{self.phrase} is {self.label_of(value)}"
            case str():
                return f"{self.phrase}: recorded"
            case _:
                return f"{self.phrase} {self.with_unit(value)}"

    @property
    def _unit(self) -> str:
        """The unit as it follows a number."""
        return "%" if self.unit == "%" else f" {self.unit}" if self.unit else ""

    def with_unit(self, value: Value) -> str:
        """A number or date with its unit, where the unit is one that people say."""
        text = plain(value) if isinstance(value, float) else str(value)
        return f"{text}{self._unit}"

    def _in_range(self, number: int | float) -> int | float:
        low, high = self.minimum, self.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            raise WrongValue(f"{self.label} has the range {self._range()}; {_shown(number)} is outside it.")
        if not abs(number) < LARGEST_NUMBER:
            raise self._wrong(number, "a number below 2^53")
        if self.step and number % self.step:
            raise WrongValue(f"{self.label} goes in steps of {self.step}; {_shown(number)} is not one of them.")
        return number

    def _range(self) -> str:
        unit = self._unit
        match self.minimum, self.maximum:
            case float() | int() as low, float() | int() as high:
                return f"{plain(low)} to {plain(high)}{unit}"
            case float() | int() as low, None:
                return f"{plain(low)}{unit} or more"
            case _, high:
                return f"{plain(high or 0)}{unit} or less"

    def _date(self, raw: object) -> date:
        if isinstance(raw, str):
            try:
                day = date.fromisoformat(raw)
                if day.isoformat() == raw:
                    return day
            except ValueError:
                pass
        raise self._wrong(raw, "a date such as 2026-01-31")

    def _code(self, raw: object) -> str:
        if isinstance(raw, str) and raw in self._labels:
            return raw
        near = nearest(raw, self._labels) if isinstance(raw, str) else None
        what = f"{self.label}: each code" if self.type is FactType.CODES else self.label
        raise WrongValue(f"{what} is one of {self._choices()}, not {_shown(raw)}.", near)

    def _choices(self) -> str:
        return ", ".join(code.code for code in self.codes)

    def _text(self, raw: object) -> str:
        if not isinstance(raw, str) or not raw.strip():
            raise self._wrong(raw, "a text")
        if len(raw) > LONGEST_TEXT:
            raise WrongValue(f"{self.label} takes at most {LONGEST_TEXT} characters; this text has {len(raw)}.")
        return raw

    def _wrong(self, raw: object, wanted: str) -> WrongValue:
        return WrongValue(f"{self.label} is {wanted}, not {_shown(raw)}.")


def plain(number: int | float) -> str:
    """A number as people write it: every digit, no exponent, no empty fraction."""
    return format(Decimal(repr(number)), "f").removesuffix(".0")


def _shown(raw: object) -> str:
    """A raw value as its sender wrote it, short enough for a sentence."""
    match raw:
        case None:
            return "null"
        case bool():
            return "true" if raw else "false"
        case str():
            text = f'the text "{printable(short(raw, 80))}"'
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case float() if isnan(raw):
            return "NaN"
        case int() | float() if abs(raw) >= 10**20:
            return "a very large number"
        case _:
            text = str(raw)
    return short(text, 160)
