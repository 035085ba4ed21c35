"""The sheet of a release at the desk: on screen, and as a PDF whose taking is on record."""

from __future__ import annotations

from flask import url_for
from flask_admin import expose
from werkzeug.wrappers import Response

from admin.entry.access import DeskView
from admin.releases.proposing import release_of
from admin.shelf.sheets import as_taken
from cds.api import session
from cds.service import service_of
from cds.sheets.making import sheet_of_release, site_of
from cds.sheets.statements import ABOUT_RULES, Sheet


class ReleaseSheets(DeskView):
    """What a regulator asks of a release, filled from what is known."""

    @expose("/<int:number>/sheet")
    def sheet(self, number: int) -> str:
        way_back, taken = url_for(".release", number=number), url_for(".sheet_as_pdf", number=number)
        sheet = _sheet(number)
        return self.render("desk/sheet.html", sheet=sheet, about_rules=ABOUT_RULES, way_back=way_back, taken=taken)

    @expose("/<int:number>/sheet.pdf")
    def sheet_as_pdf(self, number: int) -> Response:
        return as_taken(_sheet(number))


def _sheet(number: int) -> Sheet:
    service = service_of()
    return sheet_of_release(session(), release_of(number), site_of(service.settings), at=service.now())
