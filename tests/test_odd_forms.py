"""Whatever is posted to the desk's forms, it is answered in words, and nothing is kept that was not meant."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from cds.service import Service
from knowledge.models import Version
from tests.desk import enter, token

RULE = "pain-any-educational-tools"
WRITING = [
    f"/desk/rules/{RULE}/edit",
    "/desk/facts/pain_nrs/edit",
    "/desk/sources/kida-2021/edit",
    "/desk/vignettes/worked-case-c03/edit",
]
LOOKING = [
    "/desk/rules/check",
    "/desk/facts/check",
    "/desk/sources/check",
    "/desk/vignettes/check",
    "/desk/rules/new",
    "/desk/vignettes/new",
]
NAMES = st.sampled_from(
    [
        *("key", "title", "text", "condition", "kind", "mode", "urgency", "actors", "review_by", "reason", "opened"),
        *("label", "type", "minimum", "step", "codes-0-code", "derivations-0-value", "derivations-0-when", "year"),
        *("citations-0-source", "citations-99999999-source", "citations--1-source", "citations-x-source", "notes-7"),
        *("facts", "expect-0-rule", "expect-0-state", "evaluated_at", "valid_days", "doi", "url", "add", "remove"),
        *("in", "with", "seen", "comment", "step", "publish"),
    ]
)
ODD = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            *("1e400", "nan", "inf", "-0", "007", "1_000", "٣", "yes", "no", "true", "2026-13-40", "2026-01-31", ""),
            *("\x00", "\ud800", "=cmd|' /C calc'!A0", "<script>", "pain_nrs > 3 and", "((((((", "not " * 50, "acute"),
            *("pain_nrs: 7 at never", 'x: "', "citations", "citations-0", "expect", "9" * 400),
        ]
    ),
)


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


@pytest.fixture
def lead(client: FlaskClient) -> FlaskClient:
    assert enter(client, "approver").status_code == 303
    return client


def answered(client: FlaskClient, path: str, form: dict[str, str]) -> int:
    sent = {name: value.encode("utf-8", "surrogatepass") for name, value in form.items()}
    response = client.post(path, data=sent)
    assert response.status_code < 500, (path, form, response.text[:500])
    assert "Traceback" not in response.text
    return response.status_code


@given(form=st.dictionaries(NAMES, ODD, max_size=8), path=st.sampled_from([*WRITING, *LOOKING]))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_odd_fields_get_an_answer_in_words(lead: FlaskClient, form: dict[str, str], path: str) -> None:
    answered(lead, path, {"csrf_token": token(lead.get("/desk/").text), "keep": "1", **form})
    # What was kept, half done as it may be, can be opened and looked at.
    if path in WRITING:
        assert lead.get(path).status_code in (200, 303)
        assert lead.get(path.removesuffix("/edit")).status_code == 200
        assert lead.get(path.removesuffix("edit") + "difference").status_code == 200


def test_a_body_that_is_too_large_is_refused_in_words(lead: FlaskClient, service: Service) -> None:
    form = {"csrf_token": token(lead.get("/desk/").text), "keep": "1", "text": "x" * 2_000_000}
    assert lead.post(WRITING[0], data=form).status_code == 413
    with service.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Version).where(Version.key == RULE)) == 1


def test_more_rows_than_a_form_holds_are_refused_not_dropped(lead: FlaskClient) -> None:
    rows = {f"notes-{number}": f"Note {number}" for number in range(450)}
    form = {"csrf_token": token(lead.get("/desk/").text), "keep": "1", "reason": "Many notes.", **rows}
    assert answered(lead, WRITING[0], form) == 422


@pytest.mark.parametrize("step", ["approve", "return", "retire", "submit"])
def test_odd_steps_get_an_answer_in_words(lead: FlaskClient, step: str) -> None:
    for comment in ("", "\x00", "\ud800", "x" * 100_000):
        form = {"csrf_token": token(lead.get("/desk/").text), "comment": comment, "with": "abc", "seen": "no"}
        answered(lead, f"/desk/rules/{RULE}/1/{step}", form)
        answered(lead, f"/desk/rules/{RULE}/99/{step}", form)


@pytest.mark.parametrize("chosen", ["abc", "-1", "9" * 30, "1", "\x00"])
def test_odd_choices_for_a_release_get_an_answer_in_words(lead: FlaskClient, chosen: str) -> None:
    form = {"csrf_token": token(lead.get("/desk/").text), "in": chosen, "publish": "1", "seen": "no"}
    assert answered(lead, "/desk/releases/propose", {**form, "reason": "Because."}) in (409, 422)
    answered(lead, "/desk/releases/1/activate", {**form, "reason": "\x00"})
    answered(lead, "/desk/releases/1/approve", {**form, "reason": "x" * 100_000})
