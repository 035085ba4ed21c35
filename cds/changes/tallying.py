"""What changes for many patients, counted: the counts are complete, the single changes are kept up to a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cds.changes.comparing import Change, Effect, Side, Unanswered
from knowledge.items import State

PAGE = 50
"""How many single changes stand on a page."""

MOST_KEPT = 50
"""How many single changes of each effect are kept for a rule."""

SAID: Mapping[Effect, str] = {
    Effect.GAINED: "Gained",
    Effect.LOST: "Lost",
    Effect.LACKS: "Now lacks facts",
    Effect.WITHHELD: "Now withheld",
    Effect.FREED: "No longer withheld",
    Effect.SETTLED: "No longer open",
    Effect.WORDED: "Says it differently",
}
"""The effects as headings, in the order of reading."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change for one patient."""

    patient: str
    patient_title: str
    change: Change


@dataclass(frozen=True, slots=True)
class Refused:
    """A patient for whom there is no comparison, and why."""

    patient: str
    patient_title: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(slots=True)
class RuleChanges:
    """What changes in one rule: how many patients by effect, the facts that it now lacks, and single changes."""

    key: str
    title: str
    counts: Counter[str] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    entries: list[Entry] = field(default_factory=list)

    @property
    def kept(self) -> list[Entry]:
        """The single changes, the gravest first."""
        order = list(Effect)
        return sorted(self.entries, key=lambda entry: order.index(entry.change.effect))

    @property
    def left_out(self) -> int:
        """How many single changes were counted and not kept."""
        return self.counts.total() - len(self.entries)

    @property
    def weight(self) -> tuple[int, int]:
        """For how many patients it matters; then for how many only its words differ."""
        worded = self.counts[Effect.WORDED]
        return self.counts.total() - worded, worded


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the single changes, by rule."""

    number: int
    pages: int
    first: int
    last: int
    of: int
    groups: tuple[tuple[RuleChanges, tuple[Entry, ...]], ...]


@dataclass(slots=True)
class Comparison:
    """The changes for some patients; `noun` says what one of them is: an example patient, a decision.

    `affected` patients have a rule in another state; for those in `reworded` only words, or what they rest on, differ.
    """

    noun: str
    most: int = MOST_KEPT
    patients: int = 0
    affected: int = 0
    reworded: int = 0
    unanswered: Counter[str] = field(default_factory=Counter)
    by_effect: Counter[str] = field(default_factory=Counter)
    rules: dict[str, RuleChanges] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    def add(self, patient: str, title: str, outcome: tuple[Change, ...] | Unanswered) -> None:
        """Count what a comparison of one patient showed."""
        self.patients += 1
        if isinstance(outcome, Unanswered):
            which = "both" if outcome.before and outcome.after else "before" if outcome.before else "after"
            self.unanswered[which] += 1
            if len(self.refused) < self.most:
                self.refused.append(Refused(patient, title, outcome.before, outcome.after))
            return
        effects = {change.effect for change in outcome}
        self.by_effect.update(effects)
        self.affected += bool(effects - {Effect.WORDED})
        self.reworded += effects == {Effect.WORDED}
        for change in outcome:
            self._count(patient, title, change)

    def _count(self, patient: str, title: str, change: Change) -> None:
        rule = self.rules.setdefault(change.rule, RuleChanges(change.rule, change.title))
        rule.counts[change.effect] += 1
        if change.effect is Effect.LACKS:
            rule.lacking.update(change.after.lacks)
        if rule.counts[change.effect] <= self.most:
            rule.entries.append(Entry(patient, title, change))

    @property
    def changes_nothing(self) -> bool:
        return not self.rules and not self.refused

    @property
    def columns(self) -> list[tuple[Effect, str]]:
        """The effects that occur, with their headings."""
        return [(effect, said) for effect, said in SAID.items() if self.by_effect[effect]]

    @property
    def ranked(self) -> list[RuleChanges]:
        """The rules, those first that change for most patients."""
        return sorted(self.rules.values(), key=lambda rule: (-rule.weight[0], -rule.weight[1], rule.title, rule.key))

    def page(self, number: int = 1) -> Page:
        """A page of the single changes; a number that is none gives the nearest that is."""
        entries = [(rule, entry) for rule in self.ranked for entry in rule.kept]
        pages = max(1, -(-len(entries) // PAGE))
        number = min(max(number, 1), pages)
        first = (number - 1) * PAGE
        groups: dict[str, tuple[RuleChanges, list[Entry]]] = {}
        for rule, entry in entries[first : first + PAGE]:
            groups.setdefault(rule.key, (rule, []))[1].append(entry)
        last = min(first + PAGE, len(entries))
        shown = tuple((rule, tuple(some)) for rule, some in groups.values())
        return Page(number, pages, first + 1, last, len(entries), shown)

    @property
    def pages_of(self) -> dict[str, int]:
        """The page on which the single changes of each rule begin."""
        begins: dict[str, int] = {}
        before = 0
        for rule in self.ranked:
            begins[rule.key] = before // PAGE + 1
            before += len(rule.entries)
        return begins

    def as_json(self) -> dict[str, Any]:
        return {
            "noun": self.noun,
            "most": self.most,
            "patients": self.patients,
            "affected": self.affected,
            "reworded": self.reworded,
            "unanswered": dict(self.unanswered),
            "by_effect": dict(self.by_effect),
            "rules": {key: _rule_as_json(rule) for key, rule in self.rules.items()},
            "refused": [asdict(one) for one in self.refused],
        }


def from_json(stored: Mapping[str, Any]) -> Comparison:
    """The comparison that as_json() gave."""
    rules = {
        key: RuleChanges(
            key,
            rule["title"],
            Counter(rule["counts"]),
            Counter(rule["lacking"]),
            [Entry(one["patient"], one["patient_title"], _change(one["change"])) for one in rule["entries"]],
        )
        for key, rule in stored["rules"].items()
    }
    refused = [
        Refused(one["patient"], one["patient_title"], tuple(one["before"]), tuple(one["after"]))
        for one in stored["refused"]
    ]
    return Comparison(
        noun=stored["noun"],
        most=stored["most"],
        patients=stored["patients"],
        affected=stored["affected"],
        reworded=stored["reworded"],
        unanswered=Counter(stored["unanswered"]),
        by_effect=Counter(stored["by_effect"]),
        rules=rules,
        refused=refused,
    )


def _rule_as_json(rule: RuleChanges) -> dict[str, Any]:
    return {
        "title": rule.title,
        "counts": dict(rule.counts),
        "lacking": dict(rule.lacking),
        "entries": [asdict(entry) for entry in rule.entries],
    }


def _change(stored: Mapping[str, Any]) -> Change:
    return Change(
        stored["rule"],
        stored["title"],
        Effect(stored["effect"]),
        _side(stored["before"]),
        _side(stored["after"]),
        tuple(stored["parts"]),
    )


def _side(stored: Mapping[str, Any]) -> Side:
    return Side(
        State(stored["state"]) if stored["state"] else None,
        tuple(stored["findings"]),
        tuple(stored["lacks"]),
        _pairs(stored["withheld_by"]),
        stored["outside"],
    )


def _pairs(stored: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((title, reason) for title, reason in stored)
