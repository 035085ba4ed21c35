"""The hazard file as a PDF to keep: A4, tagged for screen readers (PDF/UA-1), the same bytes for the same file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typst

from cds.audit.regulatory.hazard_file import HazardEntry, HazardFile
from cds.sheets.paper import printable_in_font, sheet_fonts, substitution_said
from knowledge.labels import day, label, moment

_HERE = Path(__file__).parent
MOST_RULES = 12
"""How many withheld rules are named for one hazard; the page at the desk lists all."""


def hazard_file_pdf(file: HazardFile) -> bytes:
    """The hazard file on paper."""
    content = {
        "title": f"Hazard file of release {file.release.number}",
        "digest": file.release.digest,
        "headline": file.headline,
        "complete": not any(entry.missing for entry in file.entries),
        "made": f"Made {moment(file.made_at)} by Phasewise, from its record. The terms are those of ISO 14971:2019.",
        "summary": [_summary(entry) for entry in file.entries],
        "hazards": [_hazard(entry) for entry in file.entries],
    }
    shown, replaced = printable_in_font(content)
    shown["substituted"] = substitution_said(replaced)
    return typst.compile(
        _HERE / "hazard_file.typ",
        root=_HERE,
        font_paths=sheet_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"file": json.dumps(shown)},
        pdf_standards=["ua-1"],
        timestamp=int(file.made_at.timestamp()),
    )


def _summary(entry: HazardEntry) -> dict[str, str]:
    proven = sum(claim.verdict == "proven" for claim in entry.claims)
    return {
        "hazard": entry.hazard.title,
        "severity": label(entry.hazard.severity),
        "controls": f"{len(entry.withheld)} rules withheld, {len(entry.answers)} answer",
        "verified": f"{proven} of {len(entry.claims)} claims proven",
        "missing": "; ".join(entry.missing) or "Nothing",
    }


def _hazard(entry: HazardEntry) -> dict[str, Any]:
    hazard, part = entry.hazard, entry.part
    withheld = [rule.title for rule in entry.withheld[:MOST_RULES]]
    further = len(entry.withheld) - len(withheld)
    patients = [
        f"{label(state)}: {'; '.join(one.title for one in shown)}" for state, shown in sorted(entry.shown_by.items())
    ]
    written = f"Written by {part.created_by}." if part.created_by else "Imported with the shipped content."
    approved = f"Approved by {part.approved_by}." if part.approved_by else "Not approved by a person."
    rows = [
        ("Hazardous situation", [f"Present when: {entry.situation}."]),
        ("Harm and severity", [f"{label(hazard.severity)}. {hazard.reason}"]),
        ("Said at once", [hazard.text]),
        ("Risk control: forbidden", [", ".join(label(action) for action in hazard.forbids) + "."]),
        ("Risk control: rules withheld", [*withheld, *([f"And {further} more."] if further > 0 else [])]),
        ("Risk control: answered by", [f"{rule.title} ({label(rule.urgency).lower()})" for rule in entry.answers]),
        ("Verification: proof", [f"{label(claim.verdict)}: {claim.sentence}" for claim in entry.claims]),
        ("Verification: test patients", patients),
        ("Residual risk", [hazard.residual_risk]),
        ("Findings accepted", [f"{one.sentence} {log.by}: {log.reason}" for one, log in entry.accepted]),
        ("Evidence", [f"{source.reference} {locator}" for source, locator in entry.citations]),
        ("Version", [f"{part.number}, {part.reason} {written} {approved} Review by {day(hazard.review_by)}."]),
    ]
    return {
        "title": hazard.title,
        "missing": list(entry.missing),
        "rows": [{"label": name, "said": said} for name, said in rows if said],
    }
