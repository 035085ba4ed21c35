"""Where a fact follows from others, and as what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds.authoring.proof.encoder import Encoder
from cds.authoring.proof.formulas import Formula, conjunction, disjunction, negation
from knowledge.conditions import Compare, Condition, Operator
from knowledge.facts import Fact, Value
from knowledge.language import parse


@dataclass(frozen=True, slots=True)
class Given:
    """A derivation as read: while the condition is met, the fact has the value."""

    fact: str
    value: Value
    condition: Condition

    @property
    def cuts(self) -> Iterator[Condition]:
        """What tells the value from others of its fact, where they have an order."""
        if not isinstance(self.value, bool | str | frozenset):
            yield Compare(self.fact, Operator.IS, self.value)


def given_derivations(fact: Fact, facts: Mapping[str, Fact]) -> Iterator[Given]:
    """The derivations of a fact."""
    for one in fact.derivations:
        value = fact.typed(one.value)
        if value is not None:
            yield Given(fact.key, value, parse(one.when, facts))


def derived_values(fact: Fact, facts: Mapping[str, Fact], encoder: Encoder) -> list[tuple[Value, Formula]]:
    """Each value that a fact can follow as, and where it does."""
    where: dict[Value, list[Formula]] = {}
    for given in given_derivations(fact, facts):
        where.setdefault(given.value, []).append(encoder.outcome(given.condition).met)
    met = {value: disjunction(parts) for value, parts in where.items()}
    return [
        (value, conjunction([one, *(negation(other) for against, other in met.items() if against != value)]))
        for value, one in met.items()
    ]
