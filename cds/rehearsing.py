"""Vignettes played through a release: whether each patient is advised as the vignette says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds.deciding import Disagreement, Question, decide
from cds.releases import PreparedRelease
from cds.requests import UnusableRequest
from knowledge.items import State, Vignette
from knowledge.labels import label


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that did not become what a vignette expects of it; `rule` is None when the patient could not be read."""

    vignette: str
    rule: str | None
    detail: str

    def __str__(self) -> str:
        return f"{self.vignette}: {self.rule or 'the patient'}: {self.detail}"


def failures(release: PreparedRelease) -> list[Failure]:
    """Everything in which the vignettes of a release fail under it; empty when all pass."""
    return [failure for vignette in release.base.vignettes.values() for failure in play(release, vignette)]


def play(release: PreparedRelease, vignette: Vignette) -> Iterator[Failure]:
    """The failures of one vignette."""
    try:
        states = outcome(release, vignette)
    except (UnusableRequest, Disagreement) as error:
        yield Failure(vignette.key, None, str(error))
        return
    for expected, keys in vignette.expect.items():
        for key in keys:
            if states.get(key) is not expected:
                found = _said(states[key]) if key in states else "no rule of this release"
                yield Failure(vignette.key, key, f"expected {_said(expected)}, but it is {found}")


def outcome(release: PreparedRelease, vignette: Vignette) -> Mapping[str, State]:
    """The state of every rule for the vignette's patient. Raises UnusableRequest or Disagreement."""
    question = Question(vignette.key, vignette.evaluated_at, vignette.facts)
    return decide(release, question, clinically_approved=False).states


def _said(state: State) -> str:
    return label(state).lower()
