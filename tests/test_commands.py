"""The command line: what each command does, its exit codes, and its sentences when something is wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy import Engine, select

from cds import demo
from cds.commands import cli
from cds.models import Decision
from cds.record import sealing
from cds.service import Service, Settings
from knowledge import audit, people
from knowledge.database import connect, sessions
from knowledge.models import Role
from knowledge.people import password_is
from tests import content
from tests.clinic import Caller, Command, keys_of
from tests.databases import BOTH, empty_database
from tests.story import by_force

PLACE = Path(__file__).parent.parent
IN_PAIN = {"has_mbc": True, "age_years": 70, "disease_phase": "stable", "pain_nrs": 8}


@pytest.fixture
def engine(shipped_url: str) -> Iterator[Engine]:
    engine = connect(shipped_url)
    yield engine
    engine.dispose()


@pytest.fixture
def empty_url(tmp_path: Path) -> Iterator[str]:
    with empty_database("sqlite", tmp_path / "new") as url:
        yield url


def commands(group: click.Group = cli, before: str = "phasewise") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def test_there_are_the_commands_that_others_rely_on() -> None:
    assert {name for name, _ in commands()} >= {
        "phasewise serve",
        "phasewise recommend",
        "phasewise audit verify",
        "phasewise content export",
        "phasewise content import",
        "phasewise db upgrade",
    }


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_every_command_says_what_it_does_and_stands_in_the_readme(
    runner: Command, name: str, command: click.Command
) -> None:
    result = runner(*name.split()[1:], "--help")
    assert result.exit_code == 0
    assert command.help
    assert command.help.split("\n")[0].split(".")[0].split(":")[0] in " ".join(result.output.split())
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.prompt or parameter.name == "help", parameter.name
    assert f"`{name}" in (PLACE / "README.md").read_text(encoding="utf-8")


def test_the_version_is_that_of_the_distribution(runner: Command) -> None:
    assert version("phasewise") in runner("--version").output


def test_recommend_prints_what_the_api_answers(runner: Command, caller: Caller, tmp_path: Path) -> None:
    request = {"facts": IN_PAIN, "evaluated_at": "2026-01-31T09:00:00Z", "subject": "Zoë 🌷", "actors": ["patient"]}
    file = tmp_path / "patient.json"
    file.write_text(json.dumps(request), encoding="utf-8")
    result = runner("recommend", file)
    assert (result.exit_code, result.stderr) == (0, "")
    printed = json.loads(result.stdout)
    answer = caller.ask(**request)
    assert {**printed, "decision_id": ""} == {**answer, "decision_id": ""}
    assert list(printed) == list(answer)


def test_recommend_reads_standard_input(runner: Command, engine: Engine) -> None:
    result = runner("recommend", "-", stdin=json.dumps({"facts": IN_PAIN}))
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert "not_met" not in printed
    with sessions(engine)() as session:
        row = session.get_one(Decision, printed["decision_id"])
    assert (row.origin, row.api_key_id, json.loads(row.facts_posted)) == ("command", None, IN_PAIN)


def test_recommend_can_tell_what_is_not_met_too(runner: Command) -> None:
    result = runner("recommend", "--include-not-met", "-", stdin=json.dumps({"facts": IN_PAIN}))
    assert "pain-acute-basic-control" in keys_of(json.loads(result.stdout)["not_met"])


def test_recommend_loads_the_shipped_content_into_an_empty_database_first(runner: Command, empty_url: str) -> None:
    stdin = json.dumps({"facts": IN_PAIN})
    first = runner("recommend", "-", stdin=stdin, database=empty_url)
    assert (first.exit_code, first.stderr) == (0, "Loading the shipped content …\n")
    second = runner("recommend", "-", stdin=stdin, database=empty_url)
    assert (second.exit_code, second.stderr) == (0, "")
    elsewhere = runner("recommend", "-", stdin=stdin)
    answers = [json.loads(result.stdout) for result in (first, second, elsewhere)]
    assert {json.dumps(answer["release"]) for answer in answers} == {json.dumps(answers[0]["release"])}
    assert {json.dumps(answer["recommendations"]) for answer in answers} == {json.dumps(answers[0]["recommendations"])}
    assert runner("audit", "verify", database=empty_url).exit_code == 0


@pytest.mark.parametrize(
    ("stdin", "told"),
    [
        ("", ['The body is empty. Send an object such as {"facts": {"age_years": 60}}.']),
        ("[]", ["(the whole): A request is a JSON object, not a list."]),
        ('{"facts": {"age_years": NaN}}', ["NaN is not a JSON number; leave out what is not known, or send null."]),
        ('{"facts": {', ["Line 1, column 12: "]),
        ("[" * 100_000, ["The JSON is nested more than 32 deep."]),
        (
            '{"facts": {"ecog": 2, "disease_phase": "acut"}}',
            [
                "2 things are wrong with it; nothing was recorded.",
                "/facts/ecog: There is no fact called 'ecog'. Did you mean ecog_ps?",
                "/facts/disease_phase: ",
                " Did you mean acute?",
            ],
        ),
        ('{"facts": {"pain_nrs": "\\ud800\\u0000\\u001b[2J"}}', ['not the text "\\ud800\\x00\\x1b[2J".']),
        (
            '{"facts": {"a\\ud800\\u0007": 1}, "\\ud800": 1}',
            ["/facts/a?\\x07: There is no fact called 'a\\ud800\\x07'."],
        ),
    ],
    ids=["nothing", "a list", "NaN", "half an object", "100,000 deep", "names", "characters", "names of characters"],
)
def test_recommend_tells_a_problem_on_standard_error_and_exits_with_2(
    runner: Command, engine: Engine, stdin: str, told: list[str]
) -> None:
    result = runner("recommend", "-", stdin=stdin)
    assert (result.exit_code, result.stdout) == (2, "")
    for words in told:
        assert words in result.stderr
    result.stderr.encode("ascii", "strict" if "é" not in result.stderr else "replace")
    with sessions(engine)() as session:
        assert session.scalars(select(Decision)).all() == []


def test_recommend_needs_a_file_that_is_there(runner: Command, tmp_path: Path) -> None:
    for file in (tmp_path / "nobody.json", tmp_path):
        result = runner("recommend", file)
        assert (result.exit_code, result.stdout) == (2, "")
        assert str(file) in result.stderr


def test_an_incident_is_told_too(runner: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds.engine.Engine.fire", lambda engine, facts: frozenset())
    result = runner("recommend", "-", stdin='{"facts": {}}')
    assert (result.exit_code, result.stdout) == (2, "")
    assert "so there is no answer" in result.stderr
    assert "The incident is recorded as 1." in result.stderr


WORDS = ("recommend -", "audit verify", "content export nowhere", "db upgrade", "key add x")
NO_ADDRESS = "PHASEWISE_DATABASE_URL is not the address of a database: write sqlite:////"
ADDRESSES = {
    "nonsense": NO_ADDRESS,
    "postgresql+psycopg2://host/x": NO_ADDRESS,
    "oracle7://host/x": "Phasewise keeps its record in SQLite or PostgreSQL, not in oracle7.",
    "mysql://host/x": "Phasewise keeps its record in SQLite or PostgreSQL, not in mysql.",
    "sqlite:////proc/nowhere/x.sqlite3": "/proc/nowhere cannot be used: No such file or directory.",
}
OUT_OF_REACH = {
    "sqlite:////proc/self": "The database cannot be used: unable to open database file.",
    "postgresql+psycopg://nobody@127.0.0.1:1/x": "The database cannot be used: connection failed: ",
}
"""With these the server starts all the same, and says 503 until the database is there."""


@pytest.mark.parametrize(
    ("words", "database", "told"),
    [
        *((words, *one) for one in ADDRESSES.items() for words in (*WORDS, "serve")),
        *((words, *one) for one in OUT_OF_REACH.items() for words in WORDS),
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(
    runner: Command, words: str, database: str, told: str
) -> None:
    result = runner(*words.split(), stdin='{"facts": {}}', database=database)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(told)
    assert result.stderr.endswith(".\n")


@pytest.mark.parametrize(
    "words", [["key", "add", "x"], ["audit", "verify"], ["content", "export", "nowhere"]], ids=" ".join
)
@pytest.mark.parametrize("kind", BOTH)
def test_on_a_database_without_tables_the_way_out_is_told(
    runner: Command, words: list[str], kind: str, tmp_path: Path
) -> None:
    with empty_database(kind, tmp_path) as url:
        result = runner(*words, database=url)
    assert result.exit_code == 2
    assert result.stderr.endswith("Bring it to the newest migration: phasewise db upgrade.\n")


def test_db_upgrade_can_be_repeated(runner: Command, empty_url: str) -> None:
    for _ in range(2):
        result = runner("db", "upgrade", database=empty_url)
        assert (result.exit_code, result.stdout) == (0, "The database is at the newest migration.\n")
    assert runner("audit", "verify", database=empty_url).exit_code == 0
    nothing = runner("content", "export", "nowhere", database=empty_url)
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert nothing.stderr == "No release is in force, so there is nothing to export. Import content first.\n"


def test_content_is_exported_and_imported_with_what_was_done_told(
    runner: Command, empty_url: str, tmp_path: Path
) -> None:
    folder = content.written(tmp_path / "files")
    imported = runner("content", "import", folder, database=empty_url)
    assert (imported.exit_code, imported.stdout) == (0, "Release 1 is imported and in force; 1 drafts.\n")
    assert runner("content", "import", folder, database=empty_url).stdout == (
        "Nothing differs from what is in the database.\n"
    )
    exported = runner("content", "export", tmp_path / "again", database=empty_url)
    assert (exported.exit_code, exported.stdout) == (0, f"Release 1 is written to {tmp_path / 'again'}.\n")
    assert content.texts(tmp_path / "again") == content.texts(folder)
    content.change(folder, "rules/care.toml", "Walk a little.", "Walk a lot.")
    drafts = runner("content", "import", folder, "--reason", "New evidence.", database=empty_url)
    assert drafts.stdout == "Drafts, to be reviewed:\n  rule walk\n"
    assert runner("audit", "verify", database=empty_url).exit_code == 0


def test_content_that_does_not_stand_is_told_problem_by_problem(
    runner: Command, empty_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "pain.toml").write_text('[[rule]]\nkey = "a"\ntitel = "A"\ncondition = "pain >"\n', "utf-8")
    (folder / "sources.toml").write_text("[[source]", "utf-8")
    result = runner("content", "import", folder, database=empty_url)
    assert (result.exit_code, result.stdout) == (2, "")
    for words in (
        "rule a, titel: ",
        "Did you mean title?",
        "rule a, condition: Line 1, column 7: ",
        "This is not TOML",
    ):
        assert words in result.stderr
    empty = runner("content", "import", tmp_path / "new", database=empty_url)
    assert empty.exit_code == 2
    assert "There is no content in this folder." in empty.stderr
    assert runner("content", "import", tmp_path / "nowhere").exit_code == 2


def test_content_cannot_be_written_where_there_is_no_room(runner: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = runner("content", "export", tmp_path / "file" / "below")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot be used: Not a directory." in result.stderr


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "UPDATE decisions SET facts_posted = '{\"age_years\":61}' WHERE sequence = 2",
            "Decision {second} (number 2) was altered",
        ),
        ("UPDATE decisions SET states = replace(states, 'r', 'n') WHERE sequence = 1", "Decision {first} (number 1)"),
        ("DELETE FROM decisions WHERE sequence = 1", "Decisions 1 to 2, sealed in audit event"),
        (
            "UPDATE versions SET content = replace(content, 'pain', 'pein') WHERE key = 'pain_nrs'",
            "fact pain_nrs, version 1 was altered",
        ),
        (
            "UPDATE versions SET reason = 'Nothing.' WHERE key = 'pain_nrs'",
            "fact pain_nrs, version 1 was altered: reason",
        ),
        ("UPDATE audit_events SET actor = 'Eve' WHERE sequence = 7", "Audit event 7 (version.imported, "),
        ("DELETE FROM audit_events WHERE sequence = 7", "Audit event 7 is missing"),
        ("UPDATE activations SET reason = 'Nothing.'", "Activation 1 of release 1 was altered: reason"),
        ("UPDATE releases SET digest = 'sha256:00'", "Release 1 was altered: digest"),
    ],
    ids=lambda value: value.split(" WHERE")[0][:60] if value[0].isupper() and " " in value else "",
)
def test_audit_verify_names_the_first_bad_record_and_exits_with_1(
    runner: Command, caller: Caller, service: Service, engine: Engine, statement: str, named: str
) -> None:
    first, second = (caller.ask({"age_years": 60}, subject=subject)["decision_id"] for subject in ("a", "b"))
    assert runner("audit", "seal").stdout == "2 decisions are sealed.\n"
    good = runner("audit", "verify")
    assert (good.exit_code, good.stderr) == (0, "")
    assert "2 decisions" in good.stdout
    assert "Nothing was touched, up to event " in good.stdout
    assert "No anchor was held against it" in good.stdout
    service.database.dispose()
    with sessions(engine)() as session:
        by_force(session, statement)
        session.commit()
    bad = runner("audit", "verify")
    assert bad.exit_code == 1
    assert named.format(first=first, second=second) in bad.stdout
    assert "Nothing was touched" not in bad.stdout


def test_a_chain_written_anew_from_a_changed_event_is_found_by_its_head(runner: Command, engine: Engine) -> None:
    with sessions(engine)() as session:
        before = audit.verify(session, sealing.check_decisions).head
    runner("key", "add", "one more")
    with sessions(engine)() as session:
        after = audit.verify(session, sealing.check_decisions).head
    assert before != after


def test_key_add_prints_a_key_that_works(runner: Command, caller: Caller) -> None:
    result = runner("key", "add", "Another app")
    assert (result.exit_code, result.stderr) == (0, "")
    key = result.stdout.strip()
    assert Caller(caller.client, {"Authorization": f"Bearer {key}"}).ask({})


def test_person_add_makes_an_account(runner: Command, engine: Engine) -> None:
    password = "correct horse battery"
    result = runner("person", "add", "Ada", "author", "--password", password)
    assert (result.exit_code, result.stdout) == (0, "Ada can sign in as author.\n")
    with sessions(engine)() as session:
        ada = people.named(session, "Ada")
        assert ada is not None
        assert ada.role is Role.AUTHOR
        assert password_is(ada, password)
        assert password not in ada.password_hash
    again = runner("person", "add", "Ada", "author", "--password", password)
    assert again.exit_code == 1
    assert "There is an account called Ada already." in again.stderr
    weak = runner("person", "add", "Ben", "approver", "--password", "short")
    assert (weak.exit_code, weak.stderr) == (2, "A password has at least 12 characters.\n")
    assert runner("person", "add", "Ben", "surgeon", "--password", password).exit_code == 2


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "٣", "80.0", " "])
def test_a_port_is_a_number(runner: Command, port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHASEWISE_PORT", port)
    result = runner("serve")
    assert result.exit_code == 1
    assert "PHASEWISE_PORT is a number from 1 to 65535" in result.stderr


def test_a_port_that_is_taken_is_told(runner: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("PHASEWISE_PORT", str(taken.getsockname()[1]))
        result = runner("serve")
    assert result.exit_code == 1
    assert "cannot be used (Address already in use): set PHASEWISE_PORT to another." in result.stderr


def test_the_demo_is_the_same_at_every_start_and_its_secrets_are_its_owners(
    service: Service, caller: Caller, tmp_path: Path
) -> None:
    folder = tmp_path / "instance"
    made = demo.prepare(service, folder)
    assert demo.prepare(service, folder) == made
    assert (folder / "demo.json").stat().st_mode & 0o777 == 0o600
    assert Caller(caller.client, {"Authorization": f"Bearer {made.api_key}"}).ask({})
    with service.sessions() as session:
        for role in Role:
            person = people.named(session, role.value)
            assert person is not None
            assert person.role is role
            assert password_is(person, made.password)


def phasewise(*words: str, stdin: bytes, database: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """The command as a process of its own."""
    environment = {**os.environ, "PHASEWISE_DATABASE_URL": database, "PYTHONPATH": str(PLACE)}
    command = [sys.executable, "-W", "error", "-c", "import wsgi; wsgi.main()", *words]
    return subprocess.run(command, input=stdin, env=environment, cwd=folder, capture_output=True, check=False)


def test_as_a_process_it_keeps_the_answer_and_the_problem_apart(shipped_url: str, tmp_path: Path) -> None:
    good = phasewise("recommend", "-", stdin=b'{"facts": {"age_years": 60}}', database=shipped_url, folder=tmp_path)
    assert (good.returncode, good.stderr) == (0, b"")
    assert json.loads(good.stdout)["recommendations"]
    bad = phasewise("recommend", "-", stdin=b'{"facts": {"\\ud800": 60}}', database=shipped_url, folder=tmp_path)
    assert (bad.returncode, bad.stdout) == (2, b"")
    assert bad.stderr.startswith(b"One thing is wrong with it; nothing was recorded.\n/facts/?: ")
    assert b"Traceback" not in bad.stderr


def test_importing_the_application_touches_no_database(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'deep' / 'x.sqlite3'}"
    result = phasewise("--help", stdin=b"", database=database, folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.startswith(b"Usage: ")
    assert list(tmp_path.iterdir()) == []


def test_unset_the_database_is_a_file_under_instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings: Any = Settings.from_environment({})
    assert settings.database_url == f"sqlite:///{tmp_path}/instance/phasewise.sqlite3"
    assert settings.secret_key is None
