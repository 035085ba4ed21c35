"""The view of each kind of item: reading, writing and reviewing in one place, so that all have the same life."""

from __future__ import annotations

from admin.shelf.boundaries import BoundaryPatients
from admin.shelf.editing import Editing
from admin.shelf.histories import Histories
from admin.shelf.items import Items
from admin.shelf.reviewing import Reviewing
from admin.shelf.sheets import RuleSheets
from knowledge.items import ItemKind


class ShelfView(Items, Editing, Reviewing, Histories):
    """All of one kind."""


class RulesView(ShelfView, RuleSheets, BoundaryPatients):
    """Rules, which have sheets and boundaries too."""


class HazardsView(ShelfView, BoundaryPatients):
    """Hazards, which have boundaries too."""


def shelf_views() -> list[ShelfView]:
    """The views of rules, example patients, facts and sources."""
    return [
        RulesView(ItemKind.RULE),
        HazardsView(ItemKind.HAZARD),
        *(ShelfView(one) for one in (ItemKind.VIGNETTE, ItemKind.FACT, ItemKind.SOURCE)),
    ]
