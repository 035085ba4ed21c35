"""Firing rates from the record to the reader: counted by day and release, watched, told once, shown and taken out."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cds import keys
from cds.firing import wording
from cds.firing.alarms import HELD_FOR, watching_of
from cds.firing.charting import Counted
from cds.firing.raised import LOOKED_INTO, RAISED, Which, notes_of
from cds.firing.rates import rates
from cds.firing.watched import EVERY, WATCHED
from cds.firing.watching import Kind
from cds.models import Purpose
from cds.search.orders import orders_of
from cds.service import Service, service_of
from cds.upkeep import keep_up
from knowledge.models import AuditEvent, Release
from knowledge.periods import periods
from tests import clinic
from tests.clinic import Caller, problem_in
from tests.databases import BOTH
from tests.desk import enter, staffed_copy, token
from tests.firing import answer, counted
from tests.test_auditing import AUDITOR_KEY
from tests.test_pages import read, words

STOPS = "ext-oncologic-emergency-list"
TITLE = "Check the list of oncologic emergencies"
STEADY = "acp-acute-location-of-death"
JUMPS = "acp-start-at-mbc-diagnosis"
CHANGED = "acp-stable-discuss-wishes-together"

FIRST, SWITCH, LAST = date(2026, 4, 20), date(2026, 5, 18), date(2026, 5, 31)
"""Release 2 is put in force at nine on the day of the switch, on which both answer; today is 1 June."""

A_DAY = 30


@pytest.fixture(scope="module", params=BOTH)
def filled_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Six weeks of decisions on all days but Sundays, under two releases, sealed and counted."""
    shipped = request.getfixturevalue(f"shipped_{request.param}")
    with staffed_copy(shipped, tmp_path_factory.mktemp("firing")) as url:
        with clinic.open_app(url) as app:
            fill(service_of(app))
        yield url


@pytest.fixture
def shipped_url(filled_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with clinic.copied(filled_url, tmp_path_factory.mktemp("copy")) as url:
        yield url


def fill(service: Service) -> None:
    at = datetime.combine(SWITCH, clinic.NOW.timetz())
    number = clinic.publish(service, CHANGED, at=at, notes=["Said again."])
    clinic.put_in_force(service, number, at=at)
    with service.sessions() as session:
        first, second = session.scalars(select(Release).order_by(Release.number))
        for some in range((LAST - FIRST).days + 1):
            day = FIRST + timedelta(days=some)
            if day.weekday() == 6 and day != LAST:
                continue
            usual = {STEADY: 10 + some % 3, JUMPS: 15 if day == LAST else 2, CHANGED: 6}
            if day <= SWITCH:
                answer(session, first, day, A_DAY, {**usual, STOPS: 4})
            if day >= SWITCH:
                answer(session, second, day, A_DAY, {**usual, CHANGED: 18})
        counted(session, clinic.NOW)
        session.commit()


def raised(service: Service) -> list[dict[str, Any]]:
    with service.sessions() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == RAISED).order_by(AuditEvent.sequence))
        return [json.loads(event.details) for event in events]


def test_the_days_of_a_rule_are_counted_by_release_and_days_without_decisions_are_none(service: Service) -> None:
    with service.sessions() as session:
        everything = rates(session, orders_of(service), since=FIRST, until=LAST)
        one = rates(session, orders_of(service), since=FIRST, until=LAST, rule=STOPS)
    points = one.points[STOPS]
    assert one.points == {STOPS: everything.points[STOPS]}
    assert len(everything.points) > 200
    assert one.as_of == datetime.combine(LAST, clinic.NOW.timetz()) + timedelta(seconds=A_DAY - 1)
    assert [point.release for point in points if point.day == SWITCH] == [1, 2]
    assert not [point for point in points if point.day.weekday() == 6 and point.day != LAST]
    assert {point.counted for point in points if point.release == 1} == {Counted(4, A_DAY)}
    assert {point.counted for point in points if point.release == 2} == {Counted(0, A_DAY)}
    assert {point.since for point in points} == {clinic.LOADED.date(), SWITCH}
    assert {(point.release, point.version) for point in everything.points[CHANGED]} == {(1, 1), (2, 2)}


def test_the_day_on_which_a_release_is_put_back_is_known_to_mix_before_and_since(service: Service) -> None:
    today, hour = clinic.NOW.date(), timedelta(hours=1)
    clinic.put_in_force(service, 1, at=clinic.NOW + hour)
    clinic.put_in_force(service, 2, at=clinic.NOW + 2 * hour)
    with service.sessions() as session:
        first, second = session.scalars(select(Release).order_by(Release.number))
        for release, day in ((first, today), (second, today), (second, today + timedelta(days=1))):
            answer(session, release, day, A_DAY, {STOPS: 1})
        counted(session, clinic.NOW)
        found = rates(session, orders_of(service), since=LAST, until=today + timedelta(days=1), rule=STOPS)
        points = found.points[STOPS]
        session.rollback()
    assert [(point.day - today, point.release, point.since, point.mixed) for point in points] == [
        (-timedelta(days=1), 2, SWITCH, False),
        (timedelta(), 1, today, False),
        (timedelta(), 2, today, True),
        (timedelta(days=1), 2, today, False),
    ]


def test_what_is_watched_is_remembered_until_more_is_counted(service: Service) -> None:
    with service.sessions() as session:
        found = watching_of(service).current(session, clinic.NOW)
        assert [(one.watch.key, one.alarm.kind) for one in found.alarms] == [
            (STOPS, Kind.STOPPED),
            (CHANGED, Kind.DOUBLED),
            (JUMPS, Kind.OUT_OF_RANGE),
        ]
        assert watching_of(service).current(session, clinic.NOW + 2 * HELD_FOR) is found
        second = session.scalars(select(Release).where(Release.number == 2)).one()
        answer(session, second, clinic.NOW.date(), A_DAY, {STOPS: 3})
        counted(session, clinic.NOW)
        assert watching_of(service).current(session, clinic.NOW + HELD_FOR / 2) is found
        later = watching_of(service).current(session, clinic.NOW + HELD_FOR)
        assert [one.alarm.kind for one in later.alarms if one.watch.key == STOPS] == [Kind.HALVED]
        session.rollback()


def test_an_alarm_is_put_on_record_once_by_the_upkeep_and_shows_in_the_metrics(
    service: Service, client: FlaskClient
) -> None:
    assert "phasewise_firing_alarms 3.0" in client.get("/metrics").text, "in a process that never watched too"
    keep_up(service)
    assert raised(service) == [
        {
            "alarm": "stopped",
            "rule": STOPS,
            "version": 1,
            "release": 2,
            "day": SWITCH.isoformat(),
            "since": [0, 13 * A_DAY],
            "before": [25 * 4, 25 * A_DAY],
        },
        *[one for one in raised(service) if one["rule"] in (CHANGED, JUMPS)],
    ]
    enter(client, "approver")
    looked_into(client, STOPS, alarm=STOPPED, reason=FOUND)
    told = client.get("/metrics").text
    assert "phasewise_firing_alarms 3.0" in told
    assert "phasewise_firing_alarms_waiting 2.0" in told


def test_rules_are_watched_once_an_hour_whoever_does_it_and_when_more_was_counted(service: Service) -> None:
    def watched_at(at: datetime) -> list[datetime]:
        """When it was looked, after another process sealed and counted at a moment."""
        process = Service(service.settings, now=lambda: at)
        keep_up(process)
        with process.sessions() as session:
            events = session.scalars(select(AuditEvent).where(AuditEvent.action == WATCHED)).all()
        process.database.dispose()
        return [event.at for event in events]

    def answered() -> None:
        with service.sessions() as session:
            answer(session, session.scalars(select(Release).where(Release.number == 2)).one(), LAST, 1, {})
            session.commit()

    first, later = clinic.NOW, clinic.NOW + EVERY
    assert watched_at(first) == [first]
    assert watched_at(later) == [first], "nothing was counted since"
    answered()
    assert watched_at(first + EVERY / 2) == [first], "within the hour"
    assert watched_at(later) == [first, later], "what was counted within the hour is looked at after it"
    assert watched_at(later + EVERY) == [first, later]
    answered()
    back = first - timedelta(days=1)
    assert watched_at(back) == [first, later, back], "a clock that ran backwards keeps nobody from looking"
    assert len(raised(service)) == 3


def test_what_cannot_be_known_is_no_zero_in_the_metrics(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_of(service), "current", lambda *_: 1 / 0)
    told = client.get("/metrics").text
    assert "phasewise_firing_alarms NaN" in told
    assert "phasewise_firing_alarms_waiting NaN" in told


def test_a_clock_that_ran_backwards_leaves_periods_that_can_be_read(client: FlaskClient, service: Service) -> None:
    ahead, back = clinic.NOW + timedelta(days=9), clinic.NOW - timedelta(days=5)
    clinic.put_in_force(service, 1, at=ahead)
    clinic.put_in_force(service, 2, at=back)
    with service.sessions() as session:
        first, second = session.scalars(select(Release).order_by(Release.number))
        answer(session, first, ahead.date(), A_DAY, {STOPS: 4})
        answer(session, second, clinic.NOW.date(), A_DAY, {STOPS: 4})
        counted(session, clinic.NOW)
        session.commit()
        line = [(one.release.number, one.activation.since, one.until) for one in periods(session)]
    put = datetime.combine(SWITCH, clinic.NOW.timetz())
    assert line == [(2, back, None), (1, ahead, ahead), (2, put, back), (1, clinic.LOADED, put)]
    enter(client, "auditor")
    assert "Release 2 was in force" in words(read(client, "/desk/in-force?on=2026-05-29"))
    for at in (clinic.NOW, ahead):
        service.now = lambda at=at: at
        reader = client.application.test_client()
        enter(reader, "auditor")
        for path in ("/desk/firing/", f"/desk/firing/{STOPS}", f"/desk/firing/{STOPS}/export.csv", "/desk/"):
            assert reader.get(path).status_code == 200, (at, path)
        keep_up(service)


def test_the_gravest_comes_first_with_the_ways_on_from_it(client: FlaskClient) -> None:
    enter(client, "auditor")
    page = read(client, "/desk/firing/")
    text = words(page)
    assert "Out of the ordinary 3" in text
    assert (
        "Stopped after release 2 was put in force on 18 May 2026: recommended in 0 of 390 decisions since, "
        "before in 100 of 750 (13.3 %)."
    ) in text
    assert text.index("Stopped after") < text.index("At least doubled after") < text.index("Out of its usual range on")
    links = html.unescape(page)
    assert f'/desk/decisions/?rule={STOPS}&outcome=recommended"' in links
    assert "As of the decision of 31 May 2026, 09:00 UTC" in text
    for path in (
        f"/desk/rules/{STOPS}",
        "/desk/releases/2",
        f"/desk/decisions/?rule={JUMPS}&outcome=recommended&since=2026-05-31",
    ):
        assert path in links
        assert client.get(path).status_code == 200


def test_rules_are_found_by_words_and_topic_and_put_in_order(client: FlaskClient) -> None:
    enter(client, "author")
    found = words(read(client, "/desk/firing/?q=oncologic+emergencies"))
    assert "1 rule" in found
    for order, first in (("most", "40.8 % 306 of 750"), ("alarm", "6.4 % 48 of 750")):
        rows = read(client, f"/desk/firing/?order={order}").split("<tr>")
        assert first in words(rows[2]), order
    for nonsense in ("order=x", "page=99999", "page=-1", "topic=%00", "q=%00"):
        assert "Every rule in force" in words(read(client, f"/desk/firing/?{nonsense}"))


def test_a_rule_is_drawn_and_told_by_the_same_numbers(client: FlaskClient) -> None:
    enter(client, "approver")
    page = read(client, f"/desk/firing/{JUMPS}?from=2026-05-10&to=2026-05-31")
    text = words(page)
    assert page.count('class="dot" r=') == 19
    assert page.count('<path class="out" d="M0') == 1
    assert "31 May 2026: 15 of 30 (50 %), out of its usual range" in text
    assert "Release 2 put in force on 18 May 2026" in text
    assert "31 May 2026 Out of range 50 % 15 of 30" in text
    assert "17 May 2026 No decision" in text
    assert "style=" not in page
    assert "Rate of recommendation, 26 May 2026 to 1 June 2026" in words(read(client, f"/desk/firing/{JUMPS}?days=7"))
    assert "no decision is counted in which this rule" in words(read(client, f"/desk/firing/{JUMPS}?to=2026-01-31"))
    assert "No rule of this key" in words(read(client, "/desk/firing/nothing", 404))


def test_a_period_that_cannot_be_shown_is_named_at_its_field_and_no_other_is_shown(client: FlaskClient) -> None:
    enter(client, "auditor")
    for asked, at, said in (
        ("from=x&to=2026-05-31", "from", "This is no day"),
        ("from=2026-05-31&to=2026-05-01", "from", "The first day comes after the last, 1 May 2026"),
        ("from=0001-01-01", "from", "Nothing was recorded before 1 January 2000"),
        ("from=2020-01-01", "from", "At most 1,098 days"),
        ("to=9999-12-31", "to", "Today is 1 June 2026"),
        ("days=abc", "days", "This is no number of days"),
        ("days=0", "days", "Ask for 1 to 1,098 days"),
        ("to=2026-05-31&days=7", "days", "not for both"),
    ):
        page = read(client, f"/desk/firing/{JUMPS}?{asked}")
        [wrong] = re.findall(r'<p class="wrong" id="(\w+)-wrong">(.*?)</p>', page)
        assert wrong[0] == at, asked
        assert said in wrong[1], asked
        assert "No period is shown." in words(page), asked
        assert "<figure" not in page, asked
        for part in asked.split("&"):
            assert f'value="{part.partition("=")[2]}"' in page, asked
        export = client.get(f"/desk/firing/{JUMPS}/export.csv?{asked}")
        assert (export.status_code, export.location) == (303, f"/desk/firing/{JUMPS}?{asked}")


def test_how_often_chance_alone_is_told_as_in_the_documentation(client: FlaskClient) -> None:
    documented = Path("docs/firing.md").read_text("utf-8")
    assert wording.by_chance()[1:] in documented
    assert wording.by_chance_of(258) in documented
    enter(client, "auditor")
    for path in ("/desk/firing/", f"/desk/firing/{JUMPS}"):
        assert wording.by_chance() in words(read(client, path))


def table(client: FlaskClient, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(path).data.decode("utf-8-sig"), newline="")))


def test_rates_are_taken_out_as_tables_and_that_is_on_record(client: FlaskClient, service: Service) -> None:
    enter(client, "auditor")
    every = table(client, "/desk/firing/export.csv?q=oncologic+emergencies")
    assert every[0]["recommended, before"] == str(13 * 4)
    assert every[0]["what stands out"].startswith("Stopped after release 2")
    rows = table(client, f"/desk/firing/{STOPS}/export.csv?days=28")
    by_day = {(row["day"], row["release"]): row for row in rows}
    assert by_day["2026-05-18", "1"]["recommended"] == "4"
    assert (by_day["2026-05-17", ""]["decisions"], by_day["2026-05-17", ""]["rate"]) == ("0", "")
    with service.sessions() as session:
        made = select(AuditEvent).where(AuditEvent.action == "export.made").order_by(AuditEvent.sequence)
        told = [(event.subject, json.loads(event.details)) for event in session.scalars(made)]
    assert [subject for subject, _ in told] == ["export/firing", f"export/firing-of-{STOPS}"]
    assert (told[1][1]["from"], told[1][1]["to"]) == ("2026-05-05", "2026-06-01")


def test_a_lead_sees_it_on_the_desks_home(client: FlaskClient) -> None:
    enter(client, "approver")
    text = words(read(client, "/desk/"))
    assert "Rules that fire otherwise 3 alarms not looked into yet." in text
    assert f"{TITLE} Stopped after release 2 was put in force on 18 May 2026" in text


def looked_into(client: FlaskClient, key: str, **form: str) -> TestResponse:
    """What comes of saying that an alarm of a rule was looked into."""
    sent = {"csrf_token": token(read(client, "/desk/account")), **form}
    return client.post(f"/desk/firing/{key}/looked-into", data=sent)


FOUND = "The laboratory had changed a code."
STOPPED = f"stopped/2/{SWITCH}"


def test_what_a_lead_found_stands_beside_the_alarm_for_everyone_and_it_waits_no_longer(
    client: FlaskClient, service: Service
) -> None:
    enter(client, "approver")
    page = read(client, f"/desk/firing/{STOPS}")
    assert f'name="alarm" value="{STOPPED}"' in page
    assert looked_into(client, STOPS, alarm=STOPPED, reason=f" {FOUND}\u200b").status_code == 303
    assert f"Looked into by approver: {FOUND} 1 June 2026, 09:00 UTC" in words(read(client, f"/desk/firing/{STOPS}"))
    home = words(read(client, "/desk/"))
    assert "Rules that fire otherwise 2 alarms not looked into yet." in home
    assert "1 other was looked into." in home
    assert f"{TITLE} Stopped" not in home

    client = client.application.test_client()
    enter(client, "auditor")
    text = words(read(client, "/desk/firing/"))
    assert "Out of the ordinary 2" in text
    assert text.index("Out of its usual range on") < text.index("Looked into 1") < text.index(f"by approver: {FOUND}")
    assert text.rindex(f"{TITLE} ") > text.rindex("At least doubled"), "below those that wait, in the table too"
    assert "Put on record" not in read(client, f"/desk/firing/{STOPS}")
    [row] = table(client, f"/desk/firing/export.csv?q={STOPS}")
    assert row["looked into"] == f"Looked into by approver on 1 June 2026, 09:00 UTC: {FOUND}"

    with service.sessions() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.subject == f"rule/{STOPS}")).all()
        assert [(event.action, event.actor) for event in events] == [(RAISED, "system"), (LOOKED_INTO, "approver")]
        told = events[1].told
        assert {name: told[name] for name in ("alarm", "release", "day", "reason", "since")} == {
            "alarm": "stopped",
            "release": 2,
            "day": SWITCH.isoformat(),
            "reason": FOUND,
            "since": [0, 13 * A_DAY],
        }
        this = Which(STOPS, "stopped", 2, SWITCH)
        others = [replace(this, kind="silent"), replace(this, release=3), replace(this, day=LAST)]
        assert list(notes_of(session, [this, *others])) == [this], "another alarm of this rule is not covered"
    keep_up(service)
    assert len(raised(service)) == 3, "it was raised before somebody could look into it, once"


def test_what_is_not_put_on_record_is_said_and_what_was_typed_is_kept(client: FlaskClient, service: Service) -> None:
    enter(client, "approver")
    for reason, said in ((" ", "Say why in a few words"), ("x" * 1001, "at most 1,000 characters")):
        refused = looked_into(client, STOPS, alarm=STOPPED, reason=reason)
        assert refused.status_code == 422
        assert said in words(refused.text)
        assert f">{reason}</textarea>" in refused.text
    gone = looked_into(client, STOPS, alarm=f"stopped/1/{SWITCH}", reason=FOUND)
    assert gone.status_code == 303
    assert "does not stand any more" in words(read(client, gone.location))
    assert looked_into(client, STOPS, alarm=STOPPED, reason=FOUND).status_code == 303
    assert looked_into(client, STOPS, alarm=STOPPED, reason=FOUND).status_code == 422, "the very same once more"
    assert looked_into(client, STOPS, alarm=STOPPED, reason="It fires again.").status_code == 303
    page = words(read(client, f"/desk/firing/{STOPS}"))
    assert page.index(FOUND) < page.index("It fires again.")
    client = client.application.test_client()
    enter(client, "author")
    assert looked_into(client, STOPS, alarm=STOPPED, reason="Not mine to say.").status_code == 403
    with service.sessions() as session:
        told = session.scalars(select(AuditEvent).where(AuditEvent.action == LOOKED_INTO)).all()
    assert [event.told["reason"] for event in told] == [FOUND, "It fires again."]


def test_an_auditor_reads_it_by_the_api(client: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        keys.issue(session, "An audit", by=None, at=clinic.LOADED, key=AUDITOR_KEY, purpose=Purpose.AUDIT)
        session.commit()
    auditor = Caller(client, {"Authorization": f"Bearer {AUDITOR_KEY}"})
    every = auditor.shown("/api/v1/firing")
    assert [(one["rule"], one["alarm"], one["release"], one["rule_changed"]) for one in every["alarms"]] == [
        (STOPS, "stopped", 2, False),
        (CHANGED, "doubled", 2, True),
        (JUMPS, "out_of_range", None, False),
    ]
    assert {tuple(one["looked_into"]) for one in every["alarms"]} == {()}
    [stops] = [one for one in every["rules"] if one["rule"] == STOPS]
    assert stops["last_28_days"] == {"recommended": 48, "decisions": 750, "rate": 0.064}
    one = auditor.shown(f"/api/v1/firing/{JUMPS}?since=2026-05-16&until=2026-05-31")
    assert [(day["day"], day["decisions"], day["rate"]) for day in one["days"]][:2] == [
        ("2026-05-16", 30, pytest.approx(2 / 30)),
        ("2026-05-17", 0, None),
    ]
    assert one["days"][-1]["out_of_range"] is True
    assert one["days"][-1]["usual_to"] < 0.5
    assert [one["release"] for one in one["releases"]] == [1, 2]
    assert auditor.shown(f"/api/v1/firing/{JUMPS}?days=1")["days"] == []
    assert "No release holds a rule" in problem_in(auditor.get("/api/v1/firing/nothing"), 404)["detail"]
    enter(client, "approver")
    looked_into(client, STOPS, alarm=STOPPED, reason=FOUND)
    for path in ("/api/v1/firing", f"/api/v1/firing/{STOPS}?days=1"):
        last = auditor.shown(path)["alarms"][-1]
        [note] = last["looked_into"]
        assert (last["rule"], note["by"], note["reason"]) == (STOPS, "approver", FOUND)
        assert note["at"] == "2026-06-01T09:00:00.000000Z"
    for query, pointer in (
        ("days=0", "/days"),
        ("days=abc", "/days"),
        ("days=7&until=2026-05-31", "/days"),
        ("since=2026-05-31&until=2026-05-01", "/since"),
        ("since=2020-01-01", "/since"),
        ("until=0001-01-01", "/until"),
        ("since=9999-12-31", "/since"),
    ):
        [error] = problem_in(auditor.get(f"/api/v1/firing/{JUMPS}?{query}"), 422)["errors"]
        assert error["pointer"] == pointer, query
    with service.sessions() as session:
        read_by_key = select(AuditEvent).where(AuditEvent.action == "firing.read").order_by(AuditEvent.sequence)
        told = [(event.subject, json.loads(event.details)) for event in session.scalars(read_by_key)]
    assert told == [
        ("firing", {"rules": len(every["rules"]), "alarms": 3}),
        (f"rule/{JUMPS}", {"from": "2026-05-16", "to": "2026-05-31"}),
        (f"rule/{JUMPS}", {"from": "2026-06-01", "to": "2026-06-01"}),
        ("firing", {"rules": len(every["rules"]), "alarms": 3}),
        (f"rule/{STOPS}", {"from": "2026-06-01", "to": "2026-06-01"}),
    ]
