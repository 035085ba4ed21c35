"""The peers of the engine, each made to answer as the plain reading does.

No peer knows three values. So each is asked for what is certain: negation is written away, and every comparison
asks first whether its fact is known. Each is used in the fastest way that was found. CLIPS gets the parts of a
conjunction as constraints of its network, and its agenda is read without running it. zen-engine comes twice: with
a decision table, which is its form for many rules, and with all rules as the parts of one compiled expression,
which is no rules engine any more, but what an expression can do at best.
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
    facts_of,
)
from knowledge.facts import Fact, Facts, FactType, Value
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
    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.facts = facts

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
        return f"({'neq' if wanted else 'eq'} ?{self.slot(fact)} nil)"

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
                return f"(neq (member$ {_quoted(code)} ?{fact}) FALSE)"
            case _:
                raise TypeError(leaf)

    def slot(self, fact: str) -> str:
        """The slot that is nil while the fact is not known: of a list it is one of its own."""
        return f"{fact}_known" if self.facts[fact].type is FactType.CODES else fact

    def pattern(self, condition: Condition) -> str:
        """The left side of a rule: constraints on slots where each part reads a fact of its own, or else one test."""
        parts = condition.parts if isinstance(condition, AllOf) else (condition,)
        read = [facts_of(part) for part in parts]
        names = [name for part in read for name in part]
        alone = len(set(names)) == len(names) and all(len(part) == 1 for part in read)
        if alone and not any(self.facts[name].type is FactType.CODES for name in names):
            slots = " ".join(
                f"({name} ?{name}&:{self.certain(part)})" for (name,), part in zip(read, parts, strict=True)
            )
            return f"(patient {slots})"
        bound = " ".join(self.bound(name) for name in dict.fromkeys(names))
        return f"(patient {bound}) (test {self.certain(condition)})"

    def bound(self, fact: str) -> str:
        if self.facts[fact].type is FactType.CODES:
            return f"({fact}_known ?{fact}_known) ({fact} $?{fact})"
        return f"({fact} ?{fact})"


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
    environment = clips.Environment()
    written = InClips(facts)
    lists = [key for key, fact in facts.items() if fact.type is FactType.CODES]
    slots = [f"({'multislot' if key in lists else 'slot'} {key})" for key in facts]
    environment.build(f"(deftemplate patient {' '.join(slots)} {' '.join(f'(slot {key}_known)' for key in lists)})")
    for name, condition in conditions.items():
        environment.build(f"(defrule {name} {written.pattern(condition)} =>)")
    template = environment.find_template("patient")

    def answer(patient: Facts) -> frozenset[str]:
        slots = _listed(patient)
        slots.update((f"{key}_known", True) for key in lists if key in slots)
        fact = template.assert_fact(**slots)
        met = frozenset([activation.name for activation in environment.activations()])
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
