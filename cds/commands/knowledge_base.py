"""The knowledge base as readable files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from cds.commands.opened import at_work, bring_up_to_date, opened
from knowledge import audit, loading, releasing
from knowledge.errors import printable
from knowledge.files import SHIPPED
from knowledge.steps import SYSTEM

_EXPORTS = {"toml": loading.export, "elm": loading.export_elm}


@click.group()
def content() -> None:
    """The knowledge base as readable files."""


@content.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(_EXPORTS)),
    default="toml",
    show_default=True,
    help="toml: everything, to be imported again; elm: the conditions, for engines of HL7's CQL.",
)
def content_export(folder: Path, form: str) -> None:
    """Write the release in force, and drafts not yet in a release, to FOLDER.

    As ELM: every condition of the release in force, in libraries that an engine of HL7's CQL runs, and beside each
    the CQL that says the same.
    """
    with at_work() as (service, session):
        release = releasing.in_force(session)
        details = {"release": release.number if release else None} | ({"format": form} if form != "toml" else {})
        _tell(session, "content.exported", service.now(), folder, **details)
        exported = _EXPORTS[form](session, folder)
        session.commit()
    click.echo(f"Release {exported.release.number} is written to {folder}.")
    if exported.left_out:
        click.echo(f"Left out, because they are not finished: {'; '.join(exported.left_out)}.", err=True)


@content.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--reason", default="Imported from files.", show_default=True, help="Why; kept with every version.")
def content_import(folder: Path, reason: str) -> None:
    """Take in the content files of FOLDER.

    Into an empty database they become release 1, in force and not yet clinically approved; later, what differs from
    the newest version becomes a draft, to be reviewed like any other.
    """
    with opened() as service:
        bring_up_to_date(service)
    with at_work() as (service, session):
        loaded = loading.load(session, folder, by=None, at=service.now(), reason=reason)
        if loaded.release is not None or loaded.drafts:
            release = loaded.release.number if loaded.release else None
            told = {"release": release, "drafts": len(loaded.drafts), "reason": reason}
            _tell(session, "content.imported", service.now(), folder, **told)
        session.commit()
    if loaded.release is not None:
        click.echo(f"Release {loaded.release.number} is imported and in force; {len(loaded.drafts)} drafts.")
    else:
        _say(loaded)


@content.command("upgrade")
def content_upgrade() -> None:
    """Begin drafts for what changed in the shipped content since it was imported.

    Items that this site has changed, retired or is editing are left alone and listed. Nothing is active until the
    drafts are reviewed and released.
    """
    with opened() as service:
        bring_up_to_date(service)
    with at_work() as (service, session):
        loaded = loading.upgrade(session, SHIPPED, at=service.now(), reason=_UPGRADED)
        if loaded.drafts:
            told = {"drafts": len(loaded.drafts), "left_alone": len(loaded.left_alone), "reason": _UPGRADED}
            _tell(session, "content.imported", service.now(), SHIPPED, **told)
        session.commit()
    _say(loaded)


_UPGRADED = "The content that ships with Phasewise changed."


def _say(loaded: loading.Loaded) -> None:
    if loaded.drafts:
        click.echo("Drafts, to be reviewed:\n" + "\n".join(f"  {name}" for name in loaded.drafts))
    if loaded.left_alone:
        click.echo("Left alone:\n" + "\n".join(f"  {name}" for name in loaded.left_alone))
    if not loaded.drafts and not loaded.left_alone:
        click.echo("Nothing differs from what is in the database.")


def _tell(session: Session, action: str, at: datetime, folder: Path, **details: str | int | None) -> None:
    details["folder"] = printable(str(folder.absolute()))
    audit.record(session, action=action, subject="content", actor=SYSTEM, at=at, details=details)
