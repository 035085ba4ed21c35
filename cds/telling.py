"""What an answer says of a condition: the findings that decided it, or the facts that it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from cds.decisions.intake.derivation import Assumed, Derived
from cds.decisions.intake.resolver import ResolvedFacts
from cds.writing import citation, compact, plain
from knowledge.conditions import Condition, facts_of
from knowledge.facts import Value
from knowledge.items import KnowledgeBase
from knowledge.language import parse
from knowledge.model.intervals import Interval
from knowledge.model.worse import said
from knowledge.reasoning import Finding, findings, missing, reading
from knowledge.validation.unread import sources_of
from knowledge.wording import finding_in_words, in_words

PHASE = "disease_phase"
"""The fact that alone makes a recommendation one of the phase and not of this patient's own findings."""

_REMEMBERED = 20_000


_NOTHING_LIMITED: Mapping[str, Interval] = {}


class Trigger(IntEnum):
    """What brought a recommendation about; the order is the order of an answer."""

    OWN_FINDINGS = 0
    PHASE_ALONE = 1
    STANDING = 2


@dataclass(frozen=True, slots=True)
class Told:
    """The plain reading of a condition; `because` and `lacks` are JSON lists: of findings, and of what is `missing`.

    `sources` are those by which findings were derived.
    """

    reading: bool | None
    because: bytes
    trigger: Trigger
    missing: tuple[str, ...]
    lacks: bytes
    sources: tuple[str, ...]


class Telling:
    """Reads and tells the conditions of one release.

    A reading depends on nothing but the values that its condition reads: what was read and told of them once is
    remembered.
    """

    def __init__(self, conditions: Mapping[str, Condition], base: KnowledgeBase) -> None:
        self._conditions = conditions
        self._reads = {name: facts_of(condition) for name, condition in conditions.items()}
        self._derivable = {
            name: tuple(fact for fact in reads if fact in base.facts and base.facts[fact].derived)
            for name, reads in self._reads.items()
        }
        self._base = base
        self._derivations = _derivation_texts(base)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._tell)

    def of(self, resolved: ResolvedFacts) -> dict[str, Told]:
        """What is to be said of every condition for one patient, by the condition's name.

        Where limits leave several variants of the patient, what is so for each of them is so; anything else is
        unknown, and the limited facts are missing.
        """
        if len(resolved.variants) == 1:
            return self._of_variant(resolved, 0)
        each = [self._of_variant(resolved, number) for number in range(len(resolved.variants))]
        first, *others = each
        return {
            name: told if all(one[name].reading is told.reading for one in others) else self._open(name, each, resolved)
            for name, told in first.items()
        }

    def _of_variant(self, resolved: ResolvedFacts, number: int) -> dict[str, Told]:
        known = resolved.variants[number].get
        derived = (resolved.derived | resolved.assumed).get if resolved.assumed else resolved.derived.get  # type: ignore[operator]
        derivable, remembered = self._derivable, self._remembered
        if limited := resolved.limited:
            return {
                name: remembered(name, tuple(map(known, reads)), tuple(map(derived, derivable[name])))
                if limited.keys().isdisjoint(reads)
                else self._tell(name, tuple(map(known, reads)), tuple(map(derived, derivable[name])), limited)
                for name, reads in self._reads.items()
            }
        return {
            name: remembered(name, tuple(map(known, reads)), tuple(map(derived, derivable[name])))
            for name, reads in self._reads.items()
        }

    def _open(self, condition: str, each: list[dict[str, Told]], resolved: ResolvedFacts) -> Told:
        """A condition that comes out differently for the variants of a patient."""
        limited = resolved.limited
        reads = sources_of(self._reads[condition], self._base.facts)
        names = [name for name in limited if name in reads]
        names += [name for told in each for name in told[condition].missing]
        lacking = tuple(dict.fromkeys(names))
        return Told(None, b"[]", Trigger.STANDING, lacking, compact(lacking), ())

    def _tell(
        self,
        condition: str,
        values: tuple[Value | None, ...],
        ways: tuple[Derived | Assumed | None, ...],
        limited: Mapping[str, Interval] = _NOTHING_LIMITED,
    ) -> Told:
        reads = self._reads[condition]
        known = {fact: value for fact, value in zip(reads, values, strict=True) if value is not None}
        how = dict(zip(self._derivable[condition], ways, strict=True))
        derived = {fact: one for fact, one in how.items() if isinstance(one, Derived)}
        found = findings(self._conditions[condition], known)
        lacking = _with_what_is_assumed(missing(self._conditions[condition], known), how)
        return Told(
            reading=reading(self._conditions[condition], known),
            because=b"[%b]" % b",".join(self._said(finding, derived.get(finding.fact), limited) for finding in found),
            trigger=_trigger(found),
            missing=lacking,
            lacks=compact(lacking),
            sources=tuple(
                how.source for finding in found if (how := derived.get(finding.fact)) is not None and how.source
            ),
        )

    def _said(self, finding: Finding, derived: Derived | None, limited: Mapping[str, Interval]) -> bytes:
        limits = limited.get(finding.fact)
        facts = self._base.facts
        shown: dict[str, Any] = {
            "fact": finding.fact,
            "value": limits.text if limits else plain(finding.value),
            "reading": said(facts[finding.fact], limits) if limits else finding_in_words(finding, facts),
        }
        if derived:
            how = self._derivations.get((finding.fact, derived.when), {"when": derived.when})
            shown["derived"] = {"needs": derived.needs, **how}
        return compact(shown)


def _with_what_is_assumed(lacking: tuple[str, ...], how: Mapping[str, Derived | Assumed | None]) -> tuple[str, ...]:
    """The missing facts, each after those that would settle it where it is only assumed so far."""
    if not any(isinstance(one, Assumed) for one in how.values()):
        return lacking
    names: list[str] = []
    for name in lacking:
        one = how.get(name)
        names += [*one.needs, name] if isinstance(one, Assumed) else [name]
    return tuple(dict.fromkeys(names))


def _trigger(found: tuple[Finding, ...]) -> Trigger:
    """This patient's own findings come before the phase alone, and the phase before what always holds."""
    deciding = {finding.fact for finding in found if finding.value is not None}
    if deciding - {PHASE}:
        return Trigger.OWN_FINDINGS
    return Trigger.PHASE_ALONE if deciding else Trigger.STANDING


def _derivation_texts(base: KnowledgeBase) -> dict[tuple[str, str], dict[str, Any]]:
    """How each derivation is shown beside a finding: when it holds, in words, and on whose authority."""
    return {
        (key, one.when): {
            "when": one.when,
            "in_words": in_words(parse(one.when, base.facts), base.facts),
            "citation": citation(base, one.source, one.locator, None),
        }
        for key, fact in base.facts.items()
        for one in fact.derivations
    }
