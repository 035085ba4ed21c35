"""The condition language: text to tree and back, with errors that an editor can act on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import assert_never

from lark import Lark, Token, Transformer, Tree, v_args
from lark.exceptions import UnexpectedInput

from knowledge.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    AtLeast,
    Between,
    Comparable,
    Compare,
    Condition,
    Includes,
    Known,
    Not,
    Operator,
    all_of,
    any_of,
)
from knowledge.errors import ConditionError, ConditionProblem, WrongValue, nearest, short
from knowledge.facts import Fact, FactType, plain
from knowledge.syntax import syntax_problem

LONGEST_CONDITION = 8_000
DEEPEST_NESTING = 40
MOST_DIGITS = 15
"""A number of 15 digits comes back from binary as it was written; longer ones need not."""

KEYWORDS = frozenset(
    {
        *("always", "and", "at", "between", "false", "in", "includes", "is"),
        *("known", "least", "not", "of", "or", "true", "unknown"),
    }
)
"""The words of the language; no fact and no code can have their names."""

_GRAMMAR = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
_LARK = Lark(_GRAMMAR, parser="lalr", lexer="basic", maybe_placeholders=False)

_ORDERED_TYPES = (FactType.INTEGER, FactType.DECIMAL, FactType.DATE)


def parse(text: str, facts: Mapping[str, Fact] | None = None) -> Condition:
    """The tree of a condition; with a fact dictionary, also held against it.

    Raises ConditionError with every problem found: the place, what was expected, the nearest known name.
    """
    return _parsed(text) if facts is None else _built(text, facts)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Condition:
    """A text without a dictionary, read once: it never means anything else, and a tree never changes."""
    return _built(text, None)


def _built(text: str, facts: Mapping[str, Fact] | None) -> Condition:
    _refuse_long(text)
    try:
        tree = _LARK.parse(text)
    except UnexpectedInput as error:
        raise ConditionError([syntax_problem(error, text)]) from None
    _refuse_deep(tree)
    builder = _Builder(facts)
    condition = builder.transform(tree)
    if builder.problems:
        raise ConditionError(sorted(builder.problems, key=lambda problem: (problem.line, problem.column)))
    if _depth(condition) > DEEPEST_NESTING:
        raise _too_deep()
    _refuse_long(write(condition))
    return condition


def write(condition: Condition) -> str:
    """The one canonical text of a tree: `parse(write(tree)) == tree`."""
    match condition:
        case Always():
            return "always"
        case Compare(fact, Operator.IS, True):
            return fact
        case Compare(fact, operator, value):
            return f"{fact} {operator} {_written(value)}"
        case Between(fact, low, high):
            return f"{fact} between {_written(low)} and {_written(high)}"
        case Among(fact, codes):
            return f"{fact} in ({', '.join(codes)})"
        case Includes(fact, code):
            return f"{fact} includes {code}"
        case Known(fact):
            return f"{fact} is known"
        case Not(Known(fact)):
            return f"{fact} is unknown"
        case Not(Compare(fact, Operator.IS, True)):
            return f"not {fact}"
        case Not(Compare(fact, Operator.IS, value)):
            return f"{fact} is not {_written(value)}"
        case Not(Among(fact, codes)):
            return f"{fact} not in ({', '.join(codes)})"
        case Not(part):
            return f"not ({write(part)})"
        case AllOf(parts):
            return " and ".join(_bracketed(part) for part in parts)
        case AnyOf(parts):
            return " or ".join(_bracketed(part) for part in parts)
        case AtLeast(count, parts):
            return f"at least {count} of ({', '.join(write(part) for part in parts)})"
        case _:
            assert_never(condition)


def _bracketed(part: Condition) -> str:
    return f"({write(part)})" if isinstance(part, AllOf | AnyOf) else write(part)


def _written(value: Comparable) -> str:
    match value:
        case float():
            return plain(value)
        case _:
            return str(value)


@v_args(inline=True)
class _Builder(Transformer[Token, Condition]):
    """Makes nodes from the parse tree and notes, for each leaf, what the dictionary says against it."""

    def __init__(self, facts: Mapping[str, Fact] | None) -> None:
        super().__init__(visit_tokens=False)
        self.facts = facts
        self.problems: list[ConditionProblem] = []

    def start(self, condition: Condition) -> Condition:
        return condition

    def always(self) -> Condition:
        return Always()

    def any_of(self, *parts: Condition) -> Condition:
        return any_of(*parts)

    def all_of(self, *parts: Condition) -> Condition:
        return all_of(*parts)

    def negated(self, part: Condition) -> Condition:
        return Not(part)

    def at_least(self, count: Token, *parts: Condition) -> Condition:
        if not count.isdecimal() or len(count) > MOST_DIGITS or not 1 <= int(count) <= len(parts):
            detail = f"The list has {len(parts)} parts, so `at least` takes a number from 1 to {len(parts)}"
            return self._refuse(count, f"{detail}, not {short(count)}.")
        return AtLeast(int(count), parts)

    def bare(self, name: Token) -> Condition:
        fact = self._fact(name)
        if fact and fact.type is not FactType.BOOLEAN:
            return self._refuse(name, f"{name} is not true or false: say what it must be, such as {_example(fact)}.")
        return Compare(str(name), Operator.IS, True)

    def known(self, name: Token) -> Condition:
        self._fact(name)
        return Known(str(name))

    def unknown(self, name: Token) -> Condition:
        return Not(self.known(name))

    def equal(self, name: Token, value: Token) -> Condition:
        return self._equality(name, value)

    def unequal(self, name: Token, value: Token) -> Condition:
        condition = self._equality(name, value)
        return condition.part if isinstance(condition, Not) else Not(condition)

    def ordered(self, name: Token, operator: Token, value: Token) -> Condition:
        fact = self._fact(name)
        if fact and fact.type not in _ORDERED_TYPES:
            return self._refuse(operator, f"{name} has no order, so {operator} cannot be used: write {_example(fact)}.")
        typed = self._typed(fact, value)
        if typed is None:
            return Always()
        if isinstance(typed, bool | str):
            return self._refuse(value, f"{operator} needs a number or a date, not {short(value)}.")
        return Compare(str(name), Operator(operator), typed)

    def between(self, name: Token, low: Token, high: Token) -> Condition:
        fact = self._fact(name)
        if fact and fact.type not in _ORDERED_TYPES:
            return self._refuse(name, f"{name} has no order, so `between` cannot be used: write {_example(fact)}.")
        bounds = self._typed(fact, low), self._typed(fact, high)
        match bounds:
            case (bool() | str(), _) | (_, bool() | str()):
                return self._refuse(low, "`between` needs two numbers or two dates.")
            case (None, _) | (_, None):
                return Always()
            case first, last if isinstance(first, date) is not isinstance(last, date):
                return self._refuse(low, "`between` needs two numbers or two dates.")
            case first, last if first > last:  # type: ignore[operator]
                return self._refuse(low, f"Nothing lies between {low} and {high}: the smaller one comes first.")
            case first, last:
                return Between(str(name), first, last)

    def among(self, name: Token, codes: tuple[Token, ...]) -> Condition:
        fact = self._fact(name)
        if fact and fact.type is not FactType.CODE:
            return self._refuse(name, f"`in` is for a fact with one code; write {_example(fact)}.")
        for position, code in enumerate(codes):
            self._known_code(fact, code)
            if code in codes[:position]:
                self._refuse(code, f"{short(code)} stands in the list already; once is enough.")
        return Among(str(name), tuple(dict.fromkeys(str(code) for code in codes)))

    def not_among(self, name: Token, codes: tuple[Token, ...]) -> Condition:
        return Not(self.among(name, codes))

    def includes(self, name: Token, code: Token) -> Condition:
        fact = self._fact(name)
        if fact and fact.type is not FactType.CODES:
            return self._refuse(name, f"`includes` is for a fact with a list of codes; write {_example(fact)}.")
        self._known_code(fact, code)
        return Includes(str(name), str(code))

    def codes(self, *codes: Token) -> tuple[Token, ...]:
        return codes

    def _equality(self, name: Token, value: Token) -> Condition:
        fact = self._fact(name)
        if fact and fact.type is FactType.CODES:
            return self._refuse(name, f"{name} is a list of codes: write {_example(fact)}.")
        if fact and fact.type is FactType.TEXT:
            return self._refuse(name, f"{name} is free text: only `{name} is known` can be asked.")
        typed = self._typed(fact, value)
        if typed is None:
            return Always()
        if typed is False:
            return Not(Compare(str(name), Operator.IS, True))
        return Compare(str(name), Operator.IS, typed)

    def _fact(self, name: Token) -> Fact | None:
        if self.facts is None:
            return None
        fact = self.facts.get(str(name))
        if fact is None:
            self._refuse(name, f"There is no fact called {short(name)}.", nearest(str(name), self.facts))
        return fact

    def _known_code(self, fact: Fact | None, code: Token) -> None:
        choices = [choice.code for choice in fact.codes] if fact else []
        if fact and code not in choices:
            detail = f"The codes of {fact.key} are {', '.join(choices)}; {short(code)} is not one of them."
            self._refuse(code, detail, nearest(str(code), choices))

    def _typed(self, fact: Fact | None, token: Token) -> Comparable | None:
        """The value of a token, or None when it cannot be one (the problem is then noted)."""
        raw: Comparable
        match token.type:
            case "TRUE" | "FALSE":
                raw = token.type == "TRUE"
            case "NUMBER" if sum(character.isdigit() for character in token) > MOST_DIGITS:
                self._refuse(token, f"A number has at most {MOST_DIGITS} digits.")
                return None
            case "NUMBER":
                raw = float(token) + 0.0 if "." in token else int(token)
            case "DATE":
                try:
                    raw = date.fromisoformat(token)
                except ValueError:
                    self._refuse(token, f"{token} is not a day of the calendar.")
                    return None
            case _:
                raw = str(token)
        if fact is None:
            return raw
        try:
            fact.typed(str(raw) if isinstance(raw, date) else raw)
        except WrongValue as problem:
            self._refuse(token, problem.detail, problem.suggestion)
            return None
        return raw

    def _refuse(self, token: Token, detail: str, suggestion: str | None = None) -> Condition:
        """Note a problem; the condition that stands in for the refused one never leaves parse()."""
        hint = f" Did you mean {suggestion}?" if suggestion else ""
        self.problems.append(ConditionProblem(token.line or 1, token.column or 1, detail + hint, suggestion))
        return Always()


def _example(fact: Fact) -> str:
    """A condition on the fact that stands."""
    code = fact.codes[0].code if fact.codes else ""
    match fact.type:
        case FactType.BOOLEAN:
            return f"`{fact.key}` or `not {fact.key}`"
        case FactType.INTEGER | FactType.DECIMAL:
            return f"`{fact.key} >= {_written(fact.minimum or 0)}`"
        case FactType.DATE:
            return f"`{fact.key} >= 2026-01-31`"
        case FactType.CODE:
            return f"`{fact.key} is {code}` or `{fact.key} in ({code}, …)`"
        case FactType.CODES:
            return f"`{fact.key} includes {code}`"
        case FactType.TEXT:
            return f"`{fact.key} is known`"
        case _:
            assert_never(fact.type)


def _refuse_long(text: str) -> None:
    if len(text) > LONGEST_CONDITION:
        limit = f"A condition has at most {LONGEST_CONDITION} characters"
        raise _error(f"{limit}; this one has {len(text)}. Split the rule.")


def _refuse_deep(tree: Tree[Token]) -> None:
    """Refuse before anything recursive meets the tree."""
    level = [tree]
    depth = 0
    while level := [child for node in level for child in node.children if isinstance(child, Tree)]:
        depth += 1
        if depth > DEEPEST_NESTING + 1:
            raise _too_deep()


def _depth(condition: Condition) -> int:
    """Levels of a condition; its canonical text has no more."""
    match condition:
        case Not(part):
            return 1 + _depth(part)
        case AllOf(parts) | AnyOf(parts) | AtLeast(_, parts):
            return 1 + max(_depth(part) for part in parts)
        case Always() | Compare() | Between() | Among() | Includes() | Known():
            return 1
        case _:
            assert_never(condition)


def _too_deep() -> ConditionError:
    return _error(f"The parts are nested more than {DEEPEST_NESTING} deep. Split the rule.")


def _error(detail: str) -> ConditionError:
    return ConditionError([ConditionProblem(1, 1, detail)])
