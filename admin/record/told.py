"""A decision set out as an auditor reads it: what was posted and counts as what, and what became of each rule."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from admin.behind import Together, imported_together
from cds.releases import PreparedRelease
from cds.replay.accounts import RuleAccount
from cds.replay.replaying import Replay
from knowledge.errors import ConditionError
from knowledge.items import State, Urgency
from knowledge.language import parse
from knowledge.model.worse import said
from knowledge.wording import in_words


@dataclass(frozen=True, slots=True)
class PostedFact:
    """One fact as it was posted, and what it counts as; `used` says whether a value of it is known."""

    name: str
    label: str
    posted: tuple[str, ...]
    counts_as: str
    used: bool


@dataclass(frozen=True, slots=True)
class DerivedFact:
    """One fact that was not posted but follows: its value, since when or from what, and on whose authority."""

    said: str
    since: str
    source: str | None
    locator: str | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a decision by what became of them; `unasked` are recommended to others than it was asked for."""

    recommended: Mapping[str, Sequence[RuleAccount]]
    unasked: Sequence[RuleAccount]
    withheld: Sequence[RuleAccount]
    undetermined: Sequence[RuleAccount]
    not_met: Sequence[RuleAccount]
    references: Mapping[str, Mapping[str, Any]]

    @property
    def together(self) -> Together | None:
        """What stands behind most of what is recommended."""
        return imported_together([one.part for some in self.recommended.values() for one in some])

    @property
    def count(self) -> int:
        return sum(map(len, self.recommended.values()))

    @property
    def numbers(self) -> Mapping[str, int]:
        """The number of each source among the references."""
        return {source: number for number, source in enumerate(self.references, start=1)}


def posted_facts(made: Replay) -> list[PostedFact]:
    """What was posted, in its order; nothing where it cannot be taken in."""
    if made.answer is None or made.question is None or made.release is None:
        return []
    resolved, facts = made.answer.resolved, made.release.base.facts
    notices = {fact: one.detail for one in resolved.notices for fact in one.facts}
    found = []
    for name, raw in made.question.facts.items():
        used = name in resolved.known and name not in resolved.derived
        if used:
            counts_as = said(facts[name], resolved.known[name])
        else:
            counts_as = notices.get(name) or "Not known: no value was posted"
        found.append(PostedFact(name, facts[name].label, tuple(_observed(raw)), counts_as, used))
    return found


def derived_facts(made: Replay) -> list[DerivedFact]:
    """What follows from what was posted."""
    if made.answer is None or made.release is None:
        return []
    resolved, facts = made.answer.resolved, made.release.base.facts
    return [
        DerivedFact(said(facts[name], resolved.known[name]), _since(made.release, how.when), how.source, how.locator)
        for name, how in resolved.derived.items()
    ]


def rules_of(accounts: Iterable[RuleAccount], made: Replay) -> Rules:
    """The rules in the order of the answer, where there is one."""
    by_state: dict[State | None, list[RuleAccount]] = {}
    for one in accounts:
        by_state.setdefault(one.shown, []).append(one)
    recommended = {one.rule.key: one for one in by_state.get(State.RECOMMENDED, ())}
    answer = json.loads(made.answer.response) if made.answer else None
    order = [one["rule"] for one in answer["recommendations"]] if answer else list(recommended)
    in_order = [recommended[key] for key in order]
    by_urgency = {
        urgency.value: some for urgency in Urgency if (some := [one for one in in_order if one.rule.urgency == urgency])
    }
    return Rules(
        by_urgency,
        [one for key, one in recommended.items() if key not in set(order)],
        *(by_state.get(state, ()) for state in (State.WITHHELD, State.UNDETERMINED, State.NOT_MET)),
        references={cited["source"]: cited for some in by_urgency.values() for one in some for cited in _cited(one)},
    )


def _cited(one: RuleAccount) -> Iterable[Mapping[str, Any]]:
    """The evidence of a rule, and of what its findings follow from."""
    yield from one.citations
    for finding in one.because:
        if "citation" in finding.get("derived", {}):
            yield finding["derived"]["citation"]


def _observed(raw: Any) -> Iterable[str]:
    """Each observation of a fact in a line."""
    for one in raw if isinstance(raw, list) and raw and isinstance(raw[0], dict) else [raw]:
        if not isinstance(one, dict):
            yield json.dumps(one, ensure_ascii=False)
            continue
        when = f" at {one['observed_at']}" if one.get("observed_at") else ""
        by = f" by {one['source']}" if one.get("source") else ""
        yield f"{json.dumps(one.get('value'), ensure_ascii=False)}{when}{by}"


def _since(release: PreparedRelease, when: str) -> str:
    """From what a fact follows, in words; `days since …` is no condition and is said as it stands."""
    try:
        return in_words(parse(when, release.base.facts), release.base.facts)
    except ConditionError:
        return when
