"""Prepare, fire, check, explain, order; and the same again, to the byte, for an auditor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds import noticing
from cds.decisions.intake.resolver import ResolvedFacts
from cds.decisions.notices import Notice, urgent_first
from cds.decisions.withholding import Outcomes, Withholding, outcomes
from cds.overdue import Overdue
from cds.releases import PreparedRelease, only_patients
from cds.telling import Told, Trigger
from cds.writing import compact, instant, plain
from knowledge.items import Actor, HazardState, State, Urgency
from knowledge.model.intervals import Interval
from knowledge.model.worse import Known
from knowledge.model.zones import UTC_NAME, zone_named

# Looked up some thousand times for each answer, and an enum's members are slow to reach.
_RECOMMENDED, _WITHHELD, _UNDETERMINED, _NOT_MET = State
_PRESENT, _UNCERTAIN = HazardState.PRESENT, HazardState.UNDETERMINED
_TRIGGERS = len(Trigger)

_REASON_FOR_PATIENTS = "Your care team looks at something else first. Ask them about it."


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: raw facts at a moment, for whom, under which name the answer is kept."""

    decision_id: str
    evaluated_at: datetime
    facts: Mapping[str, Any]
    actors: tuple[Actor, ...] = ()
    subject: str | None = None
    with_not_met: bool = False
    zone: str = UTC_NAME
    """The zone in which days are counted: an offset such as +09:00, or a name such as Asia/Tokyo."""
    set_aside: bool = False
    """Whether unusable facts are set aside instead of refused."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said: the response to the byte, the state of every rule and hazard, and what it rests on."""

    question: Question
    resolved: ResolvedFacts
    states: Mapping[str, State]
    hazards: Mapping[str, HazardState]
    withheld: Mapping[str, list[Withholding]]
    response: bytes


class Disagreement(Exception):
    """Engine and plain reading differ: no answer may leave. Holds all that is needed to see it again."""

    def __init__(self, question: Question, resolved: ResolvedFacts, fired: Iterable[str], read: Iterable[str]) -> None:
        super().__init__("The engine and the plain reading of the rules disagree.")
        self.question = question
        self.resolved = resolved
        self.fired = sorted(fired)
        self.read = sorted(read)


def decide(release: PreparedRelease, question: Question, *, clinically_approved: bool) -> Answer:
    """The answer of a release to a question.

    Raises UnusableRequest when the facts cannot be read, Disagreement when the engine's firing is not what the
    plain reading says.
    """
    resolved = release.resolver.resolve(
        question.facts, question.evaluated_at, zone=zone_named(question.zone), set_aside=question.set_aside
    )
    outside, population_notices = noticing.of_population(release, resolved.known)
    told: Mapping[str, Told] = {}
    readings: Mapping[str, bool | None] = dict.fromkeys(release.conditions, False)
    if not outside:
        told = release.telling.of(resolved)
        readings = {name: said.reading for name, said in told.items()}
        _hold_against(release, question, resolved, readings)
    came = outcomes(release, readings)
    overdue = release.review_dates.overdue(question.evaluated_at)
    notices = [
        *urgent_first(resolved.notices, release.urgent_facts),
        *noticing.of_approval(release, clinically_approved),
        *population_notices,
        *noticing.of_what_may_be_withheld(release, question.actors, came, told),
        *noticing.of_reviews(release, question.actors, came, told, overdue),
    ]
    response = _response(release, question, told, came, overdue, notices)
    return Answer(question, resolved, came.rules, came.hazards, came.withheld, response)


def letters(release: PreparedRelease, states: Mapping[str, State]) -> str:
    """The states of all rules by their first letters, in the release's order: r, w, u or n."""
    return "".join([states[key][0] for key in release.order])


def states_from(release: PreparedRelease, recorded: str) -> dict[str, State]:
    """The states that letters() wrote."""
    named = {state[0]: state for state in State}
    return {key: named[letter] for key, letter in zip(release.order, recorded, strict=True)}


def known_as_json(known: Mapping[str, Known]) -> dict[str, Any]:
    """What is known, as JSON values: dates and limits as text, lists of codes in order."""
    return {name: value.text if isinstance(value, Interval) else plain(value) for name, value in known.items()}


def _hold_against(
    release: PreparedRelease, question: Question, resolved: ResolvedFacts, readings: Mapping[str, bool | None]
) -> None:
    """Fire the engine, and refuse the answer when what fired is not what the reference evaluator says is met.

    Of a patient of whom limits leave several variants, that is met which fires for each of them.
    """
    fired = frozenset.intersection(*(release.engine.fire(variant) for variant in resolved.variants))
    read = {name for name, met in readings.items() if met}
    if fired != read:
        raise Disagreement(question, resolved, fired, read)


def _response(
    release: PreparedRelease,
    question: Question,
    told: Mapping[str, Told],
    came: Outcomes,
    overdue: Overdue,
    notices: Iterable[Notice],
) -> bytes:
    """The response as JSON text in UTF-8, joined from the release's prepared texts."""
    for_patients = only_patients(question.actors)
    # Pieces are joined only once, at the end: copying is what would take the time. Each part begins with its comma.
    ranked: list[list[bytes]] = [[] for _ in range(len(Urgency) * _TRIGGERS)]
    held: list[bytes] = []
    undetermined: list[bytes] = []
    not_met: list[bytes] = []
    wanted: dict[str, int] = {}
    late = overdue.rules
    states = came.rules
    for entry in release.asked_for(question.actors):
        state, texts = states[entry.key], entry.texts
        if state is _RECOMMENDED:
            said = told[entry.condition]
            opening = texts.overdue if entry.key in late else texts.opening
            ranked[entry.urgency * _TRIGGERS + said.trigger] += (b",", opening, said.because, texts.closing)
        elif state is _UNDETERMINED:
            said = told[entry.condition]
            for name in said.missing:
                wanted[name] = wanted.get(name, 0) + 1
            undetermined += (b",", texts.undetermined, said.lacks, b"}")
        elif state is _WITHHELD:
            for by in came.withheld[entry.key]:
                shown = _REASON_FOR_PATIENTS if for_patients else by.reason
                held += (b",", texts.withheld, compact({"withheld_by": {by.kind: by.key}, "reason": shown})[1:])
        else:
            not_met += (b",", texts.not_met)
    head = {
        "decision_id": question.decision_id,
        "release": {"number": release.number, "digest": release.digest},
        "evaluated_at": instant(question.evaluated_at),
        "notices": [_notice(notice) for notice in notices],
    }
    present, uncertain = _hazards(release, told, came, for_patients=for_patients)
    pieces = [
        compact(head)[:-1],
        *_listed(b"hazards", present),
        *_listed(b"recommendations", [piece for section in ranked for piece in section]),
        *_listed(b"withheld", held),
        *_listed(b"undetermined", undetermined),
        *_listed(b"undetermined_hazards", uncertain),
        *_listed(b"missing_facts", _missing_facts(release, wanted)),
        b',"ignored_facts":',
        compact(_ignored(release, question, notices)),
        *(_listed(b"not_met", not_met) if question.with_not_met else ()),
        b"}",
    ]
    return b"".join(pieces)


def _ignored(release: PreparedRelease, question: Question, notices: Iterable[Notice]) -> list[str]:
    """The posted facts that changed nothing: nothing of the release turns on them, and no notice speaks of them."""
    unread = [name for name, raw in question.facts.items() if raw is not None and name not in release.read_facts]
    if not unread:
        return []
    spoken_of = {name for notice in notices for name in notice.facts}
    return sorted(name for name in unread if name in release.base.facts and name not in spoken_of)


def _hazards(
    release: PreparedRelease, told: Mapping[str, Told], came: Outcomes, *, for_patients: bool
) -> tuple[list[bytes], list[bytes]]:
    """The hazards that are present, and those of which it is not known, as JSON that begins with a comma.

    A patient is told in plain words of those that are present alone.
    """
    present: list[bytes] = []
    uncertain: list[bytes] = []
    for key, state in came.hazards.items():
        entry = release.hazards[key]
        if state is _PRESENT and for_patients:
            present += (b",", entry.for_patients)
        elif state is _PRESENT:
            present += (b",", entry.opening, told[entry.condition].because, entry.closing)
        elif state is _UNCERTAIN and not for_patients:
            uncertain += (b",", entry.undetermined, told[entry.condition].lacks, b"}")
    return present, uncertain


def _listed(name: bytes, parts: list[bytes]) -> list[bytes]:
    """A named list from parts that each begin with a comma."""
    return [b',"', name, b'":[', *parts[1:], b"]"]


def _missing_facts(release: PreparedRelease, wanted: Mapping[str, int]) -> list[bytes]:
    """The facts that would decide rules, as JSON that begins with a comma: those that would decide most first."""
    ranked = sorted(wanted.items(), key=lambda pair: (-pair[1], pair[0]))
    return [part for name, count in ranked for part in (b",", release.lacking[name], b"%d}" % count)]


def _notice(notice: Notice) -> dict[str, Any]:
    return {"code": notice.code, "facts": notice.facts, "detail": notice.detail, "urgent": notice.urgent}
