"""The people of the desk, and the API keys of apps and auditors."""

from __future__ import annotations

import click

from cds import keys
from cds.commands.opened import at_work
from cds.models import Purpose
from knowledge import people
from knowledge.models import Role


@click.group("key")
def key_group() -> None:
    """The API keys of apps."""


@key_group.command("add")
@click.argument("label")
@click.option(
    "--for",
    "purpose",
    type=click.Choice([purpose.value for purpose in Purpose]),
    default=Purpose.APP.value,
    show_default=True,
    help="What it is for: an app that asks, or an auditor who reads the record.",
)
def key_add(label: str, purpose: str) -> None:
    """Make an API key with the label LABEL, and print it: it cannot be shown again."""
    with at_work() as (service, session):
        key = keys.issue(session, label, by=None, at=service.now(), purpose=Purpose(purpose))
        session.commit()
    click.echo(key)


@click.group("person")
def person_group() -> None:
    """The people of the desk."""


@person_group.command("add")
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.password_option()
def person_add(name: str, role: str, password: str) -> None:
    """Make an account for the desk; the password is asked for."""
    with at_work() as (service, session):
        if people.named(session, name) is not None:
            raise click.ClickException(f"There is an account called {name} already.")
        people.add(session, name, Role(role), password, by=None, at=service.now())
        session.commit()
    click.echo(f"{name} can sign in as {role}.")
