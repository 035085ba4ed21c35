"""From an item's written form to a form that is filled in, and back; and each problem to its place in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import Field, Form

from admin.shelf.forms.fields import MOST_ROWS, Flag, Rows, Texts, shown, written
from admin.shelf.forms.kinds import FORMS
from knowledge import patients
from knowledge.errors import ContentProblem, PatientError
from knowledge.facts import Fact
from knowledge.items import ItemKind
from knowledge.pasted import plain_text
from knowledge.schemas import Content

LONGEST_FIELD = 20_000
"""How many characters any one field may hold for a draft to be kept."""


_NAMED_OTHERWISE: Mapping[ItemKind, Mapping[str, str]] = {ItemKind.HAZARD: {"reason": "why"}}
"""Parts of the written form that have another name in the form: `reason` is there why the change is made."""


def of_content(kind: ItemKind, content: Content, facts: Mapping[str, Fact]) -> Form:
    """The form that shows a written form."""
    form = FORMS[kind]()
    data = {
        field.short_name: shown(field, _for_form(kind, _part_of(kind, field.short_name), content, facts))
        for field in form
    }
    form.process(data=data)
    return form


def of_posted(kind: ItemKind, posted: MultiDict[str, str]) -> Form:
    """The form as a person filled it in, what Word pastes made plain."""
    plain = MultiDict((name, plain_text(text)) for name, text in posted.items(multi=True))
    return FORMS[kind](plain)


def content_of(kind: ItemKind, key: str, form: Form, facts: Mapping[str, Fact]) -> Content:
    """The written form that comes of a form. What cannot be read stays as it was typed: nothing is lost."""
    content: Content = {"key": key}
    for field in form:
        value = _from_form(kind, field, facts)
        if value is not None:
            content[_part_of(kind, field.short_name)] = value
    return content


def change_rows(form: Form, posted: Mapping[str, str]) -> bool:
    """Add or remove the row that a button asked for. Whether one did."""
    rows = {field.short_name: field for field in form if isinstance(field, Rows | Texts)}
    wanted = rows.get(posted.get("add", ""))
    if wanted is not None:
        if len(wanted.entries) < (wanted.max_entries or 0):
            wanted.append_entry()
        return True
    name, _, index = posted.get("remove", "").rpartition("-")
    if name in rows:
        rows[name].entries[:] = [one for one in rows[name].entries if one.name != f"{name}-{index}"]
        return True
    return "add" in posted or "remove" in posted


def too_long(form: Form) -> list[str]:
    """The names of the fields that hold more than a draft keeps."""
    return [field.name for field in _leaves(form) if len(str(field.data or "")) > LONGEST_FIELD]


def too_many(form: Form, posted: Mapping[str, str]) -> list[str]:
    """The names of the repeated parts of which more rows were posted than a form holds."""
    rows: dict[str, set[str]] = {}
    for name in posted:
        part, _, rest = name.partition("-")
        index, _, _ = rest.partition("-")
        if index.isdecimal():
            rows.setdefault(part, set()).add(index)
    repeated = (field for field in form if isinstance(field, Rows | Texts))
    return [field.name for field in repeated if len(rows.get(field.name, ())) > MOST_ROWS]


def placed(form: Form, problems: Iterable[ContentProblem]) -> tuple[dict[str, list[str]], list[ContentProblem]]:
    """The problems by the name of the field that each is about, and those that are about none."""
    by_field: dict[str, list[str]] = {}
    rest: list[ContentProblem] = []
    for problem in problems:
        first, *rest_of_path = problem.field.split(".")
        name = _field_named(form, [_NAMED_OTHERWISE.get(ItemKind(problem.kind), {}).get(first, first), *rest_of_path])
        if name is None:
            rest.append(problem)
        else:
            by_field.setdefault(name, []).append(problem.detail)
    return by_field, rest


def labels(form: Form) -> dict[str, str]:
    """What each field of a form is called, by its name; a field of a row with the row's number."""
    said: dict[str, str] = {"reason": "Why this change is made", "key": "Key"}
    for field in form:
        said[field.name] = field.label.text
        if isinstance(field, Rows | Texts):
            for number, entry in enumerate(field.entries, 1):
                row = f"{field.label.text} {number}"
                said[entry.name] = row
                for inner in getattr(entry, "form", ()):
                    said[inner.name] = f"{row}, {inner.label.text.lower()}"
    return said


def _part_of(kind: ItemKind, field: str) -> str:
    """The part of the written form that a field of the form gives."""
    parts = {named: part for part, named in _NAMED_OTHERWISE.get(kind, {}).items()}
    return parts.get(field, field)


def _field_named(form: Form, path: list[str]) -> str | None:
    field = form._fields.get(path[0])
    if field is None:
        return None
    if not isinstance(field, Rows | Texts) or len(path) < 2 or not path[1].isdecimal():
        return field.name
    filled = [entry for entry in field.entries if _filled(entry)]
    if int(path[1]) >= len(filled):
        return field.name
    entry = filled[int(path[1])]
    inner = entry.form._fields.get(path[2]) if isinstance(field, Rows) and len(path) > 2 else None
    return inner.name if inner is not None else entry.name


def _filled(entry: Any) -> bool:
    return any(written(part) is not None for part in entry.form) if hasattr(entry, "form") else bool(written(entry))


def _leaves(form: Form) -> Iterable[Field]:
    for field in form:
        match field:
            case Rows():
                for entry in field.entries:
                    yield from _leaves(entry.form)
            case Texts():
                yield from field.entries
            case _:
                yield field


def _for_form(kind: ItemKind, name: str, content: Content, facts: Mapping[str, Fact]) -> Any:
    value = content.get(name)
    match kind, name:
        case ItemKind.VIGNETTE, "facts":
            return patients.write(value, facts) if isinstance(value, dict) else value
        case ItemKind.VIGNETTE, "expect" if isinstance(value, dict):
            return [{"rule": key, "state": state} for state, keys in value.items() for key in keys]
        case ItemKind.VIGNETTE, "hazards" if isinstance(value, dict):
            return [{"hazard": key, "state": state} for state, keys in value.items() for key in keys]
        case ItemKind.HAZARD, "answered_by" if isinstance(value, list):
            return [{"rule": key} for key in value]
        case _:
            return value


def _from_form(kind: ItemKind, field: Field, facts: Mapping[str, Fact]) -> Any:
    value = written(field)
    match kind, field.short_name:
        case ItemKind.VIGNETTE, "facts":
            try:
                return patients.read(value or "", facts)
            except PatientError:
                return value
        case ItemKind.VIGNETTE, "expect":
            return _expected(value or [], "rule") or None
        case ItemKind.VIGNETTE, "hazards":
            return _expected(value or [], "hazard") or None
        case ItemKind.HAZARD, "answered_by":
            return [row.get("rule", "") for row in value or []] or None
        case ItemKind.RULE, _ if isinstance(field, Flag):
            return value
        case _:
            return value


def _expected(rows: list[dict[str, str]], item: str) -> dict[str, list[str]]:
    expected: dict[str, list[str]] = {}
    for row in rows:
        expected.setdefault(row.get("state", ""), []).append(row.get(item, ""))
    return expected
