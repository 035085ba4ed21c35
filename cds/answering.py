"""A question from outside, answered and kept in one transaction, or refused with a problem."""

from __future__ import annotations

from typing import Any

import structlog
from sqlalchemy.orm import Session

from cds import problems
from cds.asking import patients_in, question
from cds.deciding import Answer, Disagreement, decide
from cds.problems import Problem, Refused
from cds.recording import record, record_incident
from cds.requests import UnusableRequest
from cds.service import Service
from cds.serving import NoRelease, Standing
from cds.writing import compact

log = structlog.get_logger()


def standing(service: Service, session: Session) -> Standing:
    """The release in force. Raises Refused when there is none."""
    try:
        return service.serving.current(session)
    except NoRelease:
        raise Refused(problems.no_release()) from None


def answer_one(
    service: Service, session: Session, raw: Any, *, api_key_id: int | None, origin: str, not_met: bool = False
) -> bytes:
    """The response to one question, recorded and committed. Raises Refused; then nothing but an incident is kept."""
    in_force = standing(service, session)
    answer = _decided(service, session, in_force, raw, not_met)
    _keep(service, session, in_force, [answer], api_key_id, origin)
    return answer.response


def answer_batch(
    service: Service, session: Session, raw: Any, *, api_key_id: int | None, origin: str, not_met: bool = False
) -> bytes:
    """The results for up to 1,000 patients under one release; what fails in a batch fails alone."""
    try:
        patients = patients_in(raw)
    except UnusableRequest as error:
        raise Refused(problems.unusable(error.problems)) from None
    in_force = standing(service, session)
    answers: list[Answer] = []
    results: list[bytes] = []
    for index, patient in enumerate(patients):
        try:
            answer = _decided(service, session, in_force, patient, not_met)
        except Refused as refused:
            results.append(_result(index, refused.problem))
            continue
        answers.append(answer)
        results.append(b'{"index":%d,"status":200,"answer":%b}' % (index, answer.response))
    _keep(service, session, in_force, answers, api_key_id, origin)
    return b'{"results":[%b]}' % b",".join(results)


def _decided(service: Service, session: Session, in_force: Standing, raw: Any, not_met: bool) -> Answer:
    try:
        asked = question(raw, in_force.release, now=service.now(), new_id=service.new_id, not_met=not_met)
        return decide(in_force.release, asked, clinically_approved=in_force.clinically_approved)
    except UnusableRequest as error:
        raise Refused(problems.unusable(error.problems)) from None
    except Disagreement as error:
        raise Refused(_incident(service, session, in_force, error)) from None


def _keep(
    service: Service, session: Session, in_force: Standing, answers: list[Answer], api_key_id: int | None, origin: str
) -> None:
    at = service.now()
    for answer in answers:
        record(session, answer, in_force.release, in_force.release_id, api_key_id=api_key_id, origin=origin, at=at)
    session.commit()
    service.counters.decisions.inc(len(answers))


def _incident(service: Service, session: Session, in_force: Standing, problem: Disagreement) -> Problem:
    number = record_incident(session, problem, in_force.release, in_force.release_id, at=service.now())
    session.commit()
    service.counters.incidents.inc()
    service.serving.forget()
    log.error("incident", incident=number, release=in_force.release.number)
    return problems.incident(str(number))


def _result(index: int, problem: Problem) -> bytes:
    return compact({"index": index, "status": problem.status, "problem": problem.as_json()})
