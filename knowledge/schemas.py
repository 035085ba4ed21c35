"""The written form of every kind of item: what a file or a version holds, checked field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, cast

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from knowledge.conditions import Condition
from knowledge.errors import ConditionError, ContentError, ContentProblem, nearest
from knowledge.facts import LARGEST_NUMBER, Attribute, Code, Derivation, Fact, FactType, Invariant
from knowledge.items import (
    Actor,
    Citation,
    HazardState,
    ItemKind,
    Mode,
    Override,
    Rule,
    RuleKind,
    Source,
    State,
    Urgency,
    Vignette,
)
from knowledge.language import parse, write
from knowledge.model.actions import Action
from knowledge.model.hazards import Hazard, Severity

Item = Fact | Source | Rule | Hazard | Vignette
Content = dict[str, Any]

LONGEST_LINE = 300
LONGEST_PARAGRAPH = 5_000

_KEY = validate.Regexp(r"^[a-z0-9]+([-_.][a-z0-9]+)*$", error="Small letters and digits, with - _ or . between them.")


_NAME = validate.Regexp(r"^[a-z][a-z0-9_]*$", error="Small letters, digits and _, with a letter first.")
_NINE = f"One of {', '.join(Attribute)}; a fact that speaks of none of the nine has an empty list."
_UNSTORABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class _Text(fields.String):
    """Text with something in it: no blank, no control character, and not more than the limit."""

    def __init__(self, longest: int = LONGEST_PARAGRAPH, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.strip():
            raise ValidationError("There is no text here.")
        if len(text) > self.longest:
            raise ValidationError(f"At most {self.longest} characters; this text has {len(text)}.")
        if _UNSTORABLE.search(text):
            raise ValidationError("The text holds a control character; paste it as plain text.")
        return text


class _Flag(fields.Field[bool]):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("This is true or false.")
        return value


class _Number(fields.Field[float]):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST_NUMBER:
            raise ValidationError("This is a number.")
        return value


class _ConditionTree(fields.Field[Condition]):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Condition:
        return _parsed(value)


class _ConditionText(fields.Field[str]):
    """A condition that stays text, in its canonical form."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return write(_parsed(value))


class _Scalar(fields.Field[bool | int | float | str]):
    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool | int | float | str:
        if not isinstance(value, str) and not (isinstance(value, int | float) and abs(value) < LARGEST_NUMBER):
            raise ValidationError("This is true or false, a number or a code.")
        return value


class _Worse(fields.Field[str | tuple[str, ...]]):
    """A word, or a list of codes from best to worst."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str | tuple[str, ...]:
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value and all(isinstance(code, str) for code in value):
            return tuple(value)
        raise ValidationError("This is high, low, true, false or more, or a list of codes from best to worst.")


class _Posted(fields.Dict):
    """Facts as an app would post them, as far as every file and every digest can hold them."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[Any, Any]:
        facts = super()._deserialize(value, attr, data, **kwargs)
        wrong = {name: [detail] for name, posted in facts.items() if (detail := _unkeepable(posted))}
        if wrong:
            raise ValidationError(wrong)
        return facts


class _Day(fields.Date):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


def _unkeepable(posted: object) -> str | None:
    """Why a posted value cannot be kept, or None."""
    match posted:
        case None:
            return "Leave out what is not known: a vignette holds no null."
        case int() | float() if not abs(posted) < LARGEST_NUMBER:
            return "A number is finite and below 2^53."
        case str() if _UNSTORABLE.search(posted):
            return "The text holds a control character; paste it as plain text."
        case dict():
            return next((detail for part in [*posted, *posted.values()] if (detail := _unkeepable(part))), None)
        case list():
            return next((detail for part in posted if (detail := _unkeepable(part))), None)
        case bool() | int() | float() | str():
            return None
        case _:
            return "This is no value that an app can post."


def _parsed(value: object) -> Condition:
    if not isinstance(value, str):
        raise ValidationError("A condition is a text.")
    try:
        return parse(value)
    except ConditionError as error:
        raise ValidationError([str(problem) for problem in error.problems]) from None


def _choice(enum: type[StrEnum], **kwargs: Any) -> fields.Enum[Any]:
    return fields.Enum(enum, by_value=True, **kwargs)


def _line(**kwargs: Any) -> _Text:
    return _Text(LONGEST_LINE, **kwargs)


def _notes() -> fields.List[str]:
    return fields.List(_Text(), load_default=())


class CodeSchema(_Strict):
    code = _line(required=True, validate=_NAME)
    label = _line(required=True)

    @post_load
    def build(self, data: Content, **_: Any) -> Code:
        return Code(**data)


class DerivationSchema(_Strict):
    value = _Scalar(required=True)
    when = _ConditionText(required=True)
    source = _line(required=True)
    locator = _line(required=True)

    @post_load
    def build(self, data: Content, **_: Any) -> Derivation:
        return Derivation(**data)


class InvariantSchema(_Strict):
    condition = _ConditionText(required=True)
    sentence = _Text(required=True)
    source = _line(required=True)
    locator = _line(required=True)
    gives_way = _line(load_default=None)

    @post_load
    def build(self, data: Content, **_: Any) -> Invariant:
        return Invariant(**data)


class FactSchema(_Strict):
    key = _line(required=True, validate=_NAME)
    label = _line(required=True)
    type = _choice(FactType, required=True)
    topic = _line(required=True, validate=_KEY)
    phrase = _line(required=True)
    absence = _line()
    unit = _line()
    minimum = _Number()
    maximum = _Number()
    step = fields.Integer(strict=True, validate=validate.Range(min=1))
    codes = fields.List(fields.Nested(CodeSchema), load_default=())
    valid_days = fields.Integer(strict=True, validate=validate.Range(min=1))
    conflict_hours = fields.Integer(strict=True, validate=validate.Range(min=0))
    standard_code = _line()
    code_status = _line()
    attributes = fields.List(_choice(Attribute, error_messages={"unknown": _NINE}))
    derivations = fields.List(fields.Nested(DerivationSchema), load_default=())
    days_since = _line()
    years_since = _line()
    population = _ConditionText()
    worse = _Worse()
    asserted_by = fields.List(_line(), load_default=())
    ucum = _line()
    invariants = fields.List(fields.Nested(InvariantSchema), load_default=())
    used_later = _Text()
    notes = _notes()

    @post_load
    def build(self, data: Content, **_: Any) -> Fact:
        if "attributes" in data:
            data["attributes"] = [kind for kind in Attribute if kind in data["attributes"]]
        return Fact(**_tuples(data))


class SourceSchema(_Strict):
    key = _line(required=True, validate=_KEY)
    reference = _Text(required=True)
    title = _Text(required=True)
    year = fields.Integer(strict=True, required=True, validate=validate.Range(min=1800, max=2200))
    doi = _line()
    url = _line(validate=validate.URL(schemes={"http", "https"}))
    pmid = _line()
    isbn = _line()
    verification = _Text(required=True)
    review_by = _Day()
    notes = _notes()

    @post_load
    def build(self, data: Content, **_: Any) -> Source:
        return Source(**_tuples(data))


class CitationSchema(_Strict):
    source = _line(required=True)
    locator = _line(required=True)
    strength = _line(required=True)

    @post_load
    def build(self, data: Content, **_: Any) -> Citation:
        return Citation(**data)


class OverrideSchema(_Strict):
    rule = _line(load_default=None)
    action = _choice(Action, load_default=None, error_messages={"unknown": "There is no such action."})
    reason = _Text(required=True)

    @validates_schema
    def names_one(self, data: Content, **_: Any) -> None:
        if (data.get("rule") is None) is (data.get("action") is None):
            raise ValidationError("Name either a rule or an action.", "rule")

    @post_load
    def build(self, data: Content, **_: Any) -> Override:
        return Override(**data)


class RuleSchema(_Strict):
    key = _line(required=True, validate=_KEY)
    title = _line(required=True)
    text = _Text(required=True)
    patient_text = _Text()
    kind = _choice(RuleKind, required=True)
    mode = _choice(Mode, required=True)
    topic = _line(required=True, validate=_KEY)
    actors = fields.List(_choice(Actor), required=True, validate=validate.Length(min=1))
    urgency = _choice(Urgency, required=True)
    actions = fields.List(_choice(Action, error_messages={"unknown": "There is no such action."}), load_default=())
    condition = _ConditionTree(load_default=None)
    patient_may_see = _Flag(required=True)
    review_by = _Day(required=True)
    citations = fields.List(fields.Nested(CitationSchema), load_default=())
    overrides = fields.List(fields.Nested(OverrideSchema), load_default=())
    notes = _notes()

    @post_load
    def build(self, data: Content, **_: Any) -> Rule:
        return Rule(**_tuples(data))


class HazardSchema(_Strict):
    key = _line(required=True, validate=_KEY)
    title = _line(required=True)
    text = _Text(required=True)
    topic = _line(required=True, validate=_KEY)
    urgency = _choice(Urgency, required=True)
    severity = _choice(Severity, required=True)
    condition = _ConditionTree(required=True)
    forbids = fields.List(
        _choice(Action, error_messages={"unknown": "There is no such action."}),
        required=True,
        validate=validate.Length(min=1),
    )
    reason = _Text(required=True)
    answered_by = fields.List(_line(), required=True, validate=validate.Length(min=1))
    residual_risk = _Text(required=True)
    citations = fields.List(fields.Nested(CitationSchema), load_default=())
    review_by = _Day(required=True)
    patient_text = _Text()
    notes = _notes()

    @post_load
    def build(self, data: Content, **_: Any) -> Hazard:
        return Hazard(**_tuples(data))


class VignetteSchema(_Strict):
    key = _line(required=True, validate=_KEY)
    title = _line(required=True)
    topic = _line(required=True, validate=_KEY)
    story = _Text(required=True)
    evaluated_at = fields.AwareDateTime(format="iso", required=True)
    facts = _Posted(keys=_line(), required=True)
    expect = fields.Dict(keys=_choice(State), values=fields.List(_line()), load_default=dict)
    hazards = fields.Dict(keys=_choice(HazardState), values=fields.List(_line()), load_default=dict)

    @post_load
    def build(self, data: Content, **_: Any) -> Vignette:
        wanted, hazards = data.pop("expect"), data.pop("hazards")
        facts = _as_canonical(data.pop("facts"))
        return Vignette(
            **_tuples(data),
            facts=MappingProxyType(facts),
            expect=MappingProxyType({state: tuple(wanted[state]) for state in State if wanted.get(state)}),
            hazards=MappingProxyType({one: tuple(hazards[one]) for one in HazardState if hazards.get(one)}),
        )


_SCHEMAS: dict[ItemKind, Schema] = {
    ItemKind.FACT: FactSchema(),
    ItemKind.SOURCE: SourceSchema(),
    ItemKind.RULE: RuleSchema(),
    ItemKind.HAZARD: HazardSchema(),
    ItemKind.VIGNETTE: VignetteSchema(),
}


def item_from(kind: ItemKind, content: Mapping[str, Any]) -> Item:
    """The item that a file or a version holds. Raises ContentError with every field that does not stand."""
    try:
        return cast(Item, _SCHEMAS[kind].load(content))
    except ValidationError as error:
        key = content.get("key")
        key = key if isinstance(key, str) and key else "without a key"
        raise ContentError(
            ContentProblem(kind, key, field, _sentence(kind, field, detail))
            for field, detail in _flat(error.normalized_messages())
        ) from None


def content_of(item: Item) -> Content:
    """The written form of an item: plain JSON values, what is empty left out, conditions as canonical text.

    An empty list stays where it says something: where a list that is not there means another thing.
    """
    return {
        field.name: _plain(value)
        for field in dataclass_fields(item)
        if field.init
        and not _is_empty(value := getattr(item, field.name), field.default)
        and (value or "omit_empty" not in field.metadata)
    }


def override_content(override: Override) -> Content:
    """The written form of an override: the rule or the action, and the reason."""
    return {
        name: _plain(value) for name in ("rule", "action", "reason") if (value := getattr(override, name)) is not None
    }


def _as_canonical(value: Any) -> Any:
    """Raw JSON as canonical JSON gives it back, names in order and 56.0 as 56: so an export gives the very files."""
    match value:
        case dict():
            return {name: _as_canonical(part) for name, part in sorted(value.items())}
        case list():
            return [_as_canonical(part) for part in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _plain(value: Any) -> Any:
    match value:
        case StrEnum():
            return value.value
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case tuple() | list() | frozenset():
            return [_plain(part) for part in value]
        case Mapping():
            return {str(_plain(key)): _plain(part) for key, part in value.items()}
        case Code() | Derivation() | Invariant() | Citation() | Override():
            return content_of(value)  # type: ignore[arg-type]
        case None | bool() | int() | float() | str():
            return value
        case _ if is_dataclass(value):
            return write(value)  # type: ignore[arg-type]
        case _:
            raise TypeError(f"{value!r} has no written form.")


def _is_empty(value: object, otherwise: object) -> bool:
    return value is None or value == "" or (value == () and otherwise is not None)


def _tuples(data: Content) -> Content:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}


_SENTENCES = {
    "Missing data for required field.": "This is missing.",
    "Unknown field.": "There is no field of this name.",
    "Field may not be null.": "There is nothing here: leave the field out.",
    "Not a valid string.": "This is a text.",
    "Not a valid integer.": "This is a whole number.",
    "Not a valid list.": "This is a list.",
    "Not a valid date.": "This is a date such as 2027-06-30.",
    "Not a valid datetime.": "This is a moment with its zone, such as 2026-01-31T09:00:00Z.",
    "Not a valid aware datetime.": "This is a moment with its zone, such as 2026-01-31T09:00:00Z.",
    "Not a valid URL.": "This is an address that begins with https:// or http://.",
    "Not a valid mapping type.": "This is a table of names and values.",
    "Invalid input type.": "This is a table of fields.",
    "Shorter than minimum length 1.": "At least one is needed.",
}
"""What marshmallow says, for an editor."""


def _sentence(kind: ItemKind, field: str, detail: str) -> str:
    sentence = _SENTENCES.get(detail, detail)
    near = nearest(field, _SCHEMAS[kind].fields) if detail == "Unknown field." and "." not in field else None
    return f"{sentence} Did you mean {near}?" if near else sentence


def _flat(messages: Any, path: str = "") -> list[tuple[str, str]]:
    match messages:
        case dict():
            return [
                pair
                for name, inner in messages.items()
                for pair in _flat(inner, path if name == "_schema" else f"{path}.{name}".lstrip("."))
            ]
        case list():
            return [(path, str(message)) for message in messages]
        case _:
            return [(path, str(messages))]
