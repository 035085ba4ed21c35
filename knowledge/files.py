"""A knowledge base as readable files: TOML, a folder for each kind, a file for each topic."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomlkit

from knowledge.errors import ContentError, ContentProblem
from knowledge.facts import Fact
from knowledge.items import ItemKind, KnowledgeBase, Rule, Source, Vignette
from knowledge.model.hazards import Hazard
from knowledge.schemas import Content, Item, content_of, item_from

SHIPPED = Path(__file__).with_name("content")

_FOLDERS = {
    ItemKind.FACT: "facts",
    ItemKind.RULE: "rules",
    ItemKind.HAZARD: "hazards",
    ItemKind.VIGNETTE: "vignettes",
}
_SOURCES = "sources.toml"
_DATES = frozenset({"review_by", "evaluated_at"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a file; a draft is not part of a release."""

    item: Item
    draft: bool = False

    @property
    def kind(self) -> ItemKind:
        match self.item:
            case Fact():
                return ItemKind.FACT
            case Source():
                return ItemKind.SOURCE
            case Rule():
                return ItemKind.RULE
            case Hazard():
                return ItemKind.HAZARD
            case Vignette():
                return ItemKind.VIGNETTE


def read(folder: Path) -> list[Entry]:
    """The entries of a folder of content files.

    Raises ContentError with every problem found: a file that is no TOML, a field, a key that stands twice.
    """
    entries: list[Entry] = []
    problems: list[ContentProblem] = []
    for kind, path in _files(folder):
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(ContentProblem(kind, path.name, "file", f"This is not TOML: {error}."))
            continue
        tables = document.pop(kind.value, [])
        for name in document:
            problems.append(ContentProblem(kind, path.name, name, f"Head each item of this file with [[{kind}]]."))
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            problems.append(ContentProblem(kind, path.name, kind, f"Head each item of this file with [[{kind}]]."))
            continue
        for table in tables:
            draft = table.pop("draft", False)
            if not isinstance(draft, bool):
                problems.append(ContentProblem(kind, str(table.get("key")), "draft", "This is true or false."))
            try:
                entries.append(Entry(item_from(kind, _plain(table)), draft is True))
            except ContentError as error:
                problems.extend(error.problems)
    problems.extend(_repeated(entries))
    if not entries and not problems:
        problems.append(ContentProblem("folder", str(folder), "files", "There is no content in this folder."))
    if problems:
        raise ContentError(problems)
    return entries


def write(entries: Iterable[Entry], folder: Path) -> None:
    """The same files that ship, from entries: `read(folder)` gives them back."""
    files: dict[Path, list[Entry]] = {}
    for entry in entries:
        files.setdefault(folder / _file_of(entry.item), []).append(entry)
    for path, inside in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_toml(sorted(inside, key=lambda entry: entry.item.key)), encoding="utf-8")


def base_of(items: Iterable[Item]) -> KnowledgeBase:
    """Items sorted into their kinds, each by key."""
    kinds: dict[type, dict[str, Any]] = {Fact: {}, Source: {}, Rule: {}, Hazard: {}, Vignette: {}}
    for item in sorted(items, key=lambda item: item.key):
        kinds[type(item)][item.key] = item
    facts, sources, rules, hazards, vignettes = (MappingProxyType(items) for items in kinds.values())
    return KnowledgeBase(facts=facts, sources=sources, rules=rules, vignettes=vignettes, hazards=hazards)


def _files(folder: Path) -> Iterator[tuple[ItemKind, Path]]:
    for kind, name in _FOLDERS.items():
        for path in sorted((folder / name).glob("*.toml")):
            yield kind, path
    if (folder / _SOURCES).is_file():
        yield ItemKind.SOURCE, folder / _SOURCES


def _file_of(item: Item) -> str:
    match item:
        case Source():
            return _SOURCES
        case Fact(topic=topic):
            return f"{_FOLDERS[ItemKind.FACT]}/{topic}.toml"
        case Rule(topic=topic):
            return f"{_FOLDERS[ItemKind.RULE]}/{topic}.toml"
        case Hazard(topic=topic):
            return f"{_FOLDERS[ItemKind.HAZARD]}/{topic}.toml"
        case Vignette(topic=topic):
            return f"{_FOLDERS[ItemKind.VIGNETTE]}/{topic}.toml"


def _repeated(entries: Iterable[Entry]) -> Iterator[ContentProblem]:
    seen: set[tuple[ItemKind, str]] = set()
    for entry in entries:
        name = (entry.kind, entry.item.key)
        if name in seen:
            yield ContentProblem(entry.kind, entry.item.key, "key", "This key stands twice; give one of them another.")
        seen.add(name)


def _plain(value: Any) -> Any:
    """TOML's values as JSON's: dates become text."""
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list():
            return [_plain(part) for part in value]
        case _:
            return value


def _toml(entries: Iterable[Entry]) -> str:
    document = tomlkit.document()
    tables = tomlkit.aot()
    kind = ""
    for entry in entries:
        kind = entry.kind.value
        content = {name: _dated(name, value) for name, value in content_of(entry.item).items()}
        tables.append(_table(content | {"draft": True} if entry.draft else content))
    document.add(kind, tables)
    return tomlkit.dumps(document)


def _table(content: Mapping[str, Any]) -> Any:
    """A table with its simple values first: TOML would count what follows an inner table as part of that one."""
    table = tomlkit.table()
    for name, value in sorted(content.items(), key=lambda pair: _nests(pair[1])):
        table.add(name, _value(value))
    return table


def _nests(value: Any) -> bool:
    return isinstance(value, Mapping) or _is_tables(value)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(part, dict) and len(part) > 2 for part in value)


def _dated(name: str, value: Any) -> Any:
    if name not in _DATES:
        return value
    return tomlkit.datetime(value) if "T" in value else tomlkit.date(value)


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _table(value)
    if _is_tables(value):
        tables = tomlkit.aot()
        for part in value:
            tables.append(_table(part))
        return tables
    if isinstance(value, list):
        array = tomlkit.array()
        for part in value:
            array.append(_inline(part) if isinstance(part, Mapping) else part)
        return array.multiline(len(value) > 1 and (len(str(value)) > 100 or isinstance(value[0], Mapping)))
    return value


def _inline(content: Content | Mapping[str, Any]) -> Any:
    table = tomlkit.inline_table()
    for name, value in content.items():
        table.add(name, value)
    return table
