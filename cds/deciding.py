"""Prepare, fire, check, explain, order; and the same again, to the byte, for an auditor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from cds.preparing import Notice, Prepared
from cds.releases import NARROWER, PHASE, PreparedRelease, RuleInRelease, compact, instant
from knowledge.facts import Facts, Value
from knowledge.items import Actor, State
from knowledge.reasoning import Finding, findings, missing, reading
from knowledge.wording import finding_in_words, in_words

_LETTERS = {State.RECOMMENDED: "R", State.WITHHELD: "W", State.UNDETERMINED: "U", State.NOT_MET: "N"}
_FOR_PATIENTS = frozenset({Actor.PATIENT, Actor.CAREGIVER})

_OWN_FINDINGS, _PHASE_ALONE, _STANDING = range(3)


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: raw facts at a moment, for whom, under which name the answer is kept."""

    decision_id: str
    evaluated_at: datetime
    facts: Mapping[str, Any]
    actors: tuple[Actor, ...] = ()
    subject: str | None = None
    with_not_met: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said: the response's exact text, the state of every rule, and what it rests on."""

    question: Question
    prepared: Prepared
    states: Mapping[str, State]
    response: str


class Disagreement(Exception):
    """Engine and plain reading differ: no answer may leave. Holds all that is needed to see it again."""

    def __init__(self, question: Question, prepared: Prepared, fired: Iterable[str], read: Iterable[str]) -> None:
        super().__init__("The engine and the plain reading of the rules disagree.")
        self.question = question
        self.prepared = prepared
        self.fired = sorted(fired)
        self.read = sorted(read)


def decide(release: PreparedRelease, question: Question, *, clinically_approved: bool) -> Answer:
    """The answer of a release to a question.

    Raises UnusableRequest when the facts cannot be read, Disagreement when the engine's firing is not what the
    plain reading says.
    """
    prepared = release.intake.prepare(question.facts, question.evaluated_at)
    outside, population_notices = _population(release, prepared.known)
    if outside:
        readings: Mapping[str, bool | None] = dict.fromkeys(release.conditions, False)
    else:
        readings = _fired_and_read(release, question, prepared)
    states, withheld = _states(release, readings)
    notices = [*_standing_notices(release, clinically_approved), *population_notices, *prepared.notices]
    response = _response(release, question, prepared, readings, states, withheld, notices)
    return Answer(question, prepared, states, response)


def letters(release: PreparedRelease, states: Mapping[str, State]) -> str:
    """The states of all rules as one letter each, in the release's order: R, W, U or N."""
    return "".join([_LETTERS[states[key]] for key in release.order])


def states_from(release: PreparedRelease, recorded: str) -> dict[str, State]:
    """The states that letters() wrote."""
    named = {letter: state for state, letter in _LETTERS.items()}
    return {key: named[letter] for key, letter in zip(release.order, recorded, strict=True)}


def known_as_json(known: Facts) -> dict[str, Any]:
    """What is known, as JSON values: dates as text, lists of codes in order."""
    return {name: plain(value) for name, value in known.items()}


def plain(value: Value | None) -> Any:
    match value:
        case frozenset():
            return sorted(value)
        case date():
            return value.isoformat()
        case _:
            return value


def _population(release: PreparedRelease, known: Facts) -> tuple[bool, list[Notice]]:
    """Whether the patient is outside the population that the content is for, and what the answer says of it."""
    notices: list[Notice] = []
    outside = False
    for key, condition in release.population.items():
        wanted = in_words(condition, release.base.facts)
        match reading(condition, known):
            case False:
                outside = True
                said = release.base.facts[key].said(known.get(key))
                detail = f"No rule applies: the content is for patients with {wanted}, and what was posted says: {said}."
                notices.append(Notice(key, "outside_population", detail))
            case None:
                detail = f"Not known; the answer assumes what the content is for: {wanted}."
                notices.append(Notice(key, "population_assumed", detail))
            case True:
                pass
    return outside, notices


def _standing_notices(release: PreparedRelease, clinically_approved: bool) -> Iterable[Notice]:
    if not clinically_approved:
        detail = f"Release {release.number} was imported and is not yet clinically approved by a person."
        yield Notice(None, "not_clinically_approved", detail)


def _fired_and_read(release: PreparedRelease, question: Question, prepared: Prepared) -> Mapping[str, bool | None]:
    known = prepared.known
    fired = release.engine.fire(known)
    readings = {name: reading(condition, known) for name, condition in release.conditions.items()}
    read = {name for name, met in readings.items() if met}
    if fired != read:
        raise Disagreement(question, prepared, fired, read)
    return readings


def _states(
    release: PreparedRelease, readings: Mapping[str, bool | None]
) -> tuple[dict[str, State], dict[str, list[tuple[str, str]]]]:
    """The state of every rule, and for each withheld rule the rules that withhold it with their reasons."""
    met = {True: State.RECOMMENDED, False: State.NOT_MET, None: State.UNDETERMINED}
    states = {key: met[readings[entry.condition]] for key, entry in release.rules.items()}
    withheld: dict[str, list[tuple[str, str]]] = {}
    for overriding in release.overriding:
        if states.get(overriding.rule) is not State.RECOMMENDED:
            continue
        for key, reason in overriding.withholds.items():
            if states[key] in (State.RECOMMENDED, State.WITHHELD):
                states[key] = State.WITHHELD
                withheld.setdefault(key, []).append((overriding.rule, reason))
    return states, withheld


def _response(
    release: PreparedRelease,
    question: Question,
    prepared: Prepared,
    readings: Mapping[str, bool | None],
    states: Mapping[str, State],
    withheld: Mapping[str, list[tuple[str, str]]],
    notices: Iterable[Notice],
) -> str:
    """The response as JSON text, joined from the release's prepared texts."""
    asked = _asked_for(release, question.actors)
    because = _Because(release, prepared)
    sections: list[list[str]] = [[] for _ in range(3 * len(_LETTERS))]
    held, undetermined, not_met = [], [], []
    wanted: Counter[str] = Counter()
    lacks: dict[str, tuple[tuple[str, ...], str]] = {}
    for entry in asked:
        key, name, texts = entry.rule.key, entry.condition, entry.texts
        match states[key]:
            case State.RECOMMENDED:
                why, trigger = because.of(name)
                sections[entry.urgency * 3 + trigger].append(f"{texts.opening}{why}{texts.closing}")
            case State.UNDETERMINED:
                if name not in lacks:
                    names = missing(release.conditions[name], prepared.known)
                    lacks[name] = (names, compact(names))
                wanted.update(lacks[name][0])
                undetermined.append(f"{texts.undetermined}{lacks[name][1]}}}")
            case State.WITHHELD:
                held += [
                    f"{texts.withheld}{compact({'overridden_by': by, 'reason': reason})[1:]}"
                    for by, reason in withheld[key]
                ]
            case State.NOT_MET:
                not_met.append(texts.not_met)
    recommended = [text for section in sections for text in section]
    head = {
        "decision_id": question.decision_id,
        "release": {"number": release.number, "digest": release.digest},
        "evaluated_at": instant(question.evaluated_at),
    }
    parts = [
        f'{compact(head)[:-1]},"recommendations":[{",".join(recommended)}]',
        f'"withheld":[{",".join(held)}]',
        f'"undetermined":[{",".join(undetermined)}]',
        f'"missing_facts":{compact(_missing_facts(release, wanted))}',
        f'"notices":{compact([_notice(notice) for notice in notices])}',
    ]
    if question.with_not_met:
        parts.append(f'"not_met":[{",".join(not_met)}]')
    return ",".join(parts) + "}"


def _asked_for(release: PreparedRelease, actors: tuple[Actor, ...]) -> Iterable[RuleInRelease]:
    """The rules for these actors; when only patients and caregivers ask, what a patient may see."""
    if not actors:
        return release.rules.values()
    wanted = frozenset().union(*(NARROWER[actor] for actor in actors))
    for_patients = _FOR_PATIENTS.issuperset(actors)
    return [
        entry
        for entry in release.rules.values()
        if wanted & entry.actors and (entry.rule.patient_may_see or not for_patients)
    ]


class _Because:
    """Why a condition is met, as JSON, and what triggered it; each condition is explained once."""

    def __init__(self, release: PreparedRelease, prepared: Prepared) -> None:
        self._release = release
        self._prepared = prepared
        self._said: dict[Finding, str] = {}
        self._explained: dict[str, tuple[str, int]] = {}

    def of(self, name: str) -> tuple[str, int]:
        if name not in self._explained:
            found = findings(self._release.conditions[name], self._prepared.known)
            self._explained[name] = (f"[{','.join(map(self._say, found))}]", self._trigger(found))
        return self._explained[name]

    def _say(self, finding: Finding) -> str:
        if finding not in self._said:
            said: dict[str, Any] = {
                "fact": finding.fact,
                "value": plain(finding.value),
                "reading": finding_in_words(finding, self._release.base.facts),
            }
            derived = self._prepared.derived.get(finding.fact)
            if derived:
                cited = self._release.derivations.get((finding.fact, derived.when), {"when": derived.when})
                said["derived"] = {"needs": derived.needs, **cited}
            self._said[finding] = compact(said)
        return self._said[finding]

    def _trigger(self, found: tuple[Finding, ...]) -> int:
        """This patient's own findings come before the phase alone, and the phase before what always holds."""
        deciding = {finding.fact for finding in found if finding.value is not None}
        if deciding - {PHASE}:
            return _OWN_FINDINGS
        return _PHASE_ALONE if deciding else _STANDING


def _missing_facts(release: PreparedRelease, wanted: Counter[str]) -> list[dict[str, Any]]:
    ranked = sorted(wanted.items(), key=lambda pair: (-pair[1], pair[0]))
    facts = release.base.facts
    return [{"fact": name, "label": facts[name].label, "undetermined_rules": count} for name, count in ranked]


def _notice(notice: Notice) -> dict[str, str | None]:
    return {"fact": notice.fact, "problem": notice.problem, "detail": notice.detail}
