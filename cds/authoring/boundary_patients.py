"""Test patients at the boundaries of a rule or hazard that nobody has yet, made once and kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from cds.changes.candidate import Candidate
from cds.changes.remembered import same_items
from cds.changes.trial import in_the_way
from knowledge.canonical import digest
from knowledge.errors import KnowledgeError
from knowledge.items import Vignette
from knowledge.references import Name
from knowledge.schemas import content_of


class NoBoundaryPatients(KnowledgeError):
    """No test patients could be made; the text says why."""


class _Kept(NamedTuple):
    among: Candidate
    name: Name
    at: datetime
    patients: tuple[Vignette, ...]


_kept: deque[_Kept] = deque(maxlen=8)


def boundary_patients(among: Candidate, name: Name, at: datetime) -> tuple[Vignette, ...]:
    """Test patients on both sides of each limit, and one for each alternative alone, who are not there already.

    Raises NoBoundaryPatients. Takes some seconds the first time.
    """
    for kept in tuple(_kept):
        if kept.name == name and kept.at == at and same_items(kept.among, among):
            return kept.patients
    there = [dict(one.facts) for one in among.base.vignettes.values() if _speaks(one, name)]
    found = tuple(one for one in _made(among, name, at) if dict(one.facts) not in there)
    _kept.appendleft(_Kept(among, name, at, found))
    return found


def identity_of(patient: Vignette) -> str:
    """What a page calls a suggested patient: the same while it says the same, whatever its key."""
    return digest({**content_of(patient), "key": ""})


def _made(among: Candidate, name: Name, at: datetime) -> Sequence[Vignette]:
    # Who only answers requests never loads the solver.
    from cds.authoring.proof.boundaries import boundary_vignettes
    from cds.authoring.proof.formulas import TimedOut

    if getattr(among.items[name], "condition", None) is None:
        return []
    if problems := in_the_way(among):
        first = problems[0]
        raise NoBoundaryPatients(
            f"Test patients can be made once this is mended: {first.kind} {first.key}: {first.detail}"
        )
    try:
        return boundary_vignettes(among.base, name, at)
    except TimedOut:
        raise NoBoundaryPatients("The solver came to no end in its time: write test patients by hand.") from None


def _speaks(vignette: Vignette, name: Name) -> bool:
    kind, key = name
    expected = vignette.hazards if kind == "hazard" else vignette.expect
    return any(key in keys for keys in expected.values())
