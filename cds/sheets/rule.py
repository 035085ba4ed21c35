"""The sheet of one rule version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cds.sheets import asked
from cds.sheets.among import Among
from cds.sheets.asked import Site
from cds.sheets.attributes import citation, uses
from cds.sheets.basis import basis
from cds.sheets.statements import SOURCE_ATTRIBUTES, Section, Sheet, Statement
from cds.sheets.told import PROGRAM, VersionTold
from knowledge.items import ItemKind, Rule
from knowledge.labels import day, label, moment
from knowledge.models import VersionState

_STANDING = {
    VersionState.DRAFT: "A draft: it may still change, and answers nobody.",
    VersionState.SUBMITTED: "Under review: it answers nobody yet.",
    VersionState.APPROVED: "Approved, and in no release yet: it answers nobody.",
    VersionState.RETURNED: "Given back after review: it never answered anybody.",
}


def rule_sheet(rule: Rule, told: VersionTold, among: Among, site: Site, *, at: datetime) -> Sheet:
    """Everything that is asked of a rule version, filled from what is known at the moment `at`."""
    return Sheet(
        kind=ItemKind.RULE,
        key=rule.key,
        number=told.number,
        title=rule.title,
        standing=_standing(told),
        digest=told.digest,
        made_at=at,
        sections=(
            _what_it_is(rule, told, among),
            Section(
                SOURCE_ATTRIBUTES,
                "Source attributes",
                asked.BY_ONC,
                (citation(rule, among.base), *asked.of_the_site(site), _dates(told), *uses(rule, among)),
            ),
            Section("independent_review", "Basis for independent review", asked.BY_FDA, (*basis(rule, among, at),)),
            Section("life", "Who wrote, reviewed and released it", "From the chain of events.", (*_life(told),)),
        ),
    )


def _what_it_is(rule: Rule, told: VersionTold, among: Among) -> Section:
    said = [Statement("text", "What it says", (rule.text,), f"version {told.number}")]
    if rule.patient_text:
        said.append(
            Statement("patient_text", "In words for the patient", (rule.patient_text,), f"version {told.number}")
        )
    said.append(Statement("among", "Read among", (among.said,)))
    return Section("rule", "The rule", f"{label(rule.topic)}. {told.key}, version {told.number}.", tuple(said))


def _standing(told: VersionTold) -> str:
    holding = [release for release in told.releases if release.is_in_force]
    if told.state is VersionState.RETIRED and not holding:
        return "Retired: it comes into no further release."
    if holding:
        retired = " It is retired, and leaves with the next release." if told.state is VersionState.RETIRED else ""
        return f"In force, in release {holding[0].number}.{retired}"
    if told.releases:
        return f"Not in force. It is in release {asked.named(str(one.number) for one in told.releases)}."
    return _STANDING.get(told.state, "In no release.")


def _dates(told: VersionTold) -> Statement:
    name, title = "dates", "Release and revision dates"
    if not told.releases:
        said = f"Written {day(told.written_at)}, and not released: there is no release date. "
        said += "An approver publishes the release that holds it."
        return Statement(name, title, (said,), missing=True)
    first = told.releases[0]
    said = [f"Version {told.number} was released {day(first.made.at)}, in release {first.number}."]
    said.append(
        "It is the first version."
        if told.number == 1
        else f"It is a revision: version {told.number}, written {day(told.written_at)}."
    )
    since = next((one.since for release in told.releases for one in release.in_force), None)
    said.append(f"First in force {day(since)}." if since else "It was never in force.")
    return Statement(name, title, tuple(said), "the record")


def _life(told: VersionTold) -> Iterator[Statement]:
    imported = any(one.action == "version.imported" for one in told.steps)
    writers = asked.named(dict.fromkeys(s.by for s in told.steps if s.action in _WRITING)) or told.written_by
    yield Statement(
        "written",
        "Imported" if imported else "Written",
        (f"By {writers}, {moment(told.written_at)}.",),
        "the record",
    )
    if told.reason:
        yield Statement("reason", "Why", (told.reason,), "the record")
    else:
        wanted = "No reason is given yet. Its author says why the change is made before it is submitted."
        yield Statement("reason", "Why", (wanted,), missing=True)
    steps = tuple(asked.step_said(_DONE[s.action], s) for s in told.steps if s.action in _DONE)
    if steps:
        yield Statement("steps", "Review", steps, "the record")
    if not any(one.action == "version.approved" for one in told.steps):
        why = (
            "it came with what was imported" if imported or told.written_by == PROGRAM else "nobody has approved it yet"
        )
        wanted = f"No person approved this version: {why}. An approver who did not write it reviews it."
        yield Statement("approval", "Approval of the version", (wanted,), missing=True)
    yield asked.approval(told.releases, "a release that holds it")
    if told.releases:
        said = tuple(
            text
            for release in told.releases
            for text in (
                f"Release {release.number}. {asked.made_said(release)}",
                *(asked.in_force_said(one) for one in release.in_force),
            )
        )
        yield Statement("releases", "Releases that hold it", said, "the record")


_WRITING = frozenset({"version.drafted", "version.revised"})
_DONE = {
    "version.submitted": "Submitted",
    "version.approved": "Approved",
    "version.returned": "Given back",
    "version.retired": "Retired",
}
