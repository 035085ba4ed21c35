"""The sheet of a rule version at the desk: on screen, and as a PDF whose taking is on record."""

from __future__ import annotations

import re

from flask import abort, url_for
from flask_admin import expose
from werkzeug.wrappers import Response

from admin.entry.access import signed_in
from admin.exporting import record_export
from admin.shelf.items import Shelved
from cds.api import session
from cds.pages.error_pages import error_page
from cds.service import service_of
from cds.sheets.making import sheet_of_version, site_of
from cds.sheets.paper import pdf
from cds.sheets.statements import ABOUT_RULES, Sheet
from knowledge.errors import ContentError


class RuleSheets(Shelved):
    """What a regulator asks of a rule version, filled from what is known."""

    @expose("/<string:key>/<int:number>/sheet")
    def sheet(self, key: str, number: int) -> str:
        way_back = url_for(".item", key=key, version=number)
        taken = url_for(".sheet_as_pdf", key=key, number=number)
        sheet = self._sheet(key, number)
        return self.render("desk/sheet.html", sheet=sheet, about_rules=ABOUT_RULES, way_back=way_back, taken=taken)

    @expose("/<string:key>/<int:number>/sheet.pdf")
    def sheet_as_pdf(self, key: str, number: int) -> Response:
        return as_taken(self._sheet(key, number))

    def _sheet(self, key: str, number: int) -> Sheet:
        version = self.version(key, number)
        try:
            service = service_of()
            return sheet_of_version(session(), version, site_of(service.settings), at=service.now())
        except ContentError:
            text = "A draft has a sheet once every field of it can be read. Its own page says what is missing."
            abort(error_page(409, "This draft is not finished", text))


def as_taken(sheet: Sheet) -> Response:
    """The sheet as a file to keep, and on record that whoever is signed in took it. Commits."""
    paper = pdf(sheet)
    name = f"{sheet.kind}/{sheet.key}/{sheet.number}" if sheet.kind else f"release/{sheet.number}"
    record_export(session(), f"sheet/{name}", 1, by=signed_in(), at=sheet.made_at)
    session().commit()
    file = re.sub(r"[^a-z0-9-]+", "-", f"phasewise-sheet-{name}-{sheet.made_at:%Y-%m-%d}".lower())
    return Response(
        paper,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{file}.pdf"'},
    )
