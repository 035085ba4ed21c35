"""Comparisons over recorded decisions: in the background, seen from everywhere, cancelled, interrupted, refused."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cds.changes import running, working
from cds.changes.beside import NotComparable, over_vignettes
from cds.changes.candidate import candidate
from cds.changes.running import KEPT, SILENCE, TooManyAtOnce, What, found_by
from cds.models import ComparisonRun, Decision, Work
from cds.record.digests import decision_digest
from cds.service import Service, service_of
from knowledge import audit, lifecycle, people
from knowledge.database import connect, sessions, upgrade
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Role, User, Version
from tests import clinic
from tests.clinic import NOW, Caller
from tests.databases import BOTH, empty_database
from tests.desk import PASSWORD, enter, staffed_copy, token
from tests.story import by_force
from tests.test_pages import read, words

ROOT = Path(__file__).parent.parent
RULE = "ext-oncologic-emergency-list"
BANDS = "ext-pain-severity-bands"
LATER = "pain_nrs >= 4 and not oncologic_emergency_excluded"
IN_PAIN = {"has_mbc": True, "disease_phase": "stable", "uncontrolled_pain": True, "pain_nrs": 8}
COMFORTABLE = {"has_mbc": True, "disease_phase": "stable", "uncontrolled_pain": False, "pain_nrs": 8}
OF_BOTH = 240
"""How many decisions are on record about either patient."""


def decision(number: int, facts: Mapping[str, Any]) -> dict[str, Any]:
    at = NOW - timedelta(days=10) + timedelta(minutes=10 * number)
    row: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "release_id": 1,
        "evaluated_at": at,
        "recorded_at": at,
        "subject": f"patient {number}",
        "api_key_id": 1,
        "origin": "api",
        "facts_posted": json.dumps(facts),
        "facts_known": "{}",
        "states": "",
        "request": None,
        "actors": None,
        "response_digest": "sha256:00",
        "salt": f"{number:032x}",
    }
    return {**row, "digest": decision_digest(row)}


@pytest.fixture(scope="module", params=BOTH)
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The shipped content, a person of every role, a draft of one rule, and decisions about two patients."""
    shipped = request.getfixturevalue(f"shipped_{request.param}")
    with staffed_copy(shipped, tmp_path_factory.mktemp("busy")) as url:
        engine = connect(url)
        with sessions(engine)() as session:
            drafted(session, RULE, condition=LATER)
            rows = [decision(number, COMFORTABLE if number % 2 else IN_PAIN) for number in range(2 * OF_BOTH)]
            session.execute(insert(Decision), rows)
            session.commit()
        engine.dispose()
        yield url


@pytest.fixture
def shipped_url(busy: str, tmp_path: Path) -> Iterator[str]:
    with clinic.copied(busy, tmp_path) as url:
        yield url


def named(session: Session, role: Role = Role.AUTHOR) -> User:
    return session.scalars(select(User).where(User.name == role.value)).one()


def drafted(session: Session, key: str, **changes: Any) -> Version:
    """A draft of a shipped rule with other content."""
    held = session.scalars(select(Version).where(Version.key == key, Version.number == 1)).one()
    content = json.loads(held.content) | changes
    return lifecycle.draft(session, ItemKind.RULE, key, content, by=named(session), at=NOW, reason="New evidence.")


def the_draft(session: Session) -> Version:
    return session.scalars(select(Version).where(Version.key == RULE, Version.number == 2)).one()


def asked(session: Session, days: int = 30) -> What:
    today = NOW.date()
    return running.asked(session, [the_draft(session)], proposal=False, first=today - timedelta(days=days), last=today)


def begun(service: Service, role: Role = Role.AUTHOR, days: int = 30) -> int:
    """A comparison of the draft that is stored, and not yet worked on."""
    with service.sessions() as session:
        run, new = running.begin(session, asked(session, days), by=named(session, role), at=service.now())
        assert new
        session.commit()
        return run.id


def stored(service: Service, number: int) -> ComparisonRun:
    with service.sessions() as session:
        return session.get_one(ComparisonRun, number)


def compared(service: Service, number: int) -> ComparisonRun:
    """The comparison, worked on to its end."""
    working.work(service, number)
    return stored(service, number)


def ended(service: Service, number: int, patience: float = 60) -> ComparisonRun:
    """The comparison that another thread works on, once it has ended."""
    until = time.monotonic() + patience
    while (run := stored(service, number)).state is Work.RUNNING:
        assert time.monotonic() < until, "It never ended."
        time.sleep(0.02)
    return run


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that takes a rest after each decision, and tells each time how far it is."""
    monkeypatch.setattr(working, "_BREATH", 0.02)
    monkeypatch.setattr(working, "EVERY", 1)


@pytest.fixture
def author(client: FlaskClient) -> FlaskClient:
    assert enter(client, "author").status_code == 303
    return client


def start(client: FlaskClient, **form: Any) -> TestResponse:
    page = client.get("/desk/changes/").text
    usual = {"csrf_token": token(page), "over": "decisions", "from": "2026-05-01", "to": "2026-06-01"}
    return client.post("/desk/changes/", data=usual | {name.rstrip("_"): value for name, value in form.items()})


def number_in(response: TestResponse) -> int:
    assert response.status_code == 303, words(response.text)
    return int(response.headers["Location"].rsplit("/", 1)[1])


def test_every_decision_of_the_period_is_compared_and_the_reasons_are_told(service: Service) -> None:
    run = compared(service, begun(service))
    assert (run.state, run.done, run.total, run.failure) == (Work.FINISHED, 2 * OF_BOTH, 2 * OF_BOTH, None)
    found = found_by(run)
    assert found is not None
    assert (found.decisions.patients, found.decisions.affected) == (2 * OF_BOTH, 2 * OF_BOTH)
    rule = found.decisions.rules[RULE]
    assert rule.counts == {"lacks": 2 * OF_BOTH}
    assert rule.lacking == {"Oncologic emergency ruled out": 2 * OF_BOTH}
    assert sum(reason.count for reason in rule.kept) == 2 * OF_BOTH
    with service.sessions() as session:
        assert found.examples == over_vignettes(session, candidate(session, [the_draft(session)]))


def test_only_the_days_of_the_period_count_the_first_and_the_last_included(service: Service) -> None:
    with service.sessions() as session:
        first = date(2026, 5, 22)
        what = running.asked(session, [the_draft(session)], proposal=False, first=first, last=first)
        run, _ = running.begin(session, what, by=named(session), at=NOW)
        session.commit()
        recorded = [at for at in session.scalars(select(Decision.recorded_at)) if at.date() == first]
    assert compared(service, run.id).total == len(recorded) == 24 * 6 - 54


def test_from_the_form_to_the_result(author: FlaskClient, service: Service) -> None:
    form = read(author, "/desk/changes/?version=" + str(draft_id(service)))
    assert re.search(rf'value="{draft_id(service)}" checked', form)
    number = number_in(start(author, version=draft_id(service)))
    ended(service, number)
    page = words(read(author, f"/desk/changes/{number}"))
    assert "480 of 480 decisions would be answered differently." in page
    assert "480 now lack facts" in page
    assert page.index("would be answered differently") < page.index("Each with the reason")
    assert "Undetermined, for want of: Oncologic emergency ruled out." in page
    assert author.get(f"/desk/changes/{number}/state").get_json() == {
        "state": "finished",
        "done": 480,
        "total": 480,
        "said": "480 of 480 decisions",
    }
    assert f"/desk/changes/{number}" in read(author, "/desk/changes/")


def draft_id(service: Service) -> int:
    with service.sessions() as session:
        return the_draft(session).id


def test_it_runs_on_while_the_page_is_left_and_every_process_sees_how_far_it_is(
    author: FlaskClient, service: Service, shipped_url: str, slow: None
) -> None:
    number = number_in(start(author, version=draft_id(service)))
    with clinic.open_app(shipped_url) as elsewhere:
        other = elsewhere.test_client()
        assert enter(other, "auditor").status_code == 303
        seen: list[int] = []
        while len(seen) < 3:
            told = other.get(f"/desk/changes/{number}/state").get_json()
            assert told["state"] == "running"
            if told["total"] and told["done"] not in seen:
                assert told["said"] == f"{told['done']} of 480 decisions"
                seen.append(told["done"])
        assert seen == sorted(seen)
        page = read(other, f"/desk/changes/{number}")
        assert re.search(r'<progress aria-labelledby="how-far" max="480" value="\d+"', page)
        assert "Reload" in page
        assert "Cancel" not in page
    cancelled(author, number)
    ended(service, number)


def cancelled(client: FlaskClient, number: int) -> TestResponse:
    page = client.get(f"/desk/changes/{number}").text
    return client.post(f"/desk/changes/{number}/cancel", data={"csrf_token": token(page)})


def test_to_cancel_it_really_stops_the_work_and_keeps_what_was_found(
    author: FlaskClient, service: Service, slow: None
) -> None:
    number = number_in(start(author, version=draft_id(service)))
    while not stored(service, number).done:
        time.sleep(0.01)
    assert cancelled(author, number).headers["Location"] == f"/desk/changes/{number}"
    run = ended(service, number)
    assert run.state is Work.CANCELLED
    assert 0 < run.done < 480
    found = found_by(run)
    assert found is not None
    assert found.decisions.patients == run.done
    time.sleep(0.2)
    assert stored(service, number).done == run.done
    page = words(read(author, f"/desk/changes/{number}"))
    assert f"{run.done} of 480 decisions were compared" in page.replace("was compared", "were compared")


def test_what_has_ended_is_not_cancelled(author: FlaskClient, service: Service) -> None:
    number = number_in(start(author, version=draft_id(service)))
    ended(service, number)
    assert cancelled(author, number).status_code == 303
    assert stored(service, number).state is Work.FINISHED


def test_only_who_began_it_cancels_it(client: FlaskClient, service: Service) -> None:
    number = begun(service, Role.APPROVER)
    enter(client, "auditor")
    refused = cancelled(client, number)
    assert refused.status_code == 403
    assert "approver started this comparison" in words(refused.text)
    assert not stored(service, number).cancel_requested


_KILLED = """
import sys
from cds.changes import working
from cds.service import Service, Settings
working._BREATH, working.EVERY = 0.02, 1
service = Service(Settings(database_url=sys.argv[1]))
service.now = lambda: __import__("datetime").datetime.fromisoformat(sys.argv[3])
working.work(service, int(sys.argv[2]))
"""


def test_when_its_process_is_killed_it_reads_as_interrupted(author: FlaskClient, service: Service) -> None:
    number = begun(service)
    url = service.settings.database_url
    process = subprocess.Popen([sys.executable, "-c", _KILLED, url, str(number), NOW.isoformat()], cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while stored(service, number).done < 5:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert author.get(f"/desk/changes/{number}/state").get_json()["state"] == "running"
    service.now = lambda: NOW + SILENCE + timedelta(seconds=1)
    run = stored(service, number)
    assert author.get(f"/desk/changes/{number}/state").get_json()["state"] == "interrupted"
    page = words(read(author, f"/desk/changes/{number}"))
    assert f"The process that worked on it ended after {run.done} of 480 decisions. Start the comparison again." in page
    # It no longer counts as one at work.
    assert number_in(start(author, version=draft_id(service))) != number
    ended(service, number + 1)


def test_nobody_has_more_than_two_at_work_and_the_same_one_is_not_begun_twice(service: Service) -> None:
    first = begun(service)
    begun(service, days=20)
    with service.sessions() as session:
        same, new = running.begin(session, asked(session), by=named(session), at=NOW)
        assert (same.id, new) == (first, False)
        with pytest.raises(TooManyAtOnce, match="You have 2 comparisons at work already"):
            running.begin(session, asked(session, 10), by=named(session), at=NOW)
        other, new = running.begin(session, asked(session), by=named(session, Role.AUDITOR), at=NOW)
        assert (other.id != first, new) == (True, True)
        later = NOW + SILENCE + timedelta(seconds=1)
        running.begin(session, asked(session, 10), by=named(session), at=later)


def test_a_form_sent_twice_starts_one_comparison(author: FlaskClient, service: Service, slow: None) -> None:
    first, second = (number_in(start(author, version=draft_id(service))) for _ in range(2))
    assert first == second
    cancelled(author, first)
    ended(service, first)


def test_a_third_one_is_refused_on_the_form_and_what_was_typed_stays(author: FlaskClient, service: Service) -> None:
    begun(service, days=1)
    begun(service, days=2)
    refused = start(author, version=draft_id(service), from_="2026-05-03")
    assert refused.status_code == 422
    assert "wait until one has ended, or cancel one" in words(refused.text)
    assert 'value="2026-05-03"' in refused.text
    assert re.search(rf'value="{draft_id(service)}" checked', refused.text)


def test_answers_go_out_while_it_works(caller: Caller, service: Service) -> None:
    caller.ask(IN_PAIN)
    thread = working.launch(service, begun(service))
    slowest, answered = 0.0, 0
    while thread.is_alive():
        started = time.perf_counter()
        caller.ask(IN_PAIN)
        slowest = max(slowest, time.perf_counter() - started)
        answered += 1
    assert answered > 5
    assert slowest < 2
    with service.sessions() as session:
        kept = session.scalar(select(func.count()).select_from(Decision))
    assert kept == 2 * OF_BOTH + 1 + answered


def test_the_start_is_on_record_and_the_chain_holds(service: Service) -> None:
    number = begun(service)
    compared(service, number)
    with service.sessions() as session:
        [event] = session.scalars(select(AuditEvent).where(AuditEvent.action.like("comparison.%")))
        assert (event.action, event.subject, event.actor) == ("comparison.started", f"comparison/{number}", "author")
        assert json.loads(event.details)["what"]["versions"] == [[the_draft(session).id, the_draft(session).digest]]
        assert audit.verify(session).problem is None


def test_old_comparisons_are_removed_when_a_new_one_is_begun(service: Service) -> None:
    old = begun(service)
    service.now = lambda: NOW + KEPT + timedelta(days=1)
    new = begun(service)
    with service.sessions() as session:
        assert session.scalars(select(ComparisonRun.id)).all() == [new]
    assert old != new or service.database.dialect.name == "sqlite"


def test_a_removed_comparison_ends_its_work(service: Service) -> None:
    number = begun(service)
    with service.sessions() as session:
        session.execute(text("DELETE FROM comparisons"))
        session.commit()
    working.work(service, number)
    with service.sessions() as session:
        assert session.get(ComparisonRun, number) is None


def test_facts_that_the_proposal_refuses_are_told_and_the_rest_is_compared(service: Service) -> None:
    with service.sessions() as session:
        held = session.scalars(select(Version).where(Version.key == "pain_nrs", Version.number == 1)).one()
        content = json.loads(held.content) | {"maximum": 7}
        content["derivations"] = [one for one in content["derivations"] if one["value"] <= 7]
        draft = lifecycle.draft(
            session, ItemKind.FACT, "pain_nrs", content, by=named(session), at=NOW, reason="Another scale."
        )
        what = running.asked(session, [draft], proposal=False, first=NOW.date() - timedelta(days=30), last=NOW.date())
        run, _ = running.begin(session, what, by=named(session), at=NOW)
        session.commit()
    found = found_by(compared(service, run.id))
    assert found is not None
    assert found.decisions.unanswered == {"after": 2 * OF_BOTH}
    assert found.decisions.refused[0].after == ("Pain intensity has the range 0 to 7; 8 is outside it.",)


def test_a_decision_that_was_tampered_with_is_told_and_the_rest_is_compared(service: Service) -> None:
    with service.sessions() as session:
        by_force(session, "UPDATE decisions SET facts_posted = 'no JSON' WHERE sequence = 3")
        session.commit()
    run = compared(service, begun(service))
    found = found_by(run)
    assert found is not None
    assert (run.state, found.decisions.patients, found.decisions.unanswered) == (Work.FINISHED, 480, {"both": 1})
    assert "audit verify" in found.decisions.refused[0].after[0]


def test_when_the_draft_is_written_anew_meanwhile_it_says_so(service: Service) -> None:
    number = begun(service)
    with service.sessions() as session:
        draft = the_draft(session)
        content = json.loads(draft.content) | {"condition": "pain_nrs >= 5"}
        lifecycle.revise(session, draft, content, by=named(session), at=NOW, reason="Better so.")
        session.commit()
    run = compared(service, number)
    assert (run.state, run.result) == (Work.FAILED, None)
    assert run.failure == f"rule {RULE}, version 2 was written anew meanwhile: start the comparison again."


def test_when_another_release_comes_in_force_meanwhile_it_says_so(service: Service) -> None:
    number = begun(service)
    clinic.put_in_force(service, clinic.publish(service, "exercise-any-offer-if-feasible", text="Offer it."))
    run = compared(service, number)
    assert run.state is Work.FAILED
    assert run.failure == "Another release was put in force meanwhile: start the comparison again."


def test_what_nobody_expected_ends_it_with_a_sentence(
    author: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = begun(service)
    monkeypatch.setattr(working, "over_examples", lambda pair: 1 / 0)
    run = compared(service, number)
    assert run.state is Work.FAILED
    page = words(read(author, f"/desk/changes/{number}"))
    assert "It failed. Something went wrong on our side; it was logged. Start the comparison again." in page
    assert "division" not in page


def test_a_result_says_when_the_draft_or_the_release_is_another_by_now(author: FlaskClient, service: Service) -> None:
    number = begun(service)
    compared(service, number)
    assert "by now" not in read(author, f"/desk/changes/{number}")
    with service.sessions() as session:
        draft = the_draft(session)
        content = json.loads(draft.content) | {"condition": "pain_nrs >= 5"}
        lifecycle.revise(session, draft, content, by=named(session), at=NOW, reason="Better so.")
        session.commit()
    clinic.put_in_force(service, clinic.publish(service, "exercise-any-offer-if-feasible", text="Offer it."))
    page = words(read(author, f"/desk/changes/{number}"))
    assert "Written anew since." in page
    assert "Another release is in force by now. This was compared with release 1." in page


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({}, "Nothing is chosen: tick at least one version"),
        ({"version": "9223372036854775808"}, "There is no version with the number “9223372036854775808”"),
        ({"version": "2147483647"}, "There is no version with the number “2147483647”"),
        ({"version": "1' OR 1=1"}, "There is no version with the number “1' OR 1=1”"),
        ({"version": "-1"}, "There is no version with the number “-1”"),
        ({"version": "٣"}, "There is no version with the number “٣”"),
        ({"version": "\x00"}, "There is no version"),
        ({"proposal": "1"}, "Nothing is approved and waits for a release"),
        ({"version": "draft", "from_": "2026-05-10", "to": "2026-05-09"}, "ends on 9 May 2026, before it begins"),
        ({"version": "draft", "from_": "10.5.2026"}, "“10.5.2026” is no day on which the period begins"),
        ({"version": "draft", "to": "2026-02-30"}, "“2026-02-30” is no day on which the period ends"),
        ({"version": "draft", "to": "20260530"}, "“20260530” is no day on which the period ends"),
        ({"version": "draft", "to": ""}, "Say on which day the period ends."),
        ({"version": "draft", "to": "9999-12-31"}, "ends on 31 December 9999, which lies in the future"),
        ({"version": "draft", "to": "2026-06-03"}, "which lies in the future: the last day is 1 June 2026"),
        ({"version": "draft", "from_": "x" * 100_000}, "is no day on which the period begins"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_to_do(
    author: FlaskClient, service: Service, form: dict[str, Any], told: str
) -> None:
    chosen = {name: draft_id(service) if value == "draft" else value for name, value in form.items()}
    refused = start(author, **chosen)
    assert refused.status_code == 422
    assert told in words(refused.text)
    with service.sessions() as session:
        assert session.scalar(select(func.count()).select_from(ComparisonRun)) == 0


def test_the_first_day_there_ever_was_is_a_day(author: FlaskClient, service: Service) -> None:
    number = number_in(start(author, version=draft_id(service), from_="0001-01-01"))
    assert ended(service, number).total == 2 * OF_BOTH


def test_two_versions_of_one_item_do_not_go_together(author: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        held = session.scalars(select(Version.id).where(Version.key == RULE)).all()
    refused = start(author, version=held)
    assert refused.status_code == 422
    assert f"A release holds one version of rule {RULE}: choose only one of them." in words(refused.text)


def test_a_draft_that_cannot_answer_says_what_to_mend(author: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        broken = drafted(session, "exercise-any-offer-if-feasible", condition="no_such_fact")
        unreadable = drafted(session, "acp-help-form-preferences", urgency="soon")
        session.commit()
    refused = author.get(f"/desk/changes/examples?version={broken.id}")
    assert refused.status_code == 422
    assert "no_such_fact" in words(refused.text)
    for response in (
        start(author, version=unreadable.id),
        author.get(f"/desk/changes/examples?version={unreadable.id}"),
    ):
        assert response.status_code == 422
        assert "acp-help-form-preferences" in words(response.text)
    number = number_in(start(author, version=broken.id))
    run = ended(service, number)
    assert run.state is Work.FAILED
    assert "mend this first" in str(run.failure)


def test_a_retired_version_is_left_out(author: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        draft = the_draft(session)
        lifecycle.retire(session, draft, by=named(session), at=NOW, reason="Not needed.")
        session.commit()
    assert "is retired" in words(start(author, version=draft.id).text)


def test_the_example_patients_alone_are_answered_at_once(author: FlaskClient, service: Service) -> None:
    moved = start(author, version=draft_id(service), over="examples")
    assert moved.headers["Location"] == f"/desk/changes/examples?version={draft_id(service)}"
    page = words(read(author, moved.headers["Location"]))
    assert re.search(r"of \d+ example patients would be answered differently\.", page)
    assert "Check the list of oncologic emergencies" in page
    assert (
        words(read(author, moved.headers["Location"] + "&page=99999999999999999999")).count("Each with the reason") == 1
    )
    with service.sessions() as session:
        assert session.scalar(select(func.count()).select_from(ComparisonRun)) == 0


def test_all_that_is_approved_is_compared_as_the_next_release(client: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        draft = the_draft(session)
        lifecycle.submit(session, draft, by=named(session), at=NOW)
        lifecycle.approve(session, draft, by=named(session, Role.APPROVER), at=NOW)
        session.commit()
    enter(client, "auditor")
    assert 'value="1" checked' in read(client, "/desk/changes/?proposal=1")
    page = words(read(client, "/desk/changes/examples?proposal=1"))
    assert "All that is approved, beside release 1" in page
    number = number_in(start(client, proposal="1"))
    run = ended(service, number)
    assert (run.state, run.done) == (Work.FINISHED, 480)


def test_a_release_from_which_something_is_only_taken_away_is_compared_too(
    author: FlaskClient, service: Service
) -> None:
    with service.sessions() as session:
        held = session.scalars(select(Version).where(Version.key == BANDS, Version.number == 1)).one()
        lifecycle.retire(session, held, by=named(session), at=NOW, reason="Out of date.")
        session.commit()
    page = words(read(author, "/desk/changes/examples?proposal=1"))
    assert "There is no such rule." in page
    number = number_in(start(author, proposal="1"))
    found = found_by(ended(service, number))
    assert found is not None
    assert found.decisions.rules[BANDS].counts["lost"] == 2 * OF_BOTH


@pytest.mark.parametrize("number", ["0", "99", "2147483648", "9223372036854775808", "1e3", "abc", "-1"])
@pytest.mark.parametrize("after", ["", "/state"])
def test_a_comparison_that_is_not_there(author: FlaskClient, number: str, after: str) -> None:
    assert author.get(f"/desk/changes/{number}{after}").status_code == 404


def test_an_administrator_is_kept_out(client: FlaskClient, service: Service) -> None:
    number = begun(service)
    enter(client, "administrator")
    for path in (
        "/desk/changes/",
        "/desk/changes/examples?proposal=1",
        f"/desk/changes/{number}",
        f"/desk/changes/{number}/state",
    ):
        assert client.get(path).status_code == 403


def test_a_form_without_its_token_starts_nothing(author: FlaskClient, service: Service) -> None:
    assert author.post("/desk/changes/", data={"version": draft_id(service)}).status_code == 400
    with service.sessions() as session:
        assert session.scalar(select(func.count()).select_from(ComparisonRun)) == 0


def test_many_reasons_come_in_pages(author: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        versions = [the_draft(session)]
        keys = session.scalars(
            select(Version.key).where(Version.kind == ItemKind.RULE, Version.number == 1, Version.key != RULE)
        ).all()
        for key in sorted(keys)[:40]:
            held = session.scalars(select(Version).where(Version.key == key)).one()
            if condition := json.loads(held.content).get("condition"):
                versions.append(drafted(session, key, condition=f"age_years >= 18 or ({condition})"))
        what = running.asked(session, versions, proposal=False, first=NOW.date(), last=NOW.date())
        run, _ = running.begin(session, what, by=named(session), at=NOW)
        session.commit()
    done = compared(service, run.id)
    assert done.state is Work.FINISHED, done.failure
    first = read(author, f"/desk/changes/{run.id}")
    assert "There is no decision to compare." in words(first)
    assert "Page 1 of" in first
    further = (read(author, f"/desk/changes/{run.id}?page=1&examples={number}") for number in range(2, 30))
    second = next(page for page in further if 'href="#example-' in page)
    assert re.search(r"Page \d+ of", second)
    targets = set(re.findall(r'id="(example-[^"]+)"', second))
    here = re.findall(r'href="#(example-[^"]+)"', second)
    assert here
    assert set(here) <= targets


@contextmanager
def nothing_in_force(kind: str, folder: Path) -> Iterator[FlaskClient]:
    """An author at the desk of a place that has no content yet."""
    with empty_database(kind, folder) as url:
        upgrade(url)
        with clinic.open_app(url) as app:
            with service_of(app).sessions() as session:
                people.add(session, "author", Role.AUTHOR, PASSWORD, by=None, at=clinic.LOADED)
                session.commit()
            client = app.test_client()
            assert enter(client, "author").status_code == 303
            yield client


@pytest.mark.parametrize("kind", BOTH)
def test_before_any_release_there_is_nothing_to_compare_with(kind: str, tmp_path: Path) -> None:
    with nothing_in_force(kind, tmp_path) as client:
        assert "put one in force first" in words(read(client, "/desk/changes/"))
        for refused in (start(client, version="1"), client.get("/desk/changes/examples?proposal=1")):
            assert refused.status_code == 422
            assert "No release is in force" in words(refused.text)
        service = service_of(client.application)
        with service.sessions() as session, pytest.raises(NotComparable, match="No release is in force"):
            over_vignettes(session, candidate(session, []))
