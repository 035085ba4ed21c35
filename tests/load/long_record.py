"""What a long record costs to keep and to check: sealing, counting, verifying, an anchor, one proof in the middle.

`python -m tests.load.long_record URL [DECISIONS]`, on a new database; on one that it made before, it only checks.
The facts of these decisions are of the size of a patient's, and made up. Never on a database that is used.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from joserfc.jwk import OKPKey
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.proofs import anchors, proving
from cds.proofs.verifying import verify
from cds.record.sealing import LARGEST, seal
from cds.record.tallying import tally
from cds.service import Service, Settings
from knowledge import loading
from knowledge.database import upgrade
from knowledge.files import SHIPPED
from knowledge.items import ItemKind
from knowledge.models import Release
from tests.story import decision

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = ",".join(f'"fact_of_a_patient_{number:02}":{{"value":{number},"source":"patient"}}' for number in range(12))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("decisions", nargs="?", type=int, default=1_000_000)
    asked = parser.parse_args(arguments)
    service = Service(Settings(database_url=asked.url))
    upgrade(service.database)
    with service.sessions() as session:
        empty = loading.is_empty(session)
    if empty:
        fill(service, asked.decisions)
    with service.sessions() as session, timed("verifying the record"):
        print(verify(session))
    print(f"the most memory by now: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    with service.sessions() as session, timed("taking an anchor"):
        anchor = anchors.taken(session, at=BEGIN)
    signature = anchors.signed(anchor, OKPKey.generate_key("Ed25519"))
    with service.sessions() as session:
        middle = select(Decision.id).where(
            Decision.sequence == (session.scalar(select(func.max(Decision.sequence))) or 0) // 2
        )
        decision_id = session.scalar(middle) or ""
        with timed("proving a decision in the middle"):
            proving.proof_of(session, proving.row_of(session, decision_id), signature=signature)
    return 0


def fill(service: Service, decisions: int) -> None:
    """As many decisions, a batch of them at a time, over three years."""
    random = Random(1)
    with service.sessions() as session:
        loading.load(session, SHIPPED, by=None, at=BEGIN, reason="To check.")
        session.commit()
        release = session.scalars(select(Release)).one()
        rules = sum(version.kind == ItemKind.RULE for version in release.versions)
        states = ["".join(random.choices("rwun", (20, 1, 60, 19), k=rules)) for _ in range(200)]
        apart = timedelta(days=3 * 365) / decisions
        with timed("making the decisions"):
            for start in range(0, decisions, LARGEST):
                rows = [
                    decision(
                        number,
                        release,
                        recorded_at=BEGIN + apart * number,
                        evaluated_at=BEGIN + apart * number,
                        facts_posted=f'{{"number":{number},{FACTS}}}',
                        facts_known=f'{{"known":{{"number":{number},{FACTS}}},"derived":{{}}}}',
                        states=random.choice(states),
                        software="0.1.0",
                        clinically_approved=False,
                    )
                    for number in range(start, min(start + LARGEST, decisions))
                ]
                put(session, rows)
                session.commit()
        with timed("sealing them"):
            while seal(session, BEGIN):
                session.commit()
        with timed("counting them"):
            while tally(session):
                session.commit()


def put(session: Session, rows: list[dict[str, Any]]) -> None:
    """Insert, on PostgreSQL as it takes many rows best."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(insert(Decision), rows)
        return
    cursor = session.connection().connection.cursor()
    with cursor.copy(f"COPY decisions ({', '.join(rows[0])}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))


@contextmanager
def timed(what: str) -> Iterator[None]:
    begun, worked = time.perf_counter(), time.process_time()
    yield
    print(
        f"{what}: {time.perf_counter() - begun:.2f} s ({time.process_time() - worked:.2f} s of this process)",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
