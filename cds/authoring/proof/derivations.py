"""Where a fact follows from others, and as what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds.authoring.proof.encoder import Encoder
from cds.authoring.proof.formulas import FALSE, Formula, conjunction, count_at_least, disjunction, negation
from knowledge.conditions import Compare, Condition, Operator
from knowledge.facts import Fact, Value
from knowledge.language import parse
from knowledge.model.worse import is_worst, worst


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


@dataclass(frozen=True, slots=True)
class Concluded:
    """Where a fact follows, and as what; and where so much contradicts itself that it is not known.

    `certain` leaves out what follows only as long as something is not known: that never contradicts what was posted.
    """

    values: tuple[tuple[Value, Formula], ...]
    certain: tuple[tuple[Value, Formula], ...]
    contradictory: Formula


def concluded(fact: Fact, facts: Mapping[str, Fact], encoder: Encoder) -> Concluded:
    """What cds.decisions.intake.derivation concludes, as formulas.

    What only follows as long as something is not known counts where nothing follows for certain, and if no value could
    be worse. Of several values the worst counts; where nobody says which it is, the fact is not known.
    """
    certain: dict[Value, list[Formula]] = {}
    assumed: dict[Value, list[Formula]] = {}
    for given in given_derivations(fact, facts):
        met = encoder.outcome(given.condition).met
        rests_on_unknown = encoder.unknown_decides(given.condition, True)
        certain.setdefault(given.value, []).append(conjunction((met, negation(rests_on_unknown))))
        if is_worst(fact, given.value):
            assumed.setdefault(given.value, []).append(conjunction((met, rests_on_unknown)))
    nothing_certain = negation(disjunction(one for some in certain.values() for one in some))
    counting = {
        value: disjunction([*some, conjunction((nothing_certain, disjunction(assumed.get(value, ()))))])
        for value, some in certain.items()
    }
    return Concluded(
        _the_worst(fact, counting),
        _the_worst(fact, {value: disjunction(some) for value, some in certain.items()}),
        FALSE if fact.worse else count_at_least(2, list(counting.values())),
    )


def _the_worst(fact: Fact, counting: Mapping[Value, Formula]) -> tuple[tuple[Value, Formula], ...]:
    """Where each value counts, with no worse one beside it."""
    return tuple(
        (value, conjunction([one, *(negation(counting[other]) for other in _prevailing(fact, value, counting))]))
        for value, one in counting.items()
    )


def _prevailing(fact: Fact, value: Value, others: Iterable[Value]) -> list[Value]:
    """The values beside which a value does not count: the worse ones, or all others where nobody says which is so."""
    return [other for other in others if other != value and worst(fact, [value, other]) != value]
