"""The gate before review and before publishing: the ticks that all have to be there, and what to do for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from cds.changes.candidate import Candidate, candidate, item_of, standing, underway
from cds.changes.proven import broken_claims, sentence_of
from cds.changes.trial import Trial, tried
from cds.rehearsing import Failure
from knowledge.errors import ContentError, ContentProblem, KnowledgeError
from knowledge.items import ItemKind, Rule, Source
from knowledge.models import Release, Version, VersionState
from knowledge.references import Name, bound_together
from knowledge.schemas import Item

MOST_SHOWN = 20
"""How many obstacles one tick names."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a tick from being there, in a sentence that says what to do; of which item, where it is of one."""

    sentence: str
    about: Name | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """One thing that is asked; it is there when nothing stands in its way."""

    asked: str
    obstacles: tuple[Obstacle, ...] = ()
    further: int = 0
    """How many obstacles more there are than are named."""

    @property
    def passed(self) -> bool:
        return not self.obstacles


class GateShut(KnowledgeError):
    """A step that the gate refuses; `ticks` say why, and what to do."""

    def __init__(self, ticks: Iterable[Tick]) -> None:
        self.ticks = tuple(ticks)
        missing = [one for tick in self.ticks for one in tick.obstacles]
        super().__init__(" ".join(one.sentence for one in missing[:3]))


def before_review(session: Session, versions: Iterable[Version], today: date) -> list[Tick]:
    """What is asked before drafts are submitted together."""
    versions = list(versions)
    unreadable = [obstacle for version in versions for obstacle in _unreadable(version)]
    if unreadable:
        return [_tick("Every field is filled in and can be read", unreadable)]
    underfoot = candidate(session, underway(session))
    trial = tried(underfoot, _with(underfoot, versions))
    return [
        _tick("Every field is filled in and can be read", ()),
        _tick("It says why the change is made", _without_reason(versions)),
        _tick("It changes something", _unchanged(session, versions)),
        _tick("Its next review lies ahead", _stale(versions, today)),
        *_ticks(trial),
        _proven(underfoot, trial),
    ]


def before_publishing(proposed: Candidate, fresh: Iterable[Version], twin: Release | None) -> list[Tick]:
    """What is asked before a release is published: of all of it, not only of what is new in it.

    `twin` is the release that holds the very same versions, when there is one.
    """
    nothing = Candidate({}, {})
    trial = tried(nothing, proposed)
    return [
        _tick("Something is in it that is not in force", () if proposed.changed else (_NOTHING_NEW,)),
        _tick(
            "No other release holds the very same", [_same_as(twin)] if twin is not None and proposed.changed else ()
        ),
        _tick("Everything new in it was approved", _unapproved(fresh)),
        *_ticks(trial, whole=True),
        _proven(nothing, trial),
    ]


def companions(session: Session, version: Version) -> list[Version]:
    """The other open drafts that belong to a draft: what it names or is named by, directly or over others of them."""
    drafts = {(one.kind, one.key): one for one in underway(session, VersionState.DRAFT)}
    items: dict[Name, Item] = {}
    for name, draft in drafts.items():
        try:
            items[name] = item_of(draft.kind, draft.content)
        except ContentError:
            continue
    first = (version.kind, version.key)
    return [drafts[name] for name in sorted(bound_together(first, items))] if first in items else []


_NOTHING_NEW = Obstacle("Nothing would differ from the release in force: have a version approved first.")


def _same_as(twin: Release) -> Obstacle:
    return Obstacle(f"{twin.label} holds these very versions: put that one in force.")


def _ticks(trial: Trial, *, whole: bool = False) -> Iterable[Tick]:
    """What trying it showed, sorted into what is asked."""
    problems = [*trial.own, *trial.elsewhere]

    def of(*fields: str) -> list[ContentProblem]:
        kinds = (ItemKind.RULE, ItemKind.HAZARD)
        return [one for one in problems if one.kind in kinds and one.field.split(".")[0] in fields]

    cited = [
        *of("citations"),
        *(one for one in problems if one.field.endswith(".source") and one.kind == ItemKind.FACT),
    ]
    circles = of("overrides")
    unproven = of("vignettes")
    sorted_out = {id(one) for one in (*cited, *circles, *unproven)}
    others = [one for one in (problems if whole else trial.own) if id(one) not in sorted_out]
    broken = [one for one in trial.elsewhere if id(one) not in sorted_out]
    yield _tick("Every rule and hazard cites a source that is known", map(_obstacle, cited))
    yield _tick("No rules override one another in a circle", map(_obstacle, circles))
    yield _tick("Facts, codes and texts fit together", map(_obstacle, others))
    if not whole:
        yield _tick("Nothing else breaks by it", map(_obstacle, broken))
    yield _tick(
        "Test patients show each rule recommended, not met and lacking a fact, each hazard present, absent and unknown",
        map(_obstacle, unproven),
    )
    yield _tick("Every test patient is advised as expected", _failing(trial))
    yield _tick("The engine can hold it, and agrees with the plain reading", _not_held(trial))


def _proven(before: Candidate, trial: Trial) -> Tick:
    """What the solver proves over all patients and did not find broken before."""
    asked = "No patient is advised into a known danger: proven over all patients"
    if trial.failures is None:
        return _tick(asked, [Obstacle("It could not be proven: mend what is named above first.")])
    try:
        broken = broken_claims(before, trial.candidate)
    except KnowledgeError as refusal:
        return _tick(asked, [Obstacle(str(refusal))])
    return _tick(asked, [Obstacle(sentence_of(claim, trial.candidate), claim.items[0]) for claim in broken])


def _not_held(trial: Trial) -> Iterable[Obstacle]:
    if trial.refusal:
        yield Obstacle(trial.refusal)
    elif trial.failures is None:
        yield Obstacle("It could not be tried: mend what is named above first.")


def _failing(trial: Trial) -> Iterable[Obstacle]:
    if trial.failures is None:
        yield Obstacle("The test patients could not be tried: mend what is named above first.")
        return
    for key, failures in trial.failures.items():
        vignette = trial.candidate.base.vignettes[key]
        detail = "; ".join(f"{_titled(trial, one)}: {one.detail}" for one in failures[:3])
        more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
        sentence = f"“{vignette.title}” fails: {detail}{more}. Change the rule, or what this patient expects."
        yield Obstacle(sentence, (ItemKind.VIGNETTE, key))


def _titled(trial: Trial, failure: Failure) -> str:
    """What a failure is about, by its title."""
    if failure.key is None:
        return "the patient"
    base = trial.candidate.base
    known = (base.hazards if failure.kind is ItemKind.HAZARD else base.rules).get(failure.key)
    return f"“{known.title}”" if known else failure.key


def _with(before: Candidate, versions: Iterable[Version]) -> Candidate:
    for version in versions:
        before = before.with_item(version.kind, item_of(version.kind, version.content), version.number)
    return before


def _unreadable(version: Version) -> Iterable[Obstacle]:
    try:
        item_of(version.kind, version.content)
    except ContentError as error:
        for problem in error.problems:
            yield _obstacle(problem)


def _without_reason(versions: Iterable[Version]) -> Iterable[Obstacle]:
    for version in versions:
        if not version.reason:
            name = (version.kind, version.key)
            yield Obstacle(f"Say in {version.label} why the change is made; the reason stays on record.", name)


def _unchanged(session: Session, versions: Iterable[Version]) -> Iterable[Obstacle]:
    now = standing(session).items
    for version in versions:
        name = (version.kind, version.key)
        if now.get(name) == item_of(version.kind, version.content):
            yield Obstacle(f"{version.label} says the same as what is in force: change it, or give it up.", name)


def _stale(versions: Iterable[Version], today: date) -> Iterable[Obstacle]:
    for version in versions:
        item = item_of(version.kind, version.content)
        review_by = item.review_by if isinstance(item, Rule | Source) else None
        if review_by is not None and review_by <= today:
            name = (version.kind, version.key)
            yield Obstacle(
                f"{version.label} is to be reviewed by {review_by}, which has passed: set a later day.", name
            )


def _unapproved(fresh: Iterable[Version]) -> Iterable[Obstacle]:
    for version in fresh:
        if version.state not in (VersionState.APPROVED, VersionState.RELEASED):
            sentence = f"{version.label} is not approved ({version.state}): leave it out, or have it approved."
            yield Obstacle(sentence, (version.kind, version.key))


def _obstacle(problem: ContentProblem) -> Obstacle:
    where = " ".join(str(int(part) + 1) if part.isdecimal() else part for part in problem.field.split("."))
    where = where.replace("_", " ")
    return Obstacle(f"{problem.kind} {problem.key}, {where}: {problem.detail}", (ItemKind(problem.kind), problem.key))


def _tick(asked: str, obstacles: Iterable[Obstacle]) -> Tick:
    found = tuple(obstacles)
    return Tick(asked, found[:MOST_SHOWN], max(0, len(found) - MOST_SHOWN))


def shut(ticks: Iterable[Tick]) -> bool:
    """Whether the gate refuses."""
    return any(not tick.passed for tick in ticks)
