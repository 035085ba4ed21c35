"""A question from outside, answered and kept in one transaction, or refused with a problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from cds import problems
from cds.asking import patients_in, question
from cds.deciding import Answer, Disagreement, decide
from cds.problems import Problem, Refused
from cds.record.incidents import record_disagreement
from cds.record.recording import record
from cds.requests import UnusableRequest
from cds.service import Service
from cds.serving import NoRelease, Standing
from cds.writing import compact
from knowledge.database import session_on

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, on which connection, and the release in force when it was let in; no key for a command."""

    connection: Connection
    in_force: Standing
    api_key_id: int | None
    origin: str


def standing(service: Service, session: Session) -> Standing:
    """The release in force. Raises Refused when there is none."""
    try:
        return service.serving.current(session)
    except NoRelease:
        raise Refused(problems.no_release()) from None


def answer_one(service: Service, caller: Caller, raw: Any, *, not_met: bool = False) -> bytes:
    """The response to one question, recorded and committed. Raises Refused; then nothing but an incident is kept."""
    answer = _decided(service, caller, raw, not_met)
    _keep(service, caller, [answer])
    return answer.response


def answer_batch(service: Service, caller: Caller, raw: Any, *, not_met: bool = False) -> bytes:
    """The results for up to 1,000 patients under one release; what fails in a batch fails alone."""
    try:
        patients = patients_in(raw)
    except UnusableRequest as error:
        raise Refused(problems.unusable(error.problems)) from None
    answers: list[Answer] = []
    results: list[bytes] = []
    for index, patient in enumerate(patients):
        try:
            answer = _decided(service, caller, patient, not_met)
        except Refused as refused:
            results.append(_result(index, refused.problem))
            continue
        answers.append(answer)
        results.append(b'{"index":%d,"status":200,"answer":%b}' % (index, answer.response))
    _keep(service, caller, answers)
    return b'{"results":[%b]}' % b",".join(results)


def _decided(service: Service, caller: Caller, raw: Any, not_met: bool) -> Answer:
    in_force = caller.in_force
    try:
        asked = question(
            raw, in_force.release, now=service.now(), new_id=service.new_id, not_met=not_met, zone=service.zone
        )
        return decide(in_force.release, asked, clinically_approved=in_force.clinically_approved)
    except UnusableRequest as error:
        raise Refused(problems.unusable(error.problems)) from None
    except Disagreement as error:
        raise Refused(_incident(service, caller, error)) from None


def _keep(service: Service, caller: Caller, answers: list[Answer]) -> None:
    at = service.now()
    for answer in answers:
        record(
            caller.connection,
            answer,
            caller.in_force.release,
            caller.in_force.release_id,
            clinically_approved=caller.in_force.clinically_approved,
            api_key_id=caller.api_key_id,
            origin=caller.origin,
            at=at,
        )
    caller.connection.commit()
    service.counters.decisions.inc(len(answers))


def _incident(service: Service, caller: Caller, problem: Disagreement) -> Problem:
    in_force = caller.in_force
    with session_on(caller.connection) as session:
        session.info["origin"] = caller.origin
        number = record_disagreement(session, problem, in_force.release, in_force.release_id, at=service.now())
        session.commit()
    service.counters.incidents.inc()
    service.serving.forget()
    log.error("incident", incident=number, release=in_force.release.number)
    return problems.incident(str(number))


def _result(index: int, problem: Problem) -> bytes:
    return compact({"index": index, "status": problem.status, "problem": problem.as_json()})
