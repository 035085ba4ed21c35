"""Whatever an app posts leaves a patient known as the solver holds to be possible; nobody is left out of a proof."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cds.authoring.proof.encoded_base import EncodedBase
from cds.authoring.proof.formulas import Search
from cds.authoring.proof.posting import posted_facts
from cds.decisions.intake.resolver import FactResolver
from cds.writing import instant
from knowledge.facts import Fact, Invariant
from knowledge.items import KnowledgeBase
from tests.proof.small import AT, base, coded, flag, whole
from tests.strategies import moderately

_PARTS = (
    "a",
    "not a",
    "a is unknown",
    "b and n >= 3",
    "n < 2",
    "n is unknown and b",
    "c is low or b is unknown",
    "c in (low, middle)",
    "not (a or n > 4)",
    "at least 2 of (a, b, n > 1)",
)
_WORSE = st.sampled_from((None, "true", "false"))
_TOLD = {"contradiction", "superseded", "follows_differently", "cannot_both_be", "disagreement"}


@st.composite
def dictionaries(draw: st.DrawFn) -> KnowledgeBase:
    """Three facts, and two that follow: one from the three, one also from the other; and what cannot be."""

    def derived(key: str, parts: tuple[str, ...], *invariants: Invariant) -> Fact:
        given_ = draw(st.lists(st.tuples(st.booleans(), st.sampled_from(parts)), min_size=1, max_size=4))
        return flag(key, *given_, worse=draw(_WORSE), invariants=invariants)

    gives_way = draw(st.sampled_from((None, "a", "d")))
    cannot_be = Invariant("d and n is 0", "Cannot be.", "book", "p1", gives_way)
    return base(
        flag("a", worse=draw(_WORSE)),
        flag("b"),
        whole("n", 0, 5),
        coded("c", "low", "middle", "high"),
        derived("d", _PARTS, *([cannot_be] if draw(st.booleans()) else [])),
        derived("e", (*_PARTS, "d", "not d and a", "d is unknown and b")),
    )


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "a": st.booleans(),
    "b": st.booleans(),
    "n": st.integers(0, 5),
    "c": st.sampled_from(("low", "middle", "high")),
    "d": st.booleans(),
    "e": st.booleans(),
}


def _posted(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value, observed now, yesterday or before, by one or by two."""
    hours = st.sampled_from((0, 2, 30, 60))
    observed = st.builds(
        lambda one, hours, by: {"value": one, "observed_at": instant(AT - timedelta(hours=hours)), "source": by},
        value,
        hours,
        st.sampled_from(("patient", "nurse")),
    )
    return value | observed | st.lists(observed, min_size=2, max_size=3)


PATIENTS = st.fixed_dictionaries({}, optional={key: _posted(value) for key, value in _VALUES.items()})


@moderately
@given(dictionaries(), PATIENTS)
def test_what_intake_leaves_known_is_possible_to_the_solver(of: KnowledgeBase, posted: dict[str, Any]) -> None:
    resolved = FactResolver(of.facts).resolve(posted, AT)
    encoded = EncodedBase(of)
    patient = encoded.encoder.described(resolved.known)  # type: ignore[arg-type]
    assert Search([encoded.possible], seconds=10).find(patient) is not None
    if not _TOLD & {notice.code for notice in resolved.notices}:
        assert Search([encoded.possible, encoded.plausible], seconds=10).find(patient) is not None


@moderately
@given(dictionaries(), st.data())
def test_a_plausible_patient_of_the_solver_can_be_posted(of: KnowledgeBase, data: st.DataObject) -> None:
    encoded = EncodedBase(of)
    search = Search([encoded.possible, encoded.plausible], seconds=10)
    wanted = [encoded.encoder.facts[key] for key in data.draw(st.sets(st.sampled_from(sorted(_VALUES))))]
    model = search.find(*(fact.known for fact in wanted))
    if model is None:
        return
    known = encoded.encoder.patient(model)
    resolver = FactResolver(of.facts)
    assert resolver.resolve(posted_facts(known, resolver, AT), AT).known == known
