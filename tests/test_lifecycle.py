"""The life of versions and releases, the refusals, and what each step leaves in the record."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from knowledge import lifecycle
from knowledge.canonical import canonical, digest
from knowledge.database import sessions
from knowledge.errors import KnowledgeError
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Version, VersionState, release_digest
from tests.story import NOON, SHIPPED, People, approved, draft_of, later, people, shipped, story

pytest_plugins = ["tests.databases"]

NEW = {"key": "walk-daily", "text": "Walk for two hours."}


@pytest.fixture
def session(rolled_back: Session) -> Session:
    return rolled_back


@pytest.fixture
def who(session: Session) -> People:
    return people(session)


def refused(refusal: type[KnowledgeError], sentence: str) -> pytest.RaisesExc[KnowledgeError]:
    return pytest.raises(refusal, match=f"^{re.escape(sentence)}$")


def actions(session: Session) -> list[str]:
    return [event.action for event in session.scalars(select(AuditEvent).order_by(AuditEvent.sequence))]


def test_a_draft_is_the_next_version_of_its_item(session: Session, who: People) -> None:
    shipped(session)
    draft = draft_of(session, who.ada)
    assert (draft.number, draft.state, draft.created_by) == (2, VersionState.DRAFT, who.ada)
    assert draft.label == "rule walk-daily, version 2"
    assert draft.content == canonical({"key": "walk-daily", "text": "Walk for an hour."}).decode()
    assert draft.digest == digest(json.loads(draft.content))


def test_a_new_item_begins_with_version_1(session: Session, who: People) -> None:
    assert draft_of(session, who.ada, key="sleep-well").number == 1


def test_one_item_has_one_draft_at_a_time(session: Session, who: People) -> None:
    draft = draft_of(session, who.ada)
    with refused(
        lifecycle.DraftOpen,
        "rule walk-daily, version 1 is still a draft: revise or retire it before a new draft.",
    ):
        draft_of(session, who.ben)
    lifecycle.submit(session, draft, by=who.ada, at=later(2))
    with refused(
        lifecycle.DraftOpen,
        "rule walk-daily, version 1 is under review: wait for the outcome before a new draft.",
    ):
        draft_of(session, who.ben)


def test_a_draft_can_be_written_anew_until_it_is_submitted(session: Session, who: People) -> None:
    draft = draft_of(session, who.ada)
    lifecycle.revise(session, draft, NEW, by=who.ben, at=later(2), reason="Newer evidence.")
    assert (draft.content, draft.reason) == (canonical(NEW).decode(), "Newer evidence.")
    lifecycle.submit(session, draft, by=who.ada, at=later(3))
    with refused(
        lifecycle.NotADraft,
        "rule walk-daily, version 1 was already submitted; start a new draft from it instead.",
    ):
        lifecycle.revise(session, draft, NEW, by=who.ada, at=later(4), reason="Once more.")
    with refused(
        lifecycle.NotADraft,
        "rule walk-daily, version 1 was already submitted; start a new draft from it instead.",
    ):
        lifecycle.submit(session, draft, by=who.ada, at=later(4))


def test_nothing_is_submitted_without_a_reason(session: Session, who: People) -> None:
    draft = draft_of(session, who.ada, reason="  ")
    with refused(
        lifecycle.NoReason,
        "Say in rule walk-daily, version 1 why the change is made, then submit it.",
    ):
        lifecycle.submit(session, draft, by=who.ada, at=later(2))


def test_nobody_approves_what_they_drafted(session: Session, who: People) -> None:
    draft = draft_of(session, who.ben)
    lifecycle.submit(session, draft, by=who.ada, at=later(2))
    with refused(lifecycle.NotAllowed, "Ben wrote rule walk-daily, version 1: somebody else approves it."):
        lifecycle.approve(session, draft, by=who.ben, at=later(3))


def test_nobody_approves_what_they_revised_for_another(session: Session, who: People) -> None:
    draft = draft_of(session, who.ada)
    lifecycle.revise(session, draft, NEW, by=who.ben, at=later(2), reason="A word.")
    lifecycle.submit(session, draft, by=who.ada, at=later(3))
    with pytest.raises(lifecycle.NotAllowed):
        lifecycle.approve(session, draft, by=who.ben, at=later(4))
    lifecycle.approve(session, draft, by=who.cleo, at=later(4))
    assert (draft.state, draft.approved_by) == (VersionState.APPROVED, who.cleo)


def test_only_what_was_submitted_is_approved_or_returned(session: Session, who: People) -> None:
    draft = draft_of(session, who.ada)
    with refused(lifecycle.NotSubmitted, "rule walk-daily, version 1 is still a draft; submit it first."):
        lifecycle.approve(session, draft, by=who.ben, at=later(2))
    lifecycle.submit(session, draft, by=who.ada, at=later(2))
    lifecycle.approve(session, draft, by=who.ben, at=later(3))
    with refused(
        lifecycle.NotSubmitted,
        "rule walk-daily, version 1 was already approved; there is nothing to review.",
    ):
        lifecycle.give_back(session, draft, by=who.ben, at=later(4), comment="Too late.")


def test_a_returned_version_stays_and_the_next_draft_follows_it(session: Session, who: People) -> None:
    draft = draft_of(session, who.ada)
    lifecycle.submit(session, draft, by=who.ada, at=later(2))
    with pytest.raises(lifecycle.NoReason):
        lifecycle.give_back(session, draft, by=who.ben, at=later(3), comment=" ")
    lifecycle.give_back(session, draft, by=who.ben, at=later(3), comment="An hour is too long.")
    assert draft.state is VersionState.RETURNED
    with pytest.raises(lifecycle.NotADraft):
        lifecycle.revise(session, draft, NEW, by=who.ada, at=later(4), reason="Shorter.")
    assert draft_of(session, who.ada).number == 2


def test_an_author_may_take_back_her_own_but_not_give_back_anothers(session: Session, who: People) -> None:
    draft = draft_of(session, who.ben)
    lifecycle.submit(session, draft, by=who.ben, at=later(2))
    with refused(lifecycle.NotAllowed, "Ada did not write rule walk-daily, version 1: an approver gives it back."):
        lifecycle.give_back(session, draft, by=who.ada, at=later(3), comment="Hm.")
    lifecycle.give_back(session, draft, by=who.ben, at=later(3), comment="A word was missing.")


def test_who_may_not_write_is_told_whom_to_ask(session: Session, who: People) -> None:
    with refused(lifecycle.NotAllowed, "Dora is an auditor; ask an author or approver to do this."):
        draft_of(session, who.dora)
    who.ada.disabled_at = NOON
    with refused(lifecycle.NotAllowed, "Ada no longer works here; sign in as somebody else."):
        draft_of(session, who.ada)


def test_a_retired_version_is_never_released(session: Session, who: People) -> None:
    version = approved(session, who)
    lifecycle.retire(session, version, by=who.ada, at=later(5), reason="Withdrawn by its source.")
    assert version.state is VersionState.RETIRED
    with refused(
        lifecycle.NotPublishable,
        "rule walk-daily, version 1 is not approved (retired): leave it out, or have it approved.",
    ):
        lifecycle.publish(session, [version], by=who.cleo, at=later(6), reason="All of it.")
    with refused(lifecycle.NotRetirable, "rule walk-daily, version 1 is retired already."):
        lifecycle.retire(session, version, by=who.ada, at=later(6), reason="Again.")


def test_what_is_under_review_is_given_back_before_it_is_retired(session: Session, who: People) -> None:
    draft = draft_of(session, who.ada)
    lifecycle.submit(session, draft, by=who.ada, at=later(2))
    with refused(lifecycle.NotRetirable, "rule walk-daily, version 1 is under review: give it back first."):
        lifecycle.retire(session, draft, by=who.ada, at=later(3), reason="A mistake.")


def test_an_import_makes_release_1_of_released_first_versions(session: Session) -> None:
    release = lifecycle.import_versions(session, SHIPPED, by=None, at=NOON, reason="Shipped.")
    assert (release.number, release.origin, release.created_by) == (1, "imported", None)
    assert [version.label for version in release.versions] == [
        "fact pain_nrs, version 1",
        "rule ask-for-pain, version 1",
        "rule walk-daily, version 1",
    ]
    assert {version.state for version in release.versions} == {VersionState.RELEASED}
    assert not release.clinically_approved
    assert lifecycle.in_force(session) is None
    assert actions(session) == ["version.imported"] * 3 + ["release.imported"]
    assert {event.actor for event in session.scalars(select(AuditEvent))} == {"system"}


def test_an_import_into_a_knowledge_base_that_is_not_empty_is_refused(session: Session, who: People) -> None:
    shipped(session)
    with refused(
        lifecycle.AlreadyDone,
        "The knowledge base is not empty: change what is in it through drafts instead.",
    ):
        lifecycle.import_versions(session, SHIPPED, by=who.ben, at=NOON, reason="Again.")


def test_an_import_holds_each_item_once(session: Session) -> None:
    with refused(
        lifecycle.NotPublishable,
        "A release holds one version of an item: choose one of fact pain_nrs, rule walk-daily.",
    ):
        lifecycle.import_versions(session, [*SHIPPED, *SHIPPED[:2]], by=None, at=NOON, reason="Shipped.")


def test_a_release_is_the_next_numbered_set_with_a_digest_of_its_parts(session: Session, who: People) -> None:
    told = story_of_two(session, who)
    assert told.number == 2
    assert told.digest == release_digest((v.kind, v.key, v.number, v.digest) for v in told.versions)
    assert [(version.key, version.number) for version in told.versions] == [
        ("pain_nrs", 1),
        ("ask-for-pain", 1),
        ("walk-daily", 2),
    ]


def story_of_two(session: Session, who: People):
    first = shipped(session)
    changed = approved(session, who)
    kept = [version for version in first.versions if version.key != changed.key]
    release = lifecycle.publish(session, [*kept, changed], by=who.ben, at=later(5), reason="Longer walks.")
    assert changed.state is VersionState.RELEASED
    return release


def test_the_digest_of_a_release_is_pinned_and_does_not_hang_on_the_order() -> None:
    parts = [("rule", "b", 1, "sha256:bb"), ("fact", "a", 2, "sha256:aa")]
    assert release_digest(parts) == release_digest(reversed(parts))
    assert release_digest(parts) == digest(
        [
            {"digest": "sha256:aa", "key": "a", "kind": "fact", "version": 2},
            {"digest": "sha256:bb", "key": "b", "kind": "rule", "version": 1},
        ]
    )
    assert release_digest(parts) == "sha256:3a57f949eb2e5457c16a28e4aedc3a203e480f0c8e3dd05f5f5ae1e1750439a2"


def test_nobody_publishes_their_own_change(session: Session, who: People) -> None:
    draft = draft_of(session, who.ben)
    lifecycle.submit(session, draft, by=who.ben, at=later(2))
    lifecycle.approve(session, draft, by=who.cleo, at=later(3))
    with refused(lifecycle.NotAllowed, "Ben wrote rule walk-daily, version 1: somebody else publishes it."):
        lifecycle.publish(session, [draft], by=who.ben, at=later(4), reason="New.")


def test_a_release_is_of_something_and_of_each_item_once(session: Session, who: People) -> None:
    with refused(
        lifecycle.NotPublishable,
        "A release of nothing answers nothing: choose the versions that it is made of.",
    ):
        lifecycle.publish(session, [], by=who.ben, at=later(1), reason="None.")
    first = shipped(session)
    changed = approved(session, who)
    with refused(
        lifecycle.NotPublishable,
        "A release holds one version of an item: choose one of rule walk-daily.",
    ):
        lifecycle.publish(session, [*first.versions, changed], by=who.cleo, at=later(5), reason="Both.")


def test_the_release_put_in_force_last_is_in_force_and_an_earlier_one_can_return(session: Session, who: People) -> None:
    second = story_of_two(session, who)
    first = lifecycle.in_force(session)
    assert first is not None
    assert first.number == 1
    lifecycle.activate(session, second, by=who.cleo, at=later(6), reason="Go.")
    assert lifecycle.in_force(session) is second
    with refused(lifecycle.AlreadyDone, "Release 2 is in force already."):
        lifecycle.activate(session, second, by=who.ben, at=later(7), reason="Go again.")
    lifecycle.activate(session, first, by=who.ben, at=later(7), reason="Back.")
    assert lifecycle.in_force(session) is first


def test_only_a_person_puts_a_release_of_the_desk_in_force(session: Session, who: People) -> None:
    second = story_of_two(session, who)
    with refused(lifecycle.NotAllowed, "Release 2 was made at the desk: a person puts it in force."):
        lifecycle.activate(session, second, by=None, at=later(6), reason="By itself.")


def test_a_release_is_clinically_approved_by_an_approver_who_did_not_publish_it(session: Session, who: People) -> None:
    second = story_of_two(session, who)
    with refused(lifecycle.NotAllowed, "Ben published Release 2: somebody else approves it."):
        lifecycle.approve_release(session, second, by=who.ben, at=later(6), reason="Fine.")
    with pytest.raises(lifecycle.NotAllowed):
        lifecycle.approve_release(session, second, by=who.ada, at=later(6), reason="Fine.")
    assert not second.clinically_approved
    lifecycle.approve_release(session, second, by=who.cleo, at=later(6), reason="Read in full.")
    assert second.clinically_approved
    with refused(lifecycle.AlreadyDone, "Cleo has approved Release 2 already."):
        lifecycle.approve_release(session, second, by=who.cleo, at=later(7), reason="Once more.")


@pytest.mark.parametrize("reason", ["", " \n", "half\x00way"])
def test_every_step_of_a_release_needs_a_reason_that_can_be_stored(session: Session, who: People, reason: str) -> None:
    version = approved(session, who)
    with pytest.raises(lifecycle.NoReason):
        lifecycle.publish(session, [version], by=who.cleo, at=later(5), reason=reason)
    release = lifecycle.publish(session, [version], by=who.cleo, at=later(5), reason="New.")
    with pytest.raises(lifecycle.NoReason):
        lifecycle.activate(session, release, by=who.cleo, at=later(6), reason=reason)
    with pytest.raises(lifecycle.NoReason):
        lifecycle.approve_release(session, release, by=who.ben, at=later(6), reason=reason)
    with pytest.raises(lifecycle.NoReason):
        lifecycle.retire(session, version, by=who.cleo, at=later(6), reason=reason)


def test_every_step_is_told_in_the_order_of_the_steps(session: Session) -> None:
    told = story(session)
    assert actions(session) == [
        *["version.imported"] * 3,
        "release.imported",
        "release.activated",
        "version.drafted",
        "version.submitted",
        "version.approved",
        "version.released",
        "release.published",
        "release.activated",
        "release.approved",
        "decisions.sealed",
        *["person.added"] * 4,
        "api_key.issued",
        "incident.recorded",
    ]
    approval = session.scalars(select(AuditEvent).where(AuditEvent.action == "version.approved")).one()
    assert (approval.actor, approval.subject, approval.at) == ("Ben", "rule/walk-daily/2", later(4))
    assert json.loads(approval.details) == {
        "by": told.who.ben.id,
        "comment": "",
        "version": {**told.changed.told(), "state": "approved"},
    }


def test_a_step_and_its_event_are_one_transaction(own_database: Engine) -> None:
    with sessions(own_database)() as session:
        draft_of(session, people(session).ada)
        session.rollback()
        assert session.scalars(select(Version)).all() == []
        assert session.scalars(select(AuditEvent)).all() == []


def test_the_second_of_two_approvers_sees_that_the_first_was_quicker(own_database: Engine) -> None:
    make = sessions(own_database)
    with make() as session:
        who = people(session)
        draft = draft_of(session, who.ada)
        lifecycle.submit(session, draft, by=who.ada, at=later(2))
        session.commit()
    with make() as quick, make() as slow:
        stale = slow.get_one(Version, draft.id)
        cleo = slow.merge(who.cleo)
        lifecycle.approve(quick, quick.get_one(Version, draft.id), by=quick.merge(who.ben), at=later(3))
        quick.commit()
        assert stale.state is VersionState.SUBMITTED
        with pytest.raises(lifecycle.NotSubmitted):
            lifecycle.approve(slow, stale, by=cleo, at=later(4))


def test_content_that_is_not_json_is_refused_in_a_sentence(session: Session, who: People) -> None:
    with pytest.raises(KnowledgeError, match=r"^This cannot be stored: .*\. Write it as text instead\.$"):
        lifecycle.draft(session, ItemKind.RULE, "walk-daily", {"review_by": NOON}, by=who.ada, at=NOON, reason="New.")
