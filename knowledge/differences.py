"""What differs between two versions of an item, field by field, in the order of its page and in plain words."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import partial
from typing import Any

from knowledge.canonical import canonical
from knowledge.fields import (
    ConditionText,
    FactsByKey,
    Field,
    Parts,
    Said,
    Table,
    as_written,
    condition_in_words,
    fields_of,
)
from knowledge.items import ItemKind
from knowledge.schemas import Content
from knowledge.segments import Segment, segments

Pair = tuple[str | None, str | None]
"""What stood before and what stands after; None where there was or is nothing."""


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, or one thing in a field that lists things, that is not as it was.

    `field` is its key in the written form, `name` the same in words. `as_written` says that the texts are no prose
    but a condition or a value as it is stored.
    """

    field: str
    name: str
    change: Change
    before: str | None
    after: str | None
    segments: tuple[Segment, ...]
    as_written: bool = False


def differences(kind: ItemKind, before: Content | None, after: Content, facts: FactsByKey) -> tuple[Difference, ...]:
    """Everything in which the written form `after` differs from `before`; without `before`, all of it is new.

    `facts` say conditions and posted values in words; what names a fact that is not among them is told as written.
    """
    fields = fields_of(kind)
    old, new = _filled(before or {}, fields), _filled(after, fields)
    order = [*fields, *sorted((old.keys() | new.keys()) - fields.keys())]
    return tuple(
        difference
        for key in order
        if not _alike(old.get(key), new.get(key))
        for difference in _told(key, fields.get(key, Field(key, as_written)), old.get(key), new.get(key), facts)
    )


def _told(key: str, field: Field, old: Any, new: Any, facts: FactsByKey) -> list[Difference]:
    """The differences in one field that is not as it was: at least one, whatever stands in it."""
    name = field.name
    try:
        match field.shape:
            case ConditionText():
                found = list(_in_condition(key, name, old, new, facts))
            case Parts():
                found = list(_in_parts(key, name, field.shape, old or (), new or (), facts))
            case Table():
                found = list(_in_table(key, name, field.shape, old or {}, new or {}, facts))
            case said:
                found = [_difference(key, name, _pair(old, new, said, facts), as_written=said is as_written)]
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        # A draft may hold anything: what is not of its shape is told as it is written.
        found = []
    return found or [_difference(key, name, _pair(old, new, as_written, facts), as_written=True)]


def _in_condition(key: str, name: str, old: Any, new: Any, facts: FactsByKey) -> Iterator[Difference]:
    before = condition_in_words(old, facts) if old else None
    after = condition_in_words(new, facts) if new else None
    if before != after and (not old or before) and (not new or after):
        yield _difference(key, name, (before, after))
    yield _difference(key, f"{name}, as text", _pair(old, new, as_written, facts), as_written=True)


def _in_parts(
    key: str, name: str, shape: Parts, old: Sequence[Any], new: Sequence[Any], facts: FactsByKey
) -> Iterator[Difference]:
    """The things that a list has no more, then those that it has, in its order; their numbers are their places."""
    partner = _partners(old, new, shape.sames)
    moved = _moved(partner)
    for place in sorted(set(range(len(old))) - set(partner.values())):
        yield _difference(key, f"{name} {place + 1}", (shape.said(old[place], facts), None))
    for place, thing in enumerate(new):
        numbered = f"{name} {place + 1}"
        if place not in partner:
            yield _difference(key, numbered, (None, shape.said(thing, facts)))
            continue
        was = partner[place]
        same = _alike(old[was], thing)
        if same and was not in moved:
            continue
        before, after = _pair(old[was], thing, shape.said, facts)
        if was in moved:
            before, after = f"{was + 1}. {before}", f"{place + 1}. {after}"
        yield _difference(key, numbered, (before, after), Change.MOVED if same else Change.CHANGED)


def _in_table(key: str, name: str, shape: Table, old: Any, new: Any, facts: FactsByKey) -> Iterator[Difference]:
    before, after = shape.rows(old), shape.rows(new)
    for row in sorted(before.keys() | after.keys()):
        if not _alike(before.get(row), after.get(row)):
            pair = _pair(before.get(row), after.get(row), partial(shape.said, row), facts)
            yield _difference(key, f"{name}: {shape.named(row, facts)}", pair)


def _difference(
    key: str, name: str, pair: Pair, change: Change | None = None, *, as_written: bool = False
) -> Difference:
    before, after = pair
    if change is None:
        change = Change.ADDED if before is None else Change.REMOVED if after is None else Change.CHANGED
    return Difference(key, name, change, before, after, segments(before, after), as_written)


def _pair(old: Any, new: Any, said: Said, facts: FactsByKey) -> Pair:
    """Both in words, or as they are stored when two that differ would be said in the same words."""
    pair = None if old is None else said(old, facts), None if new is None else said(new, facts)
    if pair[0] == pair[1] and not _alike(old, new):
        return json.dumps(old, ensure_ascii=False), json.dumps(new, ensure_ascii=False)
    return pair


def _partners(old: Sequence[Any], new: Sequence[Any], sames: Sequence[Callable[[Any], Hashable]]) -> dict[int, int]:
    """For a place in the new list the place of the same thing in the old one, where there is one."""
    partner: dict[int, int] = {}
    for same in sames:
        free: dict[Hashable, list[int]] = {}
        for place in sorted(set(range(len(old))) - set(partner.values())):
            free.setdefault(same(old[place]), []).append(place)
        for place, thing in enumerate(new):
            if place not in partner and (places := free.get(same(thing))):
                partner[place] = places.pop(0)
    return partner


def _moved(partner: Mapping[int, int]) -> set[int]:
    """The old places of things that left their order: what kept its number stayed, and as many others as can be."""
    kept = [was for place, was in partner.items() if was == place]
    ordered = [was for place, was in sorted(partner.items()) if all((was < one) == (place < one) for one in kept)]
    matcher = SequenceMatcher(None, sorted(ordered), ordered, autojunk=False)
    stayed = {place for block in matcher.get_matching_blocks() for place in ordered[block.b : block.b + block.size]}
    return set(partner.values()) - stayed


def _filled(content: Mapping[str, Any], fields: Mapping[str, Field]) -> Content:
    """Without what is empty: a field that holds nothing is no other than one that is not there, unless it says so."""
    speaking = {key for key, field in fields.items() if field.speaks_when_empty}
    return {
        key: value
        for key, value in content.items()
        if value not in (None, "", [], {}, ()) or (key in speaking and value == [])
    }


def _alike(old: Any, new: Any) -> bool:
    """Whether two values are stored as the same text: 1 and 1.0 are, 1 and true are not."""
    return canonical(old) == canonical(new)
