"""What is wrong with the parts that several kinds of item have: conditions, names of sources, keys of rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from knowledge.errors import ConditionError, ContentProblem, nearest
from knowledge.facts import Fact
from knowledge.items import ItemKind, KnowledgeBase
from knowledge.language import parse


def condition_problems(
    kind: ItemKind, key: str, field: str, text: str, facts: Mapping[str, Fact]
) -> Iterator[ContentProblem]:
    try:
        parse(text, facts)
    except ConditionError as error:
        for problem in error.problems:
            yield ContentProblem(kind, key, field, str(problem))


def unknown_source(kind: ItemKind, key: str, field: str, source: str, base: KnowledgeBase) -> Iterator[ContentProblem]:
    if source not in base.sources:
        yield ContentProblem(kind, key, field, f"There is no source called {source}.{hint(source, base.sources)}")


def hint(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f" Did you mean {near}?" if near else ""
