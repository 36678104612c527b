# Every target works on a fresh machine with Python >= 3.11, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check format lint types docs serve bench bench-full clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: $(VENV)/installed  ## evaluate the bundled synthetic sample
	$(BIN)/community-plan evaluate

# By file, because the examples of one page share a namespace.
test: $(VENV)/installed  ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: test lint types docs  ## everything that CI runs

format: $(VENV)/installed  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/installed  ## format, lint and layer contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(VENV)/installed  ## strict types
	$(BIN)/mypy
	$(BIN)/mypy tests/test_typing.py  # as a user's code is checked

docs: $(VENV)/installed  ## build the site strictly into site/
	$(BIN)/mkdocs build --strict

serve: $(VENV)/installed  ## serve the site on localhost
	$(BIN)/mkdocs serve

$(VENV)/bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	touch $@

bench: $(VENV)/bench  ## compare with hand-written code, 650,000 rows
	$(BIN)/python -m bench

bench-full: $(VENV)/bench  ## also 10 million rows; renews the page on performance
	$(BIN)/python -m bench --full --publish

clean:  ## remove everything that was built
	rm -rf $(VENV) bench/cache site dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
