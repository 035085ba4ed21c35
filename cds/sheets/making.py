"""The sheet of any stored rule version or release, from the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.changes.candidate import candidate, item_of, readable, underway
from cds.service import Settings
from cds.sheets.among import Among
from cds.sheets.asked import Site
from cds.sheets.release import release_sheet
from cds.sheets.rule import rule_sheet
from cds.sheets.statements import Sheet
from cds.sheets.told import VersionTold, release_told, version_told, versions_in
from knowledge.files import base_of
from knowledge.items import ItemKind, KnowledgeBase, Rule
from knowledge.models import Release, Version, VersionState
from knowledge.references import bound_together


def site_of(settings: Settings) -> Site:
    """What the site states of itself."""
    return Site(settings.developer, settings.funding)


def sheet_of_version(session: Session, version: Version, site: Site, *, at: datetime) -> Sheet:
    """The sheet of a rule version. Raises ContentError when it is a draft that cannot be read as a rule yet.

    It is read among the items of the release in force that holds it, else of the last one that did; a version in no
    release among what is in force, with it put in and the drafts that belong to it.
    """
    rule = item_of(version.kind, version.content)
    if not isinstance(rule, Rule):
        raise TypeError(f"{version.label} is no rule.")
    told = version_told(session, version)
    return rule_sheet(rule, told, _among(session, version, told), site, at=at)


def sheet_of_release(session: Session, release: Release, site: Site, *, at: datetime) -> Sheet:
    """The sheet of a release."""
    versions = versions_in(session, release)
    numbers = {one.key: one.number for one in versions if one.kind is ItemKind.RULE}
    return release_sheet(_base(versions), numbers, release_told(session, release), site, at=at)


def _among(session: Session, version: Version, told: VersionTold) -> Among:
    if not told.releases:
        base = candidate(session, [version, *_together(session, version)]).base
        return Among.of(base, "Among what is in force, with this version and the drafts that belong to it put in.")
    holding = next((one for one in told.releases if one.is_in_force), told.releases[-1])
    release = session.scalars(select(Release).where(Release.number == holding.number)).one()
    return Among.of(_base(versions_in(session, release)), f"Among the items of release {holding.number}.")


def _together(session: Session, version: Version) -> list[Version]:
    """The open versions of other items that a version names or is named by."""
    states = (VersionState.APPROVED, VersionState.SUBMITTED, VersionState.DRAFT)
    name = (version.kind, version.key)
    beside = {(one.kind, one.key): one for one in underway(session, *states) if readable(one)}
    items = {named: item_of(one.kind, one.content) for named, one in beside.items()}
    items[name] = item_of(version.kind, version.content)
    return [beside[other] for other in sorted(bound_together(name, items))]


def _base(versions: list[Version]) -> KnowledgeBase:
    return base_of(item_of(one.kind, one.content) for one in versions)
