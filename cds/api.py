"""The API of version 1: questions, the dictionary, rules, hazards, releases, decisions."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request
from flask_smorest import Blueprint
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from cds import browsing, examples, problems, schemas
from cds.answering import Caller, answer_batch, answer_one
from cds.asking import BatchRequest, RecommendationRequest, json_in
from cds.filters import refuse_what_it_does_not_know
from cds.keys import admitted, revoked, subject_of
from cds.models import ApiKey, Decision, Purpose
from cds.problems import MEDIA_TYPE, Refused
from cds.record.refusals import record_refusal
from cds.releases import PreparedRelease
from cds.replay.in_full import read_in_full
from cds.replay.shapes import DecisionInFull
from cds.requests import BEYOND_COLUMNS, RequestProblem, unstorable
from cds.service import service_of
from cds.serving import NoRelease
from knowledge.database import session_on
from knowledge.fields import FactsByKey

PREFIX = "/api/v1"

api = Blueprint("v1", __name__, url_prefix=PREFIX, description="Facts in, cited recommendations out.")

_INCLUDE: list[dict[str, Any]] = [
    {
        "name": "include",
        "in": "query",
        "required": False,
        "schema": {"type": "string", "enum": ["not_met"]},
        "description": "Also list the rules that are not met.",
    }
]


def connection() -> Connection:
    """The database connection of the present request; closed when the request ends."""
    if "connection" not in g:
        g.connection = service_of().database.connect()
    return g.connection


def session() -> Session:
    """The session on that connection."""
    if "session" not in g:
        g.session = session_on(connection())
    return g.session


@api.before_request
def authenticate() -> None:
    """Every endpoint below the prefix wants an API key, and those that answer the key of an app."""
    admit()
    if request.method == "POST" and g.admitted.purpose is not Purpose.APP:
        refusal_told("the key of an auditor")
        raise Refused(problems.not_for_this_key("This key reads the record. To ask for an answer, use an app’s key."))
    refuse_what_it_does_not_know()


def admit() -> None:
    """Let in whoever sends an API key, as `g.admitted`. Raises Refused."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused(problems.no_key("Send the header Authorization: Bearer <API key>."))
    g.admitted = admitted(connection(), key.strip())
    if g.admitted is None:
        found = revoked(session(), key.strip())
        refusal_told("a revoked key" if found else "an unknown key", found)
        raise Refused(problems.no_key("This API key is not known, or was revoked. Ask an administrator for one."))


def refusal_told(because: str, key: ApiKey | None = None, subject: str | None = None) -> None:
    """Put on record that this request is refused: because of what, whose it is, about what; by default about the key.

    Of a key that nobody knows, nothing is kept: it may be one with a slip of the pen.
    """
    if key is None and g.admitted is not None:
        key = session().get(ApiKey, g.admitted.id)
    record_refusal(
        service_of(),
        because=because,
        subject=subject or (subject_of(key) if key else "api"),
        actor=key.named if key else "unknown",
        origin=request.remote_addr,
        route=route_asked(),
    )


def route_asked() -> str:
    """The method and the rule of the present request, without what stands in its address."""
    return f"{request.method} {request.url_rule.rule if request.url_rule else '(none)'}"


def _problem(status: int, description: str) -> Any:
    return api.alt_response(
        status,
        schema=schemas.Problem,
        content_type=MEDIA_TYPE,
        description=description,
        example=examples.PROBLEM if status == 422 else None,
    )


def _body(schema: type, example: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


@api.route("/recommendations", methods=["POST"])
@api.doc(operationId="recommend", requestBody=_body(RecommendationRequest, examples.REQUEST), parameters=_INCLUDE)
@api.response(200, schemas.Recommendations, example=examples.ANSWER)
@_problem(400, "The body is not JSON.")
@_problem(413, "The body is too large.")
@_problem(422, "Facts that are unknown, of the wrong type or out of range; all problems at once.")
@_problem(500, "The answer could not be trusted, and is withheld.")
@_problem(503, "No release is in force, or the database cannot be used.")
def recommend() -> Response:
    """What should be done for one patient, why, and who says so

    Hazards that are present come first, then what is recommended. Every rule of the release in force is recommended,
    withheld by a hazard or another rule, undetermined for want of facts, or not met. The answer is recorded before it
    is sent.
    """
    raw = json_in(request.get_data())
    return _json(answer_one(service_of(), _caller(), raw, not_met=_wants_not_met()))


@api.route("/recommendations/batch", methods=["POST"])
@api.doc(operationId="recommend_batch", requestBody=_body(BatchRequest, examples.BATCH), parameters=_INCLUDE)
@api.response(200, schemas.BatchResults)
@_problem(400, "The body is not JSON.")
@_problem(413, "The body is too large.")
@_problem(422, "There is no list of 1 to 1,000 patients.")
@_problem(503, "No release is in force, or the database cannot be used.")
def recommend_batch() -> Response:
    """The same for up to 1,000 patients at once

    All are answered by one release. A patient whose facts cannot be used gets a problem; the others get their answers.
    The pointers of such a problem begin at the patient's own request.
    """
    service = service_of()
    request.max_content_length = service.settings.largest_batch
    raw = json_in(request.get_data())
    return _json(answer_batch(service, _caller(), raw, not_met=_wants_not_met()))


@api.route("/facts")
@api.doc(operationId="list_facts")
@api.response(200, schemas.Facts)
@_problem(503, "No release is in force.")
def list_facts() -> dict[str, Any]:
    """The facts that can be posted: type, unit, range, codes, how long each stays valid, what it is derived from"""
    return browsing.facts_shown(_in_force())


@api.route("/rules")
@api.arguments(schemas.RulesQuery, location="query")
@api.doc(operationId="list_rules")
@api.response(200, schemas.Rules)
@_problem(422, "A filter that does not exist.")
@_problem(503, "No release is in force.")
def list_rules(query: dict[str, Any]) -> dict[str, Any]:
    """The rules of the release in force, statements included"""
    return browsing.rules_shown(_in_force(), query)


@api.route("/rules/<string:key>")
@api.doc(operationId="show_rule")
@api.response(200, schemas.RuleShown)
@_problem(404, "There is no such rule.")
def show_rule(key: str) -> dict[str, Any]:
    """One rule of the release in force, with its condition in words and its citations in full"""
    release = _in_force()
    rule = release.base.rules.get(key)
    if rule is None:
        raise Refused(problems.not_found(f"The release in force has no rule {key!r}."))
    return browsing.rule_shown(release, rule)


@api.route("/rules/<string:key>/versions")
@api.doc(operationId="list_rule_versions")
@api.response(200, schemas.Versions)
@_problem(404, "There is no such rule.")
def list_rule_versions(key: str) -> dict[str, Any]:
    """Every version of a rule, newest first, with who, when, why, the releases that hold it and what differs"""
    found = browsing.versions_shown(session(), key, _facts_in_force()) if not unstorable(key) else None
    return _found(found, f"There is no rule {key!r}.")


@api.route("/hazards")
@api.arguments(schemas.HazardsQuery, location="query")
@api.doc(operationId="list_hazards")
@api.response(200, schemas.Hazards)
@_problem(422, "A filter that does not exist.")
@_problem(503, "No release is in force.")
def list_hazards(query: dict[str, Any]) -> dict[str, Any]:
    """The hazards of the release in force, the most urgent first, and which rules each withholds"""
    return browsing.hazards_shown(_in_force(), query)


@api.route("/hazards/<string:key>")
@api.doc(operationId="show_hazard")
@api.response(200, schemas.HazardShown)
@_problem(404, "There is no such hazard.")
def show_hazard(key: str) -> dict[str, Any]:
    """One hazard of the release in force: when it is present, what it forbids and why, what answers it, what remains"""
    release = _in_force()
    entry = release.hazards.get(key)
    if entry is None:
        raise Refused(problems.not_found(f"The release in force has no hazard {key!r}."))
    return browsing.hazard_shown(release, entry)


@api.route("/releases")
@api.doc(operationId="list_releases")
@api.response(200, schemas.Releases)
def list_releases() -> dict[str, Any]:
    """All releases, newest first, and when each was in force"""
    return browsing.releases_shown(session())


@api.route("/releases/<int:number>")
@api.doc(operationId="show_release")
@api.response(200, schemas.ReleaseInFull)
@_problem(404, "There is no such release.")
def show_release(number: int) -> dict[str, Any]:
    """One release with the digest of every version in it"""
    found = browsing.release_in_full(session(), number) if number < BEYOND_COLUMNS else None
    return _found(found, f"There is no release {number}.")


@api.route("/decisions/<string:decision_id>")
@api.doc(operationId="show_decision")
@api.response(200, DecisionInFull)
@_problem(404, "There is no such decision of this API key.")
def show_decision(decision_id: str) -> dict[str, Any]:
    """A decision as it was recorded; an app sees its own, an auditor every one in full

    For the key of an auditor the answer is made again and held against the record, and each rule comes in the version
    that was asked, with its evidence and who stands behind it. That it was read is put on record.
    """
    decision = session().get(Decision, decision_id) if not unstorable(decision_id) else None
    if g.admitted.purpose is Purpose.AUDIT:
        return _in_full(decision, decision_id)
    if decision is not None and decision.api_key_id != g.admitted.id:
        refusal_told("the decision of another", subject=f"decision/{decision.id}")
    if decision is None or decision.api_key_id != g.admitted.id:
        raise Refused(problems.not_found(f"This API key made no decision {decision_id!r}."))
    return browsing.decision_shown(session(), service_of().serving, decision)


def _in_full(decision: Decision | None, decision_id: str) -> dict[str, Any]:
    if decision is None:
        raise Refused(problems.not_found(f"There is no decision {decision_id!r}."))
    session().info["origin"] = request.remote_addr
    reader = session().get_one(ApiKey, g.admitted.id).named
    shown = read_in_full(session(), service_of(), decision, actor=reader)
    session().commit()
    return shown


def _facts_in_force() -> FactsByKey:
    """The dictionary in force, to say in words what differs; nothing when no release is."""
    try:
        return service_of().serving.current(session()).release.base.facts
    except NoRelease:
        return {}


def _in_force() -> PreparedRelease:
    return _caller().in_force.release


def _found(shown: dict[str, Any] | None, otherwise: str) -> dict[str, Any]:
    if shown is None:
        raise Refused(problems.not_found(otherwise))
    return shown


def _wants_not_met() -> bool:
    include = request.args.get("include")
    if include not in (None, "not_met"):
        problem = RequestProblem("/include", "include knows one word: not_met.", "not_met")
        raise Refused(problems.unusable([problem]))
    return include is not None


def _caller() -> Caller:
    """Whom the key let in. Raises Refused when no release is in force."""
    key_id, _, release_id, approved = g.admitted
    if release_id is None:
        raise Refused(problems.no_release())
    in_force = service_of().serving.standing(connection(), release_id, approved)
    return Caller(connection(), in_force, key_id, request.remote_addr or "unknown")


def _json(text: bytes) -> Response:
    return Response(text, content_type="application/json")
