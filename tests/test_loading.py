"""The shipped files and the database: one into the other and back, without a change and without a loss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from knowledge import audit, files, lifecycle, loading
from knowledge.database import connect, sessions, upgrade
from knowledge.errors import ContentError
from knowledge.files import SHIPPED
from knowledge.items import ItemKind
from knowledge.models import Release, Role, Version, VersionState
from tests import clinic, content
from tests.clinic import LOADED, Command
from tests.databases import BOTH, empty_database

LATER = LOADED + timedelta(days=1)


@pytest.fixture(params=BOTH)
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """A session on an empty database with its tables."""
    with empty_database(request.param, tmp_path) as url:
        engine = connect(url)
        upgrade(engine)
        with sessions(engine)() as session:
            yield session
        engine.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return content.written(tmp_path / "files")


def load(session: Session, folder: Path, reason: str = "Shipped.") -> loading.Loaded:
    return loading.load(session, folder, by=None, at=LOADED, reason=reason)


def stored(session: Session, key: str) -> list[tuple[int, VersionState]]:
    rows = session.scalars(select(Version).where(Version.key == key).order_by(Version.number))
    return [(row.number, row.state) for row in rows]


def test_the_shipped_content_comes_back_byte_for_byte_and_goes_in_again_with_the_same_digest(
    runner: Command, tmp_path: Path
) -> None:
    exported = tmp_path / "exported"
    assert runner("content", "export", exported).exit_code == 0
    assert content.texts(exported) == {
        name: text for name, text in content.texts(SHIPPED).items() if name.endswith(".toml")
    }
    again = f"sqlite:///{tmp_path / 'again.sqlite3'}"
    assert runner("content", "import", exported, "--reason", "Moved.", database=again).exit_code == 0
    assert digests(again) == digests_of_shipped(runner)
    second = tmp_path / "second"
    assert runner("content", "export", second, database=again).exit_code == 0
    assert content.texts(second) == content.texts(exported)


def digests_of_shipped(runner: Command) -> list[tuple[int, str]]:
    answer = json.loads(runner("recommend", "-", stdin='{"facts": {}}').stdout)
    return [(answer["release"]["number"], answer["release"]["digest"])]


def digests(url: str) -> list[tuple[int, str]]:
    engine = connect(url)
    with sessions(engine)() as session:
        found = [(release.number, release.digest) for release in session.scalars(select(Release))]
    engine.dispose()
    return found


def test_both_databases_hold_the_same_release(shipped_sqlite: str, shipped_postgresql: str) -> None:
    assert digests(shipped_sqlite) == digests(shipped_postgresql)
    assert len(digests(shipped_sqlite)) == 1


def test_release_1_is_imported_in_force_and_approved_by_nobody(session: Session, folder: Path) -> None:
    assert loading.is_empty(session)
    loaded = load(session, folder)
    assert loaded.release is lifecycle.in_force(session)
    assert loaded.release is not None
    assert (loaded.release.number, loaded.release.origin, loaded.release.clinically_approved) == (1, "imported", False)
    assert (loaded.release.created_by, loaded.release.reason) == (None, "Shipped.")
    assert not loading.is_empty(session)
    assert audit.verify(session).problem is None


def test_what_is_marked_as_a_draft_waits_outside_the_release(session: Session, folder: Path) -> None:
    loaded = load(session, folder)
    assert loaded.drafts == ("rule run",)
    assert loaded.release is not None
    assert "run" not in [version.key for version in loaded.release.versions]
    assert stored(session, "run") == [(1, VersionState.DRAFT)]
    assert stored(session, "walk") == [(1, VersionState.RELEASED)]


def test_files_come_out_as_they_went_in(session: Session, folder: Path, tmp_path: Path) -> None:
    load(session, folder)
    loading.export(session, tmp_path / "out")
    assert content.texts(tmp_path / "out") == content.texts(folder)


def test_what_differs_becomes_a_draft_and_what_does_not_stays(session: Session, folder: Path) -> None:
    load(session, folder)
    content.change(folder, "rules/care.toml", "Walk a little.", "Walk a lot.")
    content.change(folder, "facts/symptoms.toml", 'label = "Pain"', 'label = "Any pain"')
    loaded = load(session, folder, "New evidence.")
    assert (loaded.release, loaded.drafts) == (None, ("fact pain", "rule walk"))
    assert stored(session, "walk") == [(1, VersionState.RELEASED), (2, VersionState.DRAFT)]
    assert stored(session, "book") == [(1, VersionState.RELEASED)]
    assert load(session, folder, "Once more.").drafts == ()
    in_force = lifecycle.in_force(session)
    assert in_force is not None
    assert in_force.number == 1, "a draft answers nobody"
    draft = session.scalars(select(Version).where(Version.key == "walk", Version.number == 2)).one()
    assert (json.loads(draft.content)["text"], draft.reason) == ("Walk a lot.", "New evidence.")
    assert audit.verify(session).problem is None


def test_a_draft_that_is_there_is_written_anew(session: Session, folder: Path) -> None:
    load(session, folder)
    for words in ("Walk a lot.", "Walk for an hour."):
        content.change(folder, "rules/care.toml", "Walk a little." if words == "Walk a lot." else "Walk a lot.", words)
        assert load(session, folder, words).drafts == ("rule walk",)
    assert stored(session, "walk") == [(1, VersionState.RELEASED), (2, VersionState.DRAFT)]


def test_a_new_item_becomes_a_first_draft(session: Session, folder: Path) -> None:
    load(session, folder)
    more = content.FILES["sources.toml"].replace('"book"', '"paper"').replace("A book", "A paper")
    (folder / "sources.toml").write_text(content.FILES["sources.toml"] + "\n" + more, encoding="utf-8")
    content.change(folder, "rules/care.toml", 'source = "book"\nlocator = "p1"', 'source = "paper"\nlocator = "p1"')
    content.change(folder, "rules/care.toml", "draft = true\n", "")
    (folder / "vignettes" / "care.toml").write_text(
        content.FILES["vignettes/care.toml"]
        .replace('recommended = ["walk"]', 'recommended = ["walk"]\nnot_met = ["run"]')
        .replace('not_met = ["walk"]', 'not_met = ["walk"]\nrecommended = ["run"]')
        .replace('undetermined = ["walk"]', 'undetermined = ["walk", "run"]'),
        encoding="utf-8",
    )
    content.change(folder, "rules/care.toml", 'source = "book"\nlocator = "p2"', 'source = "book"\nlocator = "p3"')
    loaded = load(session, folder, "A paper.")
    assert set(loaded.drafts) == {
        "source paper",
        "rule walk",
        "rule run",
        "vignette in-pain",
        "vignette not-asked",
        "vignette without-pain",
    }
    assert stored(session, "paper") == [(1, VersionState.DRAFT)]
    assert stored(session, "run") == [(1, VersionState.DRAFT)]


def test_what_is_under_review_is_not_changed_behind_the_reviewers_back(session: Session, folder: Path) -> None:
    load(session, folder)
    ada = clinic.person(session, "Ada", Role.AUTHOR)
    [run] = session.scalars(select(Version).where(Version.key == "run"))
    lifecycle.submit(session, run, by=ada, at=LATER)
    content.change(folder, "rules/care.toml", "Run a little.", "Run a lot.")
    with pytest.raises(lifecycle.DraftOpen, match="rule run, version 1 is under review"):
        load(session, folder)


def test_after_the_desk_has_published_its_own_versions_are_exported(
    session: Session, folder: Path, tmp_path: Path
) -> None:
    load(session, folder)
    content.change(folder, "rules/care.toml", "Walk a little.", "Walk a lot.")
    load(session, folder, "New evidence.")
    ada, ben, cleo = (
        clinic.person(session, name, role)
        for name, role in (("Ada", Role.AUTHOR), ("Ben", Role.APPROVER), ("Cleo", Role.APPROVER))
    )
    draft = session.scalars(select(Version).where(Version.key == "walk", Version.number == 2)).one()
    lifecycle.submit(session, draft, by=ada, at=LATER)
    lifecycle.approve(session, draft, by=ben, at=LATER)
    held = lifecycle.in_force(session)
    assert held is not None
    kept = [version for version in held.versions if version.key != "walk"]
    release = lifecycle.publish(session, [*kept, draft], by=cleo, at=LATER, reason="New evidence.")
    lifecycle.activate(session, release, by=cleo, at=LATER, reason="New evidence.")
    assert loading.export(session, tmp_path / "out").release is release
    assert content.texts(tmp_path / "out") == content.texts(folder)


def test_an_empty_database_has_nothing_to_export(session: Session, tmp_path: Path) -> None:
    with pytest.raises(loading.NothingToExport, match="Import content first"):
        loading.export(session, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_everything_that_is_wrong_in_the_files_is_said_at_once_and_nothing_is_stored(
    session: Session, folder: Path
) -> None:
    content.change(folder, "rules/care.toml", 'condition = "pain"', 'condition = "pane"')
    content.change(folder, "rules/care.toml", 'source = "book"\nlocator = "p1"', 'source = "boook"\nlocator = "p1"')
    content.change(folder, "vignettes/care.toml", 'not_met = ["walk"]', 'not_met = ["wlak"]')
    with pytest.raises(ContentError) as caught:
        load(session, folder)
    found = {(problem.key, problem.field): problem.detail for problem in caught.value.problems}
    assert "There is no fact called pane." in found["walk", "condition"]
    assert found["walk", "citations.0.source"] == "There is no source called boook. Did you mean book?"
    assert found["without-pain", "expect"].startswith("There is no rule called wlak.")
    assert found["walk", "vignettes"] == "No vignette shows it not met: add one."
    assert loading.is_empty(session)
    assert lifecycle.in_force(session) is None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("rules/care.toml", "[[rule]", "This is not TOML"),
        ("rules/care.toml", b"\xff", "This is not TOML"),
        ("sources.toml", '[[rule]]\nkey = "x"', "Head each item of this file with [[source]]."),
        ("sources.toml", 'source = "x"', "Head each item of this file with [[source]]."),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    session: Session, folder: Path, name: str, text: str | bytes, said: str
) -> None:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ContentError) as caught:
        load(session, folder)
    assert any(said in problem.detail and problem.key == Path(name).name for problem in caught.value.problems)
    assert loading.is_empty(session)


def test_a_key_stands_once(session: Session, folder: Path) -> None:
    (folder / "rules" / "more.toml").write_text(content.FILES["rules/care.toml"], encoding="utf-8")
    with pytest.raises(ContentError, match="This key stands twice; give one of them another"):
        load(session, folder)


def test_what_a_process_loads_another_can_use_at_once(engine_of_shipped: Engine) -> None:
    with sessions(engine_of_shipped)() as session:
        kinds = {kind for (kind,) in session.execute(select(Version.kind).distinct())}
    assert kinds == set(ItemKind)


@pytest.fixture
def engine_of_shipped(shipped_url: str) -> Iterator[Engine]:
    engine = connect(shipped_url)
    yield engine
    engine.dispose()


def test_a_draft_that_is_not_finished_is_left_out_and_named(session: Session, folder: Path, tmp_path: Path) -> None:
    load(session, folder)
    half = {"key": "half", "title": "Half a rule", "condition": "pain_present and ("}
    lifecycle.draft(session, ItemKind.RULE, "half", half, by=None, at=LOADED, reason="")
    exported = loading.export(session, tmp_path / "out")
    assert exported.left_out == ("rule half, version 1",)
    assert "half" not in {entry.item.key for entry in files.read(tmp_path / "out")}


def test_newer_shipped_content_becomes_drafts_and_never_touches_what_the_site_made_its_own(
    session: Session, folder: Path
) -> None:
    load(session, folder)
    ada = clinic.person(session, "Ada", Role.AUTHOR)
    ours = json.loads(session.scalars(select(Version).where(Version.key == "walk")).one().content)
    lifecycle.draft(session, ItemKind.RULE, "walk", {**ours, "text": "Walk as we do here."}, by=ada, at=LATER)
    content.change(folder, "rules/care.toml", "Walk a little.", "Walk a lot.")
    content.change(folder, "sources.toml", "A book", "The book")
    assert loading.upgradable(session, folder) == 1
    upgraded = loading.upgrade(session, folder, at=LATER, reason="Newer content.")
    assert upgraded.drafts == ("source book",)
    assert upgraded.left_alone == ("rule walk: this site changed it",)
    assert stored(session, "walk") == [(1, VersionState.RELEASED), (2, VersionState.DRAFT)]
    in_force = lifecycle.in_force(session)
    assert in_force is not None
    assert in_force.number == 1, "a draft answers nobody"
    assert loading.upgradable(session, folder) == 0, "what is drafted already is not drafted again"


def test_an_import_leaves_the_draft_of_a_person_alone(session: Session, folder: Path) -> None:
    load(session, folder)
    ada = clinic.person(session, "Ada", Role.AUTHOR)
    ours = json.loads(session.scalars(select(Version).where(Version.key == "walk")).one().content)
    lifecycle.draft(session, ItemKind.RULE, "walk", {**ours, "text": "Walk as we do here."}, by=ada, at=LATER)
    content.change(folder, "rules/care.toml", "Walk a little.", "Walk a lot.")
    loaded = load(session, folder)
    assert loaded.drafts == ()
    assert loaded.left_alone == ("rule walk: rule walk, version 2 is somebody's draft",)
