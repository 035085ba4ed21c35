"""The proof over all patients, from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cds.authoring.finding_log import Acceptance, acceptances
from cds.changes.candidate import UNPUBLISHED, Candidate
from cds.changes.trial import in_the_way
from cds.commands.opened import at_work, told
from cds.serving import stored_base
from cds.writing import instant
from knowledge import releasing
from knowledge.errors import ContentError, KnowledgeError, printable
from knowledge.files import Entry, base_of, read
from knowledge.files import write as write_files
from knowledge.items import KnowledgeBase
from knowledge.language import write

if TYPE_CHECKING:
    from cds.authoring.proof.results import Patient, Proof


class NothingToProve(KnowledgeError):
    """There is no release in force, and no folder was given."""


@click.command("prove")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--claims-only", is_flag=True, help="Leave the findings out.")
@click.option("--mutants", is_flag=True, help="Say which slips in conditions no test patient notices, instead.")
@click.option(
    "--write-patients",
    "written",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write test patients who notice them to a folder, as content files, instead.",
)
def prove_command(folder: Path | None, claims_only: bool, mutants: bool, written: Path | None) -> None:
    """Prove the claims over all patients, and list the findings, of the release in force or of a FOLDER of content.

    Exit code 0; 1 when a claim is violated or not proven, or with --mutants a slip is not noticed; 2 when the content
    cannot be read.
    """
    with told():
        base = _in_folder(folder) if folder is not None else _in_force()
        at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        if written is not None:
            passed = _write_patients(base, at, written)
        elif mutants:
            passed = _tell_mutants(base)
        else:
            passed = _prove(base, at, {} if folder is not None else _accepted(), claims_only=claims_only)
    if not passed:
        sys.exit(1)


# Only who proves loads the solver: each of these imports where it begins.


def _prove(base: KnowledgeBase, at: datetime, log: Mapping[str, Acceptance], *, claims_only: bool) -> bool:
    from cds.authoring.proof.report import prove

    proof = prove(base, at)
    for line in _lines(proof, log, claims_only=claims_only):
        click.echo(line)
    return not proof.failed


def _tell_mutants(base: KnowledgeBase) -> bool:
    from cds.authoring.proof.survivors import mutation_run

    run = mutation_run(base)
    for one in run.survivors:
        kind, key = one.name
        click.echo(f"{kind} {key}, {one.mutant.slip.replace('_', '/')}: {write(one.mutant.condition)}")
    counts = ", ".join(f"{slip.replace('_', '/')} {count}" for slip, count in sorted(run.tried.items()))
    click.echo(
        f"{sum(run.tried.values())} slips tried ({counts}): {run.killed} are noticed by a test patient, "
        f"{len(run.survivors)} are not, {len(run.equivalent)} change nothing for any patient."
    )
    return not run.survivors


def _write_patients(base: KnowledgeBase, at: datetime, folder: Path) -> bool:
    from cds.authoring.proof.killing import killing_vignettes

    made, missed = killing_vignettes(base, at)
    write_files([Entry(one) for one in made], folder)
    click.echo(f"{len(made)} test patients are written to {folder}.")
    for one in missed:
        kind, key = one.name
        click.echo(f"Nobody was found who notices in {kind} {key}: {write(one.mutant.condition)}", err=True)
    return not missed


def _in_folder(folder: Path) -> KnowledgeBase:
    """What a folder of content files would publish. Raises ContentError with all that keeps it from answering."""
    entries = [entry for entry in read(folder) if not entry.draft]
    items = {(entry.kind, entry.item.key): entry.item for entry in entries}
    if problems := in_the_way(Candidate(items, dict.fromkeys(items, UNPUBLISHED))):
        raise ContentError(problems)
    return base_of(items.values())


def _in_force() -> KnowledgeBase:
    with at_work() as (_, session):
        release = releasing.in_force(session)
        if release is None:
            raise NothingToProve("No release is in force: name a folder of content.")
        base, _ = stored_base(session, release.id)
    return base


def _accepted() -> Mapping[str, Acceptance]:
    """The findings that people accepted at the desk, by their identity."""
    with at_work() as (_, session):
        return acceptances(session)


def _lines(proof: Proof, log: Mapping[str, Acceptance], *, claims_only: bool) -> Iterator[str]:
    for claim in sorted(proof.claims, key=lambda one: one.verdict):
        yield f"{claim.verdict.replace('_', ' ')}: {claim.sentence}"
        if claim.patient is not None:
            yield _patient(claim.patient)
    for finding in () if claims_only else proof.findings:
        yield f"{finding.code.replace('_', ' ')}: {finding.sentence}"
        if (by := log.get(finding.identity)) is not None:
            yield printable(f"    accepted by {by.by}: {by.reason}")
        for patient in finding.patients:
            yield _patient(patient)
    holding = len(proof.claims) - len(proof.failed)
    yield (
        f"{holding} of {len(proof.claims)} claims are proven over all patients; {len(proof.findings)} findings; "
        f"{proof.seconds:.1f} seconds."
    )


def _patient(patient: Patient) -> str:
    posted = {"evaluated_at": instant(patient.evaluated_at), "facts": patient.facts}
    return f"    {json.dumps(posted, ensure_ascii=False)}"
