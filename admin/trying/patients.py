"""Any patient tried: by the release in force, or by what would be in force with a version that is none yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import Response, abort, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.entry.access import DeskView
from admin.trying.answering import Answering, answering, tested
from admin.trying.dictionary import facts_as_json
from cds.api import session
from cds.deciding import Disagreement, Question
from cds.engine import EngineFault
from cds.pages.checklist import ACTORS, Reader, checklist_page, known_in_words
from cds.pages.error_pages import error_page
from cds.pages.trying import Tried, answered
from cds.releases import PreparedRelease
from cds.requests import BEYOND_COLUMNS, UnusableRequest
from cds.service import service_of
from knowledge import patients, received
from knowledge.errors import PatientError, PatientProblem, WrongValue
from knowledge.items import Actor, ItemKind, KnowledgeBase, Rule, State, Vignette
from knowledge.models import Version
from knowledge.pasted import plain_text

log = structlog.get_logger()


LONGEST_MOMENT = 40

facts_for_patient = facts_as_json
"""What the rows of a patient need to know of the facts of a base."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The form as it was filled in, and what is wrong with it."""

    text: str
    at: str
    actor: Actor | None = None
    problems: tuple[PatientProblem, ...] = ()
    wrong_moment: str | None = None
    posted: Mapping[str, Any] = field(default_factory=dict)
    moment: datetime | None = None

    @property
    def usable(self) -> bool:
        return not self.problems and self.moment is not None


class Trying(DeskView):
    """A form for what is known of a patient, and the answer under it. Nothing of it is recorded."""

    def __init__(self) -> None:
        super().__init__(name="Try it", endpoint="desk_try", url="/desk/try")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        key, version = request.args.get("rule", ""), _version(request.args.get("version"))
        if version is not None and not key and version.kind is ItemKind.RULE:
            key = version.key
        with answering(service_of(), session(), version) as able:
            rule = _rule(able.base, key)
            elsewhere = _newest(session(), key) if key and rule is None else None
            shown: dict[str, Any] = {
                "answering": able,
                "rule": rule,
                "elsewhere": elsewhere,
                "here": {name: value for name, value in request.args.items() if name in ("rule", "version")},
                "patients": _patients(able.base, key),
                "actors": list(Actor),
                "facts": facts_for_patient(able.base),
            }
            if request.method != "POST":
                return self._form(_begun(able.base), shown)
            return self._answer(_filled_in(able.base), able, rule, shown)

    def _form(self, asked: Asked, shown: dict[str, Any], status: int = 200) -> ResponseReturnValue:
        return self.render("desk/try.html", asked=asked, tried=None, tested=None, **shown), status

    def _answer(self, asked: Asked, able: Answering, rule: Rule | None, shown: dict[str, Any]) -> ResponseReturnValue:
        release = able.release
        if not asked.usable or asked.moment is None or release is None:
            return self._form(asked, shown, 422)
        wanted = request.form.get("show")
        reader = Reader(wanted) if wanted in list(Reader) and able.version is None else None
        actors = ACTORS[reader] if reader else (asked.actor,) if asked.actor else ()
        question = Question("tried", asked.moment, asked.posted, actors, with_not_met=True)
        try:
            # Of a candidate the page itself says that nobody has approved it.
            approved = able.clinically_approved or able.version is not None
            tried = answered(release, question, clinically_approved=approved)
        except UnusableRequest as error:
            return self._form(_placed(asked, error), shown, 422)
        except Disagreement:
            return _not_to_be_trusted(able)
        except EngineFault as fault:
            log.error("engine", tried=True, fault=str(fault))
            return error_page(500, "This could not be answered", "The rules engine failed. Try again.")
        if reader:
            return self._checklist(release, tried, reader, asked.moment)
        return self.render(
            "desk/try.html",
            asked=asked,
            tried=tried,
            tested=tested(release, rule, tried) if rule else None,
            as_posted=json.dumps(
                {"evaluated_at": asked.moment.isoformat(), "facts": asked.posted}, ensure_ascii=False, indent=2
            ),
            **shown,
        )

    def _checklist(self, release: PreparedRelease, tried: Tried, reader: Reader, at: datetime) -> Response:
        return checklist_page(
            release,
            tried.answer,
            reader,
            title="A patient who was tried",
            subject=None,
            evaluated_at=at,
            known=known_in_words(release, tried.decided.resolved.known),
            way_back=(url_for(".index"), "Try it"),
            said_first=("Made from facts that were typed in to try them: it is not on record.",),
            render=self.render,
            layout="admin/master.html",
        )


def _version(text: str | None) -> Version | None:
    """The stored version that an address names by its id, or None when it names none."""
    if not text:
        return None
    version = None
    if text.isascii() and text.isdecimal() and len(text) < 12 and int(text) < BEYOND_COLUMNS:
        version = session().get(Version, int(text))
    if version is None:
        abort(404, "There is no such version. Open the rule, and try its draft from there.")
    return version


def _rule(base: KnowledgeBase, key: str) -> Rule | None:
    return base.rules.get(key) if key else None


def _newest(session: Session, key: str) -> Version:
    """The newest version of a rule that is not in what answers."""
    query = select(Version).where(Version.kind == ItemKind.RULE, Version.key == key).order_by(Version.number.desc())
    version = None if received.unstorable(key) else session.scalars(query.limit(1)).one_or_none()
    if version is None:
        abort(404, "There is no rule of this name.")
    return version


def _patients(base: KnowledgeBase, key: str) -> list[tuple[str, list[tuple[Vignette, str]]]]:
    """The example patients under headings: first those that speak for the rule, with what they expect of it."""
    speaking = [
        (one, state.value)
        for state in State
        for one in sorted(base.vignettes.values(), key=lambda one: one.title)
        if key and key in one.expect.get(state, ())
    ]
    named = {one.key for one, _ in speaking}
    groups: dict[str, list[tuple[Vignette, str]]] = {"": speaking} if speaking else {}
    for one in sorted(base.vignettes.values(), key=lambda one: (one.topic, one.title)):
        if one.key not in named:
            groups.setdefault(one.topic, []).append((one, ""))
    return list(groups.items())


def _begun(base: KnowledgeBase) -> Asked:
    """The form before anybody filled it in: an example patient, or nobody."""
    key = request.args.get("patient", "")
    if not key:
        return Asked("", _for_input(service_of().now()))
    vignette = base.vignettes.get(key)
    if vignette is None:
        abort(404, "There is no example patient of this name. Choose one from the list.")
    return Asked(patients.write(vignette.facts, base.facts), _for_input(vignette.evaluated_at))


def _filled_in(base: KnowledgeBase) -> Asked:
    """The form as it was sent."""
    if "facts" not in request.form:
        abort(400, "The form is not complete: open the page and fill it in.")
    sent = request.form["facts"]
    text = plain_text(sent) if len(sent) <= patients.LONGEST else sent
    wanted = request.form.get("for", "")
    actor = Actor(wanted) if wanted in list(Actor) else None
    at = plain_text(request.form.get("at", ""))[:LONGEST_MOMENT].strip()
    moment, wrong_moment = _moment(at)
    try:
        return Asked(text, at, actor, (), wrong_moment, patients.read(text, base.facts), moment)
    except PatientError as error:
        return Asked(text, at, actor, error.problems, wrong_moment, {}, moment)


def _moment(text: str) -> tuple[datetime | None, str | None]:
    """The moment that a form names, in UTC where it names no zone; now when it names none."""
    if not text:
        return service_of().now(), None
    zoned = text.endswith("Z") or "+" in text or text.count("-") > 2
    try:
        return received.moment(text.replace(" ", "T") + ("" if zoned else "Z")), None
    except WrongValue:
        return None, "This is not a moment such as 2026-01-31T09:00. Leave it empty for now."


def _for_input(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}"


def _placed(asked: Asked, error: UnusableRequest) -> Asked:
    """The form with what could not be used at its line."""
    on = patients.lines(asked.text)
    found = []
    for problem in error.problems:
        _, _, name, *more = [*problem.pointer.split("/"), ""]
        numbers = on.get(name.replace("~1", "/").replace("~0", "~")) or [1]
        place = int(more[0]) if more and more[0].isdecimal() and int(more[0]) < len(numbers) else 0
        found.append(PatientProblem(numbers[place], problem.detail, problem.suggestion))
    found.sort(key=lambda one: one.line)
    return Asked(asked.text, asked.at, asked.actor, tuple(found), asked.wrong_moment, {}, asked.moment)


def _not_to_be_trusted(able: Answering) -> Response:
    if able.version is None:
        service_of().serving.forget()
    number = able.release.number if able.release else None
    log.error("disagreement", release=number, version=able.version and able.version.id, tried="at the desk")
    text = "Two independent evaluations of the rules did not give the same result, so nothing is recommended."
    return error_page(500, "The answer could not be trusted", text)
