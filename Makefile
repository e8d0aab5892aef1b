# evalmill: `make eval` runs an example evaluation, `make test` the tests; both create .venv first.

PYTHON ?= python3
EVAL ?= prompts/arithmetic
ARGS ?=
BIN := .venv/bin
READY := .venv/.ready
BENCH := benchmarks/.venv

.DEFAULT_GOAL := help
.PHONY: help eval report costs test test-slow lint format docs images bench bench-peers constraints clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "evalmill needs Python 3.11 or newer; name one with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

eval: $(READY) ## Run an evaluation: EVAL=prompts/arithmetic ARGS="--limit 20".
	$(BIN)/evalmill run $(EVAL) $(ARGS)

report: $(READY) ## Make the pages of a run again: RUN=reports/arithmetic/... ARGS="--format md,junit".
	$(BIN)/evalmill report $(or $(RUN),$(error name a run folder with RUN=...)) $(ARGS)

costs: $(READY) ## What all runs spent, with a page of charts: DIR=reports ARGS="--by month".
	$(BIN)/evalmill costs $(or $(DIR),reports) --html $(or $(DIR),reports)/costs.html $(ARGS)

test: $(READY) ## Run the tests.
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal $(ARGS)

test-slow: $(READY) ## Run the long sweeps: crashes, full disks, bombs.
	$(BIN)/python -m pytest -m slow -n 2 --dist worksteal $(ARGS)

lint: $(READY) ## Check style, types and the direction of imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(READY) ## Format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## Write the page of the command line again.
	$(BIN)/python docs/make_command_line.py

images: $(READY) ## Take the pictures of the README again; needs Chromium.
	$(BIN)/python docs/make_images.py $(ARGS)

# A user's environment has no pandas; where it is installed, pyarrow imports it, for 0.2 s and 36 MB.
$(BENCH)/.ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BENCH)/bin/python -m pip uninstall --quiet --disable-pip-version-check --yes pandas statsmodels patsy
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

bench: $(BENCH)/.ready ## Measure performance, 20 minutes: ARGS="--quick" or ARGS="--only startup latency".
	$(BENCH)/bin/python -m benchmarks.all $(ARGS)

bench-peers: $(BENCH)/.ready ## Measure other tools on the same rows and server; installs them in benchmarks/.peers.
	$(BENCH)/bin/python -m benchmarks.peers $(ARGS)

constraints: ## Pin the dependencies again; needs uv.
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url --extra dev --extra speed --extra text pyproject.toml -o constraints.txt

clean: ## Remove the environment and caches; runs stay.
	rm -rf .venv $(BENCH) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist *.egg-info
