"""A server on a free port, and Debian's Chromium that may talk to nobody else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect, sync_playwright
from waitress import wasyncore
from waitress.server import create_server

from admin.entry import entering
from knowledge import people
from knowledge.database import connect, sessions
from knowledge.models import Role
from tests import clinic

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 30_000
"""Milliseconds that a busy machine may take."""

PASSWORD = "correct horse battery staple"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


@dataclass
class Visitor:
    """A reader with a browser; keeps what the browser complained of and whom else it tried to reach."""

    page: Page
    home: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def opens(self, path: str) -> Page:
        self.page.goto(self.home + path)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def signs_in(self, name: str, password: str = PASSWORD) -> Page:
        self.opens("/desk/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        return self.page

    def heard_nothing_odd(self) -> None:
        assert self.complaints == []
        assert self.foreign == []
        assert self.page.evaluate("window.violations") == []


Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"There is no {CHROMIUM}: apt-get install chromium, to run the browser tests.")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def home(shipped_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server with the shipped content and a person of every role."""
    with clinic.copied(shipped_sqlite, tmp_path_factory.mktemp("browser")) as url:
        engine = connect(url)
        with sessions(engine)() as session:
            for role in Role:
                people.add(session, role.value, role, PASSWORD, by=None, at=clinic.LOADED)
            session.commit()
        engine.dispose()
        with clinic.open_app(url) as app, served(app) as address:
            yield address


class _Unlimited(MovingWindowRateLimiter):
    """The tests of one worker sign in more often than people at one address may."""

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        return True


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The app behind the server that the product runs on: it closes what a browser gives up."""
    app.extensions[entering.EXTENSION] = _Unlimited(MemoryStorage())
    sockets: dict[int, Any] = {}
    listening = socket.create_server(("127.0.0.1", 0))
    server = create_server(app, map=sockets, sockets=[listening], threads=8)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            wasyncore.loop(timeout=0.1, map=sockets, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        thread.join()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)


@pytest.fixture
def visit(chromium: Browser, home: str) -> Iterator[Visit]:
    """Opens a browser of a width, in light or dark."""
    contexts: list[BrowserContext] = []

    def visitor(width: int = 1280, scheme: str = "light", *, scripts: bool = True) -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        context.set_default_timeout(2 * PATIENCE)
        context.add_init_script(_VIOLATIONS)
        made = Visitor(context.new_page(), home)

        def pass_on(route: Route) -> None:
            if urlsplit(route.request.url).netloc == urlsplit(home).netloc:
                route.continue_()
            else:
                made.foreign.append(route.request.url)
                route.abort()

        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                made.complaints.append(message.text)

        context.route("http://**/*", pass_on)
        context.route("https://**/*", pass_on)
        made.page.on("console", heard)
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        return made

    yield visitor
    for context in contexts:
        context.close()
