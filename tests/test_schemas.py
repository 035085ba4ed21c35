"""The written form of an item: every field checked, the rest refused, and the bytes that digests are taken of."""

from __future__ import annotations

import math
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from knowledge.canonical import canonical, digest
from knowledge.conditions import Compare, Operator
from knowledge.errors import ContentError
from knowledge.facts import Code, Derivation, Fact, FactType
from knowledge.items import Actor, Citation, ItemKind, Mode, Override, Rule, RuleKind, Source, State, Urgency, Vignette
from knowledge.schemas import LONGEST_LINE, LONGEST_PARAGRAPH, content_of, item_from

FACT: dict[str, Any] = {
    "key": "pain_present",
    "label": "Pain",
    "type": "boolean",
    "topic": "symptoms",
    "phrase": "pain",
    "absence": "no pain",
    "valid_days": 30,
    "conflict_hours": 1,
    "standard_code": "SNOMED 22253000",
    "code_status": "check before use",
    "derivations": [
        {"value": True, "when": "pain_nrs >= 1", "source": "kida-2021", "locator": "p179"},
        {"value": False, "when": "pain_nrs is 0", "source": "kida-2021", "locator": "p179"},
    ],
    "notes": ["A score of 1 or more means pain."],
}
PHASE: dict[str, Any] = {
    "key": "disease_phase",
    "label": "Disease phase",
    "type": "code",
    "topic": "disease",
    "phrase": "disease phase",
    "codes": [{"code": "acute", "label": "acute"}, {"code": "stable", "label": "stable"}],
    "conflict_hours": 72,
    "population": "disease_phase in (acute, stable)",
}
WEIGHT: dict[str, Any] = {
    "key": "weight_kg",
    "label": "Weight",
    "type": "decimal",
    "topic": "nutrition",
    "phrase": "weight",
    "unit": "kg",
    "minimum": 20,
    "maximum": 350.5,
    "step": 1,
    "conflict_hours": 24,
    "days_since": "mbc_diagnosis_date",
}
NOTHING_OF_THE_NINE: dict[str, Any] = {**PHASE, "attributes": []}
OF_TWO_KINDS: dict[str, Any] = {**WEIGHT, "attributes": ["date_of_birth", "social_determinants"]}
SOURCE: dict[str, Any] = {
    "key": "kida-2021",
    "reference": "Kida K, Olver I, Yennu S, et al. JCO Oncol Pract. 2021;17:177-183.",
    "title": "Optimal Supportive Care for Patients With Metastatic Breast Cancer",
    "year": 2021,
    "doi": "10.1200/OP.20.00622",
    "url": "https://doi.org/10.1200/OP.20.00622",
    "pmid": "33026952",
    "isbn": "0-00-000000-0",
    "verification": "read whole",
    "review_by": "2027-06-30",
    "notes": ["The review itself."],
}
RULE: dict[str, Any] = {
    "key": "pain-acute-coping",
    "title": "Learn to live with pain",
    "text": "Help the patient to find ways of coping.",
    "patient_text": "There are ways to cope with pain.",
    "kind": "checklist_item",
    "mode": "do",
    "topic": "pain",
    "actors": ["clinician", "patient"],
    "urgency": "this_visit",
    "condition": "disease_phase is acute and pain_present",
    "patient_may_see": True,
    "review_by": "2027-06-30",
    "citations": [{"source": "kida-2021", "locator": "p179 · Table 1", "strength": "table item"}],
    "overrides": [{"rule": "pain-any-coping", "reason": "This one is more exact."}],
    "notes": ["The source sets no threshold."],
}
VIGNETTE: dict[str, Any] = {
    "key": "acute-pain",
    "title": "Acute phase with pain",
    "topic": "pain",
    "story": "A woman of 62 in the acute phase has pain of 8.",
    "evaluated_at": "2026-01-31T09:00:00Z",
    "facts": {
        "pain_nrs": 8,
        "metastatic_sites": ["bone"],
        "disease_phase": [{"value": "acute", "observed_at": "2026-01-30T10:00:00Z"}],
    },
    "expect": {"recommended": ["pain-acute-coping"], "not_met": ["pain-stable-coping"]},
}
WHOLE = [
    (ItemKind.FACT, FACT),
    (ItemKind.FACT, PHASE),
    (ItemKind.FACT, WEIGHT),
    (ItemKind.FACT, NOTHING_OF_THE_NINE),
    (ItemKind.FACT, OF_TWO_KINDS),
    (ItemKind.SOURCE, SOURCE),
    (ItemKind.RULE, RULE),
    (ItemKind.VIGNETTE, VIGNETTE),
]
WHOLE_IDS = [content["key"] + "-attributes" * ("attributes" in content) for _, content in WHOLE]
A_LINE = f"At most {LONGEST_LINE} characters; this text has 301."
NO_TEXT = "There is no text here."
CONTROL = "The text holds a control character; paste it as plain text."
KEY = "Small letters and digits, with - _ or . between them."
NAME = "Small letters, digits and _, with a letter first."
DAY = "This is a date such as 2027-06-30."
MOMENT = "This is a moment with its zone, such as 2026-01-31T09:00:00Z."


def problems_of(kind: ItemKind, content: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ContentError) as refused:
        item_from(kind, content)
    assert {problem.kind for problem in refused.value.problems} == {kind}
    return [(problem.field, problem.detail) for problem in refused.value.problems]


def changed(content: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The content with another value at a path such as `citations.0.source`."""
    new = deepcopy(content)
    *way, last = path.split(".")
    place: Any = new
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value
    return new


# What is taken


def test_a_fact_is_read_field_by_field():
    assert item_from(ItemKind.FACT, FACT) == Fact(
        key="pain_present",
        label="Pain",
        type=FactType.BOOLEAN,
        phrase="pain",
        topic="symptoms",
        absence="no pain",
        valid_days=30,
        conflict_hours=1,
        standard_code="SNOMED 22253000",
        code_status="check before use",
        derivations=(
            Derivation(True, "pain_nrs >= 1", "kida-2021", "p179"),
            Derivation(False, "pain_nrs is 0", "kida-2021", "p179"),
        ),
        notes=("A score of 1 or more means pain.",),
    )
    assert item_from(ItemKind.FACT, PHASE) == Fact(
        key="disease_phase",
        label="Disease phase",
        type=FactType.CODE,
        phrase="disease phase",
        topic="disease",
        codes=(Code("acute", "acute"), Code("stable", "stable")),
        conflict_hours=72,
        population="disease_phase in (acute, stable)",
    )
    assert item_from(ItemKind.FACT, WEIGHT) == Fact(
        key="weight_kg",
        label="Weight",
        type=FactType.DECIMAL,
        phrase="weight",
        topic="nutrition",
        unit="kg",
        minimum=20,
        maximum=350.5,
        step=1,
        days_since="mbc_diagnosis_date",
    )


def test_a_source_is_read_field_by_field():
    assert item_from(ItemKind.SOURCE, SOURCE) == Source(
        key="kida-2021",
        reference="Kida K, Olver I, Yennu S, et al. JCO Oncol Pract. 2021;17:177-183.",
        title="Optimal Supportive Care for Patients With Metastatic Breast Cancer",
        year=2021,
        doi="10.1200/OP.20.00622",
        url="https://doi.org/10.1200/OP.20.00622",
        pmid="33026952",
        isbn="0-00-000000-0",
        verification="read whole",
        review_by=date(2027, 6, 30),
        notes=("The review itself.",),
    )


def test_a_rule_is_read_field_by_field():
    rule = item_from(ItemKind.RULE, changed(RULE, "condition", "pain_present is true"))
    assert rule == Rule(
        key="pain-acute-coping",
        title="Learn to live with pain",
        text="Help the patient to find ways of coping.",
        patient_text="There are ways to cope with pain.",
        kind=RuleKind.CHECKLIST_ITEM,
        mode=Mode.DO,
        topic="pain",
        actors=(Actor.CLINICIAN, Actor.PATIENT),
        urgency=Urgency.THIS_VISIT,
        condition=Compare("pain_present", Operator.IS, True),
        patient_may_see=True,
        review_by=date(2027, 6, 30),
        citations=(Citation("kida-2021", "p179 · Table 1", "table item"),),
        overrides=(Override("pain-any-coping", "This one is more exact."),),
        notes=("The source sets no threshold.",),
    )


def test_a_vignette_is_read_field_by_field():
    assert item_from(ItemKind.VIGNETTE, VIGNETTE) == Vignette(
        key="acute-pain",
        title="Acute phase with pain",
        topic="pain",
        story="A woman of 62 in the acute phase has pain of 8.",
        evaluated_at=datetime(2026, 1, 31, 9, tzinfo=UTC),
        facts=VIGNETTE["facts"],
        expect={State.RECOMMENDED: ("pain-acute-coping",), State.NOT_MET: ("pain-stable-coping",)},
    )


def test_a_rule_without_a_condition_is_a_statement():
    statement = {name: value for name, value in RULE.items() if name != "condition"}
    rule = item_from(ItemKind.RULE, statement)
    assert isinstance(rule, Rule)
    assert rule.is_statement
    assert content_of(rule) == statement


@pytest.mark.parametrize(("kind", "content"), WHOLE, ids=WHOLE_IDS)
def test_what_was_read_is_written_as_it_was(kind: ItemKind, content: dict[str, Any]):
    assert content_of(item_from(kind, content)) == content
    assert list(content_of(item_from(kind, content))) == list(
        content_of(item_from(kind, dict(reversed(content.items()))))
    )


def test_conditions_are_written_in_their_canonical_text():
    rule = item_from(ItemKind.RULE, changed(RULE, "condition", "(disease_phase is acute)\nand pain_present is true"))
    assert content_of(rule)["condition"] == "disease_phase is acute and pain_present"
    fact = item_from(ItemKind.FACT, changed(FACT, "derivations.0.when", "pain_nrs>=1"))
    assert content_of(fact)["derivations"][0]["when"] == "pain_nrs >= 1"
    fact = item_from(ItemKind.FACT, changed(PHASE, "population", "((disease_phase in(acute,stable)))"))
    assert content_of(fact)["population"] == "disease_phase in (acute, stable)"


def test_what_is_empty_is_left_out_and_the_usual_window_is_written():
    least = {"key": "a", "label": "A", "type": "text", "topic": "t", "phrase": "a"}
    fact = item_from(ItemKind.FACT, {**least, "notes": [], "codes": [], "derivations": []})
    assert content_of(fact) == {**least, "conflict_hours": 24}


def test_the_kinds_of_data_of_a_fact_are_not_stated_or_none_or_some_in_one_order():
    def kept(attributes: Any) -> Any:
        return content_of(item_from(ItemKind.FACT, {**FACT, "attributes": attributes})).get("attributes")

    assert "attributes" not in content_of(item_from(ItemKind.FACT, FACT))
    assert kept([]) == []
    assert kept(["health_status_assessments", "race", "race"]) == ["race", "health_status_assessments"]
    for wrong in (["none", "sex"], ["age"], "sex", None):
        with pytest.raises(ContentError):
            kept(wrong)


def test_a_moment_is_written_in_utc():
    vignette = item_from(ItemKind.VIGNETTE, changed(VIGNETTE, "evaluated_at", "2026-01-31T18:00:00+09:00"))
    assert isinstance(vignette, Vignette)
    assert vignette.evaluated_at == datetime(2026, 1, 31, 18, tzinfo=timezone(timedelta(hours=9)))
    assert content_of(vignette)["evaluated_at"] == "2026-01-31T09:00:00Z"


def test_a_state_without_rules_is_left_out_of_what_is_expected():
    vignette = item_from(ItemKind.VIGNETTE, changed(VIGNETTE, "expect.withheld", []))
    assert content_of(vignette)["expect"] == VIGNETTE["expect"]


# What digests are taken of


PINNED = [
    (ItemKind.FACT, FACT, "sha256:44b017996c51a655ce93df9d9ec52e6cc7e7e7eb36522509eb68ad8f9b7a0482"),
    (ItemKind.FACT, PHASE, "sha256:2177a1bf48fdcaefb187d3a98303060b6c1ebab8be47fa833b84a407a29ed9b3"),
    (ItemKind.FACT, WEIGHT, "sha256:1f8e169996cbc6a597144a7b98350076899e05e432a704281b4fd71d900bf130"),
    (ItemKind.FACT, NOTHING_OF_THE_NINE, "sha256:c21c71cb34d523570b47784026e4b7e15efa6feca2a4653ace45754ea354be68"),
    (ItemKind.FACT, OF_TWO_KINDS, "sha256:d2e8c1d3bf564ebdae345b69deaf4e18046d502430e4c4059e0fed74614f0f3d"),
    (ItemKind.SOURCE, SOURCE, "sha256:4c9dd1f98c7f7330ce4c1fb5fad137d1de21a0e2d1befadb1287a0cec39f3f36"),
    (ItemKind.RULE, RULE, "sha256:82faf4c08346b460ad7e509647c4c49c6aa6ec25eaa8ced94d6628be7513b3af"),
    (ItemKind.VIGNETTE, VIGNETTE, "sha256:b3493300e8e9562a97fb76f24613ba61456df030103588fea3c61e2e1de21ab7"),
]
"""These digests are in databases: a change of one breaks every chain that holds it."""


@pytest.mark.parametrize(("kind", "content", "pinned"), PINNED, ids=WHOLE_IDS)
def test_the_digest_of_an_item_never_changes(kind: ItemKind, content: dict[str, Any], pinned: str):
    assert digest(content_of(item_from(kind, content))) == pinned


def test_the_bytes_of_a_rule_never_change():
    assert canonical(content_of(item_from(ItemKind.RULE, RULE))).decode() == (
        '{"actors":["clinician","patient"],'
        '"citations":[{"locator":"p179 · Table 1","source":"kida-2021","strength":"table item"}],'
        '"condition":"disease_phase is acute and pain_present","key":"pain-acute-coping","kind":"checklist_item",'
        '"mode":"do","notes":["The source sets no threshold."],'
        '"overrides":[{"reason":"This one is more exact.","rule":"pain-any-coping"}],"patient_may_see":true,'
        '"patient_text":"There are ways to cope with pain.","review_by":"2027-06-30",'
        '"text":"Help the patient to find ways of coping.","title":"Learn to live with pain","topic":"pain",'
        '"urgency":"this_visit"}'
    )


# What is refused


@pytest.mark.parametrize(
    ("content", "path", "value", "told"),
    [
        (FACT, "key", "Pain", NAME),
        (FACT, "key", "pain-present", NAME),
        (FACT, "key", "2pains", NAME),
        (FACT, "key", "", NO_TEXT),
        (FACT, "key", 7, "This is a text."),
        (FACT, "key", None, "There is nothing here: leave the field out."),
        (FACT, "label", " ", NO_TEXT),
        (FACT, "label", "x" * 301, A_LINE),
        (FACT, "label", "Pain\tnow", CONTROL),
        (FACT, "type", "bool", "Must be one of: boolean, integer, decimal, date, code, codes, text."),
        (FACT, "topic", "Symptoms", KEY),
        (FACT, "phrase", ["pain"], "This is a text."),
        (FACT, "absence", "", NO_TEXT),
        (WEIGHT, "unit", 1, "This is a text."),
        (WEIGHT, "minimum", "20", "This is a number."),
        (WEIGHT, "minimum", True, "This is a number."),
        (WEIGHT, "minimum", math.nan, "This is a number."),
        (WEIGHT, "maximum", math.inf, "This is a number."),
        (WEIGHT, "maximum", 2**53, "This is a number."),
        (WEIGHT, "step", 0, "Must be greater than or equal to 1."),
        (WEIGHT, "step", 0.5, "This is a whole number."),
        (WEIGHT, "step", True, "This is a whole number."),
        (WEIGHT, "days_since", 7, "This is a text."),
        (PHASE, "codes", {"acute": "acute"}, "This is a list."),
        (PHASE, "codes.1", "stable", "This is a table of fields."),
        (PHASE, "codes.1.code", "not stable", NAME),
        (PHASE, "codes.1.code", "de-novo", NAME),
        (PHASE, "codes.1.label", "", NO_TEXT),
        (PHASE, "codes.1.meaning", "x", "There is no field of this name."),
        (FACT, "valid_days", 0, "Must be greater than or equal to 1."),
        (FACT, "valid_days", "30", "This is a whole number."),
        (FACT, "valid_days", True, "This is a whole number."),
        (FACT, "valid_days", 30.0, "This is a whole number."),
        (FACT, "conflict_hours", -1, "Must be greater than or equal to 0."),
        (FACT, "standard_code", "", NO_TEXT),
        (FACT, "code_status", 1, "This is a text."),
        (FACT, "derivations.0.value", [1], "This is true or false, a number or a code."),
        (FACT, "derivations.0.value", math.nan, "This is true or false, a number or a code."),
        (FACT, "derivations.1.when", "pain_nrs = 0", "Line 1, column 10: Write `is` instead of =."),
        (FACT, "derivations.1.when", True, "A condition is a text."),
        (FACT, "derivations.1.source", "", NO_TEXT),
        (FACT, "derivations.1.locator", None, "There is nothing here: leave the field out."),
        (PHASE, "population", "and", "Line 1, column 1: `and` cannot stand here: expected a condition."),
        (FACT, "notes", "one note", "This is a list."),
        (FACT, "notes.0", "\ud800", CONTROL),
        (FACT, "labell", "Pain", "There is no field of this name. Did you mean label?"),
        (FACT, "zzz", "Pain", "There is no field of this name."),
    ],
)
def test_a_field_of_a_fact_that_cannot_stand_is_named_with_its_path(
    content: dict[str, Any], path: str, value: Any, told: str
):
    assert problems_of(ItemKind.FACT, changed(content, path, value)) == [(path, told)]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("key", "Kida 2021", KEY),
        ("key", "-kida", KEY),
        ("reference", "", NO_TEXT),
        ("reference", "x" * (LONGEST_PARAGRAPH + 1), "At most 5000 characters; this text has 5001."),
        ("title", "\x7f", CONTROL),
        ("year", "2021", "This is a whole number."),
        ("year", 1799, "Must be greater than or equal to 1800 and less than or equal to 2200."),
        ("doi", 10.1200, "This is a text."),
        ("url", "javascript:alert(1)", "This is an address that begins with https:// or http://."),
        ("url", "doi.org/10.1200", "This is an address that begins with https:// or http://."),
        ("pmid", 33026952, "This is a text."),
        ("isbn", "", NO_TEXT),
        ("verification", "", NO_TEXT),
        ("review_by", "30.06.2027", DAY),
        ("review_by", "2027-02-30", DAY),
        ("review_by", 2027, DAY),
        ("notes", {}, "This is a list."),
        ("autor", "Kida", "There is no field of this name."),
    ],
)
def test_a_field_of_a_source_that_cannot_stand_is_named_with_its_path(path: str, value: Any, told: str):
    assert problems_of(ItemKind.SOURCE, changed(SOURCE, path, value)) == [(path, told)]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("key", "pain_Acute", KEY),
        ("key", "x" * 301, A_LINE),
        ("title", "", NO_TEXT),
        ("text", "\x00", CONTROL),
        ("patient_text", "", NO_TEXT),
        (
            "kind",
            "advise",
            "Must be one of: advice, assessment, checklist_item, classification, priority, referral_trigger, "
            "screening_criterion.",
        ),
        ("mode", "must", "Must be one of: do, avoid, offer, option, classify, context, org."),
        ("topic", "", NO_TEXT),
        ("actors", [], "At least one is needed."),
        ("actors", "clinician", "This is a list."),
        ("urgency", "soon", "Must be one of: now, this_visit, ongoing."),
        (
            "condition",
            "",
            "Line 1, column 1: There is no condition here. Write `always` for a rule that is for every patient.",
        ),
        ("condition", ["always"], "A condition is a text."),
        ("patient_may_see", 1, "This is true or false."),
        ("patient_may_see", "true", "This is true or false."),
        ("review_by", None, "There is nothing here: leave the field out."),
        ("review_by", "2027-06-30T00:00:00Z", DAY),
        ("citations", {}, "This is a list."),
        ("citations.0.source", "", NO_TEXT),
        ("citations.0.locator", 179, "This is a text."),
        ("citations.0.strength", "x" * 301, A_LINE),
        ("citations.0.page", 179, "There is no field of this name."),
        ("overrides.0.rule", "", NO_TEXT),
        ("overrides.0.reason", "", NO_TEXT),
        ("notes", None, "There is nothing here: leave the field out."),
        ("condtion", "always", "There is no field of this name. Did you mean condition?"),
    ],
)
def test_a_field_of_a_rule_that_cannot_stand_is_named_with_its_path(path: str, value: Any, told: str):
    assert problems_of(ItemKind.RULE, changed(RULE, path, value)) == [(path, told)]


def test_an_actor_that_there_is_not_is_named_with_its_place():
    [(path, told)] = problems_of(ItemKind.RULE, changed(RULE, "actors", ["clinician", "doctor"]))
    assert path == "actors.1"
    assert told == "Must be one of: oncologist, primary_care, clinician, care_team, patient, caregiver."


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("key", "", NO_TEXT),
        ("title", None, "There is nothing here: leave the field out."),
        ("topic", "Pain", KEY),
        ("story", "", NO_TEXT),
        ("evaluated_at", "2026-01-31", MOMENT),
        ("evaluated_at", "2026-01-31T09:00:00", MOMENT),
        ("evaluated_at", "yesterday", MOMENT),
        ("facts", [], "This is a table of names and values."),
        ("expect", [], "This is a table of names and values."),
        ("expects", {}, "There is no field of this name. Did you mean expect?"),
    ],
)
def test_a_field_of_a_vignette_that_cannot_stand_is_named_with_its_path(path: str, value: Any, told: str):
    assert problems_of(ItemKind.VIGNETTE, changed(VIGNETTE, path, value)) == [(path, told)]


def test_a_state_that_there_is_not_and_a_rule_that_is_no_text_are_named():
    content = changed(VIGNETTE, "expect", {"fired": ["pain-acute-coping"], "withheld": [7]})
    assert problems_of(ItemKind.VIGNETTE, content) == [
        ("expect.fired.key", "Must be one of: recommended, withheld, undetermined, not_met."),
        ("expect.withheld.value.0", "This is a text."),
    ]


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        (ItemKind.FACT, ["key", "label", "phrase", "topic", "type"]),
        (ItemKind.SOURCE, ["key", "reference", "title", "verification", "year"]),
        (
            ItemKind.RULE,
            ["actors", "key", "kind", "mode", "patient_may_see", "review_by", "text", "title", "topic", "urgency"],
        ),
        (ItemKind.VIGNETTE, ["evaluated_at", "facts", "key", "story", "title", "topic"]),
    ],
)
def test_what_is_missing_is_told_all_at_once(kind: ItemKind, needed: list[str]):
    assert sorted(problems_of(kind, {})) == [(field, "This is missing.") for field in needed]


@pytest.mark.parametrize(
    ("kind", "content", "part", "needed"),
    [
        (ItemKind.RULE, RULE, "citations", ["locator", "source", "strength"]),
        (ItemKind.RULE, RULE, "overrides", ["reason"]),
        (ItemKind.FACT, FACT, "derivations", ["locator", "source", "value", "when"]),
        (ItemKind.FACT, PHASE, "codes", ["code", "label"]),
    ],
)
def test_what_is_missing_in_a_part_is_told_with_its_path(
    kind: ItemKind, content: dict[str, Any], part: str, needed: list[str]
):
    problems = sorted(problems_of(kind, changed(content, part, [{}])))
    assert problems == [(f"{part}.0.{field}", "This is missing.") for field in needed]


def test_every_problem_of_a_condition_is_told():
    content = changed(RULE, "condition", "a between 6 and 4 and b in (x, x)")
    assert problems_of(ItemKind.RULE, content) == [
        ("condition", "Line 1, column 11: Nothing lies between 6 and 4: the smaller one comes first."),
        ("condition", "Line 1, column 32: x stands in the list already; once is enough."),
    ]


@pytest.mark.parametrize("key", [None, 7, ""])
def test_an_item_whose_key_is_no_text_is_named_without_a_key(key: object):
    with pytest.raises(ContentError) as refused:
        item_from(ItemKind.RULE, {**RULE, "key": key})
    assert [problem.key for problem in refused.value.problems] == ["without a key"]


def test_an_error_names_the_item_and_the_field_on_a_line_for_each_problem():
    with pytest.raises(ContentError) as refused:
        item_from(ItemKind.RULE, {**RULE, "mode": "must", "urgency": "soon"})
    assert sorted(str(refused.value).split("\n")) == [
        "rule pain-acute-coping, mode: Must be one of: do, avoid, offer, option, classify, context, org.",
        "rule pain-acute-coping, urgency: Must be one of: now, this_visit, ongoing.",
    ]
