"""The checklists: each thing stands once, in its place, and a patient reads only what is for her."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds.deciding import Question, decide
from cds.pages.checklist import (
    ACTORS,
    MOST_ASKED_FOR,
    Checklist,
    Group,
    Reader,
    checklist_of,
    checklist_page,
    reader_named,
)
from cds.pages.lines import Item, Section, section_of
from cds.releases import PreparedRelease
from cds.service import Service
from knowledge.items import Actor, RuleKind, Urgency, Vignette
from tests import clinic
from tests.test_pages import read, words
from tests.vignettes.shipped import base, made_ready

FULLEST = "external-stable-pain-above-goal"
"""The patient for whom most rules fire."""

VIGNETTES = sorted(base().vignettes)


@pytest.fixture(scope="module")
def release() -> Iterator[PreparedRelease]:
    ready = made_ready(base())
    yield ready
    ready.close()


def answer(
    release: PreparedRelease, vignette: Vignette, actors: tuple[Actor, ...] = (), approved: bool = False
) -> dict[str, Any]:
    question = Question(vignette.key, vignette.evaluated_at, vignette.facts, actors)
    return json.loads(decide(release, question, clinically_approved=approved).response)


def checklist(release: PreparedRelease, key: str, reader: Reader) -> Checklist:
    return checklist_of(release, answer(release, base().vignettes[key], ACTORS[reader]), reader)


def items(found: Checklist) -> list[Item]:
    """Every line, in the order of reading."""

    def below(parts: tuple[Any, ...]) -> Iterator[Item]:
        for part in parts:
            if isinstance(part, Group):
                yield from below(part.parts)
            else:
                yield part

    return [*found.now, *below(found.sections)]


def test_every_kind_of_rule_has_its_place_as_in_the_review_s_table() -> None:
    assert {kind: section_of(kind) for kind in RuleKind} == {
        RuleKind.PRIORITY: Section.PRIORITIES,
        RuleKind.REFERRAL_TRIGGER: Section.REFER,
        RuleKind.ADVICE: Section.TO_DO,
        RuleKind.ASSESSMENT: Section.TO_DO,
        RuleKind.CHECKLIST_ITEM: Section.TO_DO,
        RuleKind.CLASSIFICATION: Section.TO_DO,
        RuleKind.SCREENING_CRITERION: Section.TO_DO,
    }


@pytest.mark.parametrize("key", VIGNETTES)
def test_everything_recommended_stands_on_the_physician_s_checklist_once(release: PreparedRelease, key: str) -> None:
    recommended = {one["rule"] for one in answer(release, base().vignettes[key])["recommendations"]}
    listed = [
        (item.rule, item.section is Section.FOR_PATIENT) for item in items(checklist(release, key, Reader.PHYSICIAN))
    ]
    assert {rule for rule, _ in listed} == recommended
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("key", VIGNETTES)
def test_the_physician_reads_what_the_patient_is_told_in_the_same_words(release: PreparedRelease, key: str) -> None:
    hers = {item.rule: item.said for item in items(checklist(release, key, Reader.PATIENT))}
    listed = items(checklist(release, key, Reader.PHYSICIAN))
    assert {item.rule: item.said for item in listed if item.section is Section.FOR_PATIENT} == hers


@pytest.mark.parametrize("key", VIGNETTES)
def test_nothing_is_for_a_patient_that_a_patient_may_not_see(release: PreparedRelease, key: str) -> None:
    rules = base().rules
    for item in items(checklist(release, key, Reader.PATIENT)):
        rule = rules[item.rule]
        assert rule.patient_may_see
        assert item.said == rule.patient_text
        assert not item.more
        assert not item.because


def test_what_clinician_and_patient_both_have_a_part_in_stands_for_both(release: PreparedRelease) -> None:
    both = [
        item
        for item in items(checklist(release, "external-acute-back-pain", Reader.PHYSICIAN))
        if item.rule == "ext-bone-mets-exercise"
    ]
    assert [(item.section, item.actors) for item in both] == [
        (Section.TO_DO, (Actor.CLINICIAN,)),
        (Section.FOR_PATIENT, (Actor.PATIENT,)),
    ]


def test_what_the_patient_is_not_told_in_writing_is_for_the_physician_to_do(release: PreparedRelease) -> None:
    [item] = [
        one
        for one in items(checklist(release, FULLEST, Reader.PHYSICIAN))
        if one.rule == "acp-stable-confirm-not-curable" or "incurab" in one.said
    ]
    assert item.section is Section.TO_DO
    assert item.actors == (Actor.PATIENT, Actor.CAREGIVER)


def test_an_answer_for_everybody_makes_no_checklist_for_a_patient(release: PreparedRelease) -> None:
    everybody_s = answer(release, base().vignettes[FULLEST])
    with pytest.raises(ValueError, match="Decide for patient and caregiver first"):
        checklist_of(release, everybody_s, Reader.PATIENT)


def test_what_cannot_wait_stands_first_with_its_whole_text_and_reason(release: PreparedRelease) -> None:
    found = checklist(release, FULLEST, Reader.PHYSICIAN)
    assert [item.rule for item in found.now] == ["ext-oncologic-emergency-list"]
    [first] = found.now
    assert first.more == base().rules[first.rule].text
    assert "uncontrolled pain" in first.because
    assert all(item.urgency is not Urgency.NOW for item in items(found)[1:])


def test_in_every_section_this_visit_comes_before_ongoing(release: PreparedRelease) -> None:
    found = checklist(release, FULLEST, Reader.PHYSICIAN)
    assert [section.name for section in found.sections] == list(Section)
    for section in found.sections:
        urgencies = [group.name for group in section.parts]
        assert urgencies == [one for one in (Urgency.THIS_VISIT, Urgency.ONGOING) if one in urgencies]


def test_a_heading_counts_what_stands_below_it(release: PreparedRelease) -> None:
    found = checklist(release, FULLEST, Reader.PHYSICIAN)
    assert sum(section.count for section in found.sections) + len(found.now) == found.count > 100


def test_a_text_is_given_in_full_where_the_title_leaves_out_a_limit(release: PreparedRelease) -> None:
    lines = {item.rule: item for item in items(checklist(release, FULLEST, Reader.PHYSICIAN))}
    bands = [item for item in lines.values() if item.said == "Classify pain as mild, moderate or severe"]
    assert [item.more for item in bands] == [base().rules[bands[0].rule].text]
    assert [item.more for item in lines.values() if item.said == "Ask every patient about anxiety"] == [None]


@pytest.mark.parametrize("reader", list(Reader))
def test_references_are_numbered_in_the_order_of_reading_and_none_is_missing(
    release: PreparedRelease, reader: Reader
) -> None:
    found = checklist(release, FULLEST, reader)
    met = dict.fromkeys(one["source"] for hazard in found.hazards for one in hazard.get("citations", ()))
    met |= dict.fromkeys(one["source"] for item in items(found) for one in item.citations)
    assert list(met) == [one["source"] for one in found.references]
    assert list(found.numbers.values()) == list(range(1, len(met) + 1))


def test_it_says_what_it_does_not_know_and_what_to_ask_for_first(release: PreparedRelease) -> None:
    given = answer(release, base().vignettes[FULLEST])
    found = checklist_of(release, given, Reader.PHYSICIAN)
    assert found.undecided == len(given["undetermined"]) > 0
    assert list(found.missing) == given["missing_facts"][:MOST_ASKED_FOR]
    assert found.held == 15
    [withholding] = found.withheld
    assert withholding.name == f"Because of the hazard “{base().hazards['pain-emergency-open'].title}”"
    assert sum(len(reason.parts) for reason in withholding.parts) == 15


def test_the_patient_is_told_of_old_and_conflicting_facts_without_their_values(
    release: PreparedRelease, client: FlaskClient
) -> None:
    notices = [
        {
            "facts": ["pain_nrs"],
            "code": "too_old",
            "detail": "Pain intensity 9 was observed long ago.",
            "urgent": False,
        },
        {"facts": ["has_mbc"], "code": "population_assumed", "detail": "Not known.", "urgent": False},
        {"facts": [], "code": "may_be_withheld", "detail": "Ask them first.", "urgent": False},
    ]
    given = answer(release, base().vignettes[FULLEST], ACTORS[Reader.PATIENT]) | {"notices": notices}
    hers = checklist_of(release, given, Reader.PATIENT)
    assert ([one["code"] for one in hers.notices], hers.set_aside) == (["population_assumed", "may_be_withheld"], 1)
    his = checklist_of(release, given, Reader.PHYSICIAN)
    assert (list(his.notices), his.set_aside) == (notices, 0)
    assert not hers.set_aside_urgently
    urgently = [{**notices[0], "urgent": True}, *notices[1:]]
    assert checklist_of(release, {**given, "notices": urgently}, Reader.PATIENT).set_aside_urgently


def test_approval_is_read_from_the_answer(release: PreparedRelease) -> None:
    vignette = base().vignettes[FULLEST]
    for approved in (True, False):
        given = answer(release, vignette, approved=approved)
        assert checklist_of(release, given, Reader.PHYSICIAN).clinically_approved is approved


def test_a_line_of_a_rule_past_its_review_says_so_to_the_physician(
    release: PreparedRelease, client: FlaskClient
) -> None:
    vignette = replace(base().vignettes[FULLEST], evaluated_at=datetime(2040, 1, 1, tzinfo=UTC))
    late = items(checklist_of(release, answer(release, vignette), Reader.PHYSICIAN))
    assert all(item.review_overdue for item in late)
    assert not any(item.review_overdue for item in items(checklist(release, FULLEST, Reader.PHYSICIAN)))
    with client.application.test_request_context():
        pages = {
            reader: checklist_page(
                release,
                answer(release, vignette, ACTORS[reader]),
                reader,
                title="Late",
                subject="patient-0001",
                evaluated_at=vignette.evaluated_at,
            ).get_data(as_text=True)
            for reader in Reader
        }
    assert pages[Reader.PHYSICIAN].count("(review overdue)") == len(late)
    assert "(review overdue)" not in pages[Reader.PATIENT]
    assert "due to be checked again" in pages[Reader.PATIENT]


def test_a_reader_is_named_in_the_address() -> None:
    assert [reader_named(word) for word in (None, "", "physician", "patient", "nurse", "PATIENT")] == [
        Reader.PHYSICIAN,
        Reader.PHYSICIAN,
        Reader.PHYSICIAN,
        Reader.PATIENT,
        None,
        None,
    ]


@pytest.mark.parametrize("reader", list(Reader))
@pytest.mark.parametrize("key", [FULLEST, "early-breast-cancer", "worked-case-c08", "external-acute-back-pain"])
def test_the_page_holds_every_line_and_every_link_leads_somewhere(
    client: FlaskClient, release: PreparedRelease, key: str, reader: Reader
) -> None:
    if key not in VIGNETTES:
        pytest.skip(f"The shipped content has no {key}.")
    page = read(client, f"/try/{key}/checklist?for={reader}")
    said = words(page)
    for item in items(checklist(release, key, reader)):
        assert " ".join(item.said.split()) in said
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_the_head_says_whose_it_is_when_by_which_release_and_that_nobody_approved_it(client: FlaskClient) -> None:
    for reader in Reader:
        said = words(read(client, f"/try/{FULLEST}/checklist?for={reader}"))
        head = said.partition("What comes first")[0] if reader is Reader.PATIENT else said.partition("Priorities")[0]
        assert "Stable phase, moderate pain above their own goal" in head
        assert "As of 31 January 2026, 09:00 UTC , by release 1 sha256:" in head
        assert "Not yet clinically approved" in head


def test_the_patient_s_page_gives_no_clinical_reason(client: FlaskClient) -> None:
    said = words(read(client, f"/try/{FULLEST}/checklist?for=patient"))
    for clinical in ("oncologic", "Because", "emergency", "uncontrolled", "stable phase)", "Withheld", "Undetermined"):
        assert clinical not in said.partition("References")[0].replace("not under control", "")
    assert "11 pieces of advice are left out for now" in said
    assert "may fit you" in said


def test_outside_the_population_both_say_so(client: FlaskClient) -> None:
    assert "Not for this patient." in words(read(client, "/try/early-breast-cancer/checklist"))
    hers = words(read(client, "/try/early-breast-cancer/checklist?for=patient"))
    assert "It does not fit what is known about you, so nothing is listed." in hers
    assert "There is no advice for you on this list." in hers


@pytest.mark.parametrize(
    "path",
    ["/try/nobody/checklist", "/try/%00/checklist", f"/try/{FULLEST}/checklist?for=nurse", "/try/a%2Fb/checklist"],
)
def test_what_is_not_there_gets_a_page_in_words(client: FlaskClient, path: str) -> None:
    assert "There is no page here" in read(client, path, 404)


def test_making_a_checklist_records_nothing(client: FlaskClient, service: Service) -> None:
    before = clinic.counts(service)
    read(client, f"/try/{FULLEST}/checklist")
    assert clinic.counts(service) == before


def test_each_leads_to_the_other_and_the_patient_s_page_to_both(client: FlaskClient) -> None:
    assert 'href="?for=patient"' in read(client, f"/try/{FULLEST}/checklist")
    assert 'href="?for=physician"' in read(client, f"/try/{FULLEST}/checklist?for=patient")
    page = read(client, f"/try/{FULLEST}")
    assert f'href="/try/{FULLEST}/checklist"' in page
    assert f'href="/try/{FULLEST}/checklist?for=patient"' in page
