"""What an answer says of a condition: the findings that decided it, or the facts that it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from cds.preparing import Derived, Prepared
from cds.writing import citation, compact, plain
from knowledge.conditions import Condition, facts_of
from knowledge.facts import Value
from knowledge.items import KnowledgeBase
from knowledge.language import parse
from knowledge.reasoning import Finding, findings, missing, reading
from knowledge.wording import finding_in_words, in_words

PHASE = "disease_phase"
"""The fact that alone makes a recommendation one of the phase and not of this patient's own findings."""

_REMEMBERED = 20_000


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

    def of(self, prepared: Prepared) -> dict[str, Told]:
        """What is to be said of every condition for one patient, by the condition's name."""
        known, derived = prepared.known.get, prepared.derived.get
        derivable, remembered = self._derivable, self._remembered
        return {
            name: remembered(name, tuple(map(known, reads)), tuple(map(derived, derivable[name])))
            for name, reads in self._reads.items()
        }

    def _tell(self, condition: str, values: tuple[Value | None, ...], ways: tuple[Derived | None, ...]) -> Told:
        reads = self._reads[condition]
        known = {fact: value for fact, value in zip(reads, values, strict=True) if value is not None}
        derived = dict(zip(self._derivable[condition], ways, strict=True))
        found = findings(self._conditions[condition], known)
        lacking = missing(self._conditions[condition], known)
        return Told(
            reading=reading(self._conditions[condition], known),
            because=b"[%b]" % b",".join(self._said(finding, derived.get(finding.fact)) for finding in found),
            trigger=_trigger(found),
            missing=lacking,
            lacks=compact(lacking),
            sources=tuple(
                how.source for finding in found if (how := derived.get(finding.fact)) is not None and how.source
            ),
        )

    def _said(self, finding: Finding, derived: Derived | None) -> bytes:
        shown: dict[str, Any] = {
            "fact": finding.fact,
            "value": plain(finding.value),
            "reading": finding_in_words(finding, self._base.facts),
        }
        if derived:
            how = self._derivations.get((finding.fact, derived.when), {"when": derived.when})
            shown["derived"] = {"needs": derived.needs, **how}
        return compact(shown)


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
