"""Whatever is sent is answered or refused with a problem; nothing breaks, and what was recorded can be read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from sqlalchemy import select

from cds.deciding import decide
from cds.models import Decision
from cds.record import digests, sealing
from cds.record.recording import question_of
from cds.service import service_of
from knowledge import audit
from knowledge.facts import Fact, FactType
from tests import clinic
from tests.clinic import ASK, BATCH, PROBLEM, Caller
from tests.databases import BOTH

TEXTS = some.text(max_size=20) | some.sampled_from(["\x00", "\ud800", "😀", "2026-01-31T09:00:00Z", "NaN", "1e400"])
SCALARS = some.none() | some.booleans() | some.integers() | some.floats() | TEXTS
LIMITS = some.builds("{}{}".format, some.sampled_from(["<", "<=", ">", ">= "]), some.integers(-1, 130))
FACTS = list(clinic.shipped_base().facts.values())


@pytest.fixture(scope="module", params=BOTH)
def caller(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """After everything that was sent, each decision can be made again and the record is sound."""
    shipped = request.getfixturevalue(f"shipped_{request.param}")
    with clinic.asked(shipped, tmp_path_factory.mktemp("fuzz")) as caller:
        yield caller
        service = service_of(caller.client.application)
        with service.sessions() as session:
            release = service.serving.current(session).release
            rows = session.scalars(select(Decision)).all()
            for row in rows:
                again = decide(release, question_of(row), clinically_approved=False).response
                assert row.response_digest == digests.digest_of_bytes(again)
        with service.sessions() as session:
            assert audit.verify(session, sealing.check_decisions).problem is None


def values_of(fact: Fact) -> some.SearchStrategy[Any]:
    """Values that a fact might be sent with, most of them right."""
    match fact.type:
        case FactType.BOOLEAN:
            right: some.SearchStrategy[Any] = some.booleans()
        case FactType.INTEGER:
            right = some.integers(int(fact.minimum or 0) - 1, int(fact.maximum or 100) + 1) | LIMITS
        case FactType.DECIMAL:
            right = some.floats(fact.minimum or 0, fact.maximum or 100) | LIMITS
        case FactType.DATE:
            right = some.dates().map(str) | some.dates().map(lambda day: str(day)[: 4 if day.day % 2 else 7])
        case FactType.CODE:
            right = some.sampled_from([code.code for code in fact.codes])
        case FactType.CODES:
            right = some.lists(some.sampled_from([code.code for code in fact.codes]), max_size=4)
        case FactType.TEXT:
            right = TEXTS
    return some.one_of(right, right, right, some.none(), SCALARS)


def observed(values: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    times = some.datetimes().map(lambda at: f"{at.isoformat()}Z") | TEXTS | some.none()
    units = some.sampled_from(["kPa", "mm[Hg]", "%", "1", "a", "mo", "g/dL"])
    one = some.fixed_dictionaries(
        {"value": values},
        optional={
            "observed_at": times,
            "source": TEXTS | some.none(),
            "unit": units | TEXTS,
            "retracts": some.booleans() | SCALARS,
        },
    )
    return some.one_of(values, values, one, some.lists(one, max_size=3))


KNOWN = some.lists(some.sampled_from(FACTS), max_size=8, unique_by=lambda fact: fact.key).flatmap(
    lambda facts: some.fixed_dictionaries({fact.key: observed(values_of(fact)) for fact in facts})
)
DOCUMENTS = some.recursive(
    SCALARS, lambda inner: some.lists(inner, max_size=4) | some.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
REQUESTS = some.fixed_dictionaries(
    {"facts": KNOWN | some.dictionaries(TEXTS, DOCUMENTS, max_size=3)},
    optional={
        "subject": TEXTS | some.none() | SCALARS,
        "evaluated_at": some.datetimes().map(lambda at: f"{at.isoformat()}Z")
        | some.datetimes().map(lambda at: f"{at.isoformat()}{'-' if at.minute % 2 else '+'}{at.hour:02}:30")
        | SCALARS,
        "unusable_facts": some.sampled_from(["refuse", "set_aside", "set_aside"]) | SCALARS,
        "actors": some.lists(some.sampled_from(["patient", "oncologist", "clinician"]) | TEXTS, max_size=3) | SCALARS,
    },
)

fuzzed = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def answered_or_refused(caller: Caller, path: str, body: bytes) -> int:
    response = caller.post(body, path)
    assert response.status_code in (200, 400, 413, 422), response.text
    if response.status_code == 200:
        assert response.content_type == "application/json"
        json.loads(response.data)
    else:
        assert response.content_type == PROBLEM
        problem = json.loads(response.data)
        assert problem["errors"]
        for error in problem["errors"]:
            assert error["pointer"] == "" or error["pointer"].startswith("/")
            assert error["detail"].endswith((".", "?"))
    return response.status_code


def as_json(document: Any) -> bytes:
    """JSON as Python writes it: with NaN, Infinity and halves of emoji where they were drawn."""
    return json.dumps(document).encode()


@fuzzed
@given(document=DOCUMENTS | REQUESTS | some.lists(REQUESTS, max_size=2))
@example(document={"facts": {"age_years": 10**400}})
@example(document={"facts": {"": {"": {}}}})
def test_any_json_document_is_answered_or_refused(caller: Caller, document: Any) -> None:
    answered_or_refused(caller, ASK, as_json(document))


@fuzzed
@given(document=DOCUMENTS | some.fixed_dictionaries({"patients": some.lists(REQUESTS | DOCUMENTS, max_size=3)}))
def test_any_json_document_as_a_batch_is_answered_or_refused(caller: Caller, document: Any) -> None:
    answered_or_refused(caller, BATCH, as_json(document))


@fuzzed
@given(facts=KNOWN)
def test_any_values_of_known_facts_are_answered_or_refused(caller: Caller, facts: dict[str, Any]) -> None:
    answered_or_refused(caller, ASK, as_json({"facts": facts}))


@fuzzed
@given(body=some.binary(max_size=200) | some.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
@example(body=b"")
@example(body=b"\xef\xbb\xbf{}")
@example(body=b'{"facts": {"age_years": 1e400}}')
@example(body=b'{"facts": {"age_years": -0}}')
def test_any_bytes_are_answered_or_refused(caller: Caller, body: bytes) -> None:
    answered_or_refused(caller, ASK, body)
    answered_or_refused(caller, BATCH, body)


@fuzzed
@given(facts=KNOWN, place=some.integers(0, 10_000), byte=some.integers(0, 255))
def test_one_wrong_byte_breaks_nothing(caller: Caller, facts: dict[str, Any], place: int, byte: int) -> None:
    body = bytearray(as_json({"facts": facts, "evaluated_at": "2026-01-31T09:00:00Z"}))
    body[place % len(body)] = byte
    answered_or_refused(caller, ASK, bytes(body))


@fuzzed
@given(path=some.text(max_size=40), query=some.dictionaries(TEXTS, TEXTS, max_size=3), key=some.text(max_size=40))
def test_any_address_and_any_key_are_answered_or_refused(
    caller: Caller, path: str, query: dict[str, str], key: str
) -> None:
    for place in ("rules", "rules/x/versions", "releases", "decisions", "facts", ""):
        response = caller.client.get(
            f"/api/v1/{place}/{quote(path, errors='replace')}?{urlencode(query, errors='replace')}",
            headers=caller.headers,
        )
        assert response.status_code in (200, 301, 308, 404, 405, 422), (place, path)
    refused = caller.client.get("/api/v1/facts", environ_overrides={"HTTP_AUTHORIZATION": f"Bearer {key}"})
    assert (refused.status_code, refused.content_type) == (401, PROBLEM)
