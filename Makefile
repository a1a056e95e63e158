# `make demo` and `make test` do everything from a fresh clone; `make help` lists the rest.

unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Behind a company's proxy, the system's certificate store has the proxy's certificate; uv's own does not.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= 1
endif

uv := .tools/uv/bin/uv
compile := $(uv) pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header \
	--no-emit-index-url --no-annotate $(if $(UPGRADE),--upgrade)

# Two tests at a time are what two processors bear; tests/workers.py says which of them share a worker.
workers := -n logical --maxprocesses 4

.DEFAULT_GOAL := help
.PHONY: help setup demo check test test-slow docs lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

setup:  ## install the locked environment into .venv (the other targets do this first)
	@.make/setup

demo: setup  ## watch a small model teach itself arithmetic (minutes, no GPU; ARGS="--iterations 1" adds options)
	automathes run --preset demo $(ARGS)
	automathes report

check: setup  ## lint, formatting, types, layers, dead code
	ruff check
	ruff format --check
	mypy
	lint-imports
	vulture

test: check  ## check, then the tests (40 minutes on two cores; ARGS="-k sandbox" adds options)
	@.make/test-tools
	pytest -m "not slow and not alone" $(workers) $(ARGS)
	pytest -m "alone and not slow" $(ARGS) || [ $$? -eq 5 ]  # ARGS may have chosen none

test-slow: setup  ## the tests that take longest
	@.make/test-tools
	pytest -m slow $(ARGS)

docs: setup  ## build the documentation site into build/docs (no network; warnings are errors)
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	@echo 'open build/docs/index.html, or run `mkdocs serve`'

lock: setup  ## lock the dependencies of pyproject.toml in .locks/ (UPGRADE=1 takes the newest versions)
	$(compile) pyproject.toml --extra cpu --extra dev -o .locks/cpu.txt
	$(compile) pyproject.toml --extra gpu --extra dev -o .locks/gpu.txt
	echo 'uv$(if $(UPGRADE),,==$(word 2,$(shell $(uv) --version)))' | $(compile) - -o .locks/uv.txt
	sed -i 's/ ; .* \\$$/ \\/' .locks/uv.txt  # any Python may install uv, not only the one that runs the project

clean:  ## remove the environment and the caches; runs/ stays
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info
	find $(wildcard actors learner sandbox store eval cluster tests) -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'Kept: runs/ (your runs) and the download cache of uv (`uv cache clean` empties it).'
