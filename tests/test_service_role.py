"""The role that the service has on PostgreSQL: what it is granted, that everything works with it, and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.record import sealing
from knowledge import roles
from knowledge.database import connect, sessions, upgrade
from knowledge.releasing import in_force
from knowledge.weaknesses import weaknesses
from tests import clinic
from tests.clinic import BATCH, Caller
from tests.databases import SERVICE, as_service, grant_service
from tests.story import decision

CANNOT = "The service cannot alter the record: its role may do what the service does, and nothing else.\n"


@pytest.fixture
def url(shipped_postgresql: str, tmp_path: Path) -> Iterator[str]:
    """A database with the shipped content, as its owner signs in; the service's role is granted what it needs."""
    with clinic.copied(shipped_postgresql, tmp_path) as url:
        grant_service(url)
        yield url


@pytest.fixture
def owner(url: str) -> Iterator[Engine]:
    engine = connect(url, owner=True)
    yield engine
    engine.dispose()


def found_of_service(url: str) -> str:
    engine = connect(as_service(url))
    with engine.connect() as connection:
        found = weaknesses(connection)
    engine.dispose()
    return " ".join(found)


def test_the_service_answers_seals_and_proves_as_a_role_that_owns_nothing(
    url: str, tmp_path: Path, prepared_once: None
) -> None:
    with clinic.open_app(as_service(url)) as app:
        caller = Caller(app.test_client())
        answer = caller.ask({"has_mbc": True, "pain_nrs": 7}, subject="patient-0001")
        caller.post({"patients": [{"facts": {"age_years": 60}}, {"facts": {}}]}, BATCH)
        assert caller.shown(f"/api/v1/decisions/{answer['decision_id']}")["subject"] == "patient-0001"
        assert caller.get("/readyz").get_json()["warnings"] == []
    run = clinic.command_on(as_service(url))
    for words, said in [
        (("db", "check"), CANNOT),
        (("db", "upgrade"), "The database is at the newest migration.\n"),
        (("audit", "seal"), "3 decisions are sealed.\n"),
        (("key", "add", "Another app"), "pw_"),
        (("content", "export", tmp_path / "out"), "Release 1 is written"),
        (("audit", "verify"), "Nothing was touched, up to event "),
    ]:
        result = run(*words)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        assert said in result.stdout
    assert run("audit", "verify").stdout.endswith("(--anchor FILE --key PUBLIC).\n")


def test_facts_are_removed_by_the_owner_and_not_by_the_service(
    url: str, prepared_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clinic.open_app(as_service(url)) as app:
        Caller(app.test_client()).ask({"has_mbc": True, "pain_nrs": 7}, subject="patient-0001")
    words = ("audit", "remove-facts", "--older-than", "1", "--reason", "Kept for a day.")
    run = clinic.command_on(as_service(url))
    refused = run(*words)
    assert refused.exit_code == 2
    assert "set PHASEWISE_OWNER_DATABASE_URL to the owner's address." in refused.stderr
    monkeypatch.setenv("PHASEWISE_OWNER_DATABASE_URL", url)
    done = run(*words)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert "Nothing was touched, up to event " in run("audit", "verify").stdout
    engine = connect(as_service(url))
    with sessions(engine)() as session:
        kept = session.scalars(select(Decision)).one()
    engine.dispose()
    assert (kept.subject, kept.facts_posted, kept.salt) == (None, "", "")


def test_the_owner_is_named_for_what_the_service_may_not_do(url: str) -> None:
    run = clinic.command_on(as_service(url))
    result = run("db", "grant", SERVICE)
    assert result.exit_code == 2
    assert "set PHASEWISE_OWNER_DATABASE_URL to the owner's address." in result.stderr
    as_owner = clinic.command_on(url)
    said = as_owner("db", "check")
    assert said.exit_code == 1
    assert "is a superuser, or may become one" in said.stdout
    assert "phasewise db grant ROLE" in said.stdout
    assert "superuser" in as_owner("audit", "verify").stdout


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("GRANT DELETE ON decisions TO {role}", "more to decisions than the service does: DELETE."),
        ("GRANT UPDATE (facts_known) ON decisions TO {role}", "decisions than the service does: UPDATE (facts_known)"),
        ("GRANT INSERT ON decisions TO {role}", "INSERT (sequence)"),
        ("GRANT TRUNCATE, TRIGGER ON audit_events TO {role}", "audit_events than the service does: TRIGGER, TRUNCATE"),
        ("GRANT UPDATE ON alembic_version TO PUBLIC", "more to alembic_version"),
        ("GRANT UPDATE ON SEQUENCE decisions_sequence_seq TO {role}", "the numbers that decisions_sequence_seq gives"),
        ("GRANT CREATE ON SCHEMA public TO {role}", "may make tables and functions"),
        ("ALTER TABLE incidents OWNER TO {role}", "owns tables of the record"),
    ],
)
def test_what_the_role_has_beyond_its_list_is_named_and_taken_by_granting_again(
    owner: Engine, url: str, given: str, named: str
) -> None:
    assert found_of_service(url) == ""
    with owner.begin() as connection:
        connection.exec_driver_sql(given.format(role=SERVICE))
    assert named in found_of_service(url)
    with owner.begin() as connection:
        if "OWNER" in given:
            connection.exec_driver_sql("ALTER TABLE incidents OWNER TO CURRENT_USER")
        roles.grant(connection, SERVICE)
    assert found_of_service(url) == ""


def test_an_upgrade_grants_what_is_new_to_the_roles_that_it_knows(owner: Engine, url: str) -> None:
    with owner.begin() as connection:
        connection.exec_driver_sql(f"REVOKE ALL ON editing FROM {SERVICE}")
    upgrade(owner)
    service = connect(as_service(url))
    with service.connect() as connection:
        assert connection.exec_driver_sql("DELETE FROM editing").rowcount == 0
    service.dispose()


def test_no_role_is_granted_that_is_above_the_record_or_is_not_there(owner: Engine, tmp_path: Path) -> None:
    with owner.connect() as connection:
        with pytest.raises(roles.OwnsTheRecord, match="No grant can keep it"):
            roles.grant(connection, "postgres")
        with pytest.raises(roles.UnknownRole, match='CREATE ROLE "nobody here" LOGIN;'):
            roles.grant(connection, "nobody here")
    said = clinic.command_on(f"sqlite:///{tmp_path / 'x.sqlite3'}")("db", "grant", "x")
    assert (said.exit_code, "An SQLite file has no roles" in said.stderr) == (2, True)


def test_who_seals_sees_those_who_are_writing_whatever_their_role(owner: Engine, url: str) -> None:
    service = connect(as_service(url))
    with sessions(owner)() as writing, Session(service) as sealer:
        assert sealing._writers(sealer) == set()
        release = in_force(writing)
        assert release is not None
        writing.execute(insert(Decision), decision(1, release))
        assert len(sealing._writers(sealer)) == 1
    service.dispose()
