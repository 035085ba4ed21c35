"""The sheet of a rule version or a release: what a regulator asks of it, filled from what is known."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, fields
from sqlalchemy import select

from cds import problems
from cds.api import session
from cds.auditing.blueprint import audit_api, told
from cds.problems import Refused
from cds.requests import BEYOND_COLUMNS, unstorable
from cds.service import service_of
from cds.sheets.making import sheet_of_release, sheet_of_version, site_of
from cds.sheets.statements import Sheet, as_json
from knowledge.errors import ContentError
from knowledge.items import ItemKind
from knowledge.models import Release, Version


class SheetShown(Schema):
    class Meta:
        unknown = INCLUDE

    kind = fields.String(required=True)
    key = fields.String(required=True)
    number = fields.Integer(required=True)
    title = fields.String(required=True)
    standing = fields.String(required=True)
    digest = fields.String(required=True)
    made_at = fields.String(required=True)
    headline = fields.String(required=True, metadata={"description": "What is missing, in a sentence or two."})
    sections = fields.List(fields.Dict(), required=True, metadata={"description": "Statements, each known or missing."})
    rules = fields.List(fields.Dict(), required=True, metadata={"description": "Of a release: each rule in a line."})


@audit_api.route("/rules/<string:key>/versions/<int:number>/sheet")
@audit_api.doc(operationId="show_rule_sheet")
@audit_api.response(200, SheetShown)
def show_rule_sheet(key: str, number: int) -> dict[str, Any]:
    """What ONC's source attributes and FDA's fourth criterion ask of a rule version, with what is missing"""
    wanted = select(Version).where(Version.kind == ItemKind.RULE, Version.key == key, Version.number == number)
    version = session().scalars(wanted).one_or_none() if number < BEYOND_COLUMNS and not unstorable(key) else None
    if version is None:
        raise Refused(problems.not_found(f"There is no version {number} of a rule {key!r}."))
    service = service_of()
    try:
        sheet = sheet_of_version(session(), version, site_of(service.settings), at=service.now())
    except ContentError:
        detail = f"{version.label} is a draft that is not finished: it has a sheet once every field can be read."
        raise Refused(problems.not_found(detail)) from None
    return _read(sheet, f"rule/{key}/{number}")


@audit_api.route("/releases/<int:number>/sheet")
@audit_api.doc(operationId="show_release_sheet")
@audit_api.response(200, SheetShown)
def show_release_sheet(number: int) -> dict[str, Any]:
    """The same of a whole release, with each of its rules in a line"""
    wanted = select(Release).where(Release.number == number)
    release = session().scalars(wanted).one_or_none() if number < BEYOND_COLUMNS else None
    if release is None:
        raise Refused(problems.not_found(f"There is no release {number}."))
    service = service_of()
    return _read(sheet_of_release(session(), release, site_of(service.settings), at=service.now()), f"release/{number}")


def _read(sheet: Sheet, subject: str) -> dict[str, Any]:
    told("sheet.read", subject, {})
    return as_json(sheet)
