"""A sheet as a PDF to keep: A4, tagged for screen readers (PDF/UA-1), the same bytes for the same sheet.

Set by Typst with a font that comes along, so that no machine's own fonts decide what is seen.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import typst

from cds.sheets.statements import ABOUT_RULES, RuleLine, Sheet, as_json
from knowledge.labels import day, label, moment

_HERE = Path(__file__).parent
_FONTS = _HERE / "fonts"


def pdf(sheet: Sheet) -> bytes:
    """The sheet on paper.

    A character that the font does not have stands as its number in Unicode, [U+65E5], and the sheet says so at its
    head: nothing vanishes.
    """
    written = as_json(sheet)
    content = {
        **{name: written[name] for name in ("title", "standing", "digest", "headline", "sections")},
        "label": sheet.label,
        "running": "Phasewise" if sheet.title == sheet.label else sheet.title,
        "about_rules": ABOUT_RULES,
        "complete": not (sheet.attributes.missing or sheet.elsewhere),
        "made": f"Made {moment(sheet.made_at)} by Phasewise, from its record.",
        "rules": [_line(one) for one in sheet.rules],
    }
    shown, replaced = printable_in_font(content)
    shown["substituted"] = substitution_said(replaced)
    return typst.compile(
        _HERE / "sheet.typ",
        root=_HERE,
        font_paths=sheet_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"sheet": json.dumps(shown)},
        pdf_standards=["ua-1"],
        timestamp=int(sheet.made_at.timestamp()),
    )


def _line(one: RuleLine) -> dict[str, str]:
    return {
        "title": one.title,
        "version": f"{one.key}, version {one.number}",
        "uses": "; ".join(label(kind) for kind in one.uses) or "None of the nine",
        "review": f"{day(one.review_by)}{', overdue' if one.overdue else ''}",
        "lacks": "; ".join(one.missing) or "Nothing of its own",
    }


def printable_in_font(content: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """The content with a number for each character that the font lacks, and those characters."""
    replaced: set[str] = set()

    def number(found: re.Match[str]) -> str:
        replaced.add(found[0])
        return f"[U+{ord(found[0]):04X}]"

    def of(value: Any) -> Any:
        match value:
            case str():
                return _lacking().sub(number, value)
            case dict():
                return {name: of(part) for name, part in value.items()}
            case list() | tuple():
                return [of(part) for part in value]
            case _:
                return value

    return of(content), replaced


def substitution_said(replaced: set[str]) -> str:
    """What the head says of characters that stand as numbers."""
    if not replaced:
        return ""
    number = f"[U+{ord(min(replaced)):04X}]"
    shown = "the page at the desk shows the texts as they are."
    if len(replaced) == 1:
        return f"One character is not in the font of this paper and stands as its number in Unicode, {number}; {shown}"
    return (
        f"{len(replaced)} characters are not in the font of this paper and stand as their numbers in Unicode, "
        f"such as {number}; {shown}"
    )


@cache
def _lacking() -> re.Pattern[str]:
    """Finds each character that the font lacks; a line break needs none."""
    has = re.sub(
        r"[0-9A-F]+", lambda code: f"\\U{int(code[0], 16):08x}", (_FONTS / "characters.txt").read_text("ascii")
    )
    return re.compile(f"[^\\n{''.join(has.split())}]")


@cache
def sheet_fonts() -> typst.Fonts:
    """The font that comes along, and no other."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[_FONTS])
