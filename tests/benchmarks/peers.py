"""The peers of the engine, each made to answer as the plain reading does.

No peer knows three values. So each is asked for what is certain: negation is written away, and every comparison
asks first whether its fact is known. Each is used in the fastest way that was found: CLIPS gets the parts of a
conjunction as constraints of its network, and its rules only add their names to a list. zen-engine comes twice: with
a decision table, which is its form for many rules, and with all conditions in one compiled expression, which makes
no use of its being a rules engine, but is the quickest that it can do.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Generic, TypeVar, assert_never

import clips
import json_logic
import zen

from knowledge.conditions import (
    AllOf,
    Always,
    Among,
    AnyOf,
    AtLeast,
    Between,
    Compare,
    Condition,
    Includes,
    Known,
    Leaf,
    Not,
    Operator,
    leaves,
)
from knowledge.facts import Fact, Facts, Value
from knowledge.reasoning import reading

Contender = Callable[[Facts], frozenset[str]]
T = TypeVar("T")


class Dialect(ABC, Generic[T]):
    """How a peer writes what is certain; two values are left."""

    def certain(self, condition: Condition, wanted: bool = True) -> T:
        """That the condition is met; or, when that is wanted, that it is not met."""
        match condition:
            case Always():
                return self.constant(wanted)
            case Not(part):
                return self.certain(part, not wanted)
            case AllOf(parts) | AnyOf(parts):
                written = [self.certain(part, wanted) for part in parts]
                return self.both(written) if isinstance(condition, AllOf) is wanted else self.either(written)
            case AtLeast(count, parts):
                needed = count if wanted else len(parts) - count + 1
                return self.at_least(needed, [self.certain(part, wanted) for part in parts])
            case Known(fact):
                return self.known(fact, wanted)
            case Compare() | Between() | Among() | Includes():
                held = self.holds(condition)
                return self.both([self.known(condition.fact, True), held if wanted else self.opposite(held)])
            case _:
                assert_never(condition)

    @abstractmethod
    def constant(self, value: bool) -> T: ...
    @abstractmethod
    def both(self, parts: Sequence[T]) -> T: ...
    @abstractmethod
    def either(self, parts: Sequence[T]) -> T: ...
    @abstractmethod
    def opposite(self, part: T) -> T: ...
    @abstractmethod
    def at_least(self, count: int, parts: Sequence[T]) -> T: ...
    @abstractmethod
    def known(self, fact: str, wanted: bool) -> T: ...
    @abstractmethod
    def holds(self, leaf: Leaf) -> T: ...


class InPython(Dialect[str]):
    def constant(self, value: bool) -> str:
        return str(value)

    def both(self, parts: Sequence[str]) -> str:
        return f"({' and '.join(parts)})"

    def either(self, parts: Sequence[str]) -> str:
        return f"({' or '.join(parts)})"

    def opposite(self, part: str) -> str:
        return f"not {part}"

    def at_least(self, count: int, parts: Sequence[str]) -> str:
        return f"({' + '.join(parts)} >= {count})"

    def known(self, fact: str, wanted: bool) -> str:
        return f"{fact!r} in f" if wanted else f"({fact!r} not in f)"

    def holds(self, leaf: Leaf) -> str:
        value = f"f[{leaf.fact!r}]"
        match leaf:
            case Compare(_, Operator.IS, True):
                return value
            case Compare(_, operator, limit):
                return f"({value} {'==' if operator is Operator.IS else operator} {_python(limit)})"
            case Between(_, low, high):
                return f"({_python(low)} <= {value} <= {_python(high)})"
            case Among(_, codes):
                return f"({value} in {codes!r})"
            case Includes(_, code):
                return f"({code!r} in {value})"
            case _:
                raise TypeError(leaf)


class InZen(InPython):
    def constant(self, value: bool) -> str:
        return str(value).lower()

    def at_least(self, count: int, parts: Sequence[str]) -> str:
        return f"({' + '.join(f'({part} ? 1 : 0)' for part in parts)} >= {count})"

    def known(self, fact: str, wanted: bool) -> str:
        return f"({fact} {'!=' if wanted else '=='} null)"

    def opposite(self, part: str) -> str:
        return f"not ({part})"

    def holds(self, leaf: Leaf) -> str:
        match leaf:
            case Compare(fact, Operator.IS, value):
                return f"({fact} == {_quoted(value)})"
            case Compare(fact, operator, value):
                return f"({fact} {operator} {_quoted(value)})"
            case Between(fact, low, high):
                return f"({fact} >= {_quoted(low)} and {fact} <= {_quoted(high)})"
            case Among(fact, codes):
                return f"({fact} in [{', '.join(map(_quoted, codes))}])"
            case Includes(fact, code):
                return f"({_quoted(code)} in {fact})"
            case _:
                raise TypeError(leaf)


class InClips(Dialect[str]):
    """CLIPS has a slot for every fact, nil when it is not known; a list of codes has one for each of its codes."""

    def constant(self, value: bool) -> str:
        return str(value).upper()

    def both(self, parts: Sequence[str]) -> str:
        return f"(and {' '.join(parts)})"

    def either(self, parts: Sequence[str]) -> str:
        return f"(or {' '.join(parts)})"

    def opposite(self, part: str) -> str:
        return f"(not {part})"

    def at_least(self, count: int, parts: Sequence[str]) -> str:
        return f"(>= (+ 0 {' '.join(f'(if {part} then 1 else 0)' for part in parts)}) {count})"

    def known(self, fact: str, wanted: bool) -> str:
        return f"({'neq' if wanted else 'eq'} ?{fact} nil)"

    def holds(self, leaf: Leaf) -> str:
        match leaf:
            case Compare(fact, Operator.IS, True):
                return f"(eq ?{fact} TRUE)"
            case Compare(fact, Operator.IS, str() as code):
                return f"(eq ?{fact} {_quoted(code)})"
            case Compare(fact, operator, value):
                return f"({'=' if operator is Operator.IS else operator} ?{fact} {_quoted(value)})"
            case Between(fact, low, high):
                return f"(<= {_quoted(low)} ?{fact} {_quoted(high)})"
            case Among(fact, codes):
                return f"(or {' '.join(f'(eq ?{fact} {_quoted(code)})' for code in codes)})"
            case Includes(fact, code):
                return f"(eq ?{fact}_{code} TRUE)"
            case _:
                raise TypeError(leaf)

    def pattern(self, condition: Condition) -> str:
        """The left side of a rule: a constraint on each slot when every part reads one of its own, or else a test."""
        parts = condition.parts if isinstance(condition, AllOf) else (condition,)
        read = [_slots(part) for part in parts]
        if all(len(slots) == 1 for slots in read) and len(set().union(*read)) == len(parts):
            constraints = (f"({slot} ?{slot}&:{self.certain(part)})" for (slot,), part in zip(read, parts, strict=True))
            return f"(patient {' '.join(constraints)})"
        bound = " ".join(f"({slot} ?{slot})" for slot in sorted(set().union(*read)))
        return f"(patient {bound}) (test {self.certain(condition)})"


def _slots(condition: Condition) -> set[str]:
    return {name for leaf in leaves(condition) for name in (leaf.fact, *_slot_of_code(leaf))}


def _slot_of_code(leaf: Leaf) -> tuple[str, ...]:
    return (f"{leaf.fact}_{leaf.code}",) if isinstance(leaf, Includes) else ()


class InJsonLogic(Dialect[Any]):
    def constant(self, value: bool) -> Any:
        return value

    def both(self, parts: Sequence[Any]) -> Any:
        return {"and": list(parts)}

    def either(self, parts: Sequence[Any]) -> Any:
        return {"or": list(parts)}

    def opposite(self, part: Any) -> Any:
        return {"!": [part]}

    def at_least(self, count: int, parts: Sequence[Any]) -> Any:
        return {">=": [{"+": [{"if": [part, 1, 0]} for part in parts]}, count]}

    def known(self, fact: str, wanted: bool) -> Any:
        return {"!==" if wanted else "===": [{"var": fact}, None]}

    def holds(self, leaf: Leaf) -> Any:
        value = {"var": leaf.fact}
        match leaf:
            case Compare(_, Operator.IS, limit):
                return {"===": [value, limit]}
            case Compare(_, operator, limit):
                return {str(operator): [value, _plain(limit)]}
            case Between(_, low, high):
                return {"<=": [_plain(low), value, _plain(high)]}
            case Among(_, codes):
                return {"in": [value, list(codes)]}
            case Includes(_, code):
                return {"in": [code, value]}
            case _:
                raise TypeError(leaf)


def compiled(conditions: Mapping[str, Condition]) -> Contender:
    """The limit: a Python function for every condition, made from its source."""
    python = InPython()
    functions = [
        (name, eval(f"lambda f: {python.certain(condition)}", {"date": date})) for name, condition in conditions.items()
    ]
    return lambda patient: frozenset([name for name, met in functions if met(patient)])


def walked(conditions: Mapping[str, Condition]) -> Contender:
    """The plain reading itself, node by node."""
    named = list(conditions.items())
    return lambda patient: frozenset([name for name, condition in named if reading(condition, patient)])


def in_a_zen_table(conditions: Mapping[str, Condition]) -> Contender:
    """A decision table with a row for every condition, of which all that are met are collected."""
    written = InZen()
    rows = [{"_id": name, "in": written.certain(each), "out": f'"{name}"'} for name, each in conditions.items()]
    content = {
        "hitPolicy": "collect",
        "inputs": [{"id": "in", "name": "condition", "field": ""}],
        "outputs": [{"id": "out", "name": "rule", "field": "rule"}],
        "rules": rows,
    }
    nodes = [
        {"id": "1", "name": "in", "type": "inputNode"},
        {"id": "2", "name": "rules", "type": "decisionTableNode", "content": content},
        {"id": "3", "name": "out", "type": "outputNode"},
    ]
    edges = [{"id": f"{one}-{two}", "sourceId": one, "targetId": two, "type": "edge"} for one, two in ("12", "23")]
    placed = [{**node, "position": {"x": 0, "y": 0}} for node in nodes]
    decision = zen.ZenEngine().create_decision(json.dumps({"nodes": placed, "edges": edges}))

    def answer(patient: Facts) -> frozenset[str]:
        result: Any = decision.evaluate(_listed(patient))["result"]
        return frozenset([row["rule"] for row in result])

    return answer


def in_a_zen_expression(conditions: Mapping[str, Condition]) -> Contender:
    """One expression, an array with every condition."""
    written = InZen()
    names = list(conditions)
    expression = zen.compile_expression(f"[{', '.join(map(written.certain, conditions.values()))}]")

    def answer(patient: Facts) -> frozenset[str]:
        values = expression.evaluate(_listed(patient))
        return frozenset([name for name, met in zip(names, values, strict=True) if met])

    return answer


def in_clips(conditions: Mapping[str, Condition], facts: Mapping[str, Fact]) -> Contender:
    """A rule for every condition, which adds its name to a list when it fires."""
    environment = clips.Environment()
    environment.build("(defglobal ?*met* = (create$))")
    written = InClips()
    lists = {key: {f"{key}_{code.code}": code.code for code in fact.codes} for key, fact in facts.items()}
    slots = [slot for key, of_codes in lists.items() for slot in (key, *of_codes)]
    environment.build(f"(deftemplate patient {' '.join(f'(slot {slot})' for slot in slots)})")
    for name, condition in conditions.items():
        fired = f"(bind ?*met* (create$ ?*met* {name}))"
        environment.build(f"(defrule {name} {written.pattern(condition)} => {fired})")
    template, names = environment.find_template("patient"), environment.find_global("met")

    def answer(patient: Facts) -> frozenset[str]:
        told = {key: _plain(value) for key, value in patient.items()}
        for key, value in patient.items():
            if isinstance(value, frozenset):
                told[key] = True
                told.update((slot, code in value) for slot, code in lists[key].items())
        fact = template.assert_fact(**told)
        environment.run()
        met = frozenset(map(str, names.value))
        names.value = ()
        fact.retract()
        return met

    return answer


def in_json_logic(conditions: Mapping[str, Condition]) -> Contender:
    written = InJsonLogic()
    rules = [(name, written.certain(condition)) for name, condition in conditions.items()]

    def answer(patient: Facts) -> frozenset[str]:
        told = _listed(patient)
        return frozenset([name for name, rule in rules if json_logic.jsonLogic(rule, told)])

    return answer


def _listed(patient: Facts) -> dict[str, Any]:
    """What JSON can hold: lists for sets, the number of a day for a date."""
    return {key: _plain(value) for key, value in patient.items()}


def _plain(value: Value) -> Any:
    match value:
        case date():
            return value.toordinal()
        case frozenset():
            return list(value)
        case _:
            return value


def _python(value: Value) -> str:
    return f"date({value.year}, {value.month}, {value.day})" if isinstance(value, date) else repr(value)


def _quoted(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case _:
            return str(_plain(value))
