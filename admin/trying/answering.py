"""What answers when a patient is tried: the release in force, or what would be in force with a version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cds.answering import standing
from cds.changes.candidate import Candidate, candidate
from cds.changes.gate import companions
from cds.changes.trial import in_the_way
from cds.conjunctions import TooLarge
from cds.engine import EngineFault
from cds.pages.trying import Tried
from cds.releases import PreparedRelease
from cds.service import Service
from knowledge.errors import ContentError
from knowledge.items import ItemKind, KnowledgeBase, Rule, State
from knowledge.models import Version, VersionState
from knowledge.reasoning import findings, missing
from knowledge.wording import finding_in_words

MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers: the release in force, or what would be in force with `version` and the drafts `beside` it."""

    base: KnowledgeBase
    release: PreparedRelease | None
    """None when it cannot answer; then `problems` say why."""
    clinically_approved: bool = False
    version: Version | None = None
    beside: tuple[Version, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What the item of the version is called."""
        if self.version is None:
            return ""
        held = {
            ItemKind.RULE: self.base.rules,
            ItemKind.HAZARD: self.base.hazards,
            ItemKind.FACT: self.base.facts,
            ItemKind.SOURCE: self.base.sources,
            ItemKind.VIGNETTE: self.base.vignettes,
        }[self.version.kind]
        item = held.get(self.version.key)
        return str(getattr(item, "title", None) or getattr(item, "label", None) or self.version.key)


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of the one rule that is being tried, and why; `state` is None for a statement."""

    rule: Rule
    number: int
    state: State | None
    because: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    withheld: tuple[tuple[str, str], ...] = ()
    """The titles of the rules that withhold it, and their reasons."""
    shown: bool = True
    """Whether it is for the readers that the answer is for."""


@contextmanager
def answering(service: Service, session: Session, version: Version | None) -> Iterator[Answering]:
    """What answers, ready until the end. Raises Refused when nothing is in force and no version is named."""
    if version is None:
        in_force = standing(service, session)
        yield Answering(in_force.release.base, in_force.release, in_force.clinically_approved)
        return
    with ExitStack() as stack:
        yield _with(session, version, stack)


def _with(session: Session, version: Version, stack: ExitStack) -> Answering:
    """A draft that cannot answer by itself is tried together with the drafts that it belongs to."""
    beside: tuple[Version, ...] = ()
    try:
        proposed = candidate(session, [version])
        if in_the_way(proposed) and version.state is VersionState.DRAFT:
            beside = tuple(one for one in companions(session, version) if one.id != version.id)
            proposed = candidate(session, [version, *beside])
    except ContentError as error:
        said = (f"{problem.field}: {problem.detail}" for problem in error.problems)
        return _unable(candidate(session, []), version, said)
    if found := in_the_way(proposed):
        return _unable(proposed, version, (f"{one.kind} {one.key}, {one.field}: {one.detail}" for one in found))
    try:
        release = stack.enter_context(proposed.prepared())
    except (TooLarge, EngineFault) as refusal:
        return _unable(proposed, version, [f"The engine cannot hold it. {refusal}"])
    return Answering(proposed.base, release, version=version, beside=beside)


def _unable(proposed: Candidate, version: Version, problems: Iterable[str]) -> Answering:
    said = list(problems)
    further = [f"And {len(said) - MOST_PROBLEMS} more."] if len(said) > MOST_PROBLEMS else []
    return Answering(proposed.base, None, version=version, problems=(*said[:MOST_PROBLEMS], *further))


def tested(release: PreparedRelease, rule: Rule, tried: Tried) -> Tested:
    """What became of a rule for the patient."""
    number = release.versions[ItemKind.RULE, rule.key]
    if rule.condition is None:
        return Tested(rule, number, None)
    known, facts, states = tried.decided.resolved.known, release.base.facts, tried.decided.states
    parts = ("recommendations", "withheld", "undetermined", "not_met")
    return Tested(
        rule,
        number,
        states[rule.key],
        because=tuple(finding_in_words(one, facts) for one in findings(rule.condition, known)),
        lacking=tuple(facts[name].label for name in missing(rule.condition, known)),
        withheld=tuple(one.titled(release) for one in tried.decided.withheld.get(rule.key, ())),
        shown=any(one["rule"] == rule.key for part in parts for one in tried.answer[part]),
    )
