"""The record and its proofs."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from sqlalchemy import func, select

from cds.commands.opened import at_work, opened
from cds.commands.progress import Progress
from cds.commands.proofs import FILE, anchors_in, audit_anchor, audit_key, audit_proof
from cds.commands.retaining import remove_facts
from cds.models import Decision
from cds.proofs.verifying import record_verified, verify
from cds.upkeep import keep_up
from knowledge.weaknesses import weaknesses

_NO_ANCHOR = (
    "No anchor was held against it: only one that was kept elsewhere shows whether events were cut off at the end, "
    "or all of it was written anew (--anchor FILE --key PUBLIC)."
)


@click.group("audit")
def audit_group() -> None:
    """The record and its proofs."""


@audit_group.command("verify")
@click.option("--anchor", "files", multiple=True, type=FILE, help="An anchor that the chain must hold.")
@click.option("--key", "keys", multiple=True, type=FILE, help="The public key that it was signed with.")
@click.option("--record", "recorded", is_flag=True, help="Put on record that it was checked and found untouched.")
@click.option("--quiet", is_flag=True, help="Report no progress.")
def audit_verify(files: tuple[Path, ...], keys: tuple[Path, ...], recorded: bool, quiet: bool) -> None:
    """Check the whole audit chain and every stored row against it.

    Exit code 0, or 1 when a record is bad; the first of them is named. --anchor and --key may be repeated.
    """
    if bool(files) != bool(keys):
        raise click.UsageError("Anchors are checked with the public key of the site: give --anchor and --key together.")
    with at_work() as (service, session):
        anchors = anchors_in(files, keys)
        progress = Progress(session.scalar(select(func.max(Decision.sequence))) or 0, quiet=quiet)
        session.rollback()
        verification = verify(session, anchors, seen=progress)
        progress.done()
        weak = weaknesses(session.connection())
        session.rollback()
        if recorded and verification.untouched:
            record_verified(session, verification, len(anchors), at=service.now())
            session.commit()
    also = [sentence for sentence in weak if sentence != verification.problem]
    click.echo("\n".join([str(verification), *([] if anchors else [_NO_ANCHOR]), *also]))
    if not verification.untouched:
        if recorded:
            click.echo("Nothing was put on record: a chain that is broken is not gone on with. Keep this output.")
        sys.exit(1)


@audit_group.command("seal")
def audit_seal() -> None:
    """Seal the decisions recorded so far into the chain, and count them. A running server does it by itself."""
    with opened() as service:
        count = keep_up(service)
    click.echo(f"{count} {'decision is' if count == 1 else 'decisions are'} sealed.")


for command in (audit_proof, audit_key, audit_anchor, remove_facts):
    audit_group.add_command(command)
