"""Every rule ends in exactly one state; overrides withhold; no answer leaves that two evaluations do not agree on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds.deciding import Disagreement, Question, decide, letters, states_from
from cds.releases import PreparedRelease
from cds.requests import UnusableRequest
from knowledge.files import base_of
from knowledge.items import Actor, ItemKind, State
from knowledge.schemas import item_from

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

FACTS: list[dict[str, Any]] = [
    *(
        {
            "key": key,
            "label": key.title(),
            "type": "boolean",
            "phrase": key,
            "absence": f"no {key}",
            "topic": "symptoms",
        }
        for key in ("pain", "fever", "wound", "tired")
    ),
    {
        "key": "disease_phase",
        "label": "Phase",
        "type": "code",
        "phrase": "disease phase",
        "topic": "disease",
        "codes": [{"code": "acute", "label": "acute"}, {"code": "stable", "label": "stable"}],
    },
    {
        "key": "ill",
        "label": "Ill",
        "type": "boolean",
        "phrase": "ill",
        "absence": "not ill",
        "topic": "symptoms",
        "worse": "true",
        "derivations": [
            {"value": True, "when": "pain and fever", "source": "book", "locator": "p1"},
            {"value": False, "when": "not pain", "source": "book", "locator": "p2"},
        ],
    },
]
SOURCE = {"key": "book", "reference": "A book. 2020.", "title": "A book", "year": 2020, "verification": "read"}


def rule(key: str, condition: str | None, **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "title": key.capitalize(),
        "text": f"Do {key}.",
        "kind": "advice",
        "mode": "do" if condition else "context",
        "topic": "care",
        "actors": ["clinician"],
        "urgency": "this_visit",
        "condition": condition,
        "patient_may_see": False,
        "review_by": "2027-01-31",
        "citations": [{"source": "book", "locator": "p1", "strength": "should"}],
        **more,
    }


def over(*keys: str) -> dict[str, Any]:
    return {"overrides": [{"rule": key, "reason": f"Not {key} now."} for key in keys]}


RULES = [
    rule("walk", "always"),
    rule("rest", "fever", **over("walk")),
    rule("operate", "wound", **over("rest")),
    rule("wait", "pain", **over("walk")),
    rule("listen", "disease_phase is acute"),
    rule("measure", "tired is unknown"),
    rule("doctor", "ill"),
    rule("remember", None),
]


@pytest.fixture(scope="module")
def release() -> Iterator[PreparedRelease]:
    ready = ready_from(RULES)
    yield ready
    ready.close()


def ready_from(rules: list[dict[str, Any]], facts: list[dict[str, Any]] = FACTS) -> PreparedRelease:
    items = [
        *(item_from(ItemKind.FACT, fact) for fact in facts),
        *(item_from(ItemKind.RULE, {name: part for name, part in one.items() if part is not None}) for one in rules),
        item_from(ItemKind.SOURCE, SOURCE),
    ]
    base = base_of(items)
    return PreparedRelease(1, "sha256:0", base, {(ItemKind.RULE, one["key"]): 1 for one in rules})


def asked(facts: Mapping[str, Any], **more: Any) -> Question:
    return Question("decision", NOON, facts, with_not_met=True, **more)


def states_of(release: PreparedRelease, **facts: Any) -> dict[str, str]:
    return dict(decide(release, asked(facts), clinically_approved=True).states)


def response_of(release: PreparedRelease, **facts: Any) -> dict[str, Any]:
    return json.loads(decide(release, asked(facts), clinically_approved=True).response)


R, W, U, N = State.RECOMMENDED, State.WITHHELD, State.UNDETERMINED, State.NOT_MET


@pytest.mark.parametrize(
    ("facts", "walk", "rest", "operate", "wait"),
    [
        ({}, R, U, U, U),
        ({"fever": False, "wound": False, "pain": False}, R, N, N, N),
        ({"fever": True, "wound": False, "pain": False}, W, R, N, N),
        ({"fever": True, "pain": True, "wound": False}, W, R, N, R),
        ({"fever": True, "wound": True, "pain": False}, R, W, R, N),
        ({"fever": True, "wound": True, "pain": True}, W, W, R, R),
        ({"fever": True}, W, R, U, U),
        ({"wound": True}, R, U, R, U),
        ({"fever": False, "wound": True}, R, N, R, U),
    ],
    ids=lambda value: ",".join(value) or "nothing known" if isinstance(value, dict) else None,
)
def test_a_rule_withholds_others_while_it_is_recommended_itself(
    release: PreparedRelease, facts: dict[str, Any], walk: State, rest: State, operate: State, wait: State
) -> None:
    """A withheld rule withholds nothing, and neither does one that is not met or not decided."""
    found = states_of(release, **facts)
    assert {key: found[key] for key in ("walk", "rest", "operate", "wait")} == {
        "walk": walk,
        "rest": rest,
        "operate": operate,
        "wait": wait,
    }


def test_a_rule_that_two_others_withhold_is_listed_with_both(release: PreparedRelease) -> None:
    answer = response_of(release, fever=True, pain=True, wound=False)
    assert sorted(answer["withheld"], key=lambda one: one["withheld_by"]["rule"]) == [
        {"rule": "walk", "version": 1, "withheld_by": {"rule": "rest"}, "reason": "Not walk now."},
        {"rule": "walk", "version": 1, "withheld_by": {"rule": "wait"}, "reason": "Not walk now."},
    ]


def test_statements_have_no_state(release: PreparedRelease) -> None:
    assert "remember" not in states_of(release)
    assert set(states_of(release)) == {one["key"] for one in RULES if one["condition"]}


def test_what_is_not_known_can_be_what_decides(release: PreparedRelease) -> None:
    [measured] = [one for one in response_of(release)["recommendations"] if one["rule"] == "measure"]
    assert measured["because"] == [{"fact": "tired", "value": None, "reading": "tired: not known"}]
    assert states_of(release, tired=False)["measure"] is N


def test_own_findings_come_before_the_phase_and_the_phase_before_what_always_holds(release: PreparedRelease) -> None:
    answer = response_of(release, disease_phase="acute", pain=True, fever=True, wound=True)
    assert [one["rule"] for one in answer["recommendations"]] == ["doctor", "operate", "wait", "listen", "measure"]


@pytest.mark.parametrize(
    ("facts", "value", "when"),
    [
        ({"pain": True, "fever": True}, True, "pain and fever"),
        ({"pain": False}, False, "not pain"),
        ({"fever": True}, None, None),
        ({"pain": True}, None, None),
        ({"pain": True, "fever": True, "ill": True}, True, None),
        ({"pain": True, "fever": True, "ill": False}, True, "pain and fever"),
        ({"pain": False, "ill": True}, True, None),
    ],
)
def test_a_fact_is_derived_from_what_is_known_and_where_another_was_posted_the_worse_counts(
    release: PreparedRelease, facts: dict[str, Any], value: bool | None, when: str | None
) -> None:
    prepared = decide(release, asked(facts), clinically_approved=True).resolved
    assert prepared.known.get("ill") is value
    assert (prepared.derived["ill"].when if "ill" in prepared.derived else None) == when


def test_the_states_are_kept_as_letters_and_read_back(release: PreparedRelease) -> None:
    """Stored text is permanent: these letters, in the order of the keys."""
    answer = decide(release, asked({"fever": True, "pain": False, "wound": False}), clinically_approved=True)
    assert release.order == ("doctor", "listen", "measure", "operate", "rest", "wait", "walk")
    assert letters(release, answer.states) == "nurnrnw"
    assert states_from(release, "nurnrnw") == answer.states


def test_the_same_question_has_the_same_answer_to_the_byte(release: PreparedRelease) -> None:
    question = asked({"wound": True, "fever": True, "pain": False}, actors=(Actor.ONCOLOGIST,))
    again = ready_from(list(reversed(RULES)), list(reversed(FACTS)))
    assert (
        decide(release, question, clinically_approved=True).response
        == decide(again, question, clinically_approved=True).response
    )
    again.close()


ORDERED = """
from cds.deciding import decide
from tests.test_deciding import RULES, asked, over, ready_from, rule
names = [f"other-{number}" for number in range(8)]
rules = [rule("aim", "wound", **over("walk")), *(rule(name, "pain", **over("aim", "walk")) for name in names)]
release = ready_from([*RULES, *rules])
print(decide(release, asked({"pain": True, "fever": True}), clinically_approved=True).response.decode())
"""


def test_the_same_question_has_the_same_answer_in_every_process() -> None:
    """Sets of texts have another order in each process: nothing of it may be seen."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ORDERED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.PIPE,
        )
        for seed in ("1", "2", "3")
    ]
    first, *others = [process.communicate()[0] for process in processes]
    assert len(json.loads(first)["withheld"]) == 10
    assert [first, first] == others


def test_a_release_says_whether_it_was_imported(release: PreparedRelease) -> None:
    answer = json.loads(decide(release, asked({}), clinically_approved=False).response)
    assert answer["notices"][0]["detail"] == "Release 1 is not yet clinically approved by a person."


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, [("Rest", "Fever"), ("Wait", "Pain")]),
        ({"pain": False}, [("Rest", "Fever")]),
        ({"pain": False, "fever": False}, []),
        ({"pain": False, "fever": True}, [("Operate", "Wound")]),
        ({"pain": False, "wound": True}, []),
        ({"fever": True, "wound": False}, []),
    ],
    ids=[
        "two rules may yet withhold it",
        "one may",
        "none does",
        "it is withheld, by a rule that may be so too",
        "what may withhold it would be withheld itself",
        "it is withheld whatever else",
    ],
)
def test_what_may_yet_be_withheld_is_said(
    release: PreparedRelease, facts: dict[str, Any], told: list[tuple[str, str]]
) -> None:
    """Not known is never no: that no other rule is known to stand against walking is not that none does."""
    notices = [one for one in response_of(release, **facts)["notices"] if one["code"] == "may_be_withheld"]
    assert sorted(one["detail"] for one in notices) == [
        f"One of the recommendations would be withheld if “{title}” applied. It is not decided for want of: {lacking}."
        for title, lacking in told
    ]


def test_what_may_yet_be_withheld_is_said_only_of_what_is_asked_for(release: PreparedRelease) -> None:
    question = asked({}, actors=(Actor.PATIENT,))
    answer = json.loads(decide(release, question, clinically_approved=True).response)
    assert answer["recommendations"] == answer["notices"] == []


def test_a_patient_is_told_to_ask_first_without_clinical_reasons() -> None:
    for_her = {"actors": ["patient"], "patient_text": "Walk.", "patient_may_see": True}
    with closing(ready_from([rule("walk", "always", **for_her), rule("rest", "fever", **over("walk"))])) as ready:
        question = asked({}, actors=(Actor.PATIENT,))
        [notice] = json.loads(decide(ready, question, clinically_approved=True).response)["notices"]
    assert notice["code"] == "may_be_withheld"
    assert notice["detail"] == (
        "Your care team still has to check some things that may change this advice. Ask them first."
    )


@pytest.mark.parametrize("lie", ["one too many", "one too few"])
def test_an_engine_that_says_otherwise_than_the_plain_reading_gives_no_answer(
    release: PreparedRelease, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    honest = type(release.engine).fire
    condition = release.rules["rest"].condition
    known = {"fever": lie == "one too few"}

    def fire(engine: Any, facts: Any) -> frozenset[str]:
        return honest(engine, facts) ^ {condition}

    monkeypatch.setattr(type(release.engine), "fire", fire)
    with pytest.raises(Disagreement) as caught:
        decide(release, asked(known), clinically_approved=True)
    assert {*caught.value.fired} ^ {*caught.value.read} == {condition}
    assert (condition in caught.value.fired) is (lie == "one too many")
    assert caught.value.resolved.known == known
    assert caught.value.question.facts == known


def test_facts_that_cannot_be_read_never_reach_the_engine(
    release: PreparedRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fire(*_: Any) -> frozenset[str]:
        raise AssertionError("The engine was asked.")

    monkeypatch.setattr(type(release.engine), "fire", fire)
    with pytest.raises(UnusableRequest) as caught:
        decide(release, asked({"fever": "yes", "favor": True}), clinically_approved=True)
    assert [problem.pointer for problem in caught.value.problems] == ["/facts/fever", "/facts/favor"]
