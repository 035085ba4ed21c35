"""On what a clinician can judge a rule for herself: what FDA’s fourth criterion asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cds.sheets import asked
from cds.sheets.among import Among
from cds.sheets.statements import Statement
from knowledge.checking import states_to_show
from knowledge.items import ItemKind, KnowledgeBase, Rule, State
from knowledge.labels import label
from knowledge.language import write
from knowledge.model.overrides import withheld_by, withheld_rules

SHOWN = {
    State.RECOMMENDED: "recommended",
    State.NOT_MET: "not met",
    State.UNDETERMINED: "undetermined for want of a fact",
    State.WITHHELD: "withheld",
}


def basis(rule: Rule, among: Among, at: datetime) -> Iterator[Statement]:
    """What FDA's fourth criterion asks of a rule."""
    base, today = among.base, at.date()
    yield Statement(
        "intended_use",
        "Intended use",
        (
            asked.PURPOSE,
            f"This rule: {rule.title}. {label(rule.kind)}; {label(rule.mode).lower()}; {label(rule.urgency).lower()}.",
        ),
        "the rule",
    )
    yield Statement(
        "intended_user", "Intended users", (asked.named(label(one) for one in rule.actors),), "the rule’s actors"
    )
    yield asked.population(base)
    yield _inputs(rule, among)
    yield _logic(rule, base)
    yield from _withholding(rule, among)
    yield _validation(rule, among)
    yield Statement(
        "known_and_unknown", "What is known and unknown of the present patient", (asked.ANSWER,), "every answer"
    )
    yield _evidence(rule, among, at)
    yield Statement("review", "Review of the rule", (f"{asked.review_said(rule.review_by, today)}.",), "the rule")
    if rule.notes:
        yield Statement("notes", "Notes", rule.notes, "the rule’s notes")


def _inputs(rule: Rule, among: Among) -> Statement:
    name, title = "inputs", "Inputs and their quality"
    if rule.condition is None:
        return Statement(name, title, ("None: a statement reads nothing of a patient.",), "the rule has no condition")
    facts, reads = among.base.facts, among.reading.facts(rule)
    lost = [read.fact for read in reads if read.fact not in facts]
    said = tuple(asked.input_said(facts[read.fact], among.base) for read in reads if read.fact in facts)
    if lost:
        wanted = f"Not in the dictionary: {asked.named(lost)}. An author writes the fact, or changes the condition."
        return Statement(name, title, (wanted, *said), "the facts that it reads", missing=True)
    return Statement(name, title, said, "the facts that it reads")


def _logic(rule: Rule, base: KnowledgeBase) -> Statement:
    name, title = "logic", "Logic in plain language"
    if rule.condition is None:
        return Statement(name, title, ("It never applies by itself: it is a statement, shown and cited.",), "the rule")
    text, said = write(rule.condition), asked.words(rule.condition, base)
    if not said:
        wanted = "It cannot be said in words, since a fact of it is not in the dictionary. An author writes the fact."
        return Statement(name, title, (wanted, f"As text: {text}"), "the rule’s condition", missing=True)
    plainly = "It is recommended to every patient" if text == "always" else f"It is recommended when {said}"
    return Statement(
        name, title, (f"{plainly}, unless it is withheld.", f"As text: {text}", asked.CHECKED), "the rule’s condition"
    )


def _withholding(rule: Rule, among: Among) -> Iterator[Statement]:
    rules = among.base.rules
    if rule.overrides:
        said = tuple(
            f"{rules[key].title if key in rules else key}: {reason}"
            for key, reason in withheld_rules(rule, rules).items()
        )
        yield Statement("withholds", "While it is recommended, it withholds", said, "the rule’s overrides")
    said = tuple(
        f"{among.base.hazards[key].title} (hazard): {reason}"
        if kind is ItemKind.HAZARD
        else f"{rules[key].title}: {reason}"
        for kind, key, reason in withheld_by(rule, among.base)
    )
    if said:
        yield Statement(
            "withheld_by",
            "It is withheld while one of these hazards is present, or one of these rules is recommended",
            said,
            "the hazards, and the overrides of others",
        )


def _validation(rule: Rule, among: Among) -> Statement:
    name, title = "validation", "Validation"
    wanted = tuple(states_to_show(rule))
    if not wanted:
        return Statement(name, title, ("Nothing to be shown: a statement never applies by itself.",), "the rule")
    shown = among.shown_by.get(rule.key, {})
    said = tuple(
        f"{SHOWN[state].capitalize()}: {asked.named(f'“{one.title}”' for one in shown[state])}."
        for state in SHOWN
        if state in shown
    )
    lacking = [SHOWN[state] for state in wanted if state not in shown]
    if lacking:
        missing = f"No example patient shows it {asked.named(lacking, 'or')}. An author writes one."
        return Statement(name, title, (missing, *said, asked.UNSTUDIED), "example patients", missing=True)
    return Statement(name, title, (*said, asked.UNSTUDIED), "example patients")


def _evidence(rule: Rule, among: Among, at: datetime) -> Statement:
    name, title = "evidence", "Versions and dates of what it rests on"
    base = among.base
    cited = [one.source for one in rule.citations]
    facts = [base.facts[read.fact] for read in among.reading.facts(rule) if read.fact in base.facts]
    derived = [one.source for fact in facts for one in fact.derivations]
    if not any(key in base.sources for key in cited):
        wanted = "No source that is known is cited. An author cites one."
        return Statement(name, title, (wanted,), missing=True)
    said = []
    for key in dict.fromkeys([*cited, *derived]):
        if key in base.sources:
            source = asked.source_said(base.sources[key], at.date())
            said.append(source if key in cited else f"For a fact that follows from others: {source}")
    return Statement(name, title, tuple(said), "the sources")
