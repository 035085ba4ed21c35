"""Hazards at the desk: listed, read, written with what they withhold in view, reviewed and released as every item."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask

from admin.shelf.forms.fields import families
from cds.service import Service
from knowledge.items import HazardState, ItemKind
from knowledge.labels import label
from knowledge.model.action_families import FAMILIES
from knowledge.model.actions import Action
from knowledge.models import VersionState
from tests.clinic import shipped_base
from tests.test_life_at_desk import Lead, content, release_in_force, stored
from tests.test_pages import words

KEY = "spinal-cord-compression"
HAZARD = shipped_base().hazards[KEY]
WALK = "exercise-any-offer-if-feasible"


@pytest.fixture
def shipped_url(staffed_url: str) -> str:
    return staffed_url


@pytest.fixture
def author(app: Flask) -> Lead:
    return Lead(app, "author")


@pytest.fixture
def approver(app: Flask) -> Lead:
    return Lead(app, "approver")


def test_every_action_belongs_to_exactly_one_family() -> None:
    listed = [action for actions in FAMILIES.values() for action in actions]
    assert sorted(listed) == sorted(Action)
    assert sum(map(len, families().values())) == len(Action)


def test_no_two_actions_are_said_alike() -> None:
    said = [label(action) for action in Action]
    assert len(set(said)) == len(said)
    assert not [one for one in said if ":" in one]


def test_hazards_are_listed_found_and_taken_as_a_table(author: Lead) -> None:
    page = author.reads("/desk/hazards/")
    assert all(one.title in page for one in shipped_base().hazards.values())
    found = author.reads("/desk/hazards/?q=cord&severity=catastrophic")
    assert HAZARD.title in found
    assert shipped_base().hazards["pregnancy"].title not in found
    table = author.reads("/desk/hazards/export.csv?severity=catastrophic").removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(table)))
    wanted = {key for key, one in shipped_base().hazards.items() if one.severity == "catastrophic"}
    assert {row["key"] for row in rows} == wanted


def test_its_page_says_when_it_is_present_what_it_withholds_what_answers_it_and_who_shows_it(author: Lead) -> None:
    page = words(author.reads(f"/desk/hazards/{KEY}"))
    base = shipped_base()
    withheld = [one for one in base.rules.values() if not one.is_statement and HAZARD.forbids_rule(one)]
    for text in (HAZARD.text, HAZARD.reason, HAZARD.residual_risk, f"{len(withheld)} rules withheld"):
        assert text in page
    assert all(one.title in page for one in withheld)
    assert all(base.rules[key].title in page for key in HAZARD.answered_by)
    shown = [one for one in base.vignettes.values() if any(KEY in keys for keys in one.hazards.values())]
    assert f"all {len(shown)} pass" in page
    assert "expects it present" in page
    assert "expects it undetermined" in page


def test_rules_facts_sources_and_test_patients_name_their_hazards(author: Lead) -> None:
    answer = words(author.reads(f"/desk/rules/{HAZARD.answered_by[0]}"))
    assert f"Hazards that it answers (1) {HAZARD.title}" in answer
    assert "Hazards that name it" in words(author.reads("/desk/facts/spinal_cord_compression"))
    assert "Hazards that name it" in words(author.reads(f"/desk/sources/{HAZARD.citations[0].source}"))
    shows = next(one for one in shipped_base().vignettes.values() if KEY in one.hazards.get(HazardState.PRESENT, ()))
    assert "Hazard present (" in words(author.reads(f"/desk/vignettes/{shows.key}"))


def test_the_form_has_the_actions_in_families_and_opens_those_that_are_ticked(author: Lead) -> None:
    page = author.reads(f"/desk/hazards/{KEY}/edit")
    assert page.count('<div class="ticks stacked"') == len(FAMILIES)
    assert "<details open><summary>Exercise, activity and bodywork</summary>" in page
    assert "<details><summary>Eating and drinking</summary>" in page
    assert "It withholds" in words(page)
    rule = author.reads(f"/desk/rules/{WALK}/edit")
    assert "Withheld by" in words(rule)


def test_why_it_forbids_and_why_it_is_changed_are_two_things(author: Lead, service: Service) -> None:
    author.writes(KEY, "hazards", reason="Said shorter.", why="Movement can make the damage permanent.")
    assert content(service, KEY, 2, ItemKind.HAZARD)["reason"] == "Movement can make the damage permanent."
    assert "Said shorter." in words(author.reads(f"/desk/hazards/{KEY}"))
    emptied = author.writes(KEY, "hazards", why="")
    assert "Why it forbids them" in words(emptied.text)


def test_a_hazard_that_no_test_patient_shows_any_more_is_told_at_once(author: Lead) -> None:
    page = words(author.writes(KEY, "hazards", condition="delirium").text)
    assert "advised otherwise than expected" in page
    assert HAZARD.title in page


def test_what_it_forbids_decides_which_rules_it_withholds(author: Lead) -> None:
    page = words(author.writes(KEY, "hazards", forbids=["airflow"]).text)
    airflow = [one for one in shipped_base().rules.values() if Action.AIRFLOW in one.actions and one.mode != "avoid"]
    count = f"It withholds {len(airflow)} rule" if airflow else "It withholds no rule today"
    assert count in page


def test_a_hazard_is_changed_reviewed_released_and_in_force(author: Lead, approver: Lead, service: Service) -> None:
    author.writes(KEY, "hazards", residual_risk="A compression that nobody has recorded is not guarded against.")
    assert "1 version is under review" in words(author.submits(KEY, 2, "hazards").text)
    assert HAZARD.title in words(approver.reads("/desk/"))
    assert "Residual risk" in words(approver.reads(f"/desk/hazards/{KEY}/2/review"))
    assert approver.approves(KEY, 2, "hazards").status_code == 200
    offered = words(approver.reads("/desk/releases/propose"))
    assert HAZARD.title in offered
    assert stored(service, KEY, ItemKind.HAZARD)[-1] == (2, VersionState.APPROVED)
    assert "Residual risk" in words(author.reads(f"/desk/hazards/{KEY}/difference?from=1&to=2"))
    assert release_in_force(service) == 1


def test_to_retire_a_hazard_says_what_a_release_without_it_would_lack(author: Lead) -> None:
    page = words(author.reads(f"/desk/hazards/{KEY}/1/retire"))
    assert f"Retire: {HAZARD.title}" in page
    assert f"There is no hazard called {KEY}" in page


def test_a_test_patient_is_begun_for_a_hazard(author: Lead) -> None:
    page = author.reads(f"/desk/vignettes/new?hazard={KEY}")
    assert f'value="{KEY}"' in page
    assert "Which hazards it shows" in page


def test_a_release_lists_its_hazards(author: Lead) -> None:
    assert f"Hazards ({len(shipped_base().hazards)})" in words(author.reads("/desk/releases/1"))
