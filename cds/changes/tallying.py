"""What changes for many patients, counted: the counts are complete, reasons and patients are kept up to a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cds.changes.comparing import Change, Effect, Side, Unanswered
from knowledge.items import State

PAGE = 25
"""How many reasons stand on a page."""

MOST_REASONS = 50
"""How many different reasons are kept for each effect on a rule."""

MOST_PATIENTS = 20
"""How many patients are named for a reason."""

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


@dataclass(slots=True)
class Reason:
    """One way in which a rule changes, for how many patients, and the first of them by key and title."""

    change: Change
    count: int = 0
    patients: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Refused:
    """A patient for whom there is no comparison, and why."""

    patient: str
    patient_title: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(slots=True)
class RuleChanges:
    """What changes in one rule: how many patients by effect, the facts that it now lacks, and the reasons."""

    key: str
    title: str
    counts: Counter[str] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    reasons: dict[Change, Reason] = field(default_factory=dict)

    @property
    def kept(self) -> list[Reason]:
        """The reasons, the gravest first, and then those of most patients."""
        order = list(Effect)
        return sorted(self.reasons.values(), key=lambda one: (order.index(one.change.effect), -one.count))

    @property
    def left_out(self) -> int:
        """For how many patients the reason was not kept."""
        return self.counts.total() - sum(reason.count for reason in self.reasons.values())

    @property
    def weight(self) -> tuple[int, int]:
        """For how many patients it matters; then for how many only its words differ."""
        worded = self.counts[Effect.WORDED]
        return self.counts.total() - worded, worded


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the reasons, by rule."""

    number: int
    pages: int
    first: int
    last: int
    of: int
    groups: tuple[tuple[RuleChanges, tuple[Reason, ...]], ...]


@dataclass(slots=True)
class Comparison:
    """The changes for some patients; `noun` says what one of them is: an example patient, a decision.

    `affected` patients have a rule in another state; for those in `reworded` only words, or what they rest on, differ.
    """

    noun: str
    most_reasons: int = MOST_REASONS
    most_patients: int = MOST_PATIENTS
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
            if len(self.refused) < self.most_reasons:
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
        reason = rule.reasons.get(change)
        if reason is None:
            if sum(one.effect is change.effect for one in rule.reasons) >= self.most_reasons:
                return
            reason = rule.reasons[change] = Reason(change)
        reason.count += 1
        if len(reason.patients) < self.most_patients:
            reason.patients.append((patient, title))

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

    def page(self, number: int = 1, size: int = PAGE) -> Page:
        """A page of the reasons; a number that is none gives the nearest that is."""
        reasons = [(rule, reason) for rule in self.ranked for reason in rule.kept]
        pages = max(1, -(-len(reasons) // size))
        number = min(max(number, 1), pages)
        first = (number - 1) * size
        groups: dict[str, tuple[RuleChanges, list[Reason]]] = {}
        for rule, reason in reasons[first : first + size]:
            groups.setdefault(rule.key, (rule, []))[1].append(reason)
        last = min(first + size, len(reasons))
        shown = tuple((rule, tuple(some)) for rule, some in groups.values())
        return Page(number, pages, first + 1, last, len(reasons), shown)

    @property
    def pages_of(self) -> dict[str, int]:
        """The page on which the reasons of each rule begin."""
        begins: dict[str, int] = {}
        before = 0
        for rule in self.ranked:
            begins[rule.key] = before // PAGE + 1
            before += len(rule.reasons)
        return begins

    def as_json(self) -> dict[str, Any]:
        return {
            "noun": self.noun,
            "most_reasons": self.most_reasons,
            "most_patients": self.most_patients,
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
            {reason.change: reason for reason in map(_reason, rule["reasons"])},
        )
        for key, rule in stored["rules"].items()
    }
    refused = [
        Refused(one["patient"], one["patient_title"], tuple(one["before"]), tuple(one["after"]))
        for one in stored["refused"]
    ]
    return Comparison(
        noun=stored["noun"],
        most_reasons=stored["most_reasons"],
        most_patients=stored["most_patients"],
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
        "reasons": [asdict(reason) for reason in rule.reasons.values()],
    }


def _reason(stored: Mapping[str, Any]) -> Reason:
    return Reason(_change(stored["change"]), stored["count"], list(_pairs(stored["patients"])))


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
