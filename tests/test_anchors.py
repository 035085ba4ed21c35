"""Anchors: the head of the chain, signed, so that a chain written anew throughout is known for what it is."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.proofs import anchors
from cds.proofs.anchors import Anchor, NothingToAnchor, check_anchors
from cds.record.digests import leaf
from cds.record.merkle import Tree
from cds.record.sealing import check_decisions
from knowledge import audit
from knowledge.audit import event_digest, verify
from knowledge.models import AuditEvent
from tests.clinic import Command
from tests.story import by_force, count_from_one, later, story

pytest_plugins = ["tests.databases"]


@pytest.fixture
def session(rolled_back: Session) -> Session:
    count_from_one(rolled_back)
    story(rolled_back)
    return rolled_back


def problem(session: Session, *held: Anchor) -> str | None:
    session.expire_all()
    return verify(session, check_decisions, of_chain=[check_anchors(held)]).problem


def written_anew(session: Session) -> None:
    """Every event from the first to the last with new digests, as whoever owns the database can make them."""
    previous = None
    for event in session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)):
        event.previous = previous
        with session.no_autoflush:
            previous = event.digest = event_digest(event)
    session.flush()


def happened(session: Session, hours: float) -> None:
    audit.record(session, action="tested", subject="test", actor="Ada", at=later(hours), details={})


def test_an_anchor_says_where_the_chain_stands(session: Session) -> None:
    anchor = anchors.taken(session, at=later(9))
    events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all()
    tree = Tree()
    for event in events:
        tree.add(leaf(event.digest))
    assert anchor == Anchor(
        at="2026-01-31T21:00:00.000000Z",
        decisions=5,
        events=len(events),
        first=events[0].digest,
        format="phasewise-anchor/1",
        head=events[-1].digest,
        root=f"sha256:{tree.root().hex()}",
    )
    happened(session, 10)
    assert problem(session, anchor, anchors.taken(session, at=later(10))) is None


def test_a_chain_written_anew_is_found_by_its_anchor_alone(session: Session) -> None:
    first = anchors.taken(session, at=later(9))
    happened(session, 20)
    happened(session, 21)
    second = anchors.taken(session, at=later(24))
    by_force(session, f"UPDATE audit_events SET actor = 'Eve' WHERE sequence = {first.events + 1}")
    written_anew(session)
    assert problem(session) is None
    assert problem(session, first) is None
    assert problem(session, second, first) == (
        f"The chain was rewritten: event {second.events} is not the one that was anchored on 2026-02-01. "
        f"Up to event {first.events} it is as anchored on 2026-01-31."
    )
    by_force(session, "UPDATE audit_events SET origin = 'elsewhere' WHERE sequence = 2")
    written_anew(session)
    assert problem(session, first) == (
        f"The chain was rewritten: event {first.events} is not the one that was anchored on 2026-01-31."
    )
    by_force(session, "UPDATE audit_events SET origin = 'elsewhere' WHERE sequence = 1")
    written_anew(session)
    assert (problem(session, first) or "").startswith("The anchor of 2026-01-31 is of another record, or this one")


def test_a_chain_that_was_cut_off_is_found(session: Session) -> None:
    happened(session, 9)
    anchor = anchors.taken(session, at=later(9))
    by_force(session, f"DELETE FROM audit_events WHERE sequence = {anchor.events}")
    assert problem(session) is None
    assert problem(session, anchor) == (
        f"The chain was cut off: it ends with event {anchor.events - 1}, "
        f"and {anchor.events} events were anchored on 2026-01-31."
    )


def test_an_anchor_whose_tree_is_of_other_events_is_found(session: Session) -> None:
    anchor = anchors.taken(session, at=later(9))
    forged = replace(anchor, root="sha256:00")
    assert problem(session, forged) == (
        f"The chain was rewritten: the events before {anchor.events} are not those that were anchored on 2026-01-31."
    )


def test_nothing_is_anchored_of_nothing_nor_of_a_broken_chain(rolled_back: Session) -> None:
    with pytest.raises(NothingToAnchor, match="Nothing is on record yet"):
        anchors.taken(rolled_back, at=later(0))
    count_from_one(rolled_back)
    story(rolled_back)
    by_force(rolled_back, "UPDATE audit_events SET actor = 'Eve' WHERE sequence = 8")
    with pytest.raises(NothingToAnchor, match=r"Audit event 8 .* was altered.* is not anchored\."):
        anchors.taken(rolled_back, at=later(9))


def test_a_site_makes_a_key_anchors_its_chain_and_has_it_checked(runner: Command, tmp_path: Path) -> None:
    key, public, kept = tmp_path / "site", tmp_path / "site.pub", tmp_path / "kept"
    assert runner("audit", "key", key).exit_code == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "d" not in json.loads(public.read_text())
    again = runner("audit", "key", key)
    assert (again.exit_code, again.stderr) == (2, f"{key} is there already: a key is never written over. "
                                                  "Take another name.\n")  # fmt: skip
    taken = runner("audit", "anchor", "--key", key, "--to", kept)
    [anchor] = kept.iterdir()
    assert (taken.exit_code, taken.stdout.split()[0]) == (0, str(anchor))
    second = runner("audit", "anchor", "--key", key, "--to", kept)
    assert second.exit_code == 0, "the first was an event, so there is more to anchor"
    files = [word for path in sorted(kept.iterdir()) for word in ("--anchor", path)]
    result = runner("audit", "verify", *files, "--key", public)
    assert (result.exit_code, "2 anchors" in result.stdout) == (0, True)
    assert "chain.anchored" not in result.stdout


def test_an_anchor_is_in_its_file_before_an_event_tells_of_it(
    runner: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    there: list[str] = []
    runner("audit", "key", key)
    monkeypatch.setattr(anchors, "record", lambda *_, **__: there.extend(map(Path.read_text, tmp_path.glob("*.jws"))))
    assert runner("audit", "anchor", "--key", key, "--to", tmp_path).exit_code == 0
    assert [text.count(".") for text in there] == [2]


@pytest.fixture
def site(tmp_path: Path, runner: Command) -> dict[str, Path]:
    """The files of a site, and some that are none of it."""
    files = {name: tmp_path / name for name in ("key", "other", "empty", "picture", "signed", "bare", "altered")}
    for name in ("key", "other"):
        assert runner("audit", "key", files[name]).exit_code == 0
        files[f"{name}.pub"] = tmp_path / f"{name}.pub"
        assert runner("audit", "anchor", "--key", files[name], "--to", tmp_path / f"by-{name}").exit_code == 0
        [files[f"anchor by {name}"]] = (tmp_path / f"by-{name}").iterdir()
    key = OKPKey.import_key(json.loads(files["key"].read_text()))
    files["empty"].touch()
    files["picture"].write_bytes(b"\x89PNG\xff")
    files["signed"].write_text(anchors.jws.serialize_compact(
        {"alg": "Ed25519", "kid": key.thumbprint()}, '{"format": "phasewise-anchor/2"}', key, algorithms=["Ed25519"]
    ))  # fmt: skip
    header, payload, signature = files["anchor by key"].read_text().strip().split(".")
    files["bare"].write_text(f"{header}.{payload}")
    files["altered"].write_text(f"{header}.{payload[:-4]}{'AAAA'}.{signature}")
    return files


BAD = {
    ("anchor by other", "key.pub"): "{anchor} was signed with another key than those given",
    ("altered", "key.pub"): "{anchor} was altered: its signature does not fit.",
    ("signed", "key.pub"): "{anchor} is signed, but is no anchor of this kind (phasewise-anchor/1).",
    ("empty", "key.pub"): "{anchor} is no anchor: give a file that “phasewise audit anchor” wrote.",
    ("picture", "key.pub"): "{anchor} is no anchor: give a file that “phasewise audit anchor” wrote.",
    ("bare", "key.pub"): "{anchor} is no anchor: give a file that “phasewise audit anchor” wrote.",
    ("key.pub", "key.pub"): "{anchor} is no anchor: give a file that “phasewise audit anchor” wrote.",
    ("missing", "key.pub"): "{anchor} cannot be used: No such file or directory.",
    ("anchor by key", "key"): "{key} holds a private key, which stays where it signs. To check, give {key}.pub.",
    ("anchor by key", "anchor by key"): "{key} holds no key: give a file that “phasewise audit key” made.",
    ("anchor by key", "picture"): "{key} holds no key: give a file that “phasewise audit key” made.",
    ("anchor by key", "missing"): "{key} cannot be used: No such file or directory.",
}


def test_files_that_are_bad_foreign_or_swapped_are_named(
    runner: Command, site: dict[str, Path], tmp_path: Path
) -> None:
    site["missing"] = tmp_path / "missing"
    for (anchor, key), sentence in BAD.items():
        result = runner("audit", "verify", "--anchor", site[anchor], "--key", site[key])
        expected = sentence.format(anchor=site[anchor], key=site[key])
        assert (result.exit_code, result.stderr[: len(expected)]) == (2, expected)
    both = runner("audit", "verify", "--anchor", site["anchor by other"], "--key", site["key.pub"],
                  "--key", site["other.pub"])  # fmt: skip
    assert both.exit_code == 0
    assert "give --anchor and --key together" in runner("audit", "verify", "--key", site["key.pub"]).stderr
    signing = runner("audit", "anchor", "--key", site["key.pub"], "--to", tmp_path)
    assert (signing.exit_code, "holds a public key" in signing.stderr) == (2, True)
