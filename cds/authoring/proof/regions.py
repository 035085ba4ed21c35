"""The exact region of a change: for whom each rule and hazard begins or ceases to apply, in plain words, complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cds.authoring.proof.cubes import Cover, Cube, cover, if_known
from cds.authoring.proof.encoded_base import EncodedBase, variables_of
from cds.authoring.proof.formulas import FALSE, Formula, Search, conjunction, disjunction, in_turn, negation
from cds.authoring.proof.posting import posted_facts
from cds.authoring.proof.prover import SECONDS_EACH, Prover
from cds.authoring.proof.results import Patient
from cds.authoring.proof.rule_findings import becomes
from cds.authoring.proof.variables import CannotBeHeld
from knowledge.checking import needed_for
from knowledge.conditions import Condition, facts_of
from knowledge.facts import Fact
from knowledge.items import ItemKind, KnowledgeBase
from knowledge.references import Name
from knowledge.wording import in_words


class Turn(StrEnum):
    """Which way something turns for a patient."""

    GAINS = "gains"
    LOSES = "loses"


@dataclass(frozen=True, slots=True)
class Region:
    """Patients for whom a rule or hazard begins or ceases to apply.

    `withheld` says that the rule is withheld from all of them all the same. The patient is in the region.
    """

    turn: Turn
    condition: Condition
    in_words: str
    withheld: bool
    patient: Patient | None


@dataclass(frozen=True, slots=True)
class WithholdingChange:
    """A rule or hazard that begins or ceases to withhold a rule, wherever both apply; in words where it applies."""

    withholder: Name
    rule: str
    begins: bool
    in_words: str


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One rule or hazard that does not apply to the same patients as before."""

    name: Name
    title: str
    regions: tuple[Region, ...]
    complete: bool
    """Whether the solver found nobody else; otherwise there are more regions than are given."""


@dataclass(frozen=True, slots=True)
class RegionOfChange:
    """Everything that a change turns for any patient.

    `proven` says that the solver found no patient of whom a rule is recommended otherwise than before and who is in
    none of the regions.
    """

    items: tuple[ItemChange, ...]
    withholding: tuple[WithholdingChange, ...]
    proven: bool


@in_turn
def region_of_change(before: KnowledgeBase, after: KnowledgeBase, at: datetime) -> RegionOfChange:
    """For whom the rules and hazards of two knowledge bases differ. Raises TimedOut, CannotBeHeld."""
    with Prover(after, at) as now:
        return _Comparison(before, after, now).run()


_Covers = Mapping[Name, Mapping[Turn, Cover]]


class _Comparison:
    def __init__(self, before: KnowledgeBase, after: KnowledgeBase, now: Prover) -> None:
        _check_types(before, after)
        variables = variables_of([before, after])
        self._facts: Mapping[str, Fact] = {key: one.fact for key, one in variables.items()}
        self._changed = _following_otherwise(before, after)
        self._before = EncodedBase(before, variables, apart=self._changed)
        self._after = EncodedBase(after, variables)
        self._now = now
        self._always = [
            *self._before.encoder.always,
            *self._after.encoder.always,
            *if_known(self._after.encoder),
            self._before.follows_exactly(self._changed),
            self._after.follows_exactly(self._changed),
            self._after.possible_anywhere,
            self._after.plausible,
        ]
        self._same_population = self._before.population == self._after.population
        if self._same_population:
            self._always.append(self._after.inside)
        self._search = Search(self._always, seconds=SECONDS_EACH)

    def run(self) -> RegionOfChange:
        covers = {name: found for name in self._names() if (found := self._covers(name))}
        withholding = tuple(self._withholding())
        return RegionOfChange(
            tuple(self._item(name, found) for name, found in covers.items()),
            withholding,
            proven=self._complete(covers, withholding),
        )

    def _names(self) -> list[Name]:
        bases = (self._before.base, self._after.base)
        rules = {(ItemKind.RULE, rule.key) for base in bases for rule in base.rules.values() if not rule.is_statement}
        return sorted(rules | {(ItemKind.HAZARD, key) for base in bases for key in base.hazards})

    def _covers(self, name: Name) -> dict[Turn, Cover]:
        was, is_ = self._met(self._before, name), self._met(self._after, name)
        found: dict[Turn, Cover] = {}
        for turn, wanted in (
            (Turn.GAINS, conjunction((is_, negation(was)))),
            (Turn.LOSES, conjunction((was, negation(is_)))),
        ):
            if self._search.find(wanted) is not None:
                found[turn] = cover(wanted, self._read(name), self._after.encoder, self._always, SECONDS_EACH)
        return found

    def _met(self, encoded: EncodedBase, name: Name) -> Formula:
        kind, key = name
        items = encoded.base.hazards if kind is ItemKind.HAZARD else encoded.base.rules
        if key not in items or items[key].condition is None:
            return FALSE
        return encoded.met(name) if self._same_population else conjunction((encoded.inside, encoded.met(name)))

    def _read(self, name: Name) -> list[str]:
        """The facts that decide an item before or after; what follows otherwise than before by what it follows from."""
        both = (self._before, self._after)
        waiting = [fact for encoded in both for fact in self._facts_read(encoded, name)]
        found: dict[str, None] = {}
        seen: set[str] = set()
        while waiting:
            key = waiting.pop(0)
            if key in seen:
                continue
            seen.add(key)
            if key in self._changed:
                for base in (self._before.base, self._after.base):
                    waiting += sorted(needed_for(base.facts[key])) if key in base.facts else []
            else:
                found[key] = None
        return list(found)

    def _facts_read(self, encoded: EncodedBase, name: Name) -> Iterator[str]:
        kind, key = name
        item = (encoded.base.hazards if kind is ItemKind.HAZARD else encoded.base.rules).get(key)
        if item is not None and item.condition is not None:
            yield from facts_of(item.condition)
        if not self._same_population:
            yield from (fact for condition in encoded.population for fact in facts_of(condition))

    def _item(self, name: Name, covers: Mapping[Turn, Cover]) -> ItemChange:
        kind, key = name
        bases = (self._after.base, self._before.base)
        title = next(
            items[key].title
            for base in bases
            for items in [base.hazards if kind is ItemKind.HAZARD else base.rules]
            if key in items
        )
        regions = tuple(self._region(name, turn, cube) for turn, found in covers.items() for cube in found.cubes)
        return ItemChange(name, title, regions, all(found.complete for found in covers.values()))

    def _region(self, name: Name, turn: Turn, cube: Cube) -> Region:
        encoded = self._after if turn is Turn.GAINS else self._before
        withheld = name[0] is ItemKind.RULE and self._search.find(cube.formula, encoded.recommended(name[1])) is None
        words = cube.in_words(self._facts)
        return Region(turn, cube.condition, words, withheld, self._patient(name, turn, cube))

    def _patient(self, name: Name, turn: Turn, cube: Cube) -> Patient | None:
        """A patient of the region, as the new content answers."""
        known = {key: value for key, value in cube.patient.items() if key in facts_of(cube.condition)}
        posted = posted_facts(known, self._now.release.resolver, self._now.at)
        kind, key = name
        items = self._after.base.hazards if kind is ItemKind.HAZARD else self._after.base.rules
        if key in items and turn is Turn.GAINS and not self._now.shown(posted, becomes(name, True)):
            return None
        return Patient(posted, self._now.at)

    def _withholding(self) -> Iterator[WithholdingChange]:
        """Who begins or ceases to withhold whom, where both of them ever apply together."""
        for encoded, other, begins in ((self._after, self._before, True), (self._before, self._after, False)):
            for rule in encoded.rules:
                if rule.key not in other.base.rules or other.base.rules[rule.key].is_statement:
                    continue
                had = {one.name for one in other.withholders(rule.key)}
                for one in encoded.withholders(rule.key):
                    met = conjunction((encoded.inside, encoded.met((ItemKind.RULE, rule.key)), one.active))
                    if one.name not in had and self._search.find(met) is not None:
                        said = in_words(encoded.condition(one.name), self._facts)
                        yield WithholdingChange(one.name, rule.key, begins, said)

    def _complete(self, covers: _Covers, withholding: tuple[WithholdingChange, ...]) -> bool:
        """Whether nobody is advised otherwise who is in no region."""
        elsewhere = [
            negation(cube.formula) for found in covers.values() for one in found.values() for cube in one.cubes
        ]
        for one in withholding:
            encoded = self._after if one.begins else self._before
            elsewhere.append(negation(self._met(encoded, one.withholder)))
        differs = []
        for kind, key in self._names():
            if kind is ItemKind.RULE:
                was, is_ = self._recommended(self._before, key), self._recommended(self._after, key)
                differs.append(disjunction((conjunction((was, negation(is_))), conjunction((is_, negation(was))))))
        return self._search.find(disjunction(differs), *elsewhere) is None

    def _recommended(self, encoded: EncodedBase, key: str) -> Formula:
        rule = encoded.base.rules.get(key)
        return FALSE if rule is None or rule.is_statement else conjunction((encoded.inside, encoded.recommended(key)))


def _following_otherwise(before: KnowledgeBase, after: KnowledgeBase) -> frozenset[str]:
    """The facts that do not follow from others as before, and those that follow from these."""
    common = before.facts.keys() & after.facts.keys()

    def follows(fact: Fact) -> object:
        derived = [(one.value, one.when) for one in fact.derivations]
        return derived, fact.counted_since, fact.worse if derived else None

    found = {key for key in common if follows(before.facts[key]) != follows(after.facts[key])}
    found |= {key for key in before.facts.keys() ^ after.facts.keys() if {**before.facts, **after.facts}[key].derived}
    while more := {
        key
        for base in (before, after)
        for key, fact in base.facts.items()
        if key not in found and found & needed_for(fact)
    }:
        found |= more
    return frozenset(found)


def _check_types(before: KnowledgeBase, after: KnowledgeBase) -> None:
    for key in before.facts.keys() & after.facts.keys():
        if before.facts[key].type is not after.facts[key].type:
            raise CannotBeHeld(
                f"{key} changes its type, so before and after cannot be compared: make a new fact of it."
            )
