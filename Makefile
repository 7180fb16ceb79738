# Every target sets up what it needs; a machine with make, python3 and pip is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check
SEIDO := src/seido

.PHONY: help demo test check lint bench clean
help:  ## Say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

# --without-pip: Debian ships python3 without ensurepip; the outer pip then installs into the environment.
$(BIN)/python:
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.user: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e '.[fast,face,corpora,cluster,export,tensorboard,encoders,phantom,studio,dev]'
	@touch $@ $(VENV)/.user

demo: $(VENV)/.user  ## Make a movie with the bundled model, and score it
	$(BIN)/seido demo

test: $(VENV)/.dev  ## Run the tests
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test  ## All that CI runs: ruff, mypy --strict, tests

bench: $(VENV)/.dev  ## Measure; results are printed and belong in bench/RESULTS.md
	@for script in bench/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:  ## Remove the environment and what the demo wrote
	rm -rf $(VENV) demo
