"""A set of patients as a few regions in words: each as wide as it can be, and together all of the set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum, auto

from cds.authoring.proof.encoder import EncodedFact, Encoder
from cds.authoring.proof.formulas import (
    Formula,
    Model,
    Search,
    conjunction,
    equivalence,
    implication,
    negation,
    variable,
)
from knowledge.conditions import (
    Always,
    Among,
    Between,
    Compare,
    Condition,
    Includes,
    Known,
    Not,
    Operator,
    all_of,
    any_of,
)
from knowledge.facts import Fact, Facts, FactType
from knowledge.wording import in_words

MOST_REGIONS = 24
"""Of one set; what has more is told to be cut short."""


@dataclass(frozen=True, slots=True)
class Cube:
    """A region: what is known of its patients, and what is not known to be so; in formulas, and of one of them."""

    known: tuple[Condition, ...]
    not_known: tuple[Condition, ...]
    formula: Formula
    patient: Facts

    @property
    def condition(self) -> Condition:
        """The region as one condition."""
        parts = [*self.known, *(_not_known_to_be(one) for one in self.not_known)]
        return all_of(*parts) if parts else Always()

    def in_words(self, facts: Mapping[str, Fact]) -> str:
        """The region as part of a sentence."""
        said = [in_words(all_of(*self.known), facts)] if self.known else []
        said += [f"{in_words(one.part, facts)} or not known" for one in self.not_known if isinstance(one, Not)]
        opposites = [in_words(one, facts) for one in self.not_known if not isinstance(one, Not)]
        if opposites:
            said.append(f"{'none of these' if len(opposites) > 1 else 'not'} known: {'; '.join(opposites)}")
        return "; ".join(said) or "every patient"


@dataclass(frozen=True, slots=True)
class Cover:
    """Regions of a set; complete when the solver found nobody in the set outside them."""

    cubes: tuple[Cube, ...]
    complete: bool


class _Says(Enum):
    """What a literal says of its fact, or of one of its values."""

    KNOWN = auto()
    UNKNOWN = auto()
    IS = auto()
    IS_IF_KNOWN = auto()
    IS_NOT = auto()


@dataclass(frozen=True, slots=True)
class _Literal:
    """Something that is so of one fact in a region; `place` is that of a value among the fact's."""

    fact: str
    says: _Says
    formula: Formula
    place: int = 0


def cover(wanted: Formula, facts: Iterable[str], encoder: Encoder, always: Iterable[Formula], seconds: float) -> Cover:
    """Regions over some facts that together are all of a set, one found after the other. Raises TimedOut.

    What is wanted must be decided by the facts, and `always` hold what `if_known` says.
    """
    names, always = list(facts), list(always)
    inside = Search([*always, wanted], seconds=seconds)
    outside = Search([*always, negation(wanted)], seconds=seconds)
    found: list[Cube] = []
    while len(found) < MOST_REGIONS:
        model = inside.check()
        if model is None:
            return Cover(tuple(found), complete=True)
        literals = _widest([one for key in names for one in _literals(key, encoder.facts[key], model)], outside)
        formula = conjunction(one.formula for one in literals)
        found.append(_cube(literals, formula, encoder, model))
        inside.add(negation(formula))
    return Cover(tuple(found), complete=inside.check() is None)


def _if_known(key: str, place: int) -> Formula:
    return variable(f"{key}~{place}")


def if_known(encoder: Encoder) -> Iterator[Formula]:
    """For each value of each fact a variable that says: if the fact is known, it has it."""
    for key, fact in encoder.facts.items():
        for place, value in enumerate(fact.values):
            yield equivalence(_if_known(key, place), implication(fact.known, value))


def _literals(key: str, fact: EncodedFact, model: Model) -> list[_Literal]:
    """All that is so of a fact in a model, in parts that can be left out singly: the narrowest first."""
    is_known = model[fact.known]
    first = _Literal(key, _Says.KNOWN, fact.known) if is_known else _Literal(key, _Says.UNKNOWN, negation(fact.known))
    places = list(enumerate(fact.values))
    held = [(place, value) for place, value in places if model[value]]
    found = [first]
    if fact.variable.fact.type is not FactType.CODE:
        # Of codes only which it is not: what is left out then widens the region to further codes.
        found += [_Literal(key, _Says.IS, value, place) for place, value in reversed(held)]
        may = held if is_known else places
        found += [_Literal(key, _Says.IS_IF_KNOWN, _if_known(key, place), place) for place, _ in reversed(may)]
    return found + [_Literal(key, _Says.IS_NOT, negation(value), place) for place, value in places if not model[value]]


def _widest(literals: list[_Literal], outside: Search) -> list[_Literal]:
    """As few of the literals as still leave nobody outside."""
    kept = literals
    for one in literals:
        fewer = [other for other in kept if other is not one]
        if outside.check(*(other.formula for other in fewer)) is None:
            kept = fewer
    return kept


def _cube(literals: Sequence[_Literal], formula: Formula, encoder: Encoder, model: Model) -> Cube:
    by_fact: dict[str, list[_Literal]] = {}
    for one in literals:
        by_fact.setdefault(one.fact, []).append(one)
    known: list[Condition] = []
    not_known: list[Condition] = []
    for key, held in by_fact.items():
        said = list(_said(encoder.facts[key], held))
        if said == [Not(Known(key))] or any(one.says in (_Says.KNOWN, _Says.UNKNOWN, _Says.IS) for one in held):
            known += said or [Known(key)]
        else:
            not_known += [_opposite(one) for one in said]
    return Cube(tuple(known), tuple(not_known), formula, encoder.patient(model))


def _said(fact: EncodedFact, held: Sequence[_Literal]) -> Iterator[Condition]:
    """What literals of one fact say of its value, or that it is not known."""
    key = fact.variable.fact.key
    true = {one.place for one in held if one.says in (_Says.IS, _Says.IS_IF_KNOWN)}
    false = {one.place for one in held if one.says is _Says.IS_NOT}
    if any(one.says is _Says.UNKNOWN for one in held) or _without_value(fact, true, false):
        yield Not(Known(key))
        return
    match fact.variable.fact.type:
        case FactType.BOOLEAN:
            yield from (Compare(key, Operator.IS, True) for _ in true)
            yield from (Not(Compare(key, Operator.IS, True)) for _ in false)
        case FactType.CODE if false:
            codes = [str(code) for place, code in enumerate(fact.variable.values) if place not in false]
            yield Compare(key, Operator.IS, codes[0]) if len(codes) == 1 else Among(key, tuple(codes))
        case FactType.CODES:
            yield from (Includes(key, str(fact.variable.values[place])) for place in sorted(true))
            yield from (Not(Includes(key, str(fact.variable.values[place]))) for place in sorted(false))
        case FactType.INTEGER | FactType.DECIMAL | FactType.DATE:
            yield from _range(fact, max(true, default=None), min(false, default=None))
        case _:
            return


def _without_value(fact: EncodedFact, true: Set[int], false: Set[int]) -> bool:
    """Whether no value is left, so that the fact is not known."""
    if fact.variable.fact.type is FactType.CODE:
        return len(false) == len(fact.values)
    if fact.variable.ordered:
        return bool(true and false) and max(true) >= min(false)
    return not true.isdisjoint(false)


def _range(fact: EncodedFact, low: int | None, high: int | None) -> Iterator[Condition]:
    """From where one step begins up to where another does."""
    found = fact.variable
    key = found.fact.key
    if low is not None and high is not None and found.fact.type is not FactType.DECIMAL:
        first, last = found.starts[low].value, found.last[high]
        yield Compare(key, Operator.IS, first) if first == last else Between(key, first, last)  # type: ignore[arg-type]
        return
    if low is not None:
        start = found.starts[low]
        yield Compare(key, Operator.AT_LEAST if start.included else Operator.MORE, start.value)
    if high is not None:
        start = found.starts[high]
        yield Compare(key, Operator.LESS if start.included else Operator.AT_MOST, start.value)


_OPPOSITES = {
    Operator.LESS: Operator.AT_LEAST,
    Operator.AT_LEAST: Operator.LESS,
    Operator.MORE: Operator.AT_MOST,
    Operator.AT_MOST: Operator.MORE,
}


def _opposite(condition: Condition) -> Condition:
    match condition:
        case Not(part):
            return part
        case Compare(fact, operator, value) if operator in _OPPOSITES:
            return Compare(fact, _OPPOSITES[operator], value)
        case _:
            return Not(condition)


def _not_known_to_be(condition: Condition) -> Condition:
    """That a condition over one fact is not met, or that the fact is not known."""
    leaf = condition.part if isinstance(condition, Not) else condition
    match leaf:
        case Compare(fact) | Between(fact) | Among(fact) | Includes(fact) | Known(fact):
            return any_of(_opposite(condition), Not(Known(fact)))
        case _:
            return Not(condition)
