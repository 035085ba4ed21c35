"""From what is known of a patient back to facts that an app could have posted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from cds.decisions.intake.resolver import FactResolver
from cds.requests import UnusableRequest
from cds.writing import instant, plain
from knowledge.checking import needed_for
from knowledge.facts import Fact, Facts, FactType, Value

Posted = dict[str, Any]


def posted_facts(known: Facts, resolver: FactResolver, at: datetime) -> Posted:
    """Facts that, posted at a moment, leave known what is known, as far as that can be.

    What follows from the rest is not posted. What contradicts it is posted as observed at the moment, and what it
    contradicts as observed before.
    """
    facts = resolver.facts
    posted = {key: _raw(known, key, facts, at) for key in known if key in facts and not facts[key].derived}
    ages: dict[str, int] = {}
    for key in (key for key in known if key in facts and facts[key].derived):
        if _resolved(resolver, posted, ages, at).get(key) == known[key]:
            continue
        posted[key] = _written(known[key])
        if _resolved(resolver, posted, ages, at).get(key) != known[key]:
            for name in _rests_on(key, facts):
                ages[name] = max(ages.get(name, 0), ages.get(key, 0) + 1)
    return dict(_aged(posted, ages, facts, at))


def smallest(posted: Mapping[str, Any], shows: Callable[[Mapping[str, Any]], bool]) -> Posted:
    """As few of the posted facts, and of the codes in them, as still show it."""
    kept = dict(posted)
    for name in posted:
        fewer = {key: raw for key, raw in kept.items() if key != name}
        if shows(fewer):
            kept = fewer
    for name, raw in list(kept.items()):
        for code in raw if isinstance(raw, list) else ():
            fewer = {**kept, name: [one for one in kept[name] if one != code]}
            if shows(fewer):
                kept = fewer
    return kept


def _resolved(resolver: FactResolver, posted: Posted, ages: Mapping[str, int], at: datetime) -> Facts:
    try:
        return resolver.resolve(dict(_aged(posted, ages, resolver.facts, at)), at).known
    except UnusableRequest:
        return {}


def _aged(
    posted: Mapping[str, Any], ages: Mapping[str, int], facts: Mapping[str, Fact], at: datetime
) -> Iterator[tuple[str, Any]]:
    """Bare values, and those that are older than others as observations."""
    for key, raw in posted.items():
        if age := ages.get(key, 0):
            before = at - age * (timedelta(hours=1) + max(facts[name].conflict_window for name in posted))
            yield key, {"value": raw, "observed_at": instant(before)}
        else:
            yield key, raw


def _rests_on(key: str, facts: Mapping[str, Fact]) -> set[str]:
    """The facts that a fact is derived from, directly or over others."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        needed = {name for name in needed_for(facts[waiting.pop()]) if name in facts} - found
        found |= needed
        waiting += needed
    return found


def _raw(known: Facts, key: str, facts: Mapping[str, Fact], at: datetime) -> Any:
    value = known[key]
    if facts[key].type is not FactType.DATE:
        return _written(value)
    return plain(_day_before(known, key, facts.values(), at, value))


def _written(value: Value) -> Any:
    """A value as people write it: 90, not 90.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else plain(value)


def _day_before(known: Facts, key: str, facts: Iterable[Fact], at: datetime, value: Value) -> Value:
    """A date from which there are as many days to the evaluation as are known to be."""
    for fact in facts:
        days = known.get(fact.key)
        if fact.days_since == key and isinstance(days, int):
            return at.date() - timedelta(days=days)
    return min(value, at.date()) if isinstance(value, date) else value
