"""Writes docs/conditions.md: `python -m tests.specification`."""

from __future__ import annotations

from tests.specification.document import PLACE, document

PLACE.write_text(document(), encoding="utf-8")
