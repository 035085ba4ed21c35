"""The API's own description: valid, complete, true to the examples it gives, and kept to by every answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31

from cds import examples
from cds.service import Service
from tests import clinic
from tests.clinic import API_KEY, ASK, BATCH, PROBLEM, Caller, counts

DOCUMENT = "/api/v1/openapi.json"


@pytest.fixture(scope="module")
def caller(shipped_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with clinic.asked(shipped_sqlite, tmp_path_factory.mktemp("openapi")) as caller:
        yield caller


@pytest.fixture(scope="module")
def document(caller: Caller) -> dict[str, Any]:
    response = caller.client.get(DOCUMENT)
    assert (response.status_code, response.content_type) == (200, "application/json")
    return json.loads(response.data)


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    }


def shape(document: dict[str, Any], name: str) -> Any:
    """A validator for one of the document's shapes."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return jsonschema_rs.Draft202012Validator(schema)


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    jsonschema_rs.validate(OPENAPI_31, document)
    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        assert shape(document, name) is not None


def test_it_needs_no_key_to_be_read(document: dict[str, Any]) -> None:
    assert document["security"] == [{"apiKey": []}]
    assert document["components"]["securitySchemes"] == {"apiKey": {"type": "http", "scheme": "bearer"}}


def test_its_paths_are_the_routes(caller: Caller, document: dict[str, Any]) -> None:
    routes = {
        (method, str(rule).replace("<string:", "{").replace("<int:", "{").replace(">", "}"))
        for rule in caller.client.application.url_map.iter_rules()
        if str(rule).startswith("/api/v1/") and str(rule) not in (DOCUMENT, "/api/v1/docs")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(operations(document)) == routes
    assert len(routes) >= 9


def test_every_operation_is_named_and_described(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(names)) == len(names)
    for operation in operations(document).values():
        assert operation["summary"]
        for response in operation["responses"].values():
            assert response.get("description") or response["$ref"]


def test_every_refusal_is_declared_as_a_problem_document(document: dict[str, Any]) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for place, operation in operations(document).items():
        for status, response in operation["responses"].items():
            if status == "200":
                files = ["text/csv", "application/jsonl"] if place[1].endswith("/export") else None
                assert list(response["content"]) == (files or ["application/json"]), place
                continue
            declared = document["components"]["responses"]["DEFAULT_ERROR"] if "$ref" in response else response
            assert list(declared["content"]) == [PROBLEM], place
            assert declared["content"][PROBLEM]["schema"] == problem, place
        assert "default" in operation["responses"]


def test_the_examples_have_the_shapes_that_they_stand_beside(document: dict[str, Any]) -> None:
    found = 0
    for operation in operations(document).values():
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for described in [*bodies, *operation["responses"].values()]:
            for content in described.get("content", {}).values():
                if "example" in content:
                    name = content["schema"]["$ref"].rsplit("/", 1)[1]
                    shape(document, name).validate(content["example"])
                    found += 1
    assert found >= 5


def test_the_example_patient_gets_the_example_answer(caller: Caller, document: dict[str, Any]) -> None:
    operation = document["paths"][ASK]["post"]
    assert operation["requestBody"]["content"]["application/json"]["example"] == examples.REQUEST
    answer = json.loads(caller.post(examples.REQUEST).data)
    shape(document, "Recommendations").validate(answer)
    assert set(answer) == set(examples.ANSWER)
    assert answer["evaluated_at"] == examples.ANSWER["evaluated_at"]
    for part in ("recommendations", "withheld", "undetermined", "missing_facts", "notices"):
        [told] = examples.ANSWER[part]
        assert told in [as_told(one, told) for one in answer[part]], part


def as_told(said: Any, told: Any) -> Any:
    """What was said, with an ellipsis wherever the example leaves something out."""
    match told:
        case dict():
            return {name: as_told(part, told.get(name)) for name, part in said.items()}
        case ["…"] if said:
            return told
        case list() if len(said) == len(told):
            return [as_told(part, one) for part, one in zip(said, told, strict=True)]
        case str() if told.endswith("…") and str(said).startswith(told[:-1]):
            return told
        case _:
            return said


def test_the_example_batch_gets_an_answer_and_the_example_problem(caller: Caller, document: dict[str, Any]) -> None:
    results = json.loads(caller.post(examples.BATCH, BATCH).data)
    shape(document, "BatchResults").validate(results)
    assert [one["status"] for one in results["results"]] == [200, 422]
    assert results["results"][1]["problem"] == examples.PROBLEM


def test_every_answer_is_as_the_document_says(caller: Caller) -> None:
    described = schemathesis.openapi.from_wsgi(DOCUMENT, caller.client.application)
    statuses: set[int] = set()
    for found in described.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @given(operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        @settings(max_examples=15, derandomize=True, database=None)
        def answers(case: schemathesis.Case) -> None:
            response = case.call_and_validate(
                headers={"Authorization": f"Bearer {API_KEY}"},
                checks=[
                    not_a_server_error,
                    status_code_conformance,
                    content_type_conformance,
                    response_headers_conformance,
                    response_schema_conformance,
                ],
            )
            statuses.add(response.status_code)

        answers()
    assert statuses >= {200, 404, 422}


def test_the_document_is_the_same_every_time(caller: Caller) -> None:
    service: Service = clinic.service_of(caller.client.application)
    before = counts(service)
    assert caller.client.get(DOCUMENT).data == caller.client.get(DOCUMENT).data
    assert counts(service) == before
