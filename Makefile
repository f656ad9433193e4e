# Everything runs in .venv, made from requirements.lock. PYTHON is any Python from 3.11 on.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
EXPERIMENTS := $(filter-out experiments/atlas%,$(wildcard experiments/*.toml))
ATLAS := atlas atlas_forest atlas_noise

.DEFAULT_GOAL := help
.PHONY: help sweep gallery test test-all fuzz torture lint bench atlas reproduce reproduce-atlas \
	calibrate readme lock clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

sweep: $(READY)  ## run experiments/digits.toml on all cores, draw its plots, write its page and print its report
	$(BIN)/alrun sweep experiments/digits.toml
	$(BIN)/alrun plot results/digits --kind curves --batch-size 10 --output results/digits/curves.svg
	$(BIN)/alrun plot results/digits --kind savings --output results/digits/savings.svg
	$(BIN)/alrun report results/digits --output results/digits/report.html
	$(BIN)/alrun report results/digits
	@echo "The same as a page: results/digits/report.html"

gallery: $(READY)  ## run every experiment but the atlas
	for file in $(EXPERIMENTS); do $(BIN)/alrun sweep $$file || exit; done

# Each half of the tests stays with one process, which computes what they share once.
PYTEST := $(BIN)/pytest --numprocesses 2 --dist worksteal --durations 10

test: $(READY)  ## run the test suite, and name the slowest of it
	$(PYTEST) -m "not slow"

test-all: $(READY)  ## run the test suite with the slow repeats that `make test` leaves out
	$(PYTEST)

fuzz: $(READY)  ## check thousands of mutated files: each gives a right answer or a clear line
	PYTHONPATH=tests:tests/helpers $(BIN)/python -m fuzzing

lint: $(READY)  ## check style, types, and the numbers in README.md and docs/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python experiments/readme.py --check

bench: $(READY)  ## measure speed, beside other libraries; the figures go to results/benchmarks.json
	$(BIN)/python tests/benchmarks/bench.py

# A sweep that was stopped goes on where it was, for as long as results/*/runs stays.
atlas: $(READY)  ## compute 36 data sets for two models in over an hour, and write their pages
	for name in $(ATLAS); do \
		$(BIN)/alrun sweep experiments/$$name.toml && \
		$(BIN)/alrun report results/$$name --adjust maxT --output results/$$name/report.html && \
		$(BIN)/alrun report results/$$name --adjust maxT --format csv --output results/$$name/report.csv && \
		$(BIN)/alrun stopping results/$$name --rule kappa --format csv --output results/$$name/stopping.csv \
		|| exit; done
	$(BIN)/python experiments/atlas_findings.py
	$(BIN)/python experiments/readme.py

torture: $(READY)  ## kill sweeps and labelling at random moments: is a run or a label lost?
	PYTHONPATH=tests:tests/helpers $(BIN)/python -m torture

reproduce: $(READY)  ## compute every experiment anew, a tenth of the atlas, and compare the results
	$(BIN)/python experiments/reproduce.py

reproduce-atlas: $(READY)  ## compute all of the atlas anew and compare with the committed results
	$(BIN)/python experiments/reproduce.py $(ATLAS)

calibrate: $(READY)  ## check error rates and coverage on simulated curves whose truth is known
	$(BIN)/python experiments/calibrate.py
	$(BIN)/python experiments/calibrate_ranks.py
	$(BIN)/python experiments/calibrate_signed_rank.py
	$(BIN)/python experiments/calibrate_stopping.py

readme: $(READY)  ## write the numbers in README.md and docs/ from the committed results
	$(BIN)/python experiments/readme.py

lock: $(READY)  ## resolve the dependencies anew into requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-annotate \
		--python-version 3.11 --custom-compile-command "make lock" \
		--all-extras --group pyproject.toml:dev pyproject.toml --output-file requirements.lock

clean:  ## remove .venv, caches and the run files of sweeps
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf results/*/runs results/*/failed results/*/references results/*/runs.parquet

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "alrun needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)
