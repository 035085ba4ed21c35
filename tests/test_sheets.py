"""The sheet of a rule version and of a release: filled from what is known, with what is missing said."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pypdf
import pytest

from cds import sheets
from cds.sheets.among import Among
from cds.sheets.asked import Site
from cds.sheets.paper import pdf
from cds.sheets.release import release_sheet
from cds.sheets.rule import rule_sheet
from cds.sheets.statements import Section, Sheet, Statement, as_json
from cds.sheets.told import PROGRAM, InForce, ReleaseTold, Step, VersionTold
from knowledge.items import KnowledgeBase, Rule
from knowledge.language import parse
from knowledge.models import VersionState
from tests.clinic import LOADED, NOW, shipped_base

SITE = Site("The hospital’s informatics department", "The hospital, from its own means")
OVER_55 = "pre-exercise-screen-age-sedentary-vigorous"
KIDA = (
    "Kida K, Olver I, Yennu S, Tripathy D, Ueno NT. Optimal Supportive Care for Patients With Metastatic Breast Cancer "
    "According to Their Disease Progression Phase. JCO Oncology Practice 2021;17(4):177-183. doi:10.1200/OP.20.00622"
)
APPROVED = datetime(2026, 2, 1, 8, tzinfo=UTC)
RELEASE = ReleaseTold(
    1,
    "sha256:1e",
    True,
    Step("made", PROGRAM, LOADED, "Shipped with Phasewise."),
    (),
    (InForce(LOADED, None, PROGRAM, "Shipped with Phasewise."),),
)
PUBLISHED = ReleaseTold(
    2,
    "sha256:2e",
    False,
    Step("made", "Cleo", APPROVED, "Reviewed."),
    (Step("approved", "Ben", APPROVED, "Read in full."),),
    (),
)


@cache
def among() -> Among:
    return Among.of(shipped_base(), "Among the items of release 1.")


def told(rule: Rule, **more: object) -> VersionTold:
    steps = (Step("version.imported", PROGRAM, LOADED),)
    first = VersionTold(
        rule.key, 1, "sha256:aa", VersionState.RELEASED, "Shipped with Phasewise.", PROGRAM, LOADED, steps, (RELEASE,)
    )
    return replace(first, **more)


def of_shipped(key: str, site: Site = SITE, at: datetime = NOW) -> Sheet:
    rule = shipped_base().rules[key]
    return rule_sheet(rule, told(rule), among(), site, at=at)


def section(sheet: Sheet, name: str) -> Section:
    return next(one for one in sheet.sections if one.name == name)


def statement(sheet: Sheet, name: str) -> Statement:
    return next(one for section in sheet.sections for one in section.statements if one.name == name)


def said(sheet: Sheet, name: str) -> str:
    return "\n".join(statement(sheet, name).said)


def whole(base: KnowledgeBase | None = None, site: Site = SITE, release: ReleaseTold = RELEASE) -> Sheet:
    base = base or shipped_base()
    return release_sheet(base, dict.fromkeys(base.rules, 1), release, site, at=NOW)


def text_of(paper: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(paper)).pages]


def test_the_thirteen_attributes_of_a_shipped_rule() -> None:
    attributes = of_shipped(OVER_55).attributes
    no = ("No: none of the 12 facts on which it may turn speaks of it.",)
    assert [(one.label, one.said) for one in attributes.statements] == [
        (
            "Bibliographic citation",
            (
                f"{KIDA}; p180 · Physical exercise (pre-exercise screening). "
                "Strength of its wording: should be considered.",
            ),
        ),
        ("Developer", ("The hospital’s informatics department",)),
        ("Funding source of the technical implementation", ("The hospital, from its own means",)),
        (
            "Release and revision dates",
            (
                "Version 1 was released 1 January 2026, in release 1.",
                "It is the first version.",
                "First in force 1 January 2026.",
            ),
        ),
        ("Use of race", no),
        ("Use of ethnicity", no),
        ("Use of language", no),
        ("Use of sexual orientation", no),
        ("Use of gender identity", no),
        ("Use of sex", no),
        (
            "Use of date of birth",
            ("Yes, through 2 facts.", "Age, in its condition", "Date of birth, from which Age may follow"),
        ),
        ("Use of social determinants of health data", no),
        (
            "Use of health status assessments data",
            (
                "Yes, through 3 facts.",
                "Presently sedentary, in its condition",
                "Days a week with moderate activity, from which Presently sedentary may follow",
                "Minutes of moderate activity on such a day, from which Presently sedentary may follow",
            ),
        ),
    ]
    assert not attributes.missing


def test_on_what_a_clinician_can_judge_a_shipped_rule_for_herself() -> None:
    sheet = of_shipped(OVER_55)
    assert said(sheet, "intended_user") == "Clinician"
    assert said(sheet, "population").startswith(
        "Age at least 18 years\nAlive, or this is not known\nMetastatic breast cancer\n"
    )
    assert (
        "Age (age_years): a whole number, 0 to 120 years; an observation older than 366 days counts as not known; "
        "the newer value of one source replaces the older; where sources differ within 24 hours, the higher counts; "
        "not posted, it is counted from Date of birth."
    ) in statement(sheet, "inputs").said
    assert said(sheet, "logic").startswith(
        "It is recommended when (about to begin an exercise program, or this is not known), age over 55 years, "
        "presently sedentary, and (intensity of the planned exercise is vigorous, or this is not known), unless it is "
        "withheld.\n"
        "As text: (starting_exercise_program or starting_exercise_program is unknown) and age_years > 55"
    )
    shown = statement(sheet, "validation").said
    assert [one.split(":")[0] for one in shown[:3]] == ["Recommended", "Not met", "Undetermined for want of a fact"]
    assert "“Age 55, sedentary, vigorous plans”" in shown[1]
    assert "missing_facts" in said(sheet, "known_and_unknown")
    kida, acsm = statement(sheet, "evidence").said
    assert "Published 2021. DOI 10.1200/OP.20.00622. PMID 33492987. How it was checked: Full text" in kida
    assert kida.endswith("Review by 30 June 2027.")
    assert acsm.startswith("For a fact that follows from others: American College of Sports Medicine.")
    assert len(section(sheet, "independent_review").missing) == 0


def test_a_rule_says_what_withholds_it_and_a_statement_that_it_reads_nothing() -> None:
    base = shipped_base()
    other, key, reason = next(
        (rule, one.rule, one.reason) for rule in base.rules.values() for one in rule.overrides if one.rule is not None
    )
    assert f"{other.title}: {reason}" in statement(of_shipped(key), "withheld_by").said
    assert f"{base.rules[key].title}: {reason}" in statement(of_shipped(other.key), "withholds").said
    plain = of_shipped("acp-definition")
    assert said(plain, "sex") == "No: a statement reads nothing of a patient."
    assert said(plain, "logic") == "It never applies by itself: it is a statement, shown and cited."
    assert not section(plain, "independent_review").missing


def test_who_wrote_approved_and_released_a_version_when_and_why() -> None:
    rule = shipped_base().rules[OVER_55]
    steps = (
        Step("version.drafted", "Ada", LOADED),
        Step("version.revised", "Eve", LOADED),
        Step("version.submitted", "Ada", LOADED),
        Step("version.approved", "Ben", APPROVED, "Agrees with the source."),
    )
    second = told(rule, number=2, reason="New evidence.", written_by="Ada", steps=steps, releases=(PUBLISHED,))
    sheet = rule_sheet(rule, second, among(), SITE, at=NOW)
    assert sheet.headline == "All 13 source attributes are stated."
    assert sheet.standing == "Not in force. It is in release 2."
    assert said(sheet, "written") == "By Ada and Eve, 1 January 2026, 00:00 UTC."
    assert said(sheet, "reason") == "New evidence."
    assert said(sheet, "steps").endswith("Approved by Ben, 1 February 2026, 08:00 UTC: Agrees with the source.")
    assert said(sheet, "clinical_approval") == (
        "Release 2 approved clinically by Ben, 1 February 2026, 08:00 UTC: Read in full."
    )
    assert said(sheet, "releases") == "Release 2. Published by Cleo, 1 February 2026, 08:00 UTC: Reviewed."
    assert said(sheet, "dates") == (
        "Version 2 was released 1 February 2026, in release 2.\nIt is a revision: version 2, written 1 January 2026.\n"
        "It was never in force."
    )


def test_what_is_missing_is_counted_named_and_says_who_can_add_it() -> None:
    base = shipped_base()
    key = "pain_nrs"
    bare = replace(base, facts={**base.facts, key: replace(base.facts[key], attributes=None)}, vignettes={})
    rule = replace(base.rules[OVER_55], citations=(), condition=parse(f"{key} > 3 and never_heard_of"))
    draft = told(rule, state=VersionState.DRAFT, reason="", steps=(), releases=(), written_by="Ada")
    sheet = rule_sheet(rule, draft, Among.of(bare, "Among what is in force."), Site(), at=NOW)
    missing = {one.name: one.said[0] for one in sheet.attributes.missing}
    assert len(missing) == 4 + 7
    assert missing["citation"] == "No source is cited. An author adds one to the rule."
    assert missing["developer"] == (
        "Not stated. Whoever runs this site states the developer in the setting PHASEWISE_DEVELOPER "
        "and starts the service again."
    )
    assert "PHASEWISE_FUNDING" in missing["funding_source"]
    assert missing["dates"] == (
        "Written 1 January 2026, and not released: there is no release date. "
        "An approver publishes the release that holds it."
    )
    assert missing["sex"] == (
        "Not stated: Pain intensity and never_heard_of do not say of which kinds of data. "
        "An author ticks them in the form of each fact."
    )
    assert said(sheet, "date_of_birth") == (
        "Yes, through 2 facts.\nAge, which says for whom the rules are (age at least 18 years)\n"
        "Date of birth, from which Age may follow"
    )
    assert sheet.headline.startswith("11 of 13 source attributes are not stated: bibliographic citation, developer, ")
    assert sheet.headline.endswith(
        "Also missing: inputs and their quality, logic in plain language, validation, versions and dates of what it "
        "rests on, why, approval of the version, clinical approval."
    )
    assert statement(sheet, "inputs").said[0] == (
        "Not in the dictionary: never_heard_of. An author writes the fact, or changes the condition."
    )
    assert statement(sheet, "validation").said[0] == (
        "No example patient shows it recommended, not met or undetermined for want of a fact. An author writes one."
    )
    assert sheet.standing == "A draft: it may still change, and answers nobody."
    assert all(one.said[0].endswith(".") for part in sheet.sections for one in part.missing)


def test_a_review_date_that_has_passed_is_said() -> None:
    sheet = of_shipped(OVER_55, at=datetime(2027, 7, 1, tzinfo=UTC))
    assert said(sheet, "review") == "Overdue for review since 30 June 2027."
    assert said(sheet, "evidence").count("Overdue for review since 30 June 2027.") == 2


def test_a_release_takes_its_rules_together() -> None:
    sheet, held = whole(), shipped_base()
    fireable = sum(not rule.is_statement for rule in held.rules.values())
    assert sheet.headline == "All 13 source attributes are stated. Also missing: clinical approval."
    assert section(sheet, "release").about == (
        f"It holds {len(held.rules)} rules, {len(held.facts)} facts, {len(held.sources)} sources and "
        f"{len(held.vignettes)} example patients. {fireable} of the rules can be recommended, 15 are statements."
    )
    assert said(sheet, "none") == "No rule lacks anything of its own."
    assert said(sheet, "race") == "No: no fact on which a rule may turn speaks of it."
    assert said(sheet, "date_of_birth") == (
        "Yes, 2 rules by what is their own: Consider cardiovascular evaluation before vigorous exercise (over 55, "
        "sedentary) and Forgo routine cardiovascular evaluation before exercise.\n"
        f"{fireable - 2} further only through the population for which all rules are."
    )
    assert len(section(sheet, "sources").statements) == len(held.sources)
    assert len(sheet.rules) == len(held.rules)
    line = next(one for one in sheet.rules if one.key == OVER_55)
    assert (line.uses, line.missing, line.overdue) == (("date_of_birth", "health_status_assessments"), (), False)


def test_the_rules_of_a_release_that_lack_something_stand_first() -> None:
    base = shipped_base()
    uncited = replace(base.rules[OVER_55], citations=())
    facts = {**base.facts, "bmi": base.facts["bmi"], "kps": replace(base.facts["kps"], attributes=None)}
    sheet = whole(replace(base, rules={**base.rules, OVER_55: uncited}, facts=facts))
    assert [one.name for one in sheet.sections][:2] == ["release", "rules_lacking"]
    lacking = section(sheet, "rules_lacking").statements
    assert (
        uncited.title,
        (
            "Lacks: bibliographic citation and versions and dates of what it rests on. "
            "Its own sheet says who can add it.",
        ),
    ) in [(one.label, one.said) for one in lacking]
    assert said(sheet, "citation") == (
        f"1 rule cites no source that is known: {uncited.title}. An author adds the citation."
    )
    assert "since facts do not say of which kinds of data: Karnofsky performance status." in said(sheet, "race")
    assert f"The sheets of {len(lacking)} rules lack something of their own." in sheet.headline


def test_a_sheet_is_json_as_it_stands() -> None:
    sheet = of_shipped(OVER_55, Site())
    written = json.loads(json.dumps(as_json(sheet)))
    assert (written["kind"], written["key"], written["number"]) == ("rule", OVER_55, 1)
    assert written["headline"].startswith("2 of 13 source attributes are not stated: developer, funding source")
    assert written["made_at"] == "2026-06-01T09:00:00Z"
    [attributes] = [one for one in written["sections"] if one["name"] == "source_attributes"]
    assert attributes["statements"][1] == {
        "name": "developer",
        "label": "Developer",
        "said": list(statement(sheet, "developer").said),
        "origin": "",
        "missing": True,
    }
    line = as_json(whole())["rules"][0]
    assert json.loads(json.dumps(line))["review_by"] == "2027-06-30"


def test_on_paper_everything_is_said_on_numbered_pages_that_a_screen_reader_can_follow() -> None:
    sheet = of_shipped(OVER_55, Site())
    paper = pdf(sheet)
    assert pdf(sheet) == paper
    pages = text_of(paper)
    flat = " ".join(" ".join(pages).split())
    for part in sheet.sections:
        assert part.title in flat
        assert all(one.label in flat for one in part.statements)
    assert sheet.headline in flat
    for number, page in enumerate(pages, 1):
        assert f"{sheet.digest} Page {number} of {len(pages)}" in page
        assert sheet.label in page
    root = pypdf.PdfReader(io.BytesIO(paper)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]  # pyright: ignore[reportIndexIssue]
    assert root["/Lang"] == "en"  # pyright: ignore[reportIndexIssue]
    assert pypdf.PdfReader(io.BytesIO(paper)).metadata.title == f"{sheet.title} · {sheet.label}"  # pyright: ignore[reportOptionalMemberAccess]


def test_a_release_on_paper_names_every_rule() -> None:
    sheet = whole()
    flat = " ".join(" ".join(text_of(pdf(sheet))).split())
    assert [one.key for one in sheet.rules if f"{one.key}, version 1" not in flat] == []


def test_what_the_font_has_is_seen_and_what_it_lacks_is_said() -> None:
    known = "≥ ≤ – — “Été” ’ ü × ° µ Ελλάδα Кириллица Việt *x* #x $y$ @z \\ [a] <b>"
    flat = " ".join(" ".join(text_of(pdf(of_shipped(OVER_55, Site(known, "A: \u202e\u65e5\u672c\nB"))))).split())
    assert known in flat
    assert "A: [U+202E][U+65E5][U+672C] B" in flat
    assert (
        "3 characters are not in the font of this paper and stand as their numbers in Unicode, such as [U+202E]" in flat
    )
    assert "in the font of this paper" not in " ".join(text_of(pdf(of_shipped(OVER_55))))


@pytest.mark.parametrize("word", ["developer", "title"])
def test_every_character_that_is_said_to_be_in_the_font_is_in_both_its_weights(word: str) -> None:
    ranges = (Path(sheets.__file__).parent / "fonts" / "characters.txt").read_text().split()
    codes = [[int(code, 16) for code in one.split("-")] for one in ranges]
    every = "".join(f"{chr(code)} " for one in codes for code in range(one[0], one[-1] + 1))
    sheet = of_shipped(OVER_55, Site(every if word == "developer" else "The site"))
    assert pdf(replace(sheet, title=every if word == "title" else "Every character"))
