"""Items as forms: what is shown of each shipped item gives that very item back; what was typed is never lost."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form

from admin.shelf.forms import filling
from knowledge import files
from knowledge.facts import Fact
from knowledge.items import ItemKind
from knowledge.schemas import content_of

ENTRIES = files.read(files.SHIPPED)
FACTS = {one.item.key: one.item for one in ENTRIES if isinstance(one.item, Fact)}


def posted(form: Form) -> MultiDict[str, str]:
    """What a browser would send of a form as it is shown."""
    sent: MultiDict[str, str] = MultiDict()
    for field in filling._leaves(form):
        data = field.data
        match data:
            case bool():
                if data:
                    sent.add(field.name, "y")
            case list():
                for word in data:
                    sent.add(field.name, word)
            case _:
                sent.add(field.name, data or "")
    return sent


@pytest.mark.parametrize("kind", list(ItemKind))
def test_every_shipped_item_comes_back_from_its_form_as_it_was(kind: ItemKind) -> None:
    items = [one.item for one in ENTRIES if one.kind is kind]
    assert items
    for item in items:
        content = content_of(item)
        shown = filling.of_content(kind, content, FACTS)
        again = filling.of_posted(kind, posted(shown))
        assert filling.content_of(kind, item.key, again, FACTS) == content


@pytest.mark.parametrize("typed", ["1e400", "nan", "inf", "1_000", "٣", "9" * 20, "twenty", "1,5"])
def test_what_is_no_number_stays_as_it_was_typed(typed: str) -> None:
    form = filling.of_posted(ItemKind.FACT, MultiDict({"label": "Pain", "maximum": typed}))
    assert filling.content_of(ItemKind.FACT, "pain", form, FACTS)["maximum"] == typed


@pytest.mark.parametrize(
    ("ticked", "kept"),
    [([], None), (["none"], []), (["sex", "race"], ["sex", "race"]), (["none", "sex"], ["none", "sex"])],
)
def test_to_tick_nothing_and_to_tick_that_there_is_none_are_two_things(
    ticked: list[str], kept: list[str] | None
) -> None:
    form = filling.of_posted(ItemKind.FACT, MultiDict([("label", "Age"), *(("attributes", one) for one in ticked)]))
    assert filling.content_of(ItemKind.FACT, "age", form, {}).get("attributes") == kept
