"""The chapters of docs/conditions.md on other languages: a condition in CQL, and what the tests of others say."""

from __future__ import annotations

import tomllib
from collections import Counter

from tests.specification import FOLDER
from tests.specification.conformance import Row, deviations, rows, suites
from tests.specification.markdown import table

_IN_CQL = """\
## In CQL

`phasewise content export DIR --format elm` writes every condition of the release in force in HL7's Clinical Quality
Language: `Rules`, `Hazards`, `Derivations`, `Invariants` and `Population`, each as an ELM library (`.json`, version
r1), which an engine runs, and as the CQL that HL7's translator turns into that very ELM (`.cql`). Each fact is a
parameter, null while it is not known; codes are strings; each condition is an expression without a patient context:
true, false or null. The facts are those that intake has resolved: ages, disagreements and derived facts are settled
before.

An engine may keep a parameter of the patient before (HL7's own in JavaScript does, version 5.3.0): give it every
parameter for every patient, null for what is not known.

CQL's Integer ends at 2147483647 and its Decimal has eight decimals; a condition with a number beyond is refused.
"""

_BESIDE = """\
## Beside CQL, FHIRPath and FEEL

Other languages have tests of the same logic, written by others. Those that speak of what this language can say are rows
of `tests/specification/conformance.toml`, each with the name that it has in its suite; each goes through intake, the
reference evaluator and the engine. On true, false and null all of them agree with Kleene's tables.
"""


def in_cql() -> str:
    """The chapter that shows each form of condition in CQL."""
    found = tomllib.loads((FOLDER / "cql.toml").read_text(encoding="utf-8"))["row"]
    return f"{_IN_CQL}\n{table(('written', 'in CQL'), ([_code(row['written']), _code(row['cql'])] for row in found))}"


def beside_other_languages() -> str:
    """The chapter that counts the rows of each suite, and says where something else comes out here, and why."""
    counted = [
        (f"{suite.title} ({suite.repository}, {suite.commit[:7]})", str(len(found)), str(_differing(found)))
        for suite in suites()
        for found in [[row for file in suite.files.values() for row in file]]
    ]
    left_out = "\n".join(f"- Not here of {suite.name}: {suite.left_out}" for suite in suites())
    return f"{_BESIDE}\n{table(('suite', 'tests', 'otherwise here'), counted)}\n{left_out}\n\n{_deviations()}"


def _differing(found: list[Row]) -> int:
    return sum(bool(row.deviation) for row in found)


def _deviations() -> str:
    counted = Counter(row.deviation for row in rows())
    examples: dict[str, Row] = {}
    for row in rows():
        examples.setdefault(row.deviation, row)
    parts: list[str] = []
    for name, text in deviations().items():
        row = examples[name]
        example = f"`{row.expression}` is {_result(row)} there; `{row.condition}` is {row.outcome} here"
        parts.append(f"### {name.replace('-', ' ').capitalize()}\n\n{text}\n\n{example} ({_tests(counted[name])}).\n")
    return "\n".join(parts)


def _tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"


def _result(row: Row) -> str:
    return {"met": "true", "not met": "false", "unknown": "null"}[row.expected]


def _code(text: str) -> str:
    return f"`{text}`"
