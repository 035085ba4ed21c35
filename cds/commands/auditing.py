"""The record and its proofs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cds.commands.opened import at_work, opened
from cds.commands.proofs import FILE, anchors_in, audit_anchor, audit_key, audit_proof
from cds.commands.retaining import remove_facts
from cds.record import sealing
from cds.record.anchors import check_anchors
from cds.record.emptied import check_removals
from cds.record.upkeep import keep_up
from knowledge import audit
from knowledge.weaknesses import weaknesses


@click.group("audit")
def audit_group() -> None:
    """The record and its proofs."""


@audit_group.command("verify")
@click.option("--anchor", "files", multiple=True, type=FILE, help="An anchor that the chain must hold.")
@click.option("--key", "keys", multiple=True, type=FILE, help="The public key that it was signed with.")
def audit_verify(files: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    """Check the whole audit chain and every stored version and decision against it.

    Exit code 0, or 1 when a record is bad; the first of them is named. Both options may be repeated.
    """
    if bool(files) != bool(keys):
        raise click.UsageError("Anchors are checked with the public key of the site: give --anchor and --key together.")
    with at_work() as (_, session):
        anchored = check_anchors(anchors_in(files, keys))
        verification = audit.verify(session, sealing.check_decisions, check_removals, of_chain=[anchored])
        weak = weaknesses(session.connection())
    click.echo("\n".join([str(verification), *weak]))
    if not verification.untouched:
        sys.exit(1)


@audit_group.command("seal")
def audit_seal() -> None:
    """Seal the decisions recorded so far into the chain, and count them. A running server does it by itself."""
    with opened() as service:
        count = keep_up(service)
    click.echo(f"{count} decisions are sealed.")


for command in (audit_proof, audit_key, audit_anchor, remove_facts):
    audit_group.add_command(command)
