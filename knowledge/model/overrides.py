"""Which rules a rule withholds: those that it names, and all that do an action that it names; and by what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from knowledge.items import ItemKind, KnowledgeBase, Mode, Rule
from knowledge.model.actions import any_covered


def withheld_rules(rule: Rule, rules: Mapping[str, Rule]) -> dict[str, str]:
    """The keys of the rules that are withheld while `rule` is recommended, each with the reason.

    A rule never withholds itself, nor one that speaks against the action, nor a statement. A rule that is named has
    the reason that is given for it alone.
    """
    withheld: dict[str, str] = {}
    for override in rule.overrides:
        action = override.action
        if action is None:
            continue
        for key, other in rules.items():
            does = other.mode is not Mode.AVOID and any_covered((action,), other.actions)
            if does and key != rule.key and not other.is_statement:
                withheld.setdefault(key, override.reason)
    return withheld | {one.rule: one.reason for one in rule.overrides if one.rule is not None}


def withheld_by(rule: Rule, base: KnowledgeBase) -> Iterator[tuple[ItemKind, str, str]]:
    """Kind, key and reason of every hazard that forbids what a rule does, and of every rule that overrides it."""
    if rule.is_statement:
        return
    for hazard in base.hazards.values():
        if hazard.forbids_rule(rule):
            yield ItemKind.HAZARD, hazard.key, hazard.reason
    for other in base.rules.values():
        if other.overrides and rule.key in (withheld := withheld_rules(other, base.rules)):
            yield ItemKind.RULE, other.key, withheld[rule.key]
