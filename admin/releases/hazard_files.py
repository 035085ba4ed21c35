"""The hazard file of a release at the desk: on screen, and as a PDF whose taking is on record."""

from __future__ import annotations

import re

from flask import abort, request, url_for
from flask_admin import expose
from werkzeug.wrappers import Response

from admin.entry.access import DeskView, signed_in
from admin.exporting import record_export
from admin.releases.proposing import release_of
from cds.api import session
from cds.audit.regulatory.hazard_file import HazardFile, hazard_file
from cds.audit.regulatory.hazard_file_pdf import hazard_file_pdf
from cds.pages.error_pages import error_page
from cds.service import service_of
from knowledge.errors import KnowledgeError
from knowledge.items import HazardState
from knowledge.releasing import in_force


class HazardFiles(DeskView):
    """What a safety officer asks for: every hazard, its control, the proof, what remains."""

    def __init__(self) -> None:
        super().__init__(name="Hazard file", category="Safety", endpoint="desk_hazard_file", url="/desk/hazard-file")

    @expose("/")
    def index(self) -> str:
        file = _file()
        return self.render(
            "desk/hazard_file.html",
            file=file,
            states=list(HazardState),
            taken=url_for(".as_pdf", release=file.release.number),
        )

    @expose("/hazard-file.pdf")
    def as_pdf(self) -> Response:
        file = _file()
        paper = hazard_file_pdf(file)
        record_export(session(), f"hazard-file/release/{file.release.number}", 1, by=signed_in(), at=file.made_at)
        session().commit()
        name = re.sub(r"[^a-z0-9-]+", "-", f"phasewise-hazard-file-{file.release.number}-{file.made_at:%Y-%m-%d}")
        return Response(
            paper,
            content_type="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'},
        )


def _file() -> HazardFile:
    number = request.args.get("release", "")
    if number:
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            abort(404, "There is no such release.")
        release = release_of(int(number))
    else:
        active = in_force(session())
        if active is None:
            abort(404, "No release is active yet, so there is no hazard file.")
        release = active
    try:
        return hazard_file(session(), release, at=service_of().now())
    except KnowledgeError as refusal:
        abort(error_page(409, "The hazard file cannot be made", str(refusal)))
