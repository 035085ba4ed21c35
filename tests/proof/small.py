"""Small knowledge bases to prove: facts by name and type, rules and hazards by a condition and what they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from cds.releases import PreparedRelease
from knowledge.facts import Code, Derivation, Fact, FactType
from knowledge.files import base_of
from knowledge.items import Actor, Citation, ItemKind, KnowledgeBase, Mode, Override, Rule, RuleKind, Source, Urgency
from knowledge.language import parse
from knowledge.model.actions import Action
from knowledge.model.hazards import Hazard, Severity

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)
BOOK = Source("book", "A book. 2020.", "A book", 2020)
CITED = (Citation("book", "p1", "should"),)


def flag(key: str, *derived: tuple[Any, str], **more: Any) -> Fact:
    """A true/false fact, and what it is derived from."""
    given = tuple(Derivation(value, when, "book", "p1") for value, when in derived)
    return Fact(key, key, FactType.BOOLEAN, key, "small", absence=f"no {key}", derivations=given, **more)


def whole(key: str, low: int = 0, high: int = 10, **more: Any) -> Fact:
    return Fact(key, key, FactType.INTEGER, key, "small", minimum=low, maximum=high, **more)


def coded(key: str, *codes: str, **more: Any) -> Fact:
    return Fact(key, key, FactType.CODE, key, "small", codes=tuple(Code(one, one) for one in codes), **more)


def rule(key: str, condition: str, *does: Action, overrides: tuple[str | Action, ...] = (), **more: Any) -> Rule:
    """A rule by what it does when; an override is a key or an action."""
    what = {"mode": Mode.DO, "urgency": Urgency.ONGOING, "actors": (Actor.CLINICIAN,), "patient_may_see": False} | more
    return Rule(
        key=key,
        title=key.capitalize(),
        text=key,
        kind=RuleKind.ADVICE,
        topic="small",
        condition=parse(condition),
        citations=CITED,
        review_by=date(2030, 1, 1),
        actions=does,
        overrides=tuple(
            Override(None, "first", one) if isinstance(one, Action) else Override(one, "first") for one in overrides
        ),
        **what,
    )


def hazard(key: str, condition: str, *forbids: Action, answered_by: tuple[str, ...], **more: Any) -> Hazard:
    what = {"urgency": Urgency.NOW, "severity": Severity.CRITICAL} | more
    return Hazard(
        key=key,
        title=key.capitalize(),
        text=key,
        topic="small",
        condition=parse(condition),
        forbids=forbids,
        reason="dangerous",
        answered_by=answered_by,
        residual_risk="None.",
        citations=CITED,
        review_by=date(2030, 1, 1),
        **what,
    )


def base(*items: Fact | Rule | Hazard) -> KnowledgeBase:
    return base_of([*items, BOOK])


@contextmanager
def prepared(of: KnowledgeBase) -> Iterator[PreparedRelease]:
    """The base made ready to answer."""
    kinds = (
        (ItemKind.FACT, of.facts),
        (ItemKind.SOURCE, of.sources),
        (ItemKind.RULE, of.rules),
        (ItemKind.HAZARD, of.hazards),
    )
    release = PreparedRelease(0, "", of, {(kind, key): 1 for kind, items in kinds for key in items})
    try:
        yield release
    finally:
        release.close()
