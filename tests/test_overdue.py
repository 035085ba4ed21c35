"""A rule that is past its review date says so in every answer that uses it, and so does a source that one cites."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from flask.testing import FlaskClient
from marshmallow import validate

from cds import schemas
from cds.deciding import Question, decide
from cds.overdue import NOTHING, ReviewDates
from cds.pages import labels
from cds.releases import PreparedRelease
from cds.service import Service
from knowledge.files import base_of
from knowledge.items import Actor, ItemKind
from knowledge.schemas import item_from
from tests import clinic
from tests.clinic import Caller
from tests.test_deciding import FACTS, SOURCE, over, rule
from tests.test_pages import read, words

FOR_HER = {"actors": ["clinician", "patient"], "patient_text": "Walk.", "patient_may_see": True}
RULES = [
    rule("walk", "always", review_by="2026-06-30", **FOR_HER),
    rule("rest", "fever", review_by="2026-03-31", **over("walk")),
    rule("operate", "wound"),
    rule("doctor", "ill", citations=[{"source": "paper", "locator": "p1", "strength": "should"}]),
    rule("remember", None, review_by="2020-01-31"),
]
SOURCES = [
    {**SOURCE, "review_by": "2026-08-31"},
    {**SOURCE, "key": "paper", "title": "A paper"},
    {**SOURCE, "key": "uncited", "title": "Uncited", "review_by": "2020-01-31"},
]


@pytest.fixture(scope="module")
def release() -> Iterator[PreparedRelease]:
    with closing(ready_from(RULES)) as ready:
        yield ready


def ready_from(rules: list[dict[str, Any]]) -> PreparedRelease:
    kinds = [(ItemKind.FACT, FACTS), (ItemKind.RULE, rules), (ItemKind.SOURCE, SOURCES)]
    base = base_of(
        item_from(kind, {name: part for name, part in one.items() if part is not None})
        for kind, items in kinds
        for one in items
    )
    return PreparedRelease(1, "sha256:0", base, {(ItemKind.RULE, one["key"]): 1 for one in rules})


def answer(release: PreparedRelease, at: datetime, facts: Mapping[str, Any], *actors: Actor) -> dict[str, Any]:
    question = Question("decision", at, facts, actors)
    return json.loads(decide(release, question, clinically_approved=True).response)


def since(answered: dict[str, Any]) -> dict[str, str | None]:
    return {one["rule"]: one.get("review_overdue_since") for one in answered["recommendations"]}


def notices(answered: dict[str, Any]) -> list[str]:
    assert all(one["facts"] == [] for one in answered["notices"] if one["code"] == "review_overdue")
    return [one["detail"] for one in answered["notices"] if one["code"] == "review_overdue"]


KNOWN = {"pain": False, "fever": False, "wound": True}


@pytest.mark.parametrize(
    ("at", "overdue"),
    [
        (datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 7, 1, tzinfo=UTC), True),
        (datetime(2026, 7, 1, 1, tzinfo=timezone(timedelta(hours=2))), False),
        (datetime(2026, 6, 30, 20, tzinfo=timezone(timedelta(hours=-5))), True),
    ],
)
def test_a_rule_is_overdue_from_the_day_after_its_date_in_utc(
    release: PreparedRelease, at: datetime, overdue: bool
) -> None:
    answered = answer(release, at, KNOWN)
    assert since(answered) == {"walk": "2026-06-30" if overdue else None, "operate": None}
    assert notices(answered) == ["1 rule of this answer is past the review date: “Walk” (2026-06-30)."] * overdue


def test_it_says_so_before_its_reasons(release: PreparedRelease) -> None:
    [walk] = [
        one
        for one in answer(release, clinic.NOW + timedelta(days=60), KNOWN)["recommendations"]
        if one["rule"] == "walk"
    ]
    names = list(walk)
    assert names[names.index("patient_may_see") :] == [
        "patient_may_see",
        "review_overdue_since",
        "because",
        "citations",
        "notes",
    ]


def test_a_rule_that_withholds_others_is_named_though_it_is_not_shown(release: PreparedRelease) -> None:
    answered = answer(release, clinic.NOW, {**KNOWN, "fever": True})
    assert since(answered) == {"rest": "2026-03-31", "operate": None}
    assert notices(answered) == ["1 rule of this answer is past the review date: “Rest” (2026-03-31)."]


def test_a_rule_that_does_not_apply_is_not_named(release: PreparedRelease) -> None:
    assert notices(answer(release, clinic.NOW, KNOWN)) == []
    assert notices(answer(release, clinic.NOW, {})) == []


def test_a_cited_source_that_is_overdue_is_named_after_the_rules(release: PreparedRelease) -> None:
    answered = answer(release, datetime(2026, 9, 1, tzinfo=UTC), KNOWN)
    assert since(answered) == {"walk": "2026-06-30", "operate": None}
    assert notices(answered) == [
        "1 rule of this answer is past the review date: “Walk” (2026-06-30). "
        "1 source that it cites is past the review date: “A book” (2026-08-31)."
    ]


def test_a_source_by_which_a_finding_was_derived_is_one_that_is_cited() -> None:
    """Being ill follows from pain and fever by the book; the rule itself cites the paper."""
    with closing(ready_from([RULES[3]])) as ready:
        at = datetime(2026, 9, 1, tzinfo=UTC)
        derived = answer(ready, at, {"pain": True, "fever": True})
        posted = answer(ready, at, {"ill": True})
    assert notices(derived) == ["1 source that it cites is past the review date: “A book” (2026-08-31)."]
    assert [one["rule"] for one in posted["recommendations"]] == ["doctor"]
    assert notices(posted) == []


def test_at_most_five_are_named_the_longest_overdue_first() -> None:
    rules = [rule(f"rule-{number}", "always", review_by=f"2026-0{8 - number}-01") for number in range(1, 8)]
    with closing(ready_from(rules)) as ready:
        [detail] = notices(answer(ready, datetime(2026, 8, 1, tzinfo=UTC), {}))
    assert detail == (
        "7 rules of this answer are past the review date: “Rule-7” (2026-01-01), “Rule-6” (2026-02-01), "
        "“Rule-5” (2026-03-01), “Rule-4” (2026-04-01), “Rule-3” (2026-05-01), and 2 more."
    )


def test_a_patient_is_told_plainly_and_only_of_what_is_shown_to_her(release: PreparedRelease) -> None:
    late = datetime(2026, 7, 1, tzinfo=UTC)
    hers = answer(release, late, KNOWN, Actor.PATIENT)
    assert since(hers) == {"walk": "2026-06-30"}
    assert notices(hers) == [
        "Some of this advice is due to be checked again. Ask your care team whether it still holds."
    ]
    assert notices(answer(release, clinic.NOW, {**KNOWN, "fever": True}, Actor.PATIENT)) == []
    assert notices(answer(release, late, {**KNOWN, "fever": True}, Actor.PATIENT)) == []


def test_what_others_are_asked_for_is_not_named(release: PreparedRelease) -> None:
    assert notices(answer(release, datetime(2026, 7, 1, tzinfo=UTC), KNOWN, Actor.CAREGIVER)) == []


def test_until_the_first_review_date_nothing_is_looked_up(release: PreparedRelease) -> None:
    dates = ReviewDates(base_of([item_from(ItemKind.RULE, rule("walk", "always", review_by="2026-06-30"))]))
    assert dates.overdue(datetime(2026, 6, 30, 23, 59, tzinfo=UTC)) is NOTHING
    assert dates.overdue(datetime(2026, 7, 1, tzinfo=UTC)).rules == {"walk": date(2026, 6, 30)}
    assert dates.overdue(datetime(2026, 7, 1, tzinfo=UTC)) is dates.overdue(datetime(2026, 8, 1, tzinfo=UTC))
    assert ReviewDates(base_of([])).overdue(datetime.max.replace(tzinfo=UTC)) is NOTHING
    last = ReviewDates(base_of([item_from(ItemKind.RULE, rule("walk", "always", review_by="9999-12-31"))]))
    assert last.overdue(datetime(9999, 12, 31, tzinfo=UTC)) is NOTHING


def test_the_shipped_rules_say_so_from_july_2027_on(service: Service, caller: Caller) -> None:
    facts = {"has_mbc": True, "disease_phase": "acute"}
    service.now = lambda: datetime(2027, 6, 30, 23, tzinfo=UTC)
    timely = caller.ask(facts)
    assert (set(since(timely).values()), notices(timely)) == ({None}, [])
    service.now = lambda: datetime(2027, 7, 1, tzinfo=UTC)
    late = caller.ask(facts)
    assert set(since(late).values()) == {"2027-06-30"}
    [detail] = notices(late)
    assert detail.startswith(f"{len(since(late))} rules of this answer are past the review date: ")
    assert " 1 source that it cites is past the review date: “Optimal Supportive Care" in detail


def test_an_overdue_answer_is_given_again_to_the_byte(release: PreparedRelease) -> None:
    question = Question("decision", datetime(2027, 7, 1, tzinfo=UTC), KNOWN)
    first = decide(release, question, clinically_approved=True).response
    with closing(ready_from(RULES)) as again:
        assert decide(again, question, clinically_approved=True).response == first
    assert first.count(b"review_overdue") == 3


def test_every_notice_that_the_api_names_has_its_heading_on_the_pages() -> None:
    [named] = schemas.Notice().fields["code"].validators
    assert isinstance(named, validate.OneOf)
    problems = list(named.choices)
    assert "review_overdue" in problems
    assert labels.noticed("anything else") not in {labels.noticed(problem) for problem in problems}


def test_a_page_with_an_answer_marks_what_is_overdue(service: Service, client: FlaskClient) -> None:
    """Example patients are asked for at their own moment, so it is a rule's date that is moved here."""
    number = clinic.publish(service, "ext-oncologic-emergency-list", review_by="2025-12-31")
    clinic.put_in_force(service, number)
    page = words(read(client, "/try/external-stable-pain-above-goal"))
    assert "Overdue for review. 1 rule of this answer is past the review date: “Check the list of" in page
    assert "Review overdue since 31 December 2025" in page
