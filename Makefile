# make quick and make test set up what they need: a locked environment in .venv. uv makes it, and is fetched into .uv if
# it is missing. Nothing is written outside this folder, except what your own uv keeps in its cache.

CORES ?= all
PYTEST ?=
# How many tests run in parallel: one per core. --maxprocesses limits them, since each process loads PyTorch
JOBS ?= $(shell nproc 2>/dev/null || echo auto)
BENCH ?=
GPU_CHECK ?=
UV_VERSION := 0.13.9

# `uv --version`, not only `command -v`: a shim may exist without a uv behind it
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .uv/bin/uv)
ifeq ($(UV),.uv/bin/uv)
export UV_CACHE_DIR := $(CURDIR)/.uv/cache
endif
export UV_PYTHON_DOWNLOADS := never

# With visible GPUs or MIG instances, one job for each. Without them no limit: it would keep the CPUs idle
GPUS := $(shell { [ -z "$${CUDA_VISIBLE_DEVICES+set}" ] && nvidia-smi -L 2>/dev/null || echo "$$CUDA_VISIBLE_DEVICES" | tr ', ' '\n\n'; } | grep -cE '^(GPU|MIG|[0-9])')
# Relative, quoted, and with `python -m`: the name of this folder may contain spaces and quotes
PYTHON = XDG_CACHE_HOME="$$PWD/.cache/xdg" MPLCONFIGDIR="$$PWD/.cache/matplotlib" .venv/bin/python
SNAKEMAKE = $(PYTHON) -m snakemake --cores $(CORES) $(if $(filter-out 0,$(GPUS)),--resources gpu=$(GPUS))
TESTS = $(PYTHON) -m pytest -n $(JOBS) --maxprocesses 8

.PHONY: help env quick test test-all publish gpu-check bench lint docs clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -E '^[a-z.-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## */\t/' | expand -t 18

env: | $(UV)  ## set up the locked environment in .venv
	@$(UV) sync --locked --inexact --quiet

.uv/bin/uv:
	@echo "uv is missing: fetching uv $(UV_VERSION) into .uv"
	@python3 tools/fetch_uv.py $(UV_VERSION) .uv

quick: env  ## run the whole workflow in minutes, on built-in data: results/quick/tables.md, figures/quick/
	@$(SNAKEMAKE) --config experiment=quick
	@sed -n '/^### Every method/,/^##* Notes/p' results/quick/tables.md | grep '^|'
	@echo "Tables: results/quick/tables.md. Figures: $$(echo figures/quick/*.png)"

test: env  ## run the tests in random order, except slow ones; PYTEST="-k name" selects tests
	@$(TESTS) -m "not slow" $(PYTEST)

test-all: env  ## run all tests
	@$(TESTS) $(PYTEST)

publish: env  ## copy finished runs of EXPERIMENT=… into results/published, then redraw the tables and figures in git
	@$(PYTHON) -m marginmix publish $(EXPERIMENT) $(if $(SET),--set $(SET))
	@$(PYTHON) tools/costs.py
	@$(SNAKEMAKE) --config only=finished
	@git status --short -- results figures docs/reproduce.md

gpu-check: env  ## check this machine's GPUs in minutes: results/gpu-check/; GPU_CHECK="--quick" for less
	@$(PYTHON) -m marginmix.gpu_check $(GPU_CHECK)

bench: env  ## measure a training step against a plain loop: benchmarks/results/README.md
	@$(PYTHON) -m benchmarks $(BENCH)

lint: env  ## run ruff, snakefmt and snakemake --lint, and count words per sentence in README and docs
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m ruff format --check .
	@.venv/bin/python -m snakefmt --check workflow
	@$(PYTHON) -m snakemake --lint
	@.venv/bin/python tools/words.py

# Without --quiet, which would also hide the warnings that --strict counts
docs: | $(UV)  ## build the documents as a site, site/index.html; fails on a dead link or a page missing from the nav
	@$(UV) sync --locked --inexact --quiet --group docs
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict
	@echo "The site: site/index.html"

environment.yml: uv.lock | env  ## write the pins of uv.lock for users of conda
	@.venv/bin/python tools/conda_environment.py

clean:  ## delete caches and logs; keeps the environment, data, results and figures
	rm -rf .cache .pytest_cache .ruff_cache .snakemake logs results/left-out.md
