"""Proofs of single decisions, and anchors of the whole: what is taken out of the record to be checked elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cds.commands.opened import at_work, opened, told
from cds.pages.labels import count
from cds.proofs import anchors, proving, site_keys
from cds.record.origin import from_command
from knowledge.steps import SYSTEM

FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("proof")
@click.argument("decision_id")
@click.option("--with-facts", is_flag=True, help="Disclose facts, subject and states, to prove them too.")
@click.option("--anchor", type=FILE, help="Lead up to this anchor, in place of the earliest that covers the decision.")
def audit_proof(decision_id: str, with_facts: bool, anchor: Path | None) -> None:
    """Print the proof of a decision, which docs/check_proof.py checks without this program."""
    with at_work() as (service, session):
        signature = _text(anchor) if anchor else None
        row = proving.row_of(session, decision_id)
        proof = proving.proof_of(session, row, with_facts=with_facts, signature=signature)
        proving.record(session, decision_id, with_facts=with_facts, actor=SYSTEM, at=service.now())
        session.commit()
    click.echo(json.dumps(proof, ensure_ascii=False, indent=2))


@click.command("key")
@click.argument("file", type=FILE)
def audit_key(file: Path) -> None:
    """Make the key pair of this site: the private key in FILE, the public one in FILE.pub."""
    with told():
        public = site_keys.make(file)
    click.echo(f"{file} signs anchors: keep it from the database and its backups. {public} checks them: give it away.")


@click.command("anchor")
@click.option("--key", type=FILE, required=True, help="The private key of the site.")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The folder to write to."
)
def audit_anchor(key: Path, folder: Path) -> None:
    """Sign the head of the chain as it stands, and write the anchor to a file that is to be kept elsewhere."""
    with opened() as service:
        signer = site_keys.private_key(key)
        at = service.now()
        with service.sessions() as session:
            anchor = anchors.taken(session, at=at)
        signature = anchors.signed(anchor, signer)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"anchor-{anchor.events:09}.jws"
        # First the file, and closed: no event tells of an anchor that could not be written.
        with path.open("x", encoding="ascii") as file:
            file.write(f"{signature}\n")
        with service.sessions() as session:
            anchors.record(from_command(session), anchor, signature, at=at)
            session.commit()
    click.echo(
        f"{path} anchors {count(anchor.events, 'event')} with {count(anchor.decisions, 'decision')} sealed; "
        f"the last is {anchor.head}. "
        "Keep it where whoever owns the database cannot reach it."
    )


def anchors_in(files: tuple[Path, ...], keys: tuple[Path, ...]) -> list[anchors.Anchor]:
    """The anchors in files, each signed by one of the keys. Raises BadAnchor, BadKey."""
    public = [site_keys.public_key(path) for path in keys]
    return [anchors.read(_text(path), public, named=str(path)) for path in files]


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except UnicodeDecodeError:
        raise anchors.BadAnchor(f"{path} is no anchor: give a file that “phasewise audit anchor” wrote.") from None
