# `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What the decoder's child processes need: libarchive, libseccomp and 7-Zip.
LIBRARIES := libarchive13 libseccomp2 7zip
LIBRARIES_THERE := command -v 7zz >/dev/null && \
  $(PYTHON) -c 'import ctypes; ctypes.CDLL("libarchive.so.13"); ctypes.CDLL("libseccomp.so.2")' 2>/dev/null
SHIM_SOURCES := $(shell find shim verdict_api -name '*.py') deploy/shim/build_pyz.py requirements/shim.lock

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format scenarios bench faults soak clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z.]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## a virtual environment with everything (idempotent)

$(READY): requirements/dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null && $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3.11 python3.11-venv; \
	  else echo "make setup: missing Python 3.11 with venv. Install it: apt-get install python3.11 python3.11-venv" >&2; exit 2; fi; }
	@$(LIBRARIES_THERE) || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(LIBRARIES); \
	  else echo "make setup: missing what opens archives. Install it: apt-get install $(LIBRARIES)" >&2; exit 2; fi; }
	@echo "setup: virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## service, shim, a clean and an infected message through a real filter socket
	@$(BIN)/python deploy/demo.py

test: setup build/shim.pyz ## every test; as root with the real Courier and clamd
	@$(BIN)/python -m tests.run

scenarios: setup build/shim.pyz ## only the scenarios with the real Courier (root)
	@$(BIN)/python -m tests.run scenarios

check: setup ## format, lint, types, imports, docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/architecture tests/docs

format: setup ## rewrite the sources in the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## the table of docs/explanation/performance.md, and bench/results.json
	@$(BIN)/python -m bench

faults: setup ## the table of docs/explanation/faults.md, and tests/faults/results.json (root)
	@$(BIN)/python -m tests.faults

soak: setup build/shim.pyz ## restarts, kills, leaks and strange bytes, in 40 minutes (root); soak/results.json
	@$(BIN)/python -m soak --write $(PARTS)

build/shim.pyz: $(SHIM_SOURCES) | $(READY)
	@$(BIN)/python deploy/shim/build_pyz.py $@

shim.pyz: build/shim.pyz ## the shim as one file, build/shim.pyz

clean: ## remove what make made
	rm -rf build $(VENV) *.egg-info
