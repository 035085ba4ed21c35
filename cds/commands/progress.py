"""How far a long walk has come, on standard error: a line that follows on a terminal, one now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from knowledge.audit import counted

_ON_TERMINAL = 0.2
_ELSEWHERE = 30.0
"""Seconds from one report to the next."""


class Progress:
    """Tells what was checked so far, and of how many decisions; `quiet` tells nothing."""

    def __init__(self, decisions: int, *, quiet: bool) -> None:
        self._decisions = decisions
        self._follows = sys.stderr.isatty()
        self._every = float("inf") if quiet else _ON_TERMINAL if self._follows else _ELSEWHERE
        self._next = time.monotonic() + self._every
        self._shown = ""

    def __call__(self, checked: Mapping[str, int]) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every
        what, count = list(checked.items())[-1]
        done = checked.get("decisions", 0)
        line = f"Checked {done:,} of {self._decisions:,} decisions." if done else f"Checked {counted(count, what)}."
        self._show(line)

    def done(self) -> None:
        """Take the line that follows away again."""
        if self._shown and self._follows:
            self._show("")

    def _show(self, line: str) -> None:
        if self._follows:
            sys.stderr.write(f"\r{line.ljust(len(self._shown))}" + ("\r" if not line else ""))
        else:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
        self._shown = line
