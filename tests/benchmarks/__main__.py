"""`python -m tests.benchmarks`: the tables of the README, as ratios within one run."""

from __future__ import annotations

from tests.benchmarks import engine, request

if __name__ == "__main__":
    print("### The engine beside its peers\n")
    engine.main()
    print("\n### The whole request beside a bare Flask view\n")
    print(request.table())
