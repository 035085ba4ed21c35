"""The words are our own, one thing is said in one way, and the content never speaks of how it was made.

`review_six_grams.txt.gz` holds, for every run of six consecutive words of the review, the first twelve hexadecimal
digits of its SHA-256: enough to find a borrowed run again, and nothing of the review itself. Words are runs of the
letters a to z and of digits in small letters, joined by single blanks.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from knowledge.files import SHIPPED
from knowledge.items import ItemKind
from knowledge.schemas import content_of
from tests.vignettes.shipped import entries, rules

NOT_OUR_WORDS = {"key", "reference", "locator", "condition", "when", "doi", "url", "source", "rule", "expect"}
"""Names, titles of cited works, places and conditions; the title of a source is one too."""

BRITISH = (
    r"\w*(?:tumour|oedema|anaem|haem|dyspnoea|oesoph|diarrhoea|behaviour|favour|colour|labour|programme|fibre|litre"
    r"|centre|judgement|counsell|practis|smoulder|paedi|hypox[ae]e|hypercalcae|neutropae)\w*"
    r"|\w*(?:organ|recogn|optim|maxim|minim|priorit|standard|summar|random|character)is(?:e|ed|es|ing|ation)\b"
)
MAKERS_WORDS = (
    r"\bseed\b|\binventory\b|\bengine\b|\bencoded?\b|\bthis file\b|\bcsv\b|\bL\d{2,}\b|\blines? \d+|\bD\d{1,2}\b"
)
NAMED_SO = "Brief Symptom Inventory"


def six_grams(text: str) -> Iterator[str]:
    words = re.findall(r"[a-z0-9]+", re.sub(r"-\n\s*", "", text).lower())
    for start in range(len(words) - 5):
        yield " ".join(words[start : start + 6])


@cache
def of_the_review() -> frozenset[str]:
    packed = Path(__file__).with_name("review_six_grams.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split())


def borrowed(text: str) -> list[str]:
    return [run for run in six_grams(text) if hashlib.sha256(run.encode()).hexdigest()[:12] in of_the_review()]


def texts(where: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text below a value, and where it stands."""
    match value:
        case str():
            yield where, value
        case list():
            for one in value:
                yield from texts(where, one)
        case dict():
            for name, one in value.items():
                if name not in NOT_OUR_WORDS:
                    yield from texts(f"{where} {name}", one)
        case _:
            return


@cache
def all_texts() -> tuple[tuple[str, str], ...]:
    return tuple(
        (where, text)
        for entry in entries()
        for where, text in texts(f"{entry.kind} {entry.item.key}", content_of(entry.item))
        if not (entry.kind is ItemKind.SOURCE and where.endswith(" title"))
    )


def test_no_six_consecutive_words_are_the_reviews() -> None:
    assert len(all_texts()) > 3000
    assert {where: runs for where, text in all_texts() if (runs := borrowed(text))} == {}


@pytest.mark.parametrize(
    "name", ["NCCN Clinical Practice Guidelines in Oncology", "© 2021 by American Society\n of Clinical Onco-\nlogy"]
)
def test_a_borrowed_run_would_be_found(name: str) -> None:
    """Two names of six words that stand in the review, the one as it is, the other broken by the end of a line."""
    assert borrowed(f"Here stands: {name}, among words of our own.")


def test_one_changed_word_is_not_borrowed() -> None:
    assert borrowed("NCCN Clinical Practice Guideline in Oncology") == []


def test_the_digests_are_digests_and_no_words() -> None:
    assert len(of_the_review()) == 4204
    assert all(re.fullmatch(r"[0-9a-f]{12}", one) for one in of_the_review())


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.toml")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_content_does_not_speak_of_how_it_was_made(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace(NAMED_SO, "")
    assert re.findall(MAKERS_WORDS, text, re.IGNORECASE) == []


def test_the_spelling_is_american() -> None:
    found = {where: runs for where, text in all_texts() if (runs := re.findall(BRITISH, text, re.IGNORECASE))}
    assert found == {}


def test_what_a_table_says_without_a_modal_verb_is_marked_in_one_way() -> None:
    for rule in rules():
        for citation in rule.citations:
            if "Table" in citation.locator and "if applicable" not in citation.strength:
                assert citation.strength.endswith("table item, no modal verb"), rule.key


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        (r"\bno caregiver\b", "Shown unless it is known that there is no caregiver."),
        (r"\bclinicians only\b", "For clinicians only; not shown to patients."),
        (
            r"\bTable 1 does not itself\b",
            "Table 1 does not itself make this depend on the symptom; it is shown only while ",
        ),
    ],
)
def test_one_thing_is_said_in_one_way(about: str, sentence: str) -> None:
    notes = {(rule.key, note) for rule in rules() for note in rule.notes if re.search(about, note)}
    assert notes
    assert [key for key, note in sorted(notes) if sentence not in note and key != "acp-acute-limit-cpr"] == []


def test_titles_are_three_to_nine_words_and_notes_at_most_three() -> None:
    for rule in rules():
        assert 3 <= len(rule.title.split()) <= 9, rule.key
        assert len(rule.notes) <= 3, rule.key
