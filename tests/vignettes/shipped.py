"""The shipped content as tests see it: read once, made ready to answer, and asked for advice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from cds.deciding import Question, decide
from cds.releases import PreparedRelease
from knowledge.files import SHIPPED, Entry, base_of, read
from knowledge.items import Actor, ItemKind, KnowledgeBase, Rule, State

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


@cache
def entries() -> tuple[Entry, ...]:
    return tuple(read(SHIPPED))


@cache
def base(*, drafts: bool = False) -> KnowledgeBase:
    """What becomes release 1; with its drafts, what a later release could hold."""
    return base_of(entry.item for entry in entries() if drafts or not entry.draft)


def rules() -> list[Rule]:
    return list(base().rules.values())


def made_ready(content: KnowledgeBase) -> PreparedRelease:
    versions = {(entry.kind, entry.item.key): 1 for entry in entries()}
    return PreparedRelease(1, "sha256:of-the-files", content, versions)


def drafts(kind: ItemKind) -> set[str]:
    return {entry.item.key for entry in entries() if entry.draft and entry.kind is kind}


def observed(value: object, *, days_ago: float, by: str | None = None) -> dict[str, object]:
    """An observation as an app would post it."""
    at = (NOW - timedelta(days=days_ago)).isoformat().replace("+00:00", "Z")
    return {"value": value, "observed_at": at, **({"source": by} if by else {})}


@dataclass(frozen=True, slots=True)
class Advice:
    """An answer: `key in advice` says that the rule is recommended; a key that is no rule is an error."""

    answer: Mapping[str, Any]
    states: Mapping[str, State]

    def __contains__(self, key: str) -> bool:
        return self.states[key] is State.RECOMMENDED

    def all(self, state: State) -> set[str]:
        return {key for key, found in self.states.items() if found is state}

    @property
    def shown(self) -> list[str]:
        """The rules that the answer shows, in its order."""
        return [one["rule"] for one in self.answer["recommendations"]]

    @property
    def reasons(self) -> dict[str, str]:
        """Why each withheld rule is withheld."""
        return {one["rule"]: one["reason"] for one in self.answer["withheld"]}

    @property
    def missing(self) -> list[str]:
        """The facts that could still decide something, the most useful first."""
        return [one["fact"] for one in self.answer["missing_facts"]]

    @property
    def notices(self) -> dict[str, str]:
        return {one["code"]: one["detail"] for one in self.answer["notices"]}


class Ask(Protocol):
    """Facts in, advice out, as an app would ask; actors narrow the answer."""

    def __call__(self, *actors: Actor, **facts: Any) -> Advice: ...


def asking(release: PreparedRelease, *, approved: bool = False) -> Ask:
    def advice_for(*actors: Actor, **facts: Any) -> Advice:
        answer = decide(release, Question("a test", NOW, facts, actors), clinically_approved=approved)
        return Advice(json.loads(answer.response), answer.states)

    return advice_for
