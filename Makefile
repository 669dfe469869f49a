# make quick and make test set up what they need: a locked environment in .venv, by uv, which is fetched into .uv where
# it is missing. Nothing outside this folder is written, but what a uv of your own keeps in its cache.

CORES ?= all
PYTEST ?=
# So many tests at a time: one a core, but each process holds PyTorch
JOBS ?= $(shell nproc 2>/dev/null || echo auto)
BENCH ?=
UV_VERSION := 0.13.9

# `uv --version` and not `command -v`: a shim may be there for a uv that is not
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .uv/bin/uv)
ifeq ($(UV),.uv/bin/uv)
export UV_CACHE_DIR := $(CURDIR)/.uv/cache
endif
export UV_PYTHON_DOWNLOADS := never

# Where there are GPUs, one job each; elsewhere a limit would keep the CPUs idle
GPUS := $(shell nvidia-smi -L 2>/dev/null | grep -c '^GPU')
# Relative, quoted, and by `python -m`: the folder that this lies in may have spaces and quotes in its name
PYTHON = XDG_CACHE_HOME="$$PWD/.cache/xdg" MPLCONFIGDIR="$$PWD/.cache/matplotlib" .venv/bin/python
SNAKEMAKE = $(PYTHON) -m snakemake --cores $(CORES) $(if $(filter-out 0,$(GPUS)),--resources gpu=$(GPUS))
TESTS = $(PYTHON) -m pytest -n $(JOBS) --maxprocesses 8

.PHONY: help env quick test test-all publish bench lint docs clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z.-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## */\t/' | expand -t 18

env: | $(UV)  ## the locked environment in .venv
	@$(UV) sync --locked --inexact --quiet

.uv/bin/uv:
	@echo "uv is missing: fetching uv $(UV_VERSION) into .uv"
	@python3 tools/fetch_uv.py $(UV_VERSION) .uv

quick: env  ## the whole workflow in minutes, on data that come with it: results/quick/tables.md, figures/quick/
	@$(SNAKEMAKE) --config experiment=quick
	@sed -n '/^### Every method/,/^##* Notes/p' results/quick/tables.md | grep '^|'
	@echo "Tables: results/quick/tables.md. Figures: $$(echo figures/quick/*.png)"

test: env  ## the tests, in random order, but for slow ones that have a quick twin; PYTEST="-k name" chooses
	@$(TESTS) -m "not slow" $(PYTEST)

test-all: env  ## all tests
	@$(TESTS) $(PYTEST)

publish: env  ## finished runs of EXPERIMENT=… into results/published, then the tables and figures that git keeps
	@$(PYTHON) -m marginmix publish $(EXPERIMENT) $(if $(SET),--set $(SET))
	@$(PYTHON) tools/costs.py
	@$(SNAKEMAKE) --config only=finished
	@git status --short -- results figures docs/reproduce.md

bench: env  ## what a training step costs here, beside a plain loop: benchmarks/results/README.md
	@$(PYTHON) -m benchmarks $(BENCH)

lint: env  ## ruff, snakefmt, snakemake --lint, and words a sentence in README and docs
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m ruff format --check .
	@.venv/bin/python -m snakefmt --check workflow
	@$(PYTHON) -m snakemake --lint
	@.venv/bin/python tools/words.py

# Without --quiet, which also silences the warnings that --strict counts
docs: | $(UV)  ## the documents as a site: site/index.html; a dead link or a page that is not in the nav fails
	@$(UV) sync --locked --inexact --quiet --group docs
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict
	@echo "The site: site/index.html"

environment.yml: uv.lock | env  ## the pins of uv.lock for users of conda
	@.venv/bin/python tools/conda_environment.py

clean:  ## delete caches and logs; keeps the environment, data, results and figures
	rm -rf .cache .pytest_cache .ruff_cache .snakemake logs results/left-out.md
