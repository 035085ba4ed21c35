"""The source attributes that follow from a rule itself: what it cites, and which kinds of data it uses."""

from __future__ import annotations

from collections.abc import Iterator

from cds.sheets import asked
from cds.sheets.among import Among
from cds.sheets.statements import Statement
from knowledge.attributes import Read, Use, Way
from knowledge.facts import Attribute
from knowledge.items import KnowledgeBase, Rule


def citation(rule: Rule, base: KnowledgeBase) -> Statement:
    """The bibliographic citation."""
    said = []
    for one in rule.citations:
        source = base.sources.get(one.source)
        reference = source.reference if source else f"{one.source} (no source of this key is known)"
        doi = f" doi:{source.doi}" if source and source.doi else ""
        said.append(f"{reference}{doi}; {one.locator}. Strength of its wording: {one.strength}.")
    if not said:
        return Statement(
            "citation", "Bibliographic citation", ("No source is cited. An author adds one to the rule.",), missing=True
        )
    unknown = [one.source for one in rule.citations if one.source not in base.sources]
    if unknown:
        said.append(f"An author adds the source {asked.named(unknown)}, or cites another.")
    return Statement("citation", "Bibliographic citation", tuple(said), "the rule’s citations", missing=bool(unknown))


def uses(rule: Rule, among: Among) -> Iterator[Statement]:
    """For each of the nine kinds of data whether the rule uses it."""
    for kind, use in among.reading.uses(rule).items():
        yield _use(kind, use, rule, among)


def _use(kind: Attribute, use: Use, rule: Rule, among: Among) -> Statement:
    title = asked.KINDS[kind]
    match use.used:
        case True:
            said = tuple(_through(read, among) for read in use.through)
            told = (f"Yes: {said[0]}.",) if len(said) == 1 else (f"Yes, through {len(said)} facts.", *said)
            return Statement(kind, title, told, "what its facts say of themselves")
        case False if rule.condition is None:
            return Statement(kind, title, ("No: a statement reads nothing of a patient.",), "the rule has no condition")
        case False:
            count = len(among.reading.facts(rule))
            return Statement(
                kind,
                title,
                (f"No: none of the {_facts(count)} on which it may turn speaks of it.",),
                "what its facts say of themselves",
            )
        case None:
            lacking = asked.named(among.label(read.fact) for read in use.unstated)
            said = (
                f"Not stated: {lacking} {'does' if len(use.unstated) == 1 else 'do'} not say of which kinds of data. "
            )
            said += "An author ticks them in the form of each fact."
            return Statement(kind, title, (said,), missing=True)


def _through(read: Read, among: Among) -> str:
    said, base, of = among.label(read.fact), among.base, read.of or ""
    match read.way:
        case Way.CONDITION:
            return f"{said}, in its condition"
        case Way.DERIVATION:
            return f"{said}, from which {among.label(of)} may follow"
        case Way.WITHHOLDING:
            other = base.rules[of].title if of in base.rules else of
            return f"{said}, by which “{other}” withholds it"
        case Way.POPULATION:
            return f"{said}, which says for whom the rules are ({asked.words(base.facts[of].population, base)})"


def _facts(count: int) -> str:
    return "1 fact" if count == 1 else f"{count} facts"
