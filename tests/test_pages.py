"""The pages that need no sign-in: what a newcomer reads, the patients to try, the API's page, and pages for errors."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from cds.deciding import Disagreement, Question, decide
from cds.pages import trying
from cds.service import Service
from knowledge import people
from knowledge.database import connect, upgrade
from knowledge.items import State, Vignette
from knowledge.models import Role
from knowledge.releasing import approve_release, in_force
from tests import clinic

WITHHELD = "external-stable-pain-above-goal"
"""A patient with more than 110 recommendations, and advice to exercise that is withheld."""

INLINE = re.compile(
    r'<script(?![^>]*(\bsrc=|type="application/json"))|<style|\bstyle=|\son[a-z]+=|javascript:', re.IGNORECASE
)


def read(client: FlaskClient, path: str, status: int = 200) -> str:
    """The page at a path: whole, in English, with one heading and nothing that the content policy forbids."""
    response = client.get(path)
    assert (response.status_code, response.content_type) == (status, "text/html; charset=utf-8")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    page = response.text
    assert '<html lang="en">' in page
    assert page.rstrip().endswith("</html>")
    assert page.count("<h1") == 1
    assert not INLINE.search(page), INLINE.search(page)
    assert not re.search(r'(src|href)="(https?:)?//(?!doi\.org/)[^"]*\.(js|css|woff2?|png|svg)"', page)
    return page


def words(page: str) -> str:
    """What a reader sees of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def answer(service: Service, vignette: Vignette) -> tuple[dict[str, list[dict[str, str]]], dict[str, State]]:
    with service.sessions() as session:
        release = service.serving.current(session).release
    decided = decide(release, Question(vignette.key, vignette.evaluated_at, vignette.facts), clinically_approved=False)
    return json.loads(decided.response), dict(decided.states)


def approved(session: Session) -> None:
    ben = people.add(session, "Ben", Role.APPROVER, "a long enough password", by=None, at=clinic.NOW)
    release = in_force(session)
    assert release is not None
    approve_release(session, release, by=ben, at=clinic.NOW, reason="Read in full.")
    session.commit()


def test_a_newcomer_learns_what_this_is_and_what_is_in_force(client: FlaskClient) -> None:
    page = words(read(client, "/"))
    assert "metastatic breast cancer" in page
    assert "Release 1 Not yet clinically approved Since 1 January 2026, 00:00 UTC" in page
    assert "Imported, and not yet approved by a clinician. Every answer says so." in page
    base = clinic.shipped_base()
    statements = sum(rule.is_statement for rule in base.rules.values())
    assert f"rules {len(base.rules) - statements} background statements {statements}" in page
    assert f"cited sources {len(base.sources)}" in page


@pytest.mark.parametrize("way", ['href="/desk/"', 'href="/api/v1/docs"', 'href="/try"', 'href="/try/worked-case-'])
def test_she_finds_every_way_on(client: FlaskClient, way: str) -> None:
    assert way in read(client, "/")


def test_an_approved_release_is_called_approved(client: FlaskClient, service: Service) -> None:
    with service.sessions() as session:
        approved(session)
    page = words(read(client, "/"))
    assert "Release 1 Clinically approved" in page
    assert "not yet" not in page.lower()


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Flask]:
    """The app on a database without tables."""
    with clinic.open_app(f"sqlite:///{tmp_path / 'bare.sqlite3'}") as app:
        yield app


def test_without_tables_the_page_still_stands_and_says_what_to_do(bare: Flask) -> None:
    page = words(read(bare.test_client(), "/", 503))
    assert "No release" in page
    assert "phasewise db upgrade" in page


def test_without_a_release_it_says_how_to_load_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    engine = connect(url)
    upgrade(engine)
    engine.dispose()
    with clinic.open_app(url) as app:
        assert "phasewise serve --demo" in words(read(app.test_client(), "/", 503))
        assert "No release is in force" in words(read(app.test_client(), "/try", 503))
        assert "No release is in force" in words(read(app.test_client(), "/try/anybody", 503))


def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    with clinic.open_app(f"sqlite:///{tmp_path}") as app:
        assert "The database cannot be used just now" in words(read(app.test_client(), "/", 503))
        assert "The database cannot be used" in words(read(app.test_client(), "/try", 503))


def test_every_example_patient_is_listed_worked_cases_first(client: FlaskClient) -> None:
    page = read(client, "/try")
    for key, vignette in clinic.shipped_base().vignettes.items():
        assert f'href="/try/{key}"' in page
        assert html.escape(vignette.title, quote=False) in html.unescape(page)
    assert page.index('id="worked-cases"') < page.index('id="advance-care-planning"')


def test_patients_are_found_by_words_in_any_order(client: FlaskClient) -> None:
    wanted = {
        key
        for key, one in clinic.shipped_base().vignettes.items()
        if all(word in f"{one.title} {one.story} {one.topic} {key}".lower() for word in ("exercise", "vigorous"))
    }
    assert wanted
    for query in ("exercise+vigorous", "VIGOROUS++Exercise"):
        assert set(re.findall(r'href="/try/([^"?#]+)"', read(client, f"/try?q={query}"))) == wanted
    assert "No example patient has all of these words" in read(client, "/try?q=exercise+xyzzy")


@pytest.mark.parametrize("words_typed", ["%00", "%F0%9F%A6%A0", "%ED%A0%80", "a" * 5000, "<script>", "'; DROP TABLE"])
def test_odd_words_find_nothing_and_break_nothing(client: FlaskClient, words_typed: str) -> None:
    read(client, f"/try?q={words_typed}")


def test_every_example_patient_has_a_page_with_her_whole_answer(client: FlaskClient, service: Service) -> None:
    for key, vignette in clinic.shipped_base().vignettes.items():
        page = read(client, f"/try/{key}")
        said, states = answer(service, vignette)
        shown = re.findall(r'<li id="([a-z0-9._-]+)">\s*<div>\s*<h4>', page)
        assert sorted(shown) == sorted(one["rule"] for one in said["recommendations"])
        text = words(page)
        assert " ".join(vignette.story.split()) in text
        assert "nothing of this is recorded" in text
        for notice in said["notices"]:
            assert notice["detail"] in text
        not_met = list(states.values()).count(State.NOT_MET)
        assert f"{not_met} do not apply" in text or f"{not_met} does not apply" in text
        if said["undetermined"]:
            assert f"{len(said['undetermined'])} not decided" in text


def test_the_most_urgent_comes_first_with_reason_reader_and_source(client: FlaskClient) -> None:
    page = read(client, f"/try/{WITHHELD}")
    places = [page.index(f'<section class="urgency {name}"') for name in ("now", "visit", "ongoing")]
    assert places == sorted(places)
    text = words(page)
    assert "Check the list of oncologic emergencies" in text
    assert "Why Uncontrolled pain , since pain above the patient's own goal" in text
    assert re.search(
        r"Who Clinician Source \[\d+\] indicators for palliative care · wording: lists as indicators", text
    )


def test_what_is_withheld_says_why_and_what_is_missing_says_what_to_ask(client: FlaskClient) -> None:
    text = words(read(client, f"/try/{WITHHELD}"))
    assert "Because of the hazard “Uncontrolled pain, emergency not excluded”" in text
    assert "exercise waits until it has." in text
    assert "could still apply: a fact that is not known is never taken as no." in text


def test_every_number_of_a_source_leads_to_its_reference(client: FlaskClient) -> None:
    page = read(client, f"/try/{WITHHELD}")
    cited = set(re.findall(r'href="#(reference-\d+)"', page))
    listed = re.findall(r'<li id="(reference-\d+)">', page)
    assert cited == set(listed)
    assert len(listed) == len(set(listed)) > 1


def test_every_link_within_the_page_leads_somewhere(client: FlaskClient) -> None:
    for path in (f"/try/{WITHHELD}", "/try", "/"):
        page = read(client, path)
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_the_answer_can_be_narrowed_to_a_reader(client: FlaskClient) -> None:
    whole = read(client, f"/try/{WITHHELD}").count("<h4>")
    hers = read(client, f"/try/{WITHHELD}?for=patient").count("<h4>")
    assert 0 < hers < whole
    assert read(client, f"/try/{WITHHELD}?for=nobody").count("<h4>") == whole


def test_trying_records_nothing(client: FlaskClient, service: Service) -> None:
    before = clinic.counts(service)
    read(client, f"/try/{WITHHELD}")
    assert clinic.counts(service) == before


def test_facts_are_said_in_words_the_disease_first(client: FlaskClient) -> None:
    known = words(read(client, f"/try/{WITHHELD}")).split("What is known of the patient")[1]
    assert known.index("disease phase is stable") < known.index("pain intensity 4") < known.index("Exercise judged")
    follows = known.partition("It follows ")[2]
    for derived in ("Dyspnea", "fatigue", "pain", "uncontrolled pain"):
        assert derived in follows


@pytest.mark.parametrize("path", ["/try/nobody", "/try/%00", "/try/a%2Fb", "/nowhere", "/static/none.css", "/try/x/y"])
def test_what_is_not_there_gets_a_friendly_page(client: FlaskClient, path: str) -> None:
    page = words(read(client, path, 404))
    assert "There is no page here" in page
    assert "Start page" in page


def test_a_wrong_method_gets_a_page_that_says_what_to_do(client: FlaskClient) -> None:
    response = client.post("/try")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert "This address takes no such request" in response.text


def test_the_api_keeps_its_problem_documents(client: FlaskClient) -> None:
    clinic.problem_in(client.get("/api/v1/nothing"), 404)
    clinic.problem_in(client.get("/api/v1/rules"), 401)


def test_what_goes_wrong_unexpectedly_gets_a_page_without_our_insides(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(trying, "listed", broken)
    page = read(client, "/try", 500)
    assert "Something went wrong" in page
    assert "secret" not in page


def test_an_answer_that_cannot_be_trusted_is_not_shown(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def disagree(release: object, question: Question, **_: object) -> None:
        raise Disagreement(question, None, [], [])  # type: ignore[arg-type]

    monkeypatch.setattr(trying, "decide", disagree)
    page = words(read(client, f"/try/{WITHHELD}", 500))
    assert "The answer could not be trusted" in page
    assert "nothing is recommended" in page


def test_the_api_s_page_needs_no_key_and_brings_its_own_files(client: FlaskClient) -> None:
    page = read(client, "/api/v1/docs")
    for address in re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css|svg|json))"', page):
        with client.get(address) as response:
            assert response.status_code == 200, address
    assert 'data-openapi="/api/v1/openapi.json"' in page


@pytest.mark.parametrize("name", ["index.html", "oauth2-redirect.html", "..%2Fflask_swagger_ui.py", "LICENSE"])
def test_of_the_package_behind_it_nothing_else_is_served(client: FlaskClient, name: str) -> None:
    with client.get(f"/static/swagger-ui/{name}") as response:
        assert response.status_code == 404


def test_pages_set_no_cookie(client: FlaskClient) -> None:
    for path in ("/", "/try", f"/try/{WITHHELD}", "/api/v1/docs", "/nowhere"):
        assert "Set-Cookie" not in client.get(path).headers
