"""What is looked for, read from the fields of a form or an address: every problem at its field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from sqlalchemy.orm import Session

from cds.models import ApiKey
from cds.requests import RequestProblem, UnusableRequest, unstorable
from cds.search.criteria import COMMAND, Criteria, Outcome
from cds.search.orders import Orders
from knowledge import received
from knowledge.errors import WrongValue, nearest, short

FIELDS = ("q", "subject", "rule", "version", "outcome", "release", "since", "until", "app")
"""The names of what can be looked for, in forms and in addresses."""

LONGEST = 200

_FIRST = datetime.min.replace(tzinfo=UTC)
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile("[0-9]{1,9}")


def read_criteria(session: Session, orders: Orders, fields: Mapping[str, str]) -> Criteria:
    """The criteria that were typed, empty ones left out. Raises UnusableRequest with a problem for each bad field."""
    return _Reading(session, orders, {name: text.strip() for name, text in fields.items()}).criteria()


class _Reading:
    def __init__(self, session: Session, orders: Orders, fields: Mapping[str, str]) -> None:
        self.session = session
        self.orders = orders.of_all(session)
        self.fields = fields
        self.problems: list[RequestProblem] = []

    def criteria(self) -> Criteria:
        since, until = self._moment("since"), self._moment("until", end=True)
        if since and until and since >= until:
            self._wrong("until", "This is not after the beginning, so nothing can lie between.")
        if until == _FIRST:
            self._wrong("until", "No moment lies before this one.")
        rule = self._rule()
        read = Criteria(
            named=self._text("q"),
            subject=self._text("subject"),
            rule=rule,
            version=self._version(rule),
            outcome=self._outcome(rule),
            release=self._release(),
            since=since,
            until=until,
            app=self._app(),
        )
        if self.problems:
            raise UnusableRequest(self.problems)
        return read

    def _given(self, name: str) -> str:
        return self.fields.get(name, "")

    def _wrong(self, name: str, sentence: str, suggestion: str | None = None) -> None:
        self.problems.append(RequestProblem(f"/{name}", sentence, suggestion))

    def _text(self, name: str) -> str:
        text = self._given(name)
        if len(text) > LONGEST:
            self._wrong(name, f"An id or a subject has at most {LONGEST} characters; this has {len(text)}.")
        elif unstorable(text):
            self._wrong(name, "This holds a control character or half a character, so nothing can have this name.")
        else:
            return text
        return ""

    def _rule(self) -> str:
        key = self._given("rule")
        known = {key for order in self.orders.values() for key in order.rules}
        if key and key not in known:
            near = nearest(key, known)
            self._wrong(
                "rule", f"No release has a rule “{short(key)}” that can fire.{_meant(near)} Give its key in full.", near
            )
            return ""
        return key

    def _version(self, rule: str) -> int | None:
        if not self._given("version"):
            return None
        if not self._given("rule"):
            self._wrong("version", "Say of which rule this is the version.")
            return None
        number = self._number("version")
        held = {order.rules[rule].version for order in self.orders.values() if rule in order.rules}
        if number is not None and rule and number not in held:
            self._wrong("version", f"No release holds this version of the rule. Released were {_listed(held)}.")
        return number

    def _outcome(self, rule: str) -> Outcome | None:
        text = self._given("outcome")
        if not text:
            return None
        if text not in [*Outcome]:
            self._wrong("outcome", f"An outcome is one of {', '.join(Outcome)}.", nearest(text, Outcome))
            return None
        outcome = Outcome(text)
        if outcome is Outcome.NOT_MET and not self._given("rule"):
            self._wrong("outcome", "Some rule is not met in every decision. Say which rule, or choose another outcome.")
        if outcome is Outcome.NOTHING and rule:
            self._wrong("outcome", "That nothing is recommended is said of all rules. Leave the rule out.")
        return outcome

    def _release(self) -> int | None:
        number = self._number("release") if self._given("release") else None
        known = [order.number for order in self.orders.values()]
        if number is not None and number not in known:
            there = f"The newest is release {known[0]}." if known else "There is none yet."
            self._wrong("release", f"There is no release {number}. {there}")
        return number

    def _app(self) -> int | Literal["command"] | None:
        text = self._given("app")
        if not text:
            return None
        if text == COMMAND:
            return COMMAND
        key = int(text) if _NUMBER.fullmatch(text) else None
        if key is None or self.session.get(ApiKey, key) is None:
            self._wrong("app", f"An app is the number of an API key, or “{COMMAND}”; there is no key of this number.")
        return key

    def _number(self, name: str) -> int | None:
        text = self._given(name)
        if _NUMBER.fullmatch(text):
            return int(text)
        self._wrong(name, f"A {name} is a whole number, such as 1.")
        return None

    def _moment(self, name: str, *, end: bool = False) -> datetime | None:
        try:
            return day_or_moment(self._given(name), end=end)
        except WrongValue as problem:
            self._wrong(name, problem.detail)
            return None


def day_or_moment(text: str, *, end: bool = False) -> datetime | None:
    """The moment that a day in UTC begins or, as an `end`, the one after its last; or a moment. Raises WrongValue."""
    if not text:
        return None
    try:
        if not _DAY.fullmatch(text):
            return received.moment(text)
        day = datetime.combine(date.fromisoformat(text), time(), UTC)
        return day + timedelta(days=1) if end else day
    except WrongValue as problem:
        raise WrongValue(f"{problem.detail} A day alone, such as 2026-01-31, is enough.") from problem
    except (ValueError, OverflowError) as problem:
        sentence = "There is no such day. Write it as 2026-01-31, or a moment as 2026-01-31T09:00:00Z."
        raise WrongValue(sentence) from problem


def _meant(near: str | None) -> str:
    return f" Did you mean “{near}”?" if near else ""


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"
