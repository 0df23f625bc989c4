# Every target sets itself up: python3 (3.11 or newer), python3-venv and make are all it needs.

PYTHON ?= python3
VENV ?= .venv
TESTS ?= tests
# Most tests wait for processes and deadlines, so four share two cores; the unit tests compute.
JOBS ?= $(if $(filter tests/unit%,$(TESTS)),2,4)
ARGS ?=

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
unexport PYTHONHOME PYTHONPATH
# Without kept bytecode each process of ours starts half a second later, while a caller waits.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo up call screenshots test check lint format bench lock clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED)  ## Start everything, play one call, check the order (ARGS=--json)
	@$(BIN)/alloresto demo $(ARGS)

up: $(INSTALLED)  ## Start everything and leave it running, until Ctrl-C
	@$(BIN)/alloresto up $(ARGS)

call: $(INSTALLED)  ## Place one more call to what `make up` runs
	@$(BIN)/alloresto call $(ARGS)

screenshots: $(INSTALLED)  ## Photograph every page of the site into .alloresto/screenshots (needs Chromium)
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

test: lint  ## Everything CI runs: the linters and all tests (TESTS=tests/unit for some, JOBS=0 one by one)
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS) $(ARGS)

check: test  ## The same as `make test`

lint: $(INSTALLED)  ## Style, types and the import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)  ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(INSTALLED)  ## Measure calls, workers, registrations; each ends with one JSON line
	@$(BIN)/alloresto bench call --json
	@$(BIN)/alloresto bench events --json
	@$(BIN)/alloresto bench worker --json
	@$(BIN)/alloresto bench registrations --json
	@$(BIN)/alloresto bench failover --json
	@$(BIN)/alloresto bench drain --json

lock: $(INSTALLED)  ## Write requirements.lock from pyproject.toml, keeping versions that still fit
	$(BIN)/uv pip compile pyproject.toml --extra dev --no-emit-index-url --no-emit-find-links \
		--universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock

clean:  ## Remove the virtual environment, the caches and the local data
	@if [ -L .alloresto/services ]; then rm -rf "$$(readlink -f .alloresto/services)"; fi
	rm -rf $(VENV) .alloresto .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache

# A half-made environment (interrupted, or moved here) has no working pip: it is made again.
$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo >&2 \
		"$(PYTHON) not found: install Python 3.11 or newer, or name it: make PYTHON=python3.12"; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo >&2 \
		"$(PYTHON) is $$($(PYTHON) -V 2>&1): AlloResto needs Python 3.11 or newer;" \
		"name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo >&2 \
		"$(PYTHON) cannot make virtual environments: install its venv module" \
		"(Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	@echo "Installing into $(VENV), once (about a minute)…"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@
