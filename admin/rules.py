"""Rules at the desk: a list to find one in, and each on a page that reads like a document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, request
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from admin.access import DeskView
from admin.catalogue import FILTERS, IN_FORCE, PAGE, Listed, narrowed, newest, topics
from cds.api import session
from cds.service import service_of
from knowledge.conditions import Condition, facts_of
from knowledge.errors import ContentError
from knowledge.facts import Fact
from knowledge.items import Citation, ItemKind, Rule, Source
from knowledge.language import write
from knowledge.models import Release, ReleaseVersion, Version
from knowledge.schemas import item_from
from knowledge.wording import in_words

LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A rule that this one overrides, or that overrides it, and why."""

    key: str
    title: str
    reason: str


class Rules(DeskView):
    """The newest version of each rule."""

    def __init__(self) -> None:
        super().__init__(name="Rules", endpoint="desk_rules", url="/desk/rules")

    @expose("/")
    def index(self) -> str:
        rules = newest(session(), ItemKind.RULE)
        choices = {"topic": tuple(topics(rules)), **FILTERS}
        words = request.args.get("q", "")[:LONGEST_SEARCH]
        asked = {name: request.args.get(name, "") for name in choices}
        chosen = {name: word for name, word in asked.items() if word in choices[name]}
        found = narrowed(rules, words, chosen)
        pages = max(1, -(-len(found) // PAGE))
        page = min(max(_number(request.args.get("page"), 1), 1), pages)
        return self.render(
            "desk/rules.html",
            rules=found[(page - 1) * PAGE : page * PAGE],
            found=len(found),
            all=len(rules),
            words=words,
            choices=choices,
            chosen=chosen,
            page=page,
            pages=pages,
            first=(page - 1) * PAGE + 1,
        )

    @expose("/<string:key>")
    def rule(self, key: str) -> str:
        versions = _versions(session(), key)
        if not versions:
            abort(404, "There is no rule of this name.")
        wanted = _number(request.args.get("version"), versions[0].number)
        version = next((one for one in versions if one.number == wanted), None)
        if version is None:
            abort(404, f"This rule has no version {wanted}.")
        rules = {one.key: one for one in newest(session(), ItemKind.RULE)}
        shown: dict[str, Any] = {
            "version": version,
            "newest": rules[key],
            "versions": [(one, _releases(session(), one)) for one in versions],
            "today": service_of().now().date(),
        }
        try:
            rule = item_from(ItemKind.RULE, json.loads(version.content))
        except ContentError as error:
            return self.render("desk/unreadable.html", problems=error.problems, **shown)
        if not isinstance(rule, Rule):
            raise TypeError(f"{version.label} is no rule.")
        return self.render(
            "desk/rule.html",
            rule=rule,
            text=write(rule.condition) if rule.condition else None,
            in_words=_said(session(), rule.condition),
            evidence=_evidence(session(), rule),
            overrides=[Neighbour(one.rule, _title(rules, one.rule), one.reason) for one in rule.overrides],
            overridden_by=_overridden_by(rules, key),
            patients=_patients(session(), key),
            **shown,
        )


def _number(text: str | None, otherwise: int) -> int:
    """A whole number out of a query string, or the other one when it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else otherwise


def _versions(session: Session, key: str) -> list[Version]:
    """All versions of a rule, the newest first."""
    if "\x00" in key:
        return []
    query = select(Version).where(Version.kind == ItemKind.RULE, Version.key == key).order_by(Version.number.desc())
    people = (Version.created_by, Version.submitted_by, Version.approved_by)
    return list(session.scalars(query.options(*(selectinload(person) for person in people))))


def _releases(session: Session, version: Version) -> list[int]:
    held = select(ReleaseVersion.release_id).where(ReleaseVersion.version_id == version.id)
    return list(session.scalars(select(Release.number).where(Release.id.in_(held)).order_by(Release.number)))


def _said(session: Session, condition: Condition | None) -> str | None:
    """The condition in words, by the newest versions of its facts; None when one of them is not there."""
    if condition is None:
        return None
    facts = _items(session, ItemKind.FACT, facts_of(condition))
    try:
        return in_words(condition, {key: fact for key, fact in facts.items() if isinstance(fact, Fact)})
    except KeyError:
        return None


def _evidence(session: Session, rule: Rule) -> list[tuple[Citation, Source | None]]:
    sources = _items(session, ItemKind.SOURCE, [one.source for one in rule.citations])
    return [(one, source if isinstance(source := sources.get(one.source), Source) else None) for one in rule.citations]


def _items(session: Session, kind: ItemKind, keys: Any) -> dict[str, Any]:
    """The newest versions of some items, read; what cannot be read is left out."""
    query = select(Version).where(Version.kind == kind, Version.key.in_(set(keys))).order_by(Version.number)
    items: dict[str, Any] = {}
    for version in session.scalars(query):
        try:
            items[version.key] = item_from(kind, json.loads(version.content))
        except ContentError:
            continue
    return items


def _title(rules: Mapping[str, Listed], key: str) -> str:
    return rules[key].title if key in rules else key


def _overridden_by(rules: Mapping[str, Listed], key: str) -> list[Neighbour]:
    return [
        Neighbour(other.key, other.title, one["reason"])
        for other in rules.values()
        if other.names(key)
        for one in other.content.get("overrides", ())
        if one["rule"] == key
    ]


def _patients(session: Session, key: str) -> list[tuple[Listed, str]]:
    """The example patients in force that speak for a rule, and what they expect of it."""
    return [
        (one, state)
        for one in sorted(newest(session, ItemKind.VIGNETTE), key=lambda one: one.key)
        if one.standing == IN_FORCE and one.names(key)
        for state, keys in one.content.get("expect", {}).items()
        if key in keys
    ]
