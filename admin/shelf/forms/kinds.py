"""The form of each kind of item, its fields in the order in which they are filled in."""

from __future__ import annotations

from wtforms import Form

from admin.shelf.forms.fields import (
    ActionBoxes,
    Choice,
    Choices,
    ChoicesOrNone,
    Condition,
    Day,
    Flag,
    Line,
    Named,
    Names,
    Number,
    OneAction,
    Patient,
    Prose,
    Rows,
    Scalar,
    Texts,
    Whole,
    Worse,
    words_of,
)
from knowledge.facts import Attribute, FactType
from knowledge.items import Actor, HazardState, ItemKind, Mode, RuleKind, State, Urgency
from knowledge.model.hazards import Severity

_STATES = (State.RECOMMENDED, State.WITHHELD, State.UNDETERMINED, State.NOT_MET)


class CitationRow(Form):
    source = Named("Source", ItemKind.SOURCE)
    locator = Line("Where in it", description="The page, table or section: p180 · Physical exercise")
    strength = Line("Its own wording", description="How firmly the source itself says it: should be considered")


class OverrideRow(Form):
    rule = Named("Rule that is withheld", ItemKind.RULE)
    action = OneAction("Or every rule that does")
    reason = Prose("Why", description="The answer gives this reason.")


class CodeRow(Form):
    code = Line("Code", description="Small letters, digits and _.")
    label = Line("In words")


class DerivationRow(Form):
    value = Scalar("Value", description="yes, no, a number or a code")
    when = Condition("When")
    source = Named("Source", ItemKind.SOURCE)
    locator = Line("Where in it")


class InvariantRow(Form):
    condition = Condition("What cannot be")
    sentence = Prose("Why", description="The answer says this when it is so all the same.")
    source = Named("Source", ItemKind.SOURCE)
    locator = Line("Where in it")
    gives_way = Named("Then not trusted", ItemKind.FACT, description="The fact that counts as not known; empty: none.")


class RuleRow(Form):
    rule = Named("Rule", ItemKind.RULE)


class HazardRow(Form):
    hazard = Named("Hazard", ItemKind.HAZARD)
    state = Choice("Must be", words_of(HazardState))


class ExpectationRow(Form):
    rule = Named("Rule", ItemKind.RULE)
    state = Choice("Must be", words_of(_STATES))


class RuleForm(Form):
    """What it says, to whom, when, on what evidence."""

    title = Line("Title", description="What to do, in a few words; no other rule has this title.")
    text = Prose("What it says", description="The recommendation as clinicians read it, in our own words.")
    topic = Line("Topic", description="One that other rules have, so that they stand together: pain")
    kind = Choice("Kind", words_of(RuleKind))
    mode = Choice("How firmly", words_of(Mode), description="Background never fires.")
    urgency = Choice("Urgency", words_of(Urgency))
    actors = Choices("For whom", words_of(Actor))
    actions = ActionBoxes("What it does", description="By these a hazard or another rule can forbid it.")
    condition = Condition("When")
    citations = Rows("Evidence", CitationRow, "citation")
    patient_text = Prose("In words for the patient", description="For rules that speak to patient or caregiver.")
    patient_may_see = Flag("The patient may see it")
    overrides = Rows("While it is recommended, it withholds", OverrideRow, "rule")
    notes = Texts("Notes", "note")
    review_by = Day("Review by", description="The day by which somebody looks at it again: 2027-06-30")


class HazardForm(Form):
    """What can harm, when it is present, what it forbids, and what must be said and done at once."""

    title = Line("Title", description="The danger, in a few words: Spinal cord compression")
    text = Prose("What must be said at once", description="As clinicians read it, first in the answer.")
    patient_text = Prose(
        "In words for the patient",
        description="What to do today, calmly. Empty: they are asked to call their care team.",
    )
    topic = Line("Topic", description="One that other hazards have, so that they stand together: emergencies")
    urgency = Choice("Urgency", words_of(Urgency))
    severity = Choice("Severity of the harm", words_of(Severity))
    condition = Condition("Present when")
    forbids = ActionBoxes("It forbids", description="An action includes those that stand indented below it.")
    why = Prose("Why it forbids them", description="Clinicians read this reason at every rule that is withheld.")
    answered_by = Rows(
        "Answered by",
        RuleRow,
        "rule",
        description="Whenever it is present, one of these must be recommended, no less urgent than the hazard.",
    )
    residual_risk = Prose("Residual risk", description="What can still go wrong, though the forbidden is withheld.")
    citations = Rows("Evidence", CitationRow, "citation")
    notes = Texts("Notes", "note")
    review_by = Day("Review by", description="The day by which somebody looks at it again: 2027-06-30")


class FactForm(Form):
    """What can be known of a patient, and how it is said."""

    label = Line("Label", description="What the app and the builder call it.")
    type = Choice("Type", words_of(FactType))
    topic = Line("Topic")
    phrase = Line("In words", description="Of a true value, or of what the value is said: pain intensity")
    absence = Line("In words when it is not so", description="For yes/no facts: no diabetes mellitus")
    unit = Line("Unit")
    minimum = Number("Smallest value")
    maximum = Number("Largest value")
    step = Whole("In steps of")
    codes = Rows("Codes", CodeRow, "code")
    valid_days = Whole("Valid for", description="Days; an older observation counts as not known. Empty: for ever.")
    conflict_hours = Whole("Agreement window", description="Hours within which sources must agree. Empty: 24.")
    derivations = Rows("It follows from other facts", DerivationRow, "derivation")
    days_since = Line("Days since", description="The key of a date fact, when this one counts the days from it.")
    years_since = Line("Years since", description="The key of a date fact, when this one counts years from it.")
    worse = Worse("Which value is worse", description="high, low, true, false, more, or codes: stable, acute, terminal")
    asserted_by = Names("Who may say it", description="Sources, with commas between them. Empty: everybody.")
    ucum = Line("UCUM code of the unit", description="mm[Hg]")
    invariants = Rows("What cannot be", InvariantRow, "contradiction")
    used_later = Prose("Collected for", description="While no rule reads it: what it is collected for.")
    population = Condition("Population", description="What a patient must not contradict for any rule to apply.")
    standard_code = Line("Code in a standard")
    code_status = Line("Standing of that code")
    attributes = ChoicesOrNone(
        "Kinds of data it speaks of itself",
        words_of(Attribute),
        "None of these",
        description="For the source attributes on a rule’s sheet. Nothing ticked: not stated. What it follows from "
        "is counted by itself.",
    )
    notes = Texts("Notes", "note")


class SourceForm(Form):
    """A published document, and how it was checked."""

    title = Prose("Title")
    reference = Prose("Whole reference", description="As it is to stand in a list of references.")
    year = Whole("Year")
    doi = Line("DOI", description="Without https://doi.org/")
    url = Line("Address")
    pmid = Line("PubMed number")
    isbn = Line("ISBN")
    verification = Prose("How it was checked", description="By what it was found to exist and to say this.")
    review_by = Day("Review by", description="As 2027-06-30; empty for what does not go out of date.")
    notes = Texts("Notes", "note")


class VignetteForm(Form):
    """A whole patient, and what must come of the rules that she speaks for."""

    title = Line("Title")
    topic = Line("Topic")
    story = Prose("Her story", description="In a few sentences. Nobody real.")
    evaluated_at = Line("Evaluated at", description="The moment of the question, in UTC: 2026-01-31T09:00:00Z")
    facts = Patient("What is known of the patient")
    expect = Rows("What must come of it", ExpectationRow, "expectation")
    hazards = Rows("Which hazards it shows", HazardRow, "hazard")


FORMS: dict[ItemKind, type[Form]] = {
    ItemKind.RULE: RuleForm,
    ItemKind.HAZARD: HazardForm,
    ItemKind.FACT: FactForm,
    ItemKind.SOURCE: SourceForm,
    ItemKind.VIGNETTE: VignetteForm,
}
