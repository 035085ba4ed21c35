"""What is to be said of an item while it is being written: at each place, in words, and by every test patient."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session
from wtforms import Form

from admin.shelf.documents import Neighbour, Played, as_played, name_of, withheld_rules_of, withholding
from admin.shelf.forms import filling
from cds.changes.candidate import Candidate, candidate, item_of, standing, underway
from cds.changes.proven import broken_claims, findings_about, sentence_of
from cds.changes.trial import Trial, tried, with_condition_of
from knowledge.canonical import NotCanonical, canonical
from knowledge.conditions import Condition
from knowledge.errors import ConditionError, ContentError, ContentProblem, KnowledgeError, PatientError
from knowledge.facts import Fact
from knowledge.items import ItemKind, Rule
from knowledge.language import parse
from knowledge.model.hazards import Hazard
from knowledge.models import VersionState
from knowledge.patients import read
from knowledge.references import Name, bound_together
from knowledge.schemas import Content, Item, content_of, item_from
from knowledge.wording import in_words


@dataclass(frozen=True)
class Checked:
    """What is said of an item as it is written now.

    `at` are the problems by the name of the form's field; `general` those that no field is to blame for. What
    follows from trying it is empty while it cannot be read. `withholds` are the rules that it withholds,
    `withheld_by` the hazards and rules that withhold it.
    """

    at: Mapping[str, list[str]]
    general: tuple[str, ...]
    in_words: str | None = None
    patients: tuple[Played, ...] = ()
    broken: tuple[Played, ...] = ()
    elsewhere: tuple[ContentProblem, ...] = ()
    same_condition: tuple[Neighbour, ...] = ()
    counted_with: tuple[Neighbour, ...] = ()
    to_look_at: tuple[str, ...] = ()
    """What the solver found about it over all patients, though it breaks nothing."""
    withholds: tuple[Neighbour, ...] = ()
    withheld_by: tuple[Neighbour, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What each field of the form is called, by its name."""
    trial: Trial | None = field(default=None, repr=False)

    @property
    def obstacles(self) -> int:
        """How many things keep it from being submitted, as far as they are known."""
        failing = sum(bool(one.failures) for one in self.patients) + len(self.broken)
        return sum(map(len, self.at.values())) + len(self.general) + failing + len(self.elsewhere)


def checked(session: Session, kind: ItemKind, content: Content, form: Form, reason: str) -> Checked:
    """Read and try an item as it is written, among what is in force, under way, and drafted together with it."""
    said = _checked(session, kind, content, form)
    if not reason:
        said = replace(said, at={**said.at, "reason": ["Say why this change is made."]})
    now = standing(session).items.get((kind, content["key"]))
    if now is not None and content_of(now) == content:
        said = replace(said, general=(*said.general, "It says the same as what is in force: nothing is changed yet."))
    return said


def _checked(session: Session, kind: ItemKind, content: Content, form: Form) -> Checked:
    underfoot = candidate(session, underway(session))
    facts = underfoot.base.facts
    try:
        item = _as_kept(kind, content)
    except ContentError as error:
        found = [one for one in error.problems if content["key"] or one.field != "key"]
        at, rest = filling.placed(form, [*found, *_unread(kind, content, form, facts)])
        words = _words(content.get("condition"), facts)
        return Checked(at, tuple(_sentences(rest)), words, labels=filling.labels(form))
    together = _drafted_with(session, kind, item, underfoot)
    before = underfoot
    for name, other in together.items():
        before = before.with_item(name[0], other)
    trial = tried(underfoot, before.with_item(kind, item))
    return _proven(_told(kind, item, form, trial, together), before, (kind, item.key))


def _proven(said: Checked, before: Candidate, name: Name) -> Checked:
    """With what the solver says: claims that the item breaks, and what there is to look at."""
    trial = said.trial
    if trial is None or trial.failures is None:
        return said
    try:
        broken = tuple(sentence_of(claim, trial.candidate) for claim in broken_claims(before, trial.candidate))
    except KnowledgeError as refusal:
        broken = (str(refusal),)
    found = tuple(one.sentence for one in findings_about(trial.candidate, name))
    return replace(said, general=(*said.general, *broken), to_look_at=found)


def _as_kept(kind: ItemKind, content: Content) -> Item:
    """The item that is read once this is kept, so that what was found out about it need not be found out again."""
    item = item_from(kind, content)
    with suppress(NotCanonical):
        return item_of(kind, canonical(content).decode())
    return item


def _told(kind: ItemKind, item: Item, form: Form, trial: Trial, together: Mapping[Name, Item]) -> Checked:
    base = trial.candidate.base
    at, rest = filling.placed(form, trial.of((kind, item.key)))
    mine = {one.key for one in trial.vignettes_of((kind, item.key))}
    failures = trial.failures
    others = [base.vignettes[key] for key in sorted(trial.broken - mine)]
    return Checked(
        at=at,
        general=tuple(_sentences(rest)) + ((trial.refusal,) if trial.refusal else ()),
        in_words=_words(item.condition, base.facts) if isinstance(item, Rule | Hazard) else None,
        patients=tuple(as_played(base.vignettes[key], kind, item.key, failures, base) for key in sorted(mine)),
        broken=tuple(as_played(one, kind, item.key, failures, base) for one in others),
        elsewhere=trial.elsewhere,
        same_condition=tuple(
            Neighbour(ItemKind.RULE, one.key, one.title) for one in with_condition_of(trial.candidate, item.key)
        )
        if isinstance(item, Rule)
        else (),
        counted_with=tuple(Neighbour(name[0], name[1], name_of(together[name])) for name in sorted(together)),
        withholds=tuple(withheld_rules_of(item, base)) if isinstance(item, Rule | Hazard) else (),
        withheld_by=tuple(withholding(item, base)) if isinstance(item, Rule) else (),
        labels=filling.labels(form),
        trial=trial,
    )


def _drafted_with(session: Session, kind: ItemKind, item: Item, underfoot: Candidate) -> dict[Name, Item]:
    """The open drafts of other items that this one names or is named by."""
    drafts: dict[Name, Item] = {(kind, item.key): item}
    for draft in underway(session, VersionState.DRAFT):
        name = (draft.kind, draft.key)
        if name in drafts:
            continue
        try:
            drafts[name] = item_of(draft.kind, draft.content)
        except ContentError:
            continue
    return {name: drafts[name] for name in bound_together((kind, item.key), drafts)}


def _unread(kind: ItemKind, content: Content, form: Form, facts: Mapping[str, Fact]) -> list[ContentProblem]:
    """What is wrong with a patient's facts that stayed text."""
    if kind is not ItemKind.VIGNETTE or not isinstance(text := content.get("facts"), str):
        return []
    try:
        read(text, facts)
    except PatientError as error:
        return [ContentProblem(kind, content["key"], "facts", str(problem)) for problem in error.problems]
    return []


def _words(condition: object, facts: Mapping[str, Fact]) -> str | None:
    try:
        tree = parse(condition, facts) if isinstance(condition, str) else condition
        return in_words(tree, facts) if isinstance(tree, Condition) else None
    except (ConditionError, KeyError):
        return None


def _sentences(problems: list[ContentProblem]) -> list[str]:
    return [problem.detail for problem in problems]
