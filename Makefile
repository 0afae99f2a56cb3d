# `make run` and `make test` are all a fresh clone needs: Python 3.11 or newer, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
ARGS ?=

.PHONY: run test test-all check format contracts bench bench-judge wheel lock

run: $(STAMP)
	@$(BIN)/proofboard serve $(ARGS)

test: check
	$(BIN)/pytest tests -n 2 -m "not slow" $(ARGS)

test-all: check
	$(BIN)/pytest tests -n 2 $(ARGS)

# Style, types, and the soundness of every vendor folder.
check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/proofboard check

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

contracts: $(STAMP)
	$(BIN)/proofboard test $(ARGS)

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/peers.py $(ARGS)

bench-judge: $(STAMP)
	$(BIN)/python tests/benchmarks/judge.py $(ARGS)

wheel: $(STAMP)
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# Installed anew only when what is to be installed has changed.
$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with PYTHON=...")'
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV), once until the lock changes."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# Pins every dependency as a clean installation of pyproject.toml finds it today.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install -qq '.[dev]'
	(echo '# Made by `make lock` from pyproject.toml.'; build/lock/bin/python -m pip freeze --exclude proofboard) > requirements.lock
	rm -rf build/lock
