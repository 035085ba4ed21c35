"""The view of each kind of item: reading, writing and reviewing in one place, so that all have the same life."""

from __future__ import annotations

from admin.shelf.editing import Editing
from admin.shelf.items import Items
from admin.shelf.reviewing import Reviewing
from knowledge.items import ItemKind


class ShelfView(Items, Editing, Reviewing):
    """All of one kind."""


def shelf_views() -> list[ShelfView]:
    """The views of rules, facts, sources and example patients."""
    return [ShelfView(kind) for kind in (ItemKind.RULE, ItemKind.VIGNETTE, ItemKind.FACT, ItemKind.SOURCE)]
