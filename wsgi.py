"""Joins the parts: the web application, and the command line around it. Importing it touches no database."""

from __future__ import annotations

from flask import Flask

import admin
from cds import journal, web
from cds.commands import cli
from cds.service import Service, Settings

app: Flask


def create_app(settings: Settings | None = None) -> Flask:
    """The web application on the given settings, or on those of the environment."""
    journal.start()
    made = Flask("phasewise", static_folder=None)
    service = Service(settings or Settings.from_environment())
    web.attach(made, service)
    admin.attach(made, service)
    return made


def main() -> None:
    """The command `phasewise`."""
    cli(obj=create_app)


def __getattr__(name: str) -> Flask:
    """`app`, made when a WSGI server asks for it: so a command can say what is wrong with the settings."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault("app", create_app())
