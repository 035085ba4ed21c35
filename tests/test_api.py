"""Facts in, cited recommendations out: what an app gets for a patient, and what it can rely on in every answer."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from cds import keys
from cds.models import ApiKey, Decision
from cds.schemas import Recommendations
from cds.service import Service
from knowledge import people
from knowledge.items import Actor, Urgency
from knowledge.models import Role
from knowledge.releasing import approve_release, in_force
from tests import clinic
from tests.clinic import ASK, NOW, Caller, keys_of
from tests.databases import BOTH

WITH_NOT_MET = f"{ASK}?include=not_met"

EXAMPLE = """{
  "subject": "opaque string, optional",
  "evaluated_at": "2026-01-31T09:00:00Z",
  "facts": {
    "age_years": 60,
    "diabetes_mellitus": true,
    "pain_nrs": {"value": 7, "observed_at": "2026-01-31T08:00:00Z", "source": "patient"},
    "disease_phase": [
      {"value": "acute", "observed_at": "2026-01-30T10:00:00Z", "source": "oncologist"},
      {"value": "stable", "observed_at": "2026-01-02T10:00:00Z", "source": "oncologist"}
    ]
  },
  "actors": ["oncologist", "patient"]
}"""
"""The request of the interfaces that others rely on."""

IN_PAIN = {"has_mbc": True, "age_years": 70, "disease_phase": "stable", "pain_nrs": 8}
"""Pain of 8: uncontrolled, and an emergency is not excluded, so advice to exercise waits."""


@pytest.fixture(scope="module", params=BOTH)
def shipped_on_both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """An app that asks the shipped content, on either database."""
    with clinic.asked(request.getfixturevalue(f"shipped_{request.param}"), tmp_path_factory.mktemp("api")) as caller:
        yield caller


def vignettes() -> list[tuple[str, dict[str, Any]]]:
    """Every shipped patient as an app would post her."""
    return [
        (one.key, {"evaluated_at": one.evaluated_at.isoformat(), "facts": dict(one.facts)})
        for one in clinic.shipped_base().vignettes.values()
    ]


def test_the_example_request_is_answered(shipped_on_both: Caller) -> None:
    response = shipped_on_both.post(EXAMPLE)
    assert (response.status_code, response.content_type) == (200, "application/json")
    answer = json.loads(response.data)
    assert list(answer) == [
        "decision_id",
        "release",
        "evaluated_at",
        "notices",
        "hazards",
        "recommendations",
        "withheld",
        "undetermined",
        "undetermined_hazards",
        "missing_facts",
        "ignored_facts",
    ]
    assert str(UUID(answer["decision_id"])) == answer["decision_id"]
    assert answer["evaluated_at"] == "2026-01-31T09:00:00Z"
    assert answer["release"] == shipped_on_both.shown("/api/v1/facts")["release"]
    assert answer["release"]["number"] == 1
    assert answer["release"]["digest"].startswith("sha256:")
    advised = {one["rule"]: one for one in answer["recommendations"]}
    screened = advised["pre-exercise-screen-diabetes"]
    assert {"fact": "diabetes_mellitus", "value": True, "reading": "diabetes mellitus"} in screened["because"]
    assert screened["citations"][0]["source"] == "kida-2021"
    assert screened["citations"][0]["doi"] == "10.1200/OP.20.00622"
    assert "pain-acute-basic-control" in advised, "the newer observation of the phase holds"
    assert "pain-stable-basic-control" not in advised


def test_an_answer_gives_what_the_rule_says_and_who_says_so(caller: Caller) -> None:
    answer = caller.ask(IN_PAIN)
    for advised in answer["recommendations"]:
        rule = clinic.shipped_base().rules[advised["rule"]]
        assert advised["version"] == 1
        assert (advised["title"], advised["text"], advised.get("patient_text")) == (
            rule.title,
            rule.text,
            rule.patient_text,
        )
        assert (advised["kind"], advised["mode"], advised["topic"]) == (rule.kind, rule.mode, rule.topic)
        assert (advised["actors"], advised["urgency"]) == (list(rule.actors), rule.urgency)
        assert advised["notes"] == list(rule.notes)
        assert [(one["source"], one["locator"], one["strength"]) for one in advised["citations"]] == [
            (one.source, one.locator, one.strength) for one in rule.citations
        ]
        for cited in advised["citations"]:
            assert cited["reference"] == clinic.shipped_base().sources[cited["source"]].reference


def test_every_shipped_patient_gets_an_answer_of_the_documented_shape(caller: Caller) -> None:
    shape = Recommendations()
    shown = caller.shown("/api/v1/rules")["rules"]
    fireable = {rule["rule"] for rule in shown if rule["condition"] is not None}
    statements = {rule["rule"] for rule in shown} - fireable
    rules = clinic.shipped_base().rules.values()
    assert (len(fireable), len(statements)) == (sum(not rule.is_statement for rule in rules), 15)
    seen: Counter[str] = Counter()
    for key, request in vignettes():
        answer = caller.ask(**request, path=WITH_NOT_MET)
        assert shape.validate(answer) == {}, key
        states = {
            "recommended": keys_of(answer["recommendations"]),
            "withheld": [*dict.fromkeys(keys_of(answer["withheld"]))],
            "undetermined": keys_of(answer["undetermined"]),
            "not_met": keys_of(answer["not_met"]),
        }
        everything = [rule for rules in states.values() for rule in rules]
        assert Counter(everything) == Counter(fireable), (
            f"{key}: every rule is in exactly one state, statements in none"
        )
        for state, keys_in_state in clinic.shipped_base().vignettes[key].expect.items():
            assert set(keys_in_state) <= set(states[state]), key
        seen.update(state for state, rules in states.items() if rules)
    assert set(seen) == {"recommended", "withheld", "undetermined", "not_met"}


def test_rules_that_are_not_met_are_left_out_unless_asked_for(caller: Caller) -> None:
    assert "not_met" not in caller.ask(IN_PAIN)
    asked_for = caller.ask(IN_PAIN, path=WITH_NOT_MET)
    assert "pain-acute-basic-control" in keys_of(asked_for["not_met"])
    assert {"rule", "version", "title"} == set(asked_for["not_met"][0])


def test_the_most_urgent_comes_first_then_what_her_own_findings_triggered_then_the_topic(caller: Caller) -> None:
    urgencies = [urgency.value for urgency in Urgency]
    combinations = set()
    for key, request in vignettes():
        places = [
            (urgencies.index(one["urgency"]), trigger(one["because"]), one["topic"], one["rule"])
            for one in caller.ask(**request)["recommendations"]
        ]
        assert places == sorted(places), key
        combinations |= {place[:2] for place in places}
    assert combinations >= {(0, 0), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)}, "nothing was there to be ordered"


def trigger(because: list[dict[str, Any]]) -> int:
    """0 for her own findings, 1 for the phase alone, 2 for what stands for everybody."""
    known = {finding["fact"] for finding in because if finding["value"] is not None}
    if known - {"disease_phase"}:
        return 0
    return 1 if known else 2


def test_missing_facts_are_ranked_by_the_rules_that_they_could_decide(caller: Caller) -> None:
    labels = {fact["key"]: fact["label"] for fact in caller.shown("/api/v1/facts")["facts"]}
    for key, request in vignettes():
        answer = caller.ask(**request)
        wanted = Counter(fact for one in answer["undetermined"] for fact in one["missing"])
        ranked = [(-one["undetermined_rules"], one["fact"]) for one in answer["missing_facts"]]
        assert ranked == sorted((-count, fact) for fact, count in wanted.items()), key
        assert {one["fact"]: one["label"] for one in answer["missing_facts"]} == {fact: labels[fact] for fact in wanted}


def test_posting_a_missing_fact_decides_the_rules_that_wanted_it_alone(caller: Caller) -> None:
    before = caller.ask(IN_PAIN)
    alone = {one["rule"] for one in before["undetermined"] if one["missing"] == ["fatigue_present"]}
    assert len(alone) > 10
    after = caller.ask({**IN_PAIN, "fatigue_present": False})
    assert not alone & set(keys_of(after["undetermined"]))
    assert "fatigue_present" not in [one["fact"] for one in after["missing_facts"]]


def test_until_a_person_approves_the_release_every_answer_says_that_nobody_has(
    caller: Caller, service: Service
) -> None:
    first = caller.ask(IN_PAIN)["notices"]
    assert [one["code"] for one in first] == ["not_clinically_approved", "hazard_not_excluded"]
    assert first[:1] == [
        {
            "code": "not_clinically_approved",
            "facts": [],
            "detail": "Release 1 was imported and is not yet clinically approved by a person.",
            "urgent": False,
        }
    ]
    with service.sessions() as session:
        approver = people.add(session, "Ben", Role.APPROVER, "correct horse battery", by=None, at=NOW)
        release = in_force(session)
        assert release is not None
        approve_release(session, release, by=approver, at=NOW, reason="Read in full.")
        session.commit()
    assert [one["code"] for one in caller.ask(IN_PAIN)["notices"]] == ["hazard_not_excluded"]


def test_an_assumed_population_is_said(caller: Caller) -> None:
    notices = caller.ask({"disease_phase": "acute"})["notices"]
    assumed = {one["facts"][0]: one["detail"] for one in notices if one["code"] == "population_assumed"}
    assert assumed == {
        "age_years": "Not known; the answer assumes what the content is for: age at least 18 years.",
        "has_mbc": "Not known; the answer assumes what the content is for: metastatic breast cancer.",
    }


@pytest.mark.parametrize(("fact", "value"), [("has_mbc", False), ("age_years", 17)])
def test_outside_the_population_no_rule_applies_and_the_answer_says_why(
    caller: Caller, fact: str, value: object
) -> None:
    answer = caller.ask({**IN_PAIN, fact: value}, path=WITH_NOT_MET)
    assert answer["recommendations"] == answer["withheld"] == answer["undetermined"] == answer["missing_facts"] == []
    assert len(answer["not_met"]) == sum(not rule.is_statement for rule in clinic.shipped_base().rules.values())
    outside = [one for one in answer["notices"] if one["code"] == "outside_population"]
    assert [one["facts"] for one in outside] == [[fact]]
    assert outside[0]["detail"].startswith("No rule applies, since what was posted says: ")


def test_at_exactly_18_she_is_inside(caller: Caller) -> None:
    assert caller.ask({**IN_PAIN, "age_years": 18})["recommendations"]


def test_of_sources_that_disagree_within_the_window_the_worse_counts_and_that_is_said_first(caller: Caller) -> None:
    answer = caller.ask(
        {
            "pain_nrs": [
                {"value": 7, "observed_at": "2026-06-01T08:00:00Z", "source": "patient"},
                {"value": 3, "observed_at": "2026-06-01T08:30:00Z", "source": "nurse"},
            ]
        }
    )
    assert answer["notices"][0] == {
        "code": "disagreement",
        "facts": ["pain_nrs"],
        "detail": "Pain intensity: “pain intensity 3” on 2026-06-01 08:30 UTC by nurse and “pain intensity 7” on "
        "2026-06-01 08:00 UTC by patient disagree; the worse counts, “pain intensity 7”. Ask again now.",
        "urgent": True,
    }
    assert "ext-pain-uncontrolled" in keys_of(answer["recommendations"])


def test_past_the_window_the_newer_observation_holds(caller: Caller) -> None:
    answer = caller.ask(
        {
            "pain_nrs": [
                {"value": 3, "observed_at": "2026-06-01T07:29:59Z"},
                {"value": 7, "observed_at": "2026-06-01T08:30:00Z"},
            ]
        }
    )
    assert "disagreement" not in {one["code"] for one in answer["notices"]}
    assert "ext-pain-uncontrolled" in keys_of(answer["recommendations"])


@pytest.mark.parametrize(
    ("observed_at", "known"),
    [("2026-05-02T00:00:00Z", True), ("2026-05-01T23:59:59Z", False)],
    ids=["30 days, from the first second", "a second more"],
)
def test_an_observation_is_known_for_its_validity_and_no_longer(caller: Caller, observed_at: str, known: bool) -> None:
    answer = caller.ask({"pain_nrs": {"value": 7, "observed_at": observed_at}})
    assert ("ext-pain-severity-bands" in keys_of(answer["recommendations"])) is known
    assert [one["detail"] for one in answer["notices"] if one["code"] == "too_old"] == (
        []
        if known
        else ["“pain intensity 7” on 2026-05-01 23:59 UTC is older than 30 days and counts as not known. Ask again."]
    )


def test_null_says_not_known_and_not_known_is_never_no(caller: Caller) -> None:
    with_null = caller.ask({**IN_PAIN, "fatigue_present": None, "ecog_ps": {"value": None}})
    left_out = caller.ask(IN_PAIN)
    assert with_null["undetermined"] == left_out["undetermined"]
    assert with_null["recommendations"] == left_out["recommendations"]
    denied = caller.ask({**IN_PAIN, "fatigue_present": False})
    assert len(denied["undetermined"]) < len(left_out["undetermined"])


def test_a_derived_fact_is_marked_as_derived_and_cited(caller: Caller) -> None:
    advised = {one["rule"]: one for one in caller.ask(IN_PAIN)["recommendations"]}
    [uncontrolled] = [
        finding
        for finding in advised["ext-oncologic-emergency-list"]["because"]
        if finding["fact"] == "uncontrolled_pain"
    ]
    assert uncontrolled["value"] is True
    derived = uncontrolled["derived"]
    assert (derived["when"], derived["in_words"], derived["needs"]) == (
        "pain_nrs >= 7",
        "pain intensity at least 7",
        ["pain_nrs"],
    )
    assert derived["citation"]["source"] == "serlin-1995"
    assert derived["citation"]["reference"].startswith("Serlin RC")


def test_what_was_posted_and_what_follows_contradict_and_the_worse_counts(caller: Caller) -> None:
    posted = caller.ask({**IN_PAIN, "uncontrolled_pain": False})
    assert "ext-oncologic-emergency-list" in keys_of(posted["recommendations"])
    assert (posted["notices"][0]["code"], posted["notices"][0]["urgent"]) == ("contradiction", True)
    same = caller.ask({**IN_PAIN, "uncontrolled_pain": True})
    assert "contradiction" not in {one["code"] for one in same["notices"]}
    for advised in same["recommendations"]:
        for finding in advised["because"]:
            assert finding["fact"] != "uncontrolled_pain" or "derived" not in finding


@pytest.mark.parametrize(
    ("evaluated_at", "days"),
    [("2026-05-31T23:30:00-05:00", 29), ("2026-06-01T04:30:00Z", 30), ("2026-06-01T04:30:00+09:00", 30)],
)
def test_days_since_the_diagnosis_are_counted_where_the_patient_is(
    caller: Caller, evaluated_at: str, days: int
) -> None:
    facts = {"has_mbc": True, "mbc_diagnosis_date": "2026-05-02"}
    decision = caller.ask(facts, evaluated_at=evaluated_at)["decision_id"]
    assert caller.shown(f"/api/v1/decisions/{decision}")["facts_known"]["days_since_mbc_diagnosis"] == days


def test_what_a_hazard_withholds_is_named_with_the_hazard_and_the_reason(caller: Caller) -> None:
    answer = caller.ask(IN_PAIN)
    assert keys_of(answer["withheld"]) == [
        "t2-stable-patient-exercise",
        "t2-stable-priority-strength-performance",
        "distress-stable-exercise",
        "exercise-stable-maintain-capacity",
        "phase-stable-focus-health",
        "stable-prepare-for-acute",
    ]
    hazard = clinic.shipped_base().hazards["pain-emergency-open"]
    for one in answer["withheld"]:
        assert one["withheld_by"] == {"hazard": hazard.key}
        assert one["reason"] == hazard.reason
    assert set(hazard.answered_by) & set(keys_of(answer["recommendations"]))
    excluded = caller.ask({**IN_PAIN, "oncologic_emergency_excluded": True})
    assert excluded["withheld"] == []
    assert set(keys_of(answer["withheld"])) <= set(keys_of(excluded["recommendations"]))


def test_actors_narrow_the_answer_to_their_own_rules(caller: Caller) -> None:
    everybody = caller.ask(IN_PAIN, path=WITH_NOT_MET)
    for actor in Actor:
        narrowed = caller.ask(IN_PAIN, path=WITH_NOT_MET, actors=[actor.value])
        for part in ("recommendations", "withheld", "undetermined", "not_met"):
            inside = set(keys_of(narrowed[part]))
            assert inside <= set(keys_of(everybody[part])), "narrowing changes no rule's state"
            for_actor = {
                key for key in keys_of(everybody[part]) if speaks_to(actor, clinic.shipped_base().rules[key].actors)
            }
            hidden = {key for key in for_actor if not clinic.shipped_base().rules[key].patient_may_see}
            assert inside == (for_actor - hidden if actor in (Actor.PATIENT, Actor.CAREGIVER) else for_actor)


def speaks_to(actor: Actor, actors: tuple[Actor, ...]) -> bool:
    """Whether rules for these actors are for this one: an oncologist is a clinician and one of the care team."""
    team = {Actor.ONCOLOGIST, Actor.PRIMARY_CARE, Actor.CLINICIAN, Actor.CARE_TEAM}
    wider = {
        Actor.ONCOLOGIST: {Actor.ONCOLOGIST, Actor.CLINICIAN, Actor.CARE_TEAM},
        Actor.PRIMARY_CARE: {Actor.PRIMARY_CARE, Actor.CLINICIAN, Actor.CARE_TEAM},
        Actor.CLINICIAN: team,
        Actor.CARE_TEAM: team,
    }
    return bool(wider.get(actor, {actor}) & set(actors))


def test_a_patient_sees_only_what_a_patient_may_see(caller: Caller) -> None:
    hidden = [key for key, rule in clinic.shipped_base().rules.items() if not rule.patient_may_see]
    for actors in (["patient"], ["caregiver"], ["patient", "caregiver"]):
        answer = caller.ask({"has_mbc": True, "disease_phase": "acute"}, path=WITH_NOT_MET, actors=actors)
        shown = [key for part in ("recommendations", "undetermined", "not_met") for key in keys_of(answer[part])]
        assert shown
        assert not set(shown) & set(hidden)
        for advised in answer["recommendations"]:
            assert advised["patient_may_see"] is True
            assert advised["text"] == advised["patient_text"], "in the words that were written for her"
            assert advised["notes"] == [], "the notes are for clinicians"
        counted = Counter(fact for one in answer["undetermined"] for fact in one["missing"])
        assert {one["fact"]: one["undetermined_rules"] for one in answer["missing_facts"]} == counted


def test_a_patient_is_not_told_the_clinical_reason_for_which_something_waits(caller: Caller) -> None:
    for_clinicians, for_patients = (
        caller.ask(IN_PAIN, actors=actors) for actors in (["patient", "clinician"], ["patient"])
    )
    visible = [key for key in keys_of(for_clinicians["withheld"]) if clinic.shipped_base().rules[key].patient_may_see]
    assert keys_of(for_patients["withheld"]) == visible
    assert all("emergency" in one["reason"] for one in for_clinicians["withheld"])
    assert {one["reason"] for one in for_patients["withheld"]} == {
        "Your care team looks at something else first. Ask them about it."
    }


def test_an_answer_is_digested_as_it_was_sent(shipped_on_both: Caller) -> None:
    response = shipped_on_both.post(EXAMPLE)
    digest = hashlib.sha256(response.data).hexdigest()
    decision = shipped_on_both.shown(f"/api/v1/decisions/{json.loads(response.data)['decision_id']}")
    assert decision["response_digest"] == f"sha256:{digest}"


def test_emoji_in_a_subject_and_a_source_are_kept_as_they_are(shipped_on_both: Caller) -> None:
    facts = {"pain_nrs": {"value": 3, "source": "🧑🏽‍⚕️ nurse"}, "comfort_function_goals": "Walk the dog 🐕"}
    answer = shipped_on_both.ask(facts, subject="Zoë 🌷")
    decision = shipped_on_both.shown(f"/api/v1/decisions/{answer['decision_id']}")
    assert (decision["subject"], decision["facts_posted"]) == ("Zoë 🌷", facts)


def test_an_app_needs_no_content_type(caller: Caller, api_key: str) -> None:
    for content_type in ("application/json", "application/x-www-form-urlencoded", "text/plain", ""):
        response = caller.client.post(
            ASK,
            data='{"facts": {"age_years": 60}}',
            headers={"Authorization": f"bearer  {api_key} ", "Content-Type": content_type},
        )
        assert response.status_code == 200, content_type


def test_a_key_is_kept_only_as_its_digest(service: Service) -> None:
    with service.sessions() as session:
        key = keys.issue(session, "A new app", by=None, at=NOW)
        session.commit()
        row = session.scalars(select(ApiKey).where(ApiKey.label == "A new app")).one()
    assert row.key_hash == hashlib.sha256(key.encode()).hexdigest()
    assert row.prefix == key[:8]
    service.database.dispose()
    stored = Path(str(service.database.url.database)).read_bytes()
    assert key.encode() not in stored
    assert key[:8].encode() in stored


def test_a_decision_is_recorded_with_the_key_that_asked_and_the_time(caller: Caller, service: Service) -> None:
    answer = caller.ask(IN_PAIN, subject="patient-7")
    with service.sessions() as session:
        row = session.get_one(Decision, answer["decision_id"])
        label = session.scalars(select(ApiKey.label).where(ApiKey.id == row.api_key_id)).one()
    assert (row.subject, row.recorded_at, row.evaluated_at, row.origin) == ("patient-7", NOW, NOW, "127.0.0.1")
    assert label == "The app of the tests"


def test_answers_are_not_kept_in_caches(caller: Caller) -> None:
    response = caller.post(EXAMPLE)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
