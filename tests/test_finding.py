"""Decisions are found by any criteria at once, whatever is counted already: held to a plain reading of all rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from cds.models import ApiKey, Decision
from cds.record import tallying
from cds.record.sealing import seal
from cds.record.tallying import tally
from cds.requests import UnusableRequest
from cds.search import finding, looking
from cds.search.counting import Count, how_many
from cds.search.criteria import COMMAND, Criteria, Outcome
from cds.search.finding import Found, find
from cds.search.orders import Orders
from cds.search.reading import read_criteria
from knowledge import lifecycle
from knowledge.database import sessions
from knowledge.items import ItemKind
from knowledge.models import Release, Version
from tests.story import NOON, decision, people

pytest_plugins = ["tests.databases"]

FIRST = datetime(2026, 1, 31, 20, tzinfo=UTC)
DECISIONS = 130
SIZE = 5
RULES: Mapping[int, Mapping[str, int]] = {
    1: {"ask-for-pain": 1, "never-fires": 1, "walk-daily": 1},
    2: {"ask-for-pain": 1, "never-fires": 1, "rest": 1, "walk-daily": 2},
    3: {"never-fires": 1, "rest": 1, "walk-daily": 1},
}
"""The rules that can fire in each release, with their versions; in the order of their letters."""


@dataclass(frozen=True)
class Record:
    """A record of decisions, each as it was inserted, with its sequence and the number of its release."""

    session: Session
    rows: list[dict[str, Any]]
    apps: list[int]

    def pages(self, criteria: Criteria, *, after: int | None = None) -> Iterator[Found]:
        """All pages from the newest on, or from a sequence upwards."""
        before, upwards = None, after is not None
        for _ in range(10_000):
            page = find(self.session, ORDERS, criteria, before=before, after=after, size=SIZE)
            yield page
            before, after = (None, page.newer) if upwards else (page.older, None)
            if before is None and after is None:
                return
        raise AssertionError("The pages never end.")


ORDERS = Orders()


def _rule(key: str, condition: str | None = "always") -> tuple[ItemKind, str, dict[str, Any]]:
    return ItemKind.RULE, key, {"key": key, "title": key, **({"condition": condition} if condition else {})}


def _releases(session: Session) -> dict[int, Release]:
    who = people(session)
    shipped = [_rule(key) for key in RULES[1]] + [_rule("a-statement", None)]
    first = lifecycle.import_versions(session, shipped, by=None, at=NOON, reason="Shipped.")
    old = {one.key: one for one in first.versions}

    def approved(key: str, number: int) -> Version:
        content = {"key": key, "title": key, "condition": "always", "text": f"In version {number}."}
        draft = lifecycle.draft(session, ItemKind.RULE, key, content, by=who.ada, at=NOON, reason="New.")
        lifecycle.submit(session, draft, by=who.ada, at=NOON)
        lifecycle.approve(session, draft, by=who.ben, at=NOON)
        return draft

    walk, rest = approved("walk-daily", 2), approved("rest", 1)
    kept = [one for key, one in old.items() if key != "walk-daily"]
    second = lifecycle.publish(session, [*kept, walk, rest], by=who.cleo, at=NOON, reason="Longer walks.")
    kept = [one for key, one in old.items() if key != "ask-for-pain"]
    third = lifecycle.publish(session, [*kept, rest], by=who.cleo, at=NOON, reason="As before.")
    return {1: first, 2: second, 3: third}


@pytest.fixture(scope="module")
def record(database: Engine) -> Iterator[Record]:
    """Three releases that alternate, four days, three apps and the command line; a part is counted, in tiny blocks."""
    with pytest.MonkeyPatch.context() as patch, sessions(database)() as session:
        patch.setattr(tallying, "LARGEST", 4)
        patch.setattr(tallying, "MOST", 7)
        releases = _releases(session)
        keys = [ApiKey(label=f"App {n}", prefix=f"pw_{n}", key_hash=str(n), created_at=NOON) for n in range(3)]
        session.add_all(keys)
        session.flush()
        chance = random.Random(11)
        rows = [_decided(n, releases, keys, chance) for n in range(1, DECISIONS + 1)]
        for some in (rows[:80], rows[80:105], rows[105:]):
            session.execute(insert(Decision), [{k: v for k, v in one.items() if k != "number"} for one in some])
            if some[-1] is not rows[-1]:
                assert seal(session, NOON) == len(some)
            if some[0] is rows[0]:
                assert sum(iter(lambda: tally(session), 0)) == len(some)
        stored = select(Decision.id, Decision.sequence)
        sequences = dict(session.execute(stored).all())
        yield Record(session, [{**one, "sequence": sequences[one["id"]]} for one in rows], [key.id for key in keys])
        session.rollback()


def _decided(number: int, releases: Mapping[int, Release], keys: list[ApiKey], chance: random.Random) -> dict[str, Any]:
    release = chance.choices([1, 2, 3], [6, 5, 1])[0]
    app = chance.choices([keys[0].id, keys[1].id, keys[2].id, None], [12, 6, 1, 2])[0]
    states = [
        "n" if key == "never-fires" else chance.choices("rwun", [4, 1, 2, 5])[0] if number % 3 else "n"
        for key in RULES[release]
    ]
    row = decision(
        number,
        releases[release],
        # A decision may be recorded a little later than one with a higher sequence.
        recorded_at=FIRST + timedelta(minutes=30 * number + chance.randint(0, 90)),
        subject=chance.choice([None, "patient 1", "patient 2", "00000000-0000-4000-8000-000000000005"]),
        api_key_id=app,
        origin=COMMAND if app is None else "10.0.0.1",
        states="".join(states),
    )
    return {**row, "number": release}


def fits(row: Mapping[str, Any], criteria: Criteria) -> bool:
    """The plain reading of the criteria."""
    rules = RULES[row["number"]]
    letters = dict(zip(rules, row["states"], strict=True))
    wanted = [
        not criteria.named or criteria.named in (row["id"], row["subject"]),
        not criteria.subject or row["subject"] == criteria.subject,
        not criteria.rule or criteria.rule in rules,
        criteria.version is None or rules.get(criteria.rule) == criteria.version,
        criteria.release in (None, row["number"]),
        criteria.since is None or row["recorded_at"] >= criteria.since,
        criteria.until is None or row["recorded_at"] < criteria.until,
        criteria.app is None or (row["api_key_id"] or COMMAND) == criteria.app,
    ]
    match criteria.outcome:
        case None:
            pass
        case Outcome.NOTHING:
            wanted.append("r" not in row["states"])
        case outcome if criteria.rule:
            wanted.append(letters.get(criteria.rule) == outcome[0])
        case outcome:
            wanted.append(outcome[0] in row["states"])
    return all(wanted)


def some_criteria(record: Record) -> Iterator[Criteria]:
    """Criteria in every combination, by chance; the needles among them: what never is, and what is once."""
    chance = random.Random(7)
    middle = FIRST + timedelta(hours=40)
    moments = [FIRST.replace(hour=0) + timedelta(days=days) for days in range(6)] + [middle]
    while True:
        rule = chance.choice(["", "ask-for-pain", "never-fires", "rest", "walk-daily"])
        outcomes = [None, Outcome.RECOMMENDED, Outcome.WITHHELD, Outcome.UNDETERMINED]
        since, until = sorted(chance.sample(moments, 2))
        named = chance.choices(["", "patient 1", "patient 9", record.rows[4]["id"]], [12, 2, 1, 1])[0]
        yield Criteria(
            named=named,
            subject=chance.choice(["patient 2", "patient 1"]) if chance.random() < 0.1 else "",
            rule=rule,
            version=chance.choice([1, 2]) if rule and chance.random() < 0.4 else None,
            outcome=chance.choice([*outcomes, Outcome.NOT_MET if rule else Outcome.NOTHING]),
            release=chance.choice([None, None, None, 1, 2, 3]),
            since=since if chance.random() < 0.3 else None,
            until=until if chance.random() < 0.3 else None,
            app=chance.choice([None, None, None, None, *record.apps, COMMAND]),
        )


@pytest.mark.parametrize(
    "look", [{}, {"STEP": 5, "NEAR": 0, "_BLOCKS": 2, "MOST": 12, "RARE": 9}], ids=["wide", "narrow"]
)
def test_every_search_finds_what_a_plain_reading_of_all_rows_finds(
    record: Record, look: Mapping[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in look.items():
        monkeypatch.setattr(finding if name in ("MOST", "RARE") else looking, name, value)
    several = 0
    for criteria in islice(some_criteria(record), 120):
        expected = [row["id"] for row in reversed(record.rows) if fits(row, criteria)]
        pages = [*record.pages(criteria)]
        assert [one.id for page in pages for one in page.decisions] == expected, criteria
        assert all(page.unfinished or len(page.decisions) == SIZE for page in pages[:-1]), criteria
        upwards = [one.id for page in record.pages(criteria, after=0) for one in reversed(page.decisions)]
        assert upwards == expected[::-1], criteria
        several += len(expected) > SIZE
    assert several > 20


def test_how_many_there_are_is_counted_or_said_to_be_more(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds.search.counting.ENOUGH", 20)
    exact = 0
    for criteria in islice(some_criteria(record), 400):
        counted = how_many(record.session, ORDERS, criteria)
        number = sum(fits(row, criteria) for row in record.rows)
        if counted is not None:
            assert counted == Count(number) or (counted.more and counted.number <= number), criteria
            exact += not counted.more and number > 20
    assert exact > 10
    assert how_many(record.session, ORDERS, Criteria()) == Count(DECISIONS)


def test_each_decision_says_what_became_of_the_rule(record: Record) -> None:
    rows = {row["id"]: row for row in record.rows}
    for page in record.pages(Criteria(rule="walk-daily")):
        for one in page.decisions:
            letters = dict(zip(RULES[one.release], rows[one.id]["states"], strict=True))
            assert one.became is not None
            assert one.became[0] == letters["walk-daily"]


QUESTIONS: Mapping[str, tuple[dict[str, str], Callable[[Mapping[str, Any]], bool]]] = {
    "What was this patient told?": ({"q": "patient 1"}, lambda row: row["subject"] == "patient 1"),
    "Who was told to walk, by the second version?": (
        {"rule": "walk-daily", "version": "2", "outcome": "recommended"},
        lambda row: row["number"] == 2 and row["states"][3] == "r",
    ),
    "For whom was nothing recommended on the first of February?": (
        {"outcome": "nothing_recommended", "since": "2026-02-01", "until": "2026-02-01"},
        lambda row: "r" not in row["states"] and row["recorded_at"].day == 1,
    ),
    "What did release 2 answer the command line?": (
        {"release": "2", "app": "command"},
        lambda row: row["number"] == 2 and row["api_key_id"] is None,
    ),
    "For whom did facts about pain lack, in an hour of that night?": (
        {
            "rule": "ask-for-pain",
            "outcome": "undetermined",
            "since": "2026-02-01T00:00:00+01:00",
            "until": "2026-02-01T05:00:00Z",
        },
        lambda row: row["number"] < 3
        and row["states"][0] == "u"
        and datetime(2026, 1, 31, 23, tzinfo=UTC) <= row["recorded_at"] < datetime(2026, 2, 1, 5, tzinfo=UTC),
    ),
    "Did this rule ever fire?": ({"rule": "never-fires", "outcome": "recommended"}, lambda row: False),
}  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_auditor_s_question_is_answered(record: Record, question: str) -> None:
    fields, answers = QUESTIONS[question]
    criteria = read_criteria(record.session, ORDERS, fields)
    found = find(record.session, ORDERS, criteria, size=DECISIONS)
    assert [one.id for one in found.decisions] == [row["id"] for row in reversed(record.rows) if answers(row)]
    assert found.decisions or question.startswith("Did this rule ever")


BAD: Mapping[str, tuple[dict[str, str], dict[str, str]]] = {
    "a day that is none": ({"since": "2026-02-30"}, {"/since": "There is no such day."}),
    "a moment without a zone": ({"until": "2026-02-01T09:00:00"}, {"/until": "The time has no zone"}),
    "an end before the beginning": ({"since": "2026-02-02", "until": "2026-02-01"}, {"/until": "not after the"}),
    "the last day of all": ({"until": "9999-12-31"}, {"/until": "There is no such day"}),
    "before all time": ({"until": "0001-01-01T00:00:00Z"}, {"/until": "No moment lies before"}),
    "a rule that is not known": ({"rule": "walk-dayly"}, {"/rule": "Did you mean “walk-daily”?"}),
    "a statement": ({"rule": "a-statement"}, {"/rule": "that can fire"}),
    "a version of no rule": ({"version": "1"}, {"/version": "of which rule"}),
    "a version that was not released": ({"rule": "rest", "version": "2"}, {"/version": "Released were 1."}),
    "not met, of no rule": ({"outcome": "not_met"}, {"/outcome": "Say which rule"}),
    "nothing recommended, of a rule": ({"rule": "rest", "outcome": "nothing_recommended"}, {"/outcome": "all rules"}),
    "an outcome that is none": ({"outcome": "fired"}, {"/outcome": "An outcome is one of"}),
    "a release that is not there": ({"release": "4"}, {"/release": "The newest is release 3."}),
    "a release that is no number": ({"release": "٣"}, {"/release": "whole number"}),
    "an app that is not there": ({"app": "99999999"}, {"/app": "no key of this number"}),
    "what cannot be a subject": ({"q": "a\x00b", "subject": "x" * 201}, {"/q": "control", "/subject": "at most 200"}),
    "several at once": ({"release": "x", "rule": "x"}, {"/release": "whole number", "/rule": "No release has"}),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_looked_for_is_said_at_its_field(record: Record, what: str) -> None:
    fields, expected = BAD[what]
    with pytest.raises(UnusableRequest) as refused:
        read_criteria(record.session, ORDERS, fields)
    said = {problem.pointer: problem.detail for problem in refused.value.problems}
    assert said.keys() == expected.keys()
    assert all(part in said[pointer] for pointer, part in expected.items()), said


def test_an_event_may_tell_the_criteria_but_no_subject(record: Record) -> None:
    fields = {"q": "patient 1", "rule": "rest", "until": "2026-02-01", "app": "command", "release": "2"}
    told = read_criteria(record.session, ORDERS, fields).told()
    until = "2026-02-02T00:00:00.000000Z"
    assert told == {"subject": "given", "rule": "rest", "until": until, "app": "command", "release": 2}
    assert replace(Criteria(), subject="patient 1").told() == {"subject": "given"}
