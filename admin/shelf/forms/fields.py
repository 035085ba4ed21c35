"""The fields that the forms of all kinds are made of, and what each gives to the written form of an item."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from wtforms import (
    BooleanField,
    Field,
    FieldList,
    Form,
    FormField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.widgets import CheckboxInput, ListWidget

from cds.pages.labels import label
from knowledge.facts import plain
from knowledge.items import ItemKind
from knowledge.model.action_families import FAMILIES

MOST_ROWS = 400
"""How many rows a repeated part of a form can have."""

NONE = "none"
"""The box that says that none of the others holds."""

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)
_YES_NO = {"yes": True, "no": False}


class Line(StringField):
    """One line of text."""


class Prose(TextAreaField):
    """Some lines of text."""


class Whole(StringField):
    """A whole number; what is none is kept as it was typed, and told of."""


class Number(StringField):
    """A number; what is none is kept as it was typed, and told of."""


class Day(StringField):
    """A day, as 2027-06-30."""


class Condition(TextAreaField):
    """The text of a condition."""


class Patient(TextAreaField):
    """What is known of a patient, an observation on each line."""


class Choice(SelectField):
    """One word of a closed list."""

    def __init__(self, label: str, words: Iterable[SelectChoice], **kwargs: Any) -> None:
        choices = [SelectChoice("", "Choose …"), *words]
        super().__init__(label, choices=choices, validate_choice=False, **kwargs)


class Choices(SelectMultipleField):
    """Some words of a closed list, as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(self, label: str, words: Iterable[SelectChoice], **kwargs: Any) -> None:
        super().__init__(label, choices=list(words), validate_choice=False, **kwargs)


class ActionBoxes(Choices):
    """Some of the actions, as boxes to tick in families."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, [one for words in families().values() for one in words], **kwargs)

    @property
    def families(self) -> Mapping[str, list[SelectChoice]]:
        return families()


class OneAction(Choice):
    """One of the actions, offered in families."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, [one for words in families().values() for one in words], **kwargs)

    @property
    def families(self) -> Mapping[str, list[SelectChoice]]:
        return families()


class ChoicesOrNone(Choices):
    """Some words of a closed list, or that none of them holds, which is another thing than ticking nothing."""

    def __init__(self, label: str, words: Iterable[SelectChoice], none: str, **kwargs: Any) -> None:
        super().__init__(label, [*words, SelectChoice(NONE, none)], **kwargs)


class Flag(BooleanField):
    """A box to tick."""


class Scalar(StringField):
    """A raw value: yes, no, a number, or a code."""


class Names(StringField):
    """Names with commas between them."""


class Worse(StringField):
    """One word, or codes from best to worst with commas between them."""


class Named(StringField):
    """The key of another item; `of` is its kind."""

    def __init__(self, label: str, of: ItemKind, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.of = of


class Rows(FieldList):
    """A part that is repeated."""

    def __init__(self, label: str, row: type[Form], one: str, **kwargs: Any) -> None:
        super().__init__(FormField(row), label, max_entries=MOST_ROWS, **kwargs)
        self.row = row
        self.one = one


class Texts(FieldList):
    """Texts, as many as there are."""

    def __init__(self, label: str, one: str, **kwargs: Any) -> None:
        super().__init__(Prose(one), label, max_entries=MOST_ROWS, **kwargs)
        self.one = one


def families() -> Mapping[str, list[SelectChoice]]:
    """The choices of every family of actions."""
    return {name: words_of(actions) for name, actions in FAMILIES.items()}


def written(field: Field) -> Any:
    """What a field gives to the written form of an item; None when it is empty."""
    match field:
        case Rows():
            rows = [_row(entry.form) for entry in field.entries]
            return [row for row in rows if row] or None
        case Texts():
            return [text for entry in field.entries if (text := written(entry))] or None
        case ChoicesOrNone():
            return [] if field.data == [NONE] else list(field.data or ()) or None
        case Choices():
            return list(field.data or ()) or None
        case Flag():
            return bool(field.data)
        case Whole() | Number():
            return _number(_typed(field))
        case Scalar():
            return _scalar(_typed(field))
        case Names():
            return _names(_typed(field)) or None
        case Worse():
            names = _names(_typed(field))
            return names if len(names) > 1 else names[0] if names else None
        case _:
            return _typed(field) or None


def shown(field: Field, value: Any) -> Any:
    """What a form shows of a value of the written form: the opposite of `written`."""
    match field:
        case Rows():
            return [_row_shown(field.row(), row) for row in value or ()]
        case ChoicesOrNone():
            return [NONE] if value == [] else value or []
        case Texts() | Choices():
            return value or []
        case Flag():
            return value is True
        case Whole() | Number():
            return "" if value is None else plain(value) if isinstance(value, float | int) else str(value)
        case Scalar():
            return "" if value is None else _scalar_text(value)
        case Names() | Worse():
            return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value or ""
        case _:
            return value or ""


def _row(form: Form) -> dict[str, Any]:
    parts = {field.short_name: written(field) for field in form}
    return {name: value for name, value in parts.items() if value is not None}


def _row_shown(form: Form, row: Mapping[str, Any]) -> dict[str, Any]:
    return {field.short_name: shown(field, row.get(field.short_name)) for field in form}


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _typed(field: Field) -> str:
    return str(field.data or "").strip()


def _number(text: str) -> int | float | str | None:
    """The number that a text is; one that is none, or too long to be kept exactly, stays text and is told of."""
    if not _NUMBER.fullmatch(text):
        return text or None
    return float(text) if "." in text else int(text)


def _scalar(text: str) -> bool | int | float | str | None:
    return _YES_NO.get(text.casefold(), _number(text)) if text else None


def _scalar_text(value: bool | int | float | str) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return plain(value)
        case _:
            return value


def words_of(closed: Iterable[str]) -> list[SelectChoice]:
    """The choices of a closed list of words."""
    return [SelectChoice(str(word), label(str(word))) for word in closed]
