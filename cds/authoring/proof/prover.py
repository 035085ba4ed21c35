"""The search for patients: by the solver, and then through the real intake and evaluator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any

from cds.authoring.proof.encoded_base import EncodedBase
from cds.authoring.proof.formulas import Formula, Search, TimedOut, negation
from cds.authoring.proof.posting import posted_facts, smallest
from cds.authoring.proof.results import Patient
from cds.deciding import Answer, Disagreement, Question, decide
from cds.releases import PreparedRelease
from cds.requests import UnusableRequest
from knowledge.checking import needed_for
from knowledge.conditions import Condition, facts_of
from knowledge.facts import Facts
from knowledge.items import ItemKind, KnowledgeBase

SECONDS_EACH = 5.0
"""The time of one question to the solver; the longest of today takes a hundredth of a second."""

Shows = Callable[[Answer], bool]


class Prover:
    """Asks for patients of one knowledge base at a moment. It may hold an engine: use it as a context.

    After `seconds` every further question is answered by TimedOut.
    """

    def __init__(self, base: KnowledgeBase, at: datetime, *, seconds: float | None = None) -> None:
        self.base = base
        self.at = at
        self.encoded = EncodedBase(base)
        self._until = None if seconds is None else time.monotonic() + seconds
        self.possible = Search([self.encoded.possible], seconds=SECONDS_EACH)
        self.plausible = Search([self.encoded.possible, self.encoded.plausible], seconds=SECONDS_EACH)

    def __enter__(self) -> Prover:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "release" in self.__dict__:
            self.release.close()

    @cached_property
    def release(self) -> PreparedRelease:
        """The base made ready to answer."""
        kinds = (
            (ItemKind.FACT, self.base.facts),
            (ItemKind.SOURCE, self.base.sources),
            (ItemKind.RULE, self.base.rules),
            (ItemKind.HAZARD, self.base.hazards),
        )
        return PreparedRelease(0, "", self.base, {(kind, key): 0 for kind, items in kinds for key in items})

    def check_time(self) -> None:
        """Raise TimedOut when the time is over."""
        if self._until is not None and time.monotonic() > self._until:
            raise TimedOut

    def find(self, *formulas: Formula, among: Search | None = None, about: Iterable[Condition] = ()) -> Facts | None:
        """What is known of some patient of whom the formulas are true, or None when there is none: a plausible one.

        Of facts that do not bear on the conditions as little is known as can be. Raises TimedOut.
        """
        self.check_time()
        search = among or self.plausible
        with search.holding(*formulas):
            model = search.check()
            if model is None:
                return None
            if about:
                near = self.bearing_on(about)
                far = [negation(fact.known) for key, fact in self.encoded.encoder.facts.items() if key not in near]
                model = search.check(*far) or model
            return self.encoded.encoder.patient(model)

    def none(self, *formulas: Formula) -> bool:
        """Whether there is no plausible patient of whom the formulas are true. Raises TimedOut."""
        self.check_time()
        return self.plausible.find(*formulas) is None

    def bearing_on(self, conditions: Iterable[Condition]) -> set[str]:
        """The facts that the conditions read, and those that they may follow from."""
        waiting = [name for condition in conditions for name in facts_of(condition)]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += needed_for(self.base.facts[name])
        return found

    def patient(self, known: Facts, shows: Shows) -> Patient | None:
        """Posted facts, as few as can be, that show it when they are run; None when what is known does not show it."""
        posted = posted_facts(known, self.release.resolver, self.at)
        if not self.shown(posted, shows):
            return None
        return Patient(smallest(posted, lambda fewer: self.shown(fewer, shows)), self.at)

    def shown(self, posted: Mapping[str, Any], shows: Shows) -> bool:
        """Whether the real answer to posted facts shows it."""
        answer = self.answer(posted)
        return answer is not None and shows(answer)

    def answer(self, posted: Mapping[str, Any]) -> Answer | None:
        """The real answer to posted facts, or None when they cannot be answered."""
        try:
            return decide(self.release, Question("proof", self.at, posted), clinically_approved=False)
        except (UnusableRequest, Disagreement):
            return None
