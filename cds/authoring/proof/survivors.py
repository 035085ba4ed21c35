"""Which slips in rules and hazards no test patient notices, and which of them nobody could."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from cds.authoring.proof.encoded_base import EncodedBase, variables_of
from cds.authoring.proof.formulas import Formula, Search, in_turn, negation
from cds.authoring.proof.mutants import Mutant, Slip, mutants
from cds.authoring.proof.prover import SECONDS_EACH
from cds.authoring.proof.rule_findings import differing
from cds.decisions.intake.resolver import FactResolver
from cds.requests import UnusableRequest
from knowledge.conditions import Condition
from knowledge.facts import Facts
from knowledge.items import ItemKind, KnowledgeBase
from knowledge.language import parse
from knowledge.reasoning import reading
from knowledge.references import Name


@dataclass(frozen=True, slots=True)
class Survivor:
    """A slip in the condition of a rule or hazard that no test patient notices."""

    name: Name
    original: Condition
    mutant: Mutant

    def killed_by(self, known: Facts) -> bool:
        """Whether something else becomes of the rule or hazard by it, for a patient of whom this is known."""
        return reading(self.original, known) is not reading(self.mutant.condition, known)


@dataclass(frozen=True, slots=True)
class MutationRun:
    """How many slips there are of each kind, which of them no test patient notices, and which nobody could."""

    tried: Mapping[Slip, int]
    survivors: tuple[Survivor, ...]
    equivalent: tuple[Survivor, ...]

    @property
    def killed(self) -> int:
        return sum(self.tried.values()) - len(self.survivors) - len(self.equivalent)


@in_turn
def mutation_run(base: KnowledgeBase) -> MutationRun:
    """Try every slip on the test patients of a base. Raises TimedOut, CannotBeHeld."""
    patients = expecting(base)
    tried: Counter[Slip] = Counter()
    alive: list[Survivor] = []
    slips: dict[Condition, list[Mutant]] = {}
    for name, condition in conditions_by_name(base).items():
        if condition not in slips:
            slips[condition] = mutants(condition, base.facts)
        known = patients.get(name, [])
        before = [reading(condition, one) for one in known]
        for mutant in slips[condition]:
            tried[mutant.slip] += 1
            if all(reading(mutant.condition, one) is was for one, was in zip(known, before, strict=True)):
                alive.append(Survivor(name, condition, mutant))
    equivalent = _equivalent(base, alive)
    return MutationRun(
        tried,
        tuple(one for one in alive if one.mutant.condition not in equivalent[one.original]),
        tuple(one for one in alive if one.mutant.condition in equivalent[one.original]),
    )


def conditions_by_name(base: KnowledgeBase) -> dict[Name, Condition]:
    """The condition of every rule and hazard."""
    found: dict[Name, Condition] = {}
    for kind, items in ((ItemKind.RULE, base.rules), (ItemKind.HAZARD, base.hazards)):
        for key, item in items.items():
            if item.condition is not None:
                found[kind, key] = item.condition
    return found


def expecting(base: KnowledgeBase) -> dict[Name, list[Facts]]:
    """What is known of the test patients that expect something of each rule and hazard."""
    resolver = FactResolver(base.facts)
    population = [parse(fact.population, base.facts) for fact in base.facts.values() if fact.population]
    found: defaultdict[Name, list[Facts]] = defaultdict(list)
    for vignette in base.vignettes.values():
        try:
            resolved = resolver.resolve(vignette.facts, vignette.evaluated_at)
        except UnusableRequest:
            continue
        if resolved.limited:
            # What becomes of the rules then depends on more than one patient.
            continue
        [known] = resolved.variants
        if any(reading(condition, known) is False for condition in population):
            continue
        for kind, expected in ((ItemKind.RULE, vignette.expect), (ItemKind.HAZARD, vignette.hazards)):
            for key in (key for keys in expected.values() for key in keys):
                found[kind, key].append(known)
    return dict(found)


class MutantSearch:
    """Looks for patients who tell slips from the originals; plausible ones, or any that can be posted."""

    def __init__(self, base: KnowledgeBase, survivors: Iterable[Survivor]) -> None:
        self.base = base
        self.encoded = EncodedBase(base, variables_of([base], [one.mutant.condition for one in survivors]))
        self.plausible = Search([self.encoded.possible, self.encoded.plausible], seconds=SECONDS_EACH)
        self.possible = Search([self.encoded.possible], seconds=SECONDS_EACH)
        self._differences: dict[tuple[Condition, Condition], Formula] = {}

    def difference(self, survivor: Survivor) -> Formula:
        """Where the slip changes what a condition comes to."""
        pair = (survivor.original, survivor.mutant.condition)
        if pair not in self._differences:
            outcome = self.encoded.encoder.outcome
            self._differences[pair] = differing(outcome(pair[0]), outcome(pair[1]))
        return self._differences[pair]

    def unknown_beside(self, near: Set[str]) -> list[Formula]:
        """That of all but some facts nothing is known."""
        return [negation(fact.known) for key, fact in self.encoded.encoder.facts.items() if key not in near]


def _equivalent(base: KnowledgeBase, alive: list[Survivor]) -> Mapping[Condition, set[Condition]]:
    """By the original the mutants that no patient tells from it."""
    search = MutantSearch(base, alive)
    found: defaultdict[Condition, set[Condition]] = defaultdict(set)
    for original, mutant in {(one.original, one.mutant.condition): one for one in alive}.items():
        where = search.difference(mutant)
        if search.plausible.find(where) is None and search.possible.find(where) is None:
            found[original[0]].add(original[1])
    return found
