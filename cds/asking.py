"""Reading a request: strict JSON first, then what was asked, with every problem at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from cds import problems
from cds.deciding import Question
from cds.problems import Refused
from cds.releases import PreparedRelease
from cds.requests import CLOCK_SKEW, MOST_SUGGESTIONS, RequestProblem, UnusableRequest, escaped, moment, unstorable
from knowledge.errors import nearest
from knowledge.items import Actor
from knowledge.model.zones import UTC_NAME, offset_in, zone_named

DEEPEST_JSON = 32
LONGEST_SUBJECT = 200
MOST_PATIENTS = 1_000
MOST_FACTS = 500

_EXAMPLE = '{"facts": {"age_years": 60}}'


class _Subject(fields.String):
    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if len(text) > LONGEST_SUBJECT:
            raise ValidationError(f"A subject has at most {LONGEST_SUBJECT} characters; this one has {len(text)}.")
        if unstorable(text):
            raise ValidationError("The subject holds a control character or half a character.")
        return text


class _Moment(fields.DateTime):
    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime:
        found: list[RequestProblem] = []
        at = moment(value, "", found)
        if at is None:
            raise ValidationError([problem.detail for problem in found])
        return at


class RecommendationRequest(Schema):
    """What is known of one patient, and for whom the answer is."""

    class Meta:
        unknown = RAISE

    subject = _Subject(
        allow_none=True,
        error_messages={"invalid": "A subject is a text, or null."},
        metadata={
            "description": "Your own opaque name for the patient, at most 200 characters. Send no name or birth date."
        },
    )
    evaluated_at = _Moment(
        allow_none=True,
        metadata={"description": "The moment that the answer is for, with its zone; now by default, never later."},
    )
    unusable_facts = fields.String(
        allow_none=True,
        validate=validate.OneOf(["refuse", "set_aside"], error="Write refuse or set_aside."),
        metadata={
            "description": "What to do with facts that cannot be used: refuse the request, the default, or set them "
            "aside. What is set aside counts as not known, and a notice tells of each."
        },
    )
    facts = fields.Dict(
        required=True,
        validate=validate.Length(max=MOST_FACTS, error=f"A patient has at most {MOST_FACTS} facts."),
        error_messages=dict.fromkeys(
            ["required", "null", "invalid"], 'The facts are an object of names and values: {{"age_years": 60}}.'
        ),
        metadata={
            "description": "By the name of the fact: a bare value, an observation (value, observed_at, source, and "
            "unit as a UCUM code), a list of observations, or null when it is not known. Numbers can be limits such as "
            '"<20", dates can be "2021-05" or "2021". An observation with retracts true, a source and no value takes '
            "back what the source said before. GET /api/v1/facts gives names, types and ranges."
        },
    )
    actors = fields.List(
        fields.Enum(Actor, by_value=True, error_messages={"unknown": "An actor is one of {choices}."}),
        allow_none=True,
        error_messages={"invalid": 'The actors are a list, such as ["oncologist"].'},
        validate=validate.Length(min=1, error="Name at least one actor, or leave actors out."),
        metadata={
            "description": "Narrows the answer to these roles. An oncologist is also a clinician and one of the care "
            "team; for patient and caregiver alone the answer holds only what a patient may see."
        },
    )


class BatchRequest(Schema):
    """Up to 1,000 patients; each is answered, or refused, on its own."""

    class Meta:
        unknown = RAISE

    patients = fields.List(
        fields.Nested(RecommendationRequest), required=True, validate=validate.Length(1, MOST_PATIENTS)
    )


_REQUEST = RecommendationRequest()


def json_in(body: bytes) -> Any:
    """The value of a JSON text. Raises Refused for what is no JSON, holds a name twice or goes too deep."""
    if not body.strip():
        raise Refused(problems.not_json(f"The body is empty. Send an object such as {_EXAMPLE}."))
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise Refused(problems.not_json("The body is not UTF-8 text.")) from None
    except RecursionError:
        raise Refused(_too_deep()) from None
    except json.JSONDecodeError as error:
        detail = f"Line {error.lineno}, column {error.colno}: {error.msg}."
        raise Refused(problems.not_json(detail)) from None
    except ValueError:
        raise Refused(problems.not_json("A number has too many digits.")) from None
    if _deeper_than(value, DEEPEST_JSON):
        raise Refused(_too_deep())
    return value


def question(
    raw: Any, release: PreparedRelease, *, now: datetime, new_id: Callable[[], str], not_met: bool, zone: str = UTC_NAME
) -> Question:
    """What a request asks; `zone` is the site's. Raises UnusableRequest with all problems, those of facts included."""
    if not isinstance(raw, dict):
        detail = f"A request is a JSON object, not {_kind(raw)}. Send an object such as {_EXAMPLE}."
        raise UnusableRequest([RequestProblem("", detail)])
    found: list[RequestProblem] = []
    try:
        asked: Any = _REQUEST.load(raw)
    except ValidationError as error:
        asked = error.valid_data
        found += _schema_problems(error.normalized_messages(), raw)
    at = asked.get("evaluated_at") or now
    if at > now + CLOCK_SKEW:
        detail = f"The evaluation lies in the future; it is now {now:%Y-%m-%dT%H:%M:%SZ}."
        found.append(RequestProblem("/evaluated_at", detail))
    if found:
        raise UnusableRequest([*found, *_fact_problems(release, asked, at, _zone(raw, zone))])
    return Question(
        decision_id=new_id(),
        evaluated_at=at,
        facts=asked["facts"],
        actors=tuple(dict.fromkeys(asked.get("actors") or ())),
        subject=asked.get("subject"),
        with_not_met=not_met,
        zone=_zone(raw, zone),
        set_aside=asked.get("unusable_facts") == "set_aside",
    )


def patients_in(raw: Any) -> list[Any]:
    """The patients of a batch, each still to be read. Raises UnusableRequest when there is no such list."""
    wanted = 'A batch is {"patients": [...]} with a request for each patient.'
    if not isinstance(raw, dict):
        raise UnusableRequest([RequestProblem("", wanted)])
    found = [
        RequestProblem(f"/{escaped(name)}", "A batch has patients and nothing else.", nearest(name, ["patients"]))
        for name in raw
        if name != "patients"
    ]
    patients = raw.get("patients")
    if not isinstance(patients, list):
        found.append(RequestProblem("/patients", wanted))
    elif not 1 <= len(patients) <= MOST_PATIENTS:
        found.append(RequestProblem("/patients", f"A batch holds 1 to {MOST_PATIENTS} patients, not {len(patients)}."))
    if found:
        raise UnusableRequest(found)
    return raw["patients"]


def _zone(raw: Mapping[str, Any], zone: str) -> str:
    """The zone in which days are counted: the offset of evaluated_at as it was sent, otherwise the site's."""
    stated = raw.get("evaluated_at")
    return (offset_in(stated) if isinstance(stated, str) else None) or zone


def _fact_problems(
    release: PreparedRelease, asked: Mapping[str, Any], at: datetime, zone: str
) -> tuple[RequestProblem, ...]:
    facts = asked.get("facts")
    if not isinstance(facts, dict) or asked.get("unusable_facts") == "set_aside":
        return ()
    try:
        release.resolver.resolve(facts, at, zone=zone_named(zone))
    except UnusableRequest as error:
        return error.problems
    return ()


def _schema_problems(messages: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[RequestProblem]:
    """What stands in the way of each part of a request, in the order in which the parts were sent."""
    known = [*_REQUEST.fields]
    suggestions = MOST_SUGGESTIONS
    places = {name: place for place, name in enumerate(raw)}
    for name in sorted(messages, key=lambda name: places.get(name, len(places))):
        pointer = f"/{escaped(name)}"
        match messages[name]:
            case dict() as parts:
                for position, details in parts.items():
                    sent = raw[name][position]
                    near = nearest(sent, Actor) if isinstance(sent, str) else None
                    yield from (RequestProblem(f"{pointer}/{position}", detail, near) for detail in details)
            case details if name in known:
                yield from (RequestProblem(pointer, detail) for detail in details)
            case _:
                near = nearest(name, known) if suggestions > 0 else None
                suggestions -= 1
                yield RequestProblem(pointer, f"A request has {', '.join(known)}, and nothing else.", near)


def _no_constant(name: str) -> NoReturn:
    raise Refused(problems.not_json(f"{name} is not a JSON number; leave out what is not known, or send null."))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise Refused(problems.not_json(f"The name {twice[:80]!r} stands twice in one object; send it once."))
    return made


def _too_deep() -> problems.Problem:
    return problems.not_json(f"The JSON is nested more than {DEEPEST_JSON} deep.")


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _kind(raw: Any) -> str:
    match raw:
        case None:
            return "null"
        case bool():
            return "true or false"
        case list():
            return "a list"
        case str():
            return "a text"
        case _:
            return "a number"
