"""The whole request beside a bare Flask view that does the unavoidable: as a ratio within one run.

The bare view parses the same body, inserts one row of the same size into the same kind of database, and returns a
prepared answer of the same size. Both go through Flask's test client, so that no network is measured.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from flask import Flask, Response, request
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, insert, select

from cds import keys
from cds.models import Decision
from cds.service import Service, Settings
from knowledge import loading
from knowledge.database import connect, upgrade
from knowledge.files import SHIPPED, base_of, read
from wsgi import create_app

PATIENT = "worked-case-c04"
ROUNDS = 600
A_TURN = 20


def table(rounds: int = ROUNDS) -> str:
    """The comparison as a markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs, told = _contenders(Path(folder))
        full, bare = _medians(ours, theirs, rounds)
    return "\n".join(
        [
            f"{told}; medians of {rounds} requests each, the two taking turns.",
            "",
            "| view | ms | ratio |",
            "|---|---|---|",
            f"| bare Flask view: parse, insert one row, prepared answer | {bare * 1e3:.2f} | 1 |",
            f"| POST /api/v1/recommendations | {full * 1e3:.2f} | {full / bare:.2f} |",
        ]
    )


def _contenders(folder: Path) -> tuple[Callable[[], None], Callable[[], None], str]:
    settings = Settings(database_url=f"sqlite:///{folder / 'full.sqlite3'}")
    service = Service(settings)
    upgrade(service.database)
    with service.sessions() as session:
        loading.load(session, SHIPPED, by=None, at=service.now(), reason="For the benchmark.")
        key = keys.issue(session, "benchmark", by=None, at=service.now())
        session.commit()
    vignettes = base_of(entry.item for entry in read(SHIPPED) if not entry.draft).vignettes
    body = json.dumps({"subject": "patient-0001", "facts": dict(vignettes[PATIENT].facts)}).encode()
    client = create_app(settings).test_client()
    headers = {"Authorization": f"Bearer {key}"}

    def full() -> None:
        assert client.post("/api/v1/recommendations", data=body, headers=headers).status_code == 200

    answer = client.post("/api/v1/recommendations", data=body, headers=headers).get_data()
    with service.sessions() as session:
        row = {
            str(name): value
            for name, value in session.execute(select(*Decision.__table__.columns)).mappings().one().items()
        }
    bare_client = _bare_app(connect(f"sqlite:///{folder / 'bare.sqlite3'}", owner=True), row, answer).test_client()

    def bare() -> None:
        assert bare_client.post("/", data=body, headers=headers).status_code == 200

    fired = len(json.loads(answer)["recommendations"])
    return full, bare, f"{fired} recommendations, {len(answer) // 1024} KiB"


def _bare_app(engine: Engine, row: Mapping[str, object], answer: bytes) -> Flask:
    app = Flask("bare")
    texts = {name: value if isinstance(value, str) else str(value) for name, value in row.items()}
    texts.pop("sequence")
    rows = Table("rows", MetaData(), Column("sequence", Integer, primary_key=True), *(Column(n, Text) for n in texts))
    rows.metadata.create_all(engine)
    statement = insert(rows)

    @app.post("/")
    def view() -> Response:
        json.loads(request.get_data())
        with engine.begin() as connection:
            connection.execute(statement, texts)
        return Response(answer, content_type="application/json")

    return app


def _medians(first: Callable[[], None], second: Callable[[], None], rounds: int) -> tuple[float, float]:
    """The medians of both, which take turns of some requests each, as a service would serve them."""
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(1 + rounds // A_TURN):
        for contender, times in zip((first, second), taken, strict=True):
            for _ in range(A_TURN):
                start = time.perf_counter()
                contender()
                if turn:
                    times.append(time.perf_counter() - start)
    return statistics.median(taken[0]), statistics.median(taken[1])


if __name__ == "__main__":
    print(table())
