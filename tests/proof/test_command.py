"""`phasewise prove` on folders of content: what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cds.commands import cli
from tests.content import change, written

RULES = "rules/care.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small content, with a hazard that `walk` answers."""
    path = written(tmp_path)
    change(path, "facts/symptoms.toml", 'phrase = "pain"', 'phrase = "pain"\nworse = "true"')
    hazards = path / "hazards" / "care.toml"
    hazards.parent.mkdir()
    hazards.write_text(
        """[[hazard]]
key = "agony"
title = "Agony"
text = "Act."
topic = "care"
urgency = "ongoing"
severity = "serious"
condition = "pain"
forbids = ["fluids"]
reason = "It hurts."
answered_by = ["walk"]
residual_risk = "None."
review_by = 2027-06-30

[[hazard.citations]]
source = "book"
locator = "p1"
strength = "must"
""",
        encoding="utf-8",
    )
    return path


def prove(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["prove", *map(str, arguments)])


def test_content_that_is_safe_for_all_is_proven(folder: Path) -> None:
    result = prove(folder)
    assert result.exit_code == 0, result.output
    assert "proven: Whenever “Agony” is present, what answers it is recommended." in result.output
    assert "2 of 2 claims are proven over all patients" in result.output


def test_a_violated_claim_is_told_with_a_patient_and_ends_with_1(folder: Path) -> None:
    change(folder, "hazards/care.toml", 'condition = "pain"', 'condition = "pain or pain is unknown"')
    result = prove(folder)
    assert result.exit_code == 1
    assert "violated: “Agony” is present, and none of the rules that answer it is recommended." in result.output
    assert '"facts": {}' in result.output


def test_content_that_cannot_be_read_ends_with_2(folder: Path) -> None:
    change(folder, RULES, 'condition = "pain"', 'condition = "pane"')
    result = prove(folder)
    assert result.exit_code == 2
    assert "pane" in result.output


def test_slips_that_nobody_notices_are_printed_and_patients_made_for_them(folder: Path, tmp_path: Path) -> None:
    (folder / "vignettes" / "care.toml").unlink()
    result = prove(folder, "--mutants")
    assert result.exit_code == 1
    assert "rule walk, negation: not pain" in result.output
    made = tmp_path / "made"
    result = prove(folder, "--write-patients", made)
    assert result.exit_code == 0, result.output
    for path in (made / "vignettes").glob("*.toml"):
        (folder / "vignettes" / path.name).write_bytes(path.read_bytes())
    result = prove(folder, "--mutants")
    assert result.exit_code == 0, result.output
    assert "0 are not" in result.output
