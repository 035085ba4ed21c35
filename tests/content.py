"""A few content files, as an author would write them, for tests of loading: two rules, one of them a draft."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "facts/symptoms.toml": """[[fact]]
key = "pain"
label = "Pain"
type = "boolean"
phrase = "pain"
topic = "symptoms"
absence = "no pain"
conflict_hours = 24
""",
    "sources.toml": """[[source]]
key = "book"
reference = "A book. 2020."
title = "A book"
year = 2020
verification = "read"
""",
    "rules/care.toml": """[[rule]]
key = "run"
title = "Run"
text = "Run a little."
kind = "advice"
mode = "offer"
topic = "care"
actors = ["clinician"]
urgency = "ongoing"
condition = "not pain"
review_by = 2027-06-30
patient_may_see = false
actions = ["exercise"]
draft = true

[[rule.citations]]
source = "book"
locator = "p2"
strength = "may"

[[rule]]
key = "walk"
title = "Walk"
text = "Walk a little."
kind = "advice"
mode = "do"
topic = "care"
actors = ["clinician"]
urgency = "ongoing"
condition = "pain"
review_by = 2027-06-30
patient_may_see = false
actions = ["exercise"]

[[rule.citations]]
source = "book"
locator = "p1"
strength = "should"
""",
    "vignettes/care.toml": """[[vignette]]
key = "in-pain"
title = "In pain"
topic = "care"
story = "She is in pain."
evaluated_at = 2026-01-31T09:00:00Z

[vignette.facts]
pain = true

[vignette.expect]
recommended = ["walk"]

[[vignette]]
key = "not-asked"
title = "Not asked"
topic = "care"
story = "Nobody has asked her for pain."
evaluated_at = 2026-01-31T09:00:00Z

[vignette.facts]

[vignette.expect]
undetermined = ["walk"]

[[vignette]]
key = "without-pain"
title = "Without pain"
topic = "care"
story = "She has no pain."
evaluated_at = 2026-01-31T09:00:00Z

[vignette.facts]
pain = false

[vignette.expect]
not_met = ["walk"]
""",
}


def written(folder: Path) -> Path:
    """The folder, with the files in it."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Put other words into a file."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def texts(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
