"""An answer that was received is on record, whatever happens to the server the moment after."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.proofs import verifying
from cds.record import sealing
from tests import clinic
from tests.clinic import API_KEY, ASK
from tests.databases import BOTH

PLACE = Path(__file__).parent.parent
CLIENTS = 6
PATIENCE = 60
"""Seconds after which a server that says nothing is given up; nothing here measures a time."""


@dataclass
class Server:
    """`phasewise serve` as a process of its own."""

    process: subprocess.Popen[str]
    port: int
    key: str = API_KEY
    said: list[str] = field(default_factory=list)

    def post(self, body: Any, path: str = ASK) -> tuple[int, str, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request("POST", path, data, {"Authorization": f"Bearer {self.key}"})
            response = connection.getresponse()
            return response.status, response.headers["Content-Type"], response.read()
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, str, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.key}"})
            response = connection.getresponse()
            return response.status, response.headers["Content-Type"], response.read()
        finally:
            connection.close()

    def kill(self) -> None:
        """As a power cut would: SIGKILL."""
        self.process.kill()
        self.process.wait()


@contextmanager
def serving(database: str, folder: Path, *words: str) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PHASEWISE_DATABASE_URL": database,
        "PHASEWISE_PORT": str(port),
        "PYTHONPATH": str(PLACE),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-W", "error", "-c", "import wsgi; wsgi.main()", "serve", *words]
    with (folder / "log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    server = Server(process, port)
    try:
        assert process.stdout
        for line in process.stdout:
            server.said.append(line)
            if "listens on" in line or "Stop with Ctrl-C" in line:
                break
        wait_for(server)
        yield server
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def wait_for(server: Server) -> None:
    given_up = time.monotonic() + PATIENCE
    while time.monotonic() < given_up:
        try:
            if server.get("/healthz")[0] == 200:
                return
        except (OSError, HTTPException):
            assert server.process.poll() is None, "the server has ended"
            time.sleep(0.05)
    raise AssertionError("the server never answered")


@pytest.fixture(params=BOTH)
def shipped_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with clinic.copied(request.getfixturevalue(f"shipped_{request.param}"), tmp_path) as url:
        yield url


@contextmanager
def record_of(url: str) -> Iterator[Session]:
    """What is on record, read as somebody else would read it."""
    engine = create_engine(url)
    with Session(engine) as session:
        yield session
    engine.dispose()


def recorded_as_sent(session: Session, sent: bytes) -> None:
    row = session.get_one(Decision, json.loads(sent)["decision_id"])
    assert row.response_digest == f"sha256:{hashlib.sha256(sent).hexdigest()}"


def verified(session: Session) -> dict[str, int]:
    verification = verifying.verify(session)
    assert verification.problem is None
    return dict(verification.checked)


def test_an_answer_received_before_the_server_is_killed_is_on_record(shipped_url: str, tmp_path: Path) -> None:
    with serving(shipped_url, tmp_path) as server:
        status, content_type, sent = server.post({"subject": "patient-1", "facts": {"age_years": 60}})
        server.kill()
    assert (status, content_type) == (200, "application/json")
    with record_of(shipped_url) as session:
        recorded_as_sent(session, sent)
        assert verified(session)["decisions"] == 1


def test_killed_in_the_middle_of_many_every_answer_received_is_on_record_and_nothing_is_torn(
    shipped_url: str, tmp_path: Path
) -> None:
    received: list[bytes] = []
    enough = threading.Event()

    def ask(server: Server, number: int) -> None:
        while True:
            body = {"subject": f"client-{number}", "facts": {"has_mbc": True, "age_years": 40 + number, "pain_nrs": 7}}
            try:
                status, _, sent = server.post(body)
            except (OSError, HTTPException):
                return
            assert status == 200
            received.append(sent)
            if len(received) >= 5 * CLIENTS:
                enough.set()

    with serving(shipped_url, tmp_path) as server:
        clients = [threading.Thread(target=ask, args=(server, number), daemon=True) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        assert enough.wait(PATIENCE)
        server.kill()
        for client in clients:
            client.join(PATIENCE)
    assert len(received) >= 5 * CLIENTS
    with record_of(shipped_url) as session:
        for sent in received:
            recorded_as_sent(session, sent)
        count = session.scalar(select(func.count()).select_from(Decision)) or 0
        assert len(received) <= count <= len(received) + CLIENTS, "at most one more for each that was being answered"
        assert verified(session)["decisions"] == count

    with serving(shipped_url, tmp_path) as server:
        status, _, sent = server.post({"facts": {"age_years": 60}})
        assert status == 200
        for one in received[:3]:
            assert server.get(f"/api/v1/decisions/{json.loads(one)['decision_id']}")[0] == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0
    with record_of(shipped_url) as session:
        assert sealing.seal(session, clinic.NOW) == count + 1
        session.commit()
    with record_of(shipped_url) as session:
        assert verified(session)["sealed batches"] == 1


def test_the_demo_server_is_all_that_a_newcomer_needs(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'demo.sqlite3'}"
    with serving(database, tmp_path, "--demo") as server:
        printed = "".join(server.said)
        [server.key] = re.findall(r"API key +(\S+)", printed)
        assert f"http://127.0.0.1:{server.port}/api/v1/docs" in printed
        [body] = re.findall(r"-d '(.*)'", printed)
        status, content_type, sent = server.post(body.encode())
        assert (status, content_type) == (200, "application/json")
        assert json.loads(sent)["recommendations"]
        largest = b'{"facts": {}}' + b" " * 10_000_000
        status, content_type, sent = server.post(largest)
        assert (status, content_type) == (413, clinic.PROBLEM)
        status, content_type, sent = server.post(b"[" * 100_000)
        assert (status, content_type) == (400, clinic.PROBLEM)
        server.kill()
    log = (tmp_path / "log").read_text(encoding="utf-8")
    loading, warned = log.splitlines()
    assert loading == "Loading the shipped content …", "nothing went wrong, and nothing about a patient was logged"
    assert json.loads(warned)["could_be_altered"].startswith("The record is an SQLite file")
