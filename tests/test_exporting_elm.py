"""`phasewise content export --format elm`: what is written, what is told, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from knowledge.database import connect, sessions
from knowledge.formats import cql, elm
from knowledge.formats.libraries import libraries
from knowledge.models import AuditEvent
from tests import content
from tests.clinic import Command, shipped_base
from tests.databases import empty_database


@pytest.fixture
def empty_url(tmp_path: Path) -> Iterator[str]:
    with empty_database("sqlite", tmp_path / "new") as url:
        yield url


def exported_events(url: str) -> list[dict[str, object]]:
    engine = connect(url)
    with sessions(engine)() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "content.exported"))
        found = [json.loads(event.details) for event in events]
    engine.dispose()
    return found


def test_every_condition_of_the_release_in_force_is_written_as_elm_and_as_cql(
    runner: Command, shipped_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "elm"
    result = runner("content", "export", folder, "--format", "elm")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"Release 1 is written to {folder}.\n", "")
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    expected = {f"{library.name}.json": elm.text(library) for library in libraries(shipped_base(), "1")}
    expected |= {f"{library.name}.cql": cql.text(library) for library in libraries(shipped_base(), "1")}
    assert written == expected
    event = exported_events(shipped_url)[-1]
    assert (event["folder"], event["format"], event["release"]) == (str(folder), "elm", 1)


def test_without_a_format_the_content_files_are_written_as_before(runner: Command, tmp_path: Path) -> None:
    assert runner("content", "export", tmp_path / "plain").exit_code == 0
    assert runner("content", "export", tmp_path / "said", "--format", "toml").exit_code == 0
    assert content.texts(tmp_path / "plain") == content.texts(tmp_path / "said")


def test_an_unknown_format_is_refused_with_those_that_there_are(runner: Command, tmp_path: Path) -> None:
    result = runner("content", "export", tmp_path / "out", "--format", "fhir")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'fhir' is not one of 'toml', 'elm'." in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_draft_that_is_in_no_release_is_not_written(runner: Command, empty_url: str, tmp_path: Path) -> None:
    runner("content", "import", content.written(tmp_path / "files"), database=empty_url)
    assert runner("content", "export", tmp_path / "elm", "--format", "elm", database=empty_url).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "elm").iterdir()) == ["Rules.cql", "Rules.json"]
    rules = json.loads((tmp_path / "elm" / "Rules.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in rules["library"]["statements"]["def"]] == ["rule walk"]


def test_what_is_in_the_folder_already_is_written_over_and_the_rest_is_left(runner: Command, tmp_path: Path) -> None:
    (tmp_path / "Rules.json").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    assert runner("content", "export", tmp_path, "--format", "elm").exit_code == 0
    assert json.loads((tmp_path / "Rules.json").read_text(encoding="utf-8"))["library"]["identifier"]["id"] == "Rules"
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_number_that_cql_cannot_write_is_told_and_nothing_is_written(
    runner: Command, empty_url: str, tmp_path: Path
) -> None:
    folder = content.written(tmp_path / "files")
    number = '\n[[fact]]\nkey = "cells"\nlabel = "Cells"\ntype = "decimal"\nphrase = "cells"\ntopic = "symptoms"\n'
    content.change(folder, "facts/symptoms.toml", "conflict_hours = 24\n", f"conflict_hours = 24\n{number}")
    content.change(folder, "facts/symptoms.toml", 'phrase = "cells"\n', 'phrase = "cells"\nminimum = 0\nmaximum = 9\n')
    content.change(folder, "rules/care.toml", 'condition = "pain"', 'condition = "pain or cells > 0.000000001"')
    assert runner("content", "import", folder, database=empty_url).exit_code == 0
    result = runner("content", "export", tmp_path / "elm", "--format", "elm", database=empty_url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "rule walk cannot be written in CQL: CQL's numbers have at most 8 decimals; 0.000000001 has more.\n"
    )
    assert not (tmp_path / "elm").exists()
    assert exported_events(empty_url) == []


def test_without_a_release_or_without_room_a_sentence_tells_it(runner: Command, empty_url: str, tmp_path: Path) -> None:
    runner("db", "upgrade", database=empty_url)
    nothing = runner("content", "export", tmp_path / "out", "--format", "elm", database=empty_url)
    assert (nothing.exit_code, nothing.stderr) == (
        2,
        "No release is in force, so there is nothing to export. Import content first.\n",
    )
    (tmp_path / "file").write_text("x")
    no_room = runner("content", "export", tmp_path / "file" / "below", "--format", "elm")
    assert (no_room.exit_code, no_room.stdout) == (2, "")
    assert "cannot be used: Not a directory." in no_room.stderr
