# run, test, lint, bench: from a fresh clone each makes the environment first.
PYTHON ?= python3
BIN := .venv/bin
# Python 3.13 renamed a C function that durable_rules calls.
export CPPFLAGS += $(shell $(PYTHON) -c 'import sys; print("-DPyEval_CallObject=PyObject_CallObject" * (sys.version_info >= (3, 13)))')

.PHONY: run test lint bench install lock

run: install
	$(BIN)/phasewise serve --demo

test: install
	$(BIN)/python -m pytest -n auto

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright && $(BIN)/lint-imports

bench: install
	$(BIN)/python -m tests.benchmarks

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Needs uv. One file holds every version, for all three Pythons, with the digest of every archive.
lock:
	uv pip compile pyproject.toml --universal --all-extras --generate-hashes --python-version 3.11 --no-header --annotation-style line --quiet --output-file requirements.lock --upgrade
