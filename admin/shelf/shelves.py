"""The four kinds of item as the desk shows them: their names, their addresses, and by what each is narrowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knowledge.facts import FactType
from knowledge.items import Actor, ItemKind, Mode, RuleKind
from knowledge.model.hazards import Severity


@dataclass(frozen=True, slots=True)
class Shelf:
    """One kind of item at the desk. `filters` have closed lists of words; topics and states come from what is there."""

    kind: ItemKind
    name: str
    menu: str
    one: str
    about: str
    endpoint: str
    url: str
    filters: Mapping[str, tuple[str, ...]]


PHASES = ("acute", "stable", "deteriorating", "terminal", "any")
"""The phases of the disease by which rules are found; `any` is for those that ask for none."""

SHELVES: Mapping[ItemKind, Shelf] = {
    ItemKind.RULE: Shelf(
        ItemKind.RULE,
        "Rules",
        "Rules",
        "rule",
        "The newest version of each. Open one to read what it says, to whom, when, and on what evidence.",
        "desk_rules",
        "/desk/rules",
        {"phase": PHASES, "kind": tuple(RuleKind), "mode": tuple(Mode), "actor": tuple(Actor)},
    ),
    ItemKind.HAZARD: Shelf(
        ItemKind.HAZARD,
        "Hazards",
        "Hazards",
        "hazard",
        "What can harm a patient: when it is present, what it forbids, and what must be said and done at once.",
        "desk_hazards",
        "/desk/hazards",
        {"severity": tuple(Severity)},
    ),
    ItemKind.FACT: Shelf(
        ItemKind.FACT,
        "Facts",
        "Facts",
        "fact",
        "What can be known of a patient: its type, unit, range and codes, and how it is said.",
        "desk_facts",
        "/desk/facts",
        {"type": tuple(FactType)},
    ),
    ItemKind.SOURCE: Shelf(
        ItemKind.SOURCE,
        "Sources",
        "Sources",
        "source",
        "The published documents that rules cite, and how each was checked.",
        "desk_sources",
        "/desk/sources",
        {},
    ),
    ItemKind.VIGNETTE: Shelf(
        ItemKind.VIGNETTE,
        "Example patients",
        "Examples",
        "example patient",
        "Patients made up, and what must come of the rules they speak for: nothing is published while one fails.",
        "desk_vignettes",
        "/desk/vignettes",
        {},
    ),
}


def shelf_of(kind: ItemKind | str) -> Shelf:
    """The shelf of a kind."""
    return SHELVES[ItemKind(kind)]
