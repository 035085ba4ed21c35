"""The pages that need no sign-in: the newcomer's page, example patients to try, and the API's page."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import flask_swagger_ui
import structlog
from flask import Blueprint, Response, abort, render_template, request, send_from_directory, url_for
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cds.answering import standing
from cds.api import PREFIX, session
from cds.deciding import Disagreement, Question, decide
from cds.pages import checklist, labels, trying
from cds.pages.error_pages import error_page
from cds.problems import Refused
from cds.requests import UnusableRequest
from cds.service import service_of
from cds.serving import Standing
from knowledge.database import at_head
from knowledge.items import Actor
from knowledge.models import Activation
from knowledge.proofs import unreadable

log = structlog.get_logger()

pages = Blueprint("pages", "cds", template_folder="templates", static_folder="static", static_url_path="/static")
labels.offer_to(pages)

_SWAGGER = Path(flask_swagger_ui.__file__).parent / "dist"
_SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


@pages.app_context_processor
def _everywhere() -> dict[str, Any]:
    return {"phasewise_version": version("phasewise")}


@pages.route("/")
def home() -> Response:
    """What this is, which release is in force, and the ways on; says what to do when nothing is in force."""
    try:
        in_force = standing(service_of(), session())
        since = in_force_since(session())
    except Refused:
        return _page("pages/home.html", 503, standing=None, to_do="content")
    except DBAPIError as problem:
        if unreadable(problem):
            raise
        return _page("pages/home.html", 503, standing=None, to_do=_missing_in_database())
    first = [one for one in in_force.release.base.vignettes.values() if one.topic == trying.FIRST]
    return _page("pages/home.html", standing=in_force, since=since, first=first)


@pages.route("/try")
def patients() -> Response:
    """The example patients of the release in force, by topic, narrowed by words."""
    in_force = standing(service_of(), session())
    words = request.args.get("q", "")[:200]
    groups = trying.listed(in_force.release, words)
    found = sum(group.count for group in groups)
    return _page("pages/patients.html", standing=in_force, groups=groups, words=words, found=found)


@pages.route("/try/<string:key>")
def patient(key: str) -> Response:
    """One example patient and her answer by the release in force; nothing is recorded."""
    in_force = standing(service_of(), session())
    vignette = in_force.release.base.vignettes.get(key)
    if vignette is None:
        abort(404, "The release in force has no example patient of this name.")
    wanted = request.args.get("for", "")
    actors = (Actor(wanted),) if wanted in list(Actor) else ()
    try:
        tried = trying.tried(in_force, vignette, actors)
    except UnusableRequest as error:
        text = "The facts of this example do not fit the release in force."
        return error_page(500, "This patient cannot be answered", text, found=error.problems)
    except Disagreement:
        return _not_to_be_trusted(in_force, key)
    asked = {"evaluated_at": vignette.evaluated_at.isoformat(), "facts": dict(vignette.facts)}
    return _page(
        "pages/patient.html",
        standing=in_force,
        tried=tried,
        answer=tried.answer,
        actors=list(Actor),
        wanted=actors[0] if actors else None,
        asked=json.dumps(asked, ensure_ascii=False, indent=2),
    )


@pages.route("/try/<string:key>/checklist")
def patient_checklist(key: str) -> Response:
    """An example patient's answer as a checklist to print, for the physician or for patient and caregiver."""
    in_force = standing(service_of(), session())
    vignette = in_force.release.base.vignettes.get(key)
    reader = checklist.reader_named(request.args.get("for"))
    if vignette is None:
        abort(404, "The release in force has no example patient of this name.")
    if reader is None:
        abort(404, "There is a checklist for=physician and one for=patient.")
    question = Question(key, vignette.evaluated_at, vignette.facts, checklist.ACTORS[reader])
    try:
        decided = decide(in_force.release, question, clinically_approved=in_force.clinically_approved)
    except UnusableRequest as error:
        text = "The facts of this example do not fit the release in force."
        return error_page(500, "This patient cannot be answered", text, found=error.problems)
    except Disagreement:
        return _not_to_be_trusted(in_force, key)
    return checklist.checklist_page(
        in_force.release,
        json.loads(decided.response),
        reader,
        title=vignette.title,
        subject=None,
        evaluated_at=vignette.evaluated_at,
        known=checklist.known_in_words(in_force.release, decided.resolved.known),
        way_back=(url_for("pages.patient", key=key), vignette.title),
        other=f"?for={reader.other}",
    )


@pages.route(f"{PREFIX}/docs")
def docs() -> Response:
    """The API's page: its OpenAPI document, to read and to try."""
    return _page("pages/docs.html")


@pages.route("/static/swagger-ui/<string:name>")
def swagger(name: str) -> Response:
    """The two files of Swagger UI that the API's page needs, from the installed package."""
    if name not in _SWAGGER_FILES:
        abort(404)
    return send_from_directory(_SWAGGER, name)


def in_force_since(session: Session) -> Activation | None:
    """The activation by which the present release is in force."""
    return session.scalars(select(Activation).order_by(Activation.id.desc()).limit(1)).one_or_none()


def _page(template: str, code: int = 200, **shown: Any) -> Response:
    return Response(render_template(template, **shown), code, content_type="text/html; charset=utf-8")


def _missing_in_database() -> str:
    """What a database lacks with which a page failed: `migrations`, or everything."""
    try:
        return "database" if at_head(service_of().database) else "migrations"
    except DBAPIError:
        return "database"


def _not_to_be_trusted(in_force: Standing, key: str) -> Response:
    service_of().serving.forget()
    log.error("disagreement", release=in_force.release.number, tried=key)
    text = "Two independent evaluations of the rules did not give the same result, so nothing is recommended."
    return error_page(500, "The answer could not be trusted", text)
