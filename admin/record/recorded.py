"""What the pages of recorded decisions say in the same way."""

from __future__ import annotations

from knowledge.items import State


def recommended_in(states: str) -> int:
    """How many rules the recorded letters call recommended."""
    return states.count(State.RECOMMENDED[0])


def asked_from(origin: str) -> str:
    """Where a question without a key came from."""
    return "The command line" if origin == "command" else origin
