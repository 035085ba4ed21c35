"""Reading a condition at the desk: what it says, or what is wrong, where, and what to put there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from admin.trying.conditions import facts_for_builder, reading
from knowledge.conditions import leaves
from knowledge.facts import NOT_KNOWN_CODE
from knowledge.language import parse
from knowledge.models import Role
from knowledge.trees import from_json
from tests import clinic
from tests.clinic import shipped_base
from tests.desk import enter, token
from tests.specification import dictionary
from tests.test_pages import INLINE, words

FACTS = dictionary()
READ = "/desk/conditions/read"


@pytest.fixture
def shipped_url(staffed_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with clinic.copied(staffed_sqlite, tmp_path) as url:
        yield url


def mended(text: str) -> str:
    """The text after the first suggestion was put in."""
    answer = reading(text, FACTS)
    [problem, *_] = answer["problems"]
    assert problem["suggestion"] is not None, problem
    return answer["read"][: problem["start"]] + problem["suggestion"] + answer["read"][problem["end"] :]


def test_a_condition_is_read_as_a_tree_in_words_and_as_it_will_be_stored() -> None:
    answer = reading("age_years>55  and(pain_present or has_living_will is false)", FACTS)
    assert answer["text"] == "age_years > 55 and (pain_present or not has_living_will)"
    assert answer["in_words"] == "age over 55 years and (pain or no living will exists)"
    assert answer["facts"] == ["age_years", "pain_present", "has_living_will"]
    assert from_json(answer["tree"]) == parse(answer["text"])
    assert answer["problems"] == []


def test_blanks_out_of_word_are_blanks() -> None:
    answer = reading("\ufeffage_years\u00a0>\u200b 55\vand\r\npain_present", FACTS)
    assert answer["read"] == "age_years > 55\nand\npain_present"
    assert answer["text"] == "age_years > 55 and pain_present"


@pytest.mark.parametrize(
    ("typed", "mend"),
    [
        ("age_years ≥ 55", "age_years >= 55"),
        ("age_years ≤ 55", "age_years <= 55"),
        ("disease_phase ≠ acute", "disease_phase is not acute"),
        ("disease_phase <> acute", "disease_phase is not acute"),
        ("disease_phase == acute", "disease_phase is acute"),
        ("disease_phase is “acute”", "disease_phase is acute"),
        ("disease_phase is 'acute' ", "disease_phase is acute "),
        ("disease_phase is acute”", "disease_phase is acute"),
        ("age_years > −55", "age_years > -55"),
        ("age_years > 55 &&\n  pain_present", "age_years > 55 and\n  pain_present"),
        ("spo2_room_air < 88,5", "spo2_room_air < 88.5"),
        ("\npain_present and\n painNrs > 3", "\npain_present and\n pain_nrs > 3"),
        ("pain-present", "pain_present"),
        ("age_year > 55", "age_years > 55"),
        ("disease_phase in (acute, stabil)", "disease_phase in (acute, stable)"),
        ("  \n ", "always"),
    ],
)
def test_what_was_meant_is_put_in_at_its_place(typed: str, mend: str) -> None:
    assert mended(typed) == mend


def test_every_problem_has_its_place() -> None:
    answer = reading("age_years > 200 and\n  nobody and disease_phase is acut", FACTS)
    assert answer["tree"] is None
    assert [(one["line"], one["column"]) for one in answer["problems"]] == [(1, 13), (2, 3), (2, 31)]
    assert answer["problems"][2]["suggestion"] == "acute"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pain_present and " * 500 + "pain_present", "at most 8000 characters; this one has 8512. Split the rule."),
        ("not (" * 41 + "pain_present" + ")" * 41, "nested more than 40 deep. Split the rule."),
        ("\ud800 or \x00", "cannot stand here"),
        ("x" * 100_000, "at most 8000 characters"),
    ],
)
def test_what_is_too_much_or_nothing_at_all_is_said_so(text: str, said: str) -> None:
    answer = reading(text, FACTS)
    assert said in answer["problems"][0]["detail"]
    json.dumps(answer, ensure_ascii=False).encode()


def test_the_builder_knows_every_fact_by_label_and_offers_no_code_for_not_known() -> None:
    base = shipped_base()
    facts = facts_for_builder(base)
    assert len(facts) == len(base.facts)
    assert [one["label"].casefold() for one in facts] == sorted(one["label"].casefold() for one in facts)
    by_key: dict[str, dict[str, Any]] = {one["key"]: one for one in facts}
    assert by_key["age_years"] == {
        "key": "age_years",
        "label": "Age",
        "type": "integer",
        "topic": base.facts["age_years"].topic,
        "unit": "years",
        "minimum": 0,
        "maximum": 120,
        "step": None,
        "codes": [],
    }
    assert by_key["her2_status"]["codes"][0][0] == "positive"
    assert NOT_KNOWN_CODE not in {code for one in facts for code, _ in one["codes"]}
    assert {leaf.fact for rule in base.rules.values() if rule.condition for leaf in leaves(rule.condition)} <= set(
        by_key
    )


def ask(client: FlaskClient, body: object, **headers: str) -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(READ, data=data, headers=headers)


def admitted(client: FlaskClient, role: Role) -> dict[str, str]:
    """Signed in, with the token that a page holds."""
    assert enter(client, role.value).status_code == 303
    return {"X-CSRFToken": token(client.get("/desk/").text)}


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.APPROVER, Role.AUDITOR])
def test_writers_and_auditors_may_ask(client: FlaskClient, role: Role) -> None:
    response = ask(client, {"text": "age_years > 55"}, **admitted(client, role))
    assert (response.status_code, response.json["in_words"]) == (200, "age over 55 years")
    assert response.headers["Cache-Control"] == "no-store"


def test_an_administrator_may_not(client: FlaskClient) -> None:
    headers = admitted(client, Role.ADMINISTRATOR)
    assert ask(client, {"text": "always"}, **headers).status_code == 403
    assert client.get("/desk/conditions/").status_code == 403


def test_nobody_asks_without_a_session_or_without_the_token(client: FlaskClient) -> None:
    assert ask(client, {"text": "always"}).status_code == 303
    admitted(client, Role.AUTHOR)
    assert ask(client, {"text": "always"}).status_code == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        (b"\xff\xfe", 400),
        ("[" * 100_000, 400),
        ([], 422),
        ({}, 422),
        ({"text": 7}, 422),
        ({"text": None}, 422),
        ("null", 422),
    ],
)
def test_a_body_that_holds_no_text_is_answered_in_a_sentence(client: FlaskClient, body: object, status: int) -> None:
    response = ask(client, body, **admitted(client, Role.AUTHOR))
    assert response.status_code == status
    [problem] = response.json["problems"]
    assert problem["detail"].endswith(".")


def test_half_a_character_is_answered(client: FlaskClient) -> None:
    response = ask(client, '{"text": "\\ud800"}', **admitted(client, Role.AUTHOR))
    assert response.status_code == 200
    assert response.json["problems"]


def test_the_page_reads_a_condition_without_scripts(client: FlaskClient) -> None:
    headers = admitted(client, Role.AUTHOR)
    form = {"csrf_token": headers["X-CSRFToken"], "text": "age_years > 55 and not has_living_will"}
    page = client.post("/desk/conditions/", data=form).text
    assert "Age over 55 years and no living will exists." in words(page)
    form["text"] = "age_years > 55\nand age_yearz ≥ 3 <script>"
    page = client.post("/desk/conditions/", data=form).text
    assert "Line 2, column 15: Write >= instead of ≥." in words(page)
    assert "age_yearz ≥ 3 &lt;script&gt;</textarea>" in page
    shown = re.sub(r'<script type="application/json".*?</script>', "", page, flags=re.DOTALL)
    assert not INLINE.search(shown.replace('<script type="module" src', "<script src"))
