"""What is in force and what was recorded, as an app can look it up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cds import keys, schemas
from cds.service import Service, service_of
from knowledge import lifecycle
from knowledge.canonical import digest
from knowledge.items import Actor, ItemKind, Mode, RuleKind
from knowledge.models import Role, release_digest
from knowledge.releasing import approve_release, in_force
from knowledge.schemas import content_of
from tests import clinic
from tests.clinic import NOW, Caller, keys_of, problem_in
from tests.databases import BOTH

IN_PAIN = {"has_mbc": True, "age_years": 70, "disease_phase": "stable", "pain_nrs": 8}
WALK = "exercise-any-offer-if-feasible"


@pytest.fixture(scope="module", params=BOTH)
def caller(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """A knowledge base with a history: release 2 changes one rule, is in force and clinically approved."""
    shipped = request.getfixturevalue(f"shipped_{request.param}")
    with clinic.asked(shipped, tmp_path_factory.mktemp("browsing")) as caller:
        service = service_of(caller.client.application)
        caller.ask(IN_PAIN, subject="under release 1")
        number = clinic.publish(service, WALK, at=NOW + timedelta(hours=1), title="Offer a walk")
        clinic.put_in_force(service, number, at=NOW + timedelta(hours=2))
        with service.sessions() as session:
            dora = clinic.person(session, "Dora", Role.APPROVER)
            release = in_force(session)
            assert release is not None
            approve_release(session, release, by=dora, at=NOW + timedelta(hours=3), reason="Read in full.")
            session.commit()
        clinic.publish(service, WALK, at=NOW + timedelta(hours=4), title="Offer a long walk")
        yield caller


def test_the_dictionary_tells_all_of_every_fact(caller: Caller) -> None:
    shown = caller.shown("/api/v1/facts")
    assert schemas.Facts().validate(shown) == {}
    facts = clinic.shipped_base().facts
    assert {fact["key"]: fact for fact in shown["facts"]} == {key: content_of(fact) for key, fact in facts.items()}
    assert shown["release"]["number"] == 2


def test_every_rule_in_force_is_shown_statements_included(caller: Caller) -> None:
    shown = caller.shown("/api/v1/rules")
    assert schemas.Rules().validate(shown) == {}
    rules = clinic.shipped_base().rules
    assert {rule["rule"] for rule in shown["rules"]} == set(rules)
    assert {rule["rule"] for rule in shown["rules"] if rule["condition"] is None} == {
        key for key, rule in rules.items() if rule.is_statement
    }
    for rule in shown["rules"]:
        assert rule["citations"], f"{rule['rule']} cites nobody"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("topic=pain", lambda rule: rule.topic == "pain"),
        ("kind=priority", lambda rule: rule.kind is RuleKind.PRIORITY),
        ("mode=org", lambda rule: rule.mode is Mode.ORG),
        ("actor=caregiver", lambda rule: Actor.CAREGIVER in rule.actors),
        ("topic=pain&actor=patient", lambda rule: rule.topic == "pain" and Actor.PATIENT in rule.actors),
        ("topic=no-such-topic", lambda rule: False),
    ],
)
def test_rules_can_be_narrowed(caller: Caller, query: str, wanted) -> None:
    expected = {key for key, rule in clinic.shipped_base().rules.items() if wanted(rule)}
    assert set(keys_of(caller.shown(f"/api/v1/rules?{query}")["rules"])) == expected
    assert bool(expected) is (query != "topic=no-such-topic")


def test_one_rule_is_shown_with_its_condition_in_words_and_what_it_overrides(caller: Caller) -> None:
    rule = caller.shown("/api/v1/rules/ext-delirium-act")
    assert schemas.RuleShown().validate(rule) == {}
    assert (rule["condition"]["text"], rule["condition"]["in_words"]) == ("delirium", "delirium")
    overridden = caller.shown("/api/v1/rules/ps-cognitive-consider-depression-fatigue")
    assert rule["overrides"][0]["rule"] == overridden["rule"]
    assert {"rule": "ext-delirium-act", "reason": rule["overrides"][0]["reason"]} in overridden["withheld_by"]
    walk = caller.shown(f"/api/v1/rules/{WALK}")
    hazard = clinic.shipped_base().hazards["pain-emergency-open"]
    assert {"hazard": hazard.key, "reason": hazard.reason} in walk["withheld_by"]
    assert (walk["version"], walk["title"]) == (2, "Offer a walk")


def test_a_statement_is_shown_and_cited_without_a_condition(caller: Caller) -> None:
    statement = caller.shown("/api/v1/rules/acp-definition")
    assert schemas.RuleShown().validate(statement) == {}
    assert statement["condition"] is None
    assert statement["citations"]


def test_the_versions_of_a_rule_say_who_when_why_and_where_they_were_used(caller: Caller) -> None:
    shown = caller.shown(f"/api/v1/rules/{WALK}/versions")
    assert schemas.Versions().validate(shown) == {}
    said = [
        (one["version"], one["state"], one["created_by"], one["approved_by"], one["reason"], one["releases"])
        for one in shown["versions"]
    ]
    assert said == [
        (3, "released", "Ada", "Ben", "New evidence.", [3]),
        (2, "released", "Ada", "Ben", "New evidence.", [2]),
        (1, "released", None, None, "Shipped with Phasewise.", [1]),
    ]
    assert [one["content"]["title"] for one in shown["versions"][:2]] == ["Offer a long walk", "Offer a walk"]
    for one in shown["versions"]:
        assert one["digest"] == digest(one["content"])
    assert shown["versions"][1]["approved_at"] == "2026-06-01T10:00:00Z"


def test_what_is_still_a_draft_is_not_shown(caller: Caller) -> None:
    service = service_of(caller.client.application)
    with service.sessions() as session:
        ada = clinic.person(session, "Ada", Role.AUTHOR)
        for key in (WALK, "a-new-rule"):
            lifecycle.draft(session, ItemKind.RULE, key, {"key": key}, by=ada, at=NOW, reason="A thought.")
        session.commit()
    assert [one["version"] for one in caller.shown(f"/api/v1/rules/{WALK}/versions")["versions"]] == [3, 2, 1]
    problem_in(caller.get("/api/v1/rules/a-new-rule/versions"), 404)


def test_releases_say_which_is_in_force_since_when_by_whom_and_why(caller: Caller) -> None:
    shown = caller.shown("/api/v1/releases")
    assert schemas.Releases().validate(shown) == {}
    said = [
        (one["number"], one["origin"], one["in_force"], one["clinically_approved"], one["created_by"])
        for one in shown["releases"]
    ]
    assert said == [
        (3, "desk", False, False, "Cleo"),
        (2, "desk", True, True, "Cleo"),
        (1, "imported", False, False, None),
    ]
    assert [one["activations"] for one in shown["releases"]] == [
        [],
        [{"since": "2026-06-01T11:00:00Z", "by": "Ben", "reason": "Read in full."}],
        [{"since": "2026-01-01T00:00:00Z", "by": None, "reason": "Shipped with Phasewise."}],
    ]


def test_anybody_can_make_the_digest_of_a_release_from_its_parts(caller: Caller) -> None:
    for number in (1, 2, 3):
        shown = caller.shown(f"/api/v1/releases/{number}")
        assert schemas.ReleaseInFull().validate(shown) == {}
        parts = [(one["kind"], one["key"], one["version"], one["digest"]) for one in shown["versions"]]
        assert shown["digest"] == release_digest(parts)
    assert {one["kind"] for one in shown["versions"]} == {"fact", "source", "rule", "hazard", "vignette"}


def test_a_decision_is_shown_as_it_was_recorded_and_by_the_release_of_its_time(caller: Caller) -> None:
    answer = caller.ask(
        IN_PAIN, path=f"{clinic.ASK}?include=not_met", subject="patient-1", actors=["oncologist", "patient"]
    )
    shown = caller.shown(f"/api/v1/decisions/{answer['decision_id']}")
    assert schemas.DecisionShown().validate(shown) == {}
    assert (shown["subject"], shown["facts_posted"]) == ("patient-1", IN_PAIN)
    assert shown["actors"] == ["oncologist", "patient"]
    assert shown["release"] == answer["release"]
    assert shown["facts_known"]["uncontrolled_pain"] is True
    fireable = {key for key, rule in clinic.shipped_base().rules.items() if not rule.is_statement}
    assert set(shown["states"]) == fireable, "all rules, however narrow the answer"
    for part, state in (
        ("recommendations", "recommended"),
        ("withheld", "withheld"),
        ("undetermined", "undetermined"),
        ("not_met", "not_met"),
    ):
        assert answer[part]
        assert {shown["states"][key] for key in keys_of(answer[part])} == {state}


def test_an_app_sees_its_own_decisions_only(caller: Caller) -> None:
    decision = caller.ask(IN_PAIN)["decision_id"]
    service: Service = service_of(caller.client.application)
    with service.sessions() as session:
        key = keys.issue(session, "Another app", by=None, at=NOW)
        session.commit()
    other = Caller(caller.client, {"Authorization": f"Bearer {key}"})
    problem = problem_in(other.get(f"/api/v1/decisions/{decision}"), 404)
    assert problem["detail"] == f"This API key made no decision '{decision}'."
    caller.shown(f"/api/v1/decisions/{decision}")
