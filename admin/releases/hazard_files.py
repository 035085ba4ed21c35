"""The hazard file of a release at the desk: on screen, and as a PDF whose taking is on record."""

from __future__ import annotations

import re

from flask import abort, request, url_for
from flask_admin import expose
from werkzeug.wrappers import Response

from admin.entry.access import DeskView, signed_in
from admin.exporting import record_export
from admin.releases.at_work import at_work
from admin.releases.proposing import release_of
from cds.api import session
from cds.audit.regulatory.hazard_file import HazardFile, hazard_file
from cds.audit.regulatory.hazard_file_pdf import hazard_file_pdf
from cds.authoring.release_proof import candidate_of, proof_of
from cds.pages.error_pages import error_page
from cds.service import service_of
from knowledge.errors import KnowledgeError
from knowledge.items import HazardState
from knowledge.models import Release
from knowledge.releasing import in_force


class HazardFiles(DeskView):
    """What a safety officer asks for: every hazard, its control, the proof, what remains."""

    def __init__(self) -> None:
        super().__init__(name="Hazard file", category="Safety", endpoint="desk_hazard_file", url="/desk/hazard-file")

    @expose("/")
    def index(self) -> str:
        release = _release()
        if not request.args.get("wait") and not proof_of.has(candidate_of(session(), release)):
            address = url_for(".index", wait=1, release=release.number)
            return at_work(self, f"Hazard file of release {release.number}", address)
        file = _file(release)
        return self.render(
            "desk/hazard_file.html",
            file=file,
            states=list(HazardState),
            taken=url_for(".as_pdf", release=file.release.number),
        )

    @expose("/hazard-file.pdf")
    def as_pdf(self) -> Response:
        file = _file(_release())
        paper = hazard_file_pdf(file)
        record_export(session(), f"hazard-file/release/{file.release.number}", 1, by=signed_in(), at=file.made_at)
        session().commit()
        name = re.sub(r"[^a-z0-9-]+", "-", f"phasewise-hazard-file-{file.release.number}-{file.made_at:%Y-%m-%d}")
        return Response(
            paper,
            content_type="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'},
        )


def _release() -> Release:
    """The release that the address names, or the active one."""
    number = request.args.get("release", "")
    if number:
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            abort(404, "There is no such release.")
        return release_of(int(number))
    active = in_force(session())
    if active is None:
        abort(404, "No release is active yet, so there is no hazard file.")
    return active


def _file(release: Release) -> HazardFile:
    try:
        return hazard_file(session(), release, at=service_of().now())
    except KnowledgeError as refusal:
        abort(error_page(409, "The hazard file cannot be made", str(refusal)))
