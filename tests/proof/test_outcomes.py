"""What the solver says becomes of rules and hazards is what a real answer says, whatever overrides and forbids."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cds.authoring.proof.encoded_base import EncodedBase
from cds.authoring.proof.formulas import Search, disjunction
from cds.deciding import Question, decide
from knowledge.items import HazardState, ItemKind, KnowledgeBase, Mode, State
from knowledge.model.actions import Action
from tests.proof.small import AT, base, flag, hazard, prepared, rule, whole
from tests.strategies import moderately

_CONDITIONS = st.sampled_from(
    ("a", "not a", "b or n > 3", "n between 2 and 4", "always", "b is unknown", "a and n < 3")
)
_ACTIONS = st.sampled_from((Action.EXERCISE, Action.EXERCISE_VIGOROUS, Action.FLUIDS))
_KEYS = ("r0", "r1", "r2", "r3", "r4")


@st.composite
def bases(draw: st.DrawFn) -> KnowledgeBase:
    """Five rules, each of which may override later ones by key, one by action; and two hazards."""
    rules = []
    for place, key in enumerate(_KEYS):
        later = _KEYS[place + 1 :]
        over: list[str | Action] = (
            list(draw(st.lists(st.sampled_from(later), max_size=2, unique=True))) if later else []
        )
        mode = draw(st.sampled_from((Mode.DO, Mode.OFFER, Mode.AVOID)))
        does = tuple(draw(st.lists(_ACTIONS, max_size=2, unique=True)))
        if place == 0 and draw(st.booleans()):
            # Only the first, so that no circle comes of it.
            over.append(draw(_ACTIONS))
        rules.append(rule(key, draw(_CONDITIONS), *does, overrides=tuple(over), mode=mode))
    hazards = [hazard(key, draw(_CONDITIONS), draw(_ACTIONS), answered_by=("r0",)) for key in ("h0", "h1")]
    return base(flag("a"), flag("b"), whole("n", 0, 5), *rules, *hazards)


PATIENTS = st.fixed_dictionaries({}, optional={"a": st.booleans(), "b": st.booleans(), "n": st.integers(0, 5)})


@moderately
@given(bases(), PATIENTS)
def test_the_solver_and_a_real_answer_agree_on_every_rule_and_hazard(of: KnowledgeBase, posted: dict) -> None:
    encoded = EncodedBase(of)
    model = Search([encoded.possible], seconds=10).find(encoded.encoder.described(posted))
    assert model is not None
    with prepared(of) as release:
        answer = decide(release, Question("tried", AT, posted), clinically_approved=False)
    for key, state in answer.states.items():
        withheld = disjunction(one.active for one in encoded.withholders(key))
        met = model[encoded.met((ItemKind.RULE, key))]
        assert model[encoded.recommended(key)] is (state is State.RECOMMENDED)
        assert (met and model[withheld]) is (state is State.WITHHELD)
    for key, state in answer.hazards.items():
        assert model[encoded.met((ItemKind.HAZARD, key))] is (state is HazardState.PRESENT)
