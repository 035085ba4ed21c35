"""Conditions read for their writers: as a tree for the builder, in words, or what is wrong and where."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from admin.entry.access import DeskView
from admin.trying.dictionary import facts_as_json
from cds.api import session
from cds.changes.candidate import being_written
from knowledge.conditions import facts_of
from knowledge.errors import ConditionError, ConditionProblem
from knowledge.facts import NOT_KNOWN_CODE, Fact
from knowledge.items import KnowledgeBase
from knowledge.language import parse, write
from knowledge.pasted import plain_text
from knowledge.trees import as_json
from knowledge.wording import in_words

_NO_JSON = 'This is not JSON: the body is an object such as {"text": "age_years > 55"}.'
_NO_TEXT = "The body is an object whose `text` is the text of a condition."

_QUOTES = "\"'`“”‘’„«»"
_WORD = re.compile(r"<>|=>|=<|==|!=|&&|\|\||[A-Za-z0-9_]+|.", re.DOTALL)
"""What a suggestion takes the place of."""


class Conditions(DeskView):
    """One condition, tried by itself."""

    def __init__(self) -> None:
        super().__init__(name="Read a condition", endpoint="desk_conditions", url="/desk/conditions")

    def is_visible(self) -> bool:
        """Not in the menu: it is reached from where conditions are written."""
        return False

    @expose("/", methods=("GET", "POST"))
    def index(self) -> str:
        base = being_written(session()).base
        text = plain_text(request.form.get("text", ""))
        problems: tuple[ConditionProblem, ...] = ()
        said = None
        if request.method == "POST":
            try:
                said = in_words(parse(text, base.facts), base.facts)
            except ConditionError as error:
                problems = error.problems
        return self.render(
            "desk/conditions.html", text=text, facts=facts_for_builder(base), problems=problems, in_words=said
        )

    @expose("/read", methods=("POST",))
    def read(self) -> ResponseReturnValue:
        try:
            body = json.loads(request.get_data())
        except (ValueError, RecursionError):
            return _unusable(_NO_JSON), 400
        if not isinstance(body, dict) or not isinstance(body.get("text"), str):
            return _unusable(_NO_TEXT), 422
        return reading(body["text"], being_written(session()).base.facts)


def facts_for_builder(base: KnowledgeBase) -> list[dict[str, Any]]:
    """What the builder knows of each fact, by label; a code that says "not known" is none that can be asked for."""
    return [
        {**one, "codes": [pair for pair in one["codes"] if pair[0] != NOT_KNOWN_CODE]} for one in facts_as_json(base)
    ]


def reading(text: str, facts: Mapping[str, Fact]) -> dict[str, Any]:
    """What a text says, or what is wrong with it.

    `read` is the text that was read: as it was typed, with plain blanks. The places of problems are places in it;
    `start` and `end` count its characters from 0 and hold what the suggestion takes the place of.
    """
    plain = plain_text(text)
    answer: dict[str, Any] = {"read": plain, "text": None, "tree": None, "in_words": None, "facts": [], "problems": []}
    try:
        condition = parse(plain, facts)
    except ConditionError as error:
        return {**answer, "problems": [_placed(problem, plain) for problem in error.problems]}
    return {
        **answer,
        "text": write(condition),
        "tree": as_json(condition),
        "in_words": in_words(condition, facts),
        "facts": list(facts_of(condition)),
    }


def _placed(problem: ConditionProblem, text: str) -> dict[str, Any]:
    """The problem, with what its suggestion takes the place of."""
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: problem.line - 1]) + problem.column - 1
    suggestion = problem.suggestion
    if text[start - 1 : start + 1] == "<>":
        start -= 1
    word = _WORD.match(text, start)
    end = word.end() if word else start
    if not text.strip():
        start, end = 0, len(text)
    elif text[start:end] and text[start:end] in _QUOTES:
        end, suggestion = _unquoted(text, start)
    return {
        "line": problem.line,
        "column": problem.column,
        "detail": problem.detail,
        "suggestion": suggestion,
        "start": start,
        "end": end,
    }


def _unquoted(text: str, start: int) -> tuple[int, str]:
    """Where a quotation ends, and what it holds; a mark without a second one holds nothing."""
    closing = next((place for place in range(start + 1, len(text)) if text[place] in _QUOTES), start)
    return closing + 1, text[start + 1 : closing].strip()


def _unusable(detail: str) -> dict[str, Any]:
    return {"problems": [{"line": 1, "column": 1, "detail": detail, "suggestion": None, "start": 0, "end": 0}]}
