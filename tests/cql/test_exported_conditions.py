"""Every shipped condition, run by engines of others: no patient and no condition comes out otherwise."""

from __future__ import annotations

import json

import pytest

from knowledge.formats import elm
from knowledge.formats.libraries import libraries
from knowledge.reasoning import reading
from tests import specification
from tests.clinic import shipped_base
from tests.cql.engines import evaluate, install, needs_node, translate
from tests.cql.patients import patients

PATIENTS = 1500
LIBRARIES = libraries(shipped_base(), "1")
CONDITIONS = {definition.name: definition.condition for library in LIBRARIES for definition in library.definitions}

pytestmark = needs_node


@pytest.fixture(scope="module", autouse=True)
def _engines() -> None:
    install()


def test_another_engine_comes_to_the_same_for_every_condition_and_every_patient() -> None:
    made = list(patients(CONDITIONS.values(), shipped_base().facts, count=PATIENTS, seed=2021))
    found = evaluate(LIBRARIES, made)
    expected = [{name: reading(condition, facts) for name, condition in CONDITIONS.items()} for facts in made]
    different = [
        (name, facts, outcomes[name], ours[name])
        for facts, outcomes, ours in zip(made, found, expected, strict=True)
        for name in CONDITIONS
        if outcomes[name] is not ours[name]
    ]
    assert different == []
    seen = {name: {outcomes[name] for outcomes in found} for name in CONDITIONS}
    import collections
    print(len(CONDITIONS), collections.Counter(tuple(sorted(map(str, s))) for s in seen.values()))
    print([n for n,s in seen.items() if len(s)<3][:60])


def test_the_cql_beside_it_is_translated_to_the_very_same_elm() -> None:
    for library, translated in zip(LIBRARIES, translate(LIBRARIES), strict=True):
        assert translated.get("problems") is None
        ours = json.loads(elm.text(library))["library"]
        for part in ("identifier", "schemaIdentifier", "parameters", "statements"):
            assert translated["library"][part] == ours[part]
