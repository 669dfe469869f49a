# make quick and make test set up what they need: a locked environment in .venv, by uv, which is fetched into .uv where
# it is missing. Nothing outside this folder is written, but what a uv of your own keeps in its cache.

CORES ?= all
PYTEST ?=
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
SNAKEMAKE = .venv/bin/snakemake --cores $(CORES) $(if $(filter-out 0,$(GPUS)),--resources gpu=$(GPUS))
HERE := XDG_CACHE_HOME=$(CURDIR)/.cache/xdg MPLCONFIGDIR=$(CURDIR)/.cache/matplotlib

.PHONY: help env quick test bench lint clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z.]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## */\t/' | expand -t 18

env: | $(UV)  ## the locked environment in .venv
	@$(UV) sync --locked --quiet

.uv/bin/uv:
	@echo "uv is missing: fetching uv $(UV_VERSION) into .uv"
	@python3 workflow/scripts/fetch_uv.py $(UV_VERSION) .uv

quick: env  ## the whole workflow in minutes, on data that come with it: results/tables.md, figures/
	@$(HERE) $(SNAKEMAKE) --config budget=quick
	@sed -n '1,/^## /{/^## /!p;}' results/tables.md
	@echo "Tables: results/tables.md. Figures: $$(echo figures/*.png)"

test: env  ## the tests; PYTEST="-k name" chooses
	@$(HERE) .venv/bin/pytest $(PYTEST)

bench: env  ## what a training step costs here, beside a plain loop: benchmarks/results/README.md
	@$(HERE) .venv/bin/python -m benchmarks $(BENCH)

lint: env  ## ruff, snakefmt, snakemake --lint
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/snakefmt --check workflow
	@$(HERE) .venv/bin/snakemake --lint

environment.yml: uv.lock | env  ## the pins of uv.lock for users of conda
	@.venv/bin/python workflow/scripts/conda_environment.py

clean:  ## delete caches and logs; keeps the environment, data, checkpoints, results and figures
	rm -rf .cache .pytest_cache .ruff_cache .snakemake logs results/partial
