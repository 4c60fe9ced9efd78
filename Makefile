# make demo: the main job on the default scenario. make test: everything CI checks. Both need only make and Python >= 3.11.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -qq
SCENARIO := scenarios/ticket_routing/scenario.yaml
DEMO := out/demo
# An editable install is not compiled by pip, and where PYTHONDONTWRITEBYTECODE is set never is: 0.1 s of each start.
BYTECODE := @$(PY) -m compileall -qq advisor runner pricing

export OMP_WAIT_POLICY := passive
export CROSSOVER_CALIBRATION := none
export HF_HUB_OFFLINE := 1
export HF_HUB_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(VENV)/ready-run  ## advise on the default scenario, run its plan, account for it (starts afresh each time)
	$(BYTECODE)
	rm -rf $(DEMO)
	mkdir -p $(DEMO)
	$(VENV)/bin/advise $(SCENARIO) --plan $(DEMO)/plan.json
	$(VENV)/bin/run $(DEMO)/plan.json

test: lint  ## lint, types, architecture, dependencies, tests; pytest's summary comes last
	$(BYTECODE)
	OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/ready-dev  ## the checks that need no run: ruff, basedpyright, import-linter, deptry
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/basedpyright
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry .

bench:  ## list the benchmarks; each is run with .venv/bin/python benchmarks/NAME.py
	@grep -Hm1 '^"""' benchmarks/*.py | sed -E 's/:"""/\t/; s/"""$$//' | expand -t 36

clean:  ## remove what the other commands made, but not .venv
	rm -rf out build dist crossover.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find advisor runner pricing scenarios tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is made anew when what it was installed from has changed.
$(VENV)/ready-run: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found; install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is `$(PYTHON) -V`; Crossover needs 3.11 or newer, for example: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module; install it (Debian, Ubuntu: the package python3-venv)" >&2; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): a few minutes the first time" >&2
	$(PIP) install 'pip>=25.1'
	$(PIP) install --constraint constraints.txt --editable '.[run,tokens,prices,xlsx]'
	touch $@

$(VENV)/ready-dev: $(VENV)/ready-run
	$(PIP) install --constraint constraints.txt --group dev
	touch $@
