"""A decision is proven by a document that a script of some lines checks, without a line of ours."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from cds.models import Decision
from cds.proofs import anchors, blocks
from cds.proofs.blocks import ANCHORED, Subtrees
from cds.proofs.proving import NoDecision, NotProvable, proof_of, row_of
from cds.record.digests import leaf
from cds.record.merkle import NotInTree, path_by, path_to, root_by
from cds.record.sealing import seal
from knowledge.models import AuditEvent, Release
from tests.story import by_force, count_from_one, decision, later, on_sqlite, story
from tests.test_sealing import head

pytest_plugins = ["tests.databases"]

SCRIPT = Path(__file__).parents[1] / "docs" / "check_proof.py"
THREE, SIX = (f"00000000-0000-4000-8000-{number:012}" for number in (3, 6))
KEY = OKPKey.generate_key("Ed25519")


@pytest.fixture
def session(rolled_back: Session) -> Session:
    count_from_one(rolled_back)
    story(rolled_back)
    return rolled_back


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH as RFC 6962 defines it, section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*path(m, leaves[:k]), head(leaves[k:])]
    return [*path(m - k, leaves[k:]), head(leaves[:k])]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=70, unique=True), st.data())
def test_the_path_is_that_of_the_rfc_and_leads_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    found = path_to(index, len(leaves), leaves)
    assert found == path(index, leaves)
    assert root_by(found, leaves[index], index, len(leaves)) == head(leaves)
    elsewhere = data.draw(st.integers(0, len(leaves) - 1))
    if elsewhere != index:
        try:
            assert root_by(found, leaves[index], elsewhere, len(leaves)) != head(leaves)
        except NotInTree:
            assert len(path(elsewhere, leaves)) != len(found)


def test_there_is_no_path_to_a_leaf_that_is_not_there() -> None:
    for index, count, leaves in ((2, 2, [b"a", b"b"]), (-1, 2, [b"a", b"b"]), (0, 3, [b"a", b"b"]), (0, 0, [])):
        with pytest.raises(NotInTree):
            path_to(index, count, leaves)
    with pytest.raises(NotInTree):
        root_by([b"", b""], b"a", 0, 2)


def proven(session: Session, decision_id: str = THREE, **options: Any) -> dict[str, Any]:
    return proof_of(session, row_of(session, decision_id), **options)


def anchored(session: Session) -> str:
    """Take an anchor, and put it on record."""
    anchor = anchors.taken(session, at=later(10))
    signature = anchors.signed(anchor, KEY)
    anchors.record(session, anchor, signature, at=later(10))
    return signature


def checked(proof: Any) -> tuple[int, str]:
    """What the script says, and how it ends."""
    text = proof if isinstance(proof, str) else json.dumps(proof)
    run = subprocess.run([sys.executable, "-I", SCRIPT], input=text, capture_output=True, text=True, timeout=60)
    assert run.stderr == ""
    return run.returncode, run.stdout


def test_a_sealed_decision_is_proven_up_to_its_event_and_then_up_to_the_anchor(session: Session) -> None:
    code, said = checked(proven(session))
    assert (code, said[:56]) == (0, f"SOUND: decision {THREE}. To"[:56])
    assert "To prove it, find event 13, sha256:" in said
    signature = anchored(session)
    proof = proven(session)
    code, said = checked(proof)
    assert code == 0
    assert "check the signature of the anchor of 2026-01-31T22:00:00.000000Z, which covers 19 events" in said
    assert proof["anchor"]["jws"] == signature
    assert anchors.read(signature, [KEY]).events == 19


def test_no_fact_is_in_a_proof_unless_it_is_asked_for(session: Session) -> None:
    row = row_of(session, THREE)
    plain, full = (json.dumps(proven(session, with_facts=asked)) for asked in (False, True))
    for speaking in ("patient 3", "pain_nrs", row["salt"]):
        assert speaking not in plain
        assert speaking in full


def test_the_earliest_anchor_is_taken_unless_another_is_given(session: Session) -> None:
    first = anchored(session)
    second = anchored(session)
    assert proven(session)["anchor"]["jws"] == first
    later_one = proven(session, signature=second)
    assert later_one["anchor"]["jws"] == second
    assert checked(later_one)[0] == 0
    assert seal(session, later(11)) == 2
    with pytest.raises(NotProvable, match=r"The anchor ends at event 19; the decision was sealed in 22\."):
        proven(session, SIX, signature=first)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of four events, so that a short chain has some."""
    monkeypatch.setattr(blocks, "HEIGHT", 2)
    monkeypatch.setattr(blocks, "BLOCK", 4)


def told(session: Session) -> list[Any]:
    """The blocks that each anchor told, earliest first."""
    taken = select(AuditEvent.details).where(AuditEvent.action == ANCHORED).order_by(AuditEvent.sequence)
    return [json.loads(details).get("blocks") for details in session.scalars(taken)]


def test_an_anchor_tells_the_blocks_that_none_told_before(session: Session, small_blocks: None) -> None:
    leaves = [leaf(digest) for _, digest in anchors.digests(session)]
    signatures = [anchored(session) for _ in range(3)]
    roots = [head(leaves[start : start + 4]).hex() for start in range(0, 16, 4)]
    first, second, third = told(session)
    assert (first, second) == ({"first": 0, "roots": roots}, {"first": 4, "roots": [ANY]})
    assert third is None
    for signature in signatures:
        assert checked(proven(session, signature=signature))[0] == 0


@pytest.mark.parametrize("tells", [True, False])
def test_a_path_by_blocks_is_that_over_every_event(session: Session, small_blocks: None, tells: bool) -> None:
    if tells:
        anchored(session)
    leaves = [leaf(digest) for _, digest in anchors.digests(session)]
    for count in range(1, len(leaves) + 1):
        for index in range(count):
            assert path_by(index, count, Subtrees(session).root) == path_to(index, count, leaves)


def test_what_an_anchor_told_is_read_in_place_of_the_events_and_not_believed(
    session: Session, small_blocks: None
) -> None:
    signature = anchored(session)
    path_there = proven(session)["anchor"]["path"]
    by_force(session, "UPDATE audit_events SET digest = 'sha256:00' WHERE sequence = 2")
    assert proven(session)["anchor"]["path"] == path_there
    root = told(session)[0]["roots"][0]
    for other_root in ("00" * 32, "no digest"):
        by_force(session, f"UPDATE audit_events SET details = replace(details, '{root}', '{other_root}')")
        with pytest.raises(NotProvable, match="does not fit what was sealed"):
            proven(session, signature=signature)
        root = other_root


def leaves_of(part: Any, *way: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each value in a document."""
    within = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, inner in within:
        yield from leaves_of(inner, *way, name)
    if not isinstance(part, dict | list):
        yield way


def other(value: Any) -> Any:
    """Another value in the place of one."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return f"{value[:-1]}{'1' if value[-1:] == '0' else '0'}"
        case _:
            return "0"


def with_payload(proof: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The proof with an anchor that says something else, its signature kept."""
    header, payload, signature = proof["anchor"]["jws"].split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "==")) | changes
    payload = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return {**proof, "anchor": {**proof["anchor"], "jws": f"{header}.{payload}.{signature}"}}


def altered(proof: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The proof with each of its values changed, each member left out, each path shorter and longer."""
    for way in leaves_of(proof):
        if way == ("anchor", "jws"):
            continue
        *above, last = way
        changed, left_out = copy.deepcopy(proof), copy.deepcopy(proof)
        for version in (changed, left_out):
            part = version
            for name in above:
                part = part[name]
            if version is changed:
                part[last] = other(part[last])
            else:
                del part[last]
            yield f"{way} {'changed' if version is changed else 'left out'}", version
    for name in ("format", "decision", "batch", "event"):
        yield f"{name} left out", {key: part for key, part in proof.items() if key != name}
    for name in ("batch", "anchor"):
        longer = copy.deepcopy(proof)
        longer[name]["path"].append("00" * 32)
        yield f"{name} with a longer path", longer
    yield "another place from the end", {**proof, "batch": {**proof["batch"], "index": proof["batch"]["index"] - 5}}
    yield "nothing disclosed", {**proof, "disclosed": {}}
    yield "an anchor of another tree", with_payload(proof, root="sha256:" + "00" * 32)
    yield "an anchor of fewer events", with_payload(proof, events=9)
    yield "a list", []
    yield "no JSON", "{"


def test_a_proof_that_was_altered_anywhere_is_no_proof(session: Session) -> None:
    if not on_sqlite(session):
        pytest.skip("A proof is the same from either database, and seventy of them are checked here.")
    anchored(session)
    proof = proven(session, with_facts=True)
    assert checked(proof)[0] == 0
    found = {name: checked(version) for name, version in altered(proof)}
    assert len(found) > 60
    passed = [name for name, (code, said) in found.items() if code != 1 or not said.startswith("NOT PROVEN: ")]
    assert not passed


def test_an_anchor_that_was_altered_is_found_by_its_signature(session: Session) -> None:
    signature = anchored(session)
    proof = proven(session)
    for changes in ({"at": "2020-01-01T00:00:00.000000Z"}, {"decisions": 6}, {"events": 1}, {"head": "sha256:00"}):
        with pytest.raises(anchors.BadAnchor, match="was altered: its signature does not fit"):
            anchors.read(with_payload(proof, **changes)["anchor"]["jws"], [KEY])
    header, payload, signed = signature.split(".")
    for version in (f"{header}.{payload}.{other(signed[:-4])}AAAA", f"{header}.{payload}."):
        with pytest.raises(anchors.BadAnchor):
            anchors.read(version, [KEY])


def test_what_cannot_be_proven_is_said(session: Session) -> None:
    with pytest.raises(NoDecision, match="There is no decision 'nothing'"):
        proven(session, "nothing")
    with pytest.raises(NoDecision):
        proven(session, "\x00")
    with pytest.raises(NotProvable, match=r"is not sealed yet\. A running server seals every minute"):
        proven(session, SIX)


@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE decisions SET states = 'NR' WHERE id = '{THREE}'",
        "UPDATE decisions SET digest = 'sha256:00' WHERE sequence = 4",
        "DELETE FROM decisions WHERE sequence = 1",
        "UPDATE audit_events SET details = replace(details, '5', '6') WHERE sequence = 13",
        "UPDATE audit_events SET details = '{}' WHERE sequence = 13",
        "UPDATE audit_events SET actor = 'Eve' WHERE sequence = 13",
        "UPDATE audit_events SET digest = 'sha256:00' WHERE sequence = 2",
        "UPDATE audit_events SET details = replace(details, '.', '-') WHERE sequence = 20",
    ],
)
def test_there_is_no_proof_of_what_was_touched(session: Session, change: str) -> None:
    anchored(session)
    assert proven(session)
    by_force(session, change)
    session.expire_all()
    with pytest.raises(NotProvable, match="“phasewise audit verify” says where"):
        proven(session)


def test_each_decision_is_found_in_its_batch(session: Session) -> None:
    """Whatever stands between the batches, and however many there are."""
    release = session.get_one(Release, 1)
    for number in range(8, 40):
        session.execute(insert(Decision), decision(number, release))
        if number % 3:
            assert seal(session, later(number))
    anchored(session)
    for number in range(1, 39):
        row = row_of(session, f"00000000-0000-4000-8000-{number:012}")
        proof = proof_of(session, row)
        told = proof["event"]["details"]
        assert told["first"] <= row["sequence"] <= told["last"]
        assert checked(proof)[0] == 0 if number % 10 == 0 else proof["anchor"]
