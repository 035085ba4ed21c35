"""`phasewise db`: migrations, what the service's role is granted, and whether it could alter the record."""

from __future__ import annotations

import sys

import click

from cds.commands.opened import bring_up_to_date, opened, record_of_owner
from knowledge import roles
from knowledge.database import at_head
from knowledge.weaknesses import weaknesses


@click.group()
def db() -> None:
    """The database itself.

    PHASEWISE_OWNER_DATABASE_URL names it as its owner signs in; unset, the service's own address is used.
    """


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the newest migration; roles granted before may use what is new."""
    with opened() as service:
        bring_up_to_date(service)
    click.echo("The database is at the newest migration.")


@db.command("grant")
@click.argument("role")
def db_grant(role: str) -> None:
    """Let the PostgreSQL role ROLE do what the service does, and nothing else."""
    with opened() as service, service.owner() as owner, owner.begin() as connection:
        roles.grant(connection, role)
        record_of_owner(connection, "database.granted", {"role": role}, at=service.now())
    click.echo(f"{role} may do what the service does. Let the service sign in as {role}, then: phasewise db check")


@db.command("check")
def db_check() -> None:
    """Say whether the service, as it signs in, could alter the record.

    Exit code 0, or 1 when it could; each way is named, with the way out.
    """
    with opened() as service, service.database.connect() as connection:
        if not at_head(service.database):
            raise click.ClickException("The database is not at the newest migration: phasewise db upgrade.")
        found = weaknesses(connection)
    for sentence in found:
        click.echo(sentence)
    if found:
        sys.exit(1)
    click.echo("The service cannot alter the record: its role may do what the service does, and nothing else.")
