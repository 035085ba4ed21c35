"""Joins the parts: the web application, and the command line around it. Importing it touches no database."""

from __future__ import annotations

from flask import Flask

from cds import web
from cds.commands import cli
from cds.service import Service, Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The web application on the given settings, or on those of the environment."""
    app = Flask("phasewise", static_folder=None)
    web.attach(app, Service(settings or Settings.from_environment()))
    return app


def main() -> None:
    """The command `phasewise`."""
    cli(obj=create_app)


app = create_app()
