"""The record and its proofs."""

from __future__ import annotations

import sys

import click

from cds.commands.opened import at_work, opened
from cds.record import sealing
from cds.record.upkeep import keep_up
from knowledge import audit


@click.group("audit")
def audit_group() -> None:
    """The record and its proofs."""


@audit_group.command("verify")
def audit_verify() -> None:
    """Check the whole audit chain and every stored version and decision against it.

    Exit code 0, or 1 when a record is bad; the first of them is named.
    """
    with at_work() as (_, session):
        verification = audit.verify(session, sealing.check_decisions)
    click.echo(str(verification))
    if not verification.untouched:
        sys.exit(1)


@audit_group.command("seal")
def audit_seal() -> None:
    """Seal the decisions recorded so far into the chain, and count them. A running server does it by itself."""
    with opened() as service:
        count = keep_up(service)
    click.echo(f"{count} decisions are sealed.")
