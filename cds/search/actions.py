"""Every kind of what happened: the action that events tell of it, and what was done, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from knowledge.errors import nearest, short

DONE: Mapping[str, str] = {
    "person.signed_in": "Signed in",
    "person.signed_out": "Signed out",
    "person.sign_in_refused": "A sign-in was refused",
    "person.added": "An account was made",
    "person.role_changed": "A role was changed",
    "person.password_set": "A new password was set for somebody",
    "person.password_changed": "Changed their own password",
    "person.password_renewed": "A password was hashed anew, with better parameters",
    "person.password_change_refused": "A change of password was refused",
    "person.disabled": "An account was disabled",
    "person.enabled": "An account was enabled again",
    "api_key.issued": "An API key was issued",
    "api_key.revoked": "An API key was revoked",
    "version.imported": "A version was imported",
    "version.drafted": "A draft was begun",
    "version.revised": "A draft was changed",
    "version.submitted": "A draft was submitted for review",
    "version.approved": "A version was approved",
    "version.returned": "A version was given back",
    "version.retired": "A version was retired",
    "version.released": "A version became part of a release",
    "release.imported": "A release was imported",
    "release.published": "A release was published",
    "release.approved": "A release was approved clinically",
    "release.activated": "A release was put in force",
    "proof.finding_accepted": "A finding of the solver was accepted",
    "proof.finding_reopened": "The acceptance of a finding was taken back",
    "decision.read": "A decision was read",
    "decision.replayed": "A decision was made again",
    "decision.asked_again": "A decision’s facts were asked of another release",
    "decision.proven": "The proof of a decision was taken",
    "decisions.sealed": "Decisions were sealed",
    "decisions.searched": "Decisions were looked for",
    "events.read": "Events were read by the API",
    "in-force.read": "What was in force was read by the API",
    "export.made": "A list was taken out",
    "export.begun": "A list began to be taken out",
    "export.finished": "A list was taken out to its end",
    "export.broken_off": "The taking of a list broke off",
    "incident.recorded": "An incident was recorded",
    "incident.listed": "Incidents were listed by the API",
    "incident.read": "An incident was read",
    "comparison.started": "A comparison was started",
    "comparison.cancelled": "A comparison was called off",
    "request.refused": "A request was refused",
    "content.exported": "The knowledge base was written to files",
    "content.imported": "Content files were taken in",
    "sheet.read": "A sheet was read by the API",
    "firing.read": "How often rules fire was read by the API",
    "alarm.raised": "An alarm was raised over how often a rule fires",
    "alarm.looked_into": "An alarm was looked into",
    "alarm.watched": "All rules were watched for alarms",
    "record.verified": "The whole record was verified",
    "database.upgraded": "The database was brought to a newer migration",
    "database.granted": "A database role was let do what the service does",
    "facts.removed": "Subjects and facts of old decisions were removed",
    "chain.anchored": "The head of the chain was anchored",
}


def wrong_beginning(beginning: str, happened: Iterable[str]) -> str | None:
    """What is wrong with the beginning of an action; None when one begins so that can happen, or that did."""
    known = {*DONE, *happened}
    if any(action.startswith(beginning) for action in known):
        return None
    near = nearest(beginning, {*known, *(f"{action.split('.')[0]}." for action in known)})
    meant = f" Did you mean “{near}”?" if near else ""
    return f"No action is called “{short(beginning)}” or begins so.{meant} docs/events.md lists them all."
