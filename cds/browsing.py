"""What is in force and what was recorded, as the API shows it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cds.deciding import states_from
from cds.decisions.compiled_hazards import CompiledHazard
from cds.models import Decision
from cds.record.emptied import facts_removed
from cds.releases import PreparedRelease
from cds.serving import Serving
from cds.writing import citation, condition_text, instant
from knowledge.differences import Difference
from knowledge.fields import FactsByKey
from knowledge.histories import Past, differing, history, remarks_of
from knowledge.items import ItemKind, Rule
from knowledge.model.actions import covers
from knowledge.model.hazards import Hazard
from knowledge.model.overrides import withheld_by
from knowledge.models import Activation, Release, User, VersionState
from knowledge.schemas import content_of, override_content


def release_name(release: PreparedRelease | Release) -> dict[str, Any]:
    return {"number": release.number, "digest": release.digest}


def facts_shown(release: PreparedRelease) -> dict[str, Any]:
    """The fact dictionary of a release."""
    return {
        "release": release_name(release),
        "facts": [content_of(fact) for fact in release.base.facts.values()],
    }


def rules_shown(release: PreparedRelease, query: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of a release, statements included, narrowed by topic, kind, mode or actor."""
    return {
        "release": release_name(release),
        "rules": [rule_shown(release, rule) for rule in release.base.rules.values() if _fits(rule, query)],
    }


def rule_shown(release: PreparedRelease, rule: Rule) -> dict[str, Any]:
    """A rule as a person would read it: its condition in words, its citations in full, what it overrides."""
    base = release.base
    return {
        "rule": rule.key,
        "version": release.versions[ItemKind.RULE, rule.key],
        "title": rule.title,
        "text": rule.text,
        **({"patient_text": rule.patient_text} if rule.patient_text else {}),
        "kind": rule.kind,
        "mode": rule.mode,
        "topic": rule.topic,
        "actors": list(rule.actors),
        "urgency": rule.urgency,
        "actions": list(rule.actions),
        "patient_may_see": rule.patient_may_see,
        "condition": condition_text(rule.condition, base) if rule.condition else None,
        "citations": [citation(base, one.source, one.locator, one.strength) for one in rule.citations],
        "overrides": [override_content(one) for one in rule.overrides],
        "withheld_by": [{kind: key, "reason": reason} for kind, key, reason in withheld_by(rule, base)],
        "notes": list(rule.notes),
        "review_by": rule.review_by.isoformat(),
    }


def hazards_shown(release: PreparedRelease, query: Mapping[str, Any]) -> dict[str, Any]:
    """The hazards of a release, the most urgent first, narrowed by topic, severity, urgency or a forbidden action."""
    return {
        "release": release_name(release),
        "hazards": [hazard_shown(release, one) for one in release.hazards.values() if _is_asked_for(one.hazard, query)],
    }


def hazard_shown(release: PreparedRelease, entry: CompiledHazard) -> dict[str, Any]:
    """A hazard as a person would read it: its condition in words, its citations in full, which rules it withholds."""
    base, hazard = release.base, entry.hazard
    return {
        "hazard": hazard.key,
        "version": entry.version,
        "title": hazard.title,
        "text": hazard.text,
        **({"patient_text": hazard.patient_text} if hazard.patient_text else {}),
        "topic": hazard.topic,
        "urgency": hazard.urgency,
        "severity": hazard.severity,
        "condition": condition_text(hazard.condition, base),
        "forbids": list(hazard.forbids),
        "reason": hazard.reason,
        "withholds": list(entry.forbidden),
        "answered_by": list(hazard.answered_by),
        "residual_risk": hazard.residual_risk,
        "citations": [citation(base, one.source, one.locator, one.strength) for one in hazard.citations],
        "notes": list(hazard.notes),
        "review_by": hazard.review_by.isoformat(),
    }


def versions_shown(session: Session, key: str, facts: FactsByKey) -> dict[str, Any] | None:
    """Every version of a rule that has left draft, newest first; None when there is none.

    `facts` say in words what differs.
    """
    line = [one for one in history(session, ItemKind.RULE, key) if one.version.state is not VersionState.DRAFT]
    if not line:
        return None
    pairs = zip(line, differing(line, facts), strict=True)
    return {"rule": key, "versions": [_version_shown(past, found) for past, found in pairs]}


def releases_shown(session: Session) -> dict[str, Any]:
    """All releases, newest first."""
    releases = session.scalars(select(Release).order_by(Release.number.desc())).all()
    in_force = _in_force(session)
    return {"releases": [release_shown(session, release, in_force) for release in releases]}


def release_in_full(session: Session, number: int) -> dict[str, Any] | None:
    """One release with every version in it; None when there is none of that number."""
    release = session.scalars(select(Release).where(Release.number == number)).one_or_none()
    if release is None:
        return None
    return {
        **release_shown(session, release, _in_force(session)),
        "versions": [
            {"kind": one.kind, "key": one.key, "version": one.number, "digest": one.digest} for one in release.versions
        ],
    }


def release_shown(session: Session, release: Release, in_force: int | None) -> dict[str, Any]:
    activations = session.scalars(
        select(Activation).where(Activation.release_id == release.id).order_by(Activation.id)
    ).all()
    return {
        **release_name(release),
        "created_at": instant(release.created_at),
        "created_by": _name(release.created_by),
        "reason": release.reason,
        "origin": release.origin,
        "clinically_approved": release.clinically_approved,
        "in_force": release.id == in_force,
        "activations": [
            {"since": instant(one.since), "by": _name(one.by), "reason": one.reason} for one in activations
        ],
    }


def decision_shown(session: Session, serving: Serving, decision: Decision) -> dict[str, Any]:
    """A decision as it was recorded, the state of every rule spelled out; without the facts that were removed."""
    release = serving.of(session, decision.release_id)
    removed = facts_removed(session, decision)
    return {
        "decision_id": decision.id,
        "release": release_name(release),
        "evaluated_at": instant(decision.evaluated_at),
        "recorded_at": instant(decision.recorded_at),
        "subject": decision.subject,
        "actors": json.loads(decision.actors or "[]"),
        "facts_posted": None if removed else json.loads(decision.facts_posted),
        "facts_known": None if removed else json.loads(decision.facts_known)["known"],
        "states": states_from(release, decision.states),
        "response_digest": None if removed else decision.response_digest,
        "facts_removed": {"at": instant(removed.at), "reason": removed.reason} if removed else None,
    }


def _version_shown(past: Past, found: Iterable[Difference]) -> dict[str, Any]:
    version = past.version
    return {
        "version": version.number,
        "state": version.state,
        "digest": version.digest,
        "reason": version.reason,
        "created_at": instant(version.created_at),
        "created_by": _name(version.created_by),
        "submitted_at": instant(version.submitted_at) if version.submitted_at else None,
        "submitted_by": _name(version.submitted_by),
        "approved_at": instant(version.approved_at) if version.approved_at else None,
        "approved_by": _name(version.approved_by),
        "remarks": [
            {"step": one.step, "by": one.event.actor, "at": instant(one.event.at), "said": one.said}
            for one in remarks_of(past)
        ],
        "releases": list(past.releases),
        "content": json.loads(version.content),
        "differences": [
            {"field": one.field, "name": one.name, "change": one.change, "before": one.before, "after": one.after}
            for one in found
        ],
    }


def _fits(rule: Rule, query: Mapping[str, Any]) -> bool:
    wanted = {"topic": rule.topic, "kind": rule.kind, "mode": rule.mode}
    if any(query.get(name) not in (None, value) for name, value in wanted.items()):
        return False
    return query.get("actor") in (None, *rule.actors)


def _is_asked_for(hazard: Hazard, query: Mapping[str, Any]) -> bool:
    wanted = {"topic": hazard.topic, "severity": hazard.severity, "urgency": hazard.urgency}
    if any(query.get(name) not in (None, value) for name, value in wanted.items()):
        return False
    action = query.get("forbids")
    return action is None or any(covers(wide, action) for wide in hazard.forbids)


def _in_force(session: Session) -> int | None:
    return session.scalars(select(Activation.release_id).order_by(Activation.id.desc()).limit(1)).one_or_none()


def _name(user: User | None) -> str | None:
    return user.name if user else None
