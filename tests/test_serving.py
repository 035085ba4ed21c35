"""The release in force answers at once, the earlier ones stay readable, and patients who come together stay apart."""

from __future__ import annotations

import json
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from cds import keys, serving
from cds.deciding import decide
from cds.models import ApiKey, Decision
from cds.record.recording import question_of
from cds.releases import PreparedRelease
from cds.service import Service, service_of
from cds.serving import NoRelease, Serving
from knowledge.database import connect, sessions, upgrade
from tests import clinic
from tests.clinic import API_KEY, ASK, NOW, Caller, keys_of
from tests.databases import BOTH, empty_database

GOALS = "acp-clarify-goals-of-care"
"""A rule for everybody, always."""


@pytest.fixture(params=BOTH)
def shipped_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Each test on both databases."""
    with clinic.copied(request.getfixturevalue(f"shipped_{request.param}"), tmp_path) as url:
        yield url


def test_a_new_activation_answers_the_next_question_and_old_decisions_stay_readable(
    caller: Caller, service: Service, shipped_url: str
) -> None:
    first = caller.ask({"age_years": 60})
    title = clinic.shipped_base().rules[GOALS].title
    number = clinic.publish(service, GOALS, title="Talk about goals", condition="age_years >= 65")
    assert caller.ask({"age_years": 60})["release"]["number"] == 1, "published is not yet in force"
    # Another process puts it in force: the running service is told of nothing.
    with clinic.open_app(shipped_url) as desk:
        clinic.put_in_force(service_of(desk), number, at=NOW + timedelta(hours=1))
    second = caller.ask({"age_years": 60}, path=f"{ASK}?include=not_met")
    assert second["release"]["number"] == 2
    assert second["release"]["digest"] != first["release"]["digest"]
    assert GOALS in keys_of(first["recommendations"])
    assert GOALS in keys_of(second["not_met"])
    [advised] = [one for one in caller.ask({"age_years": 65})["recommendations"] if one["rule"] == GOALS]
    assert (advised["version"], advised["title"]) == (2, "Talk about goals")
    assert caller.shown("/api/v1/facts")["release"]["number"] == 2

    old = caller.shown(f"/api/v1/decisions/{first['decision_id']}")
    assert old["release"] == first["release"]
    assert old["states"][GOALS] == "recommended"
    assert made_again(service, first["decision_id"]) == first
    assert made_again(service, second["decision_id"]) == second

    clinic.put_in_force(service, 1, at=NOW + timedelta(hours=2))
    back = caller.ask({"age_years": 60})
    assert back["release"] == first["release"]
    assert title in [one["title"] for one in back["recommendations"]]


def made_again(service: Service, decision_id: str) -> dict[str, Any]:
    with service.sessions() as session:
        row = session.get_one(Decision, decision_id)
        release = service.serving.of(session, row.release_id)
    return json.loads(decide(release, question_of(row), clinically_approved=False).response)


def test_a_release_published_at_the_desk_says_that_it_is_not_yet_approved(caller: Caller, service: Service) -> None:
    clinic.put_in_force(service, clinic.publish(service, GOALS, title="Talk about goals"))
    notices = caller.ask({"age_years": 60, "has_mbc": True})["notices"]
    assert [one for one in notices if one["code"] != "hazard_not_excluded"] == [
        {
            "code": "not_clinically_approved",
            "facts": [],
            "detail": "Release 2 is not yet clinically approved by a person.",
            "urgent": False,
        }
    ]


def patients(count: int) -> list[dict[str, Any]]:
    """Patients no two of whom are alike."""
    return [
        {
            "subject": f"patient-{number}",
            "facts": {
                "has_mbc": True,
                "age_years": 18 + number % 80,
                "disease_phase": ("acute", "stable")[number % 2],
                "pain_nrs": number % 11,
                "fatigue_present": (True, False, None)[number % 3],
            },
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [2, 8])
def test_patients_who_come_together_get_each_her_own_answer(app: Flask, service: Service, count: int) -> None:
    asked = patients(40)
    alone = Caller(app.test_client())
    expected = [without_id(alone.ask(**patient)) for patient in asked]
    assert len({json.dumps(answer) for answer in expected}) > 30
    together = threading.Barrier(count)

    def one_after_another(numbers: range) -> list[tuple[int, dict[str, Any]]]:
        mine = Caller(app.test_client())
        together.wait()
        return [(number, mine.ask(**asked[number])) for number in numbers]

    with ThreadPoolExecutor(count) as threads:
        answered = [
            pair
            for answers in threads.map(one_after_another, [range(start, 40, count) for start in range(count)])
            for pair in answers
        ]
    assert [without_id(answer) for _, answer in sorted(answered, key=lambda pair: pair[0])] == expected
    with service.sessions() as session:
        for number, answer in answered:
            row = session.get_one(Decision, answer["decision_id"])
            assert row.subject == asked[number]["subject"]
            assert json.loads(row.facts_posted) == asked[number]["facts"]


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in answer.items() if name != "decision_id"}


def test_a_release_is_made_ready_once_however_many_ask_for_it_first(
    app: Flask, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[int] = Counter()
    ready = serving.prepare

    def prepare(session: Session, release_id: int) -> PreparedRelease:
        made[release_id] += 1
        return ready(session, release_id)

    monkeypatch.setattr(serving, "prepare", prepare)
    together = threading.Barrier(8)

    def ask(_: int) -> int:
        caller = Caller(app.test_client())
        together.wait()
        return caller.ask({"age_years": 60})["release"]["number"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [1] * 8
    assert list(made.values()) == [1]


def test_while_a_release_is_put_in_force_everybody_is_answered_by_the_one_or_the_other(
    app: Flask, service: Service
) -> None:
    number = clinic.publish(service, GOALS, condition="age_years >= 65")
    started = threading.Barrier(5)
    seen: list[list[dict[str, Any]]] = [[] for _ in range(4)]

    def ask(mine: list[dict[str, Any]]) -> None:
        caller = Caller(app.test_client())
        mine.append(caller.ask({"age_years": 60}))
        started.wait()
        while mine[-1]["release"]["number"] != number:
            mine.append(caller.ask({"age_years": 60}))

    threads = [threading.Thread(target=ask, args=(mine,), daemon=True) for mine in seen]
    for thread in threads:
        thread.start()
    started.wait()
    clinic.put_in_force(service, number)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a question was answered by the old release for ever"
    for mine in seen:
        numbers = [answer["release"]["number"] for answer in mine]
        assert numbers == sorted(numbers)
        for answer in mine:
            assert (GOALS in keys_of(answer["recommendations"])) is (answer["release"]["number"] == 1)


def test_without_an_activation_there_is_no_release(tmp_path: Path) -> None:
    with empty_database("sqlite", tmp_path) as url:
        engine = connect(url)
        upgrade(engine)
        with sessions(engine)() as session, pytest.raises(NoRelease):
            Serving().current(session)
        engine.dispose()


def test_a_key_works_in_every_process(shipped_url: str, caller: Caller) -> None:
    """Nothing about a key is kept in memory: what one process issues or ends holds in the others."""
    with clinic.open_app(shipped_url) as other:
        service = service_of(other)
        with service.sessions() as session:
            key = keys.issue(session, "New", by=None, at=NOW)
            session.commit()
        newcomer = Caller(caller.client, {"Authorization": f"Bearer {key}"})
        newcomer.ask({})
        with service.sessions() as session:
            row = session.get_one(ApiKey, keys.holder(session, key))
            keys.revoke(session, row, by=None, at=NOW)
            session.commit()
    assert newcomer.post({"facts": {}}).status_code == 401
    assert Caller(caller.client, {"Authorization": f"Bearer {API_KEY}"}).ask({})


def test_the_releases_that_were_asked_for_last_stay_ready_and_one_in_use_is_never_closed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    class Ready:
        def __init__(self, release_id: int) -> None:
            made.append(release_id)

    monkeypatch.setattr(serving, "prepare", lambda _, release_id: Ready(release_id))
    kept = Serving()
    with service.sessions() as session:
        first = kept.of(session, 1)
        gone = weakref.ref(first)
        for release_id in (2, 3, 1, 4):
            kept.of(session, release_id)
        assert kept.of(session, 1) is first
        kept.of(session, 2)
        assert made == [1, 2, 3, 4, 2]
        for release_id in (3, 4, 2):
            kept.of(session, release_id)
        assert gone() is first, "somebody still asks it"
        del first
        assert gone() is None
        kept.forget()
        kept.of(session, 2)
        assert made == [1, 2, 3, 4, 2, 3, 4, 2][: len(made)]
        assert made[-1] == 2
