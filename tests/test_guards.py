"""Nothing that is on record can be changed, removed, replaced or slipped in: every way is tried with raw SQL."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cds.models import Decision, Incident
from knowledge import lifecycle
from knowledge.database import Base
from knowledge.models import Activation, AuditEvent, Release, ReleaseApproval, ReleaseVersion, Version, VersionState
from tests.story import Story, decision, draft_of, later, on_sqlite, story

pytest_plugins = ["tests.databases"]

RELEASE = "A release is never changed: publish a new one."
GUARDED = [
    (Release, RELEASE),
    (ReleaseVersion, RELEASE),
    (ReleaseApproval, "An approval stands as it was given."),
    (Activation, "What was in force stays on record: put a release in force anew."),
    (Decision, "A recorded decision is never changed or removed."),
    (Incident, "A recorded incident is never changed or removed."),
    (AuditEvent, "What happened is never changed or removed."),
]
NUMBERED = "Decisions are numbered by the database, one after another, and none begins as emptied."
INSERTED = {
    AuditEvent: "Events follow one after another: record them with knowledge.audit.",
    ReleaseVersion: "A release takes no more versions once it is published: publish a new one.",
}
"""What is said first to whoever inserts into a table that also looks at where a row may come."""
FROZEN = "A version past draft is never changed, and its state only goes forward: start a new draft."
KEPT = "A version is never removed: retire it."

each_guarded = pytest.mark.parametrize(
    ("table", "sentence"), [pytest.param(*one, id=one[0].__tablename__) for one in GUARDED]
)


@pytest.fixture
def session(rolled_back: Session) -> Session:
    return rolled_back


@pytest.fixture
def told(session: Session) -> Story:
    return story(session)


def refuse(session: Session, statement: str, sentence: str, **values: object) -> None:
    trial = session.begin_nested()
    with pytest.raises(IntegrityError) as refusal:
        session.execute(text(statement), values)
    trial.rollback()
    assert sentence in str(refusal.value.orig)


@each_guarded
def test_no_column_can_be_updated(session: Session, told: Story, table: type[Base], sentence: str) -> None:
    name = table.__tablename__
    for column in [each.name for each in table.__table__.columns]:
        generated = (name, column) == ("decisions", "sequence") and not on_sqlite(session)
        refuse(session, f"UPDATE {name} SET {column} = {'DEFAULT' if generated else column}", sentence)


@each_guarded
def test_no_row_can_be_removed(session: Session, told: Story, table: type[Base], sentence: str) -> None:
    refuse(session, f"DELETE FROM {table.__tablename__}", sentence)


@each_guarded
def test_neither_through_the_orm(session: Session, told: Story, table: type[Base], sentence: str) -> None:
    column = list(table.__table__.columns)[-1]
    for statement in (delete(table), update(table).values({column.name: column})):
        trial = session.begin_nested()
        with pytest.raises(IntegrityError, match=sentence):
            session.execute(statement)
        trial.rollback()


@each_guarded
def test_no_row_can_be_replaced_on_sqlite(session: Session, told: Story, table: type[Base], sentence: str) -> None:
    only(session, "sqlite")
    name = table.__tablename__
    columns = [column.name for column in table.__table__.columns]
    inserted = INSERTED.get(table, sentence)
    refuse(session, f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}", inserted)
    refuse(session, f"REPLACE INTO {name} SELECT * FROM {name}", inserted)
    refuse(session, f"UPDATE OR REPLACE {name} SET {columns[0]} = {columns[0]}", sentence)
    conflict = f"ON CONFLICT DO UPDATE SET {columns[-1]} = excluded.{columns[-1]}"
    refuse(session, f"INSERT INTO {name} SELECT * FROM {name} WHERE true {conflict}", inserted)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("decisions", "id"),
        ("releases", "number"),
        ("release_approvals", "release_id, by_id"),
        ("versions", "kind, key, number"),
    ],
)
def test_nor_by_another_row_with_the_same_unique_key(session: Session, told: Story, table: str, key: str) -> None:
    only(session, "sqlite")
    others = [column.name for column in Base.metadata.tables[table].columns if not column.primary_key]
    listed = ", ".join(others)
    before = session.execute(text(f"SELECT * FROM {table}")).all()
    with pytest.raises(IntegrityError, match=r"never|stands"):
        session.execute(text(f"INSERT OR REPLACE INTO {table} ({listed}) SELECT {listed} FROM {table}"))
    assert session.execute(text(f"SELECT * FROM {table}")).all() == before


@each_guarded
def test_no_table_can_be_emptied_on_postgresql(session: Session, told: Story, table: type[Base], sentence: str) -> None:
    only(session, "postgresql")
    refuse(session, f"TRUNCATE {table.__tablename__} CASCADE", "PL/pgSQL function refuse()")


@each_guarded
def test_not_even_in_replica_mode_on_postgresql(
    session: Session, told: Story, table: type[Base], sentence: str
) -> None:
    only(session, "postgresql")
    session.execute(text("SET LOCAL session_replication_role = replica"))
    refuse(session, f"DELETE FROM {table.__tablename__}", sentence)
    refuse(session, f"TRUNCATE {table.__tablename__} CASCADE", sentence)


@each_guarded
def test_no_conflict_becomes_an_update_on_postgresql(
    session: Session, told: Story, table: type[Base], sentence: str
) -> None:
    only(session, "postgresql")
    sentence = NUMBERED if table is Decision else INSERTED.get(table, sentence)
    name, columns = table.__tablename__, list(table.__table__.columns)
    key = ", ".join(column.name for column in columns if column.primary_key)
    last = columns[-1].name
    always = "OVERRIDING SYSTEM VALUE" if table is Decision else ""
    conflict = f"ON CONFLICT ({key}) DO UPDATE SET {last} = excluded.{last}"
    refuse(session, f"INSERT INTO {name} {always} SELECT * FROM {name} {conflict}", sentence)


def test_versions_cannot_be_removed_replaced_or_emptied(session: Session, told: Story) -> None:
    refuse(session, "DELETE FROM versions", KEPT)
    draft = draft_of(session, told.who.ada, key="sleep-well")
    refuse(session, "DELETE FROM versions WHERE id = :id", KEPT, id=draft.id)
    if on_sqlite(session):
        refuse(session, "INSERT OR REPLACE INTO versions SELECT * FROM versions", KEPT)
        refuse(session, "UPDATE OR REPLACE versions SET id = 1 WHERE id = :id", FROZEN, id=draft.id)
        step = "UPDATE OR REPLACE versions SET key = 'walk-daily', number = 2 WHERE id = :id"
        refuse(session, step, FROZEN, id=draft.id)
    else:
        refuse(session, "TRUNCATE versions CASCADE", KEPT)


@pytest.mark.parametrize("state", [state for state in VersionState if state is not VersionState.DRAFT])
def test_no_column_of_a_version_past_draft_changes(session: Session, told: Story, state: VersionState) -> None:
    version = in_state(session, told, state)
    dora = str(told.who.dora.id)
    changed = {"id": "99", "number": "99", "created_by_id": dora, "submitted_by_id": dora, "approved_by_id": dora}
    changed |= dict.fromkeys(("created_at", "submitted_at", "approved_at"), "'2020-01-01 00:00:00'")
    for column in [each.name for each in Version.__table__.columns]:
        value = changed.get(column, "'draft'")
        refuse(session, f"UPDATE versions SET {column} = {value} WHERE id = :id", FROZEN, id=version.id)


STEPS = {
    VersionState.DRAFT: {"draft", "submitted", "retired"},
    VersionState.SUBMITTED: {"approved", "returned"},
    VersionState.APPROVED: {"released", "retired"},
    VersionState.RETURNED: {"retired"},
    VersionState.RELEASED: {"retired"},
    VersionState.RETIRED: set(),
}


@pytest.mark.parametrize("state", VersionState)
def test_a_state_only_goes_forward(session: Session, told: Story, state: VersionState) -> None:
    version = in_state(session, told, state)
    step = "UPDATE versions SET state = :to WHERE id = :id"
    for to in VersionState:
        if to in STEPS[state]:
            with session.begin_nested() as trial:
                session.execute(text(step), {"to": to, "id": version.id})
                trial.rollback()
        else:
            refuse(session, step, FROZEN, to=to, id=version.id)


@pytest.mark.parametrize(
    "change",
    ["submitted_by_id = 1", "approved_by_id = 1", "created_by_id = 2", "number = 7", "kind = 'fact'", "key = 'x'"],
)
def test_of_a_draft_only_what_is_written_in_it_changes(session: Session, told: Story, change: str) -> None:
    draft = draft_of(session, told.who.ada, key="sleep-well")
    refuse(session, f"UPDATE versions SET {change} WHERE id = :id", FROZEN, id=draft.id)
    refuse(session, f"UPDATE versions SET {change}, state = 'retired' WHERE id = :id", FROZEN, id=draft.id)


def test_a_draft_is_submitted_as_it_stands(session: Session, told: Story) -> None:
    draft = draft_of(session, told.who.ada, key="sleep-well")
    written = "content = '{}', digest = 'sha256:00', reason = 'Another.'"
    refuse(session, f"UPDATE versions SET state = 'submitted', {written} WHERE id = :id", FROZEN, id=draft.id)
    session.execute(text(f"UPDATE versions SET {written} WHERE id = :id"), {"id": draft.id})


def test_a_published_release_takes_no_more_versions(session: Session, told: Story) -> None:
    refuse(
        session,
        "INSERT INTO release_versions (release_id, version_id) VALUES (:release, :version)",
        INSERTED[ReleaseVersion],
        release=told.first.id,
        version=told.changed.id,
    )


def test_people_stay_who_they_are_and_keys_are_only_revoked_and_once(session: Session, told: Story) -> None:
    who, kept = "who an account stands for never changes", "A person is never removed or replaced: disable the account."
    refuse(session, "DELETE FROM users", kept)
    for change in ("id = 99", "name = 'Eve'", "created_at = '2020-01-01 00:00:00'"):
        refuse(session, f"UPDATE users SET {change} WHERE name = 'Ada'", who)
    session.execute(text("UPDATE users SET role = 'auditor', password_hash = 'x', disabled_at = created_at"))
    revoked, held = "A key is never changed but revoked, once", "A key is never removed or replaced: revoke it."
    refuse(session, "DELETE FROM api_keys", held)
    refuse(session, "UPDATE api_keys SET purpose = 'audit', revoked_at = created_at", revoked)
    refuse(session, "UPDATE api_keys SET label = label", revoked)
    session.execute(text("UPDATE api_keys SET revoked_at = created_at"))
    for late in ("NULL", "created_at"):
        refuse(session, f"UPDATE api_keys SET revoked_at = {late}", revoked)
    if on_sqlite(session):
        refuse(session, "INSERT OR REPLACE INTO users SELECT * FROM users", kept)
        refuse(session, "UPDATE OR REPLACE users SET name = 'Ada' WHERE name = 'Ben'", who)
        replaced = "REPLACE INTO api_keys (label, prefix, key_hash, created_at, purpose)"
        refuse(session, f"{replaced} SELECT 'x', prefix, key_hash, created_at, 'app' FROM api_keys", held)
    else:
        refuse(session, "TRUNCATE users CASCADE", "PL/pgSQL function refuse()")


@pytest.mark.parametrize("sequence", [0, 2, 7, 99, -1, 2**62])
def test_decisions_have_the_next_number_and_no_other(session: Session, told: Story, sequence: int) -> None:
    others = [each.name for each in Decision.__table__.columns if each.name not in ("id", "sequence")]
    columns = ", ".join(["sequence", "id", *others])
    always = "" if on_sqlite(session) else "OVERRIDING SYSTEM VALUE"
    one = f"SELECT :sequence, 'another', {', '.join(others)} FROM decisions WHERE id LIKE '%1'"
    with pytest.raises(IntegrityError, match=f"{NUMBERED}|A recorded decision is never changed"):
        session.execute(text(f"INSERT INTO decisions ({columns}) {always} {one}"), {"sequence": sequence})


def test_no_decision_begins_as_emptied(session: Session, told: Story) -> None:
    for column, value in (("personal", "sha256:00"), ("removed_in", 1)):
        trial = session.begin_nested()
        with pytest.raises(IntegrityError, match=NUMBERED):
            session.execute(insert(Decision), {**decision(8, told.second), column: value})
        trial.rollback()


def test_an_event_follows_by_the_digest_of_the_one_before_it(session: Session, told: Story) -> None:
    columns = "at, actor, action, subject, details, digest"
    next_one = "(SELECT max(sequence) + 1 FROM audit_events)"
    first = "(SELECT digest FROM audit_events WHERE sequence = 1)"
    for previous in (first, "NULL", "''"):
        statement = (
            f"INSERT INTO audit_events (sequence, previous, {columns}) SELECT {next_one}, {previous}, {columns} "
            "FROM audit_events WHERE sequence = 1"
        )
        refuse(session, statement, INSERTED[AuditEvent])


def test_a_temporary_table_of_the_same_name_hides_nothing_from_the_guards(session: Session, told: Story) -> None:
    only(session, "postgresql")
    session.execute(text("CREATE TEMPORARY TABLE audit_events (LIKE audit_events)"))
    columns = "at, actor, action, subject, details, digest"
    slipped_in = f"INSERT INTO public.audit_events (sequence, {columns}) SELECT 1, {columns} FROM public.audit_events"
    refuse(session, f"{slipped_in} WHERE sequence = 1", INSERTED[AuditEvent])


@pytest.mark.parametrize("sequence", [0, 5, 99, -1])
def test_events_come_one_after_another(session: Session, told: Story, sequence: int) -> None:
    columns = "at, actor, action, subject, details, digest"
    statement = (
        f"INSERT INTO audit_events (sequence, {columns}) "
        f"SELECT CAST(:sequence AS bigint), {columns} FROM audit_events WHERE sequence = 1"
    )
    refuse(session, statement, INSERTED[AuditEvent], sequence=sequence)


def in_state(session: Session, told: Story, state: VersionState) -> Version:
    """A version that was brought into the state step by step."""
    at, who = later(9), told.who
    version = draft_of(session, who.ada, key="sleep-well")
    if state in (VersionState.DRAFT, VersionState.RETIRED):
        if state is VersionState.RETIRED:
            lifecycle.retire(session, version, by=who.ada, at=at, reason="No more.")
        return version
    lifecycle.submit(session, version, by=who.ada, at=at)
    if state is VersionState.RETURNED:
        lifecycle.give_back(session, version, by=who.ben, at=at, comment="Shorter.")
    if state in (VersionState.APPROVED, VersionState.RELEASED):
        lifecycle.approve(session, version, by=who.ben, at=at)
    if state is VersionState.RELEASED:
        lifecycle.publish(session, [version], by=who.ben, at=at, reason="New.")
    assert version.state is state
    return version


def only(session: Session, dialect: str) -> None:
    """This way exists on one of the two databases alone."""
    if session.get_bind().dialect.name != dialect:
        pytest.skip(f"Only {dialect} knows this statement.")
