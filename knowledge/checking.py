"""What is wrong with a knowledge base as a whole: references, conditions, circles, rules that no vignette proves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from knowledge.errors import ContentProblem, WrongValue
from knowledge.facts import NOT_KNOWN_CODE, Fact, FactType, plain
from knowledge.items import Actor, ItemKind, KnowledgeBase, Rule, State, Vignette
from knowledge.language import KEYWORDS, write
from knowledge.model.overrides import withheld_rules
from knowledge.validation.facts import single_fact_problems
from knowledge.validation.hazards import hazard_problems
from knowledge.validation.parts import condition_problems, hint, unknown_source
from knowledge.validation.undecidable import can_be_unknown
from knowledge.validation.unread import needed_for, unread_fact_problems, worse_not_said_problems

_FOR_PATIENTS = frozenset({Actor.PATIENT, Actor.CAREGIVER})


def problems_in(base: KnowledgeBase) -> list[ContentProblem]:
    """Everything that keeps the base from being published, each with what to do."""
    return [
        *(problem for fact in base.facts.values() for problem in _fact_problems(fact, base)),
        *_derivation_circles(base.facts),
        *unread_fact_problems(base),
        *worse_not_said_problems(base),
        *(problem for rule in base.rules.values() for problem in _rule_problems(rule, base)),
        *_override_circles(base.rules),
        *hazard_problems(base),
        *_same_titles(base.rules),
        *_unused_sources(base),
        *(problem for vignette in base.vignettes.values() for problem in _vignette_problems(vignette, base)),
        *unproven(base),
    ]


def unproven(base: KnowledgeBase) -> list[ContentProblem]:
    """The rules that lack a vignette: one that shows it recommended, one not met, one with a deciding fact missing."""
    expected: dict[str, set[State]] = {}
    for vignette in base.vignettes.values():
        for state, keys in vignette.expect.items():
            for key in keys:
                expected.setdefault(key, set()).add(state)
    return [
        ContentProblem(ItemKind.RULE, rule.key, "vignettes", f"No vignette shows it {_SAID[state]}: add one.")
        for rule in base.rules.values()
        for state in states_to_show(rule)
        if state not in expected.get(rule.key, ())
    ]


_SAID = {
    State.RECOMMENDED: "recommended",
    State.NOT_MET: "not met",
    State.UNDETERMINED: "undetermined for want of a fact",
}


def states_to_show(rule: Rule) -> Iterator[State]:
    """What example patients must show of a rule; of a statement nothing."""
    if rule.condition is None:
        return
    yield State.RECOMMENDED
    yield State.NOT_MET
    if can_be_unknown(rule.condition):
        yield State.UNDETERMINED


def _fact_problems(fact: Fact, base: KnowledgeBase) -> Iterator[ContentProblem]:
    def problem(field: str, detail: str) -> ContentProblem:
        return ContentProblem(ItemKind.FACT, fact.key, field, detail)

    if fact.key in KEYWORDS:
        yield problem("key", f"{fact.key} is a word of the condition language; choose another name.")
    for code in fact.codes:
        if code.code in KEYWORDS and (code.code != NOT_KNOWN_CODE or fact.type is FactType.CODES):
            yield problem("codes", f"{code.code} is a word of the condition language; choose another code.")
    if fact.type is FactType.BOOLEAN and not fact.absence:
        yield problem("absence", "Say how the fact reads when it is false.")
    if (fact.type in (FactType.CODE, FactType.CODES)) is not bool(fact.codes):
        yield problem("codes", "A code fact has a list of codes; other facts have none.")
    if len({code.code for code in fact.codes}) < len(fact.codes):
        yield problem("codes", "A code stands twice; once is enough.")
    if fact.minimum is not None and fact.maximum is not None and fact.minimum > fact.maximum:
        yield problem("minimum", f"{plain(fact.minimum)} is above the maximum, {plain(fact.maximum)}.")
    numeric = fact.type in (FactType.INTEGER, FactType.DECIMAL)
    if numeric and not fact.derived and (fact.minimum is None or fact.maximum is None):
        yield problem("maximum", "Give the smallest and the largest plausible value, so that a slip is refused.")
    yield from single_fact_problems(fact, base)
    if fact.population is not None:
        yield from condition_problems(ItemKind.FACT, fact.key, "population", fact.population, base.facts)
    for position, derivation in enumerate(fact.derivations):
        field = f"derivations.{position}"
        yield from condition_problems(ItemKind.FACT, fact.key, f"{field}.when", derivation.when, base.facts)
        yield from unknown_source(ItemKind.FACT, fact.key, f"{field}.source", derivation.source, base)
        try:
            fact.typed(derivation.value)
        except WrongValue as error:
            yield problem(f"{field}.value", error.detail)


def _derivation_circles(facts: Mapping[str, Fact]) -> Iterator[ContentProblem]:
    circle = _circle({key: needed_for(fact) for key, fact in facts.items()})
    if circle:
        yield ContentProblem(
            ItemKind.FACT, circle[0], "derivations", f"Derived from itself: {' → '.join(circle)}. Break the circle."
        )


def _rule_problems(rule: Rule, base: KnowledgeBase) -> Iterator[ContentProblem]:
    def problem(field: str, detail: str) -> ContentProblem:
        return ContentProblem(ItemKind.RULE, rule.key, field, detail)

    if rule.condition is None and rule.mode not in ("context", "org"):
        yield problem("condition", "Say when the rule applies: only a statement (mode context or org) does not.")
    if rule.condition is not None and rule.mode in ("context", "org"):
        yield problem("condition", "A statement (mode context or org) never fires, so it has no condition.")
    if rule.condition is not None:
        yield from condition_problems(ItemKind.RULE, rule.key, "condition", write(rule.condition), base.facts)
    if rule.condition is not None and not rule.actions:
        detail = "Say what the rule does: choose at least one action, so that a hazard can forbid it."
        yield problem("actions", detail)
    if not rule.citations:
        yield problem("citations", "Every sentence has a source: add a citation.")
    for position, citation in enumerate(rule.citations):
        yield from unknown_source(ItemKind.RULE, rule.key, f"citations.{position}.source", citation.source, base)
    for position, override in enumerate(rule.overrides):
        if override.action is not None:
            if not withheld_rules(replace(rule, overrides=(override,)), base.rules):
                yield problem(f"overrides.{position}.action", f"No other rule does {override.action}.")
            continue
        overridden = base.rules.get(override.rule or "")
        if overridden is None or overridden.is_statement:
            near = "" if overridden else hint(override.rule or "", base.rules)
            yield problem(f"overrides.{position}.rule", f"{override.rule} is not a rule that can be withheld.{near}")
    if bool(rule.patient_text) is not bool(_FOR_PATIENTS & set(rule.actors)):
        yield problem("patient_text", "Rules for patient or caregiver have a text for the patient, and no others do.")
    if rule.patient_may_see and not rule.patient_text:
        yield problem("patient_may_see", "What a patient may see needs a text for the patient.")


def _override_circles(rules: Mapping[str, Rule]) -> Iterator[ContentProblem]:
    circle = _circle({key: withheld_rules(rule, rules) for key, rule in rules.items()})
    if circle:
        yield ContentProblem(
            ItemKind.RULE, circle[0], "overrides", f"Rules override one another in a circle: {' → '.join(circle)}."
        )


def _same_titles(rules: Mapping[str, Rule]) -> Iterator[ContentProblem]:
    titles = Counter(rule.title.casefold() for rule in rules.values())
    for rule in rules.values():
        if titles[rule.title.casefold()] > 1:
            yield ContentProblem(ItemKind.RULE, rule.key, "title", f"“{rule.title}” stands on another rule too.")


def _unused_sources(base: KnowledgeBase) -> Iterator[ContentProblem]:
    used = {citation.source for item in (*base.rules.values(), *base.hazards.values()) for citation in item.citations}
    used |= {one.source for fact in base.facts.values() for one in (*fact.derivations, *fact.invariants)}
    for key in base.sources:
        if key not in used:
            yield ContentProblem(ItemKind.SOURCE, key, "key", "Nothing cites this source.")


def _vignette_problems(vignette: Vignette, base: KnowledgeBase) -> Iterator[ContentProblem]:
    def problem(field: str, detail: str) -> ContentProblem:
        return ContentProblem(ItemKind.VIGNETTE, vignette.key, field, detail)

    for name in vignette.facts:
        if name not in base.facts:
            yield problem(f"facts.{name}", f"There is no fact called {name}.{hint(name, base.facts)}")
    counted = Counter(key for keys in vignette.expect.values() for key in keys)
    for key, count in counted.items():
        if key not in base.rules:
            yield problem("expect", f"There is no rule called {key}.{hint(key, base.rules)}")
        elif base.rules[key].is_statement:
            yield problem("expect", f"{key} is a statement: nothing becomes of it for a patient.")
        elif count > 1:
            yield problem("expect", f"{key} stands more than once in what is expected: a rule ends in one state.")
    expected = Counter(key for keys in vignette.hazards.values() for key in keys)
    for key, count in expected.items():
        if key not in base.hazards:
            yield problem("hazards", f"There is no hazard called {key}.{hint(key, base.hazards)}")
        elif count > 1:
            yield problem("hazards", f"{key} stands more than once in what is expected: a hazard ends in one state.")


def _circle(graph: Mapping[str, Iterable[str]]) -> list[str] | None:
    try:
        TopologicalSorter({key: sorted(needed) for key, needed in graph.items()}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None
