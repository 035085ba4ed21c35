"""How facts are resolved, as docs/intake.md tells it: slow and plain, for the intake to be held to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from knowledge.conditions import facts_of
from knowledge.facts import Fact, Value
from knowledge.language import parse
from knowledge.reasoning import findings, reading


class Seen(NamedTuple):
    value: Any
    at: datetime
    source: str | None = None
    retracts: bool = False


class Known(NamedTuple):
    value: Any
    at: datetime


UNKNOWN = Known(None, datetime.max.replace(tzinfo=UTC))


def resolve(facts: Mapping[str, Fact], posted: Mapping[str, Any], now: datetime) -> dict[str, Value]:
    """What is known: what gives way to what cannot both be is taken out, and what followed from it follows again."""
    taken_out: set[str] = set()
    while True:
        known = everything_known(facts, posted, now, taken_out)
        broken = {
            one.gives_way
            for fact in facts.values()
            for one in fact.invariants
            if one.gives_way and reading(parse(one.condition), known) is True
        }
        if broken <= taken_out:
            return known
        taken_out |= broken


def everything_known(
    facts: Mapping[str, Fact], posted: Mapping[str, Any], now: datetime, taken_out: Iterable[str]
) -> dict[str, Value]:
    found: dict[str, Known] = {}

    def visit(key: str) -> None:
        if key in found:
            return
        for derivation in facts[key].derivations:
            for name in facts_of(parse(derivation.when)):
                visit(name)
        found[key] = UNKNOWN
        if key not in taken_out:
            found[key] = what_counts(facts[key], posted.get(key), found, now)

    for key in facts:
        visit(key)
    return {key: known.value for key, known in found.items() if known.value is not None}


def what_counts(fact: Fact, raw: Any, found: Mapping[str, Known], now: datetime) -> Known:
    stated, disputed = what_is_stated(fact, raw, now)
    if disputed:
        return UNKNOWN
    follows, for_certain, contradictory = what_follows(fact, found, now)
    if contradictory:
        return UNKNOWN
    if stated.value is None:
        return follows
    if follows.value is None or not for_certain:
        return stated
    newest = max(stated.at, follows.at)
    if stated.value == follows.value:
        return Known(stated.value, newest)
    if abs(stated.at - follows.at) <= timedelta(hours=fact.conflict_hours):
        value = the_worse(fact, [stated.value, follows.value])
        return UNKNOWN if value is None else follows if value == follows.value else stated
    return stated if stated.at == newest else follows


def what_is_stated(fact: Fact, raw: Any, now: datetime) -> tuple[Known, bool]:
    """What the observations of a fact leave, and whether they disagree so that nobody knows."""
    seen = [observed(one, now) for one in (raw if isinstance(raw, list) else [raw])]
    seen = [
        one
        for one in seen
        if not any(other.retracts and other.source == one.source and other.at >= one.at for other in seen)
    ]
    seen = [one for one in seen if one.value is not None]
    if fact.asserted_by:
        seen = [one for one in seen if one.source is None or one.source in fact.asserted_by]
    seen = [one for one in seen if not any(other.source == one.source and other.at > one.at for other in seen)]
    if fact.valid_days is not None:
        seen = [one for one in seen if (now.date() - one.at.date()).days <= fact.valid_days]
    if not seen:
        return UNKNOWN, False
    newest = max(one.at for one in seen)
    values = [one.value for one in seen if newest - one.at <= timedelta(hours=fact.conflict_hours)]
    if all(value == values[0] for value in values):
        return Known(values[0], newest), False
    value = the_worse(fact, values)
    return Known(value, newest), value is None


def observed(raw: Any, now: datetime) -> Seen:
    if not isinstance(raw, dict):
        return Seen(raw, now)
    at = datetime.fromisoformat(raw["observed_at"]) if raw.get("observed_at") else now
    return Seen(raw.get("value"), at, raw.get("source"), raw.get("retracts", False))


def what_follows(fact: Fact, found: Mapping[str, Known], now: datetime) -> tuple[Known, bool, bool]:
    """What follows, whether for certain, and whether it contradicts itself so that nobody knows."""
    known = {key: one.value for key, one in found.items() if one.value is not None}
    certain: list[Known] = []
    so_far: list[Known] = []
    for derivation in fact.derivations:
        condition = parse(derivation.when)
        if reading(condition, known) is not True:
            continue
        decided = findings(condition, known)
        at = max((found[one.fact].at for one in decided if one.value is not None), default=now)
        rests_on_unknown = any(one.value is None for one in decided)
        (so_far if rests_on_unknown else certain).append(Known(fact.typed(derivation.value), at))
    counting = certain or [one for one in so_far if nothing_is_worse(fact, one.value)]
    values = [one.value for one in counting]
    if not values:
        return UNKNOWN, False, False
    value = values[0] if all(one == values[0] for one in values) else the_worse(fact, values)
    if value is None:
        return UNKNOWN, False, True
    return Known(value, max(one.at for one in counting if one.value == value)), bool(certain), False


def the_worse(fact: Fact, values: list[Any]) -> Any:
    match fact.worse:
        case None:
            return None
        case "high" | "true":
            return max(values)
        case "low" | "false":
            return min(values)
        case "more":
            return frozenset(code for value in values for code in value)
        case order:
            return next(code for code in reversed(order) if code in values)


def nothing_is_worse(fact: Fact, value: Any) -> bool:
    match fact.worse:
        case "true":
            return value is True
        case "false":
            return value is False
        case tuple() as order:
            return value == order[-1]
        case _:
            return False
