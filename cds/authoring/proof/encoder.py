"""Conditions as pairs of formulas, met and not met, over what is known of a patient (Kleene's three values).

Whoever is encoded so may be any patient: a fact is known or not, and when known has any of the values that some
condition tells apart. Held to the reference evaluator by generated tests.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple, assert_never

from cds.authoring.proof.formulas import (
    FALSE,
    TRUE,
    Formula,
    Model,
    at_most_one,
    conjunction,
    count_at_least,
    disjunction,
    implication,
    negation,
    variable,
)
from cds.authoring.proof.rewriting import parts_of
from cds.authoring.proof.variables import Variable
from knowledge.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    AtLeast,
    Between,
    Compare,
    Condition,
    Includes,
    Known,
    Leaf,
    Not,
)
from knowledge.facts import FactType, Value


class Outcome(NamedTuple):
    """Where a condition is met, and where it is not met; elsewhere it is undetermined."""

    met: Formula
    not_met: Formula

    @property
    def undetermined(self) -> Formula:
        return negation(disjunction(self))


ALWAYS = Outcome(TRUE, FALSE)


@dataclass(frozen=True)
class EncodedFact:
    """A fact as true and false: whether it is known, and which of its values it has.

    The values of an order are steps: step n is true when the value is the one of position n + 1 or a larger one. Of
    codes there is one truth for each.
    """

    variable: Variable
    known: Formula
    values: tuple[Formula, ...]

    @cached_property
    def always(self) -> tuple[Formula, ...]:
        """What is so of any patient: one value when known, and none when not."""
        unknown_has_none = tuple(implication(value, self.known) for value in self.values)
        if self.variable.ordered:
            steps = tuple(implication(above, below) for below, above in zip(self.values, self.values[1:], strict=False))
            return unknown_has_none + steps
        if self.variable.fact.type is FactType.CODE:
            one = implication(self.known, disjunction(self.values))
            return (*unknown_has_none, one, at_most_one(self.values))
        return unknown_has_none

    def among(self, positions: Iterable[int]) -> Formula:
        """Where the fact is known and has a value of one of the positions."""
        places = sorted(positions)
        match self.variable.fact.type:
            case FactType.BOOLEAN:
                true, false = 1 in places, 0 in places
                if true and false:
                    return self.known
                [value] = self.values
                return value if true else conjunction((self.known, negation(value))) if false else FALSE
            case FactType.CODE | FactType.CODES:
                return disjunction(self.values[place] for place in places)
            case FactType.TEXT:
                return FALSE
            case FactType.INTEGER | FactType.DECIMAL | FactType.DATE:
                return disjunction(self._run(low, high) for low, high in _runs(places))
            case _:
                assert_never(self.variable.fact.type)

    def _run(self, low: int, high: int) -> Formula:
        above = self.values[low - 1] if low else self.known
        below = negation(self.values[high]) if high < len(self.values) else TRUE
        return conjunction((above, below))

    def is_(self, value: Value) -> Formula:
        """Where the fact is known to be a value."""
        if not isinstance(value, frozenset):
            return self.among([self.variable.position(value)])
        bits = [
            bit if code in value else negation(bit) for code, bit in zip(self.variable.values, self.values, strict=True)
        ]
        return conjunction([self.known, *bits])

    def value(self, model: Model) -> Value | None:
        """The value in a model, or None where the fact is not known."""
        if not model[self.known]:
            return None
        held = [model[one] for one in self.values]
        match self.variable.fact.type:
            case FactType.TEXT:
                return "recorded"
            case FactType.CODES:
                return frozenset(str(code) for code, is_in in zip(self.variable.values, held, strict=True) if is_in)
            case FactType.CODE:
                return self.variable.values[held.index(True)]
            case _:
                return self.variable.values[sum(held)]


def joined(condition: Not | AllOf | AnyOf | AtLeast, parts: Sequence[Outcome]) -> Outcome:
    """The outcome of a condition from the outcomes of its parts (Kleene 1952)."""
    met, not_met = [part.met for part in parts], [part.not_met for part in parts]
    match condition:
        case Not():
            return Outcome(not_met[0], met[0])
        case AllOf():
            return Outcome(conjunction(met), disjunction(not_met))
        case AnyOf():
            return Outcome(disjunction(met), conjunction(not_met))
        case AtLeast(count):
            return Outcome(count_at_least(count, met), count_at_least(len(parts) - count + 1, not_met))
        case _:
            assert_never(condition)


class Encoder:
    """Encodes conditions over one set of variables; each condition once."""

    def __init__(self, variables: Mapping[str, Variable], apart: Container[str] = ()) -> None:
        """`apart` are the facts that are not those of another encoder over the same variables."""
        self.facts = {key: _encoded(one, "'" if key in apart else "") for key, one in variables.items()}
        self._outcomes: dict[Condition, Outcome] = {}
        self._unknown_decides: dict[tuple[Condition, bool], Formula] = {}

    @property
    def always(self) -> Iterator[Formula]:
        """What is so of any patient."""
        return (formula for fact in self.facts.values() for formula in fact.always)

    def outcome(self, condition: Condition) -> Outcome:
        """Where the condition is met and where it is not met."""
        found = self._outcomes.get(condition)
        if found is None:
            found = self._outcomes[condition] = self._encode(condition)
        return found

    def unknown_decides(self, condition: Condition, result: bool) -> Formula:
        """Where, given that the condition comes to the result, some fact that is not known is among what decided it."""
        name = (condition, result)
        found = self._unknown_decides.get(name)
        if found is None:
            found = self._unknown_decides[name] = self._decided_by_unknown(condition, result)
        return found

    def patient(self, model: Model) -> dict[str, Value]:
        """What is known of the patient that a model describes."""
        found = ((key, fact.value(model)) for key, fact in self.facts.items())
        return {key: value for key, value in found if value is not None}

    def described(self, known: Mapping[str, Value], among: Iterable[str] | None = None) -> Formula:
        """What is true of patients of whom, of some facts or of all, just this is known."""
        return conjunction(self._is(key, known) for key in (self.facts if among is None else among))

    def _is(self, key: str, known: Mapping[str, Value]) -> Formula:
        fact = self.facts[key]
        if key not in known:
            return negation(fact.known)
        return fact.known if fact.variable.fact.type is FactType.TEXT else fact.is_(known[key])

    def _encode(self, condition: Condition) -> Outcome:
        match condition:
            case Always():
                return ALWAYS
            case Known(fact):
                known = self.facts[fact].known
                return Outcome(known, negation(known))
            case Compare() | Between() | Among() | Includes():
                return self._leaf(condition)
            case Not() | AllOf() | AnyOf() | AtLeast():
                return joined(condition, [self.outcome(part) for part in parts_of(condition)])
            case _:
                assert_never(condition)

    def _leaf(self, leaf: Leaf) -> Outcome:
        fact = self.facts[leaf.fact]
        met = fact.among(fact.variable.where(leaf))
        return Outcome(met, conjunction((fact.known, negation(met))))

    def _decided_by_unknown(self, condition: Condition, result: bool) -> Formula:
        match condition:
            case Known(fact) if not result:
                return negation(self.facts[fact].known)
            case Always() | Known() | Compare() | Between() | Among() | Includes():
                return FALSE
            case Not(part):
                return self.unknown_decides(part, not result)
            case AllOf(parts) | AnyOf(parts) | AtLeast(_, parts):
                # Which parts decided is what knowledge.reasoning.findings says: those that came to the same.
                return disjunction(
                    conjunction((self.outcome(part)[0 if result else 1], self.unknown_decides(part, result)))
                    for part in parts
                )
            case _:
                assert_never(condition)


def _encoded(found: Variable, suffix: str) -> EncodedFact:
    key = f"{found.fact.key}{suffix}"
    match found.fact.type:
        case FactType.BOOLEAN:
            names: Sequence[str] = [key]
        case FactType.TEXT:
            names = []
        case FactType.CODE | FactType.CODES:
            names = [f"{key}={code}" for code in found.values]
        case FactType.INTEGER | FactType.DECIMAL | FactType.DATE:
            names = [f"{key}>={place}" for place in range(1, len(found.values))]
    return EncodedFact(found, variable(f"{key}?"), tuple(variable(name) for name in names))


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and the last place of each unbroken run."""
    for _, numbered in groupby(enumerate(places), key=lambda pair: pair[1] - pair[0]):
        run = [place for _, place in numbered]
        yield run[0], run[-1]
