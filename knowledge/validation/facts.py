"""What is wrong with a fact by itself: which value is worse, what it is counted from, its unit, what cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from knowledge.conditions import facts_of
from knowledge.errors import ConditionError, ContentProblem
from knowledge.facts import Fact, FactType
from knowledge.items import ItemKind, KnowledgeBase
from knowledge.language import parse
from knowledge.model.units import UNITS
from knowledge.validation.parts import condition_problems, hint, unknown_source

_WORSE = {
    FactType.BOOLEAN: ("true", "false"),
    FactType.INTEGER: ("high", "low"),
    FactType.DECIMAL: ("high", "low"),
    FactType.DATE: ("high", "low"),
    FactType.CODES: ("more",),
    FactType.TEXT: (),
}


def worse_problem(fact: Fact) -> str | None:
    """Why what a fact says about the worse value cannot be, or None."""
    if fact.worse is None:
        return None
    if fact.type is FactType.CODE:
        codes = {code.code for code in fact.codes} - {"unknown"}
        if isinstance(fact.worse, tuple) and set(fact.worse) == codes and len(fact.worse) == len(codes):
            return None
        return "List every code but unknown once, from best to worst."
    if fact.worse in _WORSE[fact.type]:
        return None
    wanted = " or ".join(_WORSE[fact.type])
    return f"For this type it is {wanted}." if wanted else "No value of a text is worse than another: leave it out."


def single_fact_problems(fact: Fact, base: KnowledgeBase) -> Iterator[ContentProblem]:
    """What is wrong with the parts of a fact that say how its values are taken in."""

    def problem(field: str, detail: str) -> ContentProblem:
        return ContentProblem(ItemKind.FACT, fact.key, field, detail)

    if detail := worse_problem(fact):
        yield problem("worse", detail)
    for name, since in (("days_since", fact.days_since), ("years_since", fact.years_since)):
        if since is not None:
            date_fact = base.facts.get(since)
            if date_fact is None or date_fact.type is not FactType.DATE:
                yield problem(name, f"{since} is not a date fact.{'' if date_fact else hint(since, base.facts)}")
            if fact.type is not FactType.INTEGER:
                yield problem("type", f"A count of {name.partition('_')[0]} is an integer.")
    if fact.days_since and fact.years_since:
        yield problem("years_since", "Days and years cannot both be counted: keep one.")
    if fact.ucum is not None and fact.type not in (FactType.INTEGER, FactType.DECIMAL):
        yield problem("ucum", "Only a number has a unit.")
    elif fact.ucum is not None and fact.ucum not in UNITS:
        yield problem("ucum", f"The unit is one of {', '.join(sorted(UNITS))}.")
    for position, invariant in enumerate(fact.invariants):
        field = f"invariants.{position}"
        yield from condition_problems(ItemKind.FACT, fact.key, f"{field}.condition", invariant.condition, base.facts)
        yield from unknown_source(ItemKind.FACT, fact.key, f"{field}.source", invariant.source, base)
        if invariant.gives_way is not None and invariant.gives_way not in _read(invariant.condition):
            yield problem(f"{field}.gives_way", "Name a fact that the condition reads.")


def _read(condition: str) -> tuple[str, ...]:
    try:
        return facts_of(parse(condition))
    except ConditionError:
        return ()
