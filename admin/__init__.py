"""The desk of clinical leads and auditors: a Flask-Admin at /desk/ that nobody reaches without signing in."""

from __future__ import annotations

from flask import Blueprint, Flask
from flask_admin import Admin
from flask_admin.theme import BootstrapTheme

from admin.desk import Home
from admin.entry import access
from admin.record.decisions import Decisions
from admin.record.events import Events
from admin.record.firing import Firing
from admin.record.incidents import Incidents
from admin.record.proofs import Proofs, provable
from admin.releases.comparing import Changes
from admin.releases.due import ReviewDates
from admin.releases.hazard_files import HazardFiles
from admin.releases.in_force import InForce
from admin.releases.proof import ReleaseProof
from admin.releases.reading import Releases
from admin.shelf.views import shelf_views
from admin.staff.account import Account
from admin.staff.keys import Keys
from admin.staff.people import People
from admin.trying.conditions import Conditions
from admin.trying.patients import Trying
from cds.service import Service


def attach(app: Flask, service: Service) -> None:
    """Put the desk on an app that has the pages already. Touches no database."""
    access.attach(app, service)
    app.register_blueprint(Blueprint("desk_look", __name__, template_folder="templates"))
    app.add_template_global(provable)
    # The theme's folder is Flask-Admin's own; its Bootstrap is never loaded, because the base template is ours.
    theme = BootstrapTheme(folder="bootstrap4", base_template="desk/base.html")
    admin = Admin(app, name="Desk", theme=theme, index_view=Home())
    admin.add_views(
        *shelf_views(),
        Releases(),
        ReviewDates(),
        Changes(),
        Trying(),
        Decisions(),
        Events(),
        Incidents(),
        Proofs(),
        Firing(),
        InForce(),
        ReleaseProof(),
        HazardFiles(),
        Conditions(),
        People(),
        Keys(),
        Account(),
    )
