"""Whoever owns the database can change it; verifying names the first record that was touched."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.record.sealing import check_decisions, seal
from knowledge.audit import Verification, event_digest, verify
from knowledge.canonical import digest
from knowledge.models import AuditEvent, Release, User
from tests.story import by_force, count_from_one, decision, draft_of, later, on_sqlite, story

pytest_plugins = ["tests.databases"]

SEALED = "Decisions 1 to 5, sealed in audit event 13, were altered"
EXCHANGED = f"{SEALED}: one of them is not as it was sealed, or not at its place."
FIVE = "00000000-0000-4000-8000-000000000005"
EVENT = "INSERT INTO audit_events (sequence, at, actor, action, subject, details, origin, previous, digest)"


def verified(session: Session) -> Verification:
    return verify(session, check_decisions)


@pytest.fixture
def session(rolled_back: Session) -> Session:
    """A database that holds the story, numbered from 1."""
    count_from_one(rolled_back)
    story(rolled_back)
    assert verified(rolled_back).untouched
    return rolled_back


CHANGES = {
    # What happened
    "UPDATE audit_events SET actor = 'Eve' WHERE sequence = 8": (
        "Audit event 8 (version.approved, rule/walk-daily/2) was altered: its digest is not that of its text."
    ),
    "UPDATE audit_events SET at = '2026-01-31 16:00:00.000001' WHERE sequence = 8": (
        "Audit event 8 (version.approved, rule/walk-daily/2) was altered: its digest is not that of its text."
    ),
    "UPDATE audit_events SET details = replace(details, ':', ': ') WHERE sequence = 8": (
        "Audit event 8 (version.approved, rule/walk-daily/2) was altered: its digest is not that of its text."
    ),
    "UPDATE audit_events SET origin = 'elsewhere' WHERE sequence = 1": (
        "Audit event 1 (version.imported, rule/walk-daily/1) was altered: its digest is not that of its text."
    ),
    "UPDATE audit_events SET previous = 'sha256:00' WHERE sequence = 3": (
        "Audit event 3 (version.imported, rule/ask-for-pain/1) was altered: its digest is not that of its text."
    ),
    "UPDATE audit_events SET digest = 'sha256:00' WHERE sequence = 13": (
        "Audit event 13 (decisions.sealed, decisions/1-5) was altered: its digest is not that of its text."
    ),
    "DELETE FROM audit_events WHERE sequence = 1": ("Audit event 1 is missing: the next one in the record is 2."),
    "DELETE FROM audit_events WHERE sequence IN (7, 8)": ("Audit event 7 is missing: the next one in the record is 9."),
    "DELETE FROM audit_events WHERE sequence >= 12": "Approval 1 of release 2 was put in beside the record: "
    "no event tells of it.",
    f"{EVENT} SELECT 14, at, actor, action, subject, details, origin, previous, digest "
    "FROM audit_events WHERE sequence = 13": (
        "Audit event 14 (decisions.sealed, decisions/1-5) was altered: its digest is not that of its text."
    ),
    # Versions
    "UPDATE versions SET content = '{}' WHERE id = 4": (
        "rule walk-daily, version 2 was altered: its content is not what its digest was made of."
    ),
    f"UPDATE versions SET content = '{{}}', digest = '{digest({})}' WHERE id = 4": (
        "rule walk-daily, version 2 was altered: digest not as audit event 9 told."
    ),
    "UPDATE versions SET state = 'retired' WHERE id = 2": (
        "fact pain_nrs, version 1 was altered: state not as audit event 2 told."
    ),
    "UPDATE versions SET state = 'forgotten' WHERE id = 2": "Row 2 of the versions was altered: it cannot be read.",
    "UPDATE versions SET reason = 'No reason.' WHERE id = 1": (
        "rule walk-daily, version 1 was altered: reason not as audit event 1 told."
    ),
    "UPDATE versions SET approved_by_id = 3, approved_at = '2026-01-31 17:00:00+00:00' WHERE id = 4": (
        "rule walk-daily, version 2 was altered: approved_at, approved_by not as audit event 9 told."
    ),
    "UPDATE versions SET created_by_id = 1 WHERE id = 1": (
        "rule walk-daily, version 1 was altered: created_by not as audit event 1 told."
    ),
    "UPDATE versions SET key = 'walk-nightly' WHERE id = 4": (
        "rule walk-nightly, version 2 was put in beside the record: no event tells of it."
    ),
    "DELETE FROM versions WHERE id = 2": (
        "Release 1 was altered: its versions are not those that it was published with."
    ),
    "INSERT INTO versions (id, kind, key, number, content, digest, state, reason, created_at) "
    "VALUES (9, 'rule', 'new', 1, '{}', 'sha256:00', 'released', 'Slipped in.', '2026-01-31 12:00:00')": (
        "rule new, version 1 was put in beside the record: no event tells of it."
    ),
    # Releases
    "UPDATE releases SET reason = 'Shorter walks.' WHERE id = 2": (
        "Release 2 was altered: reason not as audit event 10 told."
    ),
    "UPDATE releases SET created_at = '2020-01-01 00:00:00' WHERE id = 1": (
        "Release 1 was altered: created_at not as audit event 4 told."
    ),
    "DELETE FROM release_versions WHERE release_id = 2 AND version_id = 4": (
        "Release 2 was altered: its versions are not those that it was published with."
    ),
    "UPDATE release_versions SET version_id = 4 WHERE release_id = 1 AND version_id = 1": (
        "Release 1 was altered: its versions are not those that it was published with."
    ),
    "INSERT INTO release_versions (release_id, version_id) VALUES (1, 4)": (
        "Release 1 was altered: its versions are not those that it was published with."
    ),
    "DELETE FROM releases WHERE id = 2": "Row 1 of the release approvals was altered: it cannot be read.",
    "UPDATE release_approvals SET by_id = 1": ("Approval 1 of release 2 was altered: by not as audit event 12 told."),
    "DELETE FROM release_approvals": ("Audit event 12 tells of release/2/approval/1, which is no longer stored so."),
    # What was in force
    "UPDATE activations SET release_id = 1": (
        "Activation 2 of release 1 was put in beside the record: no event tells of it."
    ),
    "UPDATE activations SET since = '2026-01-30 12:00:00+00:00' WHERE id = 1": (
        "Activation 1 of release 1 was altered: since not as audit event 5 told."
    ),
    "DELETE FROM activations WHERE id = 2": (
        "Audit event 11 tells of release/2/activation/2, which is no longer stored so."
    ),
    "INSERT INTO activations (id, release_id, since, reason) VALUES (3, 1, '2026-02-01 12:00:00', 'Back.')": (
        "Activation 3 of release 1 was put in beside the record: no event tells of it."
    ),
    # Decisions
    **{
        f"UPDATE decisions SET {change} WHERE sequence = 5": (
            f"Decision {FIVE} (number 5) was altered: its digest is not that of its content."
        )
        for change in (
            "facts_posted = '{}'",
            "facts_known = '{}'",
            "subject = 'somebody else'",
            "states = 'NR'",
            "request = '{}'",
            "actors = '[]'",
            "origin = 'desk'",
            "release_id = 2",
            "evaluated_at = '2026-01-31 17:00:01+00:00'",
            "recorded_at = '2026-01-31 17:00:01+00:00'",
            "response_digest = 'sha256:01'",
            "salt = ''",
            "digest = 'sha256:00'",
        )
    },
    "DELETE FROM decisions WHERE sequence = 5": (
        "Decisions 1 to 5, sealed in audit event 13, were altered: 5 were sealed and 4 are stored."
    ),
    "DELETE FROM decisions": (
        "Decisions 1 to 5, sealed in audit event 13, were altered: 5 were sealed and 0 are stored."
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_found_and_named(session: Session, change: str) -> None:
    by_force(session, change)
    assert verified(session).problem == CHANGES[change]


def test_two_decisions_that_changed_places_are_found(session: Session) -> None:
    steps = [f"UPDATE decisions SET sequence = {new} WHERE sequence = {old}" for old, new in ((2, 99), (3, 2), (99, 3))]
    by_force(session, *steps)
    assert verified(session).problem == EXCHANGED


def test_a_decision_written_anew_with_its_digest_is_found_by_its_batch(session: Session) -> None:
    forged = decision(5, session.get_one(Release, 1), states="NR")
    by_force(session, f"UPDATE decisions SET states = 'NR', digest = '{forged['digest']}' WHERE sequence = 5")
    assert verified(session).problem == EXCHANGED


def test_a_decision_slipped_in_among_sealed_ones_is_found(session: Session) -> None:
    """Where a number was left out, as after a rollback on PostgreSQL."""
    release = session.get_one(Release, 1)
    session.execute(insert(Decision), [decision(8, release), decision(9, release)])
    by_force(session, "DELETE FROM decisions WHERE sequence = 8")
    assert seal(session, later(9)) == 3
    assert verified(session).untouched
    session.execute(insert(Decision), {**decision(8, release), "sequence": 8})
    assert verified(session).problem == (
        "Decisions 6 to 9, sealed in audit event 14, were altered: 3 were sealed and 4 are stored."
    )


def test_events_that_changed_places_are_found(session: Session) -> None:
    swap = ((2, 99), (3, 2), (99, 3))
    by_force(session, *(f"UPDATE audit_events SET sequence = {new} WHERE sequence = {old}" for old, new in swap))
    assert verified(session).problem == (
        "Audit event 2 (version.imported, rule/ask-for-pain/1) was altered: its digest is not that of its text."
    )


def test_an_event_written_anew_with_its_digest_is_found_by_the_next_one(session: Session) -> None:
    event = session.get_one(AuditEvent, 8)
    event.actor = "Eve"
    with session.no_autoflush:
        forged = event_digest(event)
        session.expire(event)
    by_force(session, f"UPDATE audit_events SET actor = 'Eve', digest = '{forged}' WHERE sequence = 8")
    assert verified(session).problem == (
        "Audit event 9 (version.released, rule/walk-daily/2) was altered: it does not follow from the event before it."
    )


def test_a_chain_written_anew_throughout_has_another_head(session: Session) -> None:
    head = verified(session).head
    by_force(session, "UPDATE audit_events SET origin = 'elsewhere' WHERE sequence = 1")
    previous = None
    for event in session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)):
        event.previous = previous
        with session.no_autoflush:
            previous = event.digest = event_digest(event)
    session.flush()
    assert verified(session).untouched
    assert verified(session).head != head


def test_a_draft_that_was_rewritten_beside_the_record_is_found(session: Session) -> None:
    ada = session.scalars(select(User).where(User.name == "Ada")).one()
    draft = draft_of(session, ada, key="sleep-well")
    by_force(session, f"UPDATE versions SET reason = 'Another.' WHERE id = {draft.id}")
    assert verified(session).problem == "rule sleep-well, version 1 was altered: reason not as audit event 14 told."


@pytest.mark.parametrize("garbage", ["'yesterday'", "x'ff00'", "CAST(x'ff' AS text)", "7"])
@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("audit_events", "at", "sequence = 2"),
        ("versions", "created_at", "id = 2"),
        ("decisions", "recorded_at", "sequence = 2"),
    ],
)
def test_moments_that_cannot_be_read_are_named(
    session: Session, table: str, column: str, row: str, garbage: str
) -> None:
    only_where_columns_hold_anything(session)
    by_force(session, f"UPDATE {table} SET {column} = {garbage} WHERE {row}")
    assert re.search(r" 2 .*was altered: it cannot be read\.$", verified(session).problem or "")


@pytest.mark.parametrize("garbage", ["x'ff00'", "CAST(x'ff' AS text)"])
@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("audit_events", "details", "sequence = 2"),
        ("versions", "content", "id = 2"),
        ("decisions", "facts_known", "sequence = 2"),
    ],
)
def test_texts_that_cannot_be_read_are_named(session: Session, table: str, column: str, row: str, garbage: str) -> None:
    only_where_columns_hold_anything(session)
    by_force(session, f"UPDATE {table} SET {column} = {garbage} WHERE {row}")
    assert re.search(r" 2 .*was altered: it cannot be read\.$", verified(session).problem or "")


def only_where_columns_hold_anything(session: Session) -> None:
    if not on_sqlite(session):
        pytest.skip("PostgreSQL stores nothing in a column that is not of its type.")
