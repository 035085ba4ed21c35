"""What a proof comes to: claims that are proven or not, findings, and the patients that show it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from knowledge.canonical import digest
from knowledge.references import Name


class Verdict(StrEnum):
    PROVEN = "proven"
    VIOLATED = "violated"
    NOT_PROVEN = "not_proven"
    """The solver came to no end in its time, or found a patient whom the evaluator does not confirm."""


class ClaimCode(StrEnum):
    """What must hold for every patient; a code never changes its meaning."""

    FORBIDDEN_IS_WITHHELD = "forbidden_is_withheld"
    HAZARD_IS_ANSWERED = "hazard_is_answered"
    URGENT_IS_SHOWN = "urgent_is_shown"
    NO_OPPOSITES = "no_opposites"


class FindingCode(StrEnum):
    """What a person should look at; a code never changes its meaning."""

    DEAD = "dead"
    ALWAYS_WITHHELD = "always_withheld"
    MET_BY_ALL = "met_by_all"
    EQUIVALENT = "equivalent"
    NARROWER = "narrower"
    DEAD_OVERRIDE = "dead_override"
    OVERRIDES_ALWAYS = "overrides_always"
    REDUNDANT_PART = "redundant_part"
    UNREAD_FACT = "unread_fact"
    UNREAD_CODE = "unread_code"
    CODES_NOT_TOLD_APART = "codes_not_told_apart"
    ASKED_IN_VAIN = "asked_in_vain"
    FLIPS_UNASKED = "flips_unasked"
    EMPTY_CELL = "empty_cell"


@dataclass(frozen=True, slots=True)
class Patient:
    """Facts as an app would post them, and the moment; run through the real intake, they show what is said of them."""

    facts: Mapping[str, Any]
    evaluated_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim about one or more items, and what became of it."""

    code: ClaimCode
    items: tuple[Name, ...]
    verdict: Verdict
    sentence: str
    patient: Patient | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: about which items, in a sentence, and patients who show it.

    `identity` stays the same while what it is about does, so that it can be accepted.
    """

    code: FindingCode
    items: tuple[Name, ...]
    sentence: str
    identity: str
    patients: tuple[Patient, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """All claims and findings over one knowledge base, and how long they took."""

    claims: tuple[Claim, ...]
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def failed(self) -> tuple[Claim, ...]:
        """The claims that are violated or not proven."""
        return tuple(claim for claim in self.claims if claim.verdict is not Verdict.PROVEN)


def identity_of(code: FindingCode, items: Iterable[Name], about: Iterable[str]) -> str:
    """The identity of a finding: its code, its items, and the texts that it rests on."""
    return digest([code, [[kind, key] for kind, key in items], list(about)])


def accepted(findings: Iterable[Finding], identities: Collection[str]) -> tuple[list[Finding], list[Finding]]:
    """The findings that were accepted, and those that were not."""
    sorted_out: tuple[list[Finding], list[Finding]] = ([], [])
    for finding in findings:
        sorted_out[finding.identity not in identities].append(finding)
    return sorted_out
