"""One version of an item as a document: what it says, what it rests on, and what rests on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from admin.shelf.shelves import Shelf, shelf_of
from cds.changes.candidate import Candidate, candidate, readable, standing
from cds.changes.gate import companions
from cds.changes.trial import tried
from cds.rehearsing import Failure, play
from cds.service import service_of
from cds.serving import NoRelease
from knowledge.conditions import Condition
from knowledge.items import Citation, HazardState, ItemKind, KnowledgeBase, Rule, Source, State, Vignette
from knowledge.model.hazards import Hazard
from knowledge.model.overrides import withheld_by, withheld_rules
from knowledge.models import Version, VersionState
from knowledge.references import users
from knowledge.schemas import Item
from knowledge.wording import in_words


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another item that this one names, or that names it; `reason` says why, where one is given."""

    kind: ItemKind
    key: str
    title: str
    reason: str = ""

    @property
    def shelf(self) -> Shelf:
        return shelf_of(self.kind)


@dataclass(frozen=True, slots=True)
class Played:
    """A vignette that speaks for a rule or hazard: what it expects of it, and in what it fails; None if not played.

    `titles` name the rules and hazards in which it fails.
    """

    vignette: Vignette
    expected: State | HazardState | None
    failures: tuple[Failure, ...] | None
    titles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The items among which a version is read: those in force, with it and what belongs to it put in."""

    candidate: Candidate
    base: KnowledgeBase

    def title(self, kind: ItemKind, key: str) -> str:
        item = self.candidate.items.get((kind, key))
        return name_of(item) if item is not None else key

    def neighbours(self, named: Iterable[tuple[ItemKind, str]]) -> list[Neighbour]:
        return [Neighbour(kind, key, self.title(kind, key)) for kind, key in named]

    def said(self, condition: Condition | None) -> str | None:
        """A condition in words; None when a fact that it names is not there."""
        if condition is None:
            return None
        try:
            return in_words(condition, self.base.facts)
        except KeyError:
            return None


def name_of(item: Item) -> str:
    """What an item is called."""
    return getattr(item, "title", None) or getattr(item, "label", None) or item.key


def surroundings(session: Session, version: Version) -> Surroundings:
    """Among what a version is read."""
    among = standing(session)
    if among.numbers.get((version.kind, version.key)) != version.number:
        together = [version, *(companions(session, version) if version.state is VersionState.DRAFT else ())]
        among = candidate(session, [one for one in together if readable(one)])
    return Surroundings(among, among.base)


def evidence(rule: Rule | Hazard, base: KnowledgeBase) -> list[tuple[Citation, Source | None]]:
    """What a rule or hazard cites, and the source of each citation where it is known."""
    return [(one, base.sources.get(one.source)) for one in rule.citations]


def withholding(rule: Rule, base: KnowledgeBase) -> list[Neighbour]:
    """The hazards and rules that withhold this one, and why."""
    items = {ItemKind.HAZARD: base.hazards, ItemKind.RULE: base.rules}
    return [Neighbour(kind, key, items[kind][key].title, reason) for kind, key, reason in withheld_by(rule, base)]


def withheld_rules_of(item: Rule | Hazard, base: KnowledgeBase) -> list[Neighbour]:
    """The rules that a hazard withholds while it is present, or a rule while it is recommended, by title."""
    match item:
        case Hazard():
            found = {
                one.key: item.reason for one in base.rules.values() if not one.is_statement and item.forbids_rule(one)
            }
        case Rule():
            found = withheld_rules(item, base.rules)
    named = [(base.rules[key].title, key, why) for key, why in found.items() if key in base.rules]
    return [Neighbour(ItemKind.RULE, key, title, why) for title, key, why in sorted(named)]


def used_by(around: Surroundings, kind: ItemKind, key: str) -> Mapping[ItemKind, list[Neighbour]]:
    """The items that name this one, by kind."""
    found = around.neighbours(users(around.candidate.items, (kind, key)))
    return {kind: [one for one in found if one.kind is kind] for kind in ItemKind if any(f.kind is kind for f in found)}


def played(session: Session, version: Version, around: Surroundings) -> list[Played]:
    """The vignettes that speak for an item, or the vignette itself, played among what the version is read in."""
    vignettes = [one for one in around.base.vignettes.values() if _speaks(one, version)]
    if not vignettes:
        return []
    results = _results(session, version, around, vignettes)
    return [as_played(one, version.kind, version.key, results, around.base) for one in vignettes]


def as_played(
    vignette: Vignette,
    kind: ItemKind,
    key: str,
    failures: Mapping[str, tuple[Failure, ...]] | None,
    base: KnowledgeBase,
) -> Played:
    """A vignette beside a rule or a hazard, by the failures of all that were played."""
    own = None if failures is None else failures.get(vignette.key, ())
    named = {ItemKind.RULE: base.rules, ItemKind.HAZARD: base.hazards}
    titles = {one.key: named[one.kind][one.key].title for one in own or () if one.key and one.key in named[one.kind]}
    return Played(vignette, _expected(vignette, kind, key), own, titles)


def _results(
    session: Session, version: Version, around: Surroundings, vignettes: Iterable[Vignette]
) -> Mapping[str, tuple[Failure, ...]] | None:
    if not around.candidate.changed:
        try:
            release = service_of().serving.current(session).release
        except NoRelease:
            return None
        return {one.key: tuple(play(release, one)) for one in vignettes}
    return tried(standing(session), around.candidate).failures


def _speaks(vignette: Vignette, version: Version) -> bool:
    match version.kind:
        case ItemKind.VIGNETTE:
            return vignette.key == version.key
        case ItemKind.RULE | ItemKind.HAZARD:
            return _expected(vignette, version.kind, version.key) is not None
        case _:
            return False


def _expected(vignette: Vignette, kind: ItemKind, key: str) -> State | HazardState | None:
    match kind:
        case ItemKind.RULE:
            return next((state for state, keys in vignette.expect.items() if key in keys), None)
        case ItemKind.HAZARD:
            return next((state for state, keys in vignette.hazards.items() if key in keys), None)
        case _:
            return None
