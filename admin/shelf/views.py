"""The view of each kind of item: reading, writing and reviewing in one place, so that all have the same life."""

from __future__ import annotations

from admin.shelf.editing import Editing
from admin.shelf.histories import Histories
from admin.shelf.items import Items
from admin.shelf.reviewing import Reviewing
from admin.shelf.sheets import RuleSheets
from knowledge.items import ItemKind


class ShelfView(Items, Editing, Reviewing, Histories):
    """All of one kind."""


class RulesView(ShelfView, RuleSheets):
    """Rules, which have sheets too."""


def shelf_views() -> list[ShelfView]:
    """The views of rules, example patients, facts and sources."""
    return [
        RulesView(ItemKind.RULE),
        *(ShelfView(one) for one in (ItemKind.HAZARD, ItemKind.VIGNETTE, ItemKind.FACT, ItemKind.SOURCE)),
    ]
