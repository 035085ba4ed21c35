"""A million patients through one engine: every answer held against the plain reading, memory printed on the way.

`python -m tests.load.soak [PATIENTS] [THREADS]`, also with MALLOC_PERTURB_=85 in the environment: the C library then
fills what is freed, so that whatever still points there is found out. Linux only, since it reads /proc.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from cds.engine import Engine
from cds.planning import plan
from knowledge.facts import Facts
from knowledge.reasoning import reading
from tests import synthetic

RULES = 200
DIFFERENT_PATIENTS = 500
REPORTS = 10


def main(arguments: list[str]) -> int:
    """0 when every answer was right, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", nargs="?", type=int, default=1_000_000)
    parser.add_argument("threads", nargs="?", type=int, default=1)
    asked = parser.parse_args(arguments)
    random = Random(1)
    facts = synthetic.dictionary(random)
    conditions = synthetic.conditions(random, facts, RULES)
    patients = [synthetic.patient(random, facts) for _ in range(DIFFERENT_PATIENTS)]
    expected = [
        (patient, frozenset(name for name, condition in conditions.items() if reading(condition, patient)))
        for patient in patients
    ]
    wrong = 0
    with Engine(plan(conditions, facts)) as engine:
        print(f"{RULES} rules, {asked.threads} threads: resident {resident():.1f} MB before the first patient")
        for report in range(1, REPORTS + 1):
            begun = time.perf_counter()
            wrong += round_of(engine, expected, asked.patients // REPORTS, asked.threads)
            each = (time.perf_counter() - begun) / (asked.patients // REPORTS)
            print(
                f"{asked.patients * report // REPORTS:>9,} patients: resident {resident():.1f} MB, "
                f"{each * 1e6:.0f} µs each, {wrong} wrong",
                flush=True,
            )
    return 1 if wrong else 0


def round_of(engine: Engine, expected: Sequence[tuple[Facts, frozenset[str]]], count: int, threads: int) -> int:
    """How many answers were wrong, of so many patients shared out among threads."""
    wrong = [0] * threads

    def ask(thread: int) -> None:
        for number in range(thread, count, threads):
            patient, met = expected[number % len(expected)]
            wrong[thread] += engine.fire(patient) != met

    asking = [threading.Thread(target=ask, args=[thread]) for thread in range(threads)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    return sum(wrong)


def resident() -> float:
    """The resident memory of this process in megabytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("This system does not say how much memory is resident.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
