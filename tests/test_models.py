"""What the tables say of themselves."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cds.models import ApiKey, Decision
from knowledge.items import ItemKind
from knowledge.models import Role, User, Version, VersionState
from tests.story import NOON, decision, draft_of, people, shipped, story

pytest_plugins = ["tests.databases"]


@pytest.fixture
def session(rolled_back: Session) -> Session:
    return rolled_back


def test_stored_words_are_permanent() -> None:
    assert list(Role) == ["author", "approver", "auditor", "administrator"]
    assert list(VersionState) == ["draft", "submitted", "approved", "returned", "released", "retired"]
    assert list(ItemKind) == ["fact", "source", "rule", "hazard", "vignette"]


def test_a_version_has_a_label_for_people_and_a_subject_for_the_record(session: Session) -> None:
    version = draft_of(session, people(session).ada, key="pain-any-assess-each-visit")
    assert version.label == "rule pain-any-assess-each-visit, version 1"
    assert version.subject == "rule/pain-any-assess-each-visit/1"


def test_rows_tell_themselves_in_words_that_are_permanent(session: Session) -> None:
    told = story(session)
    ada, ben, cleo = told.who.ada.id, told.who.ben.id, told.who.cleo.id
    assert told.changed.told() == {
        "kind": "rule",
        "key": "walk-daily",
        "number": 2,
        "digest": "sha256:4f2dacc3d88e85d2868086f1466836bad1a24af60b9b64e4f8ad89925d234b16",
        "state": "released",
        "reason": "New evidence.",
        "created_at": "2026-01-31T13:00:00.000000Z",
        "created_by": ada,
        "submitted_at": "2026-01-31T15:00:00.000000Z",
        "submitted_by": ada,
        "approved_at": "2026-01-31T16:00:00.000000Z",
        "approved_by": ben,
    }
    assert told.second.told() == {
        "id": told.second.id,
        "number": 2,
        "digest": told.second.digest,
        "created_at": "2026-01-31T17:00:00.000000Z",
        "created_by": ben,
        "reason": "Longer walks.",
        "origin": "desk",
    }
    assert told.activation.told() == {
        "by": ben,
        "since": "2026-01-31T18:00:00.000000Z",
        "reason": "Approved in January.",
    }
    assert told.approval.told() == {"by": cleo, "at": "2026-01-31T19:00:00.000000Z", "reason": "Read in full."}
    assert told.activation.subject == f"release/2/activation/{told.activation.id}"
    assert told.approval.subject == f"release/2/approval/{told.approval.id}"
    assert told.second.subject == "release/2"


def test_there_is_one_version_of_a_number(session: Session) -> None:
    version = draft_of(session, people(session).ada)
    columns = {column.name: getattr(version, column.name) for column in Version.__table__.columns}
    with pytest.raises(IntegrityError):
        session.execute(insert(Version), {**columns, "id": version.id + 1})


def test_names_of_people_and_keys_of_apps_are_given_once(session: Session) -> None:
    def ada() -> User:
        return User(name="Ada", role=Role.AUTHOR, password_hash="", created_at=NOON)

    def key() -> ApiKey:
        return ApiKey(label="An app", prefix="pw_00000", key_hash="00", created_at=NOON)

    for make in (ada, key):
        session.add(make())
        session.flush()
        trial = session.begin_nested()
        session.add(make())
        with pytest.raises(IntegrityError):
            session.flush()
        trial.rollback()


def test_a_decision_is_found_by_its_id_and_numbered_by_the_database(session: Session) -> None:
    release = shipped(session)
    rows = [decision(1, release), decision(2, release)]
    for row in rows:
        session.execute(insert(Decision), row)
    first, second = (session.get_one(Decision, row["id"]) for row in rows)
    assert second.sequence == first.sequence + 1
    assert first.evaluated_at == rows[0]["evaluated_at"]


def test_the_hot_table_has_no_index_but_those_it_needs(session: Session) -> None:
    stored = inspect(session.connection())
    assert {index["name"] for index in stored.get_indexes("decisions")} - {"uq_decisions_id"} == {
        "ix_decisions_subject",
        "ix_decisions_release_id_sequence",
        "ix_decisions_api_key_id_sequence",
    }
    assert [key["column_names"] for key in stored.get_unique_constraints("decisions")] == [["id"]]
