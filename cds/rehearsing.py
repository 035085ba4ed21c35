"""Vignettes played through a release: whether each patient is advised as the vignette says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cds.deciding import Disagreement, Question, decide
from cds.releases import PreparedRelease
from cds.requests import UnusableRequest
from knowledge.items import ItemKind, Vignette
from knowledge.labels import label


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule or hazard that did not become what a vignette expects of it.

    `key` is the rule's or hazard's; None when the patient could not be read.
    """

    vignette: str
    key: str | None
    detail: str
    kind: ItemKind = ItemKind.RULE

    def __str__(self) -> str:
        return f"{self.vignette}: {self.key or 'the patient'}: {self.detail}"


def failures(release: PreparedRelease) -> list[Failure]:
    """Everything in which the vignettes of a release fail under it; empty when all pass."""
    return [failure for vignette in release.base.vignettes.values() for failure in play(release, vignette)]


def play(release: PreparedRelease, vignette: Vignette) -> Iterator[Failure]:
    """The failures of one vignette."""
    try:
        answer = decide(
            release, Question(vignette.key, vignette.evaluated_at, vignette.facts), clinically_approved=False
        )
    except (UnusableRequest, Disagreement) as error:
        yield Failure(vignette.key, None, str(error))
        return
    yield from _otherwise(vignette, vignette.expect, answer.states, ItemKind.RULE)
    yield from _otherwise(vignette, vignette.hazards, answer.hazards, ItemKind.HAZARD)


def _otherwise(
    vignette: Vignette, expect: Mapping[Any, tuple[str, ...]], states: Mapping[str, StrEnum], kind: ItemKind
) -> Iterator[Failure]:
    """What is expected to be in one state and is in another."""
    for expected, keys in expect.items():
        for key in keys:
            if states.get(key) is not expected:
                found = _said(states[key]) if key in states else f"no {kind} of this release"
                yield Failure(vignette.key, key, f"expected {_said(expected)}, but it is {found}", kind)


def _said(state: StrEnum) -> str:
    return label(state).lower()
