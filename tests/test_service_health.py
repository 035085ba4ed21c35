"""What those who run the service can see: whether it lives, whether it is ready, what it counts, what it is set to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from cds import web
from cds.service import Service, Settings, service_of
from knowledge.database import connect, upgrade
from tests import clinic
from tests.clinic import Caller, problem_in
from tests.databases import BOTH, empty_database


@pytest.fixture(params=BOTH)
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with empty_database(request.param, tmp_path) as url:
        yield url


def ready(client: FlaskClient) -> tuple[int, dict[str, object]]:
    response = client.get("/readyz")
    assert response.content_type == "application/json"
    return response.status_code, json.loads(response.data)


def test_a_new_place_becomes_ready_step_by_step_and_says_what_is_missing(bare_url: str, prepared_once: None) -> None:
    with clinic.open_app(bare_url) as app:
        client = app.test_client()
        assert client.get("/healthz").status_code == 200
        assert ready(client) == (
            503,
            {"status": "not ready", "reason": "The database wants `phasewise db upgrade`"},
        )
        engine = connect(bare_url)
        upgrade(engine)
        assert ready(client) == (503, {"status": "not ready", "reason": "No release is in force"})
        clinic.load_content(engine)
        engine.dispose()
        assert ready(client) == (200, {"status": "ready", "release": 1, "warnings": [web._WEAK]})


def test_without_its_database_the_process_lives_but_is_not_ready(client: FlaskClient, service: Service) -> None:
    assert ready(client) == (200, {"status": "ready", "release": 1, "warnings": [web._WEAK]})
    service.database.dispose()
    Path(str(make_url(service.settings.database_url).database)).write_bytes(b"no database" * 1_000)
    assert ready(client) == (503, {"status": "not ready", "reason": "The database cannot be used"})
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_a_guard_that_was_altered_is_named(client: FlaskClient, service: Service) -> None:
    with service.owner() as owner, owner.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER users_kept")
    status, told = ready(client)
    assert (status, told["status"]) == (200, "ready")
    assert "altered: users_kept is gone. Somebody who owns the database did it" in str(told["warnings"])


def test_a_server_that_cannot_be_reached_is_not_ready() -> None:
    with clinic.open_app("postgresql+psycopg://nobody@127.0.0.1:1/nowhere") as app:
        assert ready(app.test_client()) == (503, {"status": "not ready", "reason": "The database cannot be used"})


def metrics(client: FlaskClient) -> dict[str, float]:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain")
    lines = [line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_answers_refusals_and_incidents_are_counted(
    caller: Caller, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.ask({"age_years": 60})
    caller.post({"patients": [{"facts": {}}, {"facts": {"ecog": 1}}, {"facts": {}}]}, clinic.BATCH)
    caller.refusal({"facts": {"ecog": 2}})
    monkeypatch.setattr("cds.engine.Engine.fire", lambda engine, facts: frozenset())
    problem_in(caller.post({"facts": {}}), 500)
    counted = metrics(client)
    assert counted["phasewise_decisions_total"] == 3
    assert counted["phasewise_incidents_total"] == 1
    for status, count in (("200", 1), ("422", 1), ("500", 1)):
        assert counted[f'phasewise_requests_total{{endpoint="v1.recommend",status="{status}"}}'] == count
    assert counted['phasewise_requests_total{endpoint="v1.recommend_batch",status="200"}'] == 1
    assert counted['phasewise_request_seconds_count{endpoint="v1.recommend"}'] == 3


def test_what_is_asked_for_cannot_fill_the_counters(client: FlaskClient) -> None:
    """One series for all addresses that lead nowhere, however many are tried."""
    for number in range(20):
        client.get(f"/api/v1/nowhere-{number}")
        client.get(f"/nowhere-{number}")
    names = [name for name in metrics(client) if name.startswith("phasewise_requests_total")]
    assert names == ['phasewise_requests_total{endpoint="none",status="404"}']
    assert "nowhere" not in client.get("/metrics").text


def test_the_counters_tell_nothing_about_patients(caller: Caller, client: FlaskClient) -> None:
    decision = caller.ask({"comfort_function_goals": "Walk the dog"}, subject="Mrs Secret")["decision_id"]
    caller.shown(f"/api/v1/decisions/{decision}")
    for secret in ("Mrs Secret", "dog", decision, clinic.API_KEY):
        assert secret not in client.get("/metrics").text


def test_two_services_in_one_process_count_apart(caller: Caller, shipped_url: str) -> None:
    caller.ask({})
    with clinic.open_app(shipped_url) as other:
        assert metrics(other.test_client())["phasewise_decisions_total"] == 0
    assert metrics(caller.client)["phasewise_decisions_total"] == 1


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/api/v1/facts", "/"])
def test_every_response_keeps_browsers_from_guessing_and_framing(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_what_breaks_is_logged_as_json_without_the_patient(
    caller: Caller, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("cds.answering.decide", breaks)
    problem_in(caller.post({"facts": {"comfort_function_goals": "Walk the dog"}, "subject": "Mrs Secret"}), 500)
    out, err = capfd.readouterr()
    assert out == ""
    [line] = err.splitlines()
    logged = json.loads(line)
    assert (logged["event"], logged["level"], logged["endpoint"]) == ("unexpected", "error", "v1.recommend")
    assert "RuntimeError: broken" in logged["exception"]
    for secret in ("Mrs Secret", "dog", clinic.API_KEY):
        assert secret not in line


def test_a_statement_that_fails_does_not_log_its_values(
    caller: Caller, service: Service, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with service.owner() as owner, owner.begin() as connection:
        connection.exec_driver_sql("DROP TABLE incidents")
    monkeypatch.setattr("cds.engine.Engine.fire", lambda engine, facts: frozenset())
    response = caller.post({"facts": {"comfort_function_goals": "Walk the dog"}, "subject": "Mrs Secret"})
    problem_in(response, 503)
    err = capfd.readouterr().err
    assert "no such table: incidents" in err
    for secret in ("Mrs Secret", "dog"):
        assert secret not in err


def test_no_error_of_the_database_tells_the_values_of_its_statement(bare_url: str) -> None:
    engine = connect(bare_url)
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("SELECT 1 FROM nowhere WHERE name = :name"), {"name": "Mrs Secret"})
    engine.dispose()
    assert "nowhere" in str(caught.value)
    assert "Mrs Secret" not in str(caught.value)


def test_moments_are_in_utc_whatever_the_server_is_set_to(tmp_path: Path) -> None:
    with empty_database("postgresql", tmp_path) as url:
        elsewhere = make_url(url).update_query_dict({"options": "-c statement_timeout=5000"})
        for address, setting, found in ((url, "timezone", "UTC"), (elsewhere, "statement_timeout", "5s")):
            engine = connect(address, busy_seconds=0.5)
            with engine.connect() as connection:
                connection.exec_driver_sql(f"ALTER DATABASE {make_url(url).database} SET timezone = 'America/New_York'")
                connection.commit()
            engine.dispose()
            with engine.connect() as connection:
                assert connection.exec_driver_sql(f"SHOW {setting}").scalar() == found
                assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "500ms"
            engine.dispose()


@pytest.mark.parametrize(
    ("environment", "database", "secret"),
    [
        ({}, None, None),
        ({"PHASEWISE_DATABASE_URL": "", "PHASEWISE_SECRET_KEY": ""}, None, None),
        ({"PHASEWISE_DATABASE_URL": "sqlite:////x", "PHASEWISE_SECRET_KEY": "s"}, "sqlite:////x", "s"),
    ],
)
def test_settings_come_from_the_environment_and_what_is_empty_is_not_set(
    environment: dict[str, str], database: str | None, secret: str | None
) -> None:
    found = Settings.from_environment(environment)
    assert found.secret_key == secret
    assert found.database_url == database or (database is None and found.database_url.startswith("sqlite:///"))


def test_a_site_states_its_developer_and_who_funded_it_and_blanks_state_nothing() -> None:
    found = Settings.from_environment({"PHASEWISE_DEVELOPER": " The clinic ", "PHASEWISE_FUNDING": "  "})
    assert (found.developer, found.funding) == ("The clinic", None)


def test_the_service_of_an_app_is_the_one_it_was_made_with(shipped_url: str) -> None:
    with clinic.open_app(shipped_url, largest_body=99) as app:
        assert service_of(app).settings.database_url == shipped_url
        problem_in(Caller(app.test_client()).post(b" " * 100), 413)
