# make run | make test | make lab | make lessons | make notebooks | make lint | make bench | make figure
# Each sets up what it needs. Python 3.11 or newer; no GPU; no internet beyond the package registry.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
MIRROR := $(wildcard $(abspath ../shared/data))
ifneq ($(MIRROR),)
export LAYERSCOPE_MIRROR ?= $(MIRROR)
endif

.PHONY: run quick test lab lessons notebooks lint bench figure clean

run: .venv/run
	$(BIN)/layerscope run

quick: .venv/run
	$(BIN)/layerscope run --quick

test: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lab: .venv/dev
	$(BIN)/jupyter lab notebooks/student

lessons: .venv/dev
	$(BIN)/python tools/nb.py run
	$(BIN)/python tools/nb.py build

notebooks: .venv/dev
	$(BIN)/python tools/nb.py build

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/run.py

figure: .venv/dev
	$(BIN)/python tools/figure.py $(RUN)

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found. Install it, or name it: make run PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No virtual environment could be made. On Debian and Ubuntu: apt install python3-venv"; exit 1; }

.venv/run: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ .venv/run

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
