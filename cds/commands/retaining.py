"""Facts and subjects that a site no longer keeps, removed for good."""

from __future__ import annotations

import time
from collections import Counter

import click
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cds.commands.opened import opened
from cds.record import retention
from cds.record.erasing import clean_up, overwrite
from cds.record.origin import from_command
from cds.record.retention import Old, Removal
from cds.upkeep import keep_up
from knowledge.database import session_on
from knowledge.labels import moment

_TOLD_EVERY = 10_000

_GOES = """\
What goes: of decisions the subject, the facts as posted and as known, what else was asked for, the salt and the
digest of the answer; of incidents the detail; comparisons over such decisions as a whole."""
_STAYS = """\
What stays: when a decision was made and recorded, by which release, app and program, for whom it spoke, what became
of every rule, all digests, and every event."""
_COPIES = "Backups, copies and the database’s archives are as before: docs/retention.md says what to do with them."


@click.command("remove-facts")
@click.option("--older-than", "days", type=int, required=True, metavar="DAYS", help="Recorded so many days ago.")
@click.option("--reason", default="", help="Why, and who decided it; kept in the record for good.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and change nothing.")
@click.option("--compact", is_flag=True, help="Then write the tables anew, so that no trace is left; answers wait.")
def remove_facts(days: int, reason: str, dry_run: bool, compact: bool) -> None:
    """Remove facts and subjects of patients from what was recorded more than DAYS days ago.

    The proofs go on to hold. What was removed cannot be had back: try it with --dry-run first. Exit code 0, or 2 when
    something is wrong, such as a decision that is not as it was recorded; then nothing more is removed.
    """
    with opened() as service:
        removal = retention.asked(days, reason or ("A dry run." if dry_run else ""), at=service.now())
        if not dry_run:
            keep_up(service)
        with service.owner() as database:
            _announce(database, removal, dry_run)
            if not dry_run:
                _remove(database, removal)
                _clean(database, compact)


def _announce(database: Engine, removal: Removal, dry_run: bool) -> None:
    with Session(database) as session:
        *old, unsealed = retention.found(session, removal.before)
    click.echo(f"Recorded before {moment(removal.before)} ({_counted(removal.days, 'days')} ago):")
    for one in old:
        click.echo(f"  {_said(one)}")
    if unsealed.count:
        will = "to be sealed first" if dry_run else "left for the next time"
        click.echo(f"  not sealed yet, and {will}: {_counted(unsealed.count, 'decisions')}")
    click.echo(f"{_GOES}\n{_STAYS}")
    if dry_run:
        click.echo("This was a dry run: nothing was changed.")


def _remove(database: Engine, removal: Removal) -> None:
    done: Counter[str] = Counter()
    with database.connect() as connection, session_on(connection) as session:
        overwrite(connection)
        from_command(session)
        began = time.monotonic()
        for batch in retention.removed(session, removal):
            session.commit()
            before, done[batch.what] = done[batch.what], done[batch.what] + batch.count
            if before // _TOLD_EVERY < done[batch.what] // _TOLD_EVERY:
                click.echo(f"  … {done[batch.what]:,} {batch.what}", err=True)
            # Whoever waits for the writer's place of SQLite looks for it now and then: leave it free as long.
            time.sleep(time.monotonic() - began)
            began = time.monotonic()
    told = ", ".join(_counted(count, what) for what, count in done.items())
    click.echo(f"Removed, and told in the record: {told or 'nothing, because nothing is that old'}.")


def _clean(database: Engine, compact: bool) -> None:
    done = clean_up(database, compact=compact)
    if not done:
        click.echo("The write-ahead log could not be emptied while others read: run this again when nobody does.")
    if not compact:
        click.echo("Traces may be left in free space of the database: --compact takes them out.")
    click.echo(_COPIES)


def _said(old: Old) -> str:
    if old.oldest is None or old.newest is None:
        return f"no {old.what}"
    return f"{_counted(old.count, old.what)}, the oldest of {moment(old.oldest)}, the newest of {moment(old.newest)}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what.removesuffix('s') if count == 1 else what}"
