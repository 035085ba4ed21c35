"""The sheet of a release: the same questions asked of all its rules together, and every rule in a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from cds.sheets import asked
from cds.sheets.among import Among
from cds.sheets.asked import Site
from cds.sheets.attributes import citation, uses
from cds.sheets.basis import basis
from cds.sheets.statements import SOURCE_ATTRIBUTES, RuleLine, Section, Sheet, Statement
from cds.sheets.told import ReleaseTold
from knowledge.attributes import Use
from knowledge.checking import unproven
from knowledge.facts import Attribute
from knowledge.items import KnowledgeBase, Rule
from knowledge.labels import day, label

MOST_NAMED = 12
"""How many rules a statement names; the table of the rules names them all."""


def release_sheet(
    base: KnowledgeBase, numbers: Mapping[str, int], told: ReleaseTold, site: Site, *, at: datetime
) -> Sheet:
    """Everything that is asked of a release; `numbers` are those of its rules' versions."""
    among = Among.of(base, f"Read among the items of release {told.number}.")
    used = {key: among.reading.uses(rule) for key, rule in base.rules.items()}
    lines = tuple(_line(rule, numbers[rule.key], used[rule.key], among, at) for rule in _in_order(base))
    return Sheet(
        kind=None,
        key=str(told.number),
        number=told.number,
        title=f"Release {told.number}",
        standing=_standing(told),
        digest=told.digest,
        made_at=at,
        sections=(
            Section("release", "The release", _counts(base), (*_what_it_is(told),)),
            Section("rules_lacking", "Rules whose own sheets lack something", _ABOUT_LACKING, (*_lacking(lines),)),
            Section(
                SOURCE_ATTRIBUTES,
                "Source attributes",
                f"{asked.BY_ONC} Each rule has a sheet of its own; here they are taken together.",
                (_citations(base), *asked.of_the_site(site), _dates(told), *_uses(base, used)),
            ),
            Section("independent_review", "Basis for independent review", asked.BY_FDA, (*_reviewable(base, used),)),
            Section(
                "sources", "All sources", "The documents that its rules and derivations cite.", (*_sources(base, at),)
            ),
        ),
        rules=lines,
    )


_ABOUT_LACKING = "What the site and the release lack as a whole stands in its own place and is not repeated here."


def _in_order(base: KnowledgeBase) -> list[Rule]:
    return sorted(base.rules.values(), key=lambda rule: (rule.topic, rule.title, rule.key))


def _line(rule: Rule, number: int, used: Mapping[Attribute, Use], among: Among, at: datetime) -> RuleLine:
    own = (citation(rule, among.base), *uses(rule, among), *basis(rule, among, at))
    return RuleLine(
        rule.key,
        number,
        rule.title,
        rule.topic,
        rule.review_by,
        rule.review_by < at.date(),
        tuple(kind for kind, use in used.items() if use.own),
        tuple(one.label for one in own if one.missing and one.name != "population"),
    )


def _lacking(lines: Iterable[RuleLine]) -> Iterator[Statement]:
    lacking = [one for one in lines if one.missing]
    for one in lacking:
        missing = asked.named(what[:1].lower() + what[1:] for what in one.missing)
        yield Statement(
            f"rule/{one.key}/{one.number}", one.title, (f"Lacks: {missing}. Its own sheet says who can add it.",)
        )
    if not lacking:
        yield Statement("none", "None", ("No rule lacks anything of its own.",))


def _standing(told: ReleaseTold) -> str:
    approved = "Clinically approved." if told.approvals else "Not yet clinically approved."
    if told.is_in_force:
        return f"In force. {approved}"
    return f"Not in force{'' if told.in_force else ', and never was'}. {approved}"


def _counts(base: KnowledgeBase) -> str:
    statements = sum(rule.is_statement for rule in base.rules.values())
    held = (("rule", base.rules), ("fact", base.facts), ("source", base.sources), ("example patient", base.vignettes))
    counted = asked.named(f"{len(items)} {one}{'' if len(items) == 1 else 's'}" for one, items in held)
    can = len(base.rules) - statements
    return f"It holds {counted}. {can} of the rules can be recommended, {statements} are statements."


def _what_it_is(told: ReleaseTold) -> Iterator[Statement]:
    yield Statement("made", "Imported" if told.imported else "Published", (asked.made_said(told),), "the record")
    yield asked.approval([told], "it")
    periods = tuple(asked.in_force_said(one) for one in told.in_force) or ("Never.",)
    yield Statement("in_force", "In force", periods, "the record")


def _citations(base: KnowledgeBase) -> Statement:
    title = "Bibliographic citation"
    without = [rule.title for rule in base.rules.values() if citation(rule, base).missing]
    if without:
        cite = "cites" if len(without) == 1 else "cite"
        said = (
            f"{_counted(len(without))} {cite} no source that is known: {_some(without)}. An author adds the citation."
        )
        return Statement("citation", title, (said,), missing=True)
    cited = {one.source for rule in base.rules.values() for one in rule.citations}
    said = (
        f"Every rule cites its own; together they cite {len(cited)} sources, which are listed below with their dates."
    )
    return Statement("citation", title, (said,), "the rules’ citations")


def _dates(told: ReleaseTold) -> Statement:
    said = [f"Released {day(told.made.at)}."]
    said.append(f"First in force {day(told.in_force[0].since)}." if told.in_force else "It was never in force.")
    said.append("The sheet of each rule has the dates of its version.")
    return Statement("dates", "Release and revision dates", tuple(said), "the record")


def _uses(base: KnowledgeBase, used: Mapping[str, Mapping[Attribute, Use]]) -> Iterator[Statement]:
    """For each of the nine kinds which rules use it, by what is their own and by the population alone."""
    for kind in Attribute:
        name, title = kind, asked.KINDS[kind]
        using = {key: uses[kind] for key, uses in used.items() if uses[kind].used}
        own = [key for key, use in using.items() if use.own]
        unknown = [key for key, uses in used.items() if uses[kind].used is None]
        said = []
        if own:
            said.append(
                f"Yes, {_counted(len(own))} by what is their own: {_some(base.rules[key].title for key in own)}."
            )
        if len(using) > len(own):
            further = f"{len(using) - len(own)} further" if own else f"Yes, {len(using)}"
            said.append(f"{further} only through the population for which all rules are.")
        if unknown:
            facts = dict.fromkeys(read.fact for key in unknown for read in used[key][kind].unstated)
            lacking = _some(base.facts[one].label if one in base.facts else one for one in facts)
            missing = (
                f"Not stated of {_counted(len(unknown))}, since facts do not say of which kinds of data: {lacking}. "
            )
            missing += "An author ticks them in the form of each fact."
            yield Statement(name, title, (missing, *said), missing=True)
        elif said:
            yield Statement(name, title, tuple(said), "what the facts say of themselves")
        else:
            yield Statement(
                name, title, ("No: no fact on which a rule may turn speaks of it.",), "what the facts say of themselves"
            )


def _reviewable(base: KnowledgeBase, used: Mapping[str, Mapping[Attribute, Use]]) -> Iterator[Statement]:
    topics = asked.named(dict.fromkeys(label(rule.topic).lower() for rule in _in_order(base)))
    yield Statement("intended_use", "Intended use", (asked.PURPOSE, f"Topics: {topics}."), "the rules")
    users = dict.fromkeys(actor for rule in base.rules.values() for actor in rule.actors)
    yield Statement("intended_user", "Intended users", (asked.named(label(one) for one in users),), "the rules’ actors")
    yield asked.population(base)
    said = (
        f"{len(base.facts)} facts, each with its type, unit, range or codes, how long it holds and which value counts "
        "where sources disagree. "
    )
    said += "The sheet of each rule names those that it reads."
    yield Statement("inputs", "Inputs and their quality", (said,), "the facts")
    said = "Each rule has a condition in a small language that is read back in plain words; its sheet has both."
    yield Statement("logic", "Logic in plain language", (said, asked.CHECKED), "the rules’ conditions")
    yield _validation(base)
    yield Statement(
        "known_and_unknown", "What is known and unknown of the present patient", (asked.ANSWER,), "every answer"
    )


def _validation(base: KnowledgeBase) -> Statement:
    name, title = "validation", "Validation"
    said = f"{len(base.vignettes)} example patients say what must become of the rules for which they speak; "
    said += "a release is published at the desk only when each is advised as expected."
    lacking = list(dict.fromkeys(base.rules[one.key].title for one in unproven(base)))
    if lacking:
        missing = f"{_counted(len(lacking))} not shown recommended, not met and lacking a fact: {_some(lacking)}. "
        missing += "An author writes the example patient."
        return Statement(name, title, (missing, said, asked.UNSTUDIED), "example patients", missing=True)
    shown = "Every rule that can be recommended is shown recommended, not met and, where it can be, lacking a fact."
    return Statement(name, title, (shown, said, asked.UNSTUDIED), "example patients")


def _sources(base: KnowledgeBase, at: datetime) -> Iterator[Statement]:
    for source in sorted(base.sources.values(), key=lambda one: (one.year, one.key)):
        yield Statement(f"source/{source.key}", source.key, (asked.source_said(source, at.date()),))


def _counted(count: int) -> str:
    return "1 rule" if count == 1 else f"{count} rules"


def _some(names: Iterable[str]) -> str:
    """Some names, and how many there are beyond them."""
    names = sorted(names, key=str.casefold)
    if len(names) <= MOST_NAMED:
        return asked.named(names)
    return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"
