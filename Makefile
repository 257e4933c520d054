# Each target makes what it needs: a virtual environment in .venv, then the work.
PYTHON ?= python3
VENV := .venv
READERS := .venv-readers
SITE := .venv-site
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO ?= maskcast-demo

.PHONY: demo test readers docs check bench system-packages clean-venv

demo: $(VENV)/.installed
	$(BIN)/maskcast demo $(DEMO)

test: system-packages $(VENV)/.installed-test
	@PYTHON=$(BIN)/python .ci/scripts test
	$(BIN)/python -m pytest -n auto

# Exports loaded with the tools they are for, which cannot share an environment with the tests.
readers: $(READERS)/.installed
	QT_QPA_PLATFORM=offscreen $(READERS)/bin/python -m pytest \
		-W ignore::pytest.PytestUnraisableExceptionWarning tests/acceptance/test_readers.py  # they leave files open

# The documentation site, in build/site; a link that leads nowhere fails.
docs: $(SITE)/.installed
	$(SITE)/bin/mkdocs build --strict

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	@.ci/scripts check

bench: $(VENV)/.installed-test
	$(BIN)/python benchmarks/speed.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "maskcast needs Python 3.11 or newer; give it as: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml tests/constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint tests/constraints.txt --editable '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml tests/constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint tests/constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

$(READERS)/.installed: pyproject.toml tests/readers.txt
	$(PYTHON) -m venv $(READERS)
	$(READERS)/bin/python -m pip --disable-pip-version-check install --quiet --requirement tests/readers.txt
	$(READERS)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --editable .
	@touch $@

$(SITE)/.installed: pyproject.toml docs/requirements.txt
	$(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -m pip --disable-pip-version-check install --quiet --requirement docs/requirements.txt --editable .
	@touch $@

system-packages:
	@.ci/system-packages

clean-venv:
	rm -rf $(VENV) $(READERS) $(SITE) node_modules
