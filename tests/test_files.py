"""A knowledge base as files: what is read, what is refused, and that writing gives it back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import files
from knowledge.errors import ContentError
from knowledge.facts import Fact
from knowledge.files import SHIPPED, Entry, base_of
from knowledge.items import ItemKind, Rule, Source, Vignette
from knowledge.schemas import content_of, item_from
from tests.test_schemas import FACT, PHASE, RULE, SOURCE, VIGNETTE, WEIGHT

FACT_FILE = """\
[[fact]]
key = "pain_nrs"
label = "Pain intensity"
type = "integer"
topic = "symptoms"
phrase = "pain intensity"
minimum = 0
maximum = 10
"""
SOURCE_FILE = """\
[[source]]
key = "kida-2021"
reference = "Kida K, et al. JCO Oncol Pract. 2021;17:177-183."
title = "Optimal Supportive Care"
year = 2021
verification = "read whole"
review_by = 2027-06-30
"""
VIGNETTE_FILE = """\
[[vignette]]
key = "a-patient"
title = "A patient"
topic = "pain"
story = "She has pain."
evaluated_at = 2026-01-31T10:00:00+01:00

[vignette.facts]
pain_nrs = [{ value = 7, observed_at = 2026-01-31T08:00:00Z }]
mbc_diagnosis_date = 2024-02-29
"""


def folder_with(folder: Path, **texts: str) -> Path:
    """A folder of content files, named such as `facts__pain`."""
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def problems_in(folder: Path) -> list[str]:
    with pytest.raises(ContentError) as refused:
        files.read(folder)
    return [str(problem) for problem in refused.value.problems]


# What is read


def test_the_files_of_a_folder_are_read_kind_by_kind(tmp_path: Path):
    folder_with(tmp_path, facts__symptoms=FACT_FILE, sources=SOURCE_FILE, vignettes__pain=VIGNETTE_FILE)
    entries = files.read(tmp_path)
    assert [(entry.kind, entry.item.key) for entry in entries] == [
        (ItemKind.FACT, "pain_nrs"),
        (ItemKind.VIGNETTE, "a-patient"),
        (ItemKind.SOURCE, "kida-2021"),
    ]
    fact, vignette, source = (entry.item for entry in entries)
    assert isinstance(fact, Fact)
    assert (fact.minimum, fact.maximum) == (0, 10)
    assert isinstance(source, Source)
    assert source.review_by == date(2027, 6, 30)
    assert isinstance(vignette, Vignette)
    assert vignette.evaluated_at == datetime(2026, 1, 31, 9, tzinfo=UTC)


def test_dates_in_the_facts_of_a_vignette_are_the_texts_that_an_app_would_post(tmp_path: Path):
    folder_with(tmp_path, vignettes__pain=VIGNETTE_FILE)
    [entry] = files.read(tmp_path)
    assert isinstance(entry.item, Vignette)
    assert entry.item.facts == {
        "pain_nrs": [{"value": 7, "observed_at": "2026-01-31T08:00:00Z"}],
        "mbc_diagnosis_date": "2024-02-29",
    }


def test_a_draft_says_so_and_whatever_does_not_is_none(tmp_path: Path):
    folder_with(
        tmp_path,
        facts__a=FACT_FILE + "draft = true\n",
        facts__b=FACT_FILE.replace("pain_nrs", "fatigue_nrs") + "draft = false\n",
        facts__c=FACT_FILE.replace("pain_nrs", "dyspnea_nrs"),
    )
    assert {entry.item.key: entry.draft for entry in files.read(tmp_path)} == {
        "pain_nrs": True,
        "fatigue_nrs": False,
        "dyspnea_nrs": False,
    }


def test_items_are_sorted_into_a_base_by_kind_and_key():
    items = [item_from(ItemKind.FACT, content) for content in (WEIGHT, FACT, PHASE)]
    base = base_of([*items, item_from(ItemKind.RULE, RULE)])
    assert list(base.facts) == ["disease_phase", "pain_present", "weight_kg"]
    assert list(base.rules) == ["pain-acute-coping"]
    assert not base.sources
    assert not base.vignettes


# What is refused


def test_an_empty_folder_is_no_knowledge_base(tmp_path: Path):
    assert problems_in(tmp_path) == [f"folder {tmp_path}, files: There is no content in this folder."]


def test_a_file_that_is_no_toml_is_named_with_the_line(tmp_path: Path):
    folder_with(tmp_path, facts__symptoms=FACT_FILE + "unit = points\n")
    assert problems_in(tmp_path) == ["fact symptoms.toml, file: This is not TOML: Invalid value (at line 9, column 8)."]


def test_a_file_that_is_no_utf8_is_refused(tmp_path: Path):
    folder_with(tmp_path, facts__symptoms="")
    (tmp_path / "facts/symptoms.toml").write_bytes("label = 'Müdigkeit'".encode("latin-1"))
    [problem] = problems_in(tmp_path)
    assert problem.startswith("fact symptoms.toml, file: This is not TOML: 'utf-8' codec can't decode byte 0xfc")


def test_a_field_that_stands_twice_in_one_item_is_no_toml(tmp_path: Path):
    folder_with(tmp_path, facts__symptoms=FACT_FILE + 'label = "Pain"\n')
    assert problems_in(tmp_path) == [
        "fact symptoms.toml, file: This is not TOML: Cannot overwrite a value (at line 9, column 15)."
    ]


def test_a_key_that_stands_twice_is_refused_even_in_two_files(tmp_path: Path):
    folder_with(tmp_path, facts__pain=FACT_FILE, facts__symptoms=FACT_FILE)
    assert problems_in(tmp_path) == ["fact pain_nrs, key: This key stands twice; give one of them another."]


def test_a_fact_and_a_source_may_share_a_key(tmp_path: Path):
    folder_with(tmp_path, facts__pain=FACT_FILE, sources=SOURCE_FILE.replace("kida-2021", "pain_nrs"))
    assert [entry.item.key for entry in files.read(tmp_path)] == ["pain_nrs", "pain_nrs"]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (FACT_FILE.replace("[[fact]]", "[[facts]]"), "facts"),
        (FACT_FILE.replace("[[fact]]", "[fact]"), "fact"),
        (FACT_FILE + SOURCE_FILE, "source"),
        ('fact = "pain_nrs"', "fact"),
        ('fact = ["pain_nrs"]', "fact"),
        ('version = 2\n[[fact]]\nkey = "a"', "version"),
    ],
)
def test_whatever_is_not_headed_as_an_item_is_not_passed_over(tmp_path: Path, text: str, field: str):
    folder_with(tmp_path, facts__pain=text, sources=SOURCE_FILE)
    assert f"fact pain.toml, {field}: Head each item of this file with [[fact]]." in problems_in(tmp_path)


def test_a_draft_that_is_neither_true_nor_false_is_not_taken_for_a_finished_item(tmp_path: Path):
    folder_with(tmp_path, facts__pain=FACT_FILE + 'draft = "true"\n')
    assert problems_in(tmp_path) == ["fact pain_nrs, draft: This is true or false."]


def test_the_problems_of_all_files_are_told_at_once(tmp_path: Path):
    folder_with(
        tmp_path,
        facts__broken="=",
        facts__pain=FACT_FILE.replace('"integer"', '"number"') + FACT_FILE + FACT_FILE,
        sources=SOURCE_FILE.replace("2021\n", '"2021"\n'),
    )
    assert problems_in(tmp_path) == [
        "fact broken.toml, file: This is not TOML: Invalid statement (at line 1, column 1).",
        "fact pain_nrs, type: Must be one of: boolean, integer, decimal, date, code, codes, text.",
        "source kida-2021, year: This is a whole number.",
        "fact pain_nrs, key: This key stands twice; give one of them another.",
    ]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "Leave out what is not known: a vignette holds no null."),
        ([{"value": None}], "Leave out what is not known: a vignette holds no null."),
        (float("nan"), "A number is finite and below 2^53."),
        (2**53, "A number is finite and below 2^53."),
        ("\ud800", "The text holds a control character; paste it as plain text."),
        ({"\x00": 1}, "The text holds a control character; paste it as plain text."),
        (date(2026, 1, 31), "This is no value that an app can post."),
    ],
)
def test_a_vignette_holds_only_what_a_file_can_hold(value: object, told: str):
    with pytest.raises(ContentError) as refused:
        item_from(ItemKind.VIGNETTE, {**VIGNETTE, "facts": {"pain_nrs": value, "kps": 60}})
    assert [(problem.field, problem.detail) for problem in refused.value.problems] == [("facts.pain_nrs", told)]


# There and back

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\"'\\#=[]{}"),
    min_size=1,
    max_size=40,
).filter(str.strip)
POSTED = st.recursive(
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15) | TEXTS,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(TEXTS, parts, max_size=4),
    max_leaves=6,
)


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    """A fact, a source, a rule and a vignette full of texts that TOML must escape."""

    def changed(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return {**content, **changes}

    texts = st.lists(TEXTS, min_size=1, max_size=3)
    bounds = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6)
    contents = [
        (ItemKind.FACT, changed(FACT, phrase=draw(TEXTS), notes=draw(texts))),
        (ItemKind.FACT, changed(WEIGHT, minimum=draw(bounds), maximum=draw(bounds))),
        (
            ItemKind.FACT,
            changed(PHASE, codes=[{"code": f"code_{n}", "label": text} for n, text in enumerate(draw(texts))]),
        ),
        (ItemKind.SOURCE, changed(SOURCE, reference=draw(TEXTS), notes=draw(texts))),
        (
            ItemKind.RULE,
            changed(
                RULE,
                text=draw(TEXTS),
                notes=draw(texts),
                citations=[{"source": "a", "locator": text, "strength": text} for text in draw(texts)],
                overrides=[{"rule": "b", "reason": text} for text in draw(texts)],
            ),
        ),
        (ItemKind.VIGNETTE, changed(VIGNETTE, facts=draw(st.dictionaries(TEXTS, POSTED, max_size=4)))),
    ]
    return [Entry(item_from(kind, content), draw(st.booleans())) for kind, content in contents]


def in_order(found: list[Entry]) -> list[Entry]:
    return sorted(found, key=lambda entry: (entry.kind, entry.item.key))


@given(written=entries())
def test_what_was_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, written: list[Entry]):
    folder = tmp_path_factory.mktemp("content")
    files.write(written, folder)
    found = files.read(folder)
    assert in_order(found) == in_order(written)
    assert [content_of(entry.item) for entry in in_order(found)] == [
        content_of(entry.item) for entry in in_order(written)
    ]


def test_files_are_named_for_the_topic_and_sorted_by_key(tmp_path: Path):
    contents = [(ItemKind.FACT, FACT), (ItemKind.FACT, WEIGHT), (ItemKind.SOURCE, SOURCE), (ItemKind.RULE, RULE)]
    items = [item_from(kind, content) for kind, content in contents]
    items += [item_from(ItemKind.RULE, {**RULE, "key": key}) for key in ("z", "a")]
    files.write([Entry(item) for item in items], tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.toml")) == [
        "facts/nutrition.toml",
        "facts/symptoms.toml",
        "rules/pain.toml",
        "sources.toml",
    ]
    rules = (tmp_path / "rules/pain.toml").read_text(encoding="utf-8")
    assert [line for line in rules.splitlines() if line.startswith("key")] == [
        'key = "a"',
        'key = "pain-acute-coping"',
        'key = "z"',
    ]


def test_a_rule_reads_well_in_its_file(tmp_path: Path):
    files.write([Entry(item_from(ItemKind.RULE, RULE), draft=True)], tmp_path)
    assert (
        (tmp_path / "rules/pain.toml").read_text(encoding="utf-8")
        == """\
[[rule]]
key = "pain-acute-coping"
title = "Learn to live with pain"
text = "Help the patient to find ways of coping."
kind = "checklist_item"
mode = "do"
topic = "pain"
actors = ["clinician", "patient"]
urgency = "this_visit"
condition = "disease_phase is acute and pain_present"
review_by = 2027-06-30
patient_may_see = true
patient_text = "There are ways to cope with pain."
overrides = [{rule = "pain-any-coping", reason = "This one is more exact."}]
notes = ["The source sets no threshold."]
draft = true

[[rule.citations]]
source = "kida-2021"
locator = "p179 · Table 1"
strength = "table item"
"""
    )


def test_two_ways_of_writing_the_same_give_the_same_bytes(tmp_path: Path):
    items = [item_from(ItemKind.FACT, content) for content in (FACT, WEIGHT, PHASE)]
    files.write([Entry(item) for item in items], tmp_path / "one")
    files.write([Entry(item) for item in reversed(items)], tmp_path / "other")
    assert contents_of(tmp_path / "one") == contents_of(tmp_path / "other")


def contents_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.toml")}


# What ships


def test_the_shipped_content_is_read_and_written_without_a_change(tmp_path: Path):
    files.write(files.read(SHIPPED), tmp_path)
    assert contents_of(tmp_path) == contents_of(SHIPPED)


def test_every_shipped_rule_is_read_as_a_rule():
    rules = [entry.item for entry in files.read(SHIPPED) if entry.kind is ItemKind.RULE]
    assert all(isinstance(rule, Rule) for rule in rules)
    assert len(rules) > 100
