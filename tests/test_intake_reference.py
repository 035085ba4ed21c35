"""What the intake makes of whatever is posted is what the plain telling of it makes; limits are every value in them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from cds.deciding import Question, decide
from cds.decisions.intake.resolver import FactResolver
from cds.decisions.withholding import outcomes
from cds.writing import instant
from knowledge.facts import Fact, Invariant
from knowledge.items import State
from knowledge.reasoning import reading
from tests.intake_reference import resolve
from tests.proof.small import AT, base, coded, flag, prepared, rule, whole
from tests.strategies import moderately

PARTS = (
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
SOURCES = ("patient", "nurse", "oncologist", None)
CODES = ("low", "middle", "high")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "a": st.booleans(),
    "b": st.booleans(),
    "n": st.integers(0, 5),
    "c": st.sampled_from(CODES),
    "d": st.booleans(),
    "e": st.booleans(),
}


@st.composite
def dictionaries(draw: st.DrawFn) -> dict[str, Fact]:
    """Four facts and two that follow, one of them from the other; how long they last, whose they are, what is worse."""

    def drawn(*worse: Any) -> dict[str, Any]:
        return {
            "worse": draw(st.sampled_from((None, *worse))),
            "valid_days": draw(st.sampled_from((None, 1, 2))),
            "conflict_hours": draw(st.sampled_from((0, 1, 24))),
            "asserted_by": draw(st.sampled_from(((), ("oncologist",), ("oncologist", "nurse")))),
        }

    def derived(key: str, parts: tuple[str, ...], *invariants: Invariant) -> Fact:
        steps = draw(st.lists(st.tuples(st.booleans(), st.sampled_from(parts)), min_size=1, max_size=4))
        return flag(key, *steps, **drawn("true", "false"), invariants=invariants)

    gives_way = draw(st.sampled_from((None, "a", "d")))
    cannot_be = Invariant("d and n is 0", "Cannot be.", "book", "p1", gives_way)
    facts = (
        flag("a", **drawn("true", "false")),
        flag("b", **drawn("true")),
        whole("n", 0, 5, **drawn("high", "low")),
        coded("c", *CODES, **drawn(CODES, tuple(reversed(CODES)))),
        derived("d", PARTS, *([cannot_be] if draw(st.booleans()) else [])),
        derived("e", (*PARTS, "d", "not d and a", "d is unknown and b")),
    )
    return {fact.key: fact for fact in facts}


def posted(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value, or observations of it by several sources at several times, some empty, some taken back."""

    def observed(value: Any, minutes: int, source: str | None, kind: str) -> dict[str, Any]:
        one: dict[str, Any] = {"observed_at": instant(AT - timedelta(minutes=minutes)), "source": source}
        if kind == "retracts":
            return one | {"retracts": True}
        return one | {"value": None if kind == "empty" else value}

    minutes = st.sampled_from((0, 30, 60, 61, 600, 1440, 1500, 2800, 4000))
    kinds = st.sampled_from(("value", "value", "value", "value", "empty", "retracts"))
    one = st.builds(observed, value, minutes, st.sampled_from(SOURCES), kinds)
    return st.none() | value | one | st.lists(one, min_size=1, max_size=4)


PATIENTS = st.fixed_dictionaries({}, optional={key: posted(value) for key, value in VALUES.items()})


@moderately
@given(dictionaries(), PATIENTS)
def test_the_intake_and_the_plain_telling_of_it_agree(facts: dict[str, Fact], patient: dict[str, Any]) -> None:
    resolved = FactResolver(facts).resolve(patient, AT)
    for notice in resolved.notices:
        event(notice.code)
    assert resolved.known == resolve(facts, patient, AT)
    assert resolved.variants == (resolved.known,)


@moderately
@given(dictionaries(), PATIENTS, st.data())
def test_what_is_posted_first_and_what_later_makes_no_difference(
    facts: dict[str, Fact], patient: dict[str, Any], data: st.DataObject
) -> None:
    mixed = {
        key: data.draw(st.permutations(patient[key])) if isinstance(patient[key], list) else patient[key]
        for key in data.draw(st.permutations(sorted(patient)))
    }
    resolver = FactResolver(facts)
    one, other = resolver.resolve(patient, AT), resolver.resolve(mixed, AT)
    assert one.known == other.known
    assert sorted(notice.code for notice in one.notices) == sorted(notice.code for notice in other.notices)


@moderately
@given(dictionaries(), PATIENTS, st.sampled_from(sorted(VALUES)), st.data())
def test_no_value_is_set_aside_without_a_word(
    facts: dict[str, Fact], patient: dict[str, Any], key: str, data: st.DataObject
) -> None:
    """A value that was posted for the moment counts, or a notice names its fact."""
    patient = {**patient, key: data.draw(VALUES[key])}
    resolved = FactResolver(facts).resolve(patient, AT)
    if resolved.known.get(key) != patient[key]:
        named = {name for notice in resolved.notices for name in notice.facts}
        given_way = {one.gives_way for fact in facts.values() for one in fact.invariants}
        assert key in named or key in given_way


@moderately
@given(
    dictionaries(),
    st.lists(st.sampled_from((*PARTS, "d", "not e", "d or n between 2 and 3")), min_size=1, max_size=6, unique=True),
    st.sampled_from((("<", range(4)), ("<=", range(4)), (">", range(3, 6)), (">=", range(3, 6)))),
    PATIENTS,
)
def test_of_limits_that_is_so_which_is_so_for_every_value_within(
    facts: dict[str, Fact], conditions: list[str], limits: tuple[str, range], patient: dict[str, Any]
) -> None:
    sign, within = limits
    edge = {"<": within.stop, "<=": within.stop - 1, ">": within.start - 1, ">=": within.start}[sign]
    patient = {key: value for key, value in patient.items() if key in ("a", "b", "c")}
    rules = [rule(f"r{number}", text) for number, text in enumerate(conditions)]
    with prepared(base(*facts.values(), *rules)) as release:
        answer = decide(release, Question("x", AT, {**patient, "n": f"{sign}{edge}"}), clinically_approved=True)
        each = [release.resolver.resolve({**patient, "n": value}, AT).known for value in within]
        met = {name: {reading(condition, known) for known in each} for name, condition in release.conditions.items()}
        expected = outcomes(release, {name: one.pop() if len(one) == 1 else None for name, one in met.items()})
    assert answer.states == expected.rules
    event(f"{sum(state is State.UNDETERMINED for state in answer.states.values())} undetermined")
