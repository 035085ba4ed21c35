"""From what is known of a patient back to facts that an app could have posted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from graphlib import TopologicalSorter
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
    ages: dict[str, timedelta] = {}
    for key in _derived(facts):
        follows = _resolved(resolver, posted, ages, at).get(key)
        if follows == known.get(key):
            continue
        if key not in known:
            # Not known though it follows: somebody said otherwise, and nobody says which is worse.
            posted |= _otherwise(facts[key], follows)
            continue
        posted[key] = _written(known[key])
        if _resolved(resolver, posted, ages, at).get(key) != known[key]:
            for name in _rests_on(key, facts):
                older = ages.get(key, timedelta()) + facts[key].conflict_window + timedelta(hours=1)
                ages[name] = max(ages.get(name, timedelta()), older)
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


def _derived(facts: Mapping[str, Fact]) -> list[str]:
    """The facts that follow from others, each after those that it follows from."""
    graph = {key: sorted(needed_for(fact)) for key, fact in facts.items()}
    return [key for key in TopologicalSorter(graph).static_order() if key in facts and facts[key].derived]


def _otherwise(fact: Fact, value: object) -> Posted:
    """Another value of a fact, posted."""
    if isinstance(value, bool):
        return {fact.key: not value}
    return next(({fact.key: code.code} for code in fact.codes if code.code != value), {})


def _resolved(resolver: FactResolver, posted: Posted, ages: Mapping[str, timedelta], at: datetime) -> Facts:
    try:
        return resolver.resolve(dict(_aged(posted, ages, resolver.facts, at)), at).known
    except UnusableRequest:
        return {}


def _aged(
    posted: Posted, ages: Mapping[str, timedelta], facts: Mapping[str, Fact], at: datetime
) -> Iterator[tuple[str, Any]]:
    """Bare values, and those that are older than others as observations; a count of days was less by then."""
    for key, raw in posted.items():
        if key not in ages:
            yield key, raw
            continue
        then = at - ages[key]
        grown = (at.date() - then.date()).days if facts[key].days_since else 0
        yield key, {"value": max(0, raw - grown) if grown else raw, "observed_at": instant(then)}


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
    """A date from which there are as many days or years to the evaluation as are known to be."""
    for fact in facts:
        count = known.get(fact.key)
        if fact.counted_since == key and isinstance(count, int):
            return at.date() - timedelta(days=count) if fact.days_since else _years_before(at.date(), count)
    return min(value, at.date()) if isinstance(value, date) else value


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 3, 1)
