"""From draft to in force and back at the desk, and every way in which a step is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from cds.changes import gated
from cds.models import Decision
from cds.service import Service
from knowledge import audit, people
from knowledge.database import connect, sessions
from knowledge.items import ItemKind
from knowledge.models import AuditEvent, Role, Version, VersionState
from knowledge.periods import held_at, periods
from knowledge.releasing import in_force
from tests import clinic
from tests.databases import BOTH, as_service, grant_service
from tests.desk import PASSWORD, enter
from tests.paper import form_in
from tests.test_pages import words

RULE = "pain-any-educational-tools"


@pytest.fixture(scope="module", params=BOTH)
def at_work(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The shipped content, a person of every role, and a second author and approver.

    On PostgreSQL the service lives it all as a role that owns nothing.
    """
    staffed = request.getfixturevalue(f"staffed_{request.param}")
    with clinic.copied(staffed, tmp_path_factory.mktemp("life")) as url:
        engine = connect(url)
        with sessions(engine)() as session:
            for name, role in (("author-2", Role.AUTHOR), ("approver-2", Role.APPROVER)):
                people.add(session, name, role, PASSWORD, by=None, at=clinic.LOADED)
            session.commit()
        engine.dispose()
        if request.param == "postgresql":
            grant_service(url)
        yield url


@pytest.fixture
def shipped_url(at_work: str, tmp_path: Path) -> Iterator[str]:
    with clinic.copied(at_work, tmp_path) as url:
        yield as_service(url)


class Lead:
    """Somebody at the desk with a browser without scripts."""

    def __init__(self, app: Flask, name: str) -> None:
        self.client = app.test_client()
        assert enter(self.client, name).status_code == 303

    def reads(self, path: str, status: int = 200) -> str:
        response = self.client.get(path, follow_redirects=True)
        assert response.status_code == status, words(response.text)[:300]
        return response.text

    def sends(self, path: str, holding: str, to: str | None = None, **changes: Any) -> TestResponse:
        """Fill in the form of a page that has this field, and send it."""
        form = form_in(self.reads(path), holding)
        for name, value in changes.items():
            form.setlist(name.replace("__", "-"), value if isinstance(value, list) else [value])
        return self.client.post(to or path, data=form, follow_redirects=True)

    def writes(self, key: str, kind: str = "rules", reason: str = "Clearer.", **changes: Any) -> TestResponse:
        return self.sends(f"/desk/{kind}/{key}/edit", "opened", reason=reason, keep="1", **changes)

    def submits(self, key: str, number: int, kind: str = "rules", **changes: Any) -> TestResponse:
        return self.sends(f"/desk/{kind}/{key}/{number}/submit", "seen", submit="1", **changes)

    def approves(self, key: str, number: int, kind: str = "rules") -> TestResponse:
        page = f"/desk/{kind}/{key}/{number}/review"
        return self.sends(page, "comment", to=f"/desk/{kind}/{key}/{number}/approve", comment="Agreed.")

    def publishes(self, reason: str = "Reviewed.") -> TestResponse:
        return self.sends("/desk/releases/propose", "seen", publish="1", reason=reason)

    def activates(self, number: int, reason: str = "Reviewed.") -> TestResponse:
        return self.sends(f"/desk/releases/{number}/activate", "reason", reason=reason)


@pytest.fixture
def author(app: Flask) -> Lead:
    return Lead(app, "author")


@pytest.fixture
def approver(app: Flask) -> Lead:
    return Lead(app, "approver")


def stored(service: Service, key: str, kind: ItemKind = ItemKind.RULE) -> list[tuple[int, VersionState]]:
    with service.sessions() as session:
        query = select(Version).where(Version.kind == kind, Version.key == key).order_by(Version.number)
        return [(one.number, one.state) for one in session.scalars(query)]


def content(service: Service, key: str, number: int, kind: ItemKind = ItemKind.RULE) -> dict[str, Any]:
    with service.sessions() as session:
        query = select(Version).where(Version.kind == kind, Version.key == key, Version.number == number)
        return json.loads(session.scalars(query).one().content)


def release_in_force(service: Service) -> int:
    with service.sessions() as session:
        release = in_force(session)
        assert release is not None
        return release.number


def actions(service: Service) -> list[tuple[str, str]]:
    with service.sessions() as session:
        query = select(AuditEvent).order_by(AuditEvent.sequence)
        return [(one.actor, one.action) for one in session.scalars(query)]


def submitted(author: Lead, key: str = RULE, title: str = "Offer teaching material on pain") -> None:
    author.writes(key, title=title)
    assert "under review" in words(author.submits(key, 2).text)


def approved(author: Lead, approver: Lead, key: str = RULE, title: str = "Offer teaching material on pain") -> None:
    submitted(author, key, title=title)
    assert "is approved" in words(approver.approves(key, 2).text)


def published(author: Lead, approver: Lead) -> None:
    approved(author, approver)
    assert "Release 2 is published" in words(approver.publishes().text)


# The way through


def test_a_rule_goes_from_a_draft_into_force_and_back_and_the_api_answers_by_it_at_once(
    author: Lead, approver: Lead, caller: clinic.Caller, service: Service
) -> None:
    def title() -> str:
        answer = caller.ask({"has_mbc": True, "pain_present": True, "disease_phase": "stable"})
        return next(one["title"] for one in answer["recommendations"] if one["rule"] == RULE)

    before = title()
    published(author, approver)
    assert title() == before
    assert "Release 2 is in force" in words(approver.activates(2).text)
    assert title() == "Offer teaching material on pain"
    assert "Release 1 is in force" in words(approver.activates(1, "It was too early.").text)
    assert title() == before
    told = actions(service)
    for step in [
        ("author", "version.drafted"),
        ("author", "version.submitted"),
        ("approver", "version.approved"),
        ("approver", "version.released"),
        ("approver", "release.published"),
        ("approver", "release.activated"),
    ]:
        assert step in told
    with service.sessions() as session:
        assert audit.verify(session).untouched


def test_the_reason_and_the_comment_stand_in_the_history(author: Lead, approver: Lead) -> None:
    approved(author, approver)
    page = words(author.reads(f"/desk/rules/{RULE}"))
    assert "Clearer." in page
    assert "On approval by approver" in page
    assert "Agreed." in page


def test_what_is_given_back_waits_for_its_author_with_the_comment_and_is_gone_on_from(
    author: Lead, approver: Lead, service: Service
) -> None:
    submitted(author)
    page = f"/desk/rules/{RULE}/2/review"
    approver.sends(page, "comment", to=f"/desk/rules/{RULE}/2/return", comment="Say to whom.")
    assert stored(service, RULE)[-1] == (2, VersionState.RETURNED)
    assert "Given back to you" in words(author.reads("/desk/"))
    assert "Say to whom." in words(author.reads(f"/desk/rules/{RULE}"))
    author.writes(RULE, reason="Now it says to whom.")
    assert stored(service, RULE)[-1] == (3, VersionState.DRAFT)
    assert content(service, RULE, 3)["title"] == "Offer teaching material on pain"
    assert "Given back to you" not in words(author.reads("/desk/"))


def test_an_author_takes_back_what_she_submitted(author: Lead, service: Service) -> None:
    submitted(author)
    page = f"/desk/rules/{RULE}/2/review"
    author.sends(page, "comment", to=f"/desk/rules/{RULE}/2/return", comment="Not ready.")
    assert stored(service, RULE)[-1] == (2, VersionState.RETURNED)


def test_a_retired_rule_is_gone_from_the_next_release_with_the_patients_that_speak_for_it(
    author: Lead, approver: Lead, service: Service
) -> None:
    page = f"/desk/rules/{RULE}/1/retire"
    assert "could not be published as things stand" in words(author.reads(page))
    author.sends(page, "comment", comment="Replaced.")
    assert stored(service, RULE) == [(1, VersionState.RETIRED)]
    shown = words(approver.reads("/desk/releases/propose"))
    assert "without 1 retired item" in shown
    assert "It cannot be published yet" in shown
    assert f"There is no rule called {RULE}" in shown
    assert release_in_force(service) == 1


def test_a_new_rule_with_its_patients_is_submitted_together(author: Lead, service: Service) -> None:
    shown = author.reads(f"/desk/rules/{RULE}/edit")
    form = form_in(shown, "opened")
    form.setlist("key", ["pain-teach-twice"])
    form.setlist("title", ["Teach twice"])
    form.setlist("condition", ["pain_present and disease_phase is stable"])
    form.setlist("reason", ["Once is too little."])
    form.setlist("opened", [""])
    response = author.client.post("/desk/rules/new", data=form, follow_redirects=True)
    assert "Kept as a draft: version 1" in words(response.text)
    refused = words(author.reads("/desk/rules/pain-teach-twice/1/submit"))
    assert "No vignette shows it recommended: add one." in refused
    for key, facts, state in [
        ("teach-yes", "pain_present: yes\ndisease_phase: stable", "recommended"),
        ("teach-no", "pain_present: no", "not_met"),
        ("teach-open", "pain_present: yes", "undetermined"),
    ]:
        made = author.sends(
            "/desk/vignettes/new?rule=pain-any-educational-tools",
            "facts",
            to="/desk/vignettes/new",
            key=key,
            title=f"Taught twice: {key}",
            story="She has pain.",
            evaluated_at="2026-01-31T09:00:00Z",
            facts="has_mbc: yes\n" + facts,
            expect__0__rule="pain-teach-twice",
            expect__0__state=state,
            reason="Shows the new rule.",
            keep="1",
        )
        assert "Kept as a draft" in words(made.text), words(made.text)[:500]
    page = author.reads("/desk/rules/pain-teach-twice/1/submit")
    assert "Everything that is asked is there" in words(page)
    assert "4 versions are under review" in words(author.submits("pain-teach-twice", 1).text)
    assert stored(service, "teach-no", ItemKind.VIGNETTE) == [(1, VersionState.SUBMITTED)]


# Who may take which step


def test_nobody_approves_her_own_change(app: Flask, approver: Lead, service: Service) -> None:
    approver.writes(RULE, title="Offer teaching material on pain")
    approver.submits(RULE, 2)
    assert "somebody else approves it" in words(approver.reads(f"/desk/rules/{RULE}/2/review"))
    response = approver.sends(
        f"/desk/rules/{RULE}/2/review", "comment", to=f"/desk/rules/{RULE}/2/approve", comment="Mine."
    )
    assert "somebody else approves it" in words(response.text)
    assert stored(service, RULE)[-1] == (2, VersionState.SUBMITTED)
    assert "is approved" in words(Lead(app, "approver-2").approves(RULE, 2).text)


def test_whoever_saved_any_of_it_may_not_approve_it(app: Flask, author: Lead, approver: Lead) -> None:
    author.writes(RULE, title="Offer teaching material on pain")
    approver.writes(RULE, title="Offer teaching material about pain")
    author.submits(RULE, 2)
    assert "somebody else approves it" in words(approver.approves(RULE, 2).text)


def test_nobody_publishes_her_own_change(app: Flask, approver: Lead, service: Service) -> None:
    approver.writes(RULE, title="Offer teaching material on pain")
    approver.submits(RULE, 2)
    second = Lead(app, "approver-2")
    second.approves(RULE, 2)
    shown = words(approver.reads("/desk/releases/propose"))
    assert "somebody else publishes it" in shown
    assert "It cannot be published yet" in shown
    assert "is published" in words(second.publishes().text)


def test_whoever_retired_it_does_not_publish_without_it(app: Flask, approver: Lead) -> None:
    approver.sends(f"/desk/rules/{RULE}/1/retire", "comment", comment="Replaced.")
    assert "somebody else publishes a release without it" in words(approver.reads("/desk/releases/propose"))
    assert "publishes a release without it" not in words(Lead(app, "approver-2").reads("/desk/releases/propose"))


# The gate


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": ""}, "Say in rule pain-any-educational-tools, version 2 why the change is made"),
        ({"citations__0__source": "", "citations__0__locator": "", "citations__0__strength": ""}, "add a citation"),
        ({"citations__0__source": "smith-1999"}, "There is no source called smith-1999."),
        ({"condition": "pain_nrs > 8"}, "fails: "),
        ({"condition": "pain_presnt"}, "There is no fact called pain_presnt."),
        ({"review_by": "2020-01-01"}, "set a later day"),
        ({"overrides-0-rule": "no-such-rule", "overrides-0-reason": "Because."}, "no-such-rule is not a rule"),
        ({"title": ""}, "pain-any-educational-tools, title: This is missing."),
    ],
)
def test_it_is_not_submitted_while_something_is_missing(
    author: Lead, service: Service, changes: dict[str, str], said: str
) -> None:
    author.writes(RULE, **{"title": "Offer teaching material on pain", **changes})
    response = author.submits(RULE, 2)
    assert response.status_code == 422
    assert said in words(response.text)
    assert stored(service, RULE)[-1] == (2, VersionState.DRAFT)


def test_a_circle_of_overrides_is_not_submitted(author: Lead) -> None:
    overriding, overridden = "nutrition-acute-eat-freely", "dyspnea-any-maximise-nutrition"
    changes = {"overrides-0-rule": overriding, "overrides-0-reason": "Because."}
    author.writes(overridden, **changes)
    assert "in a circle" in words(author.submits(overridden, 2).text)


def test_a_fact_that_other_rules_read_does_not_lose_what_they_ask_of_it(author: Lead) -> None:
    page = words(author.writes("pain_nrs", "facts", maximum="3").text)
    assert "It would break" in page
    assert "pain" in page
    refused = author.submits("pain_nrs", 2, "facts")
    assert refused.status_code == 422
    assert "Nothing else breaks by it" in words(refused.text)


def test_a_draft_that_says_what_is_in_force_already_is_not_begun(author: Lead, service: Service) -> None:
    assert "Nothing differs from what is kept already" in words(author.writes(RULE, reason="None.").text)
    assert stored(service, RULE) == [(1, VersionState.RELEASED)]


def test_nothing_is_published_that_nobody_approved(approver: Lead, service: Service) -> None:
    page = words(approver.reads("/desk/releases/propose"))
    assert "Nothing waits to be released" in page
    assert "It cannot be published yet" in page
    assert release_in_force(service) == 1


# Two people, old pages, double clicks


def test_the_second_of_two_editors_is_told_and_nothing_is_lost(app: Flask, author: Lead, service: Service) -> None:
    author.writes(RULE, title="Offer teaching material on pain")
    other = Lead(app, "author-2")
    page = f"/desk/rules/{RULE}/edit"
    mine, theirs = (form_in(lead.reads(page), "opened") for lead in (author, other))
    assert "author has this rule open as well" in words(other.reads(page))
    for form, title in ((theirs, "Theirs"), (mine, "Mine")):
        form["title"], form["reason"] = title, f"{title}, because."
    assert other.client.post(page, data={**theirs.to_dict(flat=False), "keep": "1"}).status_code == 303
    told = author.client.post(page, data={**mine.to_dict(flat=False), "keep": "1"})
    assert told.status_code == 409
    assert "Somebody kept this draft after you opened it" in words(told.text)
    assert content(service, RULE, 2)["title"] == "Theirs"
    again = form_in(told.text, "opened")
    assert again["title"] == "Mine"
    assert again["reason"] == "Mine, because."
    kept = author.client.post(page, data={**again.to_dict(flat=False), "keep": "1"}, follow_redirects=True)
    assert "Kept as a draft" in words(kept.text)
    assert content(service, RULE, 2)["title"] == "Mine"


def test_two_who_begin_a_draft_at_once_get_one(app: Flask, author: Lead, service: Service) -> None:
    other = Lead(app, "author-2")
    page = f"/desk/rules/{RULE}/edit"
    mine, theirs = (form_in(lead.reads(page), "opened") for lead in (author, other))
    mine["title"], theirs["title"] = "Mine", "Theirs"
    other.client.post(page, data={**theirs.to_dict(flat=False), "keep": "1"})
    assert author.client.post(page, data={**mine.to_dict(flat=False), "keep": "1"}).status_code == 409
    assert [number for number, _ in stored(service, RULE)] == [1, 2]


def test_keeping_twice_keeps_once(author: Lead, service: Service) -> None:
    page = f"/desk/rules/{RULE}/edit"
    form = form_in(author.reads(page), "opened")
    form["title"], form["reason"], form["keep"] = "Offer teaching material on pain", "Clearer.", "1"
    author.client.post(page, data=form)
    second = author.client.post(page, data=form, follow_redirects=True)
    assert stored(service, RULE)[-1] == (2, VersionState.DRAFT)
    assert content(service, RULE, 2)["title"] == "Offer teaching material on pain"
    assert second.status_code in (200, 409)
    assert [action for _, action in actions(service)].count("version.revised") == 0


def test_what_changed_after_the_page_was_opened_is_not_submitted_unseen(
    app: Flask, author: Lead, service: Service
) -> None:
    author.writes(RULE, title="Offer teaching material on pain")
    form = form_in(author.reads(f"/desk/rules/{RULE}/2/submit"), "seen")
    Lead(app, "author-2").writes(RULE, title="Theirs")
    response = author.client.post(f"/desk/rules/{RULE}/2/submit", data={**form.to_dict(flat=False), "submit": "1"})
    assert response.status_code == 409
    assert stored(service, RULE)[-1] == (2, VersionState.DRAFT)


def test_submitting_twice_submits_once(author: Lead, service: Service) -> None:
    author.writes(RULE, title="Offer teaching material on pain")
    form = form_in(author.reads(f"/desk/rules/{RULE}/2/submit"), "seen")
    for _ in range(2):
        response = author.client.post(
            f"/desk/rules/{RULE}/2/submit", data={**form.to_dict(flat=False), "submit": "1"}, follow_redirects=True
        )
        assert response.status_code == 200
    assert [action for _, action in actions(service)].count("version.submitted") == 1


def test_what_was_approved_since_the_page_was_opened_is_not_published_unseen(
    author: Lead, approver: Lead, service: Service
) -> None:
    approved(author, approver)
    form = form_in(approver.reads("/desk/releases/propose"), "seen")
    approved(author, approver, "acp-acute-limit-cpr", "Talk about resuscitation")
    approver.client.post(
        "/desk/releases/propose", data={**form.to_dict(flat=False), "publish": "1", "reason": "Reviewed."}
    )
    assert stored(service, "acp-acute-limit-cpr")[-1] == (2, VersionState.APPROVED)


def test_a_proposal_that_is_no_longer_what_was_seen_is_shown_again(
    app: Flask, author: Lead, approver: Lead, service: Service
) -> None:
    approved(author, approver)
    form = form_in(approver.reads("/desk/releases/propose"), "seen")
    author.sends(f"/desk/rules/{RULE}/2/retire", "comment", comment="Not yet.")
    response = approver.client.post(
        "/desk/releases/propose", data={**form.to_dict(flat=False), "publish": "1", "reason": "Reviewed."}
    )
    assert response.status_code == 409
    assert "no longer what you saw" in words(response.text)


def test_publishing_twice_publishes_once(author: Lead, approver: Lead, service: Service) -> None:
    approved(author, approver)
    form = form_in(approver.reads("/desk/releases/propose"), "seen")
    sent = {**form.to_dict(flat=False), "publish": "1", "reason": "Reviewed."}
    assert approver.client.post("/desk/releases/propose", data=sent).status_code == 303
    assert approver.client.post("/desk/releases/propose", data=sent).status_code in (409, 422)
    assert [action for _, action in actions(service)].count("release.published") == 1


def test_a_release_is_in_force_from_when_it_answers_not_from_when_its_check_began(
    author: Lead, approver: Lead, caller: clinic.Caller, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(author, approver)
    began = service.now()
    asked: list[Any] = []
    service.now = lambda: began + timedelta(seconds=len(asked))

    def checked(_: Any) -> list[Any]:
        with ThreadPoolExecutor() as elsewhere:
            asked.append(elsewhere.submit(caller.ask, {"has_mbc": True}).result())
        return []

    monkeypatch.setattr(gated, "failures", checked)
    assert "Release 2 is in force" in words(approver.activates(2).text)
    with service.sessions() as session:
        recorded = session.scalars(select(Decision.recorded_at)).one()
        held = held_at(periods(session), recorded)
        assert held is not None
        assert held.release.number == asked[0]["release"]["number"] == 1


def test_putting_in_force_twice_says_that_it_is(author: Lead, approver: Lead, service: Service) -> None:
    published(author, approver)
    form = form_in(approver.reads("/desk/releases/2/activate"), "reason")
    form["reason"] = "Reviewed."
    approver.client.post("/desk/releases/2/activate", data=form)
    second = approver.client.post("/desk/releases/2/activate", data=form, follow_redirects=True)
    assert "is in force already" in words(second.text)
    assert [action for _, action in actions(service)].count("release.activated") == 2


@pytest.mark.parametrize("step", ["publish", "activate", "approve"])
def test_a_release_step_needs_a_reason(author: Lead, approver: Lead, app: Flask, service: Service, step: str) -> None:
    match step:
        case "publish":
            approved(author, approver)
            response = approver.publishes("   ")
        case "activate":
            published(author, approver)
            response = approver.activates(2, "\u200b ")
        case _:
            response = approver.sends("/desk/releases/1", "reason", to="/desk/releases/1/approve", reason="")
    assert "Say why in a few words" in words(response.text)
    assert release_in_force(service) == 1


def test_a_release_is_approved_clinically_and_the_answers_no_longer_say_that_it_is_not(
    approver: Lead, caller: clinic.Caller
) -> None:
    def noted() -> bool:
        answer = caller.ask({"has_mbc": True})
        return "not_clinically_approved" in [one["code"] for one in answer["notices"]]

    assert noted()
    approver.sends("/desk/releases/1", "reason", to="/desk/releases/1/approve", reason="Read it all.")
    assert not noted()
    response = approver.client.post(
        "/desk/releases/1/approve",
        data={"csrf_token": form_in(approver.reads("/desk/"), "csrf_token")["csrf_token"], "reason": "Again."},
        follow_redirects=True,
    )
    assert "already" in words(response.text)


# What people paste and type


def test_what_word_pastes_is_made_plain(author: Lead, service: Service) -> None:
    author.writes(RULE, text="Offer\u00a0teaching\u200b material\vin her language \u2013 “today”.")
    assert content(service, RULE, 2)["text"] == "Offer teaching material\nin her language – “today”."


@pytest.mark.parametrize("field", ["text", "condition", "notes-0", "reason"])
def test_a_hundred_kilobytes_are_refused_at_their_place_and_not_lost(
    author: Lead, service: Service, field: str
) -> None:
    text = "pain " * 20_000
    response = author.writes(RULE, **{field.replace("-", "__"): text})
    assert response.status_code == 422
    assert "at most" in words(response.text).casefold()
    assert text.strip()[:2000] in form_in(response.text, "opened")[field]
    assert stored(service, RULE) == [(1, VersionState.RELEASED)]


def test_half_a_rule_is_kept_and_says_what_is_missing(author: Lead, service: Service) -> None:
    page = words(author.writes(RULE, title="", condition="pain_present and (").text)
    assert "Kept as a draft" in page
    assert content(service, RULE, 2)["condition"] == "pain_present and ("
    assert "wrong or missing" in words(author.reads(f"/desk/rules/{RULE}"))
    assert form_in(author.reads(f"/desk/rules/{RULE}/edit"), "opened")["condition"] == "pain_present and ("


@pytest.mark.parametrize(
    ("key", "title", "said"),
    [
        ("", "", "Give it a title"),
        ("New", "A rule", "Small letters and digits"),
        ("new", "A rule", "word of the desk"),
        (RULE, "A rule", "There is one of this key already"),
        ("x\x00y z", "A rule", "Small letters and digits"),
    ],
)
def test_a_new_rule_has_a_key_of_its_own(author: Lead, key: str, title: str, said: str) -> None:
    response = author.sends("/desk/rules/new", "key", key=key, title=title, keep="1")
    assert response.status_code == 422
    assert said in words(response.text)


def test_rows_are_added_and_removed_without_scripts(author: Lead, service: Service) -> None:
    page = author.sends(f"/desk/rules/{RULE}/edit", "opened", add="citations").text
    form = form_in(page, "opened")
    rows = [name for name in form if name.startswith("citations-") and name.endswith("-source")]
    assert len(rows) == 2
    form["citations-1-source"], form["citations-1-locator"], form["citations-1-strength"] = "kida-2021", "p1", "may"
    form["remove"] = "citations-0"
    again = form_in(author.client.post(f"/desk/rules/{RULE}/edit", data=form).text, "opened")
    assert [name for name in again if name.endswith("-source")] == ["citations-1-source"]
    assert stored(service, RULE) == [(1, VersionState.RELEASED)]


@pytest.mark.parametrize(
    "path",
    [
        "/desk/rules/no-such-rule",
        "/desk/rules/no-such-rule/edit",
        "/desk/rules/%00",
        "/desk/rules/%00/edit",
        f"/desk/rules/{RULE}?version=99",
        f"/desk/rules/{RULE}/99/review",
        f"/desk/rules/{RULE}/99999999999999999999/review",
        f"/desk/rules/{RULE}/99/submit",
        f"/desk/rules/{RULE}/difference?to=99",
        "/desk/releases/99999999999999999999/activate",
        "/desk/facts/%F0%9F%92%8A",
    ],
)
def test_what_is_not_there_is_said_in_words(approver: Lead, path: str) -> None:
    page = approver.reads(path, 404)
    assert "There is no page here" in words(page)


@pytest.mark.parametrize("query", ["id=abc", "page=-5", "page=abc", "version=abc", "version=-1", "q=%00", "topic=%00"])
def test_odd_queries_do_no_harm(approver: Lead, query: str) -> None:
    approver.reads(f"/desk/rules/?{query}")
    approver.reads(f"/desk/rules/{RULE}?{query}")


def test_a_step_on_a_version_that_moved_on_says_where_it_stands(author: Lead, approver: Lead) -> None:
    approved(author, approver)
    assert "is approved by now" in words(author.reads(f"/desk/rules/{RULE}/2/submit"))
    assert "is approved by now" in words(approver.reads(f"/desk/rules/{RULE}/2/review"))


# What is said while typing


def test_while_typing_the_words_the_patients_and_the_equal_rules_are_told(author: Lead) -> None:
    form = form_in(author.reads(f"/desk/rules/{RULE}/edit"), "opened")
    form["condition"] = "pain_nrs > 8"
    found = json.loads(author.client.post("/desk/rules/check", data=form).text)
    shown = words(found["html"])
    assert "Fails" in shown
    assert "thing" in shown
    form["condition"] = "pain_nrs >"
    broken = json.loads(author.client.post("/desk/rules/check", data=form).text)
    assert broken["at"]["condition"]


def test_while_typing_the_others_who_write_are_told(app: Flask, author: Lead) -> None:
    author.writes(RULE, title="Offer teaching material on pain")
    form = form_in(author.reads(f"/desk/rules/{RULE}/edit"), "opened")
    Lead(app, "author-2").writes(RULE, title="Theirs")
    found = json.loads(author.client.post("/desk/rules/check", data=form).text)
    assert "Somebody kept another draft meanwhile" in words(found["html"])
