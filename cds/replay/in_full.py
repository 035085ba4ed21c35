"""A decision as the API shows it to an auditor: what is recorded, made again, and who stands behind each rule."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.orm import Session

from cds.changes.comparing import Change, Side
from cds.models import ApiKey, Decision
from cds.record.emptied import facts_removed
from cds.record.recording import SOFTWARE
from cds.replay import keeping
from cds.replay.accounts import HazardAccount, RuleAccount, accounts_of, hazards_of, recorded_states
from cds.replay.as_of import Asked
from cds.replay.replaying import Replay, replay, said_of
from cds.service import Service
from cds.writing import instant
from knowledge.holdings import Part
from knowledge.models import Release


def read_in_full(session: Session, service: Service, decision: Decision, *, actor: str) -> dict[str, Any]:
    """Everything of a decision; that it was read and made again is put on record. Does not commit."""
    made = replay(session, service.serving, decision)
    rules = [rule_shown(one) for one in accounts_of(session, made)]
    hazards = [hazard_account_shown(one) for one in hazards_of(session, made)]
    # Not earlier: from here to the commit, others who write to the chain wait.
    details = {"what": "the decision", "by": "the API"}
    incident = keeping.on_record(session, service, made, actor=actor, details=details)
    release = session.get_one(Release, decision.release_id)
    known, actors = read_or_none(decision.facts_known), read_or_none(decision.actors or "[]")
    known = known if isinstance(known, dict) else {}
    states = recorded_states(made.release, decision) if made.release else {}
    key = session.get(ApiKey, decision.api_key_id) if decision.api_key_id is not None else None
    removed = facts_removed(session, decision)
    return {
        "decision_id": decision.id,
        "release": {"number": release.number, "digest": release.digest},
        "evaluated_at": instant(decision.evaluated_at),
        "recorded_at": instant(decision.recorded_at),
        "subject": decision.subject,
        "actors": actors if isinstance(actors, list) else [],
        "facts_posted": read_or_none(decision.facts_posted),
        "facts_known": known.get("known"),
        "states": dict(states),
        "response_digest": decision.response_digest or None,
        "sequence": decision.sequence,
        "digest": decision.digest,
        "origin": decision.origin,
        "asked_by": key.named if key else None,
        "facts_derived": known.get("derived"),
        "facts_removed": (
            {"event": removed.event, "at": instant(removed.at), "by": removed.by, "reason": removed.reason}
            if removed
            else None
        ),
        "replay": replay_shown(made, incident),
        "response": json.loads(made.answer.response) if made.answer else None,
        "hazards": hazards,
        "rules": rules,
    }


def replay_shown(made: Replay, incident: int | None) -> dict[str, Any]:
    """What came of making a decision again."""
    return {
        "outcome": made.outcome,
        "detail": said_of(made),
        "recorded_digest": made.decision.response_digest or None,
        "response_digest": made.digest,
        "same_states": made.same_states if made.answer else None,
        "clinically_approved": made.clinically_approved,
        "software": {"recorded": made.decision.software, "now": SOFTWARE},
        "incident": incident,
    }


def asked_shown(asked: Asked) -> dict[str, Any]:
    """What another release says to the facts of a decision."""
    wanted = asked.wanted
    return {
        "release": {"number": wanted.release.number, "digest": wanted.release.digest},
        "outcome": asked.outcome,
        "problem": asked.problem or asked.not_compared,
        "clinically_approved": wanted.clinically_approved,
        "left_out": [{"fact": fact, "detail": detail} for fact, detail in asked.left_out],
        "response": json.loads(asked.answer.response) if asked.answer else None,
        "differences": [change_shown(one) for one in asked.changes],
    }


def change_shown(change: Change) -> dict[str, Any]:
    """What is different in one rule, and why."""
    return {
        "rule": change.rule,
        "title": change.title,
        "effect": change.effect,
        "parts": list(change.parts),
        "recorded": _side_shown(change.before),
        "asked": _side_shown(change.after),
    }


def rule_shown(account: RuleAccount) -> dict[str, Any]:
    """One rule of a decision, and who stands behind the version that it was."""
    return {
        **part_shown(account.part),
        "state": account.state,
        "because": list(account.because),
        "missing": [name for name, _ in account.missing],
        "withheld_by": [{"by": {kind: key}, "reason": reason} for kind, key, _, reason in account.withheld_by],
        "condition": account.condition,
        "citations": account.citations,
    }


def hazard_account_shown(account: HazardAccount) -> dict[str, Any]:
    """One hazard of a decision that was made again, and who stands behind the version that it was."""
    return {
        **part_shown(account.part),
        "state": account.state,
        "because": list(account.because),
        "missing": [name for name, _ in account.missing],
        "forbids": list(account.hazard.forbids),
        "withheld": [rule for rule, _ in account.withheld],
    }


def part_shown(part: Part) -> dict[str, Any]:
    """A version and who stands behind it."""
    return {
        "key": part.key,
        "version": part.number,
        "title": part.title,
        "digest": part.digest,
        "reason": part.reason,
        "created_by": part.created_by,
        "created_at": instant(part.created_at),
        "submitted_by": part.submitted_by,
        "submitted_at": instant(part.submitted_at) if part.submitted_at else None,
        "approved_by": part.approved_by,
        "approved_at": instant(part.approved_at) if part.approved_at else None,
        "comment": part.comment,
        "releases": list(part.releases),
    }


def read_or_none(text: str) -> Any:
    """Stored JSON, or None where there is none any more."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _side_shown(side: Side) -> dict[str, Any]:
    return {
        "state": side.state,
        "findings": list(side.findings),
        "lacks": list(side.lacks),
        "withheld_by": [{"title": title, "reason": reason} for title, reason in side.withheld_by],
        "outside": side.outside,
    }
