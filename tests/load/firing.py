"""A database with made-up days of decisions, to look at /desk/firing/ and to time what it takes.

`python -m tests.load.firing URL [DAYS] [DECISIONS A DAY]`, on a new database; then `phasewise serve --demo` on it.
The facts of these decisions are empty and their states made up: they are no answers, and making one again says so.
Never on a database that is used.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random

from sqlalchemy import insert, select

from cds.firing.alarms import watched
from cds.firing.wording import in_words
from cds.models import Decision
from cds.search.orders import orders_of
from cds.service import Service, Settings
from knowledge import loading
from knowledge.database import upgrade
from knowledge.files import SHIPPED
from knowledge.models import Release
from tests.clinic import publish, put_in_force
from tests.firing import counted, keys_of
from tests.story import decision

UNEVEN = 300
"""The smaller, the more the days differ beyond chance (the sum of the parameters of a beta distribution)."""

STOPS, STARTS, DOUBLES, HALVES, FALLS_SILENT, JUMPS = range(3, 33, 5)
"""Places of the rules to which something happens."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("days", nargs="?", type=int, default=200)
    parser.add_argument("decisions", nargs="?", type=int, default=60)
    asked = parser.parse_args(arguments)
    service = Service(Settings(database_url=asked.url))
    today = datetime.now(UTC).date()
    fill(service, today, asked.days, asked.decisions)
    with service.sessions() as session:
        begun = time.perf_counter()
        found = watched(session, orders_of(service), today)
        print(f"{len(found.rules)} rules watched in {time.perf_counter() - begun:.2f} s")
        for one in found.alarms:
            print(f"{one.watch.key}: {in_words(one.alarm)}")
    return 0


def fill(service: Service, today: date, days: int, decisions: int) -> None:
    """Three releases: the second days * 1 // 5 days ago, the third days // 12 days ago."""
    random = Random(1)
    upgrade(service.database)
    begin = _noon(today - timedelta(days=days))
    with service.sessions() as session:
        loading.load(session, SHIPPED, by=None, at=begin, reason="To look at.")
        session.commit()
        keys = keys_of(session, session.scalars(select(Release)).one())
    usual = {key: random.choice((0, 0, 0.004, 0.02, 0.05, 0.1, 0.3, 0.6, 0.95, 1)) for key in keys}
    for place in (STOPS, DOUBLES, HALVES, FALLS_SILENT, JUMPS):
        usual[keys[place]] = 0.08
    usual[keys[STARTS]] = 0
    second, third = today - timedelta(days=days // 5), today - timedelta(days=days // 12)
    number = 0
    for some in range(days):
        day = today - timedelta(days=days - some)
        if day in (second, third):
            rule, what = (keys[0], "Better said.") if day == second else (keys[HALVES], "For fewer patients.")
            put_in_force(service, publish(service, rule, at=_noon(day), notes=[what]), at=_noon(day))
        today_s = dict(usual)
        if day >= second:
            today_s |= {keys[STOPS]: 0, keys[STARTS]: 0.05, keys[DOUBLES]: 0.3}
        if day >= third:
            today_s[keys[HALVES]] = 0.02
        if day >= today - timedelta(days=days // 8):
            today_s[keys[FALLS_SILENT]] = 0
        if day == today - timedelta(days=1):
            today_s[keys[JUMPS]] = 0.5
        if day.weekday() < 5 or day == today - timedelta(days=1):
            number = _answer(service, random, day, number, random.randint(decisions // 2, 3 * decisions // 2), today_s)
    with service.sessions() as session:
        counted(session, _noon(today))
        session.commit()


def _answer(
    service: Service, random: Random, day: date, number: int, decisions: int, rates: Mapping[str, float]
) -> int:
    of_the_day = [
        random.betavariate(rate * UNEVEN, (1 - rate) * UNEVEN) if 0 < rate < 1 else rate for rate in rates.values()
    ]
    with service.sessions() as session:
        release = session.scalars(select(Release).order_by(Release.id.desc())).first()
        assert release is not None
        rows = [
            decision(
                number + one,
                release,
                states="".join("r" if random.random() < rate else "n" for rate in of_the_day),
                recorded_at=_noon(day) + timedelta(seconds=one),
                evaluated_at=_noon(day),
            )
            for one in range(1, decisions + 1)
        ]
        session.execute(insert(Decision), rows)
        session.commit()
    return number + decisions


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
