"""The page of a fact: which value counts, who may state it, what cannot be, what it is collected for."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests.desk import enter


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


@pytest.mark.parametrize(
    ("fact", "sentences"),
    [
        ("pain_nrs", ["Which value is worse The higher", "Agreement window"]),
        ("spo2_room_air", ["Which value is worse The lower"]),
        ("disease_phase", ["stable, deteriorating, acute, terminal from best to worst", "Who may state it"]),
        ("age_years", ["Counted as the completed years since Date of birth", "Unit years UCUM: a"]),
        ("caregiver_present", ["What cannot be", "Until then Caregiver counts as not known."]),
        ("autopsy_wish", ["What it is collected for", "Which value is worse Not stated"]),
    ],
)
def test_the_page_of_a_fact_says_which_value_counts(client: FlaskClient, fact: str, sentences: list[str]) -> None:
    enter(client, "auditor")
    answer = client.get(f"/desk/facts/{fact}", follow_redirects=True)
    assert answer.status_code == 200
    text = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    assert [one for one in sentences if one not in text] == []
