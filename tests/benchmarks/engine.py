"""The engine beside its peers and beside the limit, which is every condition compiled to Python.

`python -m tests.benchmarks.engine`. A patient goes in and the names of all conditions that are met come out. All
contenders answer the same patients in turn and their ratios are taken within a round; the time is that of the
processor, so that a busy machine disturbs it less. What is answered otherwise than by the plain reading is counted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from cds.engine import Engine
from cds.planning import plan
from knowledge.reasoning import reading
from tests import synthetic
from tests.benchmarks.peers import (
    Contender,
    compiled,
    in_a_zen_expression,
    in_a_zen_table,
    in_clips,
    in_json_logic,
    walked,
)

SIZES = (50, 200, 1_000, 5_000)
ROUNDS = 40
PATIENTS = 40
"""Different patients; each round asks the contenders for a few of them."""
EACH_ROUND = 3
LIMIT = "conditions compiled to Python: the limit"
OURS = "durable_rules, as used here"


@dataclass(frozen=True, slots=True)
class Measured:
    """One size: by contender seconds for a patient in each round and patients answered otherwise; rules met."""

    size: int
    seconds: Mapping[str, Sequence[float]]
    otherwise: Mapping[str, int]
    met: float

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def times_the_limit(self, name: str) -> float:
        """The median over the rounds of a contender's time by the limit's time in the same round."""
        pairs = zip(self.seconds[name], self.seconds[LIMIT], strict=True)
        return statistics.median(mine / limit for mine, limit in pairs)


def table(sizes: Sequence[int] = SIZES, rounds: int = ROUNDS) -> str:
    """The comparison as a markdown table."""
    measured = [measure(size, rounds) for size in sizes]
    lines = [
        f"60 facts, 0.8 of them known; how many times the limit a patient takes, as the median of {rounds} rounds.",
        "",
        f"| | {' | '.join(f'{one.size:,} rules' for one in measured)} | patients answered otherwise |",
        f"|---|{'---:|' * (len(measured) + 1)}",
    ]
    for name in measured[0].seconds:
        ratios = " | ".join(f"{one.times_the_limit(name):.1f}" for one in measured)
        lines.append(
            f"| {name} | {ratios} | {sum(one.otherwise[name] for one in measured)} of {len(measured) * PATIENTS} |"
        )
    lines += [
        f"| {said}, in microseconds | {' | '.join(f'{one.median(name) * 1e6:,.0f}' for one in measured)} | |"
        for said, name in (("the limit", LIMIT), (OURS, OURS))
    ]
    lines.append(f"| conditions that a patient meets | {' | '.join(f'{one.met:.0f}' for one in measured)} | |")
    before, after = measured[-2:]
    growth = ", ".join(f"{after.median(name) / before.median(name):.1f} times for {said}" for said, name in GROWING)
    lines += ["", f"From {before.size:,} to {after.size:,} rules the time grows {growth}."]
    return "\n".join(lines)


GROWING = (("the engine", OURS), ("the limit", LIMIT))


def measure(size: int, rounds: int) -> Measured:
    random = Random(size)
    facts = synthetic.dictionary(random)
    conditions = synthetic.conditions(random, facts, size)
    patients = [synthetic.patient(random, facts) for _ in range(PATIENTS)]
    right = [frozenset(name for name, each in conditions.items() if reading(each, patient)) for patient in patients]
    with Engine(plan(conditions, facts)) as engine:
        contenders: dict[str, Contender] = {
            LIMIT: compiled(conditions),
            OURS: engine.fire,
            "plain Python walking the tree": walked(conditions),
            "CLIPS, through clipspy": in_clips(conditions, facts),
            "zen-engine, a decision table": in_a_zen_table(conditions),
            "zen-engine, all rules in one expression": in_a_zen_expression(conditions),
            "json-logic-qubit": in_json_logic(conditions),
        }
        otherwise = {
            name: sum(answer(patient) != met for patient, met in zip(patients, right, strict=True))
            for name, answer in contenders.items()
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(rounds):
            asked = [patients[(turn * EACH_ROUND + n) % PATIENTS] for n in range(EACH_ROUND)]
            for name, answer in contenders.items():
                begun = time.process_time()
                for patient in asked:
                    answer(patient)
                seconds[name].append((time.process_time() - begun) / EACH_ROUND)
    return Measured(size, seconds, otherwise, statistics.mean(map(len, right)))


def main() -> None:
    print(table())


if __name__ == "__main__":
    main()
