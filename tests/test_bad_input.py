"""What an app may send by mistake or malice: it gets a clear problem, nothing is recorded, the next one is answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine, make_url, select
from sqlalchemy.engine import Engine

from cds import keys
from cds.models import ApiKey
from cds.service import service_of
from knowledge.database import connect, sessions, upgrade
from tests import clinic
from tests.clinic import API_KEY, ASK, BATCH, Caller, counts, errors_of, problem_in, suggestions_of
from tests.databases import BOTH, empty_database

GOOD = {"has_mbc": True, "age_years": 60}

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module", params=BOTH)
def caller(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """One service for the whole module: whatever was sent to it before, it must go on answering."""
    with clinic.asked(request.getfixturevalue(f"shipped_{request.param}"), tmp_path_factory.mktemp("bad")) as caller:
        yield caller


@pytest.fixture(autouse=True)
def _nothing_is_recorded_and_the_next_one_is_answered(request: pytest.FixtureRequest) -> Iterator[None]:
    """Around each test that asks the service of the module."""
    if "caller" not in request.fixturenames:
        yield
        return
    caller: Caller = request.getfixturevalue("caller")
    service = service_of(caller.client.application)
    before = counts(service)
    yield
    assert counts(service) == before
    caller.ask(GOOD)
    assert counts(service)["decisions"] == before["decisions"] + 1


NOT_JSON: dict[str, tuple[bytes | str, str]] = {
    "nothing": ("", "The body is empty. Send an object such as"),
    "blanks": (" \n\t ", "The body is empty."),
    "a word": ("facts", "Line 1, column 1: Expecting value."),
    "an object that ends early": ('{"facts": {', "Line 1, column 12:"),
    "two objects": ('{"facts": {}} {}', "Line 1, column 15: Extra data."),
    "single quotes": ("{'facts': {}}", "Line 1, column 2:"),
    "a form": ("facts=1&age=2", "Line 1, column 1:"),
    "NaN": ('{"facts": {"age_years": NaN}}', "NaN is not a JSON number; leave out what is not known, or send null."),
    "Infinity": ('{"facts": {"age_years": Infinity}}', "Infinity is not a JSON number"),
    "minus Infinity": ('{"facts": {"age_years": -Infinity}}', "-Infinity is not a JSON number"),
    "a number with 5,000 digits": ('{"facts": {"age_years": ' + "9" * 5_000 + "}}", "A number has too many digits."),
    "Latin-1": ('{"subject": "Zoë", "facts": {}}'.encode("latin-1"), "The body is not UTF-8 text."),
    "UTF-16": ('{"facts": {}}'.encode("utf-16"), "The body is not UTF-8 text."),
    "NUL": (b"\x00", "Line 1, column 1:"),
    "a raw control character in a text": (b'{"subject": "a\x00b", "facts": {}}', "Line 1, column 15:"),
    "a list 100,000 deep": ("[" * 100_000, "The JSON is nested more than 32 deep."),
    "a closed list 100,000 deep": ("[" * 100_000 + "]" * 100_000, "The JSON is nested more than 32 deep."),
    "objects 100,000 deep": ('{"facts":' * 100_000 + "1" + "}" * 100_000, "The JSON is nested more than 32 deep."),
    "33 deep": ('{"facts": {"age_years": ' + "[" * 31 + "]" * 31 + "}}", "The JSON is nested more than 32 deep."),
    "a name twice": (
        '{"facts": {"age_years": 60, "age_years": 61}}',
        "The name 'age_years' stands twice in one object; send it once.",
    ),
    "facts twice": ('{"facts": {}, "facts": {"age_years": 60}}', "The name 'facts' stands twice"),
    "a name twice, once as an escape": (
        '{"facts": {"age_years": 60, "\\u0061ge_years": 61}}',
        "'age_years' stands twice",
    ),
    "50,000 names and the last one twice": (
        "{" + ",".join(f'"name{number}":1' for number in range(50_000)) + ',"name49999":1}',
        "The name 'name49999' stands twice",
    ),
}


@pytest.mark.parametrize("path", [ASK, BATCH])
@pytest.mark.parametrize(("body", "detail"), NOT_JSON.values(), ids=NOT_JSON)
def test_a_body_that_is_no_json_is_refused_with_the_place(
    caller: Caller, body: bytes | str, detail: str, path: str
) -> None:
    problem = caller.refusal(body, path, 400)
    assert problem["type"] == "urn:phasewise:problem:not-json"
    assert detail in problem["detail"]
    assert errors_of(problem) == {"": problem["detail"]}


def test_32_deep_is_read_and_a_byte_order_mark_is_no_mistake(caller: Caller) -> None:
    deep = '{"facts": {"age_years": ' + "[" * 29 + "]" * 29 + "}}"
    assert errors_of(caller.refusal(deep)) == {
        "/facts/age_years/0": "A list holds observations: objects with value and observed_at."
    }
    marked = b'\xef\xbb\xbf{"facts": {"ecog": 2}}'
    assert suggestions_of(caller.refusal(marked)) == {"/facts/ecog": "ecog_ps"}


@pytest.mark.parametrize("path", [ASK, BATCH])
def test_a_body_of_20_mb_is_refused(caller: Caller, path: str) -> None:
    body = b'{"facts": {}, "subject": "' + b"x" * 20_000_000 + b'"}'
    problem = caller.refusal(body, path, 413)
    assert problem["type"] == "urn:phasewise:problem:too-large"
    assert "KiB" in problem["detail"]


def test_a_body_of_10_mb_is_refused_as_one_patient(caller: Caller) -> None:
    body = b'{"facts": {}}' + b" " * 10_000_000
    assert caller.refusal(body, ASK, 413)["detail"] == (
        "A body has at most 1024 KiB; send fewer facts, or fewer patients in a batch."
    )


OTHER_SHAPES: dict[str, tuple[str, str]] = {
    "a list": ("[]", "A request is a JSON object, not a list."),
    "null": ("null", "A request is a JSON object, not null."),
    "a text": ('"facts"', "A request is a JSON object, not a text."),
    "a number": ("7", "A request is a JSON object, not a number."),
    "1e400": ("1e400", "A request is a JSON object, not a number."),
    "true": ("true", "A request is a JSON object, not true or false."),
}


@pytest.mark.parametrize(("body", "detail"), OTHER_SHAPES.values(), ids=OTHER_SHAPES)
def test_json_that_is_no_object_is_refused(caller: Caller, body: str, detail: str) -> None:
    assert errors_of(caller.refusal(body))[""].startswith(detail)


OBSERVATION_HAS = "An observation has value, observed_at, source, unit and retracts, and nothing else."

WRONG: dict[str, tuple[Any, dict[str, str]]] = {
    "no facts": ({}, {"/facts": 'The facts are an object of names and values: {"age_years": 60}.'}),
    "facts null": ({"facts": None}, {"/facts": 'The facts are an object of names and values: {"age_years": 60}.'}),
    "facts a list": (
        {"facts": [{"age_years": 60}]},
        {"/facts": 'The facts are an object of names and values: {"age_years": 60}.'},
    ),
    "subject a number": ({"facts": {}, "subject": 7}, {"/subject": "A subject is a text, or null."}),
    "subject of 10 kB": (
        {"facts": {}, "subject": "x" * 10_240},
        {"/subject": "A subject has at most 200 characters; this one has 10240."},
    ),
    "actors a text": (
        {"facts": {}, "actors": "patient"},
        {"/actors": 'The actors are a list, such as ["oncologist"].'},
    ),
    "no actor": ({"facts": {}, "actors": []}, {"/actors": "Name at least one actor, or leave actors out."}),
    "evaluated at a number": (
        {"facts": {}, "evaluated_at": 1_700_000_000},
        {"/evaluated_at": 'This is not a moment such as "2026-01-31T09:00:00Z".'},
    ),
    "evaluated on a day": (
        {"facts": {}, "evaluated_at": "2026-01-31"},
        {"/evaluated_at": 'This is not a moment such as "2026-01-31T09:00:00Z".'},
    ),
    "evaluated without a zone": (
        {"facts": {}, "evaluated_at": "2026-01-31T09:00:00"},
        {"/evaluated_at": 'The time has no zone: end it with "Z" or an offset such as "+01:00".'},
    ),
    "evaluated before the year 1": (
        {"facts": {}, "evaluated_at": "0001-01-01T00:00:00+14:00"},
        {"/evaluated_at": 'This is not a moment such as "2026-01-31T09:00:00Z".'},
    ),
    "evaluated tomorrow": (
        {"facts": {}, "evaluated_at": "2026-06-02T09:00:00Z"},
        {"/evaluated_at": "The evaluation lies in the future; it is now 2026-06-01T09:00:00Z."},
    ),
    "an unknown fact": (
        {"facts": {"blood_group": "A"}},
        {"/facts/blood_group": "There is no fact called 'blood_group'. GET /api/v1/facts lists them."},
    ),
    "a misspelt fact": (
        {"facts": {"ecog": 2}},
        {"/facts/ecog": "There is no fact called 'ecog'. Did you mean ecog_ps?"},
    ),
    "a text for a number": (
        {"facts": {"pain_nrs": "7"}},
        {"/facts/pain_nrs": 'Pain intensity is a whole number, not the text "7".'},
    ),
    "a fraction for a whole number": (
        {"facts": {"pain_nrs": 7.5}},
        {"/facts/pain_nrs": "Pain intensity is a whole number, not 7.5."},
    ),
    "true for a number": (
        {"facts": {"pain_nrs": True}},
        {"/facts/pain_nrs": "Pain intensity is a whole number, not true."},
    ),
    "1 for true": (
        {"facts": {"diabetes_mellitus": 1}},
        {"/facts/diabetes_mellitus": "Diabetes mellitus is true or false, not 1."},
    ),
    "a text for true": (
        {"facts": {"diabetes_mellitus": "true"}},
        {"/facts/diabetes_mellitus": 'Diabetes mellitus is true or false, not the text "true".'},
    ),
    "a number out of range": (
        {"facts": {"age_years": 121}},
        {"/facts/age_years": "Age has the range 0 to 120 years; 121 is outside it."},
    ),
    "a unit off by a thousand": (
        {"facts": {"spo2_room_air": 0.93}},
        {"/facts/spo2_room_air": "Oxygen saturation at rest on room air has the range 50 to 100%; 0.93 is outside it."},
    ),
    "a huge whole number": (
        {"facts": {"age_years": 10**4_000}},
        {"/facts/age_years": "Age has the range 0 to 120 years; a very large number is outside it."},
    ),
    "a code in other letters": (
        {"facts": {"disease_phase": "Acute"}},
        {
            "/facts/disease_phase": "Disease phase is one of acute, stable, deteriorating, terminal, "
            'not the text "Acute".'
        },
    ),
    "a date that is none": (
        {"facts": {"mbc_diagnosis_date": "2026-02-30"}},
        {
            "/facts/mbc_diagnosis_date": "Date of metastatic diagnosis is a date such as 2026-01-31, "
            'not the text "2026-02-30".'
        },
    ),
    "a date to come": (
        {"facts": {"mbc_diagnosis_date": "2026-06-02"}},
        {"/facts/mbc_diagnosis_date": "Date of metastatic diagnosis lies in the future: 2026-06-02."},
    ),
    "a date long ago": (
        {"facts": {"mbc_diagnosis_date": "1776-07-04"}},
        {
            "/facts/mbc_diagnosis_date": "1776-07-04 is implausible: Days since metastatic diagnosis has the range "
            "0 to 36500 days; 91277 is outside it."
        },
    ),
    "one code for a list": (
        {"facts": {"metastatic_sites": "bone"}},
        {"/facts/metastatic_sites": ""},
    ),
    "a text of blanks": ({"facts": {"comfort_function_goals": "  "}}, {"/facts/comfort_function_goals": ""}),
    "a text too long": ({"facts": {"comfort_function_goals": "x" * 2_001}}, {"/facts/comfort_function_goals": ""}),
    "an observation in the future": (
        {"facts": {"pain_nrs": {"value": 7, "observed_at": "2026-06-01T09:05:01Z"}}},
        {
            "/facts/pain_nrs/observed_at": "The observation lies in the future: after 2026-06-01T09:00:00Z, "
            "the time of evaluation."
        },
    ),
    "an observation after the evaluation": (
        {
            "evaluated_at": "2026-01-31T09:00:00Z",
            "facts": {"pain_nrs": {"value": 7, "observed_at": "2026-02-01T00:00:00Z"}},
        },
        {
            "/facts/pain_nrs/observed_at": "The observation lies in the future: after 2026-01-31T09:00:00Z, "
            "the time of evaluation."
        },
    ),
    "an observation without a zone": (
        {"facts": {"pain_nrs": {"value": 7, "observed_at": "2026-05-31T09:00:00"}}},
        {"/facts/pain_nrs/observed_at": 'The time has no zone: end it with "Z" or an offset such as "+01:00".'},
    ),
    "an observation at no time": (
        {"facts": {"pain_nrs": {"value": 7, "observed_at": "yesterday"}}},
        {"/facts/pain_nrs/observed_at": 'This is not a moment such as "2026-01-31T09:00:00Z".'},
    ),
    "an observation without a value": (
        {"facts": {"pain_nrs": {"observed_at": "2026-05-31T09:00:00Z"}}},
        {"/facts/pain_nrs": "The observation has no value; null says that it is not known."},
    ),
    "an observation with a misspelt part": (
        {"facts": {"pain_nrs": {"value": 7, "observed": "2026-05-31T09:00:00Z"}}},
        {"/facts/pain_nrs/observed": OBSERVATION_HAS},
    ),
    "a source that is no text": (
        {"facts": {"pain_nrs": {"value": 7, "source": {"name": "nurse"}}}},
        {"/facts/pain_nrs/source": "The source is a text of at most 100 characters, such as “patient”."},
    ),
    "an empty list of observations": (
        {"facts": {"pain_nrs": []}},
        {"/facts/pain_nrs": "A list holds 1 to 100 observations, not 0."},
    ),
    "101 observations": (
        {"facts": {"pain_nrs": [{"value": 7, "observed_at": "2026-05-31T09:00:00Z"}] * 101}},
        {"/facts/pain_nrs": "A list holds 1 to 100 observations, not 101."},
    ),
    "a list of bare values": (
        {"facts": {"pain_nrs": [7, 8]}},
        {
            "/facts/pain_nrs/0": "A list holds observations: objects with value and observed_at.",
            "/facts/pain_nrs/1": "A list holds observations: objects with value and observed_at.",
        },
    ),
    "a list without times": (
        {"facts": {"pain_nrs": [{"value": 7}]}},
        {"/facts/pain_nrs/0": "In a list every observation says when: observed_at is missing."},
    ),
    "everything at once": (
        {
            "facts": {"ecog": 2, "pain_nrs": "7", "age_years": {"value": 400, "when": 1}},
            "subject": "",
            "actor": ["patient"],
            "actors": ["patiant", "oncologist", 3],
            "evaluated_at": "now",
        },
        {
            "/actor": "A request has subject, evaluated_at, unusable_facts, facts, actors, and nothing else.",
            "/actors/0": "An actor is one of oncologist, primary_care, clinician, care_team, patient, caregiver.",
            "/actors/2": "An actor is one of oncologist, primary_care, clinician, care_team, patient, caregiver.",
            "/evaluated_at": 'This is not a moment such as "2026-01-31T09:00:00Z".',
            "/facts/ecog": "There is no fact called 'ecog'. Did you mean ecog_ps?",
            "/facts/pain_nrs": 'Pain intensity is a whole number, not the text "7".',
            "/facts/age_years/when": OBSERVATION_HAS,
            "/facts/age_years/value": "Age has the range 0 to 120 years; 400 is outside it.",
        },
    ),
}


@pytest.mark.parametrize(("body", "details"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_request_is_said_all_at_once_and_where(
    caller: Caller, body: Any, details: dict[str, str]
) -> None:
    problem = caller.refusal(body)
    assert problem["type"] == "urn:phasewise:problem:unusable-request"
    found = errors_of(problem)
    assert set(found) == set(details)
    for pointer, detail in details.items():
        assert found[pointer] == detail or not detail
        assert found[pointer].endswith((".", "?"))


def test_a_number_beyond_all_numbers_is_refused_where_it_stands(caller: Caller) -> None:
    body = '{"facts": {"age_years": 1e400, "spo2_room_air": -1e400, "bmi": {"value": 1e309}}, "subject": 1e400}'
    assert errors_of(caller.refusal(body)) == {
        "/subject": "A subject is a text, or null.",
        "/facts/age_years": "Age is a whole number, not a very large number.",
        "/facts/spo2_room_air": "Oxygen saturation at rest on room air has the range 50 to 100%; "
        "a very large number is outside it.",
        "/facts/bmi/value": "Body mass index has the range 10 to 80 kg/m²; a very large number is outside it.",
    }


@pytest.mark.parametrize(
    ("body", "suggestions"),
    [
        ({"facts": {"ecog": 2, "pain_nsr": 7}}, {"/facts/ecog": "ecog_ps", "/facts/pain_nsr": "pain_nrs"}),
        ({"facts": {"disease_phase": "acut"}}, {"/facts/disease_phase": "acute"}),
        ({"facts": {"metastatic_sites": ["bone", "lungs"]}}, {"/facts/metastatic_sites": "lung"}),
        ({"facts": {"pain_nrs": {"value": 7, "observd_at": None}}}, {"/facts/pain_nrs/observd_at": "observed_at"}),
        ({"facts": {}, "subjct": "x"}, {"/subjct": "subject"}),
        ({"facts": {}, "actors": ["oncolgist"]}, {"/actors/0": "oncologist"}),
        ({"facts": {"zzzzzz": 1}, "zzzzzz": 1}, {"/facts/zzzzzz": None, "/zzzzzz": None}),
    ],
)
def test_the_nearest_valid_name_is_suggested(
    caller: Caller, body: dict[str, Any], suggestions: dict[str, str | None]
) -> None:
    assert suggestions_of(caller.refusal(body)) == suggestions


def test_500_facts_are_read_and_one_more_is_too_many(caller: Caller) -> None:
    facts = {f"a{number}": 1 for number in range(500)}
    problem = caller.refusal({"facts": facts})
    assert problem["detail"] == "500 things are wrong with it; nothing was recorded."
    assert set(errors_of(problem)) == {f"/facts/{name}" for name in facts}
    assert errors_of(caller.refusal({"facts": {**facts, "age_years": 60}})) == {
        "/facts": "A patient has at most 500 facts."
    }


def test_40000_unknown_parts_are_all_named(caller: Caller) -> None:
    problem = caller.refusal({f"part{number}": 1 for number in range(40_000)} | {"facts": {}})
    assert problem["detail"] == "40000 things are wrong with it; nothing was recorded."


STRINGS: dict[str, tuple[Callable[[str], dict[str, Any]], str]] = {
    "subject": (lambda text: {"facts": {}, "subject": text}, "/subject"),
    "evaluated_at": (lambda text: {"facts": {}, "evaluated_at": f"2026-01-31T09:00:00{text}Z"}, "/evaluated_at"),
    "actor": (lambda text: {"facts": {}, "actors": [f"patient{text}"]}, "/actors/0"),
    "part of the request": (lambda text: {"facts": {}, f"subject{text}": "x"}, "/subject{}"),
    "fact name": (lambda text: {"facts": {f"age_years{text}": 60}}, "/facts/age_years{}"),
    "code": (lambda text: {"facts": {"disease_phase": f"acute{text}"}}, "/facts/disease_phase"),
    "code in a list": (lambda text: {"facts": {"metastatic_sites": [f"bone{text}"]}}, "/facts/metastatic_sites"),
    "date": (lambda text: {"facts": {"mbc_diagnosis_date": f"2026-01-01{text}"}}, "/facts/mbc_diagnosis_date"),
    "text": (lambda text: {"facts": {"comfort_function_goals": text}}, "/facts/comfort_function_goals"),
    "source": (lambda text: {"facts": {"pain_nrs": {"value": 1, "source": text}}}, "/facts/pain_nrs/source"),
    "observed_at": (
        lambda text: {"facts": {"pain_nrs": {"value": 1, "observed_at": f"2026-01-31{text}T09:00:00Z"}}},
        "/facts/pain_nrs/observed_at",
    ),
    "part of an observation": (
        lambda text: {"facts": {"pain_nrs": {"value": 1, f"source{text}": "nurse"}}},
        "/facts/pain_nrs/source{}",
    ),
    "number": (lambda text: {"facts": {"pain_nrs": f"7{text}"}}, "/facts/pain_nrs"),
}


@pytest.mark.parametrize(("body", "pointer"), STRINGS.values(), ids=STRINGS)
@pytest.mark.parametrize(
    "poison", ["\x00", "\ud83d", "\x1b[2J", "\x7f"], ids=["NUL", "half an emoji", "escape", "delete"]
)
def test_a_character_that_cannot_be_kept_is_refused_in_every_string(
    caller: Caller, body: Callable[[str], dict[str, Any]], pointer: str, poison: str
) -> None:
    shown = poison.replace("\ud83d", "?")
    assert pointer.format(shown) in errors_of(caller.refusal(body(poison)))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [shape for name, shape in STRINGS.items() if name not in ("subject", "text", "source")],
    ids=[name for name in STRINGS if name not in ("subject", "text", "source")],
)
def test_an_emoji_is_refused_where_a_name_is_wanted(
    caller: Caller, body: Callable[[str], dict[str, Any]], pointer: str
) -> None:
    assert pointer.format("😀") in errors_of(caller.refusal(body("😀")))


def test_pointers_are_escaped_as_their_standard_says(caller: Caller) -> None:
    """RFC 6901, section 3: "~" is "~0" and "/" is "~1"."""
    problem = caller.refusal({"facts": {"a/b~c": 1}, "x/y": 1})
    assert set(errors_of(problem)) == {"/facts/a~1b~0c", "/x~1y"}


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "Send the header Authorization: Bearer <API key>."),
        ("", "Send the header Authorization: Bearer <API key>."),
        ("Bearer", "Send the header Authorization: Bearer <API key>."),
        ("Bearer   ", "Send the header Authorization: Bearer <API key>."),
        (API_KEY, "Send the header Authorization: Bearer <API key>."),
        (f"Basic {API_KEY}", "Send the header Authorization: Bearer <API key>."),
        ("Bearer wrong", "This API key is not known, or was revoked. Ask an administrator for one."),
        (f"Bearer {API_KEY}x", "This API key is not known, or was revoked."),
        (f"Bearer {API_KEY} {API_KEY}", "This API key is not known, or was revoked."),
        (f"Bearer {API_KEY}\x00", "This API key is not known, or was revoked."),
        ("Bearer \x00", "This API key is not known, or was revoked."),
        ("Bearer " + "😀".encode().decode("latin-1"), "This API key is not known, or was revoked."),
        ("Bearer 😀\ud83d", "This API key is not known, or was revoked."),
        ("Bearer " + "x" * 100_000, "This API key is not known, or was revoked."),
        ("Bearer %' OR 1=1 --", "This API key is not known, or was revoked."),
    ],
)
def test_without_a_valid_key_nothing_is_answered(caller: Caller, header: str | None, detail: str) -> None:
    environment = {} if header is None else {"HTTP_AUTHORIZATION": header}
    for method, path in (("POST", ASK), ("POST", BATCH), ("GET", "/api/v1/facts"), ("GET", "/api/v1/decisions/x")):
        response = caller.client.open(path, method=method, data="{}", environ_overrides=environment)
        problem = problem_in(response, 401)
        assert problem["detail"].startswith(detail)
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert "x" * 1_000 not in response.text


ADDRESSES: dict[str, tuple[str, int, str]] = {
    "an address that leads nowhere": ("/api/v1/recomendations", 404, "There is nothing at /api/v1/recomendations."),
    "NUL in an address": ("/api/v1/%00", 404, "There is nothing at"),
    "a rule that is not there": ("/api/v1/rules/no-such-rule", 404, "The release in force has no rule 'no-such-rule'."),
    "NUL as a rule": ("/api/v1/rules/%00", 404, "The release in force has no rule '\\x00'."),
    "emoji as a rule": ("/api/v1/rules/%F0%9F%98%80", 404, "The release in force has no rule '😀'."),
    "bytes that are no text as a rule": ("/api/v1/rules/%ff", 404, "The release in force has no rule"),
    "versions of no rule": ("/api/v1/rules/no-such-rule/versions", 404, "There is no rule 'no-such-rule'."),
    "versions of NUL": ("/api/v1/rules/%00/versions", 404, "There is no rule '\\x00'."),
    "versions of an emoji": ("/api/v1/rules/%F0%9F%98%80/versions", 404, "There is no rule '😀'."),
    "a decision that is not there": ("/api/v1/decisions/1", 404, "This API key made no decision '1'."),
    "NUL as a decision": ("/api/v1/decisions/%00", 404, "This API key made no decision '\\x00'."),
    "emoji as a decision": ("/api/v1/decisions/%F0%9F%98%80", 404, "This API key made no decision '😀'."),
    "a release that is not there": ("/api/v1/releases/2", 404, "There is no release 2."),
    "release 0": ("/api/v1/releases/0", 404, "There is no release 0."),
    "a release beyond all numbers": (f"/api/v1/releases/{2**31}", 404, f"There is no release {2**31}."),
    "a release of 5,000 digits": ("/api/v1/releases/" + "9" * 5_000, 404, "There is n"),
    "a release below zero": ("/api/v1/releases/-1", 404, "There is nothing at /api/v1/releases/-1."),
    "a release that is no number": ("/api/v1/releases/one", 404, "There is nothing at"),
    "a misspelt filter": ("/api/v1/rules?tropic=pain", 422, "One thing is wrong"),
    "a filter with NUL": ("/api/v1/rules?kind=%00", 422, "One thing is wrong"),
    "a filter with an emoji": ("/api/v1/rules?mode=%F0%9F%98%80", 422, "One thing is wrong"),
    "a filter of NUL": ("/api/v1/rules?%00=1", 422, "One thing is wrong"),
    "an actor that is none": ("/api/v1/rules?actor=patients", 422, "One thing is wrong"),
    "a method that is not possible": (ASK, 405, f"{ASK} takes OPTIONS, POST, not GET."),
}


@pytest.mark.parametrize(("path", "status", "detail"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_that_leads_nowhere_says_so(caller: Caller, path: str, status: int, detail: str) -> None:
    problem = problem_in(caller.get(path), status)
    assert problem["detail"].startswith(detail)


@pytest.mark.parametrize(
    ("query", "suggestions"),
    [
        ("tropic=pain", {"/tropic": "topic"}),
        ("actor=patients", {"/actor": "patient"}),
        ("kind=advise&mode=opt", {"/kind": "advice", "/mode": "option"}),
    ],
)
def test_the_nearest_filter_or_word_is_suggested(caller: Caller, query: str, suggestions: dict[str, str]) -> None:
    assert suggestions_of(problem_in(caller.get(f"/api/v1/rules?{query}"), 422)) == suggestions


@pytest.mark.parametrize("path", [ASK, BATCH])
@pytest.mark.parametrize(
    ("query", "suggestions"),
    [
        ("include=notmet", {"/include": "not_met"}),
        ("include=", {"/include": None}),
        ("include=not_met&include=%00", {"/include": None}),
        ("includ=not_met", {"/includ": "include"}),
        ("%F0%9F%98%80=1", {"/😀": None}),
    ],
)
def test_an_address_takes_no_other_words(caller: Caller, path: str, query: str, suggestions: dict[str, str]) -> None:
    body = {"patients": [{"facts": {}}]} if path == BATCH else {"facts": {}}
    assert suggestions_of(caller.refusal(body, f"{path}?{query}")) == suggestions


def test_a_revoked_key_is_refused_and_what_it_decided_stays(
    caller: Caller, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with own_service("sqlite", request, tmp_path) as (own, _):
        service = service_of(own.client.application)
        decided = own.ask(GOOD)["decision_id"]
        with service.sessions() as session:
            [key] = session.scalars(select(ApiKey)).all()
            keys.revoke(session, key, by=None, at=clinic.NOW)
            other = keys.issue(session, "Another", by=None, at=clinic.NOW)
            session.commit()
        before = counts(service)
        problem_in(own.post({"facts": GOOD}), 401)
        problem_in(own.get(f"/api/v1/decisions/{decided}"), 401)
        assert counts(service) == before
        another = Caller(own.client, {"Authorization": f"Bearer {other}"})
        another.ask(GOOD)
        assert "made no decision" in problem_in(another.get(f"/api/v1/decisions/{decided}"), 404)["detail"]


@contextmanager
def own_service(
    kind: str, request: pytest.FixtureRequest, folder: Path, **settings: Any
) -> Iterator[tuple[Caller, str]]:
    """A service on a database that the test may break: a new file, or the module's own one in PostgreSQL."""
    with clinic.preparing_once(), ExitStack() as stack:
        if kind == "sqlite":
            url = stack.enter_context(clinic.copied(request.getfixturevalue("shipped_sqlite"), folder))
        else:
            url = request.getfixturevalue("breakable")
        yield Caller(stack.enter_context(clinic.open_app(url, **settings)).test_client()), url


@pytest.fixture(scope="module")
def breakable(shipped_postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with clinic.copied(shipped_postgresql, tmp_path_factory.mktemp("breakable")) as url:
        yield url


def unavailable(caller: Caller) -> None:
    """Every way of asking says that the database cannot be used; the process itself is well."""
    response = caller.post({"facts": GOOD})
    problem = problem_in(response, 503)
    assert problem["type"] == "urn:phasewise:problem:database-unavailable"
    assert response.headers["Retry-After"] == "1"
    problem_in(caller.post({"patients": [{"facts": GOOD}]}, BATCH), 503)
    assert caller.client.get("/healthz").status_code == 200


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Somebody else holds the database: another process on SQLite, a lock on the table on PostgreSQL."""
    if make_url(url).get_backend_name() == "sqlite":
        code = (
            "import sqlite3, sys; held = sqlite3.connect(sys.argv[1]); "
            "held.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", code, str(make_url(url).database)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            assert holder.stdin
            assert holder.stdout.readline() == b"held\n"
            yield
            holder.stdin.close()
        return
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE decisions IN ACCESS EXCLUSIVE MODE")
        yield
    engine.dispose()


@pytest.mark.parametrize("kind", BOTH)
def test_while_the_database_is_locked_the_app_is_told_to_send_it_again(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with own_service(kind, request, tmp_path, busy_seconds=0.1) as (caller, url):
        service = service_of(caller.client.application)
        caller.ask(GOOD)
        before = counts(service)
        with locked(url):
            unavailable(caller)
        assert counts(service) == before
        caller.ask(GOOD)
        assert counts(service)["decisions"] == before["decisions"] + 1


@pytest.mark.parametrize("kind", BOTH)
def test_on_a_database_that_only_reads_nothing_is_answered_but_the_rules_are_shown(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with own_service(kind, request, tmp_path) as (caller, url):
        service = service_of(caller.client.application)
        before = counts(service)
        if kind == "sqlite":
            service.database.dispose()
            read_only = f"sqlite:///file:{make_url(url).database}?mode=ro&uri=true"
        else:
            administer(url, f"ALTER DATABASE {make_url(url).database} SET default_transaction_read_only = on")
            service.database.dispose()
            read_only = url
        with clinic.open_app(read_only) as app:
            unavailable(Caller(app.test_client()))
            assert Caller(app.test_client()).shown("/api/v1/rules")["rules"]
        if kind == "postgresql":
            administer(url, f"ALTER DATABASE {make_url(url).database} RESET default_transaction_read_only")
        service.database.dispose()
        assert counts(service) == before
        caller.ask(GOOD)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to files that only read")
def test_a_database_file_without_the_right_to_write_is_unavailable(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with own_service("sqlite", request, tmp_path) as (caller, url):
        service_of(caller.client.application).database.dispose()
        path = Path(str(make_url(url).database))
        path.chmod(0o444)
        unavailable(caller)
        path.chmod(0o644)
        service_of(caller.client.application).database.dispose()
        caller.ask(GOOD)


@pytest.mark.parametrize("how", ["removed", "replaced by another"])
def test_an_answer_is_never_recorded_in_a_database_file_that_is_gone(
    how: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with own_service("sqlite", request, tmp_path) as (caller, url):
        caller.ask(GOOD)
        path = Path(str(make_url(url).database))
        kept = path.rename(path.with_suffix(".kept"))
        for beside in path.parent.glob(f"{path.name}-*"):
            beside.rename(kept.with_name(beside.name.replace(path.name, kept.name)))
        if how == "replaced by another":
            path.write_bytes(b"")
        unavailable(caller)
        service_of(caller.client.application).database.dispose()
        for one in path.parent.glob(f"{kept.name}*"):
            one.replace(one.with_name(one.name.replace(kept.name, path.name)))
        caller.ask(GOOD)
        assert counts(service_of(caller.client.application))["decisions"] == 2


def test_a_file_that_is_no_database_is_unavailable(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with own_service("sqlite", request, tmp_path) as (caller, url):
        path = Path(str(make_url(url).database))
        content = path.read_bytes()
        path.write_bytes(b"This is a letter, and no database. " * 1_000)
        unavailable(caller)
        path.write_bytes(content)
        service_of(caller.client.application).database.dispose()
        caller.ask(GOOD)


def test_a_database_server_that_is_gone_is_unavailable(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with own_service("postgresql", request, tmp_path) as (caller, url):
        caller.ask(GOOD)
        name = make_url(url).database
        administer(url, f"ALTER DATABASE {name} RENAME TO {name}_away", away=True)
        unavailable(caller)
        administer(url, f"ALTER DATABASE {name}_away RENAME TO {name}")
        caller.ask(GOOD)
    with clinic.open_app("postgresql+psycopg://nobody@127.0.0.1:1/nowhere") as app:
        unavailable(Caller(app.test_client()))


def administer(url: str, statement: str, *, away: bool = False) -> None:
    name = make_url(url).database
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if away:
            connection.exec_driver_sql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(params=BOTH)
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Caller, Engine]]:
    """A service on a database without a table."""
    with empty_database(request.param, tmp_path) as url:
        engine = connect(url)
        with clinic.open_app(url) as app:
            yield Caller(app.test_client()), engine
        engine.dispose()


def test_without_tables_or_without_a_release_in_force_there_is_no_answer_until_there_is_one(
    bare: tuple[Caller, Engine], prepared_once: None
) -> None:
    caller, engine = bare
    unavailable(caller)
    upgrade(engine)
    with sessions(engine)() as session:
        keys.issue(session, "The app of the tests", by=None, at=clinic.LOADED, key=API_KEY)
        session.commit()
    service = service_of(caller.client.application)
    before = counts(service)
    for response in (
        caller.post({"facts": GOOD}),
        caller.post({"patients": [{"facts": GOOD}]}, BATCH),
        caller.get("/api/v1/facts"),
        caller.get("/api/v1/rules"),
        caller.get("/api/v1/rules/pain-any-communicate"),
    ):
        problem = problem_in(response, 503)
        assert problem["type"] == "urn:phasewise:problem:no-release"
    assert caller.shown("/api/v1/releases") == {"releases": []}
    assert counts(service) == before
    clinic.load_content(engine)
    caller.ask(GOOD)


def test_an_error_of_ours_gives_nothing_away(
    caller: Caller, client_that_breaks: FlaskClient, capfd: pytest.CaptureFixture[str]
) -> None:
    response = client_that_breaks.post(
        ASK, data=json.dumps({"facts": GOOD, "subject": "Mrs Secret"}), headers=caller.headers
    )
    problem = problem_in(response, 500)
    assert problem["type"] == "urn:phasewise:problem:unexpected"
    logged = capfd.readouterr().err
    assert "the rules are gone" in logged
    assert "Mrs Secret" not in logged
    assert '"has_mbc"' not in logged


@pytest.fixture
def client_that_breaks(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("the rules are gone")

    monkeypatch.setattr("cds.answering.decide", breaks)
    return caller.client
