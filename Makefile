# From a fresh clone with Python 3.11 or newer and make: `make run`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := domain application infrastructure kernels projections api tests bench
BENCHES := append kernel joint trials compile sweep lanes_bound gpu live_step run strategies_table

.PHONY: run test verify lint format bench setup clean

run: setup
	$(BIN)/perpetua run $(ARGS)

test: setup
	$(BIN)/python -m pytest $(ARGS)

# The long counts: ten kills instead of three, more examples for every property.
verify: setup
	PERPETUA_LONG=1 $(BIN)/python -m pytest -m "long or not long" $(ARGS)

lint: setup
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: setup
	@set -e; for name in $(BENCHES); do echo; $(BIN)/python -m bench.$$name; done

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python was %d.%d, must be 3.11 or newer: make PYTHON=/path/to/python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
