"""`python -m tests.benchmarks.search [DECISIONS]`: how long a page of found decisions takes in a long record.

Made-up decisions of three releases, two of them in turn, on SQLite and, where PHASEWISE_TEST_POSTGRESQL or its
default answers, on PostgreSQL; with needles: a rule that fired once, one that never did, a rare app.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session

from cds.models import ApiKey, Decision
from cds.record.sealing import LARGEST, seal
from cds.record.tallying import MOST, tally
from cds.search.counting import how_many
from cds.search.criteria import Criteria
from cds.search.finding import find
from cds.search.orders import Orders
from cds.search.reading import read_criteria
from knowledge import lifecycle
from knowledge.database import connect, sessions, upgrade
from knowledge.items import ItemKind
from knowledge.models import Release, Role, User
from tests.databases import BOTH, empty_database

DECISIONS = 1_000_000
RULES = 250
TAIL = 5_000
"""So many of the newest are not counted yet."""

A_BATCH = 20_000
ROUNDS = 5
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_LETTERS = "rwun"

SEARCHES: Mapping[str, Mapping[str, str]] = {
    "everything": {},
    "a subject": {"q": "patient-77777"},
    "release 2 (every other)": {"release": "2"},
    "release 3 (the newest tenth)": {"release": "3"},
    "a day": {"since": "2026-02-01", "until": "2026-02-01"},
    "an hour": {"since": "2026-02-01T10:00:00Z", "until": "2026-02-01T11:00:00Z"},
    "a common app": {"app": "1"},
    "a rare app": {"app": "3"},
    "the command line, which never asked": {"app": "command"},
    "a common rule recommended": {"rule": "rule-010", "outcome": "recommended"},
    "a common rule not met": {"rule": "rule-010", "outcome": "not_met"},
    "a rule recommended 1 in 1,000": {"rule": "rule-100", "outcome": "recommended"},
    "a rule recommended once": {"rule": "rule-200", "outcome": "recommended"},
    "a rule never recommended": {"rule": "rule-201", "outcome": "recommended"},
    "a rule always undetermined, not met": {"rule": "rule-202", "outcome": "not_met"},
    "a rule in its second version": {"rule": "rule-050", "version": "2", "outcome": "recommended"},
    "a rule that is only in release 3": {"rule": "rule-999", "outcome": "recommended"},
    "nothing recommended (never)": {"outcome": "nothing_recommended"},
    "a rule withheld": {"outcome": "withheld"},
    "a rare app, a common rule": {"app": "3", "rule": "rule-010", "outcome": "recommended"},
    "a common app, a rare rule": {"app": "1", "rule": "rule-100", "outcome": "recommended"},
    "an app that never asked release 3": {"app": "2", "release": "3"},
    "an app for which a common rule never fires": {"app": "2", "rule": "rule-020", "outcome": "recommended"},
    "a common rule on a day, of release 1": {
        "rule": "rule-010",
        "outcome": "recommended",
        "release": "1",
        "since": "2026-02-01",
        "until": "2026-02-01",
    },
}


def main(decisions: int = DECISIONS, kinds: list[str] = BOTH) -> None:
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder, empty_database(kind, Path(folder)) as url:
            engine = connect(url)
            upgrade(engine)
            began = time.perf_counter()
            with sessions(engine)() as session:
                fill(session, decisions)
            print(
                f"\n{kind}: {decisions:,} decisions made, sealed and counted in {time.perf_counter() - began:.0f} s\n"
            )
            measure(engine)
            engine.dispose()


def measure(engine: Engine) -> None:
    """A line for each search: milliseconds for the first, a middle and the last page, the way back, and the count."""
    print("| looked for | first | middle | last | back | the count | found | pages to the first |")
    print("|---|---|---|---|---|---|---|---|")
    orders = Orders()
    with sessions(engine)() as session:
        middle = (session.scalar(text("SELECT max(sequence) FROM decisions")) or 0) // 2
    for name, fields in SEARCHES.items():
        with sessions(engine)() as session:
            criteria = read_criteria(session, orders, fields)
            empty = 0
            page = find(session, orders, criteria)
            while not page.decisions and page.older is not None:
                empty += 1
                page = find(session, orders, criteria, before=page.older)
            ways: list[dict[str, Any]] = [{}, {"before": middle}, {"after": 0}, {"after": middle}]
            times = [f"{_median(session, orders, criteria, way):.1f}" for way in ways]
            began = time.perf_counter()
            counted = how_many(session, orders, criteria)
            took = (time.perf_counter() - began) * 1000
        found = "?" if counted is None else f"{'> ' if counted.more else ''}{counted.number:,}"
        print(f"| {name} | {' | '.join(times)} | {took:.1f} | {found} | {empty + 1} |", flush=True)


def _median(session: Session, orders: Orders, criteria: Criteria, way: Mapping[str, Any]) -> float:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        find(session, orders, criteria, **way)
        took.append((time.perf_counter() - began) * 1000)
        session.rollback()
    return statistics.median(took)


def fill(session: Session, decisions: int) -> None:
    """Make the record, seal it and count all but the newest."""
    releases, apps = _releases(session), _apps(session)
    session.commit()
    rows = _rows(decisions, releases, apps)
    for first in range(0, decisions, A_BATCH):
        session.execute(insert(Decision), [next(rows) for _ in range(min(A_BATCH, decisions - first))])
        session.commit()
        if first < decisions - TAIL:
            _seal_and_count(session)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE"))
        session.commit()


def _seal_and_count(session: Session) -> None:
    while seal(session, BEGAN) == LARGEST:
        session.commit()
    session.commit()
    while tally(session) == MOST:
        session.commit()
    session.commit()


def _rows(decisions: int, releases: list[Release], apps: list[int]) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)
    patterns = [_states(chance) for _ in range(2000)]
    facts = '{"known":{"age_years":60,"disease_phase":"stable","has_mbc":true,"pain_nrs":7},"derived":{}}'
    for number in range(decisions):
        newest = number > decisions * 0.9
        release = releases[2] if newest else releases[number % 2]
        app = apps[2] if number % 30_011 == 5 else apps[0] if newest or number % 5 else apps[1]
        states = patterns[number % 2000]
        if app == apps[1]:
            states = states[:20] + "n" + states[21:]
        if number % 1009 == 7:
            states = states[:100] + "r" + states[101:]
        if number == decisions // 3:
            states = states[:200] + "r" + states[201:]
        at = BEGAN + timedelta(seconds=number * 7)
        yield {
            "id": f"{chance.getrandbits(32):08x}-0000-4000-8000-{number:012}",
            "release_id": release.id,
            "evaluated_at": at,
            "recorded_at": at,
            "subject": f"patient-{number % 200_000}",
            "api_key_id": app,
            "origin": "10.0.0.1",
            "facts_posted": facts,
            "facts_known": facts,
            "states": states + ("r" if newest else ""),
            "request": None,
            "actors": None,
            "response_digest": f"sha256:{number:064x}",
            "salt": f"{number:032x}",
            "digest": f"sha256:{number:064x}",
        }


def _states(chance: random.Random) -> str:
    letters = chance.choices(_LETTERS, [30, 1, 30, 60], k=RULES)
    letters[10] = chance.choice("rrn")
    letters[20] = "r"
    letters[100] = letters[200] = letters[201] = "n"
    letters[202] = "u"
    return "".join(letters)


def _apps(session: Session) -> list[int]:
    keys = [ApiKey(label=f"App {n}", prefix=f"pw_{n}", key_hash=str(n), created_at=BEGAN) for n in range(3)]
    session.add_all(keys)
    session.flush()
    return [key.id for key in keys]


def _releases(session: Session) -> list[Release]:
    people = [User(name=name, role=Role.APPROVER, password_hash="", created_at=BEGAN) for name in ("A", "B", "C")]
    session.add_all(people)
    session.flush()
    writer, reader, publisher = people
    rules = [
        (ItemKind.RULE, key, {"key": key, "condition": "always"}) for key in map("rule-{:03}".format, range(RULES))
    ]
    releases = [lifecycle.import_versions(session, rules, by=None, at=BEGAN, reason="The first.")]
    for key in ("rule-050", "rule-999"):
        content = {"key": key, "condition": "always", "text": "New."}
        draft = lifecycle.draft(session, ItemKind.RULE, key, content, by=writer, at=BEGAN, reason="New.")
        lifecycle.submit(session, draft, by=writer, at=BEGAN)
        lifecycle.approve(session, draft, by=reader, at=BEGAN)
        kept = [one for one in releases[-1].versions if one.key != key]
        releases.append(lifecycle.publish(session, [*kept, draft], by=publisher, at=BEGAN, reason="New."))
    return releases


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DECISIONS)
