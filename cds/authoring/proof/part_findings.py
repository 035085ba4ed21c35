"""Findings within conditions: parts without which they would be the same to every patient."""

from __future__ import annotations

from collections.abc import Iterator, Set

from cds.authoring.proof.prover import Prover
from cds.authoring.proof.results import Finding, FindingCode
from cds.authoring.proof.rewriting import everywhere, parts_of, replaced_at, without
from cds.authoring.proof.rule_findings import becomes, called, differing, finding, shown_to
from knowledge.conditions import Condition
from knowledge.items import ItemKind
from knowledge.language import write
from knowledge.references import Name
from knowledge.wording import in_words


def part_findings(prover: Prover, touched: Set[Name] | None) -> Iterator[Finding]:
    """Parts of the conditions of rules and hazards that change nothing; a condition that several share is told once."""
    encoded = prover.encoded
    named: dict[Condition, list[Name]] = {}
    for rule in encoded.rules:
        name = (ItemKind.RULE, rule.key)
        named.setdefault(encoded.condition(name), []).append(name)
    for key, hazard in encoded.base.hazards.items():
        named.setdefault(hazard.condition, []).append((ItemKind.HAZARD, key))
    for condition, names in named.items():
        if touched is None or not touched.isdisjoint(names):
            yield from _redundant(prover, condition, names)


def _redundant(prover: Prover, condition: Condition, names: list[Name]) -> Iterator[Finding]:
    whole = prover.encoded.encoder.outcome(condition)
    for path, part in everywhere(condition):
        for place, inner in enumerate(parts_of(part)):
            fewer = without(part, place)
            if fewer is None:
                continue
            shorter = prover.encoded.encoder.outcome(replaced_at(condition, path, fewer))
            if prover.none(differing(whole, shorter)):
                said = in_words(inner, prover.base.facts)
                sentence = f"In {_called(prover, names)} the part “{said}” changes nothing for any patient."
                yield finding(
                    prover,
                    FindingCode.REDUNDANT_PART,
                    names,
                    sentence,
                    *shown_to(prover, names[:1], whole.met, becomes(names[0], True)),
                    about=write(inner),
                )


def _called(prover: Prover, names: list[Name]) -> str:
    first = called(prover, names[0])
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more with the same condition"
