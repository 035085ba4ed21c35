"""What ONC and FDA ask for, and the statements that a rule's sheet and a release's sheet make in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from cds.sheets.statements import Statement
from cds.sheets.told import InForce, ReleaseTold, Step
from knowledge.conditions import Condition
from knowledge.facts import Attribute, Fact, FactType, plain
from knowledge.items import KnowledgeBase, Source
from knowledge.labels import day, label, moment
from knowledge.language import parse
from knowledge.wording import in_words

BY_ONC = (
    "The thirteen source attributes of an evidence-based decision support intervention: "
    "45 CFR 170.315(b)(11)(iv)(A), ONC HTI-1 (89 FR 1192, 9 January 2024)."
)
BY_FDA = (
    "What lets a clinician review independently on what a recommendation rests: Federal Food, Drug, and Cosmetic Act, "
    "section 520(o)(1)(E)(iii), as FDA reads it in “Clinical Decision Support Software” (2022, reissued 2026), "
    "criterion 4."
)
ANSWER = (
    "Each answer says it of its own patient: because (the findings that decided), undetermined (rules that could not "
    "be decided, and for want of which facts), missing_facts (what to ask for, the most useful first), and notices "
    "(observations that are too old or disagree, an assumed population, what may yet be withheld, review dates that "
    "have passed). What is not known is never read as no."
)
PURPOSE = (
    "Clinical decision support: it shows a clinician, or a patient through her app, what a published source advises "
    "for facts that were posted, and why. It prescribes nothing, and whoever reads it decides."
)
CHECKED = (
    "Every answer is made twice, by the rule engine and by a plain reading of the same conditions, and is given only "
    "when both agree."
)
UNSTUDIED = (
    "No study of it in use is on record here: example patients show that it does what is written, not that it helps."
)
_TYPES = {
    FactType.BOOLEAN: "yes or no",
    FactType.INTEGER: "a whole number",
    FactType.DECIMAL: "a number",
    FactType.DATE: "a date",
    FactType.TEXT: "a text",
}
KINDS = {
    **{kind: f"Use of {label(kind).lower()}" for kind in Attribute},
    Attribute.SOCIAL_DETERMINANTS: "Use of social determinants of health data",
    Attribute.HEALTH_STATUS_ASSESSMENTS: "Use of health status assessments data",
}
"""What the attribute of each kind of data is called."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the site says of who made this and who paid for it; None where it says nothing."""

    developer: str | None = None
    funding: str | None = None


def of_the_site(site: Site) -> Iterator[Statement]:
    """Developer and funding source."""
    for name, title, said, setting, what in (
        ("developer", "Developer", site.developer, "PHASEWISE_DEVELOPER", "the developer"),
        (
            "funding_source",
            "Funding source of the technical implementation",
            site.funding,
            "PHASEWISE_FUNDING",
            "who funded the technical implementation",
        ),
    ):
        if said:
            yield Statement(name, title, (said,), f"the site’s setting {setting}")
        else:
            wanted = f"Whoever runs this site states {what} in the setting {setting} and starts the service again."
            yield Statement(name, title, (f"Not stated. {wanted}",), missing=True)


def population(base: KnowledgeBase) -> Statement:
    """For which patients the rules are."""
    said = [(fact, words(fact.population, base)) for fact in base.facts.values() if fact.population]
    if not said:
        wanted = "An author states it as the population of a fact."
        return Statement("population", "Patients for whom it is", (f"Not stated. {wanted}",), missing=True)
    known = (
        *(f"{one[:1].upper()}{one[1:]}" for _, one in said),
        "Of a patient of whom one of these is known to be false no rule is recommended, and the answer says why; where "
        "one is not known it is assumed, and the answer says so.",
    )
    origin = f"the population of {named(fact.label for fact, _ in said)}"
    return Statement("population", "Patients for whom it is", known, origin)


def words(condition: Condition | str | None, base: KnowledgeBase) -> str:
    """A condition in words, or as it is written where a fact of it is not in the dictionary."""
    tree = parse(condition) if isinstance(condition, str) else condition
    if tree is None:
        return ""
    try:
        return in_words(tree, base.facts)
    except KeyError:
        return condition if isinstance(condition, str) else ""


def input_said(fact: Fact, base: KnowledgeBase) -> str:
    """What a fact takes, how long it holds, and what becomes of observations that disagree."""
    parts = [f"{fact.label} ({fact.key}): {_takes(fact)}"]
    parts.append(
        f"an observation older than {_count(fact.valid_days, 'day')} counts as not known"
        if fact.valid_days
        else "an observation never grows too old"
    )
    parts.append("the newer value of one source replaces the older")
    parts.append(f"where sources differ within {_count(fact.conflict_hours, 'hour')}, {_counts(fact)}")
    if fact.asserted_by:
        parts.append(f"it is stated by {' or '.join(label(one).lower() for one in fact.asserted_by)} alone")
    if fact.derivations:
        sources = dict.fromkeys(one.source for one in fact.derivations)
        parts.append(f"not posted, it may follow from other facts, by {named(sources)}")
    if fact.counted_since:
        parts.append(f"not posted, it is counted from {_label(fact.counted_since, base)}")
    return "; ".join(parts) + "."


def _counts(fact: Fact) -> str:
    """What counts of values that disagree."""
    match fact.worse:
        case "high" | "low":
            return f"the {fact.worse}er counts"
        case "true" | "false":
            return f"“{fact.said(fact.worse == 'true')}” counts"
        case "more":
            return "what any of them holds counts"
        case tuple() as order:
            return f"the later in this order counts: {', '.join(fact.label_of(code) for code in order)}"
        case _:
            return "it counts as not known"


def source_said(source: Source, today: date) -> str:
    """A source with its year, its identifiers, how it was checked and when it is to be looked at again."""
    told = [source.reference.rstrip("."), f"Published {source.year}"]
    told += [f"{name} {value}" for name, value in (("DOI", source.doi), ("PMID", source.pmid)) if value]
    told += [source.url] if source.url and not source.doi else []
    told.append(f"How it was checked: {source.verification.rstrip('.')}")
    told.append(review_said(source.review_by, today))
    return ". ".join(told) + "."


def review_said(review_by: date | None, today: date) -> str:
    """By when something is to be reviewed, and whether that day has passed."""
    if review_by is None:
        return "It has no review date"
    return f"Overdue for review since {day(review_by)}" if review_by < today else f"Review by {day(review_by)}"


def step_said(done: str, step: Step) -> str:
    """Who did what when, and why: `Published by approver, 3 May 2026, 09:00 UTC: It is time.`"""
    return f"{done} by {step.by}, {moment(step.at)}{f': {step.why}' if step.why else '.'}"


def made_said(release: ReleaseTold) -> str:
    return step_said("Imported" if release.imported else "Published", release.made)


def in_force_said(period: InForce) -> str:
    until = f"until {moment(period.until)}" if period.until else "and still is"
    return f"In force since {moment(period.since)} {until}; put in force by {period.by}: {period.why}"


def approval(releases: Sequence[ReleaseTold], what: str) -> Statement:
    """Whether a person approved clinically what it is in; `what` names that: `it`, or `a release that holds it`."""
    name, title = "clinical_approval", "Clinical approval"
    said = tuple(
        step_said(f"Release {release.number} approved clinically", one)
        for release in releases
        for one in release.approvals
    )
    if said:
        return Statement(name, title, said, "the record")
    if not releases:
        wanted = "It is in no release yet. An approver publishes one that holds it, and another approves that release."
    else:
        wanted = f"No clinician has approved {what} for use with patients, and every answer says so. "
        wanted += "An approver who did not publish it does, on the release’s page."
    return Statement(name, title, (wanted,), missing=True)


def named(names: Iterable[str], joined: str = "and") -> str:
    """`a, b and c`."""
    *first, last = list(names) or [""]
    return f"{', '.join(first)} {joined} {last}" if first else last


def _takes(fact: Fact) -> str:
    if fact.type in (FactType.CODE, FactType.CODES):
        which = "one of" if fact.type is FactType.CODE else "any of"
        return f"{which} {', '.join(code.label for code in fact.codes)}"
    unit = f" {fact.unit}" if fact.unit else ""
    match fact.minimum, fact.maximum:
        case None, None:
            within = f", in{unit}" if unit else ""
        case low, None:
            within = f", {plain(low)}{unit} or more"
        case None, high:
            within = f", {plain(high)}{unit} or less"
        case low, high:
            within = f", {plain(low)} to {plain(high)}{unit}"
    steps = f", in steps of {fact.step}" if fact.step else ""
    return f"{_TYPES[fact.type]}{within}{steps}"


def _label(key: str, base: KnowledgeBase) -> str:
    return base.facts[key].label if key in base.facts else key


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"
