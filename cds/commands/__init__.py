"""The command line: serve, recommend, content, prove, audit, db, keys."""

from __future__ import annotations

import json
import sys
from typing import IO

import click

from cds import journal
from cds.answering import Caller, answer_one, standing
from cds.asking import json_in
from cds.commands.auditing import audit_group
from cds.commands.database import db
from cds.commands.knowledge_base import content
from cds.commands.opened import USAGE, opened, problem_text, ready
from cds.commands.people import key_group, person_group
from cds.commands.proving import prove_command
from cds.commands.serving import serve
from cds.problems import Refused
from cds.record.origin import COMMAND
from knowledge.database import session_on


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="phasewise")
def cli() -> None:
    """Phasewise: facts about one patient in, cited recommendations out.

    PHASEWISE_DATABASE_URL names the database; unset, an SQLite file under instance/.
    """
    journal.start()


@cli.command()
@click.argument("file", type=click.File("rb"))
@click.option("--include-not-met", is_flag=True, help="Also list the rules that are not met.")
def recommend(file: IO[bytes], include_not_met: bool) -> None:
    """Answer the facts in a JSON FILE, or - for standard input, as POST /api/v1/recommendations does."""
    with opened() as service:
        ready(service)
        try:
            with service.database.connect() as connection:
                raw = json_in(file.read())
                in_force = standing(service, session_on(connection))
                caller = Caller(connection, in_force, api_key_id=None, origin=COMMAND)
                text = answer_one(service, caller, raw, not_met=include_not_met)
        except Refused as refused:
            click.echo(problem_text(refused.problem), err=True)
            sys.exit(USAGE)
    click.echo(json.dumps(json.loads(text), ensure_ascii=False, indent=2))


for command in (serve, content, prove_command, audit_group, db, key_group, person_group):
    cli.add_command(command)
