"""The rules engine: facts in, the names of the conditions that are met out. It alone talks to durable_rules.

It follows how durable_rules 2.0.28 behaves, which is not as its manual says: the compiled module without the
library's threads, one session and one message that are always the same, nothing kept from one patient to the next.
The module holds the interpreter's lock while it works, so several engines would be no faster than one; and two
patients at once in one session get mixed up, so that each has the engine to itself.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import durable_rules_engine as durable

from cds.planning import Plan
from cds.rulesets import SENTINEL, Ruleset
from knowledge.facts import Facts

RETRACTION = '{"id":1}'
"""A fact is taken back by its id alone; the module reads nothing else of this text (src/rules/events.c)."""

DEFAULT_SESSION = None
"""The one that a message without a session id belongs to."""


HANDLED = 0
"""What assert_fact says first when the message was new and matched something (src/rules/rules.h, RULES_OK)."""


class EngineFault(RuntimeError):
    """The engine failed even when it was built anew, or it is closed."""


class _Unsound(Exception):
    """The engine did not do what it always does."""


class Engine:
    """The rulesets of a plan. Threads may share it; it is freed when it is closed, or when nobody holds it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._loaded: list[tuple[int, Ruleset]] = []
        self._free = weakref.finalize(self, _free, self._loaded)
        self._free.atexit = False
        # Once through every ruleset: a plan that cannot be held fails here, and every session has fired, without
        # which delete_state frees a pointer that was never set.
        self.fire({})

    def fire(self, facts: Facts) -> frozenset[str]:
        """The names of the conditions that are met. The facts are prepared; raises EngineFault."""
        said = self._plan.say(facts)
        with self._lock:
            if not self._free.alive:
                raise EngineFault("This engine is closed: ask the one that took its place.")
            try:
                return self._met(said)
            except (durable.error, MemoryError, _Unsound):
                pass
            try:
                return self._met(said)
            except (durable.error, MemoryError, _Unsound) as error:
                raise EngineFault("The rules engine failed again after it was built anew.") from error

    def close(self) -> None:
        """Free the rulesets once the patient at hand is done. Closing twice is harmless."""
        with self._lock:
            self._free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _met(self, said: Sequence[str]) -> frozenset[str]:
        """The conditions that are met. Whatever ends this early, an interrupt too, ends the rulesets with it."""
        met: set[str] = set()
        try:
            if not self._loaded:
                for ruleset in self._plan.rulesets:
                    self._loaded.append((durable.create_ruleset("", ruleset.text), ruleset))
            for handle, ruleset in self._loaded:
                met.update(*map(ruleset.met_by.__getitem__, _firings(handle, ruleset.message(said))))
        except BaseException:
            _abandon(self._loaded)
            raise
        return frozenset(met)


def _firings(handle: int, message: str) -> list[str]:
    """The rules of one ruleset that the message fires, the sentinel among them; the message is taken back."""
    outcome, session = durable.assert_fact(handle, message)
    if outcome != HANDLED:
        # The session number then means nothing, and the next call would read whatever lies at its place.
        raise _Unsound
    started = durable.start_action_for_state(handle, session)
    # Only what began may be completed: the next call trusts whatever lies where the action should be.
    if not started or started[1][2:4] != SENTINEL:
        raise _Unsound
    rules: list[str] = []
    text = started[1]
    while text:
        rules.append(text[2:4])
        text = durable.complete_and_start_action(handle, session)
    durable.retract_fact(handle, RETRACTION)
    return rules


def _free(loaded: list[tuple[int, Ruleset]]) -> None:
    while loaded:
        handle, _ = loaded.pop()
        durable.delete_state(handle, DEFAULT_SESSION)
        durable.delete_ruleset(handle)


def _abandon(loaded: list[tuple[int, Ruleset]]) -> None:
    """Give up rulesets in an unknown state: their sessions are leaked, about 0.8 MB each, and never touched again."""
    while loaded:
        handle, _ = loaded.pop()
        durable.delete_ruleset(handle)
