"""The server, on its own or as a place to try Phasewise in."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import click
import structlog
from flask import Flask
from sqlalchemy.exc import DBAPIError

from cds import demo
from cds.commands.opened import ready, told
from cds.service import Service, Settings, service_of
from cds.upkeep import keep_up
from knowledge.models import Role
from knowledge.weaknesses import weaknesses

log = structlog.get_logger()

CreateApp = Callable[[Settings], Flask]


@click.command()
@click.option("--demo", "with_demo", is_flag=True, help="Load the shipped content, demo accounts and an API key first.")
@click.pass_obj
def serve(create_app: CreateApp, with_demo: bool) -> None:
    """Run the server on 127.0.0.1; PHASEWISE_PORT moves it from 8000."""
    from waitress.server import create_server

    port = _port()
    settings = Settings.from_environment()
    with told():
        app = create_app(settings)
        service = service_of(app)
        listening = _listening(port)
        if with_demo:
            ready(service)
        # What is too large gets the application's own problem document, unless it is far too large.
        largest = 4 * settings.largest_batch
        server = create_server(app, sockets=[listening], threads=8, max_request_body_size=largest)
        if with_demo:
            _welcome(demo.prepare(service, Path("instance")), port)
        else:
            click.echo(f"Phasewise listens on http://127.0.0.1:{port}")
        _say_who_could_alter(service)
        _seal_now_and_then(service)
        # A service manager asks with SIGTERM: as after Ctrl-C, what has begun is answered, then the server ends.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        server.run()


def _port() -> int:
    text = os.environ.get("PHASEWISE_PORT", "8000")
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise click.ClickException(f"PHASEWISE_PORT is a number from 1 to 65535, not {text!r}.")
    return int(text)


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        detail = f"Port {port} cannot be used ({os.strerror(error.errno or 0)}): set PHASEWISE_PORT to another."
        raise click.ClickException(detail) from None


def _welcome(ready: demo.Demo, port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    roles = ", ".join(role.value for role in Role)
    click.echo(
        f"""
Phasewise is running.

  Start here        {address}/
  The desk          {address}/desk/
  The API's page    {address}/api/v1/docs

  Sign in at the desk as {roles}; the password of all is {ready.password}
  API key           {ready.api_key}

  Try it:
  curl -s {address}/api/v1/recommendations -H 'Authorization: Bearer {ready.api_key}' \\
       -d '{{"facts": {{"has_mbc": true, "age_years": 60, "disease_phase": "acute", "pain_nrs": 7}}}}'

  Stop with Ctrl-C.
"""
    )


def _say_who_could_alter(service: Service) -> None:
    """In the log, how the service itself could alter the record. A database that does not answer yet says nothing."""
    try:
        with service.database.connect() as connection:
            found = weaknesses(connection)
    except DBAPIError:
        return
    for sentence in found:
        log.warning("record", could_be_altered=sentence)


def _seal_now_and_then(service: Service) -> None:
    """Seal and count new decisions from a thread of its own, as long as the server runs."""

    def seal() -> None:
        while not threading.Event().wait(service.settings.seal_every):
            try:
                keep_up(service)
            except Exception as problem:
                # Whatever it is, the next round tries again: nothing is lost by sealing later, all by never again.
                if not isinstance(problem, DBAPIError):
                    log.exception("sealing")

    threading.Thread(target=seal, name="sealing", daemon=True).start()
