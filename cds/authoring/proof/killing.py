"""Test patients who notice the slips that no test patient noticed yet: as few as can be, each of one topic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cds.authoring.proof.boundary_words import title_of
from cds.authoring.proof.formulas import Formula, Search, in_turn
from cds.authoring.proof.made_vignettes import made_vignette
from cds.authoring.proof.posting import posted_facts, smallest
from cds.authoring.proof.prover import Prover
from cds.authoring.proof.survivors import MutantSearch, Survivor, mutation_run
from cds.requests import UnusableRequest
from knowledge.conditions import Condition
from knowledge.facts import Facts
from knowledge.items import ItemKind, KnowledgeBase, Vignette

MOST_AT_ONCE = 24
"""Slips that one patient is made for: with more the story becomes too long to be read."""


@in_turn
def killing_vignettes(base: KnowledgeBase, at: datetime) -> tuple[list[Vignette], list[Survivor]]:
    """Test patients who notice every slip that can be noticed, and the slips for which none was found.

    Raises TimedOut, CannotBeHeld.
    """
    with Prover(base, at) as prover:
        return _Killing(prover, list(mutation_run(base).survivors)).run()


class _Killing:
    def __init__(self, prover: Prover, survivors: list[Survivor]) -> None:
        self._prover = prover
        self._search = MutantSearch(prover.base, survivors)
        self._alive = survivors
        self._made: list[Vignette] = []
        self._missed: list[Survivor] = []
        self._counts: defaultdict[str, int] = defaultdict(int)

    def run(self) -> tuple[list[Vignette], list[Survivor]]:
        while self._alive:
            first = self._alive[0]
            topic = self._topic(first)
            if not any(self._kill(topic, known) for known in self._patients(topic)):
                # Nobody who can be posted was told from others by it: it is named, never passed over.
                self._missed.append(first)
                self._alive.remove(first)
        return self._made, self._missed

    def _topic(self, survivor: Survivor) -> str:
        kind, key = survivor.name
        base = self._prover.base
        return (base.hazards if kind is ItemKind.HAZARD else base.rules)[key].topic

    def _patients(self, topic: str) -> Iterator[Facts]:
        """Patients who tell the first slip and as many more of the topic as go with it; then the first alone."""
        first = self._alive[0]
        others = [one for one in self._alive[1:] if self._topic(one) == topic]
        for search in (self._search.plausible, self._search.possible):
            for together in (others, []):
                known = self._patient(search, first, together)
                if known is not None:
                    yield known

    def _patient(self, search: Search, first: Survivor, others: Sequence[Survivor]) -> Facts | None:
        held = [self._search.difference(first)]
        model = search.find(*held)
        if model is None:
            return None
        conditions = [first.original, first.mutant.condition]
        for other in others:
            if len(held) == MOST_AT_ONCE:
                break
            where = self._search.difference(other)
            if model[where]:
                held.append(where)
                continue
            found = search.find(*held, where)
            if found is not None:
                held.append(where)
                conditions.append(other.original)
                model = found
        return self._quiet(search, held, conditions)

    def _quiet(self, search: Search, held: list[Formula], conditions: list[Condition]) -> Facts | None:
        """Such a patient of whom nothing is known that the conditions do not read."""
        encoder = self._search.encoded.encoder
        near = self._prover.bearing_on(conditions)
        with search.holding(*held):
            model = search.check(*self._search.unknown_beside(near)) or search.check()
            return None if model is None else encoder.patient(model)

    def _kill(self, topic: str, known: Facts) -> bool:
        """Make a test patient of this one; whether the first slip is noticed by it."""
        prover, first = self._prover, self._alive[0]
        posted = posted_facts(known, prover.release.resolver, prover.at)
        answer = prover.answer(posted)
        if answer is None or not first.killed_by(answer.resolved.known):
            return False
        killed = [one for one in self._alive if one.killed_by(answer.resolved.known)]
        posted = smallest(posted, lambda fewer: self._still(fewer, killed))
        answer = prover.answer(posted)
        if answer is None:
            return False
        self._counts[topic] += 1
        names = {one.name for one in killed}
        self._made.append(
            made_vignette(
                f"boundary-{topic}-{self._counts[topic]}",
                self._title(killed, answer.resolved.known),
                f"boundaries-{topic}",
                posted,
                prover.at,
                answer,
                names,
                prover.base.facts,
            )
        )
        self._alive = [one for one in self._alive if one not in killed]
        return True

    def _title(self, killed: list[Survivor], known: Facts) -> str:
        """A title that no other made patient has."""
        title = title_of(killed, known, self._prover.base)
        same = sum(one.title.startswith(title) for one in self._made)
        return f"{title} ({same + 1})" if same else title

    def _still(self, posted: Mapping[str, Any], killed: list[Survivor]) -> bool:
        try:
            known = self._prover.release.resolver.resolve(posted, self._prover.at).known
        except UnusableRequest:
            return False
        return all(one.killed_by(known) for one in killed)
