"""Whoever owns the database can change it; verifying names the first record that was touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.proofs.proving import NotProvable, proof_of, row_of
from cds.proofs.verifying import verify
from cds.record import retention
from cds.record.digests import personal_digest
from cds.record.incidents import record_incident
from cds.record.sealing import seal
from cds.record.tallying import tally
from knowledge.audit import event_digest
from knowledge.canonical import digest
from knowledge.database import sessions
from knowledge.models import AuditEvent, Release, User
from knowledge.structure import altered
from tests.story import by_force, count_from_one, decision, draft_of, later, on_sqlite, story
from tests.test_proving import checked

pytest_plugins = ["tests.databases"]

SEALED = "Decisions 1 to 5, sealed in audit event 13, were altered"
EXCHANGED = f"{SEALED}: one of them is not as it was sealed, or not at its place."
BLOCK = "Block 1 of the counted decisions (numbers 1 to 8) was altered"
FIVE = "00000000-0000-4000-8000-000000000005"
ONE = "00000000-0000-4000-8000-000000000001"
EVENT = "INSERT INTO audit_events (sequence, at, actor, action, subject, details, origin, previous, digest)"
LAST = 22
"""The last event. Those after 13 tell of four people (14 to 17), a key (18), two incidents (19, 20), a batch (21), and
of the removal of the facts of decisions 1 and 2 (22)."""


@pytest.fixture(scope="module")
def told(database: Engine) -> Engine:
    """A database that holds the story and more, numbered from 1."""
    with sessions(database)() as session:
        count_from_one(session)
        release = story(session).first
        record_incident(session, "disagreement", {}, release_id=release.id, at=later(10))
        session.execute(insert(Decision), decision(8, release, states="ru"))
        assert seal(session, later(11)) == 3
        assert tally(session) == 8
        session.commit()
        old = retention.Removal(1, later(2.5), later(2.5) + timedelta(days=1), "Older than we keep them.")
        for _ in retention.removed(session, old):
            session.commit()
        assert problem(session) is None
        assert session.scalars(select(AuditEvent.sequence).order_by(AuditEvent.sequence.desc())).first() == LAST
    return database


@pytest.fixture
def session(told: Engine) -> Iterator[Session]:
    """On that database; what is done to it is rolled back."""
    with sessions(told)() as session:
        yield session
        session.rollback()


def problem(session: Session) -> str | None:
    """What is found; not that the guards are off, which comes last and is `by_force`'s doing."""
    session.expire_all()
    found = verify(session).problem
    return found if found != altered(session.connection()) else None


def swapped(table: str, column: str, one: int, other: int) -> list[str]:
    """Two rows that change places."""
    steps = ((one, 99), (other, one), (99, other))
    return [f"UPDATE {table} SET {column} = {new} WHERE {column} = {old}" for old, new in steps]


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
    f"{EVENT} SELECT 23, at, actor, action, subject, details, origin, previous, digest "
    "FROM audit_events WHERE sequence = 13": (
        "Audit event 23 (decisions.sealed, decisions/1-5) was altered: its digest is not that of its text."
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
    **{
        f"INSERT INTO release_versions (release_id, version_id) VALUES ({release}, {version})": (
            f"Part {version} of release {release} (ids) was put in beside the record: one of them is not there."
        )
        for release, version in ((1, 88), (77, 1), (77, 88))
    },
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
    # Facts that were removed
    "UPDATE decisions SET subject = 'somebody' WHERE sequence = 1": (
        "Decision number 1 was altered: its facts had been removed."
    ),
    "UPDATE decisions SET removed_in = NULL WHERE sequence = 1": (
        f"Decision {ONE} (number 1) was altered: it is as if its facts were removed."
    ),
    "UPDATE decisions SET personal = 'sha256:00' WHERE sequence = 1": (
        f"Decision {ONE} (number 1) was altered: its digest is not that of its content."
    ),
    "UPDATE decisions SET personal = digest WHERE sequence = 5": (
        f"Decision {FIVE} (number 5) was altered: it is as if its facts were removed."
    ),
    "UPDATE decisions SET removed_in = 20 WHERE sequence = 2": (
        "Audit event 22 tells that the facts of 2 decisions were removed, from 1 to 2; "
        "the decisions emptied by it are others."
    ),
    "UPDATE decisions SET removed_in = 20 WHERE removed_in = 22": (
        "Audit event 22 tells that the facts of 2 decisions were removed, from 1 to 2; "
        "the decisions emptied by it are others."
    ),
    # People
    "UPDATE users SET role = 'approver' WHERE name = 'Ada'": (
        "The account of Ada was altered: role not as audit event 14 told."
    ),
    "UPDATE users SET password_hash = 'of Eve' WHERE name = 'Ben'": (
        "The account of Ben was altered: password not as audit event 15 told."
    ),
    "UPDATE users SET disabled_at = created_at WHERE name = 'Cleo'": (
        "The account of Cleo was altered: disabled_at not as audit event 16 told."
    ),
    "UPDATE users SET created_at = '2020-01-01 00:00:00+00:00' WHERE name = 'Ada'": (
        "The account of Ada was altered: created_at not as audit event 14 told."
    ),
    "UPDATE users SET name = 'Eve' WHERE name = 'Ada'": (
        "The account of Eve was put in beside the record: no event tells of it."
    ),
    "DELETE FROM users WHERE name = 'Dora'": "Audit event 17 tells of person/Dora, which is no longer stored so.",
    "INSERT INTO users (id, name, role, password_hash, created_at) VALUES (9, 'Eve', 'approver', '', "
    "'2026-01-31 12:00:00')": "The account of Eve was put in beside the record: no event tells of it.",
    # API keys
    **{
        f"UPDATE api_keys SET {change}": f"API key 1 ({label}) was altered: {what} not as audit event 18 told."
        for change, label, what in (
            ("label = 'Another'", "Another", "label"),
            ("purpose = 'audit'", "An app", "purpose"),
            ("key_hash = 'of Eve'", "An app", "key"),
            ("created_at = '2020-01-01 00:00:00+00:00'", "An app", "created_at"),
            ("created_by_id = 4", "An app", "created_by"),
            ("revoked_at = created_at", "An app", "revoked_at"),
        )
    },
    "UPDATE api_keys SET id = 2": "API key 2 (An app) was put in beside the record: no event tells of it.",
    "DELETE FROM api_keys": "Audit event 18 tells of api-key/pw_12345 (id 1), which is no longer stored so.",
    "INSERT INTO api_keys (id, label, prefix, key_hash, created_at, purpose) VALUES (2, 'Eve', 'pw_12345', '01', "
    "'2026-01-31 12:00:00', 'audit')": "API key 2 (Eve) was put in beside the record: no event tells of it.",
    # Incidents
    **{
        f"UPDATE incidents SET {change} WHERE id = 1": f"Incident 1 was altered: {what} not as audit event 19 told."
        for change, what in (
            ("""detail = '{"a":1}'""", "digest"),
            ("salt = 'of Eve'", "digest"),
            ("release_id = 2", "digest"),
            ("digest = NULL", "digest"),
            ("digest = 'sha256:00'", "digest"),
            ("kind = 'nothing'", "digest, kind"),
            ("at = '2020-01-01 00:00:00+00:00'", "at, digest"),
            ("personal = 'sha256:00'", "digest"),
        )
    },
    "DELETE FROM incidents WHERE id = 2": "Audit event 20 tells of incident/2, which is no longer stored so.",
    "INSERT INTO incidents (id, at, kind, detail) VALUES (3, '2026-01-31 12:00:00', 'disagreement', '{}')": (
        "Incident 3 was put in beside the record: no event tells of it."
    ),
    # What was counted
    **{
        f"UPDATE decision_blocks SET {change} WHERE id = 1": f"{BLOCK}: {what}"
        for change, what in (
            ("recommended = 2", "recommended is not what its decisions come to."),
            ("decisions = 7", "it counts 7 decisions, and 6 are stored."),
        )
    },
    **{
        f"UPDATE decision_blocks SET {end} = {number} WHERE id = 1": (
            f"{BLOCK.replace(numbers, other)}: the first of its decisions is 1, the last 8."
        )
        for end, number, numbers, other in (("first", 0, "1 to", "0 to"), ("last", 9, "to 8", "to 9"))
    },
    "UPDATE decision_blocks SET day = '2026-02-01'": (
        f"Decision {ONE} (number 1) is in no block of those that were counted."
    ),
    "UPDATE rule_tallies SET undetermined = 1 WHERE place = 0": (
        f"{BLOCK}: rule 1 of the release is not counted as it is in its decisions."
    ),
    "INSERT INTO rule_tallies (release_id, place, block_id, recommended, withheld, undetermined) "
    "VALUES (2, 0, 1, 1, 0, 0)": "There are 3 tallies of rules, and the decisions come to 2.",
    "INSERT INTO decision_blocks (id, release_id, day, first, last, decisions, recommended, withheld, undetermined) "
    "VALUES (9, 2, '2026-01-31', 9, 9, 1, 0, 0, 0)": (
        "There are 3 blocks of counted decisions, and the decisions come to 2."
    ),
}
"""Whatever is changed, and the sentence by which it is found."""

SWAPS = {
    ("audit_events", "sequence", 2, 3): (
        "Audit event 2 (version.imported, rule/ask-for-pain/1) was altered: its digest is not that of its text."
    ),
    ("decisions", "sequence", 3, 4): EXCHANGED,
    ("versions", "id", 1, 4): "Release 1 was altered: its versions are not those that it was published with.",
    ("releases", "id", 1, 2): "Release 2 was altered: id not as audit event 10 told.",
    ("activations", "id", 1, 2): "Activation 1 of release 2 was put in beside the record: no event tells of it.",
    ("users", "id", 1, 2): "The account of Ben was altered: id not as audit event 15 told.",
    ("incidents", "id", 1, 2): "Incident 1 was altered: at, digest not as audit event 19 told.",
}
"""Two rows of a table that change places."""


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_found_and_named(session: Session, change: str) -> None:
    by_force(session, change)
    assert problem(session) == CHANGES[change]


@pytest.mark.parametrize("swap", SWAPS, ids=lambda swap: swap[0])
def test_two_rows_that_changed_places_are_found(session: Session, swap: tuple[str, str, int, int]) -> None:
    by_force(session, *swapped(*swap))
    assert problem(session) == SWAPS[swap]


def test_a_decision_whose_facts_were_removed_is_proven_without_them(session: Session) -> None:
    row = row_of(session, ONE)
    assert row["facts_posted"] == ""
    assert checked(proof_of(session, row))[0] == 0
    with pytest.raises(NotProvable, match=r"its facts were removed by event 22; it is provable without them\."):
        proof_of(session, row, with_facts=True)


def test_facts_that_were_removed_too_early_are_found(session: Session) -> None:
    """Five was younger than what the event says was to go."""
    empty = "subject = NULL, facts_posted = '', facts_known = '', response_digest = '', salt = ''"
    personal = personal_digest(row_of(session, FIVE))
    by_force(session, f"UPDATE decisions SET {empty}, removed_in = 22, personal = '{personal}' WHERE sequence = 5")
    assert problem(session) == (
        "Audit event 22 tells that the facts of decisions recorded before 2026-01-31T14:30:00.000000Z were removed; "
        "one of those emptied by it was recorded at 2026-01-31T17:00:00.000000Z."
    )


def test_a_decision_written_anew_with_its_digest_is_found_by_its_batch(session: Session) -> None:
    forged = decision(5, session.get_one(Release, 1), states="NR")
    by_force(session, f"UPDATE decisions SET states = 'NR', digest = '{forged['digest']}' WHERE sequence = 5")
    assert problem(session) == EXCHANGED


def test_a_decision_slipped_in_among_sealed_ones_is_found(session: Session) -> None:
    """Where a number was left out, as after a rollback on PostgreSQL."""
    release = session.get_one(Release, 1)
    session.execute(insert(Decision), [decision(number, release) for number in (9, 10, 11, 12)])
    by_force(session, "DELETE FROM decisions WHERE sequence IN (9, 11)")
    assert seal(session, later(12)) == 2
    assert problem(session) is None
    session.execute(insert(Decision), {**decision(11, release), "sequence": 11})
    assert problem(session) == (
        "Decisions 10 to 12, sealed in audit event 23, were altered: 2 were sealed and 3 are stored."
    )
    session.execute(insert(Decision), {**decision(9, release), "sequence": 9})
    assert problem(session) == (
        "Decision 00000000-0000-4000-8000-000000000009 (number 9) was put in beside the record: it is in no batch."
    )


def test_an_event_written_anew_with_its_digest_is_found_by_the_next_one(session: Session) -> None:
    event = session.get_one(AuditEvent, 8)
    event.actor = "Eve"
    with session.no_autoflush:
        forged = event_digest(event)
        session.expire(event)
    by_force(session, f"UPDATE audit_events SET actor = 'Eve', digest = '{forged}' WHERE sequence = 8")
    assert problem(session) == (
        "Audit event 9 (version.released, rule/walk-daily/2) was altered: it does not follow from the event before it."
    )


def test_a_chain_written_anew_throughout_has_another_head(session: Session) -> None:
    head = verify(session).head
    by_force(session, "UPDATE audit_events SET origin = 'elsewhere' WHERE sequence = 1")
    previous = None
    for event in session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)):
        event.previous = previous
        with session.no_autoflush:
            previous = event.digest = event_digest(event)
    session.flush()
    assert problem(session) is None
    assert verify(session).head != head


@pytest.mark.parametrize("details", ["{}", "[]", "nothing"])
@pytest.mark.parametrize(
    "action",
    [
        "version.drafted",
        "decisions.sealed",
        "facts.removed",
        "person.role_changed",
        "api_key.issued",
        "incident.recorded",
    ],
)
def test_an_event_that_tells_nothing_of_the_kind_is_named(session: Session, action: str, details: str) -> None:
    last = session.get_one(AuditEvent, LAST)
    event = AuditEvent(
        sequence=LAST + 1, at=later(30), actor="Eve", action=action, subject="it", details=details, previous=last.digest
    )
    event.digest = event_digest(event)
    session.add(event)
    session.flush()
    found = problem(session)
    if (action, details) == ("version.drafted", "{}"):
        assert found is None, "nothing is told of a version, so nothing is held against it"
    else:
        assert re.fullmatch(rf"Audit event {LAST + 1} was altered: .*cannot be read\.", found or "")


def test_a_draft_that_was_rewritten_beside_the_record_is_found(session: Session) -> None:
    ada = session.scalars(select(User).where(User.name == "Ada")).one()
    draft = draft_of(session, ada, key="sleep-well")
    by_force(session, f"UPDATE versions SET reason = 'Another.' WHERE id = {draft.id}")
    assert problem(session) == "rule sleep-well, version 1 was altered: reason not as audit event 23 told."


@pytest.mark.parametrize("garbage", ["'yesterday'", "x'ff00'", "CAST(x'ff' AS text)", "7"])
@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("audit_events", "at", "sequence = 2"),
        ("versions", "created_at", "id = 2"),
        ("decisions", "recorded_at", "sequence = 3"),
    ],
)
def test_moments_that_cannot_be_read_are_named(
    session: Session, table: str, column: str, row: str, garbage: str
) -> None:
    only_where_columns_hold_anything(session)
    by_force(session, f"UPDATE {table} SET {column} = {garbage} WHERE {row}")
    assert re.search(r" [23] .*was altered: it cannot be read\.$", problem(session) or "")


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("decisions", "recorded_at", "sequence = 5"),
        ("audit_events", "at", "sequence = 5"),
        ("users", "created_at", "id = 1"),
    ],
)
@pytest.mark.parametrize("writing", ["replace({0}, ' ', 'T')", "{0} || 'Z'", "substr({0}, 1, 19)", "{0} || '+00:00'"])
def test_a_moment_in_another_writing_is_found(
    session: Session, table: str, column: str, row: str, writing: str
) -> None:
    """It is the same moment, and would no longer be found where one looks by the time."""
    only_where_columns_hold_anything(session)
    by_force(session, f"UPDATE {table} SET {column} = {writing.format(column)} WHERE {row}")
    number = row.rpartition(" ")[2]
    assert problem(session) == f"Row {number} of {table} was altered: its {column} is not written as moments are."


@pytest.mark.parametrize("garbage", ["x'ff00'", "CAST(x'ff' AS text)"])
@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("audit_events", "details", "sequence = 2"),
        ("versions", "content", "id = 2"),
        ("decisions", "facts_known", "sequence = 3"),
    ],
)
def test_texts_that_cannot_be_read_are_named(session: Session, table: str, column: str, row: str, garbage: str) -> None:
    only_where_columns_hold_anything(session)
    by_force(session, f"UPDATE {table} SET {column} = {garbage} WHERE {row}")
    assert re.search(r" [23] .*was altered: it cannot be read\.$", problem(session) or "")


def only_where_columns_hold_anything(session: Session) -> None:
    if not on_sqlite(session):
        pytest.skip("PostgreSQL stores nothing in a column that is not of its type.")
