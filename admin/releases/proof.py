"""What the solver proves of a release over all patients, what it found, and what people accepted of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user

from admin.entry.access import APPROVERS, DeskView, only, signed_in
from admin.entry.refusing import told_if_not_allowed
from admin.releases.at_work import at_work
from admin.releases.proposing import release_of
from cds.api import session
from cds.authoring import finding_log
from cds.authoring.finding_log import Acceptance
from cds.authoring.release_proof import candidate_of, proof_of
from cds.changes.candidate import Candidate
from cds.changes.gated import Choice, proposal
from cds.service import service_of
from knowledge import patients
from knowledge.errors import KnowledgeError
from knowledge.items import KnowledgeBase
from knowledge.models import Release
from knowledge.references import Name
from knowledge.releasing import in_force

if TYPE_CHECKING:
    from cds.authoring.proof.results import Finding, Patient, Proof


@dataclass(frozen=True, slots=True)
class Subject:
    """What is proven: a stored release, or the next one as it would be published now."""

    release: Release | None
    candidate: Candidate

    @property
    def title(self) -> str:
        return f"Release {self.release.number}" if self.release else "The next release"


@dataclass(frozen=True, slots=True)
class Unsaid:
    """An acceptance that was not taken, as it was typed, and why not."""

    identity: str
    reason: str
    problem: str


class ReleaseProof(DeskView):
    """Claims over all patients and findings, each with a patient to try."""

    def __init__(self) -> None:
        super().__init__(name="Proof", category="Safety", endpoint="desk_proof", url="/desk/proof")

    @expose("/")
    def index(self) -> str:
        subject = _subject()
        if not request.args.get("wait") and not proof_of.has(subject.candidate):
            return at_work(self, f"Proof of {subject.title.lower()}", url_for(".index", wait=1, **_address()))
        return self._shown(subject)

    @expose("/accept", methods=("POST",))
    @only(APPROVERS)
    def accept(self) -> ResponseReturnValue:
        """Accept a finding, or take an acceptance back."""
        subject = _subject()
        identity, reason = request.form.get("finding", ""), request.form.get("reason", "")
        finding = next((one for one in proof_of(subject.candidate).findings if one.identity == identity), None)
        if finding is None:
            abort(404, "There is no such finding any more: what it was about has changed.")
        at, by = service_of().now(), signed_in()
        try:
            if "reopen" in request.form:
                finding_log.reopen(session(), identity, by=by, at=at, reason=reason)
            else:
                about = _versions(subject, finding)
                finding_log.accept(session(), identity, finding.sentence, about, by=by, at=at, reason=reason)
        except KnowledgeError as error:
            session().rollback()
            told_if_not_allowed(error)
            return self._shown(subject, Unsaid(identity, reason, str(error))), 422
        session().commit()
        flash("It is on record, and stands beside the finding for everyone.")
        return redirect(url_for(".index", **_address()), 303)

    def _shown(self, subject: Subject, unsaid: Unsaid | None = None) -> str:
        try:
            proof = proof_of(subject.candidate)
        except KnowledgeError as refusal:
            return self.render("desk/proof.html", subject=subject, proof=None, refusal=str(refusal))
        log = finding_log.acceptances(session())
        return self.render(
            "desk/proof.html",
            subject=subject,
            proof=proof,
            refusal=None,
            groups=_grouped(proof, log),
            accepted=[(one, log[one.identity]) for one in proof.findings if one.identity in log],
            as_text=lambda patient: _as_text(patient, subject.candidate.base),
            titled=lambda name: _title(name, subject.candidate.base),
            accepts=current_user.role in APPROVERS,
            unsaid=unsaid,
            longest=finding_log.LONGEST_REASON,
            address=_address(),
        )


def _subject() -> Subject:
    """What the address asks for: the next release, one by its number, or the active one."""
    if request.values.get("next"):
        return Subject(None, proposal(session(), Choice()).candidate)
    number = request.values.get("release", "")
    if number:
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            abort(404, "There is no such release.")
        release = release_of(int(number))
    else:
        active = in_force(session())
        if active is None:
            abort(404, "No release is active yet, so there is nothing to prove.")
        release = active
    return Subject(release, candidate_of(session(), release))


def _address() -> dict[str, Any]:
    return {name: request.values[name] for name in ("release", "next") if request.values.get(name)}


def _versions(subject: Subject, finding: Finding) -> list[Any]:
    release = subject.release or in_force(session())
    held = [one.id for one in release.versions] if release is not None else []
    held += [one.id for one in proposal(session(), Choice()).fresh] if subject.release is None else []
    return finding_log.versions_about(session(), held, finding.items)


def _grouped(proof: Proof, log: Mapping[str, Acceptance]) -> list[tuple[str, list[Finding]]]:
    """The findings that nobody accepted, by what they are, in the order of the codes."""
    groups: dict[str, list[Finding]] = {}
    for finding in proof.findings:
        if finding.identity not in log:
            groups.setdefault(finding.code, []).append(finding)
    return list(groups.items())


def _as_text(patient: Patient, base: KnowledgeBase) -> str:
    """A patient as the form of Try it takes one."""
    return patients.write(patient.facts, base.facts)


def _title(name: Name, base: KnowledgeBase) -> str:
    kind, key = name
    held = {"rule": base.rules, "hazard": base.hazards, "fact": base.facts}.get(kind.value, {})
    item = held.get(key)
    return str(getattr(item, "title", None) or getattr(item, "label", None) or key)
