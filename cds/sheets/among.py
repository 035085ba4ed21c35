"""The items among which a rule is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knowledge.attributes import Reading
from knowledge.items import KnowledgeBase, State, Vignette


@dataclass(frozen=True, slots=True)
class Among:
    """The items among which a rule is read, and which they are, in words."""

    base: KnowledgeBase
    said: str
    reading: Reading
    shown_by: Mapping[str, Mapping[State, tuple[Vignette, ...]]]
    """The example patients that speak for each rule, by what they expect of it."""

    @classmethod
    def of(cls, base: KnowledgeBase, said: str) -> Among:
        shown: dict[str, dict[State, tuple[Vignette, ...]]] = {}
        for vignette in base.vignettes.values():
            for state, keys in vignette.expect.items():
                for key in keys:
                    of_rule = shown.setdefault(key, {})
                    of_rule[state] = (*of_rule.get(state, ()), vignette)
        return cls(base, said, Reading(base), shown)

    def label(self, fact: str) -> str:
        """What a fact is called, or its key where it is not in the dictionary."""
        return self.base.facts[fact].label if fact in self.base.facts else fact
