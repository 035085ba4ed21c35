"""Formulas over true and false, and the search for values that make them true. Only this module knows z3.

de Moura L, Bjørner N. Z3: an efficient SMT solver. TACAS 2008. doi:10.1007/978-3-540-78800-3_24
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from threading import RLock
from typing import Any, ParamSpec, TypeVar

import z3

Formula = Any
"""A formula of the solver; only the functions of this module look inside."""

TRUE: Formula = z3.BoolVal(True)
FALSE: Formula = z3.BoolVal(False)


_TURN = RLock()

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def in_turn(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The function run by one thread at a time: the solver's formulas belong to one context, which takes no more."""

    @wraps(function)
    def run(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        with _TURN:
            return function(*arguments, **named)

    return run


class TimedOut(Exception):
    """The solver came to no answer in the time that it was given."""


def variable(name: str) -> Formula:
    return z3.Bool(name)


def negation(part: Formula) -> Formula:
    if part is TRUE:
        return FALSE
    return TRUE if part is FALSE else z3.Not(part)


def conjunction(parts: Iterable[Formula]) -> Formula:
    found = [part for part in parts if part is not TRUE]
    if any(part is FALSE for part in found):
        return FALSE
    return TRUE if not found else found[0] if len(found) == 1 else _of(z3.Z3_mk_and, found)


def disjunction(parts: Iterable[Formula]) -> Formula:
    found = [part for part in parts if part is not FALSE]
    if any(part is TRUE for part in found):
        return TRUE
    return FALSE if not found else found[0] if len(found) == 1 else _of(z3.Z3_mk_or, found)


def _of(make: Callable[..., Any], parts: Sequence[Formula]) -> Formula:
    """A formula over others, made without looking at each of them again: there are thousands in a knowledge base."""
    context = z3.main_ctx()
    asts = (z3.Ast * len(parts))(*[part.as_ast() for part in parts])
    return z3.BoolRef(make(context.ref(), len(parts), asts), context)


def implication(condition: Formula, consequence: Formula) -> Formula:
    return disjunction((negation(condition), consequence))


def equivalence(one: Formula, other: Formula) -> Formula:
    return one == other


def difference(one: Formula, other: Formula) -> Formula:
    """True where exactly one of the two is."""
    return FALSE if one.eq(other) else z3.Xor(one, other)


def count_at_least(count: int, parts: Sequence[Formula]) -> Formula:
    """True where `count` or more of the parts are."""
    if count <= 0:
        return TRUE
    if count > len(parts):
        return FALSE
    return z3.AtLeast(*parts, count)


def at_most_one(parts: Sequence[Formula]) -> Formula:
    return z3.AtMost(*parts, 1) if len(parts) > 1 else TRUE


def replaced(formula: Formula, pairs: Sequence[tuple[Formula, Formula]]) -> Formula:
    """The formula with other variables in the place of some."""
    return z3.substitute(formula, *pairs)


class Model:
    """Values of the variables that make a formula true."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getitem__(self, formula: Formula) -> bool:
        return bool(z3.is_true(self._model.eval(formula, model_completion=True)))


class Search:
    """A solver that holds what is always so, and looks for values under which something more is."""

    def __init__(self, always: Iterable[Formula] = (), *, seconds: float) -> None:
        self._solver: Any = z3.SolverFor("QF_FD")
        self._solver.set("timeout", max(1, int(seconds * 1000)))
        self._solver.add(*always)

    def add(self, *formulas: Formula) -> None:
        """Hold something more from now on."""
        self._solver.add(*formulas)

    @contextmanager
    def holding(self, *formulas: Formula) -> Iterator[None]:
        """Hold something more for as long as the context lasts."""
        self._solver.push()
        try:
            self._solver.add(*formulas)
            yield
        finally:
            self._solver.pop()

    def find(self, *formulas: Formula) -> Model | None:
        """Values under which all the formulas are true, None when there are none. Raises TimedOut."""
        with self.holding(*formulas):
            return self.check()

    def check(self, *literals: Formula) -> Model | None:
        """Values under which the literals are true with all that is held, or None. Raises TimedOut."""
        found = self._solver.check(*literals)
        if found == z3.sat:
            return Model(self._solver.model())
        if found == z3.unsat:
            return None
        raise TimedOut

    def core(self) -> list[Formula]:
        """After a check that found nothing: literals that are enough for it to find nothing."""
        return list(self._solver.unsat_core())
